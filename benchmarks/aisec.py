"""Test error after the insertion of 20 rows: the protocol of AISec 2017 on real data.

Prints the test error of the victim, mean and standard deviation over seeded splits: on
clean data, with the clones of training rows with flipped labels from which all attacks
start, and after each attack; and the seconds of one attack. protocol.py describes the
data.

* joint: surrogate LogisticRegression(C=10), its smoothed error, all rows at once;
* binary: the same, with poison in {0, 1};
* sequential: one row after the other, the log loss, through 200 stored steps;
* Adaline: its own 2000 steps at rate 0.01, which the attack differentiates through,
  and 200 steps of the optimizer.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/aisec.py [--splits 10]``
"""

import argparse

import numpy as np
from protocol import ADALINE, DATA_SETS, LOGISTIC, N_POISON, errors, mnist_1_7, split
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box, Integers, make_intersection
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import GradientDescentClassifier

BOX = Box(0, 1)
OPTIMUM = LogisticRegression(C=10)
EARLY = GradientDescentClassifier(learning_rate=0.5, n_steps=200)
ATTACKS = {
    "joint": (LOGISTIC, {"surrogate": OPTIMUM, "feasible_set": BOX}),
    "binary": (
        LOGISTIC,
        {"surrogate": OPTIMUM, "feasible_set": make_intersection(BOX, Integers())},
    ),
    "sequential": (
        LOGISTIC,
        {
            "surrogate": EARLY,
            "feasible_set": BOX,
            "goal": ErrorGeneric("surrogate"),
            "optimizer": ProjectedAscent(1.0, 0.95, max_iter=60, schedule="sequential"),
        },
    ),
    "Adaline": (
        ADALINE,
        {
            "surrogate": ADALINE,
            "feasible_set": BOX,
            "optimizer": ProjectedAscent(decay=0.98, max_iter=200),
        },
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    n_splits = parser.parse_args().splits
    print(f"{'':<24}{'clean':>14}{'clones':>14}{'attack':>14}{'seconds':>10}")
    for load in DATA_SETS:
        X, y = load()
        splits = [split(X, y, seed) for seed in range(n_splits)]
        for name, (victim, settings) in ATTACKS.items():
            if name == "binary" and load is mnist_1_7:
                continue
            table = np.array(
                [
                    errors(
                        victim,
                        GradientInsertion(
                            budget=N_POISON, random_state=seed, **settings
                        ),
                        *parts,
                        seed,
                    )
                    for seed, parts in enumerate(splits)
                ]
            )
            mean, std = table.mean(axis=0), table.std(axis=0)
            cells = "".join(
                f"{m:>8.3f} ± {s:.3f}" for m, s in zip(mean[:3], std[:3], strict=True)
            )
            row = f"{load.__name__} {name}"
            print(f"{row:<22}{cells}{mean[3]:>10.2f}", flush=True)


if __name__ == "__main__":
    main()
