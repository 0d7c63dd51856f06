import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterGrid

from skpoison.feasible_sets import (
    BaseFeasibleSet,
    Box,
    Frozen,
    Integers,
    Intersection,
    L2Ball,
    LinfBall,
    OneHot,
    make_intersection,
)
from skpoison.feasible_sets._base import WholeSpace

# The solver of older versions of scipy says that it keeps to its bounds.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Values in x were outside bounds:RuntimeWarning"
)

rng = np.random.RandomState(0)


class Total(BaseFeasibleSet):
    """Rows that make up no more than a total."""

    kind = "convex"

    def __init__(self, most=1.0):
        self.most = most

    def _project(self, X, start, y):
        excess = np.maximum(X.sum(axis=1, keepdims=True) - self.most, 0)
        return X - excess / X.shape[1]

    def _contains(self, X, start, y):
        return X.sum(axis=1) <= self.most + 1e-9


class Disc(BaseFeasibleSet):
    """Rows at no more than a distance from a centre."""

    kind = "convex"

    def __init__(self, centre, radius):
        self.centre = centre
        self.radius = radius

    def _project(self, X, start, y):
        way = X - self.centre
        norms = np.linalg.norm(way, axis=1, keepdims=True)
        return self.centre + way * np.minimum(1, self.radius / np.maximum(norms, 1e-99))

    def _contains(self, X, start, y):
        return np.linalg.norm(X - self.centre, axis=1) <= self.radius + 1e-9


class Near(BaseFeasibleSet):
    """Rows at no more than a distance from their start."""

    kind = "convex"

    requires_start = True

    def __init__(self, radius):
        self.radius = radius

    def _project(self, X, start, y):
        return L2Ball(self.radius)._project(X, start, y)

    def _contains(self, X, start, y):
        return L2Ball(self.radius)._contains(X, start, y)


class Even(BaseFeasibleSet):
    """Rows of even numbers."""

    kind = "discrete"

    def _project(self, X, start, y):
        return 2 * np.rint(X / 2)

    def _contains(self, X, start, y):
        return (X % 2 == 0).all(axis=1)

    def _relax(self):
        return Box(-np.inf, np.inf).fit(np.zeros((1, self.n_features_in_)))


def feasible_start(n_rows):
    """Make rows in the simplex of the first three of six features, and in a box."""
    shares = rng.dirichlet(np.ones(3), size=n_rows)
    return np.column_stack([shares, rng.uniform(-1, 1, size=(n_rows, 3))])


def nearest(x, start, *, radius=None, most=None):
    """Ask a solver for the nearest row."""
    constraints = [{"type": "eq", "fun": lambda z: z[:3].sum() - 1}]
    if radius is not None:
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda z: radius**2 - ((z - start) ** 2).sum(),
                "jac": lambda z: -2 * (z - start),
            }
        )
    if most is not None:
        constraints.append({"type": "ineq", "fun": lambda z: most - z.sum()})
    found = minimize(
        lambda z: ((z - x) ** 2).sum(),
        start,
        jac=lambda z: 2 * (z - x),
        bounds=[(0, 0.9)] * 3 + [(-1, 1)] * 3,
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-16, "maxiter": 500},
    )
    return found.x


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("own", "limits"),
    [
        ([L2Ball(0.7)], {"radius": 0.7}),
        ([L2Ball(0.7), L2Ball(0.4)], {"radius": 0.4}),
        ([Total(1.5)], {"most": 1.5}),
        ([Total(1.5), L2Ball(0.7)], {"most": 1.5, "radius": 0.7}),
    ],
    ids=repr,
)
def test_convex_sets_by_a_solver(own, limits, order):
    start = feasible_start(60)
    X = start + rng.normal(size=start.shape)
    sets = [OneHot([[0, 1, 2]]), *own, Box(-1, [0.9] * 3 + [1] * 3)][::order]
    relaxed = make_intersection(*sets).fit(X).relax()
    feasible = relaxed.contains(start, start=start)
    assert feasible.sum() > 30
    start, X = start[feasible], X[feasible]
    rows = relaxed.project(X, start=start)
    assert relaxed.contains(rows, start=start).all()
    expected = np.array(
        [nearest(x, s, **limits) for x, s in zip(X, start, strict=True)]
    )
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert (np.linalg.norm(rows - start, axis=1) > 0.3).mean() > 0.5


def test_dykstra_agrees_with_the_exact_projection():
    start = rng.uniform(-1, 1, size=(50, 4))
    X = start + rng.normal(size=start.shape)
    centre = np.zeros(4)
    by_root = make_intersection(Box(-1, 1), L2Ball(0.8)).fit(X)
    by_dykstra = make_intersection(Box(-1, 1), Disc(centre, 0.8)).fit(X)
    rows = by_dykstra.project(X)
    np.testing.assert_allclose(rows, by_root.project(X, start=0 * X), atol=1e-8)
    assert by_dykstra.contains(rows).all()
    assert (np.abs(rows) <= 1).all()


@pytest.mark.parametrize("sets", [[Near(0.5)], [L2Ball(0.6), Near(0.5)]], ids=repr)
def test_each_row_has_its_own_start(sets):
    start = rng.uniform(-5, 5, size=(50, 4))
    X = start + rng.normal(size=start.shape) * rng.uniform(0, 0.6, size=(50, 1))
    expected = make_intersection(LinfBall(0.3), L2Ball(0.5)).fit(X)
    feasible = expected.contains(X, start=start)
    assert 5 < feasible.sum() < 45
    rows = make_intersection(LinfBall(0.3), *sets).fit(X).project(X, start=start)
    np.testing.assert_allclose(rows, expected.project(X, start=start), atol=1e-8)


def test_sets_without_a_tolerance():
    class Strict(Total):
        def _contains(self, X, start, y):
            return X.sum(axis=1) <= self.most

    X = rng.normal(size=(50, 4)) + 1
    strict, total = (
        make_intersection(Box(-1, 1), s).fit(X) for s in (Strict(), Total())
    )
    rows = strict.project(X, start=np.zeros(X.shape))
    np.testing.assert_allclose(rows, total.project(X), atol=1e-6)
    assert strict.contains(rows).all()


def test_frozen_categories():
    start = np.zeros((50, 5))
    start[np.arange(50), rng.randint(3, size=50)] = 1
    X = start + rng.normal(size=start.shape)
    meet = make_intersection(OneHot([[0, 1, 2]]), Frozen([0, 1, 2]), Box(-1, 1)).fit(X)
    for each in (meet, meet.relax()):
        rows = each.project(X, start=start)
        np.testing.assert_array_equal(rows[:, :3], start[:, :3])
        np.testing.assert_array_equal(rows[:, 3:], np.clip(X[:, 3:], -1, 1))


def test_nested_intersections_are_one():
    start = np.rint(rng.normal(size=(50, 4)))
    X = start + 2 * rng.normal(size=start.shape)
    sets = Integers([0, 1]), Box(-3, 3), LinfBall(1.5), L2Ball(1.9)
    flat = make_intersection(*sets).fit(X)
    nested = make_intersection(
        make_intersection(sets[3], sets[0]), make_intersection(*sets[1:3])
    ).fit(X)
    np.testing.assert_array_equal(
        nested.project(X, start=start), flat.project(X, start=start)
    )
    np.testing.assert_array_equal(
        nested.relax().project(X, start=start), flat.relax().project(X, start=start)
    )
    np.testing.assert_array_equal(
        nested.contains(X, start=start), flat.contains(X, start=start)
    )


def test_start_is_required_if_a_set_requires_it():
    X = np.zeros((1, 2))
    inside = make_intersection(make_intersection(Box(-1, 1), L2Ball(1))).fit(X)
    with pytest.raises(ValueError, match=r"`start` must hold .* Intersection"):
        inside.project(X)
    assert make_intersection(Box(-1, 1), Integers()).fit(X).project(X).shape == (1, 2)


def test_relaxation_keeps_fitted_bounds():
    data = np.array([[0.0, 2.0], [3.0, 8.0]])
    relaxed = make_intersection(Box(), Integers()).fit(data).relax()
    np.testing.assert_array_equal(relaxed.project([[9.5, 2.5]]), [[3, 2.5]])
    assert [type(each) for each in relaxed.sets_] == [Box, WholeSpace]


@pytest.mark.parametrize("own", [Total(6.0), Disc(np.zeros(4), 4.0)], ids=repr)
def test_discrete_rows_move_back_into_custom_sets(own):
    start = np.zeros((200, 4))
    X = rng.normal(scale=3, size=start.shape) + 1
    meet = make_intersection(Integers([0, 1, 2]), own, Box(-5, 5)).fit(X)
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    alone = make_intersection(Integers([0, 1, 2]), Box(-5, 5)).fit(X).project(X)
    fine = meet.contains(alone)
    assert 20 < fine.sum() < 180
    np.testing.assert_array_equal(rows[fine], alone[fine])
    # Those that had to move back seldom reached the start.
    assert (rows[~fine] != start[~fine]).any(axis=1).mean() > 0.95
    left = np.linalg.norm(rows - X, axis=1) / np.linalg.norm(X, axis=1)
    assert (left <= 1).all()
    assert np.median(left[~fine]) < 0.7


def test_discrete_rows_without_a_start():
    meet = make_intersection(Integers(), Total(1.4)).fit(np.zeros((1, 2)))
    # The nearest in the relaxed set are (0.7, 0.7) and (1.2, 0.2).
    np.testing.assert_array_equal(meet.project([[1.5, 0.5]]), [[1, 0]])
    with pytest.raises(
        ValueError, match=r"row 1.* not in 'total'.* pass a .start. that lies"
    ):
        meet.project([[0, 0], [1, 1]])
    rows = meet.project([[0, 0], [1, 1]], start=np.zeros((2, 2)))
    assert meet.contains(rows).all()


def test_custom_discrete_sets():
    meet = make_intersection(Even(), Box(-3, 3), L2Ball(3.0)).fit(np.zeros((1, 2)))
    X, start = rng.normal(scale=4, size=(100, 2)), np.zeros((100, 2))
    rows = meet.project(X, start=start)
    assert meet.contains(rows, start=start).all()
    assert {tuple(np.sort(row)) for row in np.abs(rows)} == {(0, 0), (0, 2), (2, 2)}


def test_categories_that_overlap():
    sets = OneHot([[0, 1]]), OneHot([[1, 2]])
    meet = make_intersection(*sets).fit(np.zeros((1, 3)))
    start = np.tile([1.0, 0.0, 1.0], (50, 1))
    X = rng.normal(size=start.shape)
    rows = meet.project(X, start=start)
    assert meet.contains(rows).all()
    assert len(np.unique(rows, axis=0)) == 2
    shares = meet.relax().project(X)
    np.testing.assert_allclose(shares[:, 0], shares[:, 2], atol=1e-8)


@pytest.mark.parametrize(
    ("sets", "names"),
    [
        ([Box(2, 3), L2Ball(1.0)], "'l2ball'"),
        ([Box(2, 3), Integers(), L2Ball(1.0)], "'l2ball'"),
        ([Box(2, 3), Total(1.0)], "'total'"),
        ([Box(2, 3), Integers(), Total(1.0)], "'total'"),
        ([make_intersection(Box(2, 3), Total(1.0))], "'intersection__total'"),
    ],
    ids=repr,
)
def test_empty_intersections_raise(sets, names):
    X = np.zeros((3, 2))
    meet = make_intersection(*sets).fit(X)
    with pytest.raises(
        ValueError,
        match=f"point was found for row 0.* not in {names}.* as this one does not",
    ):
        meet.project(X, start=X)


def test_error_names_the_first_row_that_fails():
    start = np.array([[2.0, 2.0], [2.5, 2.5], [0.0, 0.0]])
    meet = make_intersection(Box(2, 3), L2Ball(1.0)).fit(start)
    with pytest.raises(ValueError, match="for row 2\\."):
        meet.project(start, start=start)


def test_slow_convergence_warns():
    # Two discs that hardly overlap: the angle between them is very flat.
    discs = [Disc(np.array([x, 0]), 1 + 1e-6) for x in (-1, 1)]
    meet = make_intersection(*discs).fit(np.zeros((1, 2)))
    with pytest.warns(
        ConvergenceWarning, match="Dykstra's algorithm did not converge for 1 rows"
    ):
        rows = meet.project([[0.0, 5.0], [0.0, 0.0]], start=np.zeros((2, 2)))
    assert meet.contains(rows).all()


def test_parameters_inside_are_reached_by_name():
    meet = Intersection([("box", Box(upper=3)), ("integers", Integers())])
    assert meet.get_params()["box__upper"] == 3
    assert set(meet.get_params(deep=False)) == {"sets"}
    assert meet.set_params(box__upper=5) is meet
    np.testing.assert_array_equal(meet.fit([[0, 1.0]]).project([[9, 9]]), [[5, 5]])
    meet.set_params(integers=Box(lower=-1, upper=4))
    np.testing.assert_array_equal(meet.fit([[0, 1.0]]).project([[9, 9]]), [[4, 4]])


def test_grid_over_a_nested_parameter():
    outer = make_intersection(make_intersection(Box(lower=0), Integers()), Frozen([1]))
    found = []
    for params in ParameterGrid({"intersection__box__upper": [1.5, 4.5, 7.5]}):
        each = clone(outer).set_params(**params).fit([[0.0, 1.0]])
        found.append(each.project([[6.2, 5.0]], start=[[0.0, 1.0]])[0].tolist())
    assert found == [[1, 1], [4, 1], [6, 1]]


def test_sets_given_are_not_fitted():
    box = Box()
    meet = Intersection([("box", box)]).fit([[0.0], [1.0]])
    assert not hasattr(box, "lower_")
    assert meet.sets_[0].upper_ == 1


def test_names_are_generated():
    names = [name for name, _ in make_intersection(Box(), Integers(), Box()).sets]
    assert names == ["box-1", "integers", "box-2"]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([], r"`sets` must have at least one \(name, set\) tuple"),
        ([("a", Box()), ("a", Box())], "Names provided are not unique"),
        ([("a__b", Box())], "must not contain __"),
        ([("sets", Box())], "conflict with constructor arguments"),
        ([("box", 3)], "`sets` must hold .* got ..box., 3.*make_intersection"),
    ],
)
def test_sets_are_checked(sets, message):
    with pytest.raises(ValueError, match=message):
        Intersection(sets).fit([[0.0]])
