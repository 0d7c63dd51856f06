import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import RandomLabelFlip, RelaxedLabelFlip
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.labels._label_problem import LabelProblem
from skpoison.bilevel.goals import SmoothedError
from skpoison.goals import ErrorGeneric, TargetCoefficients, TargetLabels
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_train, y_train, X_val, y_val = X[:100], y[:100], X[100:300], y[100:300]
VALIDATION = {"X_val": X_val, "y_val": y_val}
SURROGATES = [
    LogisticRegression(),
    RidgeClassifier(),
    LinearSVC(),
    GradientDescentClassifier(n_steps=50),
]


def reached(surrogate, labels):
    problem = BilevelProblem(
        surrogate,
        ErrorGeneric(),
        X_train,
        labels,
        classes=np.arange(2),
        X_val=X_val,
        y_val=y_val,
    )
    return LabelProblem(problem).evaluate(labels)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_stronger_than_random_flips_by_its_own_measure(surrogate):
    attack = RelaxedLabelFlip(surrogate, 0.2, max_iter=20)
    _, labels = attack.fit_resample(X_train, y_train, **VALIDATION)
    ours = reached(surrogate, labels)
    for seed in range(5):
        random = RandomLabelFlip(0.2, random_state=seed)
        assert ours > reached(surrogate, random.fit_resample(X_train, y_train)[1])


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_the_best_flips_are_kept(surrogate):
    attack = RelaxedLabelFlip(surrogate, 0.2, max_iter=15)
    _, labels = attack.fit_resample(X_train, y_train, **VALIDATION)
    assert 0 < attack.n_iter_ <= 15
    path = list(zip(attack.error_path_, attack.goal_path_, strict=True))
    assert path[1:] == sorted(path[1:])
    np.testing.assert_allclose(reached(surrogate, labels), path[-1], rtol=1e-5)
    np.testing.assert_allclose(reached(surrogate, y_train), path[0], rtol=1e-5)


def test_the_first_step_is_a_sort_of_the_gradient(monkeypatch):
    module = "skpoison.attacks.labels._goal_flip"
    monkeypatch.setattr(f"{module}.starting_flips", lambda *_: iter(()))
    monkeypatch.setattr(f"{module}.N_EXCHANGES", 0)
    surrogate = RidgeClassifier()
    attack = RelaxedLabelFlip(surrogate, 10, max_iter=1)
    attack.fit_resample(X_train, y_train, **VALIDATION)
    step = 1e-4
    H = X_train - X_train.mean(axis=0)
    H = H.T @ H + np.eye(X.shape[1])
    signs = 2.0 * y_train - 1

    def goal(targets):
        centred = X_train - X_train.mean(axis=0)
        coef = np.linalg.solve(H, centred.T @ (targets - targets.mean()))
        scores = (X_val - X_train.mean(axis=0)) @ coef + targets.mean()
        return SmoothedError(y_val).value(scores[:, np.newaxis])

    gains = [
        goal(signs - step * signs * (np.arange(100) == row)) - goal(signs)
        for row in range(100)
    ]
    expected = np.sort(np.argsort(gains)[-10:])
    np.testing.assert_array_equal(np.flatnonzero(attack.poison_mask_), expected)


def test_three_classes():
    X, y = load_iris(return_X_y=True)
    victim = LogisticRegression(max_iter=1000)
    attack = RelaxedLabelFlip(victim, 0.2, random_state=0)
    _, labels = attack.fit_resample(X, y)
    _, random = RandomLabelFlip(0.2, random_state=0).fit_resample(X, y)
    ours, theirs = (clone(victim).fit(X, out).score(X, y) for out in (labels, random))
    assert ours < theirs - 0.1


def test_no_gradient():
    with pytest.raises(TypeError, match="got DecisionTreeClassifier"):
        RelaxedLabelFlip(DecisionTreeClassifier()).fit_resample(X_train, y_train)


def test_error_specific_flips_confuse_the_classes_named():
    X, y = load_iris(return_X_y=True)
    X_train, y_train, X_val, y_val = X[::2], y[::2], X[1::2], y[1::2]
    victim = LogisticRegression(max_iter=1000)
    taken = {}
    for goal in ("error-generic", {2: 1}):
        attack = RelaxedLabelFlip(victim, 0.2, goal=goal, random_state=0)
        _, labels = attack.fit_resample(X_train, y_train, X_val=X_val, y_val=y_val)
        predicted = clone(victim).fit(X_train, labels).predict(X_val)
        others = (predicted != y_val) & (y_val != 2)
        taken[str(goal)] = (predicted[y_val == 2] == 1).mean() - others.mean()
    assert taken["{2: 1}"] > taken["error-generic"] + 0.2


@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(tol=1e-8), RidgeClassifier()], ids=str
)
def test_coefficients_come_closer_than_by_random_flips(surrogate):
    wanted = clone(surrogate).fit(X_train, y_train).coef_.ravel().copy()
    wanted[:3] = 0
    goal = TargetCoefficients(wanted)

    def distance(labels):
        return np.linalg.norm(clone(surrogate).fit(X_train, labels).coef_ - wanted)

    attack = RelaxedLabelFlip(surrogate, 15, goal=goal, random_state=0)
    _, labels = attack.fit_resample(X_train, y_train)
    assert 0 < attack.poison_mask_.sum() <= 15
    np.testing.assert_allclose(
        attack.goal_path_.max(), -0.5 * distance(labels) ** 2, rtol=1e-6
    )
    assert distance(labels) < 0.9 * distance(y_train)
    for seed in range(10):
        _, random = RandomLabelFlip(15, random_state=seed).fit_resample(
            X_train, y_train
        )
        assert distance(labels) < distance(random)


def test_coefficients_that_are_learnt_already_stay():
    surrogate = RidgeClassifier()
    goal = TargetCoefficients(clone(surrogate).fit(X_train, y_train).coef_.ravel())
    attack = RelaxedLabelFlip(surrogate, 15, goal=goal, random_state=0)
    _, labels = attack.fit_resample(X_train, y_train)
    np.testing.assert_array_equal(labels, y_train)


def test_rows_are_to_be_taken_for_others():
    given = {"X_val": X_val[:20], "y_val": 1 - y_val[:20]}
    attack = RelaxedLabelFlip(LogisticRegression(), 0.2, goal=TargetLabels())
    _, labels = attack.fit_resample(X_train, y_train, **given)
    before, after = (
        LogisticRegression().fit(X_train, out).score(X_val[:20], 1 - y_val[:20])
        for out in (y_train, labels)
    )
    assert after > before + 0.2


def test_flips_that_only_help_the_victim_are_not_made():
    """The only flips allowed work against the errors wanted."""
    X, y = make_classification(60, 5, random_state=0)
    for class_map, is_used in (({1: 0}, False), ({0: 1}, True)):
        attack = RelaxedLabelFlip(
            LogisticRegression(), 5, goal={0: 1}, class_map=class_map, random_state=0
        )
        _, y_out = attack.fit_resample(X, y)
        assert (y_out != y).sum() == (5 if is_used else 0)
