"""Small problems of deletion, and the goal that an attack reaches."""

from types import SimpleNamespace

import numpy as np
import pytest

from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks.rows._deletion_problem import DeletionProblem
from skpoison.bilevel.differentiation.scaling import ColumnScaler
from skpoison.goals import ErrorGeneric
from skpoison.goals._errors import resolve_goal

N_ROWS = 12


def _make_problem(
    surrogate, n_classes=None, *, seed=0, n_rows=N_ROWS, n_features=3, tol=None, **sizes
):
    """Make a goal as a function of the rows deleted."""
    rng = np.random.RandomState(seed)
    X, X_val = rng.normal(size=(n_rows, n_features)), rng.normal(size=(30, n_features))
    w = rng.normal(size=(n_features, n_classes or 1))
    y, y_val = (Z @ w + rng.normal(size=(len(Z), w.shape[1])) for Z in (X, X_val))
    if n_classes is None:
        y, y_val, classes = y[:, 0], y_val[:, 0], None
        kinds = np.zeros(n_rows, dtype=int)
    else:
        y, y_val = y.argmax(axis=1), y_val.argmax(axis=1)
        y[:n_classes] = y[n_classes : 2 * n_classes] = np.arange(n_classes)
        classes, kinds = np.arange(n_classes), y
    problem = BilevelProblem(
        surrogate,
        ErrorGeneric(),
        X,
        y,
        classes=classes,
        X_val=X_val,
        y_val=y_val,
        tol=tol,
    )
    return DeletionProblem(problem, kinds, **sizes)


def _goal_without(deletion_problem, deleted):
    """Train from scratch on the rows that are left, and no others."""
    problem = deletion_problem.problem
    left = np.setdiff1d(np.arange(problem.codes.shape[0]), deleted)
    X, y, goal = problem.X[left], problem.codes[left], problem.raw_goal
    if problem.scaler is not None:
        scaling = ColumnScaler(problem.scaler.steps, X).fit()
        X, goal = scaling.transform(X), goal.scaled(scaling)
    rows = problem.training_problem.rows(X, y, classes=problem.classes)
    engine = problem.training_problem.engine(shape=X.shape)
    engine.tol = 1e-12
    return engine(rows, goal, slice(None))[0]


@pytest.fixture
def deletions():
    """Give what makes small problems, and what solves them from scratch."""
    return SimpleNamespace(
        n_rows=N_ROWS, make_problem=_make_problem, goal_without=_goal_without
    )


def _measure_goal(attack, X, y, X_out, y_out, X_val, y_val):
    """Compute the goal of an attack on given validation rows, from what comes out."""
    mask = attack.poison_mask_
    clean = ~mask[: len(y)]
    codes, codes_out, codes_val = (
        np.searchsorted(attack.classes_, labels) for labels in (y, y_out, y_val)
    )
    problem = BilevelProblem(
        attack.surrogate,
        resolve_goal(attack.goal),
        X[clean],
        codes[clean],
        classes=attack.classes_,
        X_val=X_val,
        y_val=codes_val,
    )
    return problem.differentiate(X_out[mask], codes_out[mask])[0]


@pytest.fixture
def measure_goal():
    """Return a function that computes the goal that an attack reaches."""
    return _measure_goal
