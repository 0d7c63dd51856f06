"""How much harm do 20 inserted rows do? The protocol of AISec 2017, on real data.

Of each data set 100 rows train, 400 are the attacker's own, the rest tests; 20 rows
are inserted, n_p / (n + n_p) = 0.167, into the box [0, 1]. The victim is logistic
regression by 1500 steps of gradient descent at rate 0.5 without a penalty; the
surrogate is logistic regression with C=10 at its optimum. Prints the test error (mean
and standard deviation over seeded splits) of the victim on clean data, after inserting
the clones with flipped labels from which the attack starts, and after the attack; and
seconds an attack. The 400 columns of Ransomware are chosen by mutual information on the
training rows of each split.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/aisec.py [--splits 10]``
"""

import argparse
import time

import numpy as np
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GradientPoisoner, RandomInsertion
from skpoison.datasets import fetch_mnist, fetch_ransomware, fetch_spambase
from skpoison.feasible_sets import Box
from skpoison.surrogates import GradientDescentClassifier

N_TRAIN, N_OWN, N_POISON = 100, 400, 20


def spambase():
    return fetch_spambase(binary=True, return_X_y=True)


def mnist_1_7():
    # The author's own set: the ones and sevens among the first 10,000 digits.
    X, y = fetch_mnist(return_X_y=True)
    rows = np.flatnonzero(np.isin(y[:10_000], (1, 7)))
    return X[rows] / 255, y[rows]


def ransomware():
    return fetch_ransomware(return_X_y=True)


def split(X, y, seed):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    parts = np.split(order, [N_TRAIN, N_TRAIN + N_OWN])
    if not isinstance(X, np.ndarray):
        present = np.flatnonzero(X[parts[0]].sum(axis=0))
        train = X[parts[0]][:, present].toarray()
        gain = mutual_info_classif(train, y[parts[0]], discrete_features=True)
        X = X[:, present[np.argsort(-gain, kind="stable")[:400]]].toarray()
    return [(X[part], y[part]) for part in parts]


def errors(X, y, seed):
    (X, y), (X_own, y_own), (X_test, y_test) = split(X, y, seed)
    victim = GradientDescentClassifier()
    box = Box(0, 1)
    attack = GradientPoisoner(
        LogisticRegression(C=10), N_POISON, feasible_set=box, random_state=seed
    )
    start = RandomInsertion(N_POISON, random_state=seed)
    begin = time.perf_counter()
    poisoned = attack.fit_resample(X, y, X_val=X_own, y_val=y_own)
    seconds = time.perf_counter() - begin
    sets = (X, y), start.fit_resample(X, y), poisoned
    return [*(1 - victim.fit(*each).score(X_test, y_test) for each in sets), seconds]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    n_splits = parser.parse_args().splits
    print(f"{'':<12}{'clean':>16}{'flipped clones':>18}{'attack':>16}{'seconds':>10}")
    for load in (spambase, ransomware, mnist_1_7):
        X, y = load()
        table = np.array([errors(X, y, seed) for seed in range(n_splits)])
        mean, std = table.mean(axis=0), table.std(axis=0)
        clean, clones, attack = (
            f"{m:.3f} ± {s:.3f}" for m, s in zip(mean[:3], std[:3], strict=True)
        )
        print(
            f"{load.__name__:<12}{clean:>16}{clones:>18}{attack:>16}{mean[3]:>10.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
