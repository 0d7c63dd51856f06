"""kNN sanitising of balanced and of imbalanced data, with and without prior correction.

The victim is LogisticRegression on standardised columns. Budgets are shares of the
training rows, n_p / n. Prints means over the data sets and the seeds: accuracy,
balanced accuracy, both on test rows, and the largest share of a class overruled.

Run: ``python benchmarks/rare_classes.py [--seeds 5]``
"""

import argparse
import warnings
from functools import partial

import numpy as np
from protocol import mnist_1_7, ransomware, spambase
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import MarginLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier

VICTIM = LogisticRegression(max_iter=2000)
BUDGETS = 0.05, 0.2
synthetic = partial(
    make_classification, 4000, 20, n_informative=6, flip_y=0, random_state=4
)


def thinned(load, share, rare=1):
    """Return data in which all but a share of one class's rows are left out."""
    X, y = load()
    others = np.flatnonzero(y != rare)
    order = np.random.RandomState(0).permutation(np.flatnonzero(y == rare))
    n_rare = int(share * others.shape[0] / (1 - share))
    rows = np.sort(np.concatenate([others, order[:n_rare]]))
    return X[rows], y[rows]


def common_behaviours():
    """Ransomware, and the 400 behaviours that about half of the programs have."""
    X, y = ransomware()
    frequencies = np.ravel(X.mean(axis=0))
    return X[:, np.argsort(np.abs(frequencies - 0.5))[:400]].toarray(), y


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X, 1 - y


def two_digits():
    X, y = load_digits(return_X_y=True)
    rows = np.isin(y, (3, 8))
    return X[rows], (y[rows] == 8).astype(int)


def one_digit():
    X, y = load_digits(return_X_y=True)
    return X, (y == 8).astype(int)


BALANCED = {
    "breast cancer": (breast_cancer, 250),
    "digits 3 and 8": (two_digits, 200),
    "digits": (partial(load_digits, return_X_y=True), 700),
    "wine": (partial(load_wine, return_X_y=True), 90),
    "spambase": (spambase, 600),
    "MNIST 1 and 7": (mnist_1_7, 400),
    "synthetic": (partial(synthetic, class_sep=1.0), 600),
    "synthetic, noisy": (partial(synthetic, class_sep=1.0, flip_y=0.2), 600),
    "synthetic, 3": (partial(synthetic, n_classes=3, class_sep=1.2), 600),
}
IMBALANCED = {
    "digit 8": (one_digit, 900),
    "breast cancer, 10 %": (partial(thinned, breast_cancer, 0.1), 250),
    "spambase, 5 %": (partial(thinned, spambase, 0.05), 1000),
    "MNIST 1 and 7, 5 %": (partial(thinned, mnist_1_7, 0.05), 600),
    "ransomware, 10 %": (partial(thinned, common_behaviours, 0.1), 500),
    "synthetic, 1 %": (partial(synthetic, weights=[0.99], class_sep=1.3), 2000),
    "synthetic, 5 %": (partial(synthetic, weights=[0.95], class_sep=1.0), 1000),
    "synthetic, 5 %, apart": (partial(synthetic, weights=[0.95], class_sep=1.7), 1000),
    "synthetic, 10 %": (partial(synthetic, weights=[0.9], class_sep=1.0), 800),
    "synthetic, 85-10-5 %": (
        partial(synthetic, n_classes=3, weights=[0.85, 0.1], class_sep=1.3),
        1000,
    ),
}
CLASSIFIERS = {
    "no defence": VICTIM,
    "votes counted (paper)": KNNSanitizedClassifier(VICTIM, prior_correction=False),
    "prior correction": KNNSanitizedClassifier(VICTIM),
}


def cases(X, y, seed):
    yield "clean", y
    for budget in BUDGETS:
        for attack in (
            RandomLabelFlip(budget, random_state=seed),
            MarginLabelFlip(VICTIM, budget, random_state=seed),
        ):
            name = "random" if isinstance(attack, RandomLabelFlip) else "furthest"
            yield f"{name} {budget}", attack.fit_resample(X, y)[1]


def measure(data_sets, n_seeds):
    found = {}
    for load, n_train in data_sets.values():
        X, y = load()
        for seed in range(n_seeds):
            order = np.random.RandomState(seed).permutation(y.shape[0])
            train, test = order[:n_train], order[n_train : n_train + 4000]
            scaler = StandardScaler().fit(X[train])
            X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
            for case, labels in cases(X_train, y[train], seed):
                for name, classifier in CLASSIFIERS.items():
                    predicted = classifier.fit(X_train, labels).predict(X_test)
                    figures = (
                        accuracy_score(y[test], predicted),
                        balanced_accuracy_score(y[test], predicted),
                        np.max(getattr(classifier, "overruled_share_", 0.0)),
                    )
                    found.setdefault(case, {}).setdefault(name, []).append(figures)
    for case, by_name in found.items():
        for name, figures in by_name.items():
            means = " ".join(f"{mean:>8.3f}" for mean in np.mean(figures, axis=0))
            print(f"{case:<14} {name:<22} {means}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    for name, data_sets in (("balanced", BALANCED), ("imbalanced", IMBALANCED)):
        print(f"{name}: {len(data_sets)} data sets, {options.seeds} seeds")
        print(f"{'':<37} accuracy balanced overruled")
        measure(data_sets, options.seeds)


if __name__ == "__main__":
    main()
