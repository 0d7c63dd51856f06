"""Scalers in front of a surrogate.

A surrogate may be a Pipeline of scalers before an estimator. Each of them is an affine
map of every feature which depends on the training rows, and is differentiated with
them (:mod:`skpoison.bilevel.differentiation.scaling`).
"""

from functools import singledispatch

from scipy.stats import norm
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skpoison.bilevel.differentiation.scaling import (
    ColumnScaler,
    LargestScaling,
    QuantileScaling,
    RangeScaling,
    Standardisation,
)


@singledispatch
def as_scaling_step(scaler):
    """Translate a scaler.

    Parameters
    ----------
    scaler : transformer
        The scaler; it need not be fitted.

    Returns
    -------
    step : ScalingStep

    Raises
    ------
    TypeError
        If it is of a type that cannot be differentiated here.
    """
    names = sorted(kind.__name__ for kind in SCALERS)
    raise TypeError(
        "`surrogate` must have no steps before its last one but "
        f"{', '.join(names[:-1])} or {names[-1]}, which can be differentiated; got "
        f"{scaler!r}. Put that step before the attack, in a pipeline."
    )


@as_scaling_step.register
def _(scaler: StandardScaler):
    return Standardisation(bool(scaler.with_mean), bool(scaler.with_std))


@as_scaling_step.register
def _(scaler: MinMaxScaler):
    return RangeScaling(*map(float, scaler.feature_range), bool(scaler.clip))


@as_scaling_step.register
def _(scaler: MaxAbsScaler):
    return LargestScaling()


@as_scaling_step.register
def _(scaler: RobustScaler):
    low, high = (percentage / 100 for percentage in scaler.quantile_range)
    unit = norm.ppf(high) - norm.ppf(low) if scaler.unit_variance else 1.0
    return QuantileScaling(
        bool(scaler.with_centering), bool(scaler.with_scaling), low, high, float(unit)
    )


SCALERS = [kind for kind in as_scaling_step.registry if kind is not object]


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
        as_scaling_step(step)
    # Arrays are scaled here, whatever the scalers are to put out elsewhere.
    arrays = {"transform": "default"}
    scalers = [
        clone(step).set_output(**arrays).set_params(copy=True) for step in scalers
    ]
    return scalers, estimator


def make_column_scaler(scalers, X, weights=None):
    """Make scalers that are fitted on given rows and on poison rows together.

    Parameters
    ----------
    scalers : list of transformer
        What `split_scalers` returns.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows that stay as they are.
    weights : ndarray of shape (n_samples,), default=None
        Their weights, where a poison row has 1. None: 1.

    Returns
    -------
    scaler : ColumnScaler

    Raises
    ------
    ValueError
        If one of them cannot be fitted to the rows.
    """
    if X.shape[0]:
        # They check their parameters, and whether these go with sparse rows.
        fitted = X
        for scaler in scalers:
            fitted = scaler.fit_transform(fitted)
    return ColumnScaler([as_scaling_step(scaler) for scaler in scalers], X, weights)
