import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skpoison.attacks import MarginLabelFlip
from skpoison.model_selection import transfer_matrix
from skpoison.surrogates import as_penalty_learner, as_student

X, y = make_classification(60, 4, flip_y=0.2, random_state=0)
LABELS = np.array(["no", "yes"])[y]
LR = LogisticRegression()
TREE = DecisionTreeClassifier(max_depth=2, random_state=0)


@pytest.mark.parametrize("made", [as_penalty_learner(LR), as_student(TREE, LR)])
def test_classifiers_are_scored_by_the_estimator_inside(made):
    fitted = clone(made).fit(X, LABELS)
    inner = getattr(fitted, f"{fitted._inner}_")
    np.testing.assert_array_equal(fitted.classes_, ["no", "yes"])
    assert fitted.n_features_in_ == 4
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(
            getattr(fitted, method)(X), getattr(inner, method)(X)
        )
    weights = np.arange(60.0)
    expected = accuracy_score(LABELS, inner.predict(X), sample_weight=weights)
    assert fitted.score(X, LABELS, sample_weight=weights) == expected
    for name in ("accuracy", "roc_auc", "neg_log_loss"):
        scorer = get_scorer(name)
        assert scorer(fitted, X, LABELS) == scorer(inner, X, LABELS)


@pytest.mark.parametrize(
    "made",
    [
        as_penalty_learner(make_pipeline(StandardScaler(), Ridge())),
        as_student(DecisionTreeRegressor(max_depth=2), Ridge()),
    ],
)
def test_regressors(made):
    responses = X[:, 0] + y
    fitted = clone(made).fit(X, responses)
    assert fitted.score(X, responses) == r2_score(responses, fitted.predict(X))
    assert not hasattr(fitted, "classes_")
    assert not hasattr(fitted, "predict_proba")


def test_only_what_the_estimator_inside_can():
    student = as_student(TREE, LinearSVC())
    assert hasattr(student, "decision_function")
    assert not hasattr(student, "predict_proba")
    with pytest.raises(NotFittedError):
        student.predict(X)


def test_as_victims_of_a_matrix():
    """Their alignment with the estimator inside is that of what they have fitted."""
    victims = {"penalty": as_penalty_learner(LR), "student": as_student(TREE, LR)}
    attack = MarginLabelFlip(random_state=0)
    for scoring in (None, "accuracy"):
        matrix = transfer_matrix(
            victims, LR, X, y, attack=attack, cv=2, scoring=scoring
        )
        assert matrix.test_scores.shape == (1, 2, 2)
        # The multiples of a penalty turn the coefficients a little, those of another
        # learner's labels more.
        assert (matrix.alignments[0] > 0.5).all()


def test_margins_of_a_penalty_learner():
    learner = as_penalty_learner(LR)
    chosen = clone(learner).fit(X, y).estimator_
    expected = MarginLabelFlip(clone(chosen), 5, random_state=0).fit_resample(X, y)[1]
    found = MarginLabelFlip(learner, 5, random_state=0).fit_resample(X, y)[1]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: as_penalty_learner("a"), "estimator"),
        (lambda: as_penalty_learner(LogisticRegression), "estimator"),
        (lambda: as_student(TREE, "lr"), "surrogate"),
        (lambda: as_student(None, LR), "victim"),
    ],
)
def test_no_estimators(make, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of as_.* must be an ins"):
        make()
