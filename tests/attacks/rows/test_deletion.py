import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import GreedyDeletion
from skpoison.goals import ErrorGeneric, TargetCoefficients, TargetLabels
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
X_few, y_few = X_train[:80], y_train[:80]
VALIDATION = {"X_val": X_train[80:280], "y_val": y_train[80:280]}
NETWORK = MLPClassifier(
    4, solver="sgd", momentum=0, learning_rate_init=0.5, max_iter=30, tol=0
)
SURROGATES = [
    LogisticRegression(),
    RidgeClassifier(class_weight="balanced"),
    LinearSVC(),
    SVC(gamma=0.05),
    GradientDescentClassifier(n_steps=50),
    NETWORK.set_params(n_iter_no_change=40, random_state=0),
]


def deleted(attack, X, y, **given):
    attack.fit_resample(X, y, **given)
    return np.flatnonzero(attack.deletion_mask_)


def test_rows_that_are_left_stand_in_order():
    attack = GreedyDeletion(budget=0.1, random_state=0)
    X_left, y_left = attack.fit_resample(X_few, y_few)
    assert attack.deletion_mask_.sum() == 8
    np.testing.assert_array_equal(X_left, X_few[~attack.deletion_mask_])
    np.testing.assert_array_equal(y_left, y_few[~attack.deletion_mask_])
    assert not attack.poison_mask_.any()
    assert attack.poison_mask_.shape == (72,)
    assert attack.contamination_ == 0


def test_budget_zero():
    attack = GreedyDeletion(budget=0)
    X_left, _ = attack.fit_resample(X_few, y_few)
    np.testing.assert_array_equal(X_left, X_few)
    assert not attack.deletion_mask_.any()
    assert attack.goal_path_.size == 0


@pytest.mark.parametrize("given", [{}, VALIDATION], ids=["training rows", "own"])
def test_stronger_than_random_deletion(given):
    victim = LogisticRegression()

    def error(rows):
        return 1 - clone(victim).fit(*rows).score(X_test, y_test)

    attack = GreedyDeletion(victim, 0.3, random_state=0)
    harm = error(attack.fit_resample(X_few, y_few, **given))
    at_random = []
    for seed in range(10):
        left = np.random.RandomState(seed).permutation(80)[:56]
        at_random.append(error((X_few[left], y_few[left])))
    assert harm > max(at_random) + 0.03


@pytest.mark.parametrize("surrogate", SURROGATES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    "goal", ["error-generic", pytest.param({0: 1}, marks=pytest.mark.slow)], ids=str
)
def test_never_weaker_than_its_start(surrogate, goal):
    """By its own measure: no weaker than all rows, and than rows deleted at random."""
    settings = {"goal": goal, "n_rounds": 2, "n_exchanges": 2, "random_state": 0}
    attack = GreedyDeletion(surrogate, 8, **settings)
    gone = deleted(attack, X_few, y_few, **VALIDATION)
    assert 0 < gone.size <= 8
    path = attack.goal_path_
    assert (np.diff(path) >= 0).all()
    assert path[-1] > path[0]
    # An attack that can delete one row only starts from what this one has left.
    left = np.delete(np.arange(80), gone)
    again = GreedyDeletion(surrogate, 1, goal=goal, random_state=0)
    again.fit_resample(X_few[left], y_few[left], **VALIDATION)
    tol = 1e-6
    np.testing.assert_allclose(again.goal_path_[0], path[-1], rtol=tol)
    drawn = np.random.RandomState(0).permutation(80)[8:]
    again.fit_resample(X_few[drawn], y_few[drawn], **VALIDATION)
    assert path[-1] >= again.goal_path_[0] * (1 - tol)


@pytest.mark.parametrize("surrogate", [Ridge(alpha=0.1), LinearRegression()], ids=str)
def test_responses(surrogate):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    attack = GreedyDeletion(surrogate, 10, n_exchanges=20, random_state=0)
    given = {"X_val": X[100:250], "y_val": y[100:250]}
    X_left, y_left = attack.fit_resample(X[:100], y[:100], **given)
    assert not hasattr(attack, "classes_")
    assert X_left.shape == (90, 10)
    fitted = clone(surrogate).fit(X_left, y_left)
    loss = ((fitted.predict(X[100:250]) - y[100:250]) ** 2).mean() / 2
    np.testing.assert_allclose(attack.goal_path_[-1], loss, rtol=1e-6)
    assert loss > 1.15 * attack.goal_path_[0]


def test_goal_is_that_of_the_victim():
    """A surrogate behind a scaler, and its own loss on all training rows."""
    X, y = load_iris(return_X_y=True)
    surrogate = LogisticRegression(C=2, tol=1e-10, max_iter=1000)
    attack = GreedyDeletion(surrogate, 4, goal=ErrorGeneric("surrogate"), n_exchanges=0)
    fitted = surrogate.fit(*attack.fit_resample(X, y))
    proba = fitted.predict_proba(X)[np.arange(150), y]
    np.testing.assert_allclose(attack.goal_path_[-1], -np.log(proba).mean(), rtol=1e-5)


def test_coefficients_wanted():
    """A goal without rows: the slope of a line through points that disagree."""
    X = np.arange(10.0)[:, np.newaxis]
    y = np.where(np.arange(10) % 5 == 0, 30.0, X[:, 0])
    goal = TargetCoefficients({0: 1.0})
    attack = GreedyDeletion(LinearRegression(), 2, goal=goal)
    assert deleted(attack, X, y).tolist() == [0, 5]
    np.testing.assert_allclose(attack.goal_path_[-1], 0, atol=1e-12)
    with pytest.raises(ValueError, match="`X_val` and `y_val` must be None"):
        attack.fit_resample(X, y, X_val=X, y_val=y)


def test_some_rows_are_to_be_taken_for_others():
    X_val, y_val = X_test[y_test == 0][:20], np.ones(20, dtype=int)
    attack = GreedyDeletion(LogisticRegression(), 15, goal=TargetLabels())
    given = {"X_val": X_val, "y_val": y_val}
    gone = deleted(attack, X_few, y_few, **given)
    before = LogisticRegression().fit(X_few, y_few).predict_proba(X_val)[:, 1]
    left = np.delete(np.arange(80), gone)
    after = LogisticRegression().fit(X_few[left], y_few[left])
    assert after.predict_proba(X_val)[:, 1].mean() > before.mean() + 0.1
    assert (y_few[gone] == 0).mean() > 0.9


@pytest.mark.parametrize("surrogate", [Ridge(), LogisticRegression()], ids=str)
def test_coefficients_come_closer_than_by_random_deletion(surrogate):
    y = X_few[:, 0] + X_few[:, 1] if isinstance(surrogate, Ridge) else y_few
    wanted = np.zeros_like(clone(surrogate).fit(X_few, y).coef_)

    def distance(left):
        return np.linalg.norm(clone(surrogate).fit(X_few[left], y[left]).coef_ - wanted)

    attack = GreedyDeletion(
        surrogate, 10, goal=TargetCoefficients(wanted), n_exchanges=20, random_state=0
    )
    gone = deleted(attack, X_few, y)
    ours = distance(np.delete(np.arange(80), gone))
    assert ours < distance(np.arange(80))
    for seed in range(5):
        assert ours < distance(np.random.RandomState(seed).permutation(80)[10:])


@pytest.mark.parametrize("validation", [0.4, 3, KFold(4)], ids=str)
@pytest.mark.parametrize("surrogate", [LogisticRegression(), Ridge()], ids=str)
def test_validation(surrogate, validation):
    """The goal is measured on a part of the rows, or on each fold in turn."""
    y = X_few[:, 0] if isinstance(surrogate, Ridge) else y_few
    attack = GreedyDeletion(
        surrogate, 8, validation=validation, n_exchanges=5, random_state=0
    )
    X_left, _ = attack.fit_resample(X_few, y)
    assert 72 <= X_left.shape[0] < 80
    assert attack.goal_path_[-1] > attack.goal_path_[0]


def test_only_rows_known_are_deleted():
    attack = GreedyDeletion(LogisticRegression(), 0.1, known_fraction=0.5)
    attack.set_params(n_exchanges=5, random_state=0).fit_resample(X_few, y_few)
    assert attack.deletion_mask_.sum() == 8
    with pytest.raises(ValueError, match=r"the 38 rows .* got 39, which is"):
        attack.set_params(budget=39).fit_resample(X_few, y_few)


@pytest.mark.parametrize("surrogate", [None, SVC()], ids=str)
def test_trusted_rows_stay(surrogate):
    attack = GreedyDeletion(surrogate, 10, n_exchanges=5, random_state=0)
    free = deleted(attack, X_few, y_few, **VALIDATION)
    trusted = np.zeros(80, dtype=bool)
    trusted[free[::2]] = True
    gone = deleted(attack, X_few, y_few, trusted=trusted, **VALIDATION)
    assert not trusted[gone].any()
    assert gone.size > 0


def test_no_class_loses_its_last_row():
    rows = np.concatenate([np.flatnonzero(y_few == 0)[:2], np.flatnonzero(y_few == 1)])
    attack = GreedyDeletion(budget=20, n_exchanges=10, random_state=0)
    _, y_left = attack.fit_resample(X_few[rows], y_few[rows], **VALIDATION)
    assert np.unique(y_left).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("budget", "trusted", "n_poison", "n_rows"),
    [
        (79, None, 79, 78),
        (1.0, None, 80, 78),
        (30, np.arange(80) >= 20, 30, 20),
        (1, np.ones(80, dtype=bool), 1, 0),
    ],
)
def test_more_deletions_than_rows(budget, trusted, n_poison, n_rows):
    message = (
        rf"`budget` must not exceed the {n_rows} rows .* got {budget}, which is "
        rf"{n_poison} rows"
    )
    with pytest.raises(ValueError, match=message):
        GreedyDeletion(budget=budget).fit_resample(X_few, y_few, trusted=trusted)


@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(), Ridge(), SVC(), None], ids=str
)
def test_sparse_as_dense(surrogate):
    counts = np.rint(2 * np.maximum(X_few, 0))
    target = counts[:, 0] if isinstance(surrogate, Ridge) else y_few
    attack = GreedyDeletion(surrogate, 6, n_exchanges=5, random_state=0)
    dense = deleted(attack, counts, target)
    np.testing.assert_array_equal(
        dense, deleted(attack, sparse.csc_array(counts), target)
    )


def test_seeds():
    """Only the rows from which the swaps restart are random."""
    attack = GreedyDeletion(LogisticRegression(), 3, n_exchanges=40)
    goals = []
    for seed in (0, 0, 1):
        attack.set_params(random_state=seed).fit_resample(X_few, y_few, **VALIDATION)
        goals.append(attack.goal_path_.tolist())
    assert goals[0] == goals[1]
    assert goals[0] != goals[2]
    attack.set_params(n_exchanges=0)
    masks = [
        deleted(attack.set_params(random_state=seed), X_few, y_few).tolist()
        for seed in (0, 1)
    ]
    assert masks[0] == masks[1]


def test_scalers_are_fitted_on_the_rows_left():
    """The goal is that of the pipeline which the victim fits on these."""
    surrogate = make_pipeline(
        StandardScaler(), LogisticRegression(tol=1e-10, solver="newton-cholesky")
    )
    goal = ErrorGeneric(loss="surrogate")
    attack = GreedyDeletion(surrogate, 5, goal=goal, n_exchanges=5, random_state=0)
    X_left, y_left = attack.fit_resample(X_few, y_few, **VALIDATION)
    surrogate.fit(X_left, y_left)
    expected = log_loss(
        VALIDATION["y_val"], surrogate.predict_proba(VALIDATION["X_val"])
    )
    np.testing.assert_allclose(attack.goal_path_[-1], expected, rtol=1e-6)


def test_diagnostics():
    attack = GreedyDeletion(LogisticRegression(), 2).fit(X_few, y_few)
    attack.fit_resample(X_few, y_few)
    assert attack.diagnostics_["linear_solver"] == "cholesky"
    assert attack.diagnostics_["residual"] < 1e-6


def test_lines(capsys):
    attack = GreedyDeletion(Ridge(), 5, n_rounds=2, n_exchanges=0, verbose=1)
    attack.fit_resample(X_few, X_few[:, 0])
    lines = capsys.readouterr().out.splitlines()
    # All rows, two rounds, and a draw at random.
    assert len(lines) == 4
    assert lines[0].startswith("[GreedyDeletion] step 1 of 4: goal ")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_rounds": 0}, "The 'n_rounds' parameter"),
        ({"n_exchanges": -1}, "The 'n_exchanges' parameter"),
        ({"goal": "hinge"}, "The 'goal' parameter"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        GreedyDeletion(**params).fit_resample(X_few, y_few)


def test_surrogate_without_an_optimum():
    with pytest.raises(ValueError, match="The surrogate has no optimum"):
        GreedyDeletion(LogisticRegression(C=np.inf)).fit_resample(X_few, y_few)
