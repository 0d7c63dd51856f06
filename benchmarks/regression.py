"""Test error of regression after insertions, following Jagielski et al. (2018).

There are 300 training rows, 250 validation rows of the attacker and 500 test rows; data
with fewer rows have the same shares. At most a quarter as many rows as training rows
are inserted, 75 into 300: n_p / n = 0.25, or n_p / (n + n_p) = 0.2. Features and
responses are scaled to [0, 1], and poison stays in that box. Data, as scaled by the
authors, are read from skpoison/grid_stability.npz and skpoison/machine_cpu.npz in
scikit-learn's data folder, and skipped if they are not there; load_diabetes is scaled
here, by training rows. p1 of grid_stability is left out, because it is a weighted sum
of p2, p3, p4 and a constant: with it the optimum of LinearRegression is not unique.

* clones: training rows with mirrored responses, from which the attacks start;
* x: features move, responses stay mirrored;
* x and y: both move together;
* y: responses move, features stay.

Penalties are chosen once, by cross-validation on clean training rows, and the attacker
knows them. The goal is the squared error on the validation rows. Prints the test error
(MSE) on clean data, the factor by which each kind of poison multiplies it, and the
seconds of one attack at the largest budget; mean and standard deviation over seeds.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/regression.py [--seeds 5]``
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import get_data_home, load_diabetes
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    Ridge,
    RidgeCV,
)
from sklearn.metrics import mean_squared_error

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box, Frozen, ResponseRange
from skpoison.optimizers import ProjectedAscent

PARTS = 300, 250, 500
BUDGETS = 0.05, 0.1, 0.15, 0.2, 0.25
SOLVER = {"max_iter": 100_000, "tol": 1e-6}


def stored(name):
    path = Path(get_data_home()) / "skpoison" / f"{name}.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as f:
        return f["X"][:, f["feature_names"] != "p1"], f["y"]


DATA_SETS = {
    "grid_stability": lambda: stored("grid_stability"),
    "machine_cpu": lambda: stored("machine_cpu"),
    "diabetes": lambda: load_diabetes(return_X_y=True, scaled=False),
}


def split(X, y, seed):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    ends = np.cumsum(PARTS)
    if y.shape[0] < ends[-1]:
        ends = (ends * y.shape[0]) // ends[-1]
    train, own, test = np.split(order[: ends[-1]], ends[:-1])
    low, high = X[train].min(axis=0), X[train].max(axis=0)
    if low.min() < 0 or high.max() > 1:
        # Others may lie a little outside of the box.
        X = (X - low) / (high - low)
        y = (y - y[train].min()) / np.ptp(y[train])
    return [(X[part], y[part]) for part in (train, own, test)]


def learners(X, y):
    """Choose penalties on clean rows."""
    lasso = LassoCV(cv=5, **SOLVER).fit(X, y)
    net = ElasticNetCV(cv=5, l1_ratio=0.5, **SOLVER).fit(X, y)
    ridge = RidgeCV(np.logspace(-4, 3, 29)).fit(X, y)
    return {
        "LinearRegression": LinearRegression(),
        "Ridge": Ridge(ridge.alpha_),
        "Lasso": Lasso(lasso.alpha_, **SOLVER),
        "ElasticNet": ElasticNet(net.alpha_, l1_ratio=0.5, **SOLVER),
    }


def attacks(learner, n_features, seed):
    moves, stays = {"poison_labels": ResponseRange(0, 1)}, {"poison_labels": "flip"}
    kinds = {
        "clones": {**stays, "optimizer": ProjectedAscent(max_iter=0)},
        "x": stays,
        "y": {**moves, "feasible_set": Frozen(range(n_features))},
        "x and y": moves,
    }
    settings = {"feasible_set": Box(0, 1), "random_state": seed}
    return {
        name: GradientInsertion(learner, **settings | kind)
        for name, kind in kinds.items()
    }


def measure(parts, seed):
    """Attack every learner with every budget; return figures by name."""
    train, own, test = parts
    figures = {}
    for name, learner in learners(*train).items():
        clean = mean_squared_error(test[1], learner.fit(*train).predict(test[0]))
        kinds = attacks(learner, train[0].shape[1], seed)
        for kind, attack in kinds.items():
            errors = []
            for budget in BUDGETS:
                attack.set_params(budget=budget)
                begin = time.perf_counter()
                rows = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
                seconds = time.perf_counter() - begin
                predicted = learner.fit(*rows).predict(test[0])
                errors.append(mean_squared_error(test[1], predicted) / clean)
            figures[name, kind] = [clean, *errors, seconds]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    for name, load in DATA_SETS.items():
        data = load()
        if data is None:
            continue
        splits = [split(*data, seed) for seed in seeds]
        sizes = ", ".join(str(y.shape[0]) for _, y in splits[0])
        print(f"\n{name}: {sizes} rows of {data[0].shape[1]} features")
        for title, shares in (
            ("n_p/n", BUDGETS),
            ("n_p/(n+n_p)", [b / (1 + b) for b in BUDGETS]),
        ):
            cells = "".join(f"{share:>16.3f}" for share in shares)
            print(f"{title:<26}{'0':>16}{cells}{'seconds':>16}")
        tables = [measure(parts, seed) for seed, parts in enumerate(splits)]
        for learner, kind in tables[0]:
            table = np.array([figures[learner, kind] for figures in tables])
            mean, std = table.mean(axis=0), table.std(axis=0)
            digits = zip(mean, std, (4, 2, 2, 2, 2, 2, 2), strict=True)
            cells = (f"{m:.{d}f} ± {s:.{d}f}" for m, s, d in digits)
            print(f"{learner:<18}{kind:<8}", end="")
            print("".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
