"""Rows that a fitted defence accepts, within a feasible set."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skpoison.attacks._defended import Defended, TrainingSet
from skpoison.attacks._row_judge import make_judge
from skpoison.attacks.rows._accepted_region import N_HALVINGS, within
from skpoison.defences import OutlierFilteredClassifier
from skpoison.feasible_sets import Box, Integers, L2Ball, make_intersection
from skpoison.optimizers._coordinates import PoisonRows, make_coordinates

X, y = make_classification(120, 3, n_redundant=0, random_state=0)
X *= 10
CLASSES = np.array([0, 1])
GIVEN = TrainingSet(X, y, np.ones(120, dtype=bool), np.arange(120))
START = PoisonRows(X[:30], y[:30])
FAR = PoisonRows(3 * X[:30], y[:30])
ONE = OutlierFilteredClassifier(
    LogisticRegression(), detector="distance", n_neighbors=1
)


def region_of(feasible_set, defence=ONE):
    coordinates = make_coordinates(feasible_set.fit(X, y), X, y, None, CLASSES)
    judge = make_judge(Defended(defence), GIVEN, CLASSES)
    return within(coordinates, judge, GIVEN), judge


@pytest.mark.parametrize("discrete", [False, True])
def test_projected_rows_are_accepted_and_feasible(discrete):
    feasible_set = make_intersection(Box(), Integers()) if discrete else Box()
    given = np.rint(X) if discrete else X
    coordinates = make_coordinates(feasible_set.fit(given, y), given, y, None, CLASSES)
    training_set = TrainingSet(given, y, GIVEN.trusted, GIVEN.origins)
    judge = make_judge(Defended(ONE), training_set, CLASSES)
    region = within(coordinates, judge, training_set)
    assert region.kind == ("discrete" if discrete else "neither")
    assert not judge.accepts(FAR.X, FAR.y).all()
    rows = region.project(FAR, START)
    assert judge.accepts(rows.X, rows.y).all()
    assert feasible_set.contains(rows.X).all()
    assert_array_equal(rows.X[:5] % 1 == 0, np.full((5, 3), discrete))
    # Once accepted, rows stay.
    assert_array_equal(region.project(rows, START).X, rows.X)
    ahead = region.project(FAR, START, for_ascent=True)
    assert judge.accepts(ahead.X, ahead.y).all()


def test_one_neighbour_is_a_union_of_balls():
    """The way back ends at the border of the nearest ball, but for the halvings."""
    region, judge = region_of(Box(-1000, 1000))
    out = ~judge.accepts(FAR.X, FAR.y)
    rows = region.project(FAR, START)
    own = judge.accepts(X, y)
    for i in np.flatnonzero(out):
        homes = X[own & (y == FAR.y[i])]
        distances = np.linalg.norm(FAR.X[i] - homes, axis=1)
        home, radius = homes[distances.argmin()], judge.defence.threshold_[FAR.y[i]]
        nearest = home + radius / distances.min() * (FAR.X[i] - home)
        width = distances.min() / 2**N_HALVINGS
        assert_allclose(rows.X[i], nearest, atol=width)
    assert_array_equal(rows.X[~out], FAR.X[~out])


def test_rows_measured_from_their_start_go_back_to_it():
    region, judge = region_of(L2Ball(20.0))
    rows = region.project(FAR, START)
    at_start = judge.accepts(START.X, START.y)
    assert judge.accepts(rows.X[at_start], rows.y[at_start]).all()
    assert (np.linalg.norm(rows.X - START.X, axis=1) <= 20 + 1e-9).all()


def test_without_a_judge_nothing_changes():
    coordinates = make_coordinates(Box().fit(X, y), X, y, None, CLASSES)
    assert within(coordinates, None, GIVEN) is coordinates
