"""Test error of support vector machines after insertions, on MNIST.

First the protocol of Biggio, Nelson and Laskov (ICML 2012): one row is inserted into
100 training rows of a linear machine with C=1; the attacker has 500 validation rows,
and the rest of the first 10,000 digits are test rows (in the paper, the test set of
MNIST). The best of ten starts, by the attacker's own measure, counts. Then more rows
are inserted, up to 8 % of what the victim gets, all at once and from one start.

Then 20 rows, n_p / (n + n_p) = 0.167, as in protocol.py: 100 training and 400
validation rows. Most attacks differentiate the victim itself; "by LinearSVC" is an
attack on the linear SVC through LinearSVC(loss="hinge"), whose hinge loss is replaced
by a smooth approximation. The "hinge loss" on the validation rows is the smooth one
throughout. Clones with flipped labels are compared: of training rows, from which all
attacks start, and of validation rows. The former have little effect on a machine whose
support vectors are bounded: they cancel the rows that they are clones of.

Last, the gradient printed in the paper, which ignores that a margin support vector
changes its own equation, is compared with the complete one: cosines for one inserted
row between a training row and one of another class, if it is a margin support vector,
over the splits and 50 tries in each.

Pixels lie in the box [0, 1], victims are scikit-learn's own. Prints test errors in per
cent (mean and standard deviation over seeded splits), the share of poison rows with a
zero gradient at the last iterate, and the seconds of one attack.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/support_vectors.py [--splits 10]``
"""

import argparse
import time

import numpy as np
from sklearn.base import clone
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.bilevel.differentiation.svm import svm_hypergradient
from skpoison.bilevel.goals import SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.kernels import LinearKernel, make_kernel
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.solvers.svm import minimise_svm
from skpoison.datasets import fetch_mnist
from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent

PAIRS = (7, 1), (9, 8), (4, 0)
LOSSES = {"error": "smoothed error", "surrogate": "hinge loss"}
ASCENT = ProjectedAscent(decay=0.98, max_iter=200)
N_TRAIN, N_POISON = 100, 20


def digits(positive, negative):
    X, y = fetch_mnist(return_X_y=True)
    rows = np.flatnonzero(np.isin(y[:10_000], (positive, negative)))
    return X[rows] / 255, y[rows]


def split(X, y, seed, n_own):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    parts = np.split(order, [N_TRAIN, N_TRAIN + n_own])
    return [(X[part], y[part]) for part in parts]


def error(victim, train, test):
    return 100 * (1 - victim.fit(*train).score(*test))


def attacked(victim, attack, train, own, test):
    """Compute the test error, the share of rows that stall, and seconds."""
    begin = time.perf_counter()
    poisoned = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    seconds = time.perf_counter() - begin
    n_stalled = attack.diagnostics_.get("n_stalled", np.nan)
    share = n_stalled / attack.poison_mask_.sum()
    return error(victim, poisoned, test), share, seconds


def one_row(X, y, seed, loss):
    train, own, test = split(X, y, seed, 500)
    victim = SVC(kernel="linear")
    attack = GradientInsertion(
        victim,
        1,
        goal=ErrorGeneric(loss),
        feasible_set=Box(0, 1),
        optimizer=clone(ASCENT).set_params(n_restarts=9),
        random_state=seed,
    )
    found, _, seconds = attacked(victim, attack, train, own, test)
    return error(victim, train, test), found, seconds


def several_rows(X, y, seed, n_poison):
    train, own, test = split(X, y, seed, 500)
    victim = SVC(kernel="linear")
    attack = GradientInsertion(
        victim,
        n_poison,
        feasible_set=Box(0, 1),
        optimizer=ASCENT,
        random_state=seed,
    )
    clones = RandomInsertion(n_poison, random_state=seed).fit_resample(*train)
    return error(victim, clones, test), *attacked(victim, attack, train, own, test)


def twenty_rows(X, y, seed, victim, surrogate, loss):
    train, own, test = split(X, y, seed, 400)
    attack = GradientInsertion(
        surrogate,
        N_POISON,
        goal=ErrorGeneric(loss),
        feasible_set=Box(0, 1),
        optimizer=ASCENT,
        random_state=seed,
    )
    clones = RandomInsertion(N_POISON, random_state=seed)
    of_training = clones.fit_resample(*train)
    of_own = [each[-N_POISON:] for each in clones.fit_resample(*own)]
    of_own = [np.concatenate(pair) for pair in zip(train, of_own, strict=True)]
    before = [error(victim, rows, test) for rows in (train, of_training, of_own)]
    return *before, *attacked(victim, attack, train, own, test)


def cosines(X, y, seed, kernel):
    """Compare the printed gradient with the complete one, on the margin."""
    (X, y), own, _ = split(X, y, seed, 400)
    codes = np.searchsorted(np.unique(y), y)
    kernel = make_kernel("rbf", X) if kernel == "rbf" else LinearKernel()
    goal = SmoothedError(np.searchsorted(np.unique(y), own[1]), 4.0)
    rng, found = np.random.RandomState(seed), []
    for c in rng.permutation(N_TRAIN)[:50]:
        other = rng.choice(np.flatnonzero(codes != codes[c]))
        row, code = X[c] + rng.rand() * (X[other] - X[c]), 1 - codes[c]
        signs = 2.0 * np.append(codes, code) - 1
        rows = Rows(np.vstack([X, row]), signs[:, np.newaxis], np.ones(N_TRAIN + 1))
        machine = minimise_svm(SVMLearner("rbf", 1.0), rows, kernel)
        (solution,) = machine.solutions
        if machine.group[-1] not in solution.margin or solution.system is None:
            continue
        slopes = goal.gradient(machine.scores(own[0]))
        last = slice(-1, None)
        whole = svm_hypergradient(machine, own[0], slopes, last).features[0]
        v, _, _ = solution.adjoint(
            kernel.product(machine.X, own[0], slopes)[:, 0], slopes.sum()
        )
        own_term = v[-1] * kernel.vjp(
            row[np.newaxis], machine.X, np.ones((1, 1)), machine.coefficients
        )
        printed = whole + own_term[0]
        size = np.linalg.norm(printed) * np.linalg.norm(whole)
        found.append(printed @ whole / size)
    return found


def tell(title, table, formats):
    cells = ""
    for column, form in zip(np.array(table).T, formats, strict=True):
        mean, std = column.mean(), column.std()
        if np.isnan(mean):
            cells += f"{'':>15}"
        elif form == "pm":
            cells += f"{mean:>8.1f} ± {std:<4.1f}"
        else:
            cells += f"{mean:>15{form}}"
    print(f"{title:<38}{cells}", flush=True)


def heading(title, *names):
    print(f"\n{title:<38}" + "".join(f"{name:>15}" for name in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    seeds = range(parser.parse_args().splits)

    heading("one row of 101, linear", "clean", "attack", "seconds")
    print(f"{'read in the paper, all pairs':<38}{'2 to 5':>15}{'15 to 20':>15}")
    for pair in PAIRS:
        X, y = digits(*pair)
        for loss, named in LOSSES.items():
            table = [one_row(X, y, seed, loss) for seed in seeds]
            tell(f"{pair[0]} against {pair[1]}, {named}", table, ["pm", "pm", ".1f"])

    columns = "clones", "attack", "stalled", "seconds"
    heading("more rows, linear, n_p / (n + n_p)", *columns)
    for pair in PAIRS:
        X, y = digits(*pair)
        for n_poison in (2, 4, 6, 8):
            table = [several_rows(X, y, seed, n_poison) for seed in seeds]
            share = n_poison / (N_TRAIN + n_poison)
            title = f"{pair[0]} against {pair[1]}, {share:.3f}"
            tell(title, table, ["pm", "pm", ".2f", ".1f"])

    X, y = digits(*PAIRS[0])
    heading(
        "20 rows, 7 against 1", "clean", "flipped clones", "of own rows", *columns[1:]
    )
    linear = SVC(kernel="linear")
    smoothed = LinearSVC(loss="hinge", max_iter=100_000, random_state=0)
    for title, victim, surrogate in (
        ("linear", linear, linear),
        ("linear, by LinearSVC", linear, smoothed),
        ("rbf", SVC(), SVC()),
    ):
        for loss, named in LOSSES.items():
            settings = victim, surrogate, loss
            table = [twenty_rows(X, y, seed, *settings) for seed in seeds]
            forms = ["pm", "pm", "pm", "pm", ".2f", ".1f"]
            tell(f"{title}, {named}", table, forms)

    heading("printed gradient and whole one", "rows", "least", "median", "largest")
    for kernel in ("linear", "rbf"):
        found = np.concatenate([cosines(X, y, seed, kernel) for seed in seeds])
        cells = f"{found.size:>15}" + "".join(
            f"{quantile:>15.3f}" for quantile in np.quantile(found, [0, 0.5, 1])
        )
        print(f"{'cosine on the margin, ' + kernel:<38}{cells}")


if __name__ == "__main__":
    main()
