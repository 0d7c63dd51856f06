"""How much harm do poisoned rows do to support vector machines?

First the protocol of Biggio, Nelson and Laskov (ICML 2012): one row is inserted into
100 that train a linear machine with C=1; 500 rows are the attacker's own, the rest
tests. The best of ten starts, by the attacker's own measure, counts. Then 20 rows at
once, as in ``aisec.py``, against a linear and a Gaussian machine. Digits are the first
10,000 of MNIST, pixels lie in the box [0, 1], and victims are scikit-learn's own.

Starts are clones of training rows with flipped labels. A machine at its caps does not
mind these: they cancel the rows that they are clones of. Clones of the attacker's own
rows are given beside them.

Prints test errors (mean and standard deviation over seeded splits), the mean of rows
that no gradient moves, and seconds an attack. "way out": such rows go to the margin.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/support_vectors.py [--splits 3]``
"""

import argparse
import time

import numpy as np
from sklearn.svm import SVC

from skpoison.attacks import RandomInsertion
from skpoison.bilevel.ascent import climb
from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.bilevel.kernel_machines import KernelMachine, stalled
from skpoison.bilevel.kernels import make_kernel
from skpoison.bilevel.losses import Logistic
from skpoison.datasets import fetch_mnist

GOALS = {
    "smoothed error": SmoothedError,
    "log loss": lambda codes: MeanLoss(Logistic(), codes[:, np.newaxis].astype(float)),
}
CLIMB = {"step_size": 2.0, "decay": 0.98, "max_iter": 200, "tol": 1e-6, "patience": 50}
N_STARTS = 10


def digits(positive, negative):
    X, y = fetch_mnist(return_X_y=True)
    rows = np.flatnonzero(np.isin(y[:10_000], (positive, negative)))
    return X[rows] / 255, (y[rows] == positive).astype(int)


def split(X, y, seed, n_own):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    return [(X[part], y[part]) for part in np.split(order, [100, 100 + n_own])]


def attack(train, own, start, labels, kernel, goal, way_out):
    """Climb; return rows, the goal there, and the mean number of rows that stall."""
    goal, n_poison, n_stalled = goal(own[1]), labels.shape[0], []
    codes = np.concatenate([train[1], labels])
    which = slice(-n_poison, None)

    def value_and_gradient(rows):
        X = np.concatenate([train[0], rows])
        machine = KernelMachine(
            kernel, X, codes, np.ones(codes.shape[0]), C=1.0, n_classes=2
        )
        scores = machine.scores(own[0])
        moved = machine.hypergradient(own[0], goal.gradient(scores), which)
        gradient, still = moved.features, stalled(moved)
        n_stalled.append(still.sum())
        if way_out and still.any():
            gradient = np.where(
                still[:, np.newaxis], machine.to_margin(which), gradient
            )
        return goal.value(scores), gradient

    found = climb(value_and_gradient, start, lambda rows: rows.clip(0, 1), **CLIMB)
    return found.rows, found.value, np.mean(n_stalled)


def error(kernel, train, test, rows=None, labels=None):
    X, y = train
    if rows is not None:
        X, y = np.concatenate([X, rows]), np.concatenate([y, labels])
    return 100 * (1 - SVC(kernel=kernel, C=1.0).fit(X, y).score(*test))


def one_row(X, y, seed, goal):
    """Insert one row: half of the starts get each label."""
    train, own, test = split(X, y, seed, 500)
    kernel, best, begin = make_kernel("linear", train[0]), None, time.perf_counter()
    for i in range(N_STARTS):
        labels = np.array([i % 2])
        start = train[0][train[1] != labels][i // 2][np.newaxis]
        rows, value, _ = attack(train, own, start, labels, kernel, goal, True)
        if best is None or value > best[0]:
            best = value, rows, labels
    seconds = time.perf_counter() - begin
    clean = error("linear", train, test)
    return clean, error("linear", train, test, *best[1:]), seconds


def twenty_rows(X, y, seed, name, goal, way_out):
    train, own, test = split(X, y, seed, 400)
    clones = RandomInsertion(20, random_state=seed).fit_resample(*train)
    start, labels = (each[100:] for each in clones)
    kernel, begin = make_kernel(name, train[0]), time.perf_counter()
    rows, _, n_stalled = attack(train, own, start, labels, kernel, goal, way_out)
    seconds = time.perf_counter() - begin
    others = own[0][:20], 1 - own[1][:20]
    return (
        error(name, train, test),
        error(name, train, test, start, labels),
        error(name, train, test, *others),
        error(name, train, test, rows, labels),
        n_stalled,
        seconds,
    )


def tell(title, table):
    table = np.array(table)
    cells = zip(table.mean(axis=0), table.std(axis=0), strict=True)
    print(f"{title:<38}" + "".join(f"{m:>8.1f} ± {s:<4.1f}" for m, s in cells))


def heading(title, *names):
    print(f"\n{title:<38}" + "".join(f"{name:>15}" for name in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    seeds = range(parser.parse_args().splits)

    heading("one row, linear", "clean", "attack", "seconds")
    for pair in ((7, 1), (9, 8), (4, 0)):
        X, y = digits(*pair)
        for named, goal in GOALS.items():
            title = f"{pair[0]} against {pair[1]}, {named}"
            tell(title, [one_row(X, y, seed, goal) for seed in seeds])

    X, y = digits(7, 1)
    names = "clean", "flipped clones", "of own rows", "attack", "stalled", "seconds"
    heading("20 rows, 7 against 1", *names)
    for name in ("linear", "rbf"):
        for named, goal in GOALS.items():
            for way_out in (False, True):
                title = f"{name}, {named}{', way out' * way_out}"
                settings = name, goal, way_out
                tell(title, [twenty_rows(X, y, seed, *settings) for seed in seeds])


if __name__ == "__main__":
    main()
