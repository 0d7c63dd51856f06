"""Insertion into a stream."""

import numpy as np
import pandas as pd
import pytest
import scipy
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from sklearn.utils.fixes import parse_version

from skpoison.feasible_sets import Box, Integers, LinfBall
from skpoison.goals import TargetCoefficients
from skpoison.online import OnlineInsertion
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import GradientDescentClassifier

X, y = make_classification(300, 6, n_informative=4, class_sep=1.5, random_state=0)
X = scale(X) / 2
LEARNER = SGDClassifier("log_loss", learning_rate="constant", eta0=0.1, shuffle=False)


def learn(X, y, learner=LEARNER):
    twin = SGDClassifier(**learner.get_params())
    for i in range(len(y)):
        twin.partial_fit(X[i : i + 1], y[i : i + 1], classes=np.unique(y))
    return twin


def test_stream_comes_out_in_its_order():
    attack = OnlineInsertion(LEARNER, budget=30)
    X_out, y_out = attack.fit_resample(X, y)
    source = attack.source_indices_
    np.testing.assert_array_equal(np.flatnonzero(source < 0), np.arange(10, 330, 11))
    np.testing.assert_array_equal(source[source >= 0], np.arange(300))
    np.testing.assert_array_equal(X_out[source >= 0], X)
    np.testing.assert_array_equal(y_out[source >= 0], y)
    np.testing.assert_array_equal(attack.poison_mask_, source < 0)
    assert attack.contamination_ == 30 / 330
    assert attack.is_exact_
    assert (attack.gains_ > 0).all()


def test_each_row_is_made_for_the_learner_of_scikit_learn():
    """Before each poison row the simulated learner is scikit-learn's own."""
    attack = OnlineInsertion(LEARNER, budget=3)
    X_out, y_out = attack.fit_resample(X, y)
    last = np.flatnonzero(attack.poison_mask_)[-1]
    victim = learn(X_out[:last], y_out[:last])
    again = OnlineInsertion(FrozenEstimator(victim), budget=1, positions=[0])
    X_val, y_val = X_out[:last][~attack.poison_mask_[:last]], y
    rows = again.fit_resample(X, y, X_val=X_val[-300:], y_val=y_val)
    np.testing.assert_allclose(rows[0][0], X_out[last], atol=1e-6)
    assert rows[1][0] == y_out[last]


def test_stronger_than_random_flips_and_the_published_ascent():
    X_val, y_val = X[200:], y[200:]
    train = X[:200], y[:200]
    rises = {}
    for name, optimizer in (
        ("exact", None),
        ("ascent", ProjectedAscent(0.5, 0.9, max_iter=20)),
    ):
        attack = OnlineInsertion(LEARNER, budget=0.1, optimizer=optimizer)
        attack.fit_resample(*train, X_val=X_val, y_val=y_val)
        assert attack.is_exact_ is (name == "exact")
        rises[name] = attack.gains_.sum()
    assert rises["exact"] >= 0.99 * rises["ascent"] > 0
    out = attack.fit_resample(*train)
    clean = learn(*train).score(X_val, y_val)
    assert clean - learn(*out).score(X_val, y_val) > 0.05


def test_rows_of_the_future_are_not_read():
    """What comes later changes no poison row before it, apart from the box."""
    X_other, y_other = X.copy(), y.copy()
    X_other[150:], y_other[150:] = X[150:][::-1], y[150:][::-1]
    found = []
    for stream in ((X, y), (X_other, y_other)):
        attack = OnlineInsertion(LEARNER, budget=10, look_ahead=3, random_state=0)
        X_out, y_out = attack.fit_resample(*stream)
        mask = attack.poison_mask_
        found.append((X_out[mask], y_out[mask]))
    np.testing.assert_array_equal(found[0][0][:5], found[1][0][:5])
    np.testing.assert_array_equal(found[0][1][:5], found[1][1][:5])
    assert not np.array_equal(found[0][0][5:], found[1][0][5:])


def test_positions():
    attack = OnlineInsertion(LEARNER, budget=4, positions=[7, 300, 7, 100])
    attack.fit_resample(X, y)
    # Before the rows 7, 7 and 100, and at the end.
    np.testing.assert_array_equal(
        np.flatnonzero(attack.source_indices_ < 0), [7, 8, 102, 303]
    )
    places = [
        OnlineInsertion(LEARNER, budget=9, positions="random", random_state=seed)
        .fit(X, y)
        ._positions(300, 9, np.random.RandomState(seed))
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(places[0], places[1])
    assert not np.array_equal(places[0], places[2])


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([1, 2], "must hold 3 integers.*budget=2 for these"),
        ([0.5, 1, 2], "must hold 3 integers"),
        ([0, 1, 301], "between 0 and 300"),
        ([0, 1, 2], "at least 1 if the goal"),
    ],
)
def test_wrong_positions(positions, message):
    with pytest.raises(ValueError, match=f"`positions`.*{message}"):
        OnlineInsertion(LEARNER, 3, positions=positions).fit_resample(X, y)


def test_pull_towards_a_model():
    goal = TargetCoefficients(-5 * learn(X, y).coef_)
    attack = OnlineInsertion(LEARNER, 0.2, goal=goal)
    poisoned = learn(*attack.fit_resample(X, y)).coef_
    for_goal = np.linalg.norm(poisoned - goal.values)
    assert for_goal < 0.8 * np.linalg.norm(learn(X, y).coef_ - goal.values)


def test_specific_goal():
    attack = OnlineInsertion(LEARNER, 0.3, goal={0: 1})
    victim = learn(*attack.fit_resample(X, y))
    clean = learn(X, y)
    assert (victim.predict(X[y == 0]) == 1).mean() > 0.2 + (
        clean.predict(X[y == 0]) == 1
    ).mean()


@pytest.mark.parametrize(
    "surrogate",
    [
        SGDClassifier("log_loss", penalty="l1", alpha=0.01),
        GradientDescentClassifier(),
        MLPClassifier((3,), solver="sgd", momentum=0, random_state=0),
        MLPClassifier((3,), random_state=0),
    ],
    ids=str,
)
@pytest.mark.parametrize("labels", [y, np.digitize(X[:, 0], [-0.2, 0.2])])
def test_other_learners_by_ascent(surrogate, labels):
    attack = OnlineInsertion(surrogate, 0.05)
    X_out, _ = attack.fit_resample(X[:100], labels[:100])
    assert not attack.is_exact_
    start = OnlineInsertion(surrogate, 0.05, optimizer=ProjectedAscent(max_iter=0))
    start.fit_resample(X[:100], labels[:100])
    assert attack.gains_[0] > start.gains_[0]
    # With momentum the learner also moves on by what it has learnt before.
    if getattr(surrogate, "solver", "sgd") == "sgd":
        assert attack.gains_.mean() > 0
    assert Box().fit(X[:100]).contains(X_out).all()


def test_regression():
    r = X @ [1.0, -1.0, 0.5, 0.0, 0.2, 0.1]
    learner = SGDRegressor("huber", learning_rate="constant", eta0=0.1)
    attack = OnlineInsertion(learner, 0.1)
    X_out, r_out = attack.fit_resample(X, r)
    assert attack.is_exact_
    assert {*r_out[attack.poison_mask_]} <= {r.min(), r.max()} | {*r}
    assert attack.gains_.mean() > 0
    assert X_out.shape[0] == 330


def test_repeats_and_look_ahead_change_the_rows():
    rows = []
    for params in ({}, {"n_repeats": 3}, {"look_ahead": 5}):
        attack = OnlineInsertion(LEARNER, 5, random_state=0, **params)
        X_out, _ = attack.fit_resample(X[:100], y[:100])
        rows.append(X_out[attack.poison_mask_])
    assert not np.allclose(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2])


@pytest.mark.parametrize(
    "feasible_set", [Integers(), LinfBall(0.1), Box(-0.2, 0.4)], ids=str
)
def test_rows_lie_in_the_feasible_set(feasible_set):
    attack = OnlineInsertion(LEARNER, 5, feasible_set=feasible_set)
    X_out, _ = attack.fit_resample(X[:100], y[:100])
    rows = X_out[attack.poison_mask_]
    if feasible_set.requires_start:  # rows of the stream, and no poison
        distances = np.abs(rows[:, np.newaxis] - X[:100]).max(axis=2)
        assert (distances.min(axis=1) <= 0.1 + 1e-9).all()
        assert (distances.min(axis=1) > 0).all()
        return
    assert attack.feasible_set_.contains(rows).all()


def test_sparse_rows_teach_the_intercept_slowly():
    attack = OnlineInsertion(LEARNER, 5)
    dense, _ = attack.fit_resample(X, y)
    X_out, _ = attack.fit_resample(sparse.csr_array(X), y)
    assert X_out.format == "csr"
    # With no intercept there is no difference.
    learner = SGDClassifier(**LEARNER.get_params() | {"fit_intercept": False})
    attack = OnlineInsertion(learner, 5)
    dense, _ = attack.fit_resample(X, y)
    X_out, _ = attack.fit_resample(sparse.csr_array(X), y)
    np.testing.assert_allclose(X_out.toarray(), dense)


def test_in_a_pipeline_and_in_cross_validation():
    attack = OnlineInsertion(LEARNER, 0.2)
    poisoned = cross_val_score(make_pipeline(attack, LEARNER), X, y, cv=3)
    assert poisoned.mean() < cross_val_score(LEARNER, X, y, cv=3).mean()
    frame = pd.DataFrame(X, index=np.arange(300) + 7)
    X_out, y_out = attack.fit_resample(frame, pd.Series(y, frame.index))
    kept = attack.source_indices_ >= 0
    assert X_out.index[kept].equals(frame.index)
    assert X_out.index.is_unique
    assert X_out.index.equals(y_out.index)


def test_live_stream_is_the_stream_that_is_known():
    """With the attacker's own rows, rows that come one by one give the same poison."""
    X_val = X[200:]
    names = np.array(["ham", "spam"])[y]
    box = Box(-1, 1)
    attack = OnlineInsertion(LEARNER, budget=0.1, feasible_set=box)
    X_out, y_out = attack.fit_resample(
        X[:200], names[:200], X_val=X_val, y_val=names[200:]
    )
    live = list(
        attack.iter_resample(zip(X[:200], names[:200], strict=True), X_val, names[200:])
    )
    np.testing.assert_allclose([row for row, _, _ in live], X_out)
    assert [label for _, label, _ in live] == y_out.tolist()
    assert [mask for _, _, mask in live] == (attack.source_indices_ < 0).tolist()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 3}, "`budget` must be a float"),
        ({"positions": "random"}, "`positions` must be 'even'"),
        ({"positions": [3]}, "`positions` must be 'even'"),
        ({"window": 10}, "`window` must be None"),
    ],
)
def test_a_live_stream_has_no_end(params, message):
    attack = OnlineInsertion(LEARNER, **params)
    with pytest.raises(ValueError, match=message):
        list(attack.iter_resample([], X, y))


def test_rows_of_a_live_stream_are_checked():
    known, labels = np.array([[0.0, 1.0], [1.0, 0.0]] * 10), np.array([0, 1] * 10)
    for row, label, message in (
        ([0.0], 0, r"shape \(2,\).*shape \(1,\)"),
        ([[0.0, 1.0]], 0, r"shape \(1, 2\)"),
        (sparse.csr_array(np.eye(2)), 0, r"shape \(2, 2\)"),
        (sparse.csr_array((0, 2)), 0, r"shape \(0, 2\)"),
        ([0.0, np.inf], 0, "got inf in column 1"),
        ([0.0, 1.0], 2, r"labels of `y_known`, \[0, 1\]; got 2"),
        ({"a": 0.0, "b": 1.0}, 0, "of dicts the values"),
        ("a b", 0, r"pairs of an array of numbers and a label.*zip\(X, y\)"),
    ):
        stream = OnlineInsertion(budget=0.5).iter_resample(
            [(known[0], 0), (row, label)], known, labels
        )
        assert next(stream)[1:] == (0, False)
        with pytest.raises(ValueError, match=message):
            next(stream)
    wide = np.ones((20, 3))
    stream = OnlineInsertion(budget=0.5).iter_resample(wide, wide, labels)
    with pytest.raises(ValueError, match=r"got array\(\[1., 1., 1.\]\)"):
        next(stream)


# Rows of a sparse array have one axis from scipy 1.15 on.
SPARSE_ROWS = {
    "matrix": lambda rows: [sparse.csr_matrix(row) for row in rows],
    "array of two axes": lambda rows: [sparse.csr_array(row[None]) for row in rows],
}
if parse_version(scipy.__version__) >= parse_version("1.15"):
    SPARSE_ROWS["array of one axis"] = lambda rows: list(sparse.csr_array(rows))


@pytest.mark.parametrize("kind", SPARSE_ROWS)
def test_sparse_rows_of_a_live_stream(kind):
    known, labels = X[:50], y[:50]
    attack = OnlineInsertion(LEARNER, budget=0.2)
    as_they_are, as_sparse = list(X[50:80]), SPARSE_ROWS[kind](X[50:80])
    dense, found = (
        list(attack.iter_resample(zip(rows, y[50:80], strict=True), known, labels))
        for rows in (as_they_are, as_sparse)
    )
    assert sparse.issparse(found[0][0])
    for one, other in zip(dense, found, strict=True):
        assert one[1:] == other[1:]
        if one[2]:
            np.testing.assert_array_equal(one[0], other[0])


def test_a_budget_of_0():
    attack = OnlineInsertion(LEARNER, budget=0)
    X_out, y_out = attack.fit_resample(X, y)
    np.testing.assert_array_equal(X_out, X)
    np.testing.assert_array_equal(y_out, y)
    assert attack.gains_.shape == (0,)
    assert attack.is_exact_
    assert attack.feasible_set_.upper_.shape == (6,)
    attack.set_params(positions=[])
    np.testing.assert_array_equal(attack.fit_resample(X, y)[0], X)
