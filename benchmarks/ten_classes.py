"""Insertions with ten classes: MNIST, the protocol of AISec 2017.

1000 of the first 10,000 digits are training rows. Error-generic: the attacker has 1000
validation rows and inserts 60 rows, n_p / (n + n_p) = 0.057. Error-specific: they have
4000 validation rows and insert 40 rows (0.038), and eights are to be taken for threes.
The surrogate is LogisticRegression(C=1). The victims are the same, and logistic
regression by 1500 steps of gradient descent at rate 0.5 without a penalty.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/ten_classes.py [--splits 3]``
"""

import argparse
import resource
import time

import numpy as np
from protocol import LOGISTIC
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.datasets import fetch_mnist
from skpoison.feasible_sets import Box
from skpoison.optimizers import ProjectedAscent

SURROGATE = LogisticRegression(max_iter=5000)
GOALS = {
    # The goal, rows of the attacker's own, rows inserted, steps.
    "error-generic": ("error-generic", 1000, 60, 60),
    "8 read as 3": ({8: 3}, 4000, 40, 40),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    n_splits = parser.parse_args().splits
    X, y = fetch_mnist(return_X_y=True)
    X, y = X[:10_000] / 255, y[:10_000]
    print(f"{'':<16}{'seed':>5}{'victim':>10}{'rows':>8}", end="")
    print(f"{'error':>8}{'on 8':>7}{'as 3':>7}")
    for name, (goal, n_own, n_poison, max_iter) in GOALS.items():
        for seed in range(n_splits):
            order = np.random.RandomState(seed).permutation(y.shape[0])
            train, own, test = np.split(order, [1000, 1000 + n_own])
            attack = GradientInsertion(
                SURROGATE,
                n_poison,
                feasible_set=Box(0, 1),
                goal=goal,
                optimizer=ProjectedAscent(max_iter=max_iter, decay=0.95),
                random_state=seed,
            )
            begin = time.perf_counter()
            poisoned = attack.fit_resample(
                X[train], y[train], X_val=X[own], y_val=y[own]
            )
            seconds = time.perf_counter() - begin
            class_map = None if goal == "error-generic" else {8: 3, 3: 8}
            clones = RandomInsertion(
                n_poison, class_map=class_map, random_state=seed
            ).fit_resample(X[train], y[train])
            sets = {"clean": (X[train], y[train]), "clones": clones, "attack": poisoned}
            for victim in (LOGISTIC, SURROGATE):
                for rows, data in sets.items():
                    predicted = victim.fit(*data).predict(X[test])
                    eights = predicted[y[test] == 8]
                    print(
                        f"{name:<16}{seed:>5}"
                        f"{'T-step' if victim is LOGISTIC else 'optimum':>10}"
                        f"{rows:>8}{(predicted != y[test]).mean():>8.3f}"
                        f"{(eights != 8).mean():>7.3f}{(eights == 3).mean():>7.3f}",
                        flush=True,
                    )
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"{name:<16}{seed:>5}  {seconds:.0f} s, {peak:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
