from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from skpoison.bilevel.differentiation.penalty import log_penalty_derivative
from skpoison.bilevel.solvers.newton import minimise
from skpoison.surrogates import as_training_problem

BINARY = make_classification(60, 5, flip_y=0.2, random_state=0)
IRIS = load_iris(return_X_y=True)
RESPONSES = BINARY[0], BINARY[0] @ np.arange(5.0) + np.sin(9 * BINARY[0][:, 0])


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (LogisticRegression(C=0.3), BINARY),
        (LogisticRegression(C=30, solver="liblinear"), BINARY),
        (LogisticRegression(), IRIS),
        (LinearSVC(C=0.1), BINARY),
        (Ridge(5.0), RESPONSES),
    ],
    ids=lambda value: str(value) if hasattr(value, "fit") else "",
)
def test_equals_finite_differences(estimator, data):
    X, y = data
    n_classes = None if y.dtype.kind == "f" else np.unique(y).size
    problem = as_training_problem(estimator, n_classes)
    rows, val = problem.rows(X[::2], y[::2]), problem.rows(X[1::2], y[1::2])

    def at(s):
        learner = problem.learner
        factors = {
            name: np.exp(s) * getattr(learner, name)
            for name in ("penalty", "intercept_penalty")
        }
        optimum = minimise(replace(learner, **factors), rows, tol=1e-14)
        scores = learner.scores(val.X, optimum.W)
        return optimum, learner.loss.value(scores, val.targets).mean()

    optimum, _ = at(0.0)
    scores = problem.learner.scores(val.X, optimum.W)
    R = problem.learner.loss.gradient(scores, val.targets) / scores.shape[0]
    b = problem.learner.score_vjp(val.X, optimum.W, R)
    h = 1e-3
    values = {k: at(k * h)[1] for k in (-2, -1, 1, 2)}
    expected = 8 * (values[1] - values[-1]) - (values[2] - values[-2])
    expected /= 12 * h
    found = log_penalty_derivative(optimum, b, tol=1e-12)
    assert found == pytest.approx(expected, rel=1e-6)
