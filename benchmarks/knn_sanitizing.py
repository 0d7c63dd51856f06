"""Overhead of KNNSanitizedClassifier over the search for neighbours.

Prints the time of its whole fit, with an estimator that costs nothing, as a ratio to
that of ``NearestNeighbors.kneighbors`` alone on the same rows, both in turn in one
process; then the peak of the memory that numpy and Python allocate in each, as the
number of rows grows.

Run: ``python benchmarks/knn_sanitizing.py [--rows 200000] [--columns 20] [--rounds 3]``
"""

import argparse
import time
import tracemalloc

import numpy as np
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import NearestNeighbors

from skpoison.attacks import RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier

N_NEIGHBORS = 10


def make_data(n_rows, n_columns):
    X, y = make_classification(
        n_rows, n_features=n_columns, n_informative=n_columns // 2, random_state=0
    )
    return RandomLabelFlip(0.1, random_state=0).fit_resample(X, y)


def search(X, y):
    NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(X).kneighbors()


def sanitise(X, y):
    defence = KNNSanitizedClassifier(
        DummyClassifier(), n_neighbors=N_NEIGHBORS, max_reference=None
    )
    defence.fit(X, y)


def seconds(work, X, y):
    start = time.perf_counter()
    work(X, y)
    return time.perf_counter() - start


def peak_megabytes(work, X, y):
    tracemalloc.start()
    work(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    X, y = make_data(options.rows, options.columns)
    ratios = []
    for number in range(options.rounds):
        alone, whole = seconds(search, X, y), seconds(sanitise, X, y)
        ratios.append(whole / alone)
        print(
            f"round {number}: kneighbors alone {alone:.2f} s, "
            f"sanitising {whole:.2f} s, ratio {ratios[-1]:.3f}",
            flush=True,
        )
    print(f"{options.rows} x {options.columns}: median ratio {np.median(ratios):.3f}")

    print("\npeak memory beside X and y (MB)")
    print(
        f"{'rows':>10}{'X':>8}{'kneighbors':>12}{'sanitising':>12}{'bytes a row':>13}"
    )
    for n_rows in (options.rows // 4, options.rows // 2, options.rows):
        data = X[:n_rows].copy(), y[:n_rows].copy()
        alone, whole = (peak_megabytes(work, *data) for work in (search, sanitise))
        size, each = data[0].nbytes / 2**20, whole * 2**20 / n_rows
        print(f"{n_rows:>10}{size:>8.1f}{alone:>12.1f}{whole:>12.1f}{each:>13.0f}")


if __name__ == "__main__":
    main()
