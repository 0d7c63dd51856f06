import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.model_selection import harmful_rows
from skpoison.model_selection._harmful_rows import describe_rows

IRIS = load_iris(return_X_y=True)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=1000), LinearSVC()])
def test_contradiction_by_hand(estimator, n_classes):
    X, codes = (each[: 50 * n_classes] for each in IRIS)
    y = np.array(["red", "green", "blue"])[codes]
    cv = StratifiedKFold(4, shuffle=True, random_state=0)
    expected, predicted = np.empty(y.shape[0]), np.empty(y.shape[0], dtype=y.dtype)
    for train, test in cv.split(X, y):
        fitted = clone(estimator).fit(X[train], y[train])
        method = getattr(fitted, "predict_proba", fitted.decision_function)
        for i, scores in zip(test, method(X[test]), strict=True):
            scores = np.atleast_1d(scores)
            scores = [-scores[0], scores[0]] if scores.shape[0] == 1 else scores
            own = list(fitted.classes_).index(y[i])
            expected[i] = max(np.delete(scores, own)) - scores[own]
        predicted[test] = fitted.predict(X[test])
    ranked = harmful_rows(estimator, X, y, cv=cv)
    np.testing.assert_allclose(ranked.contradiction, expected[ranked.indices])
    assert (np.diff(ranked.contradiction) <= 0).all()
    assert sorted(ranked.indices) == list(range(y.shape[0]))
    np.testing.assert_array_equal(ranked.predicted, predicted[ranked.indices])


def test_residuals():
    X, y = load_diabetes(return_X_y=True)
    y[[3, 7]] = 900
    ranked = harmful_rows(Ridge(), X, y)
    assert set(ranked.indices[:2]) == {3, 7}
    train, test = next(iter(KFold(5).split(X)))
    residuals = np.abs(Ridge().fit(X[train], y[train]).predict(X[test]) - y[test])
    places = np.argsort(ranked.indices)[test]
    np.testing.assert_allclose(ranked.contradiction[places], residuals)
    (row, contradiction, reason), *_ = describe_rows(ranked, y, n_rows=3)
    assert row == ranked.indices[0]
    assert contradiction == ranked.contradiction[0]
    assert reason == (
        "its target is 900, from the others one would predict "
        f"{ranked.predicted[0]:.4g}"
    )


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()])
def test_flipped_labels_are_at_the_top(estimator):
    X, y = load_breast_cancer(return_X_y=True)
    flipped = np.random.RandomState(0).choice(y.shape[0], 20, replace=False)
    y[flipped] = 1 - y[flipped]
    ranked = harmful_rows(make_pipeline(StandardScaler(), estimator), X, y)
    assert np.isin(flipped, ranked.indices[:40]).mean() > 0.9


def test_rows_that_are_described():
    X, y = IRIS
    y = y.copy()
    y[0] = 1
    tree = DecisionTreeClassifier(random_state=0)
    ranked = harmful_rows(
        tree, X, y, cv=StratifiedKFold(3, shuffle=True, random_state=0)
    )
    described = describe_rows(ranked, y)
    assert (0, 1.0, "labelled 1, from the others one would predict 0") in described
    # Those alone that contradict the others, and not too many of them.
    assert len(described) == (ranked.contradiction > 0).sum()
    assert describe_rows(ranked, y, n_rows=2) == described[:2]
    trusted = np.zeros(y.shape[0], dtype=bool)
    trusted[described[0][0]] = True
    assert describe_rows(ranked, y, skip=trusted) == described[1:]


def test_jobs_and_inputs():
    X, y = (each.copy() for each in IRIS)
    one, two = (harmful_rows(LinearSVC(), X, y, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.contradiction, two.contradiction)
    for given, kept in zip((X, y), IRIS, strict=True):
        np.testing.assert_array_equal(given, kept)


def test_errors():
    X, y = IRIS
    with pytest.raises(ValueError, match="cross_val_predict only works for partitions"):
        harmful_rows(LogisticRegression(), X, y, cv=[([*range(50, 150)], [0, 1])])
    with pytest.raises(ValueError, match=r"one label .* got shape \(150, 2\)"):
        harmful_rows(Ridge(), X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match=r"must be a classifier .*KMeans"):
        harmful_rows(KMeans(), X, y)
    four = np.where(X[:, 0] > 5.5, y + 1, 0)
    pairs = SVC(decision_function_shape="ovo")
    with pytest.raises(ValueError, match="each of the 4 classes; got 6, as for pairs"):
        harmful_rows(pairs, X, four, cv=2)
    votes = VotingClassifier([("tree", DecisionTreeClassifier())])
    with pytest.raises(ValueError, match=r"^estimator must have predict_proba or"):
        harmful_rows(votes, X, y)
