import functools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import GreedyLabelFlip, RandomLabelFlip, RelaxedLabelFlip
from skpoison.attacks.labels._flip_search import flip_search
from skpoison.bilevel.goals import SmoothedError
from skpoison.goals import (
    ErrorGeneric,
    TargetCoefficients,
    TargetFeatures,
    TargetLabels,
)
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_train, y_train, X_val, y_val = X[:60], y[:60], X[60:160], y[60:160]
VALIDATION = {"X_val": X_val, "y_val": y_val}
X_iris, y_iris = load_iris(return_X_y=True)


@pytest.fixture
def only_greedy(monkeypatch):
    """Leave out other starts, and exchanges."""
    module = "skpoison.attacks.labels._goal_flip"
    monkeypatch.setattr(f"{module}.starting_flips", lambda *_: iter(()))
    monkeypatch.setattr(f"{module}.N_EXCHANGES", 0)


def brute_force(victim, X, y, X_val, y_val, n_flips):
    """Fit for every flip there is, and flip what is worst."""
    labels, classes, flips = y.copy(), np.unique(y), []
    goal = SmoothedError(np.searchsorted(classes, y_val))
    for _ in range(n_flips):
        best = -np.inf, None, None
        for row in np.setdiff1d(np.arange(len(y)), flips):
            for label in classes[classes != y[row]]:
                changed = labels.copy()
                changed[row] = label
                scores = clone(victim).fit(X, changed).decision_function(X_val)
                value = goal.value(scores.reshape(len(X_val), -1))
                if value > best[0] + 1e-12:
                    best = value, row, label
        labels[best[1]] = best[2]
        flips.append(best[1])
    return labels


@pytest.mark.usefixtures("only_greedy")
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_closed_form_is_brute_force(fit_intercept):
    victim = RidgeClassifier(alpha=2, fit_intercept=fit_intercept)
    expected = brute_force(victim, X_train, y_train, X_val, y_val, 4)
    _, labels = GreedyLabelFlip(victim, 4).fit_resample(X_train, y_train, **VALIDATION)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.usefixtures("only_greedy")
def test_closed_form_is_brute_force_for_three_classes():
    rows = np.arange(0, 150, 3)
    own = np.arange(1, 150, 2)
    data = X_iris[rows], y_iris[rows], X_iris[own], y_iris[own]
    expected = brute_force(RidgeClassifier(), *data, 4)
    attack = GreedyLabelFlip(RidgeClassifier(), 4)
    _, labels = attack.fit_resample(*data[:2], X_val=data[2], y_val=data[3])
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.usefixtures("only_greedy")
def test_warm_starts_are_brute_force(monkeypatch):
    exact = functools.partial(flip_search, tol=1e-6)
    monkeypatch.setattr("skpoison.attacks.labels._greedy.flip_search", exact)
    victim = LogisticRegression(max_iter=10_000, tol=1e-10)
    expected = brute_force(victim, X_train, y_train, X_val, y_val, 3)
    attack = GreedyLabelFlip(victim, 3, n_candidates=None)
    _, labels = attack.fit_resample(X_train, y_train, **VALIDATION)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    "surrogate",
    [LogisticRegression(), RidgeClassifier(), KNeighborsClassifier(3)],
    ids=str,
)
def test_as_many_candidates_as_flips_are_all(surrogate):
    attack = GreedyLabelFlip(surrogate, 5)
    outputs = [
        clone(attack)
        .set_params(n_candidates=n_candidates)
        .fit_resample(X_train, y_train, **VALIDATION)[1]
        for n_candidates in (None, 60)
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    "surrogate",
    [
        None,
        LinearSVC(),
        RidgeClassifier(class_weight="balanced"),
        GradientDescentClassifier(n_steps=50),
        DecisionTreeClassifier(max_depth=3, random_state=0),
    ],
    ids=str,
)
def test_stronger_than_random_flips_by_its_own_measure(surrogate):
    settings = {"n_candidates": 5, "random_state": 0}
    attack = GreedyLabelFlip(surrogate, 10, **settings)
    attack.fit_resample(X_train, y_train, **VALIDATION)
    for seed in range(3):
        _, labels = RandomLabelFlip(10, random_state=seed).fit_resample(
            X_train, y_train
        )
        # An attack that flips nothing more measures what is there.
        standing = GreedyLabelFlip(surrogate, 1, **settings)
        standing.fit_resample(X_train, labels, **VALIDATION)
        assert attack.goal_path_[-1] > standing.goal_path_[0]


class Outside(ClassifierMixin, BaseEstimator):
    """A classifier as others write it: no constraints, no scores."""

    def fit(self, X, y):
        self.fitted_ = NearestCentroid().fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict(self, X):
        return self.fitted_.predict(X)


@pytest.mark.parametrize("fit_params", [{}, VALIDATION], ids=["own", "given"])
def test_classifiers_of_others_that_only_predict(fit_params):
    attack = GreedyLabelFlip(Outside(), 6, random_state=0)
    _, flipped = attack.fit_resample(X_train, y_train, **fit_params)
    assert (flipped != y_train).sum() == 6
    rows, labels = fit_params.values() or (X_train, y_train)
    scores = [Outside().fit(X_train, y).score(rows, labels) for y in (y_train, flipped)]
    assert scores[1] < scores[0]
    with pytest.raises(TypeError, match="can be differentiated here; got Outside"):
        RelaxedLabelFlip(Outside()).fit_resample(X_train, y_train)


def test_goal_path_tells_what_is_reached():
    attack = GreedyLabelFlip(RidgeClassifier(), 7)
    _, labels = attack.fit_resample(X_train, y_train, **VALIDATION)
    fitted = RidgeClassifier().fit(X_train, labels)
    scores = fitted.decision_function(X_val)[:, np.newaxis]
    np.testing.assert_allclose(
        attack.goal_path_[-1], SmoothedError(y_val).value(scores), rtol=1e-9
    )
    attack.set_params(budget=0).fit_resample(X_train, y_train)
    assert attack.goal_path_.shape == (0,)


def test_the_last_row_of_a_class_stays():
    few = np.r_[0:3, 50:90]
    attack = GreedyLabelFlip(budget=2, class_map={0: 1}, random_state=0)
    own = {"X_val": X_iris[:100], "y_val": y_iris[:100]}
    _, labels = attack.fit_resample(X_iris[few], y_iris[few], **own)
    assert (labels == 0).sum() == 1
    with pytest.raises(ValueError, match="must leave one row of each class"):
        attack.set_params(budget=3).fit_resample(X_iris[few], y_iris[few], **own)


def test_scalers_are_part_of_the_surrogate():
    inside = GreedyLabelFlip(LogisticRegression(), 5)
    scaler = StandardScaler().fit(X_train)
    own = {"X_val": scaler.transform(X_val), "y_val": y_val}
    _, expected = inside.fit_resample(scaler.transform(X_train), y_train, **own)
    outside = GreedyLabelFlip(make_pipeline(StandardScaler(), LogisticRegression()), 5)
    _, labels = outside.fit_resample(X_train, y_train, **VALIDATION)
    np.testing.assert_array_equal(labels, expected)


X_digits, y_digits = load_digits(return_X_y=True)
X_digits = X_digits / 16


@pytest.mark.parametrize(
    "surrogate", [RidgeClassifier(), LogisticRegression()], ids=str
)
def test_error_specific_flips_confuse_the_classes_named(surrogate):
    """8 is taken for 3 more often than after error-generic flips."""
    rows = np.flatnonzero(np.isin(y_digits, [1, 3, 8]))
    X, y = X_digits[rows], y_digits[rows]
    X_test, y_test = X[250:], y[250:]
    taken = {}
    for goal in ("error-generic", {8: 3}):
        attack = GreedyLabelFlip(surrogate, 12, goal=goal, random_state=0)
        _, labels = attack.fit_resample(
            X[:100], y[:100], X_val=X[100:250], y_val=y[100:250]
        )
        predicted = clone(surrogate).fit(X[:100], labels).predict(X_test)
        taken[str(goal)] = (predicted[y_test == 8] == 3).mean()
    assert taken["{8: 3}"] > taken["error-generic"] + 0.2


def test_trees_are_attacked_error_specifically():
    attack = GreedyLabelFlip(
        DecisionTreeClassifier(max_depth=3), 8, goal={1: 0}, random_state=0
    )
    attack.fit_resample(X_train, y_train, **VALIDATION)
    assert attack.goal_path_[-1] > attack.goal_path_[0] + 0.05


def distance(surrogate, X, labels, wanted):
    learnt = clone(surrogate).fit(X, labels).coef_.reshape(-1, X.shape[1])
    return np.linalg.norm((learnt - wanted)[~np.isnan(wanted)])


def closest_by_brute_force(surrogate, X, y, wanted, n_flips):
    """Fit for every flip at every step, and flip what comes closest."""
    labels = y.copy()
    reached, flips = [distance(surrogate, X, y, wanted)], []
    for _ in range(n_flips):
        candidates = np.setdiff1d(np.arange(y.shape[0]), flips)
        distances = []
        for row in candidates:
            changed = labels.copy()
            changed[row] = 1 - changed[row]
            distances.append(distance(surrogate, X, changed, wanted))
        best = candidates[int(np.argmin(distances))]
        labels[best] = 1 - labels[best]
        flips.append(best)
        reached.append(min(distances))
    # Of these flips those are made that lead to the smallest distance.
    labels = y.copy()
    made = flips[: int(np.argmin(reached))]
    labels[made] = 1 - labels[made]
    return labels


@pytest.mark.usefixtures("only_greedy")
@pytest.mark.parametrize(
    "surrogate",
    [RidgeClassifier(alpha=2), LogisticRegression(max_iter=10_000, tol=1e-10)],
    ids=str,
)
@pytest.mark.parametrize("shrink", [0.0, 0.7])
def test_coefficients_by_brute_force(surrogate, shrink, monkeypatch):
    """A goal that few flips reach, which more of them would overshoot, and one far."""
    exact = functools.partial(flip_search, tol=1e-7)
    monkeypatch.setattr("skpoison.attacks.labels._greedy.flip_search", exact)
    X, y = X_train[:30], y_train[:30]
    learnt = clone(surrogate).fit(X, y).coef_.reshape(1, -1)
    wanted = np.where(np.arange(X.shape[1]) % 3, np.nan, shrink * learnt)
    expected = closest_by_brute_force(surrogate, X, y, wanted, 5)
    goal = TargetCoefficients(wanted)
    attack = GreedyLabelFlip(surrogate, 5, goal=goal, n_candidates=None)
    _, labels = attack.fit_resample(X, y)
    np.testing.assert_array_equal(labels, expected)
    best = attack.goal_path_.max()
    np.testing.assert_allclose(
        best, -0.5 * distance(surrogate, X, labels, wanted) ** 2, rtol=1e-5
    )


@pytest.mark.parametrize(
    "surrogate",
    [RidgeClassifier(), LogisticRegression(), LinearSVC()],
    ids=str,
)
def test_coefficients_come_closer_than_by_random_flips(surrogate):
    wanted = np.zeros((1, X.shape[1]))
    goal = TargetCoefficients(wanted)
    attack = GreedyLabelFlip(surrogate, 12, goal=goal, random_state=0)
    _, labels = attack.fit_resample(X_train, y_train)
    ours = distance(surrogate, X_train, labels, wanted)
    for seed in range(5):
        _, random = RandomLabelFlip(12, random_state=seed).fit_resample(
            X_train, y_train
        )
        assert ours < distance(surrogate, X_train, random, wanted)


# The spelling of an l1 penalty before and since scikit-learn 1.8.
L1 = (
    {"l1_ratio": 1.0}
    if LogisticRegression().penalty == "deprecated"
    else {"penalty": "l1"}
)


def test_features_are_selected():
    """The best of all single flips, for a surrogate that selects some features."""
    surrogate = LogisticRegression(C=0.1, solver="saga", max_iter=10_000, **L1)
    coef = clone(surrogate).fit(X_train, y_train).coef_[0]
    discard = [int(np.abs(coef).argmax())]
    goal = TargetFeatures(discard=discard)
    attack = GreedyLabelFlip(surrogate, 6, goal=goal, random_state=0)
    _, labels = attack.fit_resample(X_train, y_train)
    changed = clone(surrogate).fit(X_train, labels).coef_[0]
    assert abs(changed[discard[0]]) < 0.5 * abs(coef[discard[0]])
    assert attack.goal_path_.max() > attack.goal_path_[0]


@pytest.mark.parametrize(
    "surrogate", [LogisticRegression(), DecisionTreeClassifier(max_depth=3)], ids=str
)
def test_rows_are_to_be_taken_for_others(surrogate):
    given = {"X_val": X_val[:10], "y_val": 1 - y_val[:10]}
    attack = GreedyLabelFlip(surrogate, 12, goal=TargetLabels(), random_state=0)
    attack.fit_resample(X_train, y_train, **given)
    assert attack.goal_path_[-1] > attack.goal_path_[0] + 0.1


@pytest.mark.parametrize(
    ("surrogate", "goal", "error", "message"),
    [
        (
            DecisionTreeClassifier(),
            TargetCoefficients({0: 1.0}),
            ValueError,
            "`goal` must be one on errors .*; got TargetCoefficients",
        ),
        (
            DecisionTreeClassifier(),
            ErrorGeneric("surrogate"),
            ValueError,
            "`goal` must be one on errors .* got DecisionTreeClassifier",
        ),
        (SVC(), TargetCoefficients({0: 1.0}), ValueError, "or LinearSVC"),
        (LogisticRegression(), TargetFeatures([0]), ValueError, "selects some of them"),
        (
            LogisticRegression(),
            TargetCoefficients({99: 1.0}),
            ValueError,
            "of the 30 features",
        ),
    ],
    ids=str,
)
def test_goals_that_a_surrogate_does_not_have(surrogate, goal, error, message):
    with pytest.raises(error, match=message):
        GreedyLabelFlip(surrogate, 3, goal=goal).fit_resample(X_train, y_train)


def test_flips_that_only_help_the_victim_are_not_made():
    """The only flips allowed work against the errors wanted."""
    X, y = make_classification(60, 5, random_state=0)
    for class_map, is_used in (({1: 0}, False), ({0: 1}, True)):
        attack = GreedyLabelFlip(
            LogisticRegression(), 5, goal={0: 1}, class_map=class_map, random_state=0
        )
        _, y_out = attack.fit_resample(X, y)
        assert (y_out != y).sum() == (5 if is_used else 0)
