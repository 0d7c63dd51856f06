"""Defences against flipped labels: test errors, with and without flips.

Each data set has 100 training rows and 100 validation rows of the attacker; the others
are test rows. The victim is LogisticRegression(C=10). Budgets are shares of the
training rows, n_p / n. Prints mean test errors over the seeds; then those under
attackers who know the defence: greedy flips with the defence as the surrogate, except
for the seed of its folds.

Run: ``python benchmarks/label_defences.py [--seeds 10] [--adaptive-seeds 5]``
"""

import argparse
import time

import numpy as np
from protocol import mnist_1_7, spambase
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import minmax_scale, scale

from skpoison.attacks import ALFA, GreedyLabelFlip, RandomLabelFlip
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
)

BUDGETS = 0.05, 0.1, 0.2
VICTIM = LogisticRegression(C=10, max_iter=10_000)


def breast_cancer_standardised():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def breast_cancer_in_a_box():
    X, y = load_breast_cancer(return_X_y=True)
    return minmax_scale(X), y


DATA_SETS = breast_cancer_standardised, breast_cancer_in_a_box, spambase, mnist_1_7


def defences(seed):
    return {
        "no defence": VICTIM,
        "kNN, relabel": KNNSanitizedClassifier(VICTIM),
        "kNN, drop": KNNSanitizedClassifier(VICTIM, action="drop"),
        "kNN, 3 passes": KNNSanitizedClassifier(VICTIM, n_passes=3),
        "kNN, distance": KNNSanitizedClassifier(VICTIM, weights="distance"),
        "unbiased, cv": NoisyLabelClassifier(VICTIM, random_state=seed),
        "weighted, cv": NoisyLabelClassifier(
            VICTIM, method="weighted", random_state=seed
        ),
        "published CL": ConfidentLearningClassifier(
            VICTIM, classifiers=[VICTIM], threshold=1, random_state=seed
        ),
        "CL, relabel": ConfidentLearningClassifier(
            VICTIM, action="relabel", random_state=seed
        ),
        "CL": ConfidentLearningClassifier(VICTIM, random_state=seed),
    }


def split(X, y, seed):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    return [(X[part], y[part]) for part in np.split(order, [100, 200])]


def attacks(budget, seed):
    return {
        "random": RandomLabelFlip(budget, random_state=seed),
        "greedy": GreedyLabelFlip(VICTIM, budget, random_state=seed),
        "ALFA": ALFA(VICTIM, budget, random_state=seed),
    }


def flip(attack, train, own):
    """Attack, with validation rows if the attack uses any."""
    if isinstance(attack, GreedyLabelFlip):
        return attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    return attack.fit_resample(*train)


def compare(load, n_seeds):
    X, y = load()
    errors = {}
    for seed in range(n_seeds):
        train, own, test = split(X, y, seed)
        cases = {("clean", ""): train}
        for budget in BUDGETS:
            for name, attack in attacks(budget, seed).items():
                cases[name, budget] = flip(attack, train, own)
        for case, rows in cases.items():
            for name, defence in defences(seed).items():
                error = 1 - defence.fit(*rows).score(*test)
                errors.setdefault(name, {}).setdefault(case, []).append(error)
    cases = sorted(cases, key=lambda case: (case[0] != "clean", case[0]))
    print(f"\n{load.__name__}, {n_seeds} seeds")
    print(" " * 14, *(f"{attack:>7}" for attack, _ in cases))
    print(" " * 14, *(f"{budget:>7}" for _, budget in cases))
    for name, of_defence in errors.items():
        print(f"{name:<14}", *(f"{np.mean(of_defence[c]):>7.3f}" for c in cases))


def adapt(load, n_seeds):
    """Measure each defence under greedy flips chosen against each of them."""
    X, y = load()
    names = "no defence", "kNN, relabel", "CL"
    print(f"\n{load.__name__}, {n_seeds} seeds: greedy flips chosen against a defence")
    print(
        f"{'n_p / n = 0.2 against':<24}", *(f"{name:>14}" for name in names), "max CL"
    )
    for known in names:
        errors, begin = [], time.perf_counter()
        for seed in range(n_seeds):
            train, own, test = split(X, y, seed)
            attack = GreedyLabelFlip(
                defences(1000 + seed)[known], 0.2, random_state=seed
            )
            rows = flip(attack, train, own)
            of_seed = defences(seed)
            errors.append([1 - of_seed[name].fit(*rows).score(*test) for name in names])
        print(
            f"{known:<24}",
            *(f"{error:>14.3f}" for error in np.mean(errors, axis=0)),
            f"{np.max(errors, axis=0)[-1]:>6.3f}",
            f"({(time.perf_counter() - begin) / n_seeds:.0f} s a seed)",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--adaptive-seeds", type=int, default=5)
    options = parser.parse_args()
    for load in DATA_SETS:
        compare(load, options.seeds)
    adapt(breast_cancer_standardised, options.adaptive_seeds)


if __name__ == "__main__":
    main()
