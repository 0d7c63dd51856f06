from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skpoison.surrogates._network  # noqa: F401
from skpoison.attacks import GradientInsertion, GradientModification, RandomInsertion
from skpoison.bilevel.differentiation.descent import Descent
from skpoison.goals import TargetCoefficients
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import as_training_problem

# Gradient descent over all of 200 rows at once, for as many steps as there are.
FULL_BATCH = {
    "solver": "sgd",
    "momentum": 0,
    "batch_size": 200,
    "learning_rate_init": 0.2,
    "max_iter": 60,
    "n_iter_no_change": 60,
    "random_state": 3,
}
# They run out of steps, which is as it should be.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:Got `batch_size`"
)
ESTIMATORS = [
    (MLPClassifier((5,), "tanh", **FULL_BATCH), 2),
    (MLPClassifier((5, 4), "logistic", alpha=3.0, **FULL_BATCH), 2),
    (MLPClassifier([6], "relu", alpha=1.0, **FULL_BATCH), 3),
    (MLPClassifier(4, "identity", **FULL_BATCH), 3),
    (
        MLPRegressor(
            hidden_layer_sizes=(5, 3), activation="tanh", alpha=2.0, **FULL_BATCH
        ),
        None,
    ),
    (MLPRegressor(hidden_layer_sizes=5, **FULL_BATCH), None),
]


def make_data(n_classes, is_sparse=False):
    X, y = make_classification(
        200,
        n_features=8,
        n_informative=5,
        n_classes=n_classes or 2,
        flip_y=0.1,
        random_state=0,
    )
    X /= np.abs(X).max()
    if is_sparse:
        X[np.abs(X) < 0.1] = 0
        X = sparse.csr_array(X)
    if n_classes is None:
        y = np.sin(3 * (X @ np.arange(8)))
    return X, y


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(("estimator", "n_classes"), ESTIMATORS, ids=str)
def test_steps_are_those_of_the_estimator(estimator, n_classes, weighted, is_sparse):
    if weighted and "sample_weight" not in signature(estimator.fit).parameters:
        pytest.skip("scikit-learn is too old for weights of rows")
    X, y = make_data(n_classes, is_sparse)
    weights = np.random.RandomState(0).uniform(0.1, 1, 200) if weighted else None
    surrogate = as_training_problem(estimator, n_classes)
    learner = surrogate.learner
    rows = surrogate.rows(X, y, weights)
    descent = Descent(learner, rows, rate=surrogate.rate, n_steps=surrogate.n_steps)
    estimator = clone(estimator)
    estimator.fit(X, y, **({"sample_weight": weights} if weighted else {}))
    assert estimator.n_iter_ == estimator.max_iter
    layers = learner.layers(descent.W, X.shape[1])
    fitted = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for layer, (coef, intercept) in zip(layers, fitted, strict=True):
        assert_allclose(layer[:-1], coef, rtol=0, atol=1e-12)
        assert_allclose(layer[-1], intercept, rtol=0, atol=1e-12)
    objective = surrogate.learner.at(descent.W, rows).objective()
    assert (
        objective
        < surrogate.learner.at(surrogate.learner.start(rows), rows).objective()
    )
    scores = surrogate.learner.scores(X, descent.W)
    if not is_classifier(estimator):
        assert_allclose(scores[:, 0], estimator.predict(X), atol=1e-12)
    elif n_classes == 2:
        expected = estimator.predict_proba(X)[:, 1:]
        assert_allclose(1 / (1 + np.exp(-scores)), expected, atol=1e-12)


def test_start_of_a_generator_in_use():
    X, y = make_data(2)
    for random_state in (np.random.RandomState(5), 5):
        estimator = clone(ESTIMATORS[0][0]).set_params(random_state=random_state)
        learner = as_training_problem(estimator, 2).learner
        start = learner.start(as_training_problem(estimator, 2).rows(X, y))
        expected = np.random.RandomState(5).uniform(-1, 1, 9 * 5) * np.sqrt(6 / 13)
        assert_allclose(start[: 9 * 5, 0], expected, rtol=1e-14)


def test_start_of_no_seed_differs_from_time_to_time():
    X, y = make_data(2)
    estimator = clone(ESTIMATORS[0][0]).set_params(random_state=None)
    surrogates = [as_training_problem(estimator, 2) for _ in range(2)]
    rows = surrogates[0].rows(X, y)
    first, second = (surrogate.learner.start(rows) for surrogate in surrogates)
    assert (first != second).any()
    assert_array_equal(surrogates[0].learner.start(rows), first)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"solver": "adam"},
            "this MLPClassifier is not.* Set solver='sgd'. .* by transfer",
        ),
        ({"solver": "lbfgs", "momentum": 0.9}, "Set solver='sgd', momentum=0[.]"),
        ({"learning_rate": "adaptive"}, "Set learning_rate='constant'[.]"),
        ({"early_stopping": True}, "Set early_stopping=False[.]"),
        ({"n_iter_no_change": 59}, "Set tol=0[.]"),
    ],
)
def test_what_is_not_full_batch_descent(parameters, message):
    estimator = clone(ESTIMATORS[0][0]).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        as_training_problem(estimator, 2)


def test_no_early_stop():
    for settings in ({"tol": 0}, {"n_iter_no_change": np.inf}):
        network = MLPClassifier(solver="sgd", momentum=0, max_iter=30, **settings)
        assert as_training_problem(network, 2).n_steps == 30


def test_other_losses():
    estimator = MLPRegressor(**FULL_BATCH)
    if "loss" not in estimator.get_params():
        pytest.skip("scikit-learn is too old for other losses")
    with pytest.raises(ValueError, match="Set loss='squared_error'"):
        as_training_problem(estimator.set_params(loss="poisson"))


def test_more_rows_than_a_batch():
    X, y = make_data(2)
    estimator = clone(ESTIMATORS[0][0])
    surrogate = as_training_problem(estimator, 2)
    surrogate.rows(X, y)
    # Rows that stand for others are as many as these.
    with pytest.raises(ValueError, match="learns from, 220; got"):
        surrogate.rows(X, y, multiplicity=np.full(200, 1.1))
    surrogate = as_training_problem(estimator.set_params(batch_size="auto"), 2)
    with pytest.raises(ValueError, match="learns from, 201; got 200"):
        surrogate.rows(X[np.arange(201) % 200], y[np.arange(201) % 200])


@pytest.mark.parametrize("scaled", [False, True])
def test_attack(scaled):
    X, y = make_classification(240, n_features=6, flip_y=0.02, random_state=1)
    X, X_test, y, y_test = train_test_split(X, y, train_size=90, random_state=0)
    estimator = clone(ESTIMATORS[0][0])
    surrogate = make_pipeline(StandardScaler(), estimator) if scaled else estimator
    attack = GradientInsertion(
        surrogate, 0.15, optimizer=ProjectedAscent(max_iter=30), random_state=0
    )
    poisoned = attack.fit_resample(X, y, X_val=X_test, y_val=y_test)
    assert attack.diagnostics_["hypergradient"] == "unrolled"
    check = check_hypergradient(
        attack, X, y, X_val=X_test, y_val=y_test, random_state=0
    )
    assert check.relative_error < 1e-6
    assert attack.goal_path_.max() > attack.goal_path_[0] + 0.05
    start = RandomInsertion(0.15, random_state=0).fit_resample(X, y)
    victim = clone(surrogate)
    before, after = (
        victim.fit(*rows).score(X_test, y_test) for rows in (start, poisoned)
    )
    assert after < before - 0.03


@pytest.mark.parametrize("hypergradient", ["auto", "back-gradient"])
def test_coefficients_of_a_network(hypergradient):
    """Its weights are of layers: none of them is the coefficient of a feature."""
    X, y = make_data(2)
    attack = GradientModification(
        clone(ESTIMATORS[0][0]),
        goal=TargetCoefficients({0: 0.0}),
        hypergradient=hypergradient,
        random_state=0,
    )
    with pytest.raises(ValueError, match="a neural network learns layers"):
        attack.fit_resample(X, y)
