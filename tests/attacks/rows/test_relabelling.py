"""Other labels for poison rows between the steps of an ascent."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.attacks.rows._relabelling import relabelled
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.optimizers._coordinates import PoisonRows

X, y = make_classification(
    120, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0
)
ORIGINS = np.array([0, 1, 0, 2])
ALLOWED = ~np.eye(3, dtype=bool)[ORIGINS]


def objective_and_rows(surrogate, seed):
    problem = BilevelProblem(
        surrogate,
        ErrorGeneric(),
        X[:60],
        y[:60],
        classes=np.arange(3),
        X_val=X[60:],
        y_val=y[60:],
    )
    problem.engine.tol = 1e-12
    rng = np.random.RandomState(seed)
    labels = (ORIGINS + rng.randint(1, 3, size=4)) % 3
    rows = PoisonRows(rng.standard_normal((4, 5)), labels)
    return PoisonObjective([problem], [], rows), rows


@pytest.mark.parametrize("surrogate", [RidgeClassifier(), LogisticRegression()])
def test_against_all_labels(surrogate):
    """The objective never falls, and ends near the best of all assignments."""
    gained = possible = 0
    for seed in range(5):
        objective, rows = objective_and_rows(surrogate, seed)
        values = {
            labels: objective(PoisonRows(rows.X, np.array(labels)), 0)[0]
            for labels in product(range(3), repeat=4)
            if ALLOWED[np.arange(4), labels].all()
        }
        assert len(values) == 16
        start = value = values[tuple(rows.y)]
        while True:
            found, after = relabelled(objective, rows, value, ALLOWED)
            if found is rows:
                break
            assert after > value
            assert_allclose(found.X, rows.X)
            assert_allclose(after, values[tuple(found.y)], rtol=1e-9)
            rows, value = found, after
        gained += value - start
        possible += max(values.values()) - start
    assert gained > 0.8 * possible > 0


def test_gains_are_slopes_in_weights():
    """Of a copy of the row with the other label, less that of the row itself."""
    objective, rows = objective_and_rows(LogisticRegression(), 0)
    (problem,) = objective.problems
    found, h = problem.label_gains(rows.X, rows.y), 1e-3

    def value(i, label, amount):
        both = problem._poisoned_rows(
            np.concatenate([rows.X, rows.X[[i]]]),
            np.append(rows.y, label),
            None,
            [1, 1, 1, 1, amount],
        )
        return problem.evaluate(both)[0]

    slopes = [
        [
            sum(a * value(i, c, k * h) for k, a in enumerate([-11, 18, -9, 2]))
            / (6 * h)
            for c in range(3)
        ]
        for i in range(4)
    ]
    expected = slopes - np.array(slopes)[np.arange(4), rows.y][:, np.newaxis]
    assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("make", [GradientInsertion, GradientModification])
def test_labels_of_the_path(make, measure_goal):
    """Rows get other wrong labels, and the objective is that with these."""
    optimizer = SuccessiveHalving(
        ProjectedAscent(max_iter=6, store_path=True), n_starts=1
    )
    attack = make(
        LogisticRegression(),
        8,
        goal=ErrorGeneric(sharpness=4.0),
        optimizer=optimizer,
        random_state=0,
    )
    own = {"X_val": X[60:], "y_val": y[60:]}
    X_out, y_out = attack.fit_resample(X[:60], y[:60], **own)
    assert attack.labels_path_.shape == (attack.n_iter_ + 1, 8)
    assert attack.n_iter_ <= 6
    poison = np.flatnonzero(attack.poison_mask_)
    best = attack.goal_path_.argmax()
    assert (y_out[poison] == attack.labels_path_[best]).all()
    for i in (0, 1, attack.n_iter_):
        X_i, y_i = X_out.copy(), y_out.copy()
        X_i[poison], y_i[poison] = attack.rows_path_[i], attack.labels_path_[i]
        value = measure_goal(attack, X[:60], y[:60], X_i, y_i, **own)
        assert_allclose(value, attack.goal_path_[i], rtol=1e-5)
    if make is GradientModification:
        assert (y_out[poison] != y[poison]).all()


@pytest.mark.parametrize(
    ("settings", "n_classes"),
    [
        ({}, 2),
        ({"poison_labels": "keep"}, 3),
        ({"goal": {0: 1}}, 3),
    ],
)
def test_no_other_labels(settings, n_classes):
    """Where rows may have one label each, they keep it."""
    labels = np.minimum(y, n_classes - 1)
    optimizer = SuccessiveHalving(
        ProjectedAscent(max_iter=3, store_path=True), n_starts=1
    )
    attack = GradientInsertion(
        LogisticRegression(), 8, optimizer=optimizer, random_state=0, **settings
    )
    attack.fit_resample(X[:60], labels[:60], X_val=X[60:], y_val=labels[60:])
    assert not hasattr(attack, "labels_path_")
