"""Transfer of poison among learners: Spambase, and MNIST 1 against 7.

300 standardised training rows and up to 2,000 test rows (see strength_data.py), drawn
anew for each seed. 60 rows are inserted into the range of the training rows,
n_p / n = 0.2 and n_p / (n + n_p) = 0.167, crafted for each of four surrogates that know
the training rows. Victims are the surrogates themselves, a forest, boosting and
neighbours, without tuning; the network has ten hidden units and takes 200 steps. Prints a line for each seed, surrogate and victim: the error
on clean test rows, with poison, and the gradient alignment; then means over the seeds,
with the standard deviation of the error with poison.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/transfer.py [--sets spambase mnist_1_7]
[--seeds 10]``
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC
from strength_data import load

from skpoison.attacks import GradientInsertion
from skpoison.model_selection import transfer_matrix

BUDGET = 60
SURROGATES = {
    "LR": LogisticRegression(max_iter=5000),
    "linear SVC": LinearSVC(max_iter=100_000),
    "RBF SVC": SVC(),
    "MLP": MLPClassifier(
        (10,),
        "tanh",
        solver="sgd",
        learning_rate_init=0.1,
        momentum=0,
        max_iter=200,
        n_iter_no_change=200,
        batch_size=2000,
        random_state=0,
    ),
}
VICTIMS = SURROGATES | {
    "forest": RandomForestClassifier(random_state=0),
    "boosting": HistGradientBoostingClassifier(random_state=0),
    "kNN": KNeighborsClassifier(),
}


def measure(name, seed):
    """Return the transfer matrix of one split, and the seconds of CPU it took."""
    (X, y), (X_test, y_test) = load("classification", name, seed)
    n_train, n_test = y.shape[0], y_test.shape[0]
    fold = np.arange(n_train), n_train + np.arange(n_test)
    begin = time.process_time()
    matrix = transfer_matrix(
        VICTIMS,
        SURROGATES,
        np.vstack([X, X_test]),
        np.append(y, y_test),
        attack=GradientInsertion(random_state=seed),
        budget=BUDGET,
        cv=[fold],
        scoring="accuracy",
    )
    return matrix, time.process_time() - begin


def table(title, rows, cells):
    print(f"\n{title}")
    print(f"{'':<14}" + "".join(f"{victim:>14}" for victim in VICTIMS))
    for row, line in zip(rows, cells, strict=True):
        print(f"{row:<14}" + "".join(f"{cell:>14}" for cell in line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["spambase", "mnist_1_7"])
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in options.sets:
        clean, poisoned, alignments = [], [], []
        for seed in range(options.seeds):
            matrix, seconds = measure(name, seed)
            clean.append(1 - matrix.clean_scores[:, 0])
            poisoned.append(1 - matrix.test_scores[:, :, 0])
            alignments.append(matrix.alignments[:, :, 0])
            for i, j in np.ndindex(poisoned[-1].shape):
                print(
                    f"{name},{seed},{matrix.surrogates[i]},{matrix.victims[j]},"
                    f"{clean[-1][j]:.4f},{poisoned[-1][i, j]:.4f},"
                    f"{alignments[-1][i, j]:.3f}"
                )
            print(f"# {name}, seed {seed}: {seconds:.0f} s of CPU", flush=True)
        mean, spread = np.mean(poisoned, axis=0), np.std(poisoned, axis=0)
        errors = [[f"{value:.3f}" for value in np.mean(clean, axis=0)]]
        errors += [
            [f"{m:.3f} ± {s:.3f}" for m, s in zip(*lines, strict=True)]
            for lines in zip(mean, spread, strict=True)
        ]
        title = f"{name}: error, means over {options.seeds} seeds"
        table(title, ["clean", *SURROGATES], errors)
        cells = [[f"{value:.2f}" for value in line] for line in np.mean(alignments, 0)]
        table(f"{name}: gradient alignment", SURROGATES, cells)


if __name__ == "__main__":
    main()
