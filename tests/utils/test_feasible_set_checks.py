"""Feasible sets pass the checks, and each check fails on a set that breaks it."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skpoison.defences import OutlierFilteredClassifier
from skpoison.feasible_sets import (
    AcceptedBy,
    BaseFeasibleSet,
    Box,
    ClassBall,
    ClassSlab,
    Frozen,
    Integers,
    L1Ball,
    L2Ball,
    LinfBall,
    LossBound,
    OneHot,
    Slab,
    Sparse,
    SphereSlab,
    make_intersection,
)
from skpoison.utils._feasible_set_checks import SET_CHECKS, make_rows
from skpoison.utils.estimator_checks import check_estimator, parametrize_with_checks

# Predictions by sparse rows differ from those by dense ones within the tolerance of
# their solver; distances do not.
BY_DISTANCE = OutlierFilteredClassifier(LogisticRegression(), detector="distance")


class ClassSphere(BaseFeasibleSet):
    kind = "convex"
    requires_labels = True

    def __init__(self, radius=1.0):
        self.radius = radius

    def _fit(self, X, y):
        self.means_ = {label: X[y == label].mean(axis=0) for label in np.unique(y)}

    def _project(self, X, start, y):
        means = np.array([self.means_[label] for label in y]).reshape(X.shape)
        return L2Ball(self.radius)._project(X, means, None)


class Ring(BaseFeasibleSet):
    """Rows at a distance between 1 and 2 from the origin."""

    def _project(self, X, start, y):
        norms = np.linalg.norm(X, axis=1, keepdims=True)
        return X * np.clip(norms, 1, 2) / norms


@parametrize_with_checks(
    [
        Box(),
        Frozen([0, 3]),
        L1Ball(0.9),
        L2Ball(0.7),
        LinfBall(0.3),
        Slab([1, 2, -1, 0, 3, 1]),
        ClassBall(0.5),
        ClassSlab(0.5),
        SphereSlab(0.5),
        LossBound(),
        AcceptedBy(BY_DISTANCE),
        make_intersection(Box(), AcceptedBy(BY_DISTANCE)),
        Integers(),
        Sparse(0.3),
        OneHot([[0, 1]]),
        OneHot([[0, 1]]).fit(np.zeros((1, 6))).relax(),
        ClassSphere(),
        Ring(),
        make_intersection(Box(), Frozen([2]), L2Ball(0.5), LinfBall(0.4)),
        make_intersection(Box(), Slab([1] * 6, -2, 30), L2Ball(0.9)),
        make_intersection(Integers(), OneHot([[0, 1]]), Box(), L2Ball(1.5)),
        make_intersection(Integers([2, 3]), OneHot([[0, 1]]), Box(), Sparse(3)),
        make_intersection(Integers([2, 3]), Sparse(6), Box(), L2Ball(1.5)),
        make_intersection(Box(), LossBound(), L2Ball(2.0)),
        make_intersection(Box(), Integers([2, 3]), OneHot([[0, 1]]), SphereSlab(1.0)),
        make_intersection(Box(), ClassSphere(5.0)),
        make_intersection(Box(), ClassSphere(5.0), Integers(), LinfBall(9.0)),
        make_intersection(Box(-3, 3), Ring()),
    ]
)
def test_feasible_sets_pass(estimator, check):
    check(estimator)


class ReturnsNothing(Box):
    def fit(self, X, y=None):
        super().fit(X, y)


class KeepsBounds(Box):
    def _fit(self, X, y):
        self.lower = -1.0
        super()._fit(X, y)


class LearnsLabelsInSilence(ClassSphere):
    def fit(self, X, y=None):
        return super().fit(X, np.zeros(len(X)) if y is None else y)


class LabelsInSilence(ClassSphere):
    requires_labels = False

    def _fit(self, X, y):
        self.mean_ = X.mean(axis=0)

    def project(self, X, *, start=None, y=None):
        rows = super().project(X, start=start)
        return rows if y is None else np.where(y == "a", 0, rows.T).T

    def _project(self, X, start, y):
        return np.clip(X, -1, 1)


class StartAtZero(L2Ball):
    def project(self, X, *, start=None, y=None):
        return super().project(X, start=np.zeros(X.shape) if start is None else start)


class Writes(Box):
    def _project(self, X, start, y):
        X[:] = np.clip(X, self.lower_, self.upper_)
        return X


class HandsOutItsInput(Box):
    def _project(self, X, start, y):
        rows = super()._project(X, start, y)
        return X if (rows == X).all() else rows


class ProjectsBeside(Box):
    def _project(self, X, start, y):
        return super()._project(X, start, y) + 1e-6


class Creeps(Box):
    """Goes only half of the way at a time."""

    def _project(self, X, start, y):
        return (X + super()._project(X, start, y)) / 2

    def _contains(self, X, start, y):
        return np.ones(X.shape[0], dtype=bool)


class LooksAtOthers(Box):
    def _project(self, X, start, y):
        return super()._project(X + X.mean(axis=0), start, y)


class RingSaidToBeConvex(Ring):
    kind = "convex"


class NotTheNearest(Box):
    """Whatever leaves the box goes back to its centre."""

    def _project(self, X, start, y):
        inside = ((self.lower_ <= X) & (self.upper_ >= X)).all(axis=1, keepdims=True)
        return np.where(inside, X, (self.lower_ + self.upper_) / 2)


class RelaxesToItself(Integers):
    def _relax(self):
        return self


class RelaxesTooMuch(Box):
    def _relax(self):
        return Box(-99, 99).fit(np.zeros((1, 6)))


class RelaxesTooLittle(Integers):
    def _relax(self):
        return Box(0, 1).fit(np.zeros((1, 6)))


class MaximisesOutside(Box):
    def _maximise(self, direction, start, y):
        return super()._maximise(direction, start, y) + 1


class Minimises(Box):
    def _maximise(self, direction, start, y):
        return super()._maximise(-direction, start, y)


class CountsEntries(Box):
    def fit(self, X, y=None):
        if sparse.issparse(X):
            X = sparse.csr_array((np.ones(X.nnz), X.indices, X.indptr), X.shape)
        return super().fit(X, y)


class DenseOnly(Box):
    def _fit(self, X, y):
        super()._fit(np.sort(X, axis=0), y)


class GrowsWithEachFit(Box):
    def _fit(self, X, y):
        super()._fit(X, y)
        self._upper = np.maximum(self.upper_, 1 + getattr(self, "_upper", -np.inf))
        self.upper_ = self._upper


class CannotBePickled(Box):
    def _fit(self, X, y):
        super()._fit(X, y)
        self.extremes_ = lambda: (self.lower_, self.upper_)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (ReturnsNothing(), "fit"),
        (KeepsBounds(), "fit"),
        (LearnsLabelsInSilence(), "fit"),
        (LabelsInSilence(), "requirements"),
        (StartAtZero(1.0), "requirements"),
        (Writes(), "inputs"),
        (HandsOutItsInput(), "inputs"),
        (ProjectsBeside(), "projection"),
        (Creeps(), "projection"),
        (LooksAtOthers(), "rows_are_independent"),
        (RingSaidToBeConvex(), "kind"),
        (NotTheNearest(), "kind"),
        (RelaxesToItself(), "relaxation"),
        (RelaxesTooMuch(), "relaxation"),
        (RelaxesTooLittle(), "relaxation"),
        (MaximisesOutside(), "linear_oracle"),
        (Minimises(), "linear_oracle"),
        (CountsEntries(), "sparse_rows"),
        (DenseOnly(), "sparse_rows"),
        (GrowsWithEachFit(), "called_again"),
        (CannotBePickled(), "pickling"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_broken_sets_fail(broken, check):
    (check,) = [c for c in SET_CHECKS if c.__name__ == f"check_set_{check}"]
    with pytest.raises((AssertionError, ValueError, AttributeError, TypeError)):
        check(type(broken).__name__, broken)


def test_every_check_fails_on_some_set():
    marks = test_broken_sets_fail.pytestmark
    checked = {check for _, check in marks[0].args[1]}
    assert {f"check_set_{check}" for check in checked} == {
        check.__name__ for check in SET_CHECKS
    }


def test_broken_set_fails_by_one_call():
    with pytest.raises(AssertionError, match=r"Minimises\.maximise .* exceed"):
        check_estimator(Minimises())


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="estimator must be an instance of an attack"):
        check_estimator(3)


def test_rows_of_the_checks_are_not_all_in_the_same_place():
    start, X, y = make_rows()
    assert (start != X).all()
    assert set(y) == {"a", "b"}
