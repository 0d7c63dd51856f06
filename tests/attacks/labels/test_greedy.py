import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.attacks import GreedyLabelFlip, RandomLabelFlip
from skpoison.attacks.labels import _flip_search
from skpoison.bilevel.goals import SmoothedError
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_train, y_train, X_own, y_own = X[:60], y[:60], X[60:160], y[60:160]
OWN = {"X_val": X_own, "y_val": y_own}
X_iris, y_iris = load_iris(return_X_y=True)


def brute_force(victim, X, y, X_own, y_own, n_flips):
    """Fit for every flip there is, and flip what is worst."""
    labels, classes, flips = y.copy(), np.unique(y), []
    goal = SmoothedError(np.searchsorted(classes, y_own))
    for _ in range(n_flips):
        best = -np.inf, None, None
        for row in np.setdiff1d(np.arange(len(y)), flips):
            for label in classes[classes != y[row]]:
                changed = labels.copy()
                changed[row] = label
                scores = clone(victim).fit(X, changed).decision_function(X_own)
                value = goal.value(scores.reshape(len(X_own), -1))
                if value > best[0] + 1e-12:
                    best = value, row, label
        labels[best[1]] = best[2]
        flips.append(best[1])
    return labels


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_closed_form_is_brute_force(fit_intercept):
    victim = RidgeClassifier(alpha=2, fit_intercept=fit_intercept)
    expected = brute_force(victim, X_train, y_train, X_own, y_own, 4)
    _, labels = GreedyLabelFlip(victim, 4).fit_resample(X_train, y_train, **OWN)
    np.testing.assert_array_equal(labels, expected)


def test_closed_form_is_brute_force_for_three_classes():
    rows = np.arange(0, 150, 3)
    own = np.arange(1, 150, 2)
    data = X_iris[rows], y_iris[rows], X_iris[own], y_iris[own]
    expected = brute_force(RidgeClassifier(), *data, 4)
    attack = GreedyLabelFlip(RidgeClassifier(), 4)
    _, labels = attack.fit_resample(*data[:2], X_val=data[2], y_val=data[3])
    np.testing.assert_array_equal(labels, expected)


def test_warm_fits_are_brute_force(monkeypatch):
    monkeypatch.setattr(_flip_search, "TOL", 1e-6)
    victim = LogisticRegression(max_iter=10_000, tol=1e-10)
    expected = brute_force(victim, X_train, y_train, X_own, y_own, 3)
    attack = GreedyLabelFlip(victim, 3, n_candidates=None)
    _, labels = attack.fit_resample(X_train, y_train, **OWN)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    "surrogate",
    [LogisticRegression(), RidgeClassifier(), KNeighborsClassifier(3)],
    ids=str,
)
def test_a_shortlist_of_all_is_no_shortlist(surrogate):
    attack = GreedyLabelFlip(surrogate, 5)
    outputs = [
        clone(attack)
        .set_params(n_candidates=n_candidates)
        .fit_resample(X_train, y_train, **OWN)[1]
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
    attack.fit_resample(X_train, y_train, **OWN)
    assert attack.goal_path_.shape == (11,)
    for seed in range(3):
        _, labels = RandomLabelFlip(10, random_state=seed).fit_resample(
            X_train, y_train
        )
        # An attack that flips nothing more measures what is there.
        standing = GreedyLabelFlip(surrogate, 1, **settings)
        standing.fit_resample(X_train, labels, **OWN)
        assert attack.goal_path_[-1] > standing.goal_path_[0]


def test_goal_path_tells_what_is_reached():
    attack = GreedyLabelFlip(RidgeClassifier(), 7)
    _, labels = attack.fit_resample(X_train, y_train, **OWN)
    fitted = RidgeClassifier().fit(X_train, labels)
    scores = fitted.decision_function(X_own)[:, np.newaxis]
    np.testing.assert_allclose(
        attack.goal_path_[-1], SmoothedError(y_own).value(scores), rtol=1e-9
    )
    attack.set_params(budget=0).fit_resample(X_train, y_train)
    assert attack.goal_path_.shape == (0,)


def test_the_last_row_of_a_class_stays():
    few = np.r_[0:3, 50:90]
    attack = GreedyLabelFlip(budget=2, class_map={0: 1}, random_state=0)
    own = {"X_val": X_iris[:100], "y_val": y_iris[:100]}
    _, labels = attack.fit_resample(X_iris[few], y_iris[few], **own)
    assert (labels == 0).sum() == 1
    with pytest.raises(ValueError, match="after 2 of them each row"):
        attack.set_params(budget=3).fit_resample(X_iris[few], y_iris[few], **own)


def test_scalers_are_part_of_the_surrogate():
    inside = GreedyLabelFlip(LogisticRegression(), 5)
    scaler = StandardScaler().fit(X_train)
    own = {"X_val": scaler.transform(X_own), "y_val": y_own}
    _, expected = inside.fit_resample(scaler.transform(X_train), y_train, **own)
    outside = GreedyLabelFlip(make_pipeline(StandardScaler(), LogisticRegression()), 5)
    _, labels = outside.fit_resample(X_train, y_train, **OWN)
    np.testing.assert_array_equal(labels, expected)
