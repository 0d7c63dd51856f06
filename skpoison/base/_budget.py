"""The budget of an attack: a share of the training rows, or a number of rows."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval


class Share(Interval):
    """Constraint of a budget: a share of the training rows."""

    def __init__(self):
        super().__init__(Real, 0, 1, closed="both")

    def is_satisfied_by(self, value):
        """Return whether the value satisfies the constraint."""
        return not isinstance(value, bool) and super().is_satisfied_by(value)

    def __str__(self):
        return (
            "a share of the training rows (a float in the range [0.0, 1.0], 0.1 for "
            "10%)"
        )


class NumberOfRows(Interval):
    """Constraint of a budget: a number of rows."""

    def __init__(self):
        super().__init__(Integral, 0, None, closed="left")

    def is_satisfied_by(self, value):
        """Return whether the value satisfies the constraint."""
        return not isinstance(value, bool) and super().is_satisfied_by(value)

    def __str__(self):
        return "a number of rows (an int in the range [0, inf))"


# The constraint of the parameter `budget`.
BUDGET = [Share(), NumberOfRows()]


def n_rows_of(budget, n_samples):
    """Return the number of rows that a budget stands for.

    Parameters
    ----------
    budget : float or int
        A share of the training rows, or their number.
    n_samples : int
        Number of training rows.

    Returns
    -------
    n_rows : int
    """
    if isinstance(budget, Integral):
        return int(budget)
    return round(float(budget) * n_samples)
