"""Gradient insertion on large data: default parameters, a budget of 3 %.

* dense: 100,000 simulated rows with 100 features;
* sparse: the SMS Spam Collection as word counts, 5574 rows with 8713 features, of which
  4000 are training rows, and once with all rows. It is read from skpoison/sms_spam.npz
  in scikit-learn's data folder, and skipped if it is not there.

Prints seconds, the peak of memory, and the test error of the victim. Each part runs in
its own process, so that memory is measured separately.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/gradient_scale.py``
"""

import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import get_data_home, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientInsertion, RandomInsertion


def dense():
    X, y = make_classification(
        120_000, 100, n_informative=20, class_sep=1.5, flip_y=0.02, random_state=0
    )
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    return train_test_split(X, y, train_size=100_000, random_state=0), victim


def sms_spam():
    path = Path(get_data_home()) / "skpoison" / "sms_spam.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as f:
        parts = f["X_data"].astype(float), f["X_indices"], f["X_indptr"]
        return sparse.csr_matrix(parts, f["X_shape"]), f["y"]


def sms_split():
    X, y = sms_spam()
    victim = LogisticRegression(max_iter=1000)
    return train_test_split(X, y, train_size=4000, random_state=0), victim


def sms_whole():
    X, y = sms_spam()
    return (X, X, y, y), LogisticRegression(max_iter=1000)


def measure(load):
    (X, X_test, y, y_test), victim = load()
    attack = GradientInsertion(victim, budget=0.03, random_state=0)
    begin = time.perf_counter()
    poisoned = attack.fit_resample(X, y)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    clones = RandomInsertion(0.03, random_state=0).fit_resample(X, y)
    error = [
        1 - victim.fit(*rows).score(X_test, y_test)
        for rows in ((X, y), clones, poisoned)
    ]
    shown = "".join(f"{e:>8.3f}" for e in error)
    print(f"{load.__name__:<11}{X.shape!s:>15}{seconds:>9.1f}{peak:>7.2f}{shown}")


def main():
    print(
        f"{'':<11}{'':>15}{'seconds':>9}{'GB':>7}{'clean':>8}{'clones':>8}{'attack':>8}",
        flush=True,
    )
    loads = [dense] if sms_spam() is None else [dense, sms_split, sms_whole]
    for load in loads:
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(load,)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
