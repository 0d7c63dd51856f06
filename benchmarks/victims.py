"""Gradient insertion against several victims: MNIST, 1 against 7.

The protocol of AISec 2017 (see protocol.py) on the splits of the seeds 0, 1 and 2, in
the order in which its author published the digits: from skpoison/mnist_1_7.npz in
scikit-learn's data folder or, if it is not there, in the order of MNIST. The surrogate
is the victim, except for the T-step logistic regression (LogisticRegression(C=10)) and
the linear SVC (LinearSVC with a smoothed hinge loss). Prints the test error in per
cent, one number for each seed.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/victims.py``
"""

from pathlib import Path

import numpy as np
from protocol import ADALINE, LOGISTIC, N_POISON, errors, mnist_1_7, split
from sklearn.datasets import get_data_home
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box
from skpoison.surrogates import GradientDescentClassifier

SHORT_ADALINE = GradientDescentClassifier(
    "squared_error", learning_rate=0.02, n_steps=60
)
HINGE = LinearSVC(loss="hinge", C=1.0, max_iter=100_000, random_state=0)
VICTIMS = {
    "T-step LR": (LOGISTIC, LogisticRegression(C=10)),
    "LogisticRegression(C=1)": (LogisticRegression(), LogisticRegression()),
    "SVC(kernel='linear', C=1)": (SVC(kernel="linear"), HINGE),
    "RidgeClassifier(alpha=1)": (RidgeClassifier(), RidgeClassifier()),
    "Adaline, T = 60": (SHORT_ADALINE, SHORT_ADALINE),
    "Adaline, T = 2000": (ADALINE, ADALINE),
}


def digits():
    path = Path(get_data_home()) / "skpoison" / "mnist_1_7.npz"
    if not path.is_file():
        return mnist_1_7()
    with np.load(path, allow_pickle=False) as f:
        return f["X"] / 255, f["y"]


def main():
    X, y = digits()
    print(f"{'':<28}{'clean':>18}{'clones':>18}{'attack':>18}{'seconds':>9}")
    for name, (victim, surrogate) in VICTIMS.items():
        table = np.array(
            [
                errors(
                    victim,
                    GradientInsertion(
                        surrogate, N_POISON, feasible_set=Box(0, 1), random_state=seed
                    ),
                    *split(X, y, seed),
                    seed,
                )
                for seed in range(3)
            ]
        )
        cells = "".join(
            f"{' / '.join(f'{100 * e:.1f}' for e in column):>18}"
            for column in table.T[:3]
        )
        print(f"{name:<28}{cells}{table[:, 3].mean():>9.2f}", flush=True)


if __name__ == "__main__":
    main()
