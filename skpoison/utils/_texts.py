"""Values in the texts of errors, shortened."""

import reprlib

import numpy as np


class ShortRepr(reprlib.Repr):
    """The `repr` of a value, cut if it is long; the shape of an array instead."""

    def __init__(self):
        super().__init__()
        self.maxstring, self.maxother = 100, 300
        self.maxtuple = self.maxlist = self.maxarray = self.maxdict = 6
        self.maxset = self.maxfrozenset = self.maxdeque = 6

    def repr_ndarray(self, value, level):
        """Return a short array as it is, and the shape of a long one."""
        if value.size <= self.maxarray and value.ndim <= 1:
            return repr(value)
        return f"an array of shape {value.shape}"


def shown(value):
    """Return a value as an error shows it.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    text : str
        Its `repr`, of a few entries alone if it has many.
    """
    return ShortRepr().repr(value)


def listed(values, largest=8):
    """Return the labels or names in an array as an error lists them.

    Parameters
    ----------
    values : array-like of shape (n_values,)
        The labels or names.
    largest : int, default=8
        How many are listed at most.

    Returns
    -------
    text : str
    """
    values = np.asarray(values).tolist()
    if len(values) <= largest:
        return repr(values)
    first = ", ".join(map(repr, values[: largest - 1]))
    return f"[{first}, ... {len(values)} in all]"
