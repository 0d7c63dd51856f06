"""Search over 20 defences under three attacks, with and without cached poison.

The Pipeline of each candidate begins with the attack. With `memory` each attack is
computed once a fold; without, once for each defence too. Prints the seconds of CPU of
both searches, on 200 rows of the breast cancer data with 2 folds and a budget of 0.1,
n_p / n, and how often the attacks were computed.

Run: ``python benchmarks/cached_search.py [--folds 2]``
"""

import argparse
import time
from collections import Counter
from tempfile import TemporaryDirectory

import numpy as np
from imblearn.pipeline import Pipeline
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skpoison.attacks import GradientInsertion, GreedyLabelFlip, RelaxedLabelFlip
from skpoison.base import BasePoisoner
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import worst_case_refit

MODEL = LogisticRegression(max_iter=1000)
ATTACKS = [
    GradientInsertion(MODEL, random_state=0),
    GreedyLabelFlip(MODEL, random_state=0),
    RelaxedLabelFlip(MODEL, random_state=0),
]
GRID = {
    "attack": ATTACKS,
    "defence__threshold": [0.5, 0.6, 0.7, 0.8],
    "defence__n_neighbors": [3, 5, 10, 15, 20],
}


def search(memory, n_folds):
    """Return the scores of a search, its seconds of CPU, and its runs of attacks."""
    runs, computed = Counter(), BasePoisoner._fit_resample

    def counting(attack, *args, **given):
        runs[type(attack).__name__] += 1
        return computed(attack, *args, **given)

    BasePoisoner._fit_resample = counting
    X, y = load_breast_cancer(return_X_y=True)
    defence = KNNSanitizedClassifier(MODEL)
    steps = [("attack", ATTACKS[0]), ("defence", defence)]
    found = GridSearchCV(
        Pipeline(steps, memory=memory), GRID, cv=n_folds, refit=worst_case_refit()
    )
    begin = time.process_time()
    try:
        found.fit(scale(X)[:200], y[:200])
    finally:
        BasePoisoner._fit_resample = computed
    seconds = time.process_time() - begin
    return found.cv_results_["mean_test_score"], seconds, sum(runs.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=2)
    n_folds = parser.parse_args().folds
    with TemporaryDirectory() as folder:
        cached = search(folder, n_folds)
    print(f"with memory: {cached[1]:.1f} s, {cached[2]} runs of attacks", flush=True)
    plain = search(None, n_folds)
    print(f"without: {plain[1]:.1f} s, {plain[2]} runs of attacks")
    same = np.array_equal(cached[0], plain[0])
    print(f"ratio: {plain[1] / cached[1]:.1f}; same scores: {same}")


if __name__ == "__main__":
    main()
