"""Defences that need trusted rows, for checks that trust none."""

import numpy as np
from sklearn.utils.validation import _num_samples


def needs_trusted(estimator):
    """Return whether a defence cannot do without trusted rows.

    Parameters
    ----------
    estimator : estimator
        An attack or a defence.

    Returns
    -------
    needs_trusted : bool
        The class attribute `_requires_trusted`, false if there is none.
    """
    return getattr(type(estimator), "_requires_trusted", False)


def trusting(estimator):
    """Make a defence that needs trusted rows trust some if it is told of none.

    Checks of scikit-learn and imbalanced-learn, which know nothing of trusted rows,
    can then fit it.

    Parameters
    ----------
    estimator : estimator
        An attack or a defence.

    Returns
    -------
    estimator : estimator
        A defence with the same parameters and the same name, that trusts half of
        the rows. The estimator given if it needs no trusted rows.
    """
    if not needs_trusted(estimator) or hasattr(estimator, "_trusts_by_default"):
        return estimator
    return _trusting_class(type(estimator))(**estimator.get_params(deep=False))


def _trusting_class(cls):
    """Return a subclass whose `fit` trusts half of the rows by default."""

    class Trusting(cls):
        _trusts_by_default = True

        def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
            if trusted is None:
                # Odd rows and even ones, as some checks have no others.
                trusted = np.arange(_num_samples(X)) // 2 % 2 == 0
            return super().fit(
                X, y, sample_weight=sample_weight, trusted=trusted, **fit_params
            )

        def __reduce__(self):
            # A class that is made on the way cannot be found by its name.
            return _rebuild, (cls, self.__getstate__())

    Trusting.__name__, Trusting.__qualname__ = cls.__name__, cls.__qualname__
    Trusting.__doc__ = cls.__doc__
    return Trusting


def _rebuild(cls, state):
    """Return an unpickled defence."""
    made = _trusting_class(cls)
    instance = made.__new__(made)
    instance.__setstate__(state)
    return instance
