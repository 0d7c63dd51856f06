"""KNN-Shapley filter: the gradient points of AISec 2017 that it finds, and its cost.

Points: the protocol of ``protocol.py`` on MNIST, 1 against 7. GradientInsertion inserts
20 rows among 100 against LogisticRegression, n_p / (n + n_p) = .167; the 400 rows of
the attacker are the trusted ones and are learnt from, too. Prints for each seed how
many points are found, and test errors: without poison and with it, of the 100 rows
alone and with the trusted ones, and behind the filter.

Cost: values of 100,000 rows of 50 normal columns for 1,000 trusted rows among them, in
seconds of CPU, and the peak memory of the process.

Three seeds: 20 of 20 points found each time, errors of .009 to .012 behind the filter.
12.6 s and 0.40 GB.

Run: ``SCIKIT_LEARN_DATA=... OMP_NUM_THREADS=1 python benchmarks/knn_shapley.py
[--seeds 10]``
"""

import argparse
import resource
import time

import numpy as np
from protocol import N_POISON, mnist_1_7, split
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GradientInsertion
from skpoison.defences import KNNShapleyFilteredClassifier
from skpoison.defences._knn_shapley_values import knn_shapley

VICTIM = LogisticRegression(max_iter=1000)


def points(seed):
    """Print what is found of the points of a seed, and test errors."""
    train, own, test = split(*mnist_1_7(), seed)
    attack = GradientInsertion(VICTIM, N_POISON, random_state=seed)
    poisoned = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    both = [np.concatenate(pair) for pair in zip(poisoned, own, strict=True)]
    trusted = np.arange(both[1].shape[0]) >= poisoned[1].shape[0]
    clean = [np.concatenate(pair) for pair in zip(train, own, strict=True)]
    defence = KNNShapleyFilteredClassifier(VICTIM).fit(*both, trusted=trusted)
    found = (~defence.inlier_mask_[: poisoned[1].shape[0]][attack.poison_mask_]).sum()
    errors = [
        1 - VICTIM.fit(*rows).score(*test) for rows in (train, poisoned, clean, both)
    ]
    errors.append(1 - defence.score(*test))
    names = "100 clean", "100 + 20", "500 clean", "500 + 20", "filtered"
    print(f"seed {seed}: {found} of {N_POISON} found;", end="")
    print(*(f" {name} {e:.3f}" for name, e in zip(names, errors, strict=True)))


def cost(n_samples=100_000, n_tests=1_000):
    """Print the cost of many rows."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((n_samples, 50)), rng.randint(2, size=n_samples)
    begin = time.process_time()
    knn_shapley(X, y, np.arange(n_tests), n_classes=2)
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{n_samples} rows, {n_tests} trusted: {seconds:.1f} s of CPU, {peak:.2f} GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    for seed in range(parser.parse_args().seeds):
        points(seed)
    cost()


if __name__ == "__main__":
    main()
