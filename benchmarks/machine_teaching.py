"""Machine teaching: changes of training rows that set a coefficient.

After Mei and Zhu (AAAI 2015): training rows are modified, none is inserted, and labels
stay. The learners:

* least squares and ridge regression on random data (60 rows, 8 features), of which only
  responses are modified. The smallest change has a closed form: if the coefficient is
  a'y, the value wanted is t, and e times half the square of the change is a penalty, it
  is a (t - a'y) / (|a|^2 + e). Prints the relative difference between the attack and
  this change, the maximum over seeds;
* logistic regression and a linear support vector machine (LinearSVC) on Spambase: 57
  standardised columns; two thirds of the rows are training rows, the others test rows.
  The coefficient of the word "free", which indicates spam, is to vanish, or to change
  its sign. Rows stay in the range of each column. "effort" is the weight of the penalty
  on displacement, "radius" the largest distance that a row may move.

Prints the coefficient on clean data, after the attack, and after random changes of the
same norm for each row; the mean and the largest distance that modified rows are moved,
in standard deviations of the columns; and test accuracies before and after, in per
cent. Shares of rows are n_p / n. All are means over seeds, which draw split and rows.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/machine_teaching.py [--seeds 5]``
"""

import argparse
import time

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skpoison.attacks import GradientModification
from skpoison.datasets import fetch_spambase
from skpoison.feasible_sets import Box, Frozen, L2Ball, ResponseRange, make_intersection
from skpoison.goals import TargetCoefficients
from skpoison.optimizers import SpectralProjectedGradient
from skpoison.penalties import Displacement

WORD = "word_freq_free"
# Share of rows, effort, radius.
LIMITS = (
    (1.0, 0.0, None),
    (1.0, 0.1, None),
    (1.0, 1.0, None),
    (1.0, 10.0, None),
    (1.0, 100.0, None),
    (1.0, 0.0, 0.1),
    (0.1, 0.0, 1.0),
    (0.1, 0.0, 3.0),
)


def closed_form(seed, alpha, effort):
    """Compare the change of responses with the smallest one."""
    rng = np.random.RandomState(seed)
    X, wanted = rng.normal(size=(60, 8)), 0.3
    y = X @ rng.normal(size=8) + rng.normal(size=60)
    attack = GradientModification(
        Ridge(alpha) if alpha else LinearRegression(),
        1.0,
        feasible_set=Frozen(list(range(8))),
        goal=TargetCoefficients({0: wanted}),
        optimizer=SpectralProjectedGradient(max_iter=1000, tol=0),
        penalties=[Displacement(effort)],
        poison_labels=ResponseRange(-1e6, 1e6, start="keep"),
    )
    begin = time.perf_counter()
    _, changed = attack.fit_resample(X, y)
    seconds = time.perf_counter() - begin
    Z = X - X.mean(axis=0)
    a = np.linalg.solve(Z.T @ Z + alpha * np.eye(8), Z.T)[0]
    # The attack measures responses by how far they reach.
    charge = effort / np.ptp(y) ** 2
    smallest = a * (wanted - a @ y) / (a @ a + charge)
    return np.linalg.norm(changed - y - smallest) / np.linalg.norm(smallest), seconds


def spambase(seed):
    X, y = fetch_spambase(return_X_y=True)
    parts = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(parts[0])
    return scaler.transform(parts[0]), scaler.transform(parts[1]), *parts[2:]


def weight_and_accuracy(victim, X, y, X_test, y_test, j):
    victim.fit(X, y)
    return victim.coef_[0, j], 100 * victim.score(X_test, y_test)


def changed(victim, seed, j, sign, share, effort, radius):
    X, X_test, y, y_test = spambase(seed)
    test = X_test, y_test, j
    weight, accuracy = weight_and_accuracy(victim, X, y, *test)
    attack = GradientModification(
        victim,
        share,
        feasible_set=Box()
        if radius is None
        else make_intersection(Box(), L2Ball(radius)),
        goal=TargetCoefficients({j: sign * weight}),
        optimizer=SpectralProjectedGradient(max_iter=300),
        penalties=[Displacement(effort)],
        poison_labels="keep",
        random_state=seed,
    )
    begin = time.perf_counter()
    X_changed, _ = attack.fit_resample(X, y)
    seconds = time.perf_counter() - begin
    lengths = np.linalg.norm(X_changed - X, axis=1)
    reached, after = weight_and_accuracy(victim, X_changed, y, *test)
    ways = np.random.RandomState(seed).normal(size=X.shape)
    ways *= (lengths / np.linalg.norm(ways, axis=1))[:, np.newaxis]
    by_chance, _ = weight_and_accuracy(victim, X + ways, y, *test)
    mean = lengths[attack.poison_mask_].mean()
    sizes = mean, lengths.max()
    return weight, reached, by_chance, *sizes, accuracy, after, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)

    print(f"{'responses alone, closed form':<40}{'differs by':>12}{'seconds':>9}")
    for alpha in (0, 10):
        for effort in (0, 1, 100):
            table = [closed_form(seed, alpha, effort) for seed in seeds]
            name = f"ridge, alpha = {alpha}" if alpha else "least squares"
            title = f"{name}, effort = {effort}"
            print(f"{title:<40}{max(table)[0]:>12.1e}{np.mean(table, axis=0)[1]:>9.2f}")

    j = fetch_spambase().feature_names.index(WORD)
    victims = {
        "logistic regression": LogisticRegression(max_iter=1000),
        "linear SVM": LinearSVC(max_iter=100_000, random_state=0),
    }
    names = "weight", "reached", "at random", "mean", "largest", "clean", "after"
    for name, victim in victims.items():
        for sign, wanted in ((0, "vanishes"), (-1, "changes sign")):
            title = f"{name}, {wanted}"
            print(f"\n{title:<40}{'':>20}{'change of a row':>20}{'accuracy':>20}")
            print(f"{'':<30}{''.join(f'{n:>10}' for n in names)}{'seconds':>10}")
            for share, effort, radius in LIMITS:
                table = np.array(
                    [
                        changed(victim, seed, j, sign, share, effort, radius)
                        for seed in seeds
                    ]
                )
                limit = f"effort {effort:g}" if radius is None else f"radius {radius:g}"
                cells = "".join(
                    f"{value:>10.{digits}f}"
                    for value, digits in zip(
                        table.mean(axis=0), (3, 3, 3, 3, 2, 1, 1, 1), strict=True
                    )
                )
                print(f"{f'rows {share:.1f}, {limit}':<30}{cells}", flush=True)


if __name__ == "__main__":
    main()
