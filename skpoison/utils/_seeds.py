"""Seeds of estimators within attacks and defences that have a seed themselves."""

from copy import copy, deepcopy

import numpy as np
from sklearn.base import clone


def set_missing_seeds(estimator, random_state):
    """Return a clone of an estimator in which every missing seed is set.

    Estimators within it and splitters among its parameters are seeded, too.

    The seeds are drawn from a copy of the random state. So an attack with a surrogate
    that has a `random_state`, but does not use it, draws the same rows as with a
    surrogate that has none.

    Parameters
    ----------
    estimator : estimator
        A Pipeline or another estimator with estimators in it, perhaps.
    random_state : RandomState
        The random state of the attack or defence. It is not changed.

    Returns
    -------
    estimator : estimator
        The same object if no seed is missing.
    """
    params = estimator.get_params(deep=True)
    unseeded = sorted(
        name
        for name, value in params.items()
        if (value is None and name.split("__")[-1] == "random_state")
        or _is_unseeded_splitter(value)
    )
    if not unseeded:
        return estimator
    stream = deepcopy(random_state)
    seeds = {}
    for name in unseeded:
        seeds[name] = stream.randint(np.iinfo(np.int32).max)
        if params[name] is not None:
            splitter = copy(params[name])
            splitter.random_state = seeds[name]
            seeds[name] = splitter
    return clone(estimator).set_params(**seeds)


def _is_unseeded_splitter(value):
    return hasattr(value, "split") and getattr(value, "random_state", 0) is None
