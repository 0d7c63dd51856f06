"""Filters with trusted rows against attacks, naive and adaptive: test errors.

The protocol. 600 training rows of each set, of which the first 400 are trusted; half of
the others, at most 2,000, are test rows, and as many are rows of the attacker's own.
All parameters of the attacks are the defaults:

    clean      nothing is poisoned: what a filter costs
    flips      GreedyLabelFlip of 60 labels of rows that are not trusted, n_p / n = .1
    gradient   GradientInsertion of 120 rows against the learner, n_p / (n + n_p) = .167
    led back   these rows, moved to what the filter accepts (AcceptedBy): the simplest
               adaptive attack
    accepted   120 clones with another label which the filter accepts, those nearest to
               its threshold
    adaptive   GradientInsertion against the learner behind the filter
    own rows   the same by an attacker who has rows of their own from the same source,
               beside the training rows, on which the harm is measured (X_val)
    naive own  gradient by an attacker who has these rows too, to compare with

The attackers know the training rows, which of them are trusted, the learner and, but
for flips, gradient and naive own, the filter.

Rows lie in [0, 1], where Spambase is the presence of 54 words, Ransomware that of the
400 actions that vary most, sms_spam and binary_words, which is made, that of 300 words;
or, in the other two that are made, are standardised by the training rows. Values are
mean test errors over the seeds; behind them are the shares of poison found and of clean
rows lost under the gradient attack, and the largest standard deviation over the seeds.
"trusted only" is the learner fitted to the trusted rows alone, the least that a filter
has to beat.

To add a filter, add a line to `FILTERS`.

What has been measured is read from the folder ``--cache``, and the rest is computed and
added to it: attacks, which take most of the time, and errors. ``--again`` measures
the filters named with ``--filters`` anew.

Run: ``SCIKIT_LEARN_DATA=... OMP_NUM_THREADS=1 python benchmarks/filters.py
[--sets spambase] [--learners LR] [--filters outliers] [--attacks clean gradient]
[--seeds 10] [--trusted 400] [--cache FOLDER] [--again]``
"""

import argparse
import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from protocol import mnist_1_7, spambase, split
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, minmax_scale
from sklearn.svm import LinearSVC, OneClassSVM
from strength_data import CLASSIFICATION, N_ROWS, columns, stored

from skpoison.attacks import GradientInsertion, GreedyLabelFlip
from skpoison.base import BaseRowFilter
from skpoison.defences import (
    InfluenceFilteredClassifier,
    KNNSanitizedClassifier,
    KNNShapleyFilteredClassifier,
    OutlierFilteredClassifier,
    SEVERClassifier,
    SpectralFilteredClassifier,
    TrimmedClassifier,
)
from skpoison.feasible_sets import AcceptedBy

N_TRAIN, N_TEST = 600, 2000
N_FLIPPED, N_INSERTED = 60, 120
NAIVE = "clean", "flips", "gradient", "naive own"
# What depends on the filter.
ADAPTIVE = "led back", "accepted", "adaptive", "own rows"
ATTACKS = NAIVE + ADAPTIVE
LEARNERS = {
    "LR": LogisticRegression(max_iter=10_000),
    "SVC": LinearSVC(max_iter=100_000, random_state=0),
}


class TrustedOnly(BaseRowFilter):
    """Drop all rows that are not trusted."""

    def _score_rows(self, X, y, *, trusted):
        return np.where(trusted, -1.0, 1.0)


DETECTORS = {
    "distance": "distance",
    "prediction": "prediction",
    "LOF": LocalOutlierFactor(novelty=True),
    "forest": IsolationForest(),
    "one-class SVM": make_pipeline(StandardScaler(), OneClassSVM()),
    "PCA + ellipse": make_pipeline(PCA(5), EllipticEnvelope()),
}


def detected(learner, seed, *, detector):
    if isinstance(detector, str):
        return OutlierFilteredClassifier(learner, detector=detector)
    return OutlierFilteredClassifier(learner, detector=detector, random_state=seed)


# For each filter: the learner behind it, from the learner and a seed.
FILTERS = {
    "no defence": lambda learner, seed: learner,
    "trusted only": lambda learner, seed: TrustedOnly(learner),
    "outliers": lambda learner, seed: OutlierFilteredClassifier(learner),
    "KNN-Shapley": lambda learner, seed: KNNShapleyFilteredClassifier(learner),
    "label sanitising": lambda learner, seed: KNNSanitizedClassifier(learner),
    "influence": lambda learner, seed: InfluenceFilteredClassifier(learner),
    "RONI": lambda learner, seed: InfluenceFilteredClassifier(
        learner, beside="trusted"
    ),
    **{
        f"outliers, {name}": partial(detected, detector=detector)
        for name, detector in DETECTORS.items()
    },
    "trimmed": lambda learner, seed: TrimmedClassifier(learner, random_state=seed),
    "SEVER": lambda learner, seed: SEVERClassifier(learner, random_state=seed),
    "spectral": lambda learner, seed: SpectralFilteredClassifier(
        learner, random_state=seed
    ),
}


def ransomware():
    return columns("ransomware", 400)


def words():
    X, y = columns("sms_spam", 300)
    return (X > 0).astype(float), y


def phishing():
    X, y = stored("phishing")
    return minmax_scale(X), y


def binary_words():
    """Make rows of 300 words, few of which are in a row, and 60 of which tell."""
    rng = np.random.RandomState(10)
    y = rng.randint(2, size=N_ROWS)
    log_odds = rng.normal(-3, 1, 300)
    tells = np.where(np.arange(300) < 60, rng.normal(0, 1.5, 300), 0)
    chances = 1 / (1 + np.exp(-log_odds - np.outer(y - 0.5, tells)))
    return (rng.uniform(size=chances.shape) < chances).astype(float), y


# Sets of numbers without bounds, which are standardised.
NUMBERS = "correlated", "heavy_tails"
SETS = {
    "spambase": spambase,
    "mnist_1_7": mnist_1_7,
    "ransomware": ransomware,
    "sms_spam": words,
    "phishing": phishing,
    "binary_words": binary_words,
    **{name: CLASSIFICATION[name] for name in NUMBERS},
}


def load(name, seed):
    """Return training rows, test rows and rows of the attacker's own."""
    X, y = SETS[name]()
    n_test = min(N_TEST, (y.shape[0] - N_TRAIN) // 2)
    train, test, rest = split(X, y, seed, n_train=N_TRAIN, n_own=n_test)
    own = rest[0][:n_test], rest[1][:n_test]
    if name not in NUMBERS:
        return train, test, own
    scaler = StandardScaler().fit(train[0])
    return tuple((scaler.transform(X), y) for X, y in (train, test, own))


def poisoned(attack, surrogate, train, own, trusted, seed):
    """Return the training set after an attack, and which of its rows are poisoned."""
    if attack == "clean":
        return *train, np.zeros(train[1].shape[0], dtype=bool)
    if attack == "flips":
        attacker = GreedyLabelFlip(surrogate, N_FLIPPED, random_state=seed)
    else:
        attacker = GradientInsertion(surrogate, N_INSERTED, random_state=seed)
    params = {"trusted": trusted}
    if attack in ("naive own", "own rows"):
        params |= {"X_val": own[0], "y_val": own[1]}
    X, y = attacker.fit_resample(*train, **params)
    return X, y, attacker.poison_mask_


def simple(attack, model, train, naive, trusted):
    """Return the training set after a simple adaptive attack."""
    X, y = train
    region = AcceptedBy(model).fit(X[trusted], y[trusted])
    if attack == "led back":
        rows, labels = (part[N_TRAIN:] for part in naive)
        rows = region.project(np.clip(rows, X.min(axis=0), X.max(axis=0)), y=labels)
    else:
        classes = np.unique(y)
        labels = classes[1 - np.searchsorted(classes, y)]
        near = np.flatnonzero(region.contains(X, y=labels))
        if not near.size:
            raise ValueError("the filter accepts no row with another label")
        margins = region._margins(X[near], region._codes(labels[near]))
        order = np.argsort(margins, kind="stable")
        chosen = near[np.resize(order, N_INSERTED)]
        rows, labels = X[chosen], labels[chosen]
    mask = np.arange(N_TRAIN + N_INSERTED) >= N_TRAIN
    return np.concatenate([X, rows]), np.concatenate([y, labels]), mask


def measure(model, X, y, mask, trusted, test):
    """Return the test error, the share of poison found and of clean rows lost."""
    trusted = np.append(trusted, np.zeros(y.shape[0] - trusted.shape[0], dtype=bool))
    if not isinstance(model, BaseRowFilter):
        kept = np.ones_like(mask)
        model.fit(X, y)
    else:
        kept = model.fit(X, y, trusted=trusted).inlier_mask_
    found = np.mean(~kept[mask]) if mask.any() else np.nan
    lost = np.mean(~kept[~mask & ~trusted])
    return [float(value) for value in (1 - model.score(*test), found, lost)]


class Cache:
    """What has been measured: attacks as files of rows, errors as lines of a file."""

    def __init__(self, folder):
        self.folder, self.errors = folder, {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / "errors.jsonl"
            lines = self.path.read_text().splitlines() if self.path.is_file() else []
            self.errors = dict(map(json.loads, lines))

    def add(self, key, value):
        """Keep what has been measured."""
        self.errors[key] = value
        if self.folder is not None:
            with self.path.open("a") as file:
                file.write(json.dumps([key, value]) + "\n")

    def poisoned(self, key, compute):
        """Return the rows of an attack, computed if they are not there."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{key.replace('/', '-').replace(' ', '_')}.npz"
        if not path.is_file():
            X, y, mask = compute()
            np.savez_compressed(path, X=X, y=y, mask=mask)
        with np.load(path) as held:
            return held["X"], held["y"], held["mask"]


def cells(options):
    return [
        (data, learner, seed)
        for data in options.sets
        for learner in options.learners
        for seed in range(options.seeds)
    ]


def attacked(attack, name, model, learner, parts, trusted, seed, hold):
    """Return the training set after an attack on the learner or on a filter."""
    train, _, own = parts
    if attack not in ADAPTIVE:
        # Flips alone depend on which rows are trusted.
        where = f"{trusted.sum()}/flips" if attack == "flips" else attack
        return hold(where, lambda: poisoned(attack, learner, train, own, trusted, seed))
    if attack in ("led back", "accepted"):
        naive = attacked("gradient", name, model, learner, parts, trusted, seed, hold)
        return simple(attack, model, train, naive[:2], trusted)
    return hold(
        f"{trusted.sum()}/{attack}/{name}",
        lambda: poisoned(attack, model, train, own, trusted, seed),
    )


def run(cell, options, cache):
    """Measure all filters of a set, a learner and a seed under all attacks."""
    data, learner_name, seed = cell
    learner = LEARNERS[learner_name]
    where = f"{data}/{learner_name}/{seed}"
    parts = None
    for attack in options.attacks:
        for name in options.filters:
            key = f"{where}/{options.trusted}/{attack}/{name}"
            if key in cache.errors and not options.again:
                continue
            if attack in ADAPTIVE and name in ("no defence", "trusted only"):
                continue
            if parts is None:
                parts = load(data, seed)
                trusted = np.arange(N_TRAIN) < options.trusted
            model = FILTERS[name](learner, seed)
            try:
                rows = attacked(
                    attack,
                    name,
                    model,
                    learner,
                    parts,
                    trusted,
                    seed,
                    lambda of, compute: cache.poisoned(f"{where}/{of}", compute),
                )
            except (TypeError, ValueError) as refusal:
                print(f"{key}: {str(refusal)[:200]}", flush=True)
                continue
            cache.add(key, measure(model, *rows, trusted, parts[1]))


def table(data, options, cache):
    """Print the mean errors of a set: a line for each filter."""
    for learner in options.learners:
        title = f"{data}, {learner}"
        print(f"\n{title:<24}", *(f"{attack:>8}" for attack in options.attacks), end="")
        print("   found    lost      sd")
        for name in options.filters:
            print(f"{name:<24}", end="")
            found, spread = None, []
            for attack in options.attacks:
                keys = [
                    f"{data}/{learner}/{seed}/{options.trusted}/{attack}/{name}"
                    for seed in range(options.seeds)
                ]
                values = [cache.errors[key] for key in keys if key in cache.errors]
                mean = np.mean(values, axis=0) if values else [np.nan] * 3
                print(f" {mean[0]:>8.3f}" if values else f" {'-':>8}", end="")
                spread.append(np.std(values, axis=0, ddof=1)[0] if values[1:] else 0)
                found = mean[1:] if attack == "gradient" else found
            found = "" if found is None else f"{found[0]:>8.2f}{found[1]:>8.2f}"
            print(f"{found}{max(spread):>8.3f}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument(
        "--learners", nargs="+", choices=list(LEARNERS), default=list(LEARNERS)
    )
    parser.add_argument(
        "--filters", nargs="+", choices=list(FILTERS), default=list(FILTERS)
    )
    parser.add_argument(
        "--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS)
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trusted", type=int, default=400)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--again", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    cache = Cache(options.cache)
    print(f"{options.seeds} seeds, {options.trusted} of {N_TRAIN} rows trusted")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in options.sets:
            for cell in cells(argparse.Namespace(**vars(options) | {"sets": [data]})):
                run(cell, options, cache)
            table(data, options, cache)


if __name__ == "__main__":
    main()
