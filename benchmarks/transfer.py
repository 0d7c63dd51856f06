"""Transfer of poison among learners: Spambase, and MNIST 1 against 7.

300 standardised training rows and up to 2,000 test rows (see strength_data.py), drawn
anew for each seed. 60 rows are inserted into the range of the training rows,
n_p / n = 0.2 and n_p / (n + n_p) = 0.167, crafted for each of four surrogates that know
the training rows. Victims are the surrogates themselves, a forest, boosting and
neighbours, without tuning; the network has ten hidden units and takes 200 steps. Prints
a line for each seed, surrogate and victim: the error on clean test rows, with poison,
and the gradient alignment; then means over the seeds.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/transfer.py [--sets spambase mnist_1_7]
[--seeds 10] [--steps 50]``
"""

import time
from itertools import product

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC
from strength_data import load
from two_sets import parse_options

from skpoison.attacks import GradientInsertion
from skpoison.model_selection import transfer_matrix

BUDGET = 60
SURROGATES = {
    "LR": LogisticRegression(max_iter=5000),
    "linear SVC": LinearSVC(max_iter=100_000, random_state=0),
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


def measure(name, seed, optimizer):
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
        attack=GradientInsertion(optimizer=optimizer, random_state=seed),
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
    options, optimizer = parse_options(n_seeds=10)
    errors, alignments = {}, {}
    for seed, name in product(range(options.seeds), options.sets):
        matrix, seconds = measure(name, seed, optimizer)
        clean, poisoned = 1 - matrix.clean_scores.T, 1 - matrix.test_scores[:, :, 0]
        errors.setdefault(name, []).append(np.vstack([clean, poisoned]))
        aligned = matrix.alignments[:, :, 0]
        alignments.setdefault(name, []).append(aligned)
        for i, j in np.ndindex(poisoned.shape):
            print(
                f"{name},{seed},{matrix.surrogates[i]},{matrix.victims[j]},"
                f"{clean[0, j]:.4f},{poisoned[i, j]:.4f},{aligned[i, j]:.3f}"
            )
        print(f"# {name}, seed {seed}: {seconds:.0f} s of CPU", flush=True)
    for name in options.sets:
        mean, spread = np.mean(errors[name], axis=0), np.std(errors[name], axis=0)
        cells = [
            [f"{m:.3f} ± {s:.3f}" for m, s in zip(*lines, strict=True)]
            for lines in zip(mean, spread, strict=True)
        ]
        title = f"{name}: error, mean ± standard deviation over {options.seeds} seeds"
        table(title, ["clean", *SURROGATES], cells)
        means = np.mean(alignments[name], axis=0)
        cells = [[f"{value:.2f}" for value in line] for line in means]
        table(f"{name}: gradient alignment", SURROGATES, cells)


if __name__ == "__main__":
    main()
