"""What do scalers do to the rows before a surrogate sees them?

A surrogate may be a Pipeline of scalers before an estimator. Each of them is an affine
map of every feature, so that gradients go through it by the chain rule.
"""

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

SCALERS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)


def split_scalers(surrogate):
    """Split a surrogate into scalers and the estimator behind them.

    Parameters
    ----------
    surrogate : estimator or Pipeline
        The surrogate.

    Returns
    -------
    scalers : list of transformer
        Clones of the scalers.
    estimator : estimator
        What stands behind them.

    Raises
    ------
    TypeError
        If a step before the last one is something else.
    """
    if not isinstance(surrogate, Pipeline):
        return [], surrogate
    *scalers, estimator = (step for _, step in surrogate.steps)
    scalers = [step for step in scalers if step not in ("passthrough", None)]
    for step in scalers:
        if not isinstance(step, SCALERS):
            names = ", ".join(kind.__name__ for kind in SCALERS)
            raise TypeError(
                f"The gradient does not go through {step!r}, a step of the surrogate. "
                f"Take one of {names}, or put the attack behind that step."
            )
    return [clone(step).set_params(copy=True) for step in scalers], estimator


def affine_map(scalers, X):
    """Fit scalers to rows, and say what they multiply features with and then add.

    Parameters
    ----------
    scalers : list of transformer
        What `split_scalers` gives.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    scale, shift : ndarray of shape (n_features,)
        Rows become ``X * scale + shift``.
    """
    scale, shift = np.ones(X.shape[1]), np.zeros(X.shape[1])
    for scaler in scalers:
        largest = MaxAbsScaler().fit(X).scale_[np.newaxis]
        X = scaler.fit_transform(X)
        # What becomes of two rows says all of an affine map of each feature. Rows as
        # large as the data lose no digits where a mean is large. A MinMaxScaler that
        # clips is affine where the training rows lie.
        if getattr(scaler, "clip", False):
            scaler.set_params(clip=False)
        zero = scaler.transform(np.zeros_like(largest))[0]
        slope = (scaler.transform(largest.copy())[0] - zero) / largest[0]
        scale, shift = scale * slope, shift * slope + zero
    return scale, shift
