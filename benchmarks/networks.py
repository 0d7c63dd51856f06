"""How much harm do 20 inserted rows do to a neural network? The protocol of AISec 2017.

The network has one hidden layer of 10 tanh units and learns by gradient descent over
all rows at rate 0.1 without a penalty. The surrogate takes 200 steps, the victim 400,
from the starting weights of the surrogate ("same"), or from five others ("others",
their mean). Prints the test error, mean and standard deviation over seeded splits, of
the victim on clean data, after inserting the clones with flipped labels from which the
attack starts, and after the attack by each loss; seconds an attack; and what one
gradient in all poison rows costs, relative to the steps that it goes through. For the
rest see protocol.py.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/networks.py [--splits 10]``
"""

import argparse
import time
import warnings

import numpy as np
from protocol import N_POISON, N_TRAIN, mnist_1_7, spambase, split
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skpoison.attacks import GradientPoisoner, RandomInsertion
from skpoison.bilevel.networks import NetworkDescent
from skpoison.feasible_sets import Box
from skpoison.surrogates import as_learner

N_OTHERS = 5


def network(n_steps, seed):
    return MLPClassifier(
        (10,),
        "tanh",
        solver="sgd",
        alpha=0,
        learning_rate_init=0.1,
        momentum=0,
        max_iter=n_steps,
        n_iter_no_change=n_steps,
        random_state=seed,
    )


def error(X, y, X_test, y_test, seed):
    return 1 - network(400, seed).fit(X, y).score(X_test, y_test)


def attacks(X, y, seed):
    """Compute errors from the same and from other starting weights, and seconds."""
    (X, y), (X_own, y_own), test = split(X, y, seed)
    settings = {"feasible_set": Box(0, 1), "random_state": seed}
    sets = [(X, y), RandomInsertion(N_POISON, random_state=seed).fit_resample(X, y)]
    seconds = []
    for loss in ("error", "log_loss"):
        attack = GradientPoisoner(network(200, seed), N_POISON, loss=loss, **settings)
        begin = time.perf_counter()
        sets.append(attack.fit_resample(X, y, X_val=X_own, y_val=y_own))
        seconds.append(time.perf_counter() - begin)
    others = 1000 + N_OTHERS * seed + np.arange(N_OTHERS)
    same = [error(*each, *test, seed) for each in sets]
    mean = [np.mean([error(*each, *test, other) for other in others]) for each in sets]
    return [*same, *mean, *seconds]


def ratio(X, y):
    """Compare a gradient through the steps with the steps."""
    (X, y), _, _ = split(X, y, 0)
    X, y = np.concatenate([X, X[:N_POISON]]), np.concatenate([y, y[:N_POISON]])
    surrogate = as_learner(network(200, 0), 2)
    rows = surrogate.rows(X, np.searchsorted(np.unique(y), y))
    settings = {"rate": surrogate.rate, "n_steps": surrogate.n_steps}
    seconds = []
    for _ in range(9):
        begin = time.perf_counter()
        descent = NetworkDescent(surrogate.learner, rows, **settings)
        middle = time.perf_counter()
        descent.hypergradient(np.ones_like(descent.W), slice(N_TRAIN, None))
        seconds.append([middle - begin, time.perf_counter() - begin])
    steps, both = np.min(seconds, axis=0)
    return both / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    n_splits = parser.parse_args().splits
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'':<12}{'':<8}", end="")
    print("".join(f"{c:>16}" for c in ("clean", "flipped clones", "error", "log_loss")))
    for load in (mnist_1_7, spambase):
        X, y = load()
        table = np.array([attacks(X, y, seed) for seed in range(n_splits)])
        mean, std = table.mean(axis=0), table.std(axis=0)
        for name, at in (("same", slice(4)), ("others", slice(4, 8))):
            cells = zip(mean[at], std[at], strict=True)
            print(f"{load.__name__:<12}{name:<8}", end="")
            print("".join(f"{f'{m:.3f} ± {s:.3f}':>16}" for m, s in cells))
        costs = "".join(f"{f'{seconds:.1f} s':>16}" for seconds in mean[8:])
        print(f"{'':<52}{costs}   gradient / steps {ratio(X, y):.2f}", flush=True)


if __name__ == "__main__":
    main()
