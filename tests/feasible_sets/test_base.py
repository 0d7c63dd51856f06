import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.exceptions import NotFittedError

from skpoison.feasible_sets import (
    BaseFeasibleSet,
    Box,
    Frozen,
    Integers,
    Intersection,
    L1Ball,
    L2Ball,
    LinfBall,
    OneHot,
    Slab,
    make_intersection,
)

CONVEX = [
    Box(),
    Box(lower=0, upper=[1, 1, 2, 3]),
    Frozen([0, 3]),
    L1Ball(0.9),
    L2Ball(0.7),
    LinfBall(0.3),
    Slab([1, -1, 2, 0.5], -3, 4),
    make_intersection(Box(), L1Ball(0.8), Slab([1, -1, 2, 0.5], -3, 9)),
    make_intersection(Box(), Frozen([2]), L2Ball(0.5), LinfBall(0.4)),
    OneHot([[0, 1]]).fit(np.zeros((1, 4))).relax(),
]
DISCRETE = [
    Integers(),
    Integers([2]),
    OneHot([[0, 1]]),
    OneHot([[0, 1], [2, 3]]),
    make_intersection(Integers(), OneHot([[0, 1]]), Box(), L2Ball(1.5)),
]
SETS = CONVEX + DISCRETE
REQUIRES_START = [s for s in SETS if "Ball" in str(s) or "Frozen" in str(s)]


def data(rng, n_rows=60):
    """Make two one-hot columns, a count and a measurement."""
    hot = rng.randint(2, size=n_rows)
    counts, values = rng.randint(5, size=n_rows), rng.normal(size=n_rows)
    return np.column_stack([hot, 1 - hot, counts, values])


@pytest.fixture
def rows():
    rng = np.random.RandomState(0)
    start = data(rng)
    X = start + rng.normal(size=start.shape)
    for array in (start, X):
        array.flags.writeable = False
    return X, start


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_projections_lie_in_the_set_and_stay(each, rows):
    X, start = rows
    each = clone(each).fit(start)
    assert not each.contains(X, start=start).all()
    projected = each.project(X, start=start)
    assert projected.shape == X.shape
    assert projected.dtype == float
    assert each.contains(projected, start=start).all()
    np.testing.assert_allclose(
        each.project(projected, start=start), projected, rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_no_row_around_is_nearer(each, rows):
    X, start = rows
    each = clone(each).fit(start)
    if each.relax() is not each and "L2Ball" in str(each):
        return
    projected, rng = each.project(X, start=start), np.random.RandomState(1)
    distances = np.linalg.norm(projected - X, axis=1)
    for size in [1e-3, 0.1, 1] * 30:
        other = projected + rng.normal(scale=size, size=X.shape)
        other = each.project(other, start=start)
        assert (np.linalg.norm(other - X, axis=1) >= distances - 1e-10).all()


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_result_is_a_new_array(each, rows):
    _, start = rows
    inside = clone(each).fit(start).project(start, start=start)
    assert not np.shares_memory(inside, start)


@pytest.mark.parametrize(
    "make",
    [
        np.ndarray.tolist,
        sparse.csr_array,
        sparse.csc_array,
        sparse.lil_matrix,
        sparse.coo_matrix,
        sparse.dia_array,
    ],
)
@pytest.mark.parametrize("each", SETS, ids=repr)
def test_fit_gives_the_same_for_any_container(each, make, rows):
    X, start = rows
    expected = clone(each).fit(start).project(X, start=start)
    fitted = clone(each).fit(make(start))
    np.testing.assert_array_equal(fitted.project(X, start=start), expected)
    assert fitted.n_features_in_ == 4


@pytest.mark.parametrize("each", SETS, ids=repr)
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_sparse_data_are_not_written_to(each, make):
    # Twice the same entry, and not in order: a sum of duplicates would show.
    column, halves = [1, 0, 0], [0.5, 0.5, 0.5]
    X = make((halves * 2, column * 2, [0, 3, 6, 6, 6]), shape=(4, 4))
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    fitted = clone(each).fit(X)
    assert X.nnz == 6
    dense = clone(each).fit(X.toarray())
    for name in ("lower_", "columns_"):
        if hasattr(dense, name):
            np.testing.assert_array_equal(getattr(fitted, name), getattr(dense, name))


@pytest.mark.parametrize("each", [Box(), Integers(), L2Ball(1.0)], ids=repr)
def test_large_sparse_data_are_not_densified(each):
    X = sparse.csr_array(([1.5], ([3], [4])), shape=(10**6, 10**5))
    each.fit(X)
    assert each.n_features_in_ == 10**5


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_survives_cloning(each):
    copy = clone(each)
    assert copy is not each
    assert repr(copy.get_params()) == repr(each.get_params())
    with pytest.raises(NotFittedError):
        copy.project(np.zeros((1, 4)))
    with pytest.raises(NotFittedError):
        copy.contains(np.zeros((1, 4)))
    with pytest.raises(NotFittedError):
        copy.relax()


@pytest.mark.parametrize("each", CONVEX, ids=repr)
def test_convex_sets_are_their_own_relaxation(each, rows):
    fitted = clone(each).fit(rows[1])
    assert fitted.relax() is fitted


@pytest.mark.parametrize("each", DISCRETE, ids=repr)
def test_relaxations_are_convex_and_contain_the_set(each, rows):
    X, start = rows
    fitted = clone(each).fit(start)
    relaxed = fitted.relax()
    assert relaxed is not fitted
    assert relaxed.relax() is relaxed
    discrete = fitted.project(X, start=start)
    assert relaxed.contains(discrete, start=start).all()
    between = (discrete + fitted.project(start, start=start)) / 2
    assert relaxed.contains(between, start=start).all()
    assert not fitted.contains(between, start=start).all()


@pytest.mark.parametrize("each", REQUIRES_START, ids=repr)
@pytest.mark.parametrize("method", ["project", "contains"])
def test_missing_or_wrong_start_raises(each, method, rows):
    X, start = rows
    each = clone(each).fit(start)
    with pytest.raises(
        ValueError, match=r"`start` must hold the rows from which .* got None"
    ):
        getattr(each, method)(X)
    with pytest.raises(
        ValueError, match=r"`start` must have the shape of X, .* got \(3, 4\)"
    ):
        getattr(each, method)(X, start=start[:3])
    with pytest.raises(ValueError, match="start contains NaN"):
        getattr(each, method)(X, start=np.where(start > 0, np.nan, start))


def test_sets_that_require_a_start_are_known():
    assert len(REQUIRES_START) == 7


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_rows_are_checked(each, rows):
    X, start = rows
    each = clone(each).fit(start)
    for method in (each.project, each.contains):
        with pytest.raises(ValueError, match=r"X has 3 features, but .* expecting 4"):
            method(X[:, :3], start=start)
    with pytest.raises(ValueError, match="contains NaN"):
        each.project(X * np.nan, start=start)
    odd = each.project(X, start=start)
    odd[0] = np.nan
    inside = each.contains(odd, start=start)
    assert inside.tolist() == [False] + [True] * (X.shape[0] - 1)


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_no_rows_are_accepted(each, rows):
    _, start = rows
    none = clone(each).fit(start).project(np.empty((0, 4)), start=np.empty((0, 4)))
    assert none.shape == (0, 4)


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_data_are_checked(each):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        clone(each).fit([[1, 0, np.nan, 2]])


@pytest.mark.parametrize(
    ("each", "name"),
    [
        (Box(lower="a"), "lower"),
        (Integers(columns=1.5), "columns"),
        (OneHot(groups=3), "groups"),
        (Frozen(columns=None), "columns"),
        (L2Ball(radius=0), "radius"),
        (LinfBall(radius=-1.0), "radius"),
        (Intersection(sets=None), "sets"),
        (make_intersection(L2Ball(radius=0)), "radius"),
    ],
    ids=repr,
)
def test_parameters_are_checked(each, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of .* must be"):
        each.fit(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([1, 4], "`columns` must be column indices from 0 to 3, .* 4 features; got 4"),
        ([-1], "`columns` must be column indices from 0 to 3.* got -1"),
        ([True, False, True, False], r"got \[True, .* np.flatnonzero\(mask\)"),
        ([0.0, 1.0], r"`columns` must be column indices, as integers; got \[0.0"),
        ([[0, 1]], "`columns` must be column indices, as integers"),
    ],
)
@pytest.mark.parametrize("kind", [Frozen, Integers])
def test_columns_are_checked(kind, columns, message):
    with pytest.raises(ValueError, match=message):
        kind(columns).fit(np.zeros((2, 4)))


@pytest.mark.parametrize("kind", [Frozen, Integers])
def test_empty_columns_restrict_nothing(kind, rows):
    X, start = rows
    free = kind([]).fit(X).project(X, start=start)
    np.testing.assert_array_equal(free, X)


def test_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        BaseFeasibleSet()


GUIDE = Path(__file__).parents[2] / "doc" / "user_guide" / "own_feasible_set.py"


def own_sets():
    """Return the module of the user guide with sets that depend on labels."""
    spec = importlib.util.spec_from_file_location("own_feasible_set", GUIDE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def class_sphere(radius):
    return own_sets().ClassSphere(radius)


def labelled_rows():
    rng = np.random.RandomState(0)
    y = np.repeat(["b", "a", "c"], 20)
    X = rng.normal(size=(60, 4)) + 5 * np.unique(y, return_inverse=True)[1][:, None]
    return X, y


def test_own_sets_take_ten_lines():
    classes = [n for n in ast.parse(GUIDE.read_text()).body if hasattr(n, "bases")]
    assert len(classes) == 2
    for own in classes:
        documented = own.body[0].end_lineno - own.body[0].lineno + 1
        lines = GUIDE.read_text().splitlines()[own.lineno - 1 : own.end_lineno]
        assert sum(bool(line.strip()) for line in lines) - documented <= 10


def test_rows_that_a_detector_accepts():
    X, y = labelled_rows()
    detector = EllipticEnvelope(contamination=0.2, random_state=0)
    accepted = own_sets().AcceptedRows(detector)
    meet = make_intersection(Box(), accepted).fit(X, y)
    X_new, labels = X[::6], np.roll(y, 20)[::6]
    assert not meet.contains(X_new, y=labels).any()
    rows = meet.project(X_new, y=labels)
    assert meet.contains(rows, y=labels).all()
    np.testing.assert_array_equal(meet.project(rows, y=labels), rows)
    # On the boundary: further out by little they are rejected.
    accepted = accepted.fit(X, y)
    rows = accepted.project(X_new, y=labels)
    assert accepted.contains(rows, y=labels).all()
    assert not accepted.contains(rows + 1e-6 * (X_new - rows), y=labels).any()
    np.testing.assert_array_equal(accepted.project(rows, y=labels), rows)


def test_radial_projection_needs_a_centre_in_the_set():
    class Beside(Box):
        def _project(self, X, start, y):
            return self._project_radially(X, np.full(X.shape[1], 2.0))

    box = Beside(0, 1).fit(np.zeros((1, 3)))
    inside = np.full((1, 3), 0.5)
    np.testing.assert_array_equal(box.project(inside), inside)
    with pytest.raises(ValueError, match=r"`centre` must lie in the set; .* of row 1"):
        box.project([[0.5, 0.5, 0.5], [0.5, 3.0, 0.5]])


def test_labels_decide_where_rows_may_lie():
    X, y = labelled_rows()
    sphere = class_sphere(1.5).fit(X, y)
    rows = sphere.project(np.roll(X, 20, axis=0), y=y)
    for label in "abc":
        mean = X[y == label].mean(axis=0)
        np.testing.assert_allclose(
            np.linalg.norm(rows[y == label] - mean, axis=1), 1.5, rtol=1e-12
        )
    assert sphere.contains(rows, y=y).all()
    assert not sphere.contains(rows, y=np.roll(y, 20)).any()


def test_labels_inside_an_intersection():
    X, y = labelled_rows()
    meet = make_intersection(
        make_intersection(Box(), class_sphere(1.5)), Integers([0])
    ).fit(X, y)
    assert meet.requires_labels
    assert not meet.requires_start
    start = np.array([X[y == label].mean(axis=0) for label in y])
    start[:, 0] = np.rint(start[:, 0])
    rows = meet.project(X, y=y, start=start)
    assert meet.contains(rows, y=y).all()
    assert meet.kind == "discrete"
    assert (np.rint(rows[:, 0]) == rows[:, 0]).all()
    assert class_sphere(1.5 + 1e-9).fit(X, y).contains(rows, y=y).all()


@pytest.mark.parametrize(
    "make", [class_sphere, lambda r: make_intersection(class_sphere(r))]
)
def test_missing_or_wrong_labels_raise(make):
    X, y = labelled_rows()
    sphere = make(1.0)
    with pytest.raises(ValueError, match=r"`y` must hold the labels .* got None"):
        sphere.fit(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sphere.fit(X, y[:5])
    sphere.fit(X, y)
    for method in (sphere.project, sphere.contains, sphere.maximise):
        with pytest.raises(ValueError, match=r"`y` must hold the labels .* got None"):
            method(X)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            method(X, y=y[:5])


def test_labels_are_ignored_by_sets_that_do_not_depend_on_them():
    X, _ = labelled_rows()
    box = Box().fit(X, "labels of no use")
    np.testing.assert_array_equal(box.project(X, y=3), X)


def test_kind_is_checked():
    class Odd(Box):
        kind = "concave"

    with pytest.raises(
        ValueError, match=r"`kind` of .* must be one of 'convex', .*'concave'"
    ):
        Odd().fit([[1.0]])


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_kind_is_known_before_fit(each, rows):
    before = clone(each)
    kind, required = before.kind, before.requires_start
    before.fit(rows[1])
    assert (before.kind, before.requires_start) == (kind, required)
    assert kind == ("convex" if each in CONVEX else "discrete")


@pytest.mark.parametrize("each", SETS, ids=repr)
def test_inner_projection_is_that_of_project(each, rows):
    X, start = rows
    each = clone(each).fit(start)
    np.testing.assert_array_equal(
        each._project(X, start, None), each.project(X, start=start)
    )


@pytest.mark.parametrize(
    "each", [Integers(), OneHot([[0, 1]]), LinfBall(1.0), Frozen([1]), L2Ball(1.0)]
)
def test_unbounded_direction_raises_or_is_not_followed(each, rows):
    _, start = rows
    each = clone(each).fit(start)
    direction = np.zeros(start.shape)
    direction[:, 1] = -1
    if isinstance(each, Integers):
        with pytest.raises(ValueError, match=r"bound feature 1 in direction 0"):
            each.maximise(direction, start=start)
    else:
        found = each.maximise(direction, start=start)
        assert each.contains(found, start=start).all()
        inside = each.project(start, start=start)
        assert (found[:, 1] <= inside[:, 1]).all()


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000])
@pytest.mark.parametrize("ball", [L1Ball(0.5), L2Ball(0.5), LinfBall(0.5)])
def test_length_of_a_direction_does_not_matter(ball, scale, rows):
    X, start = rows
    for each in (ball, make_intersection(Box(), ball)):
        each = clone(each).fit(start)
        np.testing.assert_array_equal(
            each.maximise(scale * X, start=start), each.maximise(X, start=start)
        )


@pytest.mark.parametrize("data", [bool, np.int8, np.float32])
def test_training_rows_of_other_types(data):
    rows = np.array([[0, 1], [1, 1], [0, 0]], dtype=data)
    found = Box().fit(rows).project([[2.0, -1.0]])
    np.testing.assert_array_equal(found, [[1.0, 0.0]])


def test_training_rows_whose_squares_overflow():
    with pytest.raises(ValueError, match="X must hold numbers of at most"):
        L2Ball(1.0).fit([[1e200, 0.0]])


def test_nothing_is_left_of_an_earlier_fit():
    box = Box().fit(np.eye(2))
    box.old_ = 1
    assert not hasattr(box.fit(np.eye(2)), "old_")
