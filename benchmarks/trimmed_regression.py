"""Trimmed regression under gradient attacks, naive and adaptive: test errors.

The protocol of regression.py: 300 training rows of grid_stability, 59 of machine_cpu
and 126 of load_diabetes, validation rows of the attacker and test rows, all of [0, 1];
a quarter as many rows as training rows are inserted, n_p / (n + n_p) = 0.2, with their
labels mirrored and features that move (x), or both moving (x and y). The goal is the
squared error on the validation rows. The learner is Ridge, with a penalty chosen on
clean rows.

Each defence is fitted to clean rows, to the poison of an attacker who does not know of
it, and, if it can be the surrogate, to the poison of one who does (adaptive, x and y).
Trimming is tried with the share of poison given, and without; with the clean row of the
largest response trusted; and with 20 trusted rows: the first ones, which are random, or
one of each twentieth of the clean rows in the order of their responses ("spread"). The
attacker cannot touch trusted rows. Beside it are robust regressors of scikit-learn.
Prints the test error (MSE) of the learner on clean rows, and the factors by which that
of each defence differs from it: the mean over the seeds, and the worst.

Run: ``SCIKIT_LEARN_DATA=... OMP_NUM_THREADS=1 python benchmarks/trimmed_regression.py
[--seeds 3] [--adaptive] [--sets machine_cpu] [--defences trimmed SEVER]``
"""

import argparse
import warnings

import numpy as np
from regression import DATA_SETS, attacks, learners, split
from sklearn.linear_model import HuberRegressor, RANSACRegressor
from sklearn.metrics import mean_squared_error

from skpoison.defences import (
    OutlierFilteredRegressor,
    SEVERRegressor,
    TrimmedRegressor,
)

BUDGET, N_TRUSTED = 0.25, 20
SHARE = BUDGET / (1 + BUDGET)
FIRST, LARGEST, SPREAD = "first", "largest", "spread"


def defences(learner, share, seed):
    """Return the defences, and which rows each is told to trust."""
    of_seed = {"random_state": seed}
    given = {"contamination": share, **of_seed}
    return {
        "no defence": (learner, None),
        "trimmed, share given": (TrimmedRegressor(learner, **given), None),
        "trimmed": (TrimmedRegressor(learner, **of_seed), None),
        "trimmed, largest trusted": (TrimmedRegressor(learner, **of_seed), LARGEST),
        "trimmed, trusted rows": (TrimmedRegressor(learner, **of_seed), FIRST),
        "trimmed, spread trusted": (TrimmedRegressor(learner, **of_seed), SPREAD),
        "SEVER, share given": (SEVERRegressor(learner, **given), None),
        "SEVER": (SEVERRegressor(learner, **of_seed), None),
        "SEVER, trusted rows": (SEVERRegressor(learner, **of_seed), FIRST),
        "outliers, trusted rows": (OutlierFilteredRegressor(learner), FIRST),
        "RANSAC": (RANSACRegressor(learner, min_samples=0.3, **of_seed), None),
        "Huber": (HuberRegressor(alpha=learner.alpha, max_iter=10_000), None),
    }


def poisoned(surrogate, kind, train, own, seed, trusted):
    """Return the training rows after an attack."""
    attack = attacks(surrogate, train[0].shape[1], seed)[kind].set_params(budget=BUDGET)
    params = {"trusted": trusted} if trusted is not None else {}
    return attack.fit_resample(*train, X_val=own[0], y_val=own[1], **params)


def measure(parts, seed, options):
    """Return the clean error, and the factor of each defence for each training set."""
    train, own, test = parts
    n_clean = train[1].shape[0]
    learner = learners(*train)["Ridge"]

    parts_of_range = np.array_split(np.argsort(train[1]), N_TRUSTED)
    rng = np.random.RandomState(seed)
    trusted_rows = {
        FIRST: np.arange(N_TRUSTED),
        LARGEST: train[1].argmax(),
        SPREAD: [rng.choice(part) for part in parts_of_range],
    }

    def mask_of(which, n_rows):
        return np.isin(np.arange(n_rows), trusted_rows[which])

    def error(model, rows, trusted):
        params = {"trusted": mask_of(trusted, rows[1].shape[0])} if trusted else {}
        model.fit(*rows, **params)
        return mean_squared_error(test[1], model.predict(test[0]))

    clean = error(learner, train, None)
    kinds = {"clean": train}
    for kind in ("x", "x and y"):
        kinds[kind] = poisoned(learner, kind, train, own, seed, None)
    factors = {}
    n_poison = kinds["x"][1].shape[0] - n_clean
    share = n_poison / (n_poison + n_clean)
    for name, (model, trusted) in defences(learner, share, seed).items():
        if name not in (options.defences or [name]):
            continue
        row = [error(model, rows, trusted) / clean for rows in kinds.values()]
        row.append(np.nan)
        if options.adaptive and hasattr(model, "contamination"):
            mask = mask_of(trusted, n_clean) if trusted else None
            try:
                rows = poisoned(model, "x and y", train, own, seed, mask)
                row[-1] = error(model, rows, trusted) / clean
            except (TypeError, ValueError) as refusal:
                print(f"{name}: {str(refusal)[:200]}", flush=True)
        factors[name] = row
    return clean, factors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--adaptive", action="store_true")
    sets = ["grid_stability", "machine_cpu", "diabetes"]
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets)
    parser.add_argument("--defences", nargs="+")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.sets:
        data = DATA_SETS[name]()
        if data is None:
            continue
        tables = [
            measure(split(*data, seed), seed, options) for seed in range(options.seeds)
        ]
        clean = np.mean([error for error, _ in tables])
        print(f"\n{name}: clean MSE {clean:.4f}, n_p/(n+n_p) = {SHARE:.2f}")
        columns = ("clean", "x", "x and y", "adaptive")
        print(" " * 24, *(f"{column:>14}" for column in columns))
        for defence in tables[0][1]:
            table = np.array([factors[defence] for _, factors in tables])
            means, worst = table.mean(axis=0), table.max(axis=0)
            cells = (
                "-" if np.isnan(m) else f"{m:.2f} ({w:.2f})"
                for m, w in zip(means, worst, strict=True)
            )
            print(f"{defence:<24}", *(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
