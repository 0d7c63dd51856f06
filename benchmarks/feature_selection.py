"""Stability of feature selection after insertions.

Attacks on feature selection after Xiao et al. (ICML 2015), who report that with less
than 5 % of poison the selection of the Lasso is almost random. Their PDF data are not
public. The data here are

* ransomware: the 114 columns with the highest mutual information, by training rows;
* few_strong: 114 columns in [0, 1], of which 20 are strongly informative;
* many_weak: 114 such columns, all of them weakly informative.

There are 300 training rows and 300 validation rows of the attacker; the others are test
rows. Labels are responses -1 and 1. Those of poison rows are flipped and fixed, and
their features stay in the range of each column. Penalties are chosen once, by
cross-validation on clean training rows (the largest within a standard error of the
best), and the attacker knows them.

* clones: training rows with flipped labels, from which the attacks start;
* objective: maximises the learner's own objective on the validation rows, as in the
  paper;
* discard: all features that are selected on clean data are to be discarded;
* replace: in addition, as many random others are to be selected.

Prints the stability index of the selections on clean rows and with poison: 1 if they
are the same, 0 by chance. Then the test error, the number of features selected, and the
seconds of one attack; mean and standard deviation over seeds. For "other rows" the
second selection is that on the validation rows, which are clean: so much changes
without an attack. Ridge regression, which selects no features, is included for learners
that use all of them: its largest coefficients count, as many as the Lasso selects on
clean rows.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/feature_selection.py [--seeds 5]``
"""

import argparse
import time

import numpy as np
from protocol import ransomware, split
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    Ridge,
    RidgeCV,
)

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.goals import ErrorGeneric, TargetFeatures
from skpoison.metrics import stability_index

N_TRAIN, N_OWN, N_COLUMNS = 300, 300, 114
BUDGETS = 0.01, 0.02, 0.05, 0.1, 0.2
SOLVER = {"max_iter": 100_000, "tol": 1e-6}


def load_ransomware(seed):
    X, y = ransomware()
    parts = split(X, y, seed, N_TRAIN, N_OWN, N_COLUMNS)
    return [(X, 2.0 * y - 1) for X, y in parts]


def load_few_strong(seed):
    rng = np.random.RandomState(seed)
    effects = np.zeros(N_COLUMNS)
    strong = rng.permutation(N_COLUMNS)[:20]
    effects[strong] = rng.uniform(0.4, 0.8, 20) * rng.choice([-1, 1], 20)
    return make_rows(effects, rng)


def load_many_weak(seed):
    rng = np.random.RandomState(seed)
    return make_rows(rng.uniform(-0.5, 0.5, N_COLUMNS), rng)


def make_rows(effects, rng):
    parts = []
    for n_rows in (N_TRAIN, N_OWN, 2000):
        y = rng.choice([-1.0, 1.0], n_rows)
        Z = rng.normal(size=(n_rows, N_COLUMNS)) + effects * y[:, np.newaxis]
        parts.append((1 / (1 + np.exp(-Z)), y))
    return parts


def learners(X, y):
    """Choose penalties on clean rows."""
    lasso = LassoCV(cv=5, **SOLVER).fit(X, y)
    net = ElasticNetCV(cv=5, l1_ratio=0.5, **SOLVER).fit(X, y)
    ridge = RidgeCV(np.logspace(-3, 3, 25)).fit(X, y)
    return {
        "Lasso": Lasso(largest(lasso), **SOLVER),
        "elastic net": ElasticNet(largest(net), l1_ratio=0.5, **SOLVER),
        "ridge": Ridge(ridge.alpha_),
    }


def largest(search):
    """Return the largest penalty within a standard error of the best."""
    mean, std = search.mse_path_.mean(axis=1), search.mse_path_.std(axis=1)
    best, n_folds = mean.argmin(), search.mse_path_.shape[1]
    return search.alphas_[mean <= mean[best] + std[best] / np.sqrt(n_folds)].max()


def selected(weights, size):
    """Return which features are selected; the largest weights if all would be."""
    if weights.all():
        return np.abs(weights) >= np.sort(np.abs(weights))[-size]
    return weights != 0


def attacks(learner, clean, seed):
    settings = {"surrogate": learner, "poison_labels": "flip", "random_state": seed}
    found = {
        "clones": RandomInsertion(random_state=seed),
        "objective": GradientInsertion(goal=ErrorGeneric("objective"), **settings),
    }
    if not isinstance(learner, Ridge):
        unwanted, others = np.flatnonzero(clean), np.flatnonzero(~clean)
        others = np.random.RandomState(seed).permutation(others)[: unwanted.size]
        for name, wanted in (("discard", ()), ("replace", others)):
            goal = TargetFeatures(select=wanted, discard=unwanted)
            found[name] = GradientInsertion(goal=goal, **settings)
    return found


def measure(load, seed):
    """Attack every learner with every budget; return figures by name."""
    train, own, test = load(seed)
    figures = {}
    for name, learner in learners(*train).items():
        weights = learner.fit(*train).coef_
        if name == "Lasso":
            size = (weights != 0).sum()
        clean = selected(weights, size)

        def tell(rows, seconds=0.0, learner=learner, clean=clean, size=size):
            kept = selected(learner.fit(*rows).coef_, size)
            error = np.mean(np.sign(learner.predict(test[0])) != test[1])
            return stability_index([clean, kept]), error, kept.sum(), seconds

        figures[name, "clean", 0] = tell(train)
        figures[name, "other rows", 0] = tell(own)
        for kind, attack in attacks(learner, clean, seed).items():
            has_own = {"X_val": own[0], "y_val": own[1]} if kind == "objective" else {}
            for budget in BUDGETS:
                attack.set_params(budget=budget)
                begin = time.perf_counter()
                rows = attack.fit_resample(*train, **has_own)
                seconds = time.perf_counter() - begin
                figures[name, kind, budget] = tell(rows, seconds)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    columns = "".join(f"{c:>16}" for c in ("stability", "error", "selected", "seconds"))
    for load in (load_ransomware, load_few_strong, load_many_weak):
        tables = [measure(load, seed) for seed in seeds]
        print(f"\n{load.__name__.removeprefix('load_'):<26}", end="")
        print(f"{'n_p/n':>6}{'n_p/(n+n_p)':>13}{columns}")
        for key in tables[0]:
            learner, kind, budget = key
            table = np.array([figures[key] for figures in tables])
            mean, std = table.mean(axis=0), table.std(axis=0)
            print(f"{learner:<14}{kind:<12}{budget:>6.2f}", end="")
            print(f"{budget / (1 + budget):>13.3f}", end="")
            digits = zip(mean, std, (2, 3, 1, 2), strict=True)
            cells = (f"{m:.{d}f} ± {s:.{d}f}" for m, s, d in digits)
            print("".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
