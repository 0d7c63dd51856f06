"""Sets from outside the package that return what they must not are named."""

import numpy as np
import pytest

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import (
    BaseFeasibleSet,
    Box,
    Integers,
    make_intersection,
)
from skpoison.feasible_sets._checks import (
    as_numbers,
    check_columns,
    check_contained,
    check_rows,
)
from skpoison.optimizers import ProjectedAscent

X = np.random.RandomState(0).normal(size=(40, 4))
y = (X[:, 0] > 0).astype(int)


def own(**answers):
    """Make a fitted set whose inner methods answer with functions of their rows."""

    class Own(BaseFeasibleSet):
        kind = "convex"

        def _project(self, X, start, y):
            return answers.get("project", np.copy)(X)

        def _contains(self, X, start, y):
            return answers.get("contains", lambda X: np.ones(len(X), bool))(X)

        def _maximise(self, direction, start, y):
            return answers.get("maximise", np.copy)(direction)

        def _relax(self):
            return answers["relax"]() if "relax" in answers else super()._relax()

    return Own()


def lost(X):
    rows = X.copy()
    rows[1, 2] = np.nan
    return rows


WRONG_ROWS = [
    (lambda X: X[:-1], TypeError, r"array of numbers of the shape .* \(\d+, 4\)"),
    (lambda X: X.tolist(), TypeError, r"of the shape .* got \["),
    (lambda X: X.astype(str), TypeError, "array of numbers"),
    (lambda X: None, TypeError, "got None"),
    (lost, ValueError, "got nan for feature 2 of row 1"),
]


@pytest.mark.parametrize(("project", "error", "message"), WRONG_ROWS)
def test_projection(project, error, message):
    each, message = own(project=project), f"`_project` of Own must .*{message}"
    with pytest.raises(error, match=message):
        each.fit(X).project(X)
    attack = GradientInsertion(feasible_set=each, optimizer=ProjectedAscent(max_iter=2))
    with pytest.raises(error, match=message):
        attack.fit_resample(X, y)


@pytest.mark.parametrize(("project", "error", "message"), WRONG_ROWS)
@pytest.mark.parametrize("kind", ["convex", "neither"])
def test_projection_within_an_intersection(project, error, message, kind):
    each = own(project=project, contains=lambda X: np.zeros(len(X), bool))
    type(each).kind = kind
    meet = make_intersection(Box(-1, 1), each).fit(X)
    with pytest.raises(error, match=f"`_project` of Own must .*{message}"):
        meet.project(X)


def test_infinite_rows_are_no_projection():
    with pytest.raises(ValueError, match="finite; got inf for feature 0 of row 0"):
        own(project=lambda X: X + np.inf).fit(X).project(X)


@pytest.mark.parametrize(
    "contains", [lambda X: True, lambda X: np.ones(len(X)), lambda X: X > 0]
)
def test_containment(contains):
    each = own(contains=contains).fit(X)
    with pytest.raises(
        TypeError, match=r"`_contains` of Own must return .* 40 booleans"
    ):
        each.contains(X)
    meet = make_intersection(Box(), each).fit(X)
    with pytest.raises(TypeError, match="`_contains` of Own must return"):
        meet.project(X)


@pytest.mark.parametrize(("maximise", "error", "message"), WRONG_ROWS)
def test_linear_oracle(maximise, error, message):
    with pytest.raises(error, match=f"`_maximise` of Own must return .*{message}"):
        own(maximise=maximise).fit(X).maximise(X)


def test_unbounded_rows_are_an_answer_of_the_oracle():
    with pytest.raises(ValueError, match="does not bound feature 0"):
        own(maximise=lambda X: X + np.inf).fit(X).maximise(X)


@pytest.mark.parametrize("of_type", [int, bool, np.uint8, np.float32])
def test_rows_of_any_numbers_become_floats(of_type):
    bits = (X > 0).astype(float)
    each = own(
        project=lambda rows: (rows > 0).astype(of_type),
        maximise=lambda direction: (direction > 0).astype(of_type),
    ).fit(bits)
    for found in (each.project(X), each.maximise(X)):
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, bits)
    attack = GradientInsertion(budget=2, feasible_set=each, random_state=0)
    X_out, _ = attack.fit_resample(bits, y)
    assert set(X_out[40:].ravel()) <= {0.0, 1.0}


@pytest.mark.parametrize("relaxed", [None, Integers(), "convex"])
def test_relaxation(relaxed):
    each = own(relax=lambda: relaxed).fit(X)
    with pytest.raises(TypeError, match=r"`_relax` of Own must return .* of kind 'con"):
        each.relax()


def test_numbers_and_columns_that_are_right():
    np.testing.assert_array_equal(as_numbers("lower", [1, 2]), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"`lower` must be numbers; got \['a'\]"):
        as_numbers("lower", ["a"])
    np.testing.assert_array_equal(check_columns("columns", (0, 3), 4), [0, 3])
    assert check_columns("columns", [], 4).dtype == int
    check_rows(Box(), "_project", X, X)
    check_contained(Box(), y == 0, 40)


def test_long_masks_are_not_printed_whole():
    with pytest.raises(ValueError, match=r"shape \(400,\)\. Convert a mask by"):
        check_columns("columns", np.zeros(400, dtype=bool), 400)
