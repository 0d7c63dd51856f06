from copy import deepcopy

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler, scale

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.metrics import detection_scores
from skpoison.model_selection import (
    detection_scorer,
    robustness_curve,
    robustness_score,
    subpopulation_scorer,
    success_scorer,
)

X, y = load_breast_cancer(return_X_y=True)
X, y = scale(X)[:200], y[:200]
DEFENCE = KNNSanitizedClassifier(LogisticRegression())
ATTACKS = [RandomLabelFlip(20, random_state=0), RandomInsertion(20, random_state=0)]


def first_column(X):
    return X[:, 0] > 0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_detection(attack):
    """A pipeline and a curve give what the masks of each fold give."""
    expected = []
    for train, _ in StratifiedKFold(3).split(X, y):
        rows = attack.fit_resample(X[train], y[train])
        defence = DEFENCE.fit(*rows)
        expected.append(
            detection_scores(
                attack.poison_mask_,
                inlier_mask=defence.inlier_mask_,
                sample_scores=defence.sample_scores_,
            )
        )
    pipeline = make_pipeline(attack, DEFENCE)
    scored = cross_validate(pipeline, X, y, cv=3, scoring=detection_scorer)
    curve = robustness_curve(
        DEFENCE, X, y, attack=attack, budgets=[20], cv=3, scoring=detection_scorer
    )
    assert set(curve.test_scores) == {"precision", "recall", "average_precision"}
    for name, scores in curve.test_scores.items():
        values = [each[name] for each in expected]
        np.testing.assert_array_equal(scores[0], values)
        np.testing.assert_array_equal(scored[f"test_{name}"], values)


def test_detection_in_a_search():
    pipeline = make_pipeline(ATTACKS[0], StandardScaler(), DEFENCE)
    grid = {"knnsanitizedclassifier__threshold": [0.5, 0.9]}
    search = GridSearchCV(
        pipeline, grid, cv=2, scoring=detection_scorer, refit="recall"
    ).fit(X, y)
    assert search.best_params_ == {"knnsanitizedclassifier__threshold": 0.5}


@pytest.mark.parametrize(
    ("fitted", "match"),
    [
        (DEFENCE.fit(X, y), "must have an attack in it"),
        (make_pipeline(StandardScaler(), DEFENCE).fit(X, y), "must have an attack"),
        (make_pipeline(ATTACKS[0], GaussianNB()).fit(X, y), "end with a defence"),
    ],
)
def test_detection_needs_an_attack_and_a_defence(fitted, match):
    with pytest.raises(ValueError, match=match):
        detection_scorer(fitted, X, y)


def test_success():
    digits, labels = load_digits(return_X_y=True)
    digits, labels = digits[:400], labels[:400]
    fitted = RidgeClassifier().fit(digits, np.where(labels == 8, 3, labels))
    predicted = fitted.predict(digits)
    scorer = success_scorer({8: 3, 1: 7})
    hits = (labels == 8) & (predicted == 3) | (labels == 1) & (predicted == 7)
    of_interest = np.isin(labels, (8, 1))
    assert scorer(fitted, digits, labels) == -hits.sum() / of_interest.sum()
    assert success_scorer({8: 3})(fitted, digits, labels) < -0.8
    assert deepcopy(scorer).class_map == {8: 3, 1: 7}
    assert repr(scorer) == "success_scorer({8: 3, 1: 7})"


def test_success_with_words():
    words = np.array(["bad", "good"])[y]
    fitted = GaussianNB().fit(X, np.full_like(words, "good"))
    assert success_scorer({"bad": "good"})(fitted, X, words.tolist()) == -1


@pytest.mark.parametrize(
    "class_map", [{2: 0}, {0: 2}, {"0": 1}], ids=["from", "to", "word"]
)
def test_success_of_unknown_classes(class_map):
    fitted = GaussianNB().fit(X, y)
    with pytest.raises(
        ValueError, match=r"class_map must have classes .* are \[0, 1\]"
    ):
        success_scorer(class_map)(fitted, X, y)


def test_a_class_that_a_fold_lacks():
    """It is known from the estimator, or from the labels."""
    fitted = GaussianNB().fit(X, y)
    assert np.isnan(success_scorer({0: 1})(fitted, X[y == 1], y[y == 1]))
    ones = GaussianNB().fit(X[y == 1], y[y == 1])
    assert success_scorer({0: 1})(ones, X, y) == -1


def test_success_is_harm():
    """What the attack reaches lowers the score, and so the robustness."""
    curve = robustness_curve(
        GaussianNB(),
        X,
        y,
        attack=RandomLabelFlip(class_map={0: 1}, random_state=0),
        budgets=[0, 26],
        cv=2,
        scoring=success_scorer({0: 1}),
    )
    score = robustness_score(curve, no_skill=-1.0)
    assert score.worst_budget == 26
    assert score.worst_score < score.clean_score - 0.2


@pytest.mark.parametrize("class_map", [{}, [8, 3], "8"])
def test_success_needs_a_map(class_map):
    with pytest.raises(ValueError, match="class_map must be a dict"):
        success_scorer(class_map)


def test_subpopulation():
    fitted = GaussianNB().fit(X, y)
    inside = X[:, 0] > 0
    scorer = subpopulation_scorer(first_column, "f1")
    assert deepcopy(scorer)(fitted, X, y) == {
        "inside": f1_score(y[inside], fitted.predict(X[inside])),
        "beside": f1_score(y[~inside], fitted.predict(X[~inside])),
    }
    by_default = subpopulation_scorer(first_column)(fitted, X[inside], y[inside])
    assert by_default["inside"] == fitted.score(X[inside], y[inside])
    assert np.isnan(by_default["beside"])
    assert repr(scorer).endswith(", 'f1')")


def test_subpopulation_needs_a_mask():
    fitted = GaussianNB().fit(X, y)
    with pytest.raises(ValueError, match="member must be a function"):
        subpopulation_scorer(first_column(X))
    for wrong in (lambda X: X[:, 0], lambda X: np.ones(3, bool)):
        with pytest.raises(ValueError, match="a boolean for each of the 200 rows"):
            subpopulation_scorer(wrong)(fitted, X, y)
