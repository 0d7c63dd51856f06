"""Label flips: test error, run time, and how much a kNN defence repairs.

The first `--rows` rows of a random order are the training set, as many more are the
attacker's validation set, and the rest is the test set. The victim is
LogisticRegression(C=10), and so is the surrogate unless another one is named. Features
lie in [0, 1]: those of the breast cancer data after a MinMaxScaler fitted on the
training rows. Budgets are n_p / n.

Printed are test errors, their mean and standard deviation over seeds, and seconds of
the attack at the largest budget. "reference" is greedy flipping as published: the
victim is fitted for every possible flip, and the goal is the error on the validation
rows plus 1e-3 times the log loss. With `--brute seed` the goal of GreedyLabelFlip is
maximised in this way too: with a fit by scikit-learn of every candidate at every step,
or, with `--sample k`, at k of the steps of the attack, for the run time alone.

Run: ``SCIKIT_LEARN_DATA=... OMP_NUM_THREADS=1 python benchmarks/labels.py [--rows 100]
[--seeds 10] [--data spambase] [--budgets 0.1 0.2] [--no-reference] [--brute 0]``
"""

import argparse
import time

import numpy as np
from protocol import mnist_1_7, spambase
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import MinMaxScaler

from skpoison.attacks import (
    ALFA,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.bilevel.goals import SmoothedError
from skpoison.defences import KNNSanitizedClassifier

VICTIM = LogisticRegression(C=10, max_iter=10_000)
DATA_SETS = {
    "spambase": spambase,
    "mnist_1_7": mnist_1_7,
    "breast_cancer": lambda: load_breast_cancer(return_X_y=True),
}
ATTACKS = {
    "random": RandomLabelFlip(),
    "margin, nearest": MarginLabelFlip(VICTIM, order="nearest"),
    "margin, furthest": MarginLabelFlip(VICTIM),
    "ALFA": ALFA(VICTIM),
    "greedy, 1 candidate": GreedyLabelFlip(VICTIM, n_candidates=1),
    "greedy": GreedyLabelFlip(VICTIM),
    "greedy, exact": GreedyLabelFlip(VICTIM, n_candidates=None),
    "greedy, ridge": GreedyLabelFlip(RidgeClassifier()),
    "relaxed": RelaxedLabelFlip(VICTIM),
}


def split(X, y, n_rows, seed):
    """Split into training, validation and test rows, with features in [0, 1]."""
    order = np.random.RandomState(seed).permutation(y.shape[0])
    parts = np.split(order, [n_rows, 2 * n_rows])
    if X.max() > 1:
        X = MinMaxScaler().fit(X[parts[0]]).transform(X)
    return [(X[part], (y[part] == y.max()).astype(int)) for part in parts]


def published(fitted, X, y):
    """Compute the goal of the published attack."""
    wrong = 1 - fitted.score(X, y)
    return wrong + 1e-3 * log_loss(y, fitted.predict_proba(X), labels=[0, 1])


def smoothed(fitted, X, y):
    """Compute the goal of GreedyLabelFlip."""
    return SmoothedError(y).value(fitted.decision_function(X)[:, np.newaxis])


def try_all(X, labels, validation, free, measure):
    """Fit the victim for every possible flip, and compute the goal."""
    values = []
    for row in free:
        flipped = labels.copy()
        flipped[row] = 1 - flipped[row]
        values.append(measure(clone(VICTIM).fit(X, flipped), *validation))
    return values


def brute_force(train, validation, n_flips, measure):
    """Flip one label after the other, each time the one with the highest goal.

    Returns the rows in order, and the seconds that it took.
    """
    X, labels = train[0], train[1].copy()
    free, order = list(range(labels.shape[0])), []
    begin = time.perf_counter()
    for _ in range(n_flips):
        row = free[int(np.argmax(try_all(X, labels, validation, free, measure)))]
        free.remove(row)
        labels[row] = 1 - labels[row]
        order.append(row)
    return order, time.perf_counter() - begin


def brute_force_seconds(train, validation, n_flips, n_steps):
    """Estimate the run time of brute force from some steps of the attack."""
    seconds = []
    for step in np.linspace(0, n_flips - 1, n_steps).round().astype(int):
        labels, _ = poison(ATTACKS["greedy"], train, validation, int(step), 0)
        begin = time.perf_counter()
        try_all(
            train[0], labels, validation, np.flatnonzero(labels == train[1]), smoothed
        )
        seconds.append(time.perf_counter() - begin)
    return np.mean(seconds) * n_flips


def poison(attack, train, validation, budget, seed):
    """Return the flipped labels, and the run time in seconds."""
    attack = clone(attack).set_params(budget=budget, random_state=seed)
    measures = isinstance(attack, (GreedyLabelFlip, RelaxedLabelFlip))
    given = {"X_val": validation[0], "y_val": validation[1]} if measures else {}
    begin = time.perf_counter()
    _, labels = attack.fit_resample(*train, **given)
    return labels, time.perf_counter() - begin


def report(name, errors, seconds):
    errors = np.array(errors)
    cells = " ".join(
        f"{mean:.3f} ({std:.3f})"
        for mean, std in zip(errors.mean(axis=0), errors.std(axis=0), strict=True)
    )
    print(f"  {name:<22} {cells} {np.mean(seconds):9.2f}", flush=True)


def run(name, X, y, options):
    """Print the table of one data set."""
    budgets = [0.0, *options.budgets]
    n_flips = round(budgets[-1] * options.rows)
    attacks = {
        k: v for k, v in ATTACKS.items() if not options.only or k in options.only
    }
    if options.reference:
        attacks["reference"] = None
    errors = {key: [] for key in attacks}
    defended = {key: [] for key in ("random", "greedy", "reference") if key in attacks}
    seconds = {key: [] for key in attacks}
    knn = KNNSanitizedClassifier(VICTIM, n_neighbors=10, threshold=0.5)
    for seed in range(options.seeds):
        train, validation, test = split(X, y, options.rows, seed)
        order = None
        for key, attack in attacks.items():
            if attack is None:
                order, spent = brute_force(train, validation, n_flips, published)
            row, row_defended = [], []
            for budget in budgets:
                if attack is None:
                    labels = train[1].copy()
                    flips = order[: round(budget * options.rows)]
                    labels[flips] = 1 - labels[flips]
                else:
                    labels, spent = poison(attack, train, validation, budget, seed)
                for model, place in ((VICTIM, row), (knn, row_defended)):
                    fitted = clone(model).fit(train[0], labels)
                    place.append(1 - fitted.score(*test))
            errors[key].append(row)
            seconds[key].append(spent)
            if key in defended:
                defended[key].append(row_defended)
    heads = "".join(f"{f'n_p/n={budget:g}':>14}" for budget in budgets)
    print(f"{name}, {options.rows} rows, {options.seeds} seeds")
    print(f"  {'':<20} {heads}   seconds")
    for key in attacks:
        report(key, errors[key], seconds[key])
    for key, rows in defended.items():
        report(f"{key} + kNN", rows, [0.0])
    if options.brute is not None:
        against_brute_force(X, y, n_flips, budgets[-1], options)


def against_brute_force(X, y, n_flips, budget, options):
    """Print the run time and the error of brute force with the same goal."""
    train, validation, test = split(X, y, options.rows, options.brute)
    labels, spent = poison(ATTACKS["greedy"], train, validation, budget, options.brute)
    ours = 1 - clone(VICTIM).fit(train[0], labels).score(*test)
    line = (
        f"  seed {options.brute}: greedy {spent:.2f} s, error {ours:.3f}; brute force "
    )
    if options.sample:
        total = brute_force_seconds(train, validation, n_flips, options.sample)
        line += f"{total:.0f} s, from {options.sample} of {n_flips} steps"
    else:
        order, total = brute_force(train, validation, n_flips, smoothed)
        labels = train[1].copy()
        labels[order] = 1 - labels[order]
        theirs = 1 - clone(VICTIM).fit(train[0], labels).score(*test)
        line += f"{total:.0f} s, error {theirs:.3f}"
    print(f"{line}; ratio {total / spent:.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data", nargs="+", default=list(DATA_SETS))
    parser.add_argument(
        "--budgets", type=float, nargs="+", default=[0.05, 0.1, 0.15, 0.2]
    )
    parser.add_argument("--only", nargs="+", choices=list(ATTACKS))
    parser.add_argument("--no-reference", dest="reference", action="store_false")
    parser.add_argument("--brute", type=int)
    parser.add_argument("--sample", type=int)
    options = parser.parse_args()
    for name in options.data:
        run(name, *DATA_SETS[name](), options)


if __name__ == "__main__":
    main()
