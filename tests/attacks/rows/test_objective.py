import numpy as np
import pytest
from numpy.testing import assert_allclose

from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.penalties import Displacement

RNG = np.random.RandomState(0)
START = PoisonRows(RNG.normal(size=(4, 3)), RNG.normal(size=4))
ROWS = PoisonRows(RNG.normal(size=(4, 3)), RNG.normal(size=4))


class Problem:
    """A goal that is quadratic in the rows and linear in the responses."""

    def __init__(self, factor):
        self.factor = factor

    def differentiate(self, X, y, indices, *, leave_plateaus):
        value = self.factor * ((X**2).sum() / 2 + y.sum())
        in_features = self.factor * X[indices] + 100 * (not leave_plateaus)
        return value, in_features, np.full(y[indices].shape, self.factor)

    def diagnostics(self):
        return {"hypergradient": "implicit", "residual": self.factor}


PENALTIES = [Displacement(w).fit(START.X, START.y) for w in (0.3, 0.5)]
OBJECTIVE = PoisonObjective([Problem(1.0), Problem(2.0)], PENALTIES, START)


def test_mean_of_goals_minus_penalties():
    value, in_features, in_responses = OBJECTIVE(ROWS, 0)
    charge, of_features, of_responses = (
        Displacement(0.8)
        .fit(START.X, START.y)
        .value_and_gradient(ROWS.X, ROWS.y, START.X, START.y)
    )
    assert_allclose(value, 1.5 * ((ROWS.X**2).sum() / 2 + ROWS.y.sum()) - charge)
    assert_allclose(OBJECTIVE.charge(ROWS), charge)
    assert_allclose(in_features, 1.5 * ROWS.X - of_features)
    assert_allclose(in_responses, 1.5 - of_responses)


@pytest.mark.parametrize("n_fixed", [0, 1, 2])
def test_some_rows_are_fixed(n_fixed):
    """They are charged for like the others."""
    value, in_features, in_responses = OBJECTIVE(ROWS[:3], n_fixed)
    expected, all_features, all_responses = OBJECTIVE(ROWS[:3], 0)
    assert value == expected
    assert_allclose(in_features, all_features[n_fixed:])
    assert_allclose(in_responses, all_responses[n_fixed:])


def test_plateaus_are_left_on_request():
    _, directions, _ = OBJECTIVE(ROWS, 0)
    _, gradient, _ = OBJECTIVE(ROWS, 0, leave_plateaus=False)
    assert_allclose(gradient - directions, 100)


def test_diagnostics_are_those_of_the_worst_fold():
    assert OBJECTIVE.diagnostics() == {"hypergradient": "implicit", "residual": 2.0}


def test_penalties_return_arrays_of_the_rows():
    class Flat(Displacement):
        def value_and_gradient(self, X, y, X_start, y_start):
            return 0.0, np.zeros(3), np.zeros(4)

    objective = PoisonObjective([Problem(1.0)], [Flat(1.0)], START)
    with pytest.raises(TypeError, match=r"of Flat must return .* \(4, 3\) and \(4,\)"):
        objective(ROWS, 0)
