import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import LocalOutlierFactor

from skpoison.attacks import GradientInsertion
from skpoison.defences import (
    InfluenceFilteredClassifier,
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
    SEVERClassifier,
    SpectralFilteredClassifier,
    TrimmedClassifier,
)
from skpoison.feasible_sets import AcceptedBy, Box, Integers, make_intersection
from skpoison.optimizers import ProjectedAscent

X, codes = make_blobs([40, 30, 20], 3, centers=None, cluster_std=2.0, random_state=0)
y = np.array(["a", "b", "c"])[codes]
FAR = X + 6 * np.random.RandomState(0).normal(size=X.shape)
LR = LogisticRegression(max_iter=1000)
FILTERS = [
    OutlierFilteredClassifier(LR, detector="distance", n_neighbors=1),
    OutlierFilteredClassifier(LR, quantile=0.8),
    OutlierFilteredClassifier(LR, n_neighbors=2, max_reference=15, random_state=0),
    OutlierFilteredClassifier(LR, detector=LocalOutlierFactor(5, novelty=True)),
    OutlierFilteredClassifier(
        LR, detector=IsolationForest(n_estimators=3, random_state=0), quantile=0.5
    ),
]
each_filter = pytest.mark.parametrize(
    "defence", FILTERS, ids=lambda each: repr(each)[26:]
)


def verdicts(defence, rows, labels):
    """Ask the filter itself: fit it to the trusted rows and one row more, in turn."""
    kept = []
    for row, label in zip(rows, labels, strict=True):
        trusted = np.append(np.ones(X.shape[0], dtype=bool), False)
        fitted = clone(defence).fit(
            np.vstack([X, row]), np.append(y, label), trusted=trusted
        )
        kept.append(fitted.inlier_mask_[-1])
    return np.array(kept)


# One that draws a sample of its reference rows draws another one for each fit.
@pytest.mark.parametrize(
    "defence", [each for each in FILTERS if each.max_reference > 90], ids=range(4)
)
def test_it_contains_what_the_filter_keeps(defence):
    accepted = AcceptedBy(defence).fit(X, y)
    rows = np.concatenate([FAR[::9], X[::9]])
    labels = np.concatenate([y[::9], y[::9]])
    inside = accepted.contains(rows, y=labels)
    np.testing.assert_array_equal(inside, verdicts(defence, rows, labels))
    assert 3 < inside.sum() < inside.size


@each_filter
def test_projected_rows_are_kept(defence):
    accepted = AcceptedBy(defence).fit(X, y)
    inside = accepted.contains(FAR, y=y)
    rows = accepted.project(FAR, y=y)
    assert accepted.contains(rows, y=y).all()
    np.testing.assert_array_equal(rows[inside], FAR[inside])
    assert (rows[~inside] != FAR[~inside]).any(axis=1).all()
    # They are at the border: a step back is outside.
    back = rows + 1e-6 * (FAR - rows)
    assert not accepted.contains(back[~inside], y=y[~inside]).any()


def test_with_one_neighbour_rows_are_the_nearest():
    """The set is a union of balls around the trusted rows of the class."""
    accepted = AcceptedBy(FILTERS[0]).fit(X, y)
    rows = accepted.project(FAR, y=y)
    for x, row, label in zip(FAR, rows, y, strict=True):
        k = "abc".index(label)
        radius = accepted.defence_.threshold_[k]
        distances = np.linalg.norm(X[y == label] - x, axis=1)
        expected = max(distances.min() - radius, 0)
        assert np.linalg.norm(row - x) == pytest.approx(expected, abs=1e-8)


def test_with_one_neighbour_projection_solves_a_quadratic_programme():
    """The nearest of the solutions for each ball, and projected rows stay."""
    accepted = AcceptedBy(FILTERS[0]).fit(X, y)
    rows = accepted.project(FAR[:4], y=y[:4])
    np.testing.assert_allclose(accepted.project(rows, y=y[:4]), rows, atol=1e-8)
    for x, row, label in zip(FAR, rows, y, strict=False):
        radius = accepted.defence_.threshold_["abc".index(label)]
        centres = X[y == label]
        if accepted.contains(x[np.newaxis], y=[label])[0]:
            np.testing.assert_array_equal(row, x)
            continue
        # The farther balls hold nothing nearer.
        nearest = np.argsort(np.linalg.norm(centres - x, axis=1))[:3]
        solved = [
            minimize(
                lambda z: ((z - x) ** 2).sum(),  # noqa: B023
                centre + 0.5 * radius * (x - centre) / np.linalg.norm(x - centre),
                jac=lambda z: 2 * (z - x),  # noqa: B023
                method="SLSQP",
                options={"ftol": 1e-13, "maxiter": 500},
                constraints={
                    "type": "ineq",
                    "fun": lambda z, c=centre: radius**2 - ((z - c) ** 2).sum(),  # noqa: B023
                    "jac": lambda z, c=centre: -2 * (z - c),
                },
            )
            for centre in centres[nearest]
        ]
        best = min(each.fun for each in solved if each.success)
        assert ((row - x) ** 2).sum() == pytest.approx(best, abs=1e-7, rel=1e-8)


def test_nearest_row_by_the_loss_of_a_prediction():
    """The set of each label is convex, and a programme finds nothing nearer."""
    defence = OutlierFilteredClassifier(LR, detector="prediction")
    accepted = AcceptedBy(defence).fit(X, y)
    far, labels = FAR[::6], np.roll(y, 30)[::6]
    rows = accepted.project(far, y=labels)
    inside = accepted.contains(far, y=labels)
    assert 0 < inside.sum() < 10
    np.testing.assert_array_equal(rows[inside], far[inside])
    assert_array_equal(accepted.project(rows, y=labels), rows)
    score = accepted.defence_._new_row_scorer(X, codes)
    for i in np.flatnonzero(~inside):
        code = np.array(["abc".index(labels[i])])
        limit = accepted.defence_.threshold_[code]

        def slack(z, code=code, limit=limit):
            return limit - score(z[np.newaxis], code)

        def slope(z, code=code):
            return -score.with_gradients(z[np.newaxis], code)[1][0]

        found = minimize(
            lambda z: ((z - far[i]) ** 2).sum(),  # noqa: B023
            X[codes == code][0],
            jac=lambda z: 2 * (z - far[i]),  # noqa: B023
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
            constraints={"type": "ineq", "fun": slack, "jac": slope},
        )
        assert found.success
        distance = np.linalg.norm(rows[i] - far[i])
        assert distance == pytest.approx(np.sqrt(found.fun), abs=1e-8)


OTHERS = [
    KNNSanitizedClassifier(LR),
    KNNShapleyFilteredClassifier(LR),
    pytest.param(InfluenceFilteredClassifier(LR), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("defence", OTHERS, ids=lambda each: type(each).__name__)
def test_filters_that_judge_rows_beside_all_others(defence):
    """Each row is added alone, and moved towards its start, or a training row."""
    accepted = AcceptedBy(defence).fit(X, y)
    far, labels = FAR[::30], np.roll(y, 30)[::30]
    inside = accepted.contains(far, y=labels)
    assert_array_equal(inside, verdicts(defence, far, labels))
    assert not inside.all()
    rows = accepted.project(far, y=labels)
    assert accepted.contains(rows, y=labels).all()
    assert_array_equal(accepted.project(rows, y=labels), rows)
    assert_array_equal(rows[inside], far[inside])
    start = np.array([X[y == label][0] for label in labels])
    kept = accepted.contains(start, y=labels)
    rows = accepted.project(far, start=start, y=labels)
    way, straight = (rows - start)[kept], (far - start)[kept]
    along = (way * straight).sum(axis=1) / (straight**2).sum(axis=1)
    np.testing.assert_allclose(way, along[:, np.newaxis] * straight, atol=1e-12)


SHARES = [
    SEVERClassifier(LR, n_rounds=1),
    SpectralFilteredClassifier(LR, contamination=0.2),
    TrimmedClassifier(LR, contamination=0.2, n_starts=1),
]


@pytest.mark.parametrize("defence", SHARES, ids=lambda each: type(each).__name__)
def test_filters_that_leave_out_a_share(defence):
    """No row is trusted, or a row added alone would never be left out."""
    defence = clone(defence).set_params(random_state=0)
    few, labels = X[:70:4], y[:70:4]
    accepted = AcceptedBy(defence).fit(few, labels)
    rows = np.concatenate([FAR[1:70:14], X[1:70:14]])
    claims = np.concatenate([np.roll(y[:70], 30)[1:70:14], y[1:70:14]])
    inside = accepted.contains(rows, y=claims)
    expected = [
        clone(defence).fit(np.vstack([few, x]), np.append(labels, c)).inlier_mask_[-1]
        for x, c in zip(rows, claims, strict=True)
    ]
    assert_array_equal(inside, expected)
    assert inside[5:].any()
    assert not inside[:5].all()
    moved = accepted.project(rows[:1], y=claims[:1])
    assert accepted.contains(moved, y=claims[:1]).all()


def test_rows_are_judged_by_themselves():
    accepted = AcceptedBy(FILTERS[1]).fit(X, y)
    crowd = np.repeat(FAR[:1] + 50, 90, axis=0)
    assert not accepted.contains(crowd, y=y).any()


def test_sparse_training_rows():
    thin = np.where(np.abs(X) < 4, 0, X)
    dense, thin = (
        AcceptedBy(FILTERS[1]).fit(thin, y),
        AcceptedBy(FILTERS[1]).fit(sparse.csr_array(thin), y),
    )
    # Sparse rows are not centred, and the solver stops elsewhere.
    np.testing.assert_allclose(
        dense.project(FAR[::3], y=y[::3]),
        thin.project(FAR[::3], y=y[::3]),
        rtol=1e-5,
        atol=1e-5,
    )


def test_within_an_intersection():
    counts = np.rint(X)
    meet = make_intersection(AcceptedBy(FILTERS[1]), Box()).fit(X, y)
    assert meet.kind == "neither"
    rows = meet.project(FAR[::9], y=y[::9])
    assert meet.contains(rows, y=y[::9]).all()
    whole = make_intersection(AcceptedBy(FILTERS[1]), Box(), Integers()).fit(counts, y)
    inside = np.flatnonzero(whole.contains(counts, y=y))[::9]
    start, labels = counts[inside], y[inside]
    rng = np.random.RandomState(1)
    rows = whole.project(start + rng.normal(size=start.shape), start=start, y=labels)
    assert whole.contains(rows, y=labels).all()


def test_what_is_no_such_filter():
    for defence in (LR, OutlierFilteredClassifier):
        with pytest.raises(ValueError, match="a filter that scores rows, such as"):
            AcceptedBy(defence).fit(X, y)
    with pytest.raises(ValueError, match="`defence` must be a classifier"):
        AcceptedBy(OutlierFilteredRegressor(Ridge())).fit(X, y)
    accepted = AcceptedBy(FILTERS[0]).fit(X, y)
    with pytest.raises(ValueError, match=r"labels of the training rows.* got .*'d'"):
        accepted.contains(X[:1], y=["d"])


def test_attack_that_knows_the_filter_evades_it():
    rng = np.random.RandomState(0)
    clean, labels = make_blobs([30, 30], 4, cluster_std=2.5, random_state=3)
    defence = OutlierFilteredClassifier(LR, n_neighbors=2)
    found = {}
    for name, feasible_set in (
        ("naive", Box()),
        ("adaptive", make_intersection(Box(), AcceptedBy(defence))),
    ):
        attack = GradientInsertion(
            LR,
            8,
            feasible_set=feasible_set,
            optimizer=ProjectedAscent(max_iter=8),
            random_state=rng.randint(9),
        )
        X_out, y_out = attack.fit_resample(clean, labels)
        trusted = np.arange(68) < 60
        fitted = clone(defence).fit(X_out, y_out, trusted=trusted)
        found[name] = (~fitted.inlier_mask_[60:]).sum()
        assert attack.goal_path_.max() >= attack.goal_path_[0]
    assert found["naive"] >= 4
    assert found["adaptive"] == 0
