"""Test error of a neural network after the insertion of 20 rows: AISec 2017.

The network has one hidden layer of 10 tanh units and is trained by full-batch gradient
descent at rate 0.1 without a penalty. The surrogate takes 200 steps, the victim 400,
from the initial weights of the surrogate ("same"), or from five others ("others", their
mean). Prints its test error, mean and standard deviation over seeded splits: on clean
data, with the clones with flipped labels from which attacks start, and after attacks;
and the seconds of one attack:

* joint: the smoothed error, or the log loss as published, all rows at once;
* the last steps: differentiated through the last 50 of the 200 steps only;
* sequential: one row after the other, as published, 10 steps each.

Then the time of one gradient in all poison rows, relative to the training steps that it
differentiates. The paper has up to .25 on Spambase with 15 % of poison,
n_p / (n + n_p); here it is 16.7 %. protocol.py describes the data.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/networks.py [--splits 10]``
"""

import argparse
import time
import warnings

import numpy as np
from protocol import N_POISON, N_TRAIN, mnist_1_7, spambase, split
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.bilevel.differentiation.descent import Descent
from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import Unrolled, as_training_problem

N_OTHERS = 5
ATTACKS = {
    "joint, error": {},
    "joint, log loss": {"goal": ErrorGeneric("surrogate")},
    "the last steps, error": {"hypergradient": Unrolled(last=50)},
    "sequential, log loss": {
        "goal": ErrorGeneric("surrogate"),
        "optimizer": ProjectedAscent(1.0, 0.8, max_iter=10, schedule="sequential"),
    },
}


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


def measure(X, y, seed):
    """Return for each training set the errors by initial weights, and seconds."""
    (X, y), (X_own, y_own), test = split(X, y, seed)
    sets = [(X, y), RandomInsertion(N_POISON, random_state=seed).fit_resample(X, y)]
    seconds = [0.0, 0.0]
    for settings in ATTACKS.values():
        attack = GradientInsertion(
            network(200, seed),
            N_POISON,
            feasible_set=Box(0, 1),
            random_state=seed,
            **settings,
        )
        begin = time.perf_counter()
        sets.append(attack.fit_resample(X, y, X_val=X_own, y_val=y_own))
        seconds.append(time.perf_counter() - begin)
    others = 1000 + N_OTHERS * seed + np.arange(N_OTHERS)
    return [
        (
            error(*each, *test, seed),
            np.mean([error(*each, *test, other) for other in others]),
            spent,
        )
        for each, spent in zip(sets, seconds, strict=True)
    ]


def ratio(X, y):
    """Compare the time of an unrolled gradient with that of the steps."""
    (X, y), _, _ = split(X, y, 0)
    X, y = np.concatenate([X, X[:N_POISON]]), np.concatenate([y, y[:N_POISON]])
    surrogate = as_training_problem(network(200, 0), 2)
    rows = surrogate.rows(X, np.searchsorted(np.unique(y), y))
    settings = {"rate": surrogate.rate, "n_steps": surrogate.n_steps}
    seconds = []
    for _ in range(9):
        begin = time.perf_counter()
        descent = Descent(surrogate.learner, rows, **settings)
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
    print(f"{'':<34}{'same':>16}{'others':>16}{'seconds':>9}")
    for load in (mnist_1_7, spambase):
        X, y = load()
        table = np.array([measure(X, y, seed) for seed in range(n_splits)])
        mean, std = table.mean(axis=0), table.std(axis=0)
        for name, m, s in zip(["clean", "clones", *ATTACKS], mean, std, strict=True):
            cells = "".join(f"{f'{m[k]:.3f} ± {s[k]:.3f}':>16}" for k in range(2))
            print(f"{load.__name__:<12}{name:<22}{cells}{m[2]:>9.1f}", flush=True)
        print(f"{load.__name__:<12}gradient / steps {ratio(X, y):.2f}", flush=True)


if __name__ == "__main__":
    main()
