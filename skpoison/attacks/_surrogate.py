"""The surrogate of an attack: its default, and its seeds."""

from copy import deepcopy

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# A column is centred if its mean is more than so many standard deviations from 0.
FAR = 1000


def default_surrogate(X):
    """Return the surrogate of an attack that is given none.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The training rows.

    Returns
    -------
    surrogate : Pipeline
        LogisticRegression after a StandardScaler.
    """
    # Centring only shifts the intercept, and would make sparse data dense. But columns
    # far from 0 lose digits without it.
    far = not sparse.issparse(X) and (np.abs(X.mean(axis=0)) > FAR * X.std(axis=0))
    scaler = StandardScaler(with_mean=bool(np.any(far)))
    # Frames, as the user's configuration may ask for, cannot hold scaled sparse rows.
    scaler.set_output(transform="default")
    return make_pipeline(scaler, LogisticRegression(max_iter=1000))


def seed_surrogate(surrogate, random_state):
    """Return a clone of the surrogate in which every missing seed is set.

    The seeds are drawn from a copy of the random state. So an attack with a surrogate
    that has a `random_state`, but does not use it, draws the same rows as with a
    surrogate that has none.

    Parameters
    ----------
    surrogate : estimator
        The surrogate, a Pipeline or another estimator with estimators in it, perhaps.
    random_state : RandomState
        The random state of the attack. It is not changed.

    Returns
    -------
    surrogate : estimator
        The same object if no seed is missing.
    """
    unseeded = sorted(
        name
        for name, value in surrogate.get_params(deep=True).items()
        if value is None and name.split("__")[-1] == "random_state"
    )
    if not unseeded:
        return surrogate
    stream = deepcopy(random_state)
    seeds = {name: stream.randint(np.iinfo(np.int32).max) for name in unseeded}
    return clone(surrogate).set_params(**seeds)
