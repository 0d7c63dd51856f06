"""The starts of attacks on rows."""

from itertools import islice

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks._base import Known
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.rows._initial_rows import rows_to_insert, rows_to_modify
from skpoison.attacks.rows._starts import Portfolio, linear_slopes
from skpoison.feasible_sets import Box, Integers, L2Ball, make_intersection
from skpoison.goals import ErrorGeneric
from skpoison.optimizers._coordinates import make_coordinates

X, y = make_classification(
    60, 6, n_informative=4, n_redundant=0, n_classes=3, random_state=0
)
binary = (y > 0).astype(int)
responses = X @ np.array([3.0, -2, 1, 0.5, 0, 0]) + 1


def make_problem(surrogate, y, classes):
    return BilevelProblem(
        surrogate, ErrorGeneric(), X, y, classes=classes, X_val=X, y_val=y
    )


def make_portfolio(
    y,
    slopes,
    *,
    feasible_set=None,
    draw=rows_to_insert,
    given=None,
    label_map=None,
    response_range=None,
    n_poison=8,
):
    classes = None if y.dtype == float else np.unique(y)
    known = Known(X, y, y, np.zeros(60, dtype=bool), 60, classes, None)
    feasible_set = (feasible_set or Box()).fit(X)
    coordinates = make_coordinates(feasible_set, X, y, response_range, classes)
    random_state = np.random.RandomState(0)
    initial = draw(known, n_poison, label_map, given, random_state)
    return Portfolio(
        initial, known, coordinates, slopes, given, label_map, random_state
    )


def test_slopes_are_the_coefficients():
    for target, classes in ((binary, np.arange(2)), (y, np.arange(3))):
        victim = make_pipeline(StandardScaler(), RidgeClassifier())
        slopes = linear_slopes(make_problem(victim, target, classes))
        victim.fit(X, target)
        coef = np.atleast_2d(victim[1].coef_) / victim[0].scale_
        expected = coef if len(classes) == 3 else np.concatenate([-coef, coef])
        assert_allclose(slopes, expected.T, rtol=1e-8)
    slopes = linear_slopes(make_problem(Ridge(), responses, None))
    assert_allclose(slopes[:, 0], Ridge().fit(X, responses).coef_, rtol=1e-8)


def test_a_kernel_has_a_linear_proxy():
    slopes = linear_slopes(make_problem(SVC(), y, np.arange(3)))
    proxy = Ridge().fit(X, y[:, np.newaxis] == np.arange(3))
    assert_allclose(slopes, proxy.coef_.T, rtol=1e-8)


def test_corners_by_hand():
    """All features, or the one in which a row gets furthest, fully or by 0.3."""
    slopes = np.array([[1.0, -1], [-2, 2], [0.1, -0.1], [0, 0], [0, 0], [0.2, -0.2]])
    low, high = X.min(axis=0), X.max(axis=0)
    portfolio = make_portfolio(binary, slopes)
    starts = list(islice(portfolio, 1 + 2 * 2 * 3))
    assert starts[0].rows is starts[0].initial.rows is portfolio.initial.rows
    seen = set()
    for start in starts[1:]:
        clones, rows = start.initial.rows, start.rows
        assert_array_equal(rows.y, clones.y)
        assert_array_equal(X[start.initial.origins], clones.X)
        assert_array_equal(binary[start.initial.origins], 1 - clones.y)
        # A row with the label 1 is pushed to where the scores of 0 are highest.
        ascent = np.where(clones.y[:, np.newaxis] == 1, 1, -1) * (
            slopes[:, 0] - slopes[:, 1]
        )
        corners = np.where(ascent > 0, high, low)
        best = np.argsort(-np.abs(slopes[:, 0]) * (high - low))
        matches = []
        for n_pushed in (6, 1):
            pushed = np.isin(np.arange(6), best[:n_pushed]) & (ascent != 0)
            for share in (1.0, 0.3):
                step = np.where(pushed, share * (corners - clones.X), 0)
                if np.allclose(rows.X, clones.X + step):
                    matches.append((n_pushed, share))
        assert len(matches) == 1
        seen.add((*matches[0], rows.y.mean()))
    # 6 // 4 is 1, and 10 more than 6; all labels as they are, all 0, all 1.
    assert len(seen) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("given", "label_map", "pairs"),
    [
        (None, None, {(a, b) for a in range(3) for b in range(3) if a != b}),
        (y, None, {(0, 0), (1, 1), (2, 2)}),
        (None, {0: 2, 2: 0}, {(0, 2), (2, 0)}),
        (y, {0: 2}, {(2, 2)}),
    ],
    ids=["flip", "keep", "classes", "keep the class wanted"],
)
@pytest.mark.parametrize("draw", [rows_to_insert, rows_to_modify])
def test_labels(draw, given, label_map, pairs):
    slopes = np.random.RandomState(1).normal(size=(6, 3))
    portfolio = make_portfolio(y, slopes, draw=draw, given=given, label_map=label_map)
    seen = set()
    for start in islice(portfolio, 60):
        seen |= set(zip(y[start.initial.origins], start.rows.y, strict=True))
        if draw is rows_to_modify:
            assert_array_equal(start.initial.origins, portfolio.initial.replaced)
    assert seen <= pairs
    assert seen == pairs or draw is rows_to_modify


@pytest.mark.parametrize(
    "feasible_set",
    [
        Box(),
        Box(-np.inf, np.inf),
        L2Ball(0.5),
        make_intersection(Box(), L2Ball(0.5)),
        make_intersection(Box(), Integers()),
    ],
    ids=str,
)
def test_pushed_rows_are_feasible(feasible_set):
    slopes = np.random.RandomState(1).normal(size=(6, 3))
    portfolio = make_portfolio(y, slopes, feasible_set=feasible_set)
    are_pushed = []
    for start in islice(portfolio, 80):
        among = portfolio.coordinates.ascent_set
        first, rows = start.initial.rows, start.rows
        are_pushed.append((rows.X != first.X).any())
        if start.rows is not first:
            assert among.contains(rows.X, start=first.X, y=rows.y).all()
    n_pushed = 2 * 2 * 4
    assert not are_pushed[0]
    assert all(are_pushed[1 : 1 + n_pushed])
    # Of those drawn at random some are clones as they are, unless they are rounded.
    assert any(are_pushed[1 + n_pushed :])
    if feasible_set.kind == "convex":
        assert not all(are_pushed[1 + n_pushed :])


def test_pairs_of_classes_take_turns():
    """Clones of any label, of one label, and of one class with one label, twice."""
    slopes = np.random.RandomState(1).normal(size=(6, 3))
    seen = set()
    for i, start in enumerate(islice(make_portfolio(y, slopes), 1, 1 + 2 * 2 * 4)):
        sources, labels = np.unique(y[start.initial.origins]), np.unique(start.rows.y)
        if i % 4:
            assert labels.size == 1
        if i % 4 > 1:
            seen.add((sources.item(), labels.item()))
    assert seen == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_responses_at_the_ends():
    """High ones with rows of low predictions, and the reverse."""
    slopes = np.array([[3.0], [-2], [1], [0.5], [0], [0]])
    portfolio = make_portfolio(
        responses, slopes, given=responses, response_range=(-2.0, 3.0)
    )
    kinds = set()
    for start in islice(portfolio, 1, 1 + 3):
        high = start.rows.y == 3.0
        assert_array_equal(high, start.initial.rows.y > np.median(responses))
        assert (start.rows.y[~high] == -2.0).all()
        corners = np.where(high[:, np.newaxis], -slopes[:, 0], slopes[:, 0])
        pushed = np.flatnonzero(slopes[:, 0])
        ends = np.where(corners > 0, X.max(axis=0), X.min(axis=0))
        assert_allclose(start.rows.X[:, pushed], ends[:, pushed])
        kinds.add(high.mean())
    assert {0.0, 1.0} < kinds


def test_responses_that_stay():
    slopes = np.array([[3.0], [-2], [1], [0.5], [0], [0]])
    portfolio = make_portfolio(responses, slopes, given=responses)
    for start in islice(portfolio, 30):
        assert_array_equal(start.rows.y, responses[start.initial.origins])
