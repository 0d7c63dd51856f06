"""Poison for a fixed penalty, and victims that re-tune: Spambase, MNIST 1 against 7.

100 training rows are drawn anew for each seed, 20 rows are inserted into [0, 1],
n_p / n = 0.2 and n_p / (n + n_p) = 0.167. The attacker knows the training rows, and has
500 further rows to measure on (``--own 0``: none). They craft the poison for a logistic
regression with one C, or for a search over C: once for each C of the grid, of which the
poison is kept that is worst for the search. Victims keep their C, tune it by 5-fold
cross-validation on the poisoned rows, or on folds of 50 of the rows, which are trusted
and cannot be touched. Prints errors on the other rows, 2,000 at most: means and
standard deviations over seeds.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/retuned.py
[--sets spambase mnist_1_7] [--seeds 5] [--steps 50] [--own 500]``
"""

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from strength_data import stored
from two_sets import parse_options

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box
from skpoison.model_selection import TrustedKFold, transfer_matrix

N_TRAIN, N_TEST, N_POISON, N_TRUSTED = 100, 2000, 20, 50
ATTACKED = 0.01, 1.0, 100.0
GRID = {"C": np.logspace(-3, 3, 7)}


def logistic(C=1.0):
    return LogisticRegression(C=C, max_iter=10_000)


TUNED = GridSearchCV(logistic(), GRID, cv=5)
ON_TRUSTED = GridSearchCV(logistic(), GRID, cv=TrustedKFold(5))


def data(name, seed, n_own):
    """Return rows in [0, 1], their labels, the split of them, and the attacker's."""
    X, y = stored(name)
    n_rows = min(N_TRAIN + n_own + N_TEST, y.shape[0])
    order = np.random.RandomState(seed).permutation(y.shape[0])[:n_rows]
    # Whether a word or a sign occurs, as in the literature; grey values.
    X = (X[order, :54] > 0).astype(float) if name == "spambase" else X[order] / 255
    y, (others, own) = y[order], np.split(np.arange(n_rows), [n_rows - n_own])
    folds = [np.split(others, [N_TRAIN])]
    params = {"X_val": X[own], "y_val": y[own]} if n_own else {}
    params["trusted"] = others < N_TRUSTED
    return X[others], y[others], folds, params


def measure(name, seed, optimizer, n_own):
    """Return clean errors of the victims, and those with poison, by the attack."""
    X, y, folds, params = data(name, seed, n_own)
    attack = GradientInsertion(
        feasible_set=Box(0, 1), optimizer=optimizer, random_state=seed
    )
    fixed = {f"C = {C:g}": logistic(C) for C in ATTACKED}
    searches = {"tuned": TUNED, "tuned, trusted": ON_TRUSTED}
    with sklearn.config_context(enable_metadata_routing=True):
        matrix = transfer_matrix(
            fixed | searches,
            fixed | searches,
            X,
            y,
            attack=attack.set_fit_resample_request(**dict.fromkeys(params, True)),
            budget=N_POISON,
            cv=folds,
            scoring="accuracy",
            params=params,
        )
    errors = np.vstack([matrix.clean_scores.T, matrix.test_scores[:, :, 0]])
    return 1 - errors, matrix.victims


def main():
    options, optimizer = parse_options(n_seeds=5, own=500)
    for name in options.sets:
        found = []
        for seed in range(options.seeds):
            errors, names = measure(name, seed, optimizer, options.own)
            found.append(errors)
            print(f"# {name}, seed {seed}", errors.round(3).tolist(), flush=True)
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
        print(f"\n{name}, {options.seeds} seeds; columns: victims")
        print(f"{'crafted for':<18}" + "".join(f"{each:>16}" for each in names))
        for label, means, spreads in zip(
            ["clean data", *names], mean, spread, strict=True
        ):
            cells = zip(means, spreads, strict=True)
            line = "".join(f"{f'{m:.3f} ± {s:.3f}':>16}" for m, s in cells)
            print(f"{label:<18}{line}", flush=True)


if __name__ == "__main__":
    main()
