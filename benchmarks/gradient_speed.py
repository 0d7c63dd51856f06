"""Speed of gradient insertion: ratios measured side by side in one process.

* All rows at once through the optimum (50 steps), against the published attack: one row
  after the other, 100 steps of descent run backwards for each gradient, steps of length
  1 until the log loss rises by less than 1e-6, at most 300 (AISec 2017, Algorithms 1
  and 2). Both start from the same clones; protocol.py describes the data.
* One implicit hypergradient with its warm refit, against the warm refit alone, with the
  rows and the step size in the middle of an attack.
* One unrolled hypergradient with stored steps, against its training steps.

Run with one BLAS thread:
``OMP_NUM_THREADS=1 SCIKIT_LEARN_DATA=... python benchmarks/gradient_speed.py``
"""

import time
import warnings

import numpy as np
from protocol import DATA_SETS, LOGISTIC, N_POISON, split
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.attacks._problem import BilevelProblem
from skpoison.bilevel.differentiation.hypergradients import descend, implicit, unrolled
from skpoison.bilevel.solvers.newton import minimise
from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import GradientDescentClassifier


def seconds(function, repeats=1):
    """Return the run time of a function, the minimum over repeats."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - begin)
    return min(times), result


def make_problem(surrogate, hypergradient, loss, train, own):
    X, y = train
    classes, codes = np.unique(y, return_inverse=True)
    return BilevelProblem(
        surrogate,
        ErrorGeneric(loss),
        X,
        codes,
        classes=classes,
        X_val=own[0],
        y_val=np.searchsorted(classes, own[1]),
        hypergradient=hypergradient,
    )


def published(problem, start, codes):
    """Maximise the goal by the published algorithm."""
    rows = start[:0]
    for i in range(start.shape[0]):
        x, previous = start[i : i + 1], -np.inf
        for _ in range(300):
            value, gradient, _ = problem.differentiate(
                np.vstack([rows, x]), codes[: i + 1], slice(i, None)
            )
            if value - previous < 1e-6:
                break
            previous = value
            x = np.clip(x + gradient / (np.linalg.norm(gradient) or 1.0), 0, 1)
        rows = np.vstack([rows, x])
    return rows


def compare_attacks(X, y, seed=0):
    train, own, test = split(X, y, seed)
    n = train[1].shape[0]
    clones = RandomInsertion(N_POISON, random_state=seed).fit_resample(*train)
    start, labels = clones[0][n:], clones[1][n:]
    early = GradientDescentClassifier(learning_rate=0.1, n_steps=100)
    problem = make_problem(early, "back-gradient", "surrogate", train, own)
    codes = np.searchsorted(problem.classes, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that it is not exact
        slow, rows = seconds(lambda: published(problem, start, codes))
    attack = GradientInsertion(
        LogisticRegression(C=10),
        N_POISON,
        feasible_set=Box(0, 1),
        optimizer=ProjectedAscent(max_iter=50, decay=0.94),
        random_state=seed,
    )
    fast, joint = seconds(
        lambda: attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    )
    backwards = np.vstack([train[0], rows]), np.append(train[1], labels)
    error = [
        1 - LOGISTIC.fit(*rows).score(*test) for rows in (clones, backwards, joint)
    ]
    return slow, fast, error


def compare_hypergradients(X, y):
    train, own, _ = split(X, y, 0)
    attack = GradientInsertion(
        LogisticRegression(C=10),
        N_POISON,
        feasible_set=Box(0, 1),
        optimizer=ProjectedAscent(max_iter=31, store_path=True),
        random_state=0,
    )
    _, y_out = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    before, after = attack.rows_path_[-2:]
    labels = y_out[-N_POISON:]
    problem = make_problem(attack.surrogate, "implicit", "error", train, own)
    codes = np.searchsorted(problem.classes, labels)
    learner, poison = problem.learner, slice(-N_POISON, None)
    problem.differentiate(before, codes)
    start, rows = problem.engine.optimum, problem._poisoned_rows(after, codes, None)

    def refit():
        # New rows each time: nothing that was computed for them is there.
        return minimise(learner, rows.with_features(rows.X.copy()), start, tol=1e-7)

    def refit_and_differentiate():
        optimum = refit()
        _, b = problem.resolved_goal.at(learner, optimum.W)
        return implicit(optimum, b, poison, tol=1e-7)

    of_refit = seconds(refit_and_differentiate, 200)[0] / seconds(refit, 200)[0]

    surrogate = GradientDescentClassifier(learning_rate=0.1, n_steps=100)
    problem = make_problem(surrogate, "unrolled", "error", train, own)
    learner, rows = problem.learner, problem._poisoned_rows(after, codes, None)
    steps = {"rate": 0.1, "n_steps": 100}

    def train_alone():
        return descend(
            learner, rows, learner.start(rows), checkpoint_every=None, **steps
        )

    def train_and_differentiate():
        W, stored = descend(learner, rows, learner.start(rows), **steps)
        _, b = problem.resolved_goal.at(learner, W)
        return unrolled(stored, b, poison, **steps)

    of_steps = seconds(train_and_differentiate, 50)[0] / seconds(train_alone, 50)[0]
    return of_refit, of_steps


def main():
    print(f"{'':<12}{'published':>11}{'joint':>9}{'times':>7}", end="")
    print("   error: clones, published, joint")
    data = {load.__name__: load() for load in DATA_SETS}
    for name, (X, y) in data.items():
        slow, fast, error = compare_attacks(X, y)
        shown = ", ".join(f"{e:.3f}" for e in error)
        print(f"{name:<12}{slow:>9.1f} s{fast:>7.2f} s{slow / fast:>7.0f}   {shown}")
    print()
    print(f"{'':<12}{'implicit / warm refit':>24}{'unrolled / steps':>20}")
    for name, (X, y) in data.items():
        of_refit, of_steps = compare_hypergradients(X, y)
        print(f"{name:<12}{of_refit:>24.2f}{of_steps:>20.2f}")


if __name__ == "__main__":
    main()
