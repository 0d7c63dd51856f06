import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from skpoison.attacks import (
    GradientPoisoner,
    RandomInsertion,
    RandomLabelFlip,
    _climber,
)
from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.bilevel.ascent import Climb
from skpoison.feasible_sets import (
    Box,
    Frozen,
    Integers,
    L2Ball,
    LinfBall,
    OneHot,
    make_intersection,
)
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
VICTIMS = [
    LogisticRegression(max_iter=1000),
    LogisticRegression(C=10, fit_intercept=False, max_iter=1000),
    RidgeClassifier(),
    LinearSVC(),
    GradientDescentClassifier(n_steps=100),
    GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=100),
]


def error_after(attack, victim, X_train=X_train, y_train=y_train):
    X_poisoned, y_poisoned = attack.fit_resample(X_train, y_train)
    return 1 - clone(victim).fit(X_poisoned, y_poisoned).score(X_test, y_test)


@pytest.mark.parametrize("victim", VICTIMS, ids=str)
def test_much_stronger_than_its_start(victim):
    descends = isinstance(victim, GradientDescentClassifier)
    victim = make_pipeline(MinMaxScaler() if descends else StandardScaler(), victim)
    start = error_after(RandomInsertion(0.15, random_state=1), victim)
    settings = {"sharpness": 8, "max_iter": 120, "random_state": 1}
    attack = GradientPoisoner(victim, 0.15, **settings)
    assert error_after(attack, victim) > start + 0.05


@pytest.mark.parametrize("loss", ["error", "log_loss"])
@pytest.mark.parametrize("goal", ["error-generic", {0: 1}])
def test_best_iterate_is_kept(loss, goal):
    """By its own measure an attack is never worse than its start."""
    settings = {"goal": goal, "loss": loss, "step_size": 0.3, "random_state": 0}
    attack = GradientPoisoner(max_iter=15, **settings)
    attack.fit_resample(X_train, y_train)
    assert attack.n_iter_ == 15
    assert attack.goal_path_.shape == (16,)
    assert attack.goal_path_.max() > attack.goal_path_[0]
    # An attack that starts there and takes no step measures the best of the path.
    standing = GradientPoisoner(max_iter=0, **settings)
    standing.fit_resample(X_train, y_train)
    assert standing.goal_path_[0] == attack.goal_path_[0]
    assert standing.n_iter_ == 0


def test_without_steps_it_is_random_insertion():
    attack = GradientPoisoner(max_iter=0, random_state=np.random.RandomState(3))
    baseline = RandomInsertion(random_state=np.random.RandomState(3))
    for ours, theirs in zip(
        attack.fit_resample(X_train, y_train),
        baseline.fit_resample(X_train, y_train),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_rows_lie_in_the_box_of_the_data():
    attack = GradientPoisoner(max_iter=20, random_state=0)
    X_out, _ = attack.fit_resample(X_train, y_train)
    assert Box().fit(X_train).contains(X_out).all()
    np.testing.assert_array_equal(X_out[: len(y_train)], X_train)
    start, _ = RandomInsertion(random_state=0).fit_resample(X_train, y_train)
    assert (X_out[attack.poison_mask_] != start[attack.poison_mask_]).any(axis=1).all()


def test_rows_lie_in_the_box_given():
    box = Box(upper=X_train.mean(axis=0))
    attack = GradientPoisoner(feasible_set=box, max_iter=20, random_state=0)
    X_out, _ = attack.fit_resample(X_train, y_train)
    assert attack.feasible_set_.contains(X_out[attack.poison_mask_]).all()
    assert not hasattr(box, "upper_")


def test_error_specific():
    """Some classes are to be confused; the others stay what they are."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    goal = {"virginica": "versicolor"}
    confused = {}
    settings = {"goal": goal, "sharpness": 8, "random_state": 0}
    for max_iter in (0, 150):
        attack = GradientPoisoner(victim, 0.25, max_iter=max_iter, **settings)
        X_out, y_out = attack.fit_resample(X, names)
        assert set(y_out[150:]) == {"virginica", "versicolor"}
        predicted = victim.fit(X_out, y_out).predict(X)
        confused[max_iter] = (predicted[names == "virginica"] == "versicolor").mean()
        assert (predicted[names == "setosa"] == "setosa").all()
    assert confused[0] < 0.1
    assert confused[150] > 0.5


def test_three_classes():
    X, y = make_classification(
        300, n_informative=5, n_classes=3, class_sep=2, random_state=0
    )
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    victim = LogisticRegression()
    errors = []
    for attack in (
        RandomInsertion(0.2, random_state=0),
        GradientPoisoner(victim, 0.2, max_iter=40, random_state=0),
    ):
        victim.fit(*attack.fit_resample(X_train, y_train))
        errors.append(1 - victim.score(X_test, y_test))
    assert errors[1] > errors[0] + 0.05


@pytest.mark.parametrize(
    "scalers",
    [
        [MinMaxScaler((-1, 2))],
        [MaxAbsScaler()],
        [RobustScaler()],
        [StandardScaler(with_std=False), MinMaxScaler(clip=True)],
        [StandardScaler(copy=False)],
    ],
    ids=str,
)
def test_gradient_goes_through_scalers(scalers):
    """It is the same climb as in scaled space, seen from outside."""
    victim = make_pipeline(*scalers, LogisticRegression())
    settings = {"max_iter": 3, "random_state": 0}
    X_out, _ = GradientPoisoner(victim, **settings).fit_resample(X_train, y_train)
    scaler = victim[:-1].fit(X_train.copy())
    inside, _ = GradientPoisoner(victim[-1], **settings).fit_resample(
        scaler.transform(X_train.copy()), y_train
    )
    np.testing.assert_allclose(scaler.transform(X_out), inside, rtol=1e-4, atol=1e-5)


def test_sparse_rows_stay_sparse():
    X = sparse.random_array((200, 300), density=0.05, format="csr", random_state=0)
    y = (X[:, :30].sum(axis=1) > X[:, 30:60].sum(axis=1)).astype(int)
    attack = GradientPoisoner(LogisticRegression(), max_iter=5, random_state=0)
    X_out, _ = attack.fit_resample(X, y)
    assert sparse.issparse(X_out)
    dense, _ = attack.fit_resample(X.toarray(), y)
    np.testing.assert_allclose(X_out.toarray(), dense, atol=1e-6)


def test_own_rows_may_be_sparse_where_the_others_are_not():
    X, X_own, y, y_own = train_test_split(X_train, y_train, random_state=0)
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GradientPoisoner(victim, max_iter=3, random_state=0)
    expected, _ = attack.fit_resample(X, y, X_val=X_own, y_val=y_own)
    actual, _ = attack.fit_resample(X, y, X_val=sparse.csr_array(X_own), y_val=y_own)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_columns_far_from_zero():
    attack = GradientPoisoner(max_iter=10, random_state=0)
    near, _ = attack.fit_resample(X_train[:, :5], y_train)
    far, _ = attack.fit_resample(X_train[:, :5] + 1e6, y_train)
    assert attack.goal_path_.max() > attack.goal_path_[0]
    assert near.shape == far.shape


def test_rows_of_the_attackers_own():
    X, X_own, y, y_own = train_test_split(X_train, y_train, random_state=0)
    names = np.array(["malignant", "benign"])
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GradientPoisoner(victim, 0.15, max_iter=60, random_state=0)
    X_out, y_out = attack.fit_resample(X, names[y], X_val=X_own, y_val=names[y_own])
    start = RandomInsertion(0.15, random_state=0).fit_resample(X, names[y])
    after = victim.fit(X_out, y_out).score(X_test, names[y_test])
    assert after < victim.fit(*start).score(X_test, names[y_test]) - 0.03


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X_test}, "X_val and y_val go together"),
        ({"X_val": X_test[:, :3], "y_val": y_test}, "X_val has 3 features, but X has"),
        ({"X_val": X_test, "y_val": y_test + 1}, r"not among those of y: \[2\]"),
        ({"X_val": X_test, "y_val": y_test[1:]}, "inconsistent numbers of samples"),
    ],
)
def test_own_rows_are_checked(given, message):
    with pytest.raises(ValueError, match=message):
        GradientPoisoner().fit_resample(X_train, y_train, **given)


@pytest.mark.parametrize(
    ("attack", "error", "message"),
    [
        (
            GradientPoisoner(RandomForestClassifier()),
            TypeError,
            "RandomForestClassifier cannot be differentiated .* by transfer",
        ),
        (
            GradientPoisoner(make_pipeline(PCA(), LogisticRegression())),
            TypeError,
            r"does not go through PCA\(\), .* Take one of MaxAbsScaler",
        ),
        (GradientPoisoner(KMeans()), ValueError, "is no classifier"),
        (GradientPoisoner(goal={7: 1}), ValueError, "names the class 7"),
        (GradientPoisoner(goal="error"), ValueError, "The 'goal' parameter"),
        (
            GradientPoisoner(validation_fraction=0.001),
            ValueError,
            r"validation_fraction=0\.001 cannot be taken of",
        ),
    ],
)
def test_bad_parameters(attack, error, message):
    with pytest.raises(error, match=message):
        attack.fit_resample(X_train, y_train)


X_SMALL, y_small = make_classification(
    120, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
X_small, X_OWN, y_small, y_own = train_test_split(
    X_SMALL, y_small, test_size=40, random_state=0
)
OWN = {"X_val": X_OWN, "y_val": y_own}
SURROGATES = {
    "logistic": LogisticRegression(),
    "ridge": make_pipeline(MinMaxScaler(), RidgeClassifier()),
    "svm": make_pipeline(StandardScaler(), LinearSVC()),
    "descent": GradientDescentClassifier(learning_rate=0.2, n_steps=10),
    "adaline": GradientDescentClassifier(
        "squared_error", learning_rate=0.05, n_steps=50
    ),
}


def measured(attack, X, y, X_out, y_out, X_val, y_val):
    """Compute the goal of an attack on rows of its own, from what comes out."""
    mask = attack.poison_mask_
    labels = np.searchsorted(attack.classes_, y_out)
    problem = BilevelProblem(
        attack.surrogate,
        "auto",
        X,
        np.searchsorted(attack.classes_, y),
        np.flatnonzero(~mask[: len(y)]),
        1.0,
        attack.classes_,
    )
    codes = np.searchsorted(attack.classes_, y_val)
    problem.aim(attack.goal, attack.loss, attack.sharpness, X_val, codes)
    problem.label(labels[mask])
    return problem(X_out[mask])[0]


@pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES.keys())
@pytest.mark.parametrize("capability", ["insert", "modify"])
@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("goal", ["error-generic", "error-specific", {0: 1}], ids=str)
@pytest.mark.parametrize("loss", ["error", "log_loss"])
def test_never_weaker_than_its_start(loss, goal, schedule, capability, surrogate):
    """By its own measure, of the rows that come out."""
    settings = {"goal": goal, "loss": loss, "schedule": schedule, "random_state": 0}
    values = []
    for max_iter in (0, 3):
        attack = GradientPoisoner(
            surrogate, 3, capability=capability, max_iter=max_iter, **settings
        )
        out = attack.fit_resample(X_small, y_small, **OWN)
        values.append(measured(attack, X_small, y_small, *out, **OWN))
        if schedule == "joint":
            np.testing.assert_allclose(attack.goal_path_.max(), values[-1], rtol=1e-5)
    start, end = values
    assert end >= start - 1e-9
    if schedule == "joint":
        assert end > start + 1e-5


@pytest.mark.parametrize("goal", ["error-generic", {0: 1}], ids=str)
@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
def test_labels_of_inserted_rows(goal, poison_labels):
    attack = GradientPoisoner(
        budget=20, goal=goal, poison_labels=poison_labels, max_iter=0, random_state=0
    )
    X_out, y_out = attack.fit_resample(X_small, y_small)
    origin = [np.abs(X_small - row).sum(axis=1).argmin() for row in X_out[80:]]
    np.testing.assert_allclose(X_out[80:], X_small[origin], rtol=1e-9)
    same = y_out[80:] == y_small[origin]
    if poison_labels == "keep":
        assert same.all()
        assert set(y_out[80:]) == ({0, 1, 2} if goal == "error-generic" else {0, 1})
    else:
        assert not same.any()
        assert set(y_out[80:]) == ({0, 1, 2} if goal == "error-generic" else {0, 1})


def test_kept_labels_do_harm_too():
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    errors = [
        error_after(
            GradientPoisoner(
                victim,
                0.15,
                poison_labels="keep",
                sharpness=8,
                max_iter=max_iter,
                random_state=0,
            ),
            victim,
        )
        for max_iter in (0, 100)
    ]
    assert errors[1] > errors[0] + 0.03


# Feasible sets

BINARY = (np.random.RandomState(0).rand(200, 20) < 0.5).astype(float)
y_binary = (BINARY[:, :10].sum(axis=1) > BINARY[:, 10:].sum(axis=1)).astype(int)
X_BITS, X_BITS_OWN, y_bits, y_bits_own = train_test_split(
    BINARY, y_binary, random_state=0
)
OWN_BITS = {"X_val": X_BITS_OWN, "y_val": y_bits_own}
BITS = make_intersection(Box(), Integers())


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
def test_discrete_rows(schedule):
    """Climbing beside them is stronger than rounding in the end."""
    n_seeds, n_iter = (3, 20) if schedule == "joint" else (2, 8)
    settings = {"max_iter": n_iter, "schedule": schedule}
    gains = []
    for seed in range(n_seeds):
        values = []
        for feasible_set in (None, BITS):
            attack = GradientPoisoner(
                LogisticRegression(),
                12,
                feasible_set=feasible_set,
                random_state=seed,
                **settings,
            )
            X_out, y_out = attack.fit_resample(X_BITS, y_bits, **OWN_BITS)
            if feasible_set is BITS:
                assert np.isin(X_out, [0, 1]).all()
            out = np.rint(X_out), y_out
            values.append(measured(attack, X_BITS, y_bits, *out, **OWN_BITS))
        gains.append(values[1] - values[0])
        if schedule == "joint":
            np.testing.assert_allclose(values[1], attack.goal_path_.max(), rtol=1e-5)
    assert np.mean(gains) > 0.003


def test_search_goes_on_beside_numbers_that_are_not_discrete():
    """Where each step of the climb moves those, the others still change."""
    rng = np.random.RandomState(0)
    X = np.column_stack([X_BITS, rng.normal(size=(150, 20))])
    X_own = np.column_stack([X_BITS_OWN, rng.normal(size=(50, 20))])
    feasible_set = make_intersection(Box(), Integers(columns=range(20)))
    attack = GradientPoisoner(
        LogisticRegression(),
        12,
        feasible_set=feasible_set,
        max_iter=15,
        store_path=True,
        random_state=0,
    )
    X_out, _ = attack.fit_resample(X, y_bits, X_val=X_own, y_val=y_bits_own)
    assert np.isin(X_out[:, :20], [0, 1]).all()
    # From the best place of the climb on, the search turns some bits.
    bits = attack.rows_path_[:, :, :20]
    best = attack.goal_path_[:16].argmax()
    assert (bits[16:] != bits[best]).any()


def rows_and_starts(attack, X=X_small, y=y_small, **params):
    """Poison, and say where the poison rows are and where they set out."""
    X_out, _ = attack.fit_resample(X, y, **params)
    mask = attack.poison_mask_
    if attack.capability == "modify":
        return X_out[mask], X[mask]
    start = RandomInsertion(attack.budget, random_state=attack.random_state)
    return X_out[mask], start.fit_resample(X, y)[0][mask]


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("capability", ["insert", "modify"])
@pytest.mark.parametrize(
    "feasible_set",
    [
        Box(lower=-1, upper=2),
        L2Ball(radius=0.7),
        LinfBall(radius=0.3),
        Frozen(columns=[0, 3]),
        make_intersection(Box(), L2Ball(radius=0.7), Frozen(columns=[1])),
        make_intersection(Box(-8, 8), Integers(columns=[2]), LinfBall(radius=1.5)),
    ],
    ids=str,
)
def test_rows_stay_feasible(feasible_set, capability, schedule):
    attack = GradientPoisoner(
        budget=5,
        feasible_set=feasible_set,
        capability=capability,
        schedule=schedule,
        max_iter=5,
        store_path=True,
        random_state=0,
    )
    rows, start = rows_and_starts(attack)
    assert attack.feasible_set_.contains(rows, start=start).all()
    initial = attack.feasible_set_.project(start, start=start)
    assert (rows != initial).any(axis=1).mean() > 0.5
    for visited in attack.rows_path_:
        k = np.isfinite(visited).all(axis=1).sum()
        nearest = attack.feasible_set_.project(visited[:k], start=start[:k])
        np.testing.assert_allclose(visited[:k], nearest, rtol=1e-9, atol=1e-9)


def test_radii_and_frozen_columns_by_hand():
    settings = {"budget": 5, "max_iter": 8, "random_state": 0}
    for feasible_set, distance in (
        (L2Ball(radius=0.7), lambda moved: np.linalg.norm(moved, axis=1)),
        (LinfBall(radius=0.7), lambda moved: np.abs(moved).max(axis=1)),
    ):
        rows, start = rows_and_starts(
            GradientPoisoner(feasible_set=feasible_set, **settings)
        )
        assert (distance(rows - start) < 0.7 + 1e-9).all()
        assert distance(rows - start).max() > 0.6
    frozen = GradientPoisoner(feasible_set=Frozen(columns=[0, 3]), **settings)
    rows, start = rows_and_starts(frozen)
    np.testing.assert_array_equal(rows[:, [0, 3]], start[:, [0, 3]])
    assert (rows[:, [1, 2, 4]] != start[:, [1, 2, 4]]).all()


def test_categories_stay_categories():
    rng = np.random.RandomState(0)
    colour, size = np.eye(3)[rng.randint(3, size=150)], rng.normal(size=(150, 2))
    shape = np.eye(4)[rng.randint(4, size=150)]
    X = np.column_stack([colour, size, shape])
    y = (colour[:, 0] + shape[:, 2] + size[:, 0] > 0.7).astype(int)
    groups = [[0, 1, 2], [5, 6, 7, 8]]
    attack = GradientPoisoner(
        feasible_set=make_intersection(Box(), OneHot(groups)),
        max_iter=20,
        random_state=0,
    )
    rows, start = rows_and_starts(attack, X, y)
    for group in groups:
        assert np.isin(rows[:, group], [0, 1]).all()
        assert (rows[:, group].sum(axis=1) == 1).all()
        assert (rows[:, group] != start[:, group]).any()
    assert attack.goal_path_.max() > attack.goal_path_[0]


# Schedules and paths


def test_one_row_after_the_other():
    attack = GradientPoisoner(
        LogisticRegression(),
        budget=3,
        schedule="sequential",
        max_iter=5,
        store_path=True,
        random_state=0,
    )
    rows, start = rows_and_starts(attack)
    assert attack.n_iter_ == 17
    assert attack.goal_path_.shape == (18,)
    path = attack.rows_path_
    assert path.shape == (18, 3, 5)
    for k in range(3):
        of_row = path[6 * k : 6 * (k + 1)]
        np.testing.assert_array_equal(
            np.isfinite(of_row).all(axis=(0, 2)), np.arange(3) <= k
        )
        np.testing.assert_allclose(of_row[0, k], start[k], rtol=1e-12)
        assert (of_row[1:, k] != of_row[:-1, k]).any()
        # The best of its places is where it stays, as those before it do.
        values = attack.goal_path_[6 * k : 6 * (k + 1)]
        np.testing.assert_allclose(rows[k], of_row[values.argmax(), k], rtol=1e-9)
        np.testing.assert_allclose(
            of_row[:, :k], np.broadcast_to(rows[:k], (6, k, 5)), rtol=1e-12
        )


def test_all_starts_together_may_be_better(monkeypatch):
    """Than what a row has become that knew of none after it."""

    def descend(value_and_gradient, start, project, **settings):
        return Climb(start + 0.1, -9.0, np.array([-9.0]))

    monkeypatch.setattr(_climber, "climb", descend)
    attack = GradientPoisoner(budget=3, schedule="sequential", random_state=0)
    rows, start = rows_and_starts(attack)
    np.testing.assert_allclose(rows, start, rtol=1e-12)


@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_path_of_rows(feasible_set):
    X, y, params = (X_small, y_small, OWN)
    if feasible_set is BITS:
        X, y, params = X_BITS, y_bits, OWN_BITS
    attack = GradientPoisoner(
        LogisticRegression(),
        budget=6,
        feasible_set=feasible_set,
        max_iter=9,
        store_path=True,
        random_state=0,
    )
    rows, start = rows_and_starts(attack, X, y, **params)
    path, goal = attack.rows_path_, attack.goal_path_
    assert path.shape == (attack.n_iter_ + 1, *rows.shape)
    assert goal.shape == path.shape[:1]
    if feasible_set is BITS:
        assert attack.n_iter_ > 9
    else:
        assert attack.n_iter_ == 9
    np.testing.assert_allclose(path[0], start, rtol=1e-12, atol=1e-12)
    best = np.abs(path - rows).max(axis=(1, 2))
    assert goal[best < 1e-9].max() == goal.max()
    assert (best < 1e-9).sum() < len(best)
    _, y_out = attack.fit_resample(X, y, **params)
    for i in (0, 3, len(path) - 1):
        X_there = np.concatenate([X, path[i]])
        value = measured(attack, X, y, X_there, y_out, **params)
        np.testing.assert_allclose(value, goal[i], rtol=1e-5)
    attack.set_params(store_path=False).fit_resample(X, y, **params)
    assert not hasattr(attack, "rows_path_")


def test_restarts_are_never_worse():
    better = []
    for seed in range(4):
        values = []
        for n_restarts in (0, 3):
            attack = GradientPoisoner(
                LogisticRegression(),
                8,
                n_restarts=n_restarts,
                max_iter=5,
                random_state=seed,
            )
            out = attack.fit_resample(X_small, y_small, **OWN)
            values.append(measured(attack, X_small, y_small, *out, **OWN))
            assert attack.goal_path_.shape == (6,)
            np.testing.assert_allclose(attack.goal_path_.max(), values[-1], rtol=1e-5)
        assert values[1] >= values[0] - 1e-9
        better.append(values[1] > values[0] + 1e-4)
    assert any(better)


# What the attacker knows


class Spy(Box):
    """Remembers what it has been fitted on."""

    def _fit(self, X, y):
        self.seen_ = X
        super()._fit(X, y)


@pytest.mark.parametrize("capability", ["insert", "modify"])
def test_unknown_rows_have_no_influence(capability):
    attack = GradientPoisoner(
        budget=10,
        capability=capability,
        known_fraction=0.5,
        feasible_set=Spy(),
        max_iter=4,
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, y_small)
    mask = attack.poison_mask_
    seen = attack.feasible_set_.seen_
    known = (X_small[:, np.newaxis] == seen).all(axis=2).any(axis=1)
    assert known.sum() == len(seen) == 40
    assert mask.sum() == 10
    if capability == "modify":
        assert known[mask].all()
    moved = np.where(known[:, np.newaxis], X_small, 100 + X_small)
    X_again, y_again = attack.fit_resample(moved, y_small)
    np.testing.assert_array_equal(attack.poison_mask_, mask)
    np.testing.assert_array_equal(X_again[mask], X_out[mask])
    np.testing.assert_array_equal(y_again, y_out)
    np.testing.assert_array_equal(X_again[:80][~mask[:80]], moved[~mask[:80]])
    moved = X_small.copy()
    moved[np.flatnonzero(known)[::2]] += 0.5
    assert (attack.fit_resample(moved, y_small)[0][mask] != X_out[mask]).any()


def test_some_rows_are_to_be_taken_for_others():
    """Those given, and no matter what they are."""
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    predicted = clone(victim).fit(X_train, y_train).predict(X_test)
    right = predicted == y_test
    aims = np.concatenate([np.flatnonzero(right & (y_test == k))[:4] for k in (0, 1)])
    wanted = {"X_val": X_test[aims], "y_val": 1 - y_test[aims]}
    shares = []
    for max_iter in (0, 80):
        attack = GradientPoisoner(
            victim,
            0.15,
            goal="error-specific",
            max_iter=max_iter,
            random_state=0,
        )
        poisoned = clone(victim).fit(*attack.fit_resample(X_train, y_train, **wanted))
        shares.append((poisoned.predict(X_test[aims]) == 1 - y_test[aims]).mean())
    assert shares[1] >= shares[0] + 0.5


def test_rows_to_be_taken_for_one_class_get_its_label():
    attack = GradientPoisoner(budget=9, goal="error-specific", max_iter=2)
    wanted = {"X_val": X_OWN[y_own == 0], "y_val": np.full((y_own == 0).sum(), 2)}
    _, y_out = attack.fit_resample(X_small, y_small, **wanted)
    assert set(y_out[80:]) == {2}


def test_rows_that_are_to_be_taken_for_others_are_needed():
    attack = GradientPoisoner(goal="error-specific")
    with pytest.raises(ValueError, match="'error-specific' needs X_val, the rows"):
        attack.fit_resample(X_small, y_small)


# Modified rows


def as_frame(package):
    names = [f"x{j}" for j in range(5)]
    if package == "pandas":
        index = np.arange(80) + 1000
        return pd.DataFrame(X_small, columns=names, index=index), pd.Series(
            y_small, index=index, name="class"
        )
    return pl.DataFrame(X_small, schema=names), pl.Series("class", y_small)


CONTAINERS = {
    "array": (X_small, y_small),
    "list": (X_small.tolist(), y_small.tolist()),
    "csr": (sparse.csr_array(X_small), y_small),
    "csc": (sparse.csc_matrix(X_small), y_small),
    "pandas": as_frame("pandas"),
    "polars": as_frame("polars"),
}


def plain(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_modified_rows(container, schedule, poison_labels):
    X, y = CONTAINERS[container]
    trusted = np.arange(80) % 2 == 0
    attack = GradientPoisoner(
        budget=0.1,
        capability="modify",
        poison_labels=poison_labels,
        schedule=schedule,
        max_iter=3,
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X, y, trusted=trusted)
    assert type(X_out) is type(X)
    assert type(y_out) is type(y)
    if container in ("pandas", "polars"):
        assert list(X_out.columns) == list(X.columns)
        assert list(X_out.dtypes) == list(X.dtypes)
    if sparse.issparse(X):
        assert X_out.format == X.format
    mask = attack.poison_mask_
    assert mask.shape == (80,)
    assert mask.sum() == 8
    assert attack.contamination_ == 0.1
    assert not mask[trusted].any()
    X_out, y_out = plain(X_out), np.asarray(y_out)
    np.testing.assert_array_equal((X_out != X_small).any(axis=1), mask)
    if poison_labels == "flip":
        np.testing.assert_array_equal(y_out != y_small, mask)
    else:
        np.testing.assert_array_equal(y_out, y_small)
    assert Box().fit(X_small).contains(X_out).all()


def test_modified_without_steps_is_flipping_labels():
    attack = GradientPoisoner(
        capability="modify", max_iter=0, random_state=np.random.RandomState(3)
    )
    baseline = RandomLabelFlip(random_state=np.random.RandomState(3))
    X_out, y_out = attack.fit_resample(X_small, y_small)
    np.testing.assert_allclose(X_out, X_small, rtol=1e-12)
    np.testing.assert_array_equal(y_out, baseline.fit_resample(X_small, y_small)[1])


@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
@pytest.mark.parametrize("given", [{}, OWN], ids=["set aside", "own"])
def test_all_rows_modified(given, poison_labels):
    """Then nothing is left to be set aside."""
    settings = {"capability": "modify", "poison_labels": poison_labels}
    attack = GradientPoisoner(budget=1.0, max_iter=2, random_state=0, **settings)
    if given:
        X_out, y_out = attack.fit_resample(X_small, y_small, **given)
        assert attack.poison_mask_.all()
        # Where all labels are wrong, moving rows may do no more harm.
        changed = y_out != y_small
        if poison_labels == "keep":
            changed = (X_out != X_small).any(axis=1)
        assert changed.sum() > 40
    else:
        with pytest.raises(ValueError, match=r"validation_fraction=0\.3 cannot be"):
            attack.fit_resample(X_small, y_small)
    trusted = np.ones(80, dtype=bool)
    attack.set_params(budget=1)
    with pytest.raises(ValueError, match="only 0 "):
        attack.fit_resample(X_small, y_small, trusted=trusted, **given)


# Gradients


def test_all_steps_at_once_are_the_same_as_one_by_one():
    settings = {"budget": 6, "max_iter": 4, "random_state": 0}
    (at_once, _), (one_by_one, _) = (
        GradientPoisoner(
            SURROGATES["adaline"], hypergradient=hypergradient, **settings
        ).fit_resample(X_small, y_small)
        for hypergradient in ("auto", "unrolled")
    )
    np.testing.assert_allclose(at_once, one_by_one, rtol=0, atol=1e-6)
    assert (at_once[80:] != X_small[:6]).all()


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
def test_reversed_warns_once(schedule):
    attack = GradientPoisoner(
        GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=60),
        4,
        hypergradient="back-gradient",
        schedule=schedule,
        max_iter=5,
        n_restarts=1,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="Run backwards for 60 ste") as caught:
        attack.fit_resample(X_small, y_small)
    assert len(caught) == 1
    assert attack.diagnostics_["hypergradient"] == "back-gradient"
    assert attack.diagnostics_["residual"] > 0.1


def test_reversed_of_few_steps():
    mild = GradientDescentClassifier(learning_rate=0.01, n_steps=10)
    settings = {"budget": 6, "max_iter": 5, "random_state": 0}
    outs = [
        GradientPoisoner(mild, hypergradient=hypergradient, **settings).fit_resample(
            X_small, y_small
        )[0]
        for hypergradient in ("back-gradient", "unrolled")
    ]
    np.testing.assert_allclose(*outs, atol=0.05)


@pytest.mark.parametrize("surrogate", [None, *SURROGATES.values()], ids=str)
def test_gradient_is_checked(surrogate):
    attack = GradientPoisoner(
        surrogate, 5, check_gradient=True, max_iter=3, random_state=0
    )
    attack.fit_resample(X_small, y_small)
    assert 0 <= attack.diagnostics_["difference_error"] < 1e-5
    attack.set_params(check_gradient=False).fit_resample(X_small, y_small)
    assert "difference_error" not in attack.diagnostics_


def test_checking_the_gradient_changes_nothing():
    outs = [
        GradientPoisoner(
            max_iter=3, check_gradient=check_gradient, random_state=0
        ).fit_resample(X_small, y_small)[0]
        for check_gradient in (False, True)
    ]
    np.testing.assert_array_equal(*outs)


@pytest.mark.parametrize("hypergradient", ["auto", "unrolled", "back-gradient"])
def test_a_surrogate_that_diverges_is_said(hypergradient):
    surrogate = GradientDescentClassifier("squared_error", n_steps=300)
    attack = GradientPoisoner(surrogate, hypergradient=hypergradient, max_iter=2)
    with pytest.raises(ValueError, match="diverge"):
        attack.fit_resample(X_train, y_train)


# What the user sees


def test_lines(capsys):
    attack = GradientPoisoner(max_iter=5, verbose=2, random_state=0)
    attack.fit_resample(X_small, y_small)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": goal ")[0] for line in lines] == [
        "[GradientPoisoner] step 2 of 5",
        "[GradientPoisoner] step 4 of 5",
    ]
    for line, value in zip(lines, attack.goal_path_[2::2], strict=False):
        assert float(line.split()[-1]) == pytest.approx(value, rel=1e-5)
    attack.set_params(verbose=0).fit_resample(X_small, y_small)
    assert not capsys.readouterr().out


class Callback:
    """Counts tasks, and stops after some of them."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.n_begun = self.n_ended = self.n_torn_down = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.n_torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.n_begun += 1

    def on_fit_task_end(self, estimator, context):
        self.n_ended += 1
        return self.stop_after is not None and self.n_ended >= self.stop_after


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_callbacks(feasible_set, schedule):
    pytest.importorskip("sklearn.callback")
    attack = GradientPoisoner(
        budget=5,
        feasible_set=feasible_set,
        schedule=schedule,
        max_iter=4,
        n_restarts=1,
        random_state=0,
    )
    attack.set_callbacks(callback := Callback())
    X_out, _ = attack.fit_resample(X_BITS, y_bits)
    assert callback.n_begun == callback.n_ended > 8
    assert callback.n_torn_down == 1
    quiet, _ = clone(attack).set_callbacks().fit_resample(X_BITS, y_bits)
    np.testing.assert_array_equal(X_out, quiet)


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("feasible_set", [None, BITS])
def test_callbacks_stop_all_that_is_left(feasible_set, schedule):
    pytest.importorskip("sklearn.callback")
    attack = GradientPoisoner(
        budget=3,
        feasible_set=feasible_set,
        schedule=schedule,
        max_iter=9,
        n_restarts=2,
        random_state=0,
    )
    attack.set_callbacks(callback := Callback(stop_after=3))
    X_out, _ = attack.fit_resample(X_BITS, y_bits)
    assert X_out.shape == (153, 20)
    # Three steps and the work itself.
    assert callback.n_ended == 4
    assert callback.n_torn_down == 1


# Parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"feasible_set": L2Ball(radius=-1)}, "The 'radius' parameter of L2Ball must"),
        ({"feasible_set": Box(upper=[1, 2])}, "upper must have one bound"),
        ({"feasible_set": Box(lower=9, upper=1)}, "must not exceed upper; got 9"),
        ({"feasible_set": Frozen(columns=[5])}, "columns must be column ind"),
        ({"feasible_set": "box"}, "The 'feasible_set' parameter of GradientPoisoner"),
        ({"surrogate": 3}, "The 'surrogate' parameter of GradientPoisoner"),
        ({"surrogate": GradientDescentClassifier(n_steps=0)}, "The 'n_steps' paramete"),
        ({"surrogate": LogisticRegression(C=-1)}, "The 'C' parameter"),
        ({"capability": "delete"}, "The 'capability' parameter"),
        ({"schedule": "random"}, "The 'schedule' parameter"),
        ({"known_fraction": 0.0}, "The 'known_fraction' parameter"),
        ({"known_fraction": 0.001}, r"known_fraction=0\.001 cannot be taken of 80 ro"),
        ({"hypergradient": "unrolled"}, "hypergradient='unrolled' goes through the st"),
        ({"goal": {}}, "goal"),
        ({"goal": {7: 1}}, "names the class 7"),
        ({"goal": {1: 1}}, "maps the class 1 to itself"),
        ({"goal": {}, "poison_labels": "keep"}, "goal"),
        ({"goal": {7: 1}, "poison_labels": "keep"}, "names the class 7"),
        ({"goal": {1: 1}, "poison_labels": "keep"}, "maps the class 1 to itself"),
        ({"n_restarts": -1}, "The 'n_restarts' parameter"),
    ],
    ids=str,
)
def test_bad_values(parameters, message):
    with pytest.raises(ValueError, match=message):
        GradientPoisoner(**parameters).fit_resample(X_small, y_small)


def test_own_rows_have_the_columns_of_the_training_rows():
    frame, labels = CONTAINERS["pandas"]
    own = pd.DataFrame(X_OWN, columns=frame.columns)
    attack = GradientPoisoner(max_iter=2, random_state=0)
    attack.fit_resample(frame, labels, X_val=own, y_val=y_own)
    with pytest.raises(ValueError, match=r"feature names|columns"):
        attack.fit_resample(frame, labels, X_val=own[own.columns[::-1]], y_val=y_own)


def test_nested_parameters():
    attack = GradientPoisoner(
        make_pipeline(StandardScaler(), LogisticRegression(C=3)),
        feasible_set=make_intersection(Box(upper=2), L2Ball(radius=1)),
    )
    params = clone(attack).get_params()
    assert params["surrogate__logisticregression__C"] == 3
    assert params["feasible_set__box__upper"] == 2
    attack.set_params(feasible_set__l2ball__radius=0.25, feasible_set__box__upper=9)
    rows, start = rows_and_starts(attack.set_params(max_iter=3, random_state=0))
    assert np.linalg.norm(rows - start, axis=1).max() <= 0.25 + 1e-9
    assert rows.max() > 2


def test_searched_in_a_pipeline():
    """Which is the worst case? The one of the lowest score."""
    pipeline = make_resampling_pipeline(
        GradientPoisoner(feasible_set=Box(), max_iter=3, random_state=0),
        LogisticRegression(),
    )
    grid = {
        "gradientpoisoner__budget": [0.0, 0.2],
        "gradientpoisoner__feasible_set__upper": [None, 0.5],
    }
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
    search.fit(X_small, y_small)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1]
    assert scores[2] != scores[3]
    assert search.best_params_["gradientpoisoner__budget"] in (0.0, 0.2)
