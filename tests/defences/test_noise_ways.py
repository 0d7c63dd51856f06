import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.defences import ConfidentLearningClassifier, NoisyLabelClassifier
from skpoison.defences._noise_ways import correctable, way_out

TWO = make_classification(120, flip_y=0.1, random_state=0)
THREE = load_iris(return_X_y=True)
ESTIMATORS = [
    LogisticRegression(max_iter=2000),
    RidgeClassifier(),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    RandomForestClassifier(3, random_state=0),
    GaussianNB(),
    SVC(),
    KNeighborsClassifier(),
    Perceptron(),
    make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    make_pipeline(StandardScaler(), RidgeClassifier()),
    make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
    make_pipeline(StandardScaler(), KNeighborsClassifier()),
]


def follow(model, text):
    """Return the model that an error proposes."""
    steps, defence = list(getattr(model, "steps", [])), model
    if steps:
        defence = steps[-1][1]
    if "within the Pipeline" in text:
        inner = defence.estimator
        last = clone(defence).set_params(estimator=inner[-1])
        return make_pipeline(*(step for _, step in inner.steps[:-1]), last)
    if "Take ConfidentLearningClassifier" in text:
        new = ConfidentLearningClassifier(defence.estimator, random_state=0)
    else:
        new = clone(defence)
        if "Set method='unbiased'" in text:
            new.set_params(method="unbiased")
        if "Set method='weighted'" in text:
            new.set_params(method="weighted")
        if "noise='anchors'" in text and "Give the rates" not in text:
            new.set_params(noise="anchors")
        elif "the rates" in text:
            new.set_params(noise=0.1, cv=5)
    return make_pipeline(*(step for _, step in steps[:-1]), new) if steps else new


@pytest.mark.filterwarnings("ignore:.* overrules .*:UserWarning")
@pytest.mark.parametrize("data", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("method", ["unbiased", "weighted"])
@pytest.mark.parametrize("noise", ["cv", "anchors", 0.1])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_no_error_leads_to_one_that_leads_back(estimator, noise, method, data):
    """Whatever was tried first, following the errors ends with a fitted model."""
    model = NoisyLabelClassifier(estimator, method=method, noise=noise, random_state=0)
    seen = []
    while True:
        try:
            model.fit(*data)
            break
        except ValueError as error:
            text = str(error)
            assert text not in seen, f"a circle: {seen}"
            seen.append(text)
            assert len(seen) < 4
            model = follow(model, text)
    assert model.predict(data[0]).shape == data[1].shape


def test_correctable():
    assert correctable(LogisticRegression(), 3).class_weight is None
    assert correctable(RidgeClassifier(), 2) is not None
    for estimator in (SVC(), DecisionTreeClassifier()):
        assert correctable(estimator, 2) is None


@pytest.mark.parametrize(
    ("estimator", "n_classes", "expected"),
    [
        (RidgeClassifier(), 2, "Set method='unbiased', and give the rates as noise."),
        (LogisticRegression(), 3, "Set method='unbiased'."),
        (GaussianNB(), 2, "Set method='weighted', and noise='anchors' or the rates"),
        (KNeighborsClassifier(), 2, "Take ConfidentLearningClassifier"),
        (GaussianNB(), 3, "Take ConfidentLearningClassifier"),
        (make_pipeline(GaussianNB()), 2, "Put the defence within the Pipeline"),
    ],
)
def test_way_out(estimator, n_classes, expected):
    assert way_out(estimator, n_classes).startswith(expected)
