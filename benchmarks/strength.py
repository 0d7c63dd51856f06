"""Optimised attacks against the best simple one, on many data sets and victims.

The protocol. 300 training rows (60 % of smaller sets) and at most 2,000 test rows of
each set of strength_data.py, standardised by the training rows. The surrogate is the
victim, the attacker has the training rows alone, all parameters are the defaults. The
budgets n_p / n are .03 and .15 for insertions, .05 and .2 for flips. The damage of an
attack is the victim's test error after it minus that on clean data (for responses the
mean squared error, in units of their variance), averaged over seeds; a squared error
above 100 counts as 100: such a victim has learnt nothing. A configuration is a set, a
victim and a budget.

The baseline is the damage of the simple attacks of simple_attacks.py: of insertions
that of the best of 30 sets by an error on training rows set aside; of flips the largest
damage of its four attacks on test rows. The ratio of the two damages is computed if the
baseline's is at least .01: below that it is noise, and such configurations are counted
apart, with those among them in which the attack does less by more than .01. A victim
that does not learn from clean rows (gradient descent that diverges) gives no
configuration. An attack that ends in an error is counted as refused, and named.

Not every victim meets every set: in each block of sets each victim is drawn once,
unless ``--all`` is given. The configurations run from small sets to large ones, and a
line is printed for each:

    damage, damage of the baseline, ratio, standard error of the ratio, goal minus test
    error, CPU seconds

The standard error is that of the mean difference of the two damages over seeds, divided
by the damage of the baseline: a ratio that is less than two of them below 1 may be
chance.

The goal is the attack's own measure of the victim's error, at the poison returned: the
mean of `goal_path_` where it is largest. Baselines do not depend on the attacks: they
are read from the file ``--baselines`` and, where they lack, computed and added to it.
An interrupt ends a task, and prints the table of what is done.

Run: ``SCIKIT_LEARN_DATA=... OMP_NUM_THREADS=1 python benchmarks/strength.py
[--task insertion regression flips] [--sets spambase] [--victims "SVC(rbf)"]
[--budgets 0.03] [--seeds 5] [--all] [--attacks GradientInsertion]
[--baselines FILE] [--only-baselines] [--jobs 1]``
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from simple_attacks import best_insertion, error, simple_flips
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from strength_data import available, load

from skpoison.attacks import GradientInsertion, GreedyLabelFlip, RelaxedLabelFlip
from skpoison.surrogates import GradientDescentClassifier, GradientDescentRegressor

SMALLEST, LARGEST = 0.01, 100
NETWORK = {
    "hidden_layer_sizes": (10,),
    "activation": "tanh",
    "solver": "sgd",
    "learning_rate_init": 0.1,
    "momentum": 0,
    "batch_size": 1000,  # all rows, with the poison
    "max_iter": 300,
    "n_iter_no_change": 300,
    "random_state": 0,
}
LONG = {"max_iter": 10_000}
CLASSIFIERS = {
    "RidgeClassifier": RidgeClassifier(),
    "LogisticRegression": LogisticRegression(**LONG),
    "LogisticRegression(.01)": LogisticRegression(C=0.01, **LONG),
    "LogisticRegression(100)": LogisticRegression(C=100, **LONG),
    "LinearSVC": LinearSVC(**LONG, random_state=0),
    "LinearSVC(hinge)": LinearSVC(loss="hinge", max_iter=100_000, random_state=0),
    "StandardScaler+LogisticRegression": make_pipeline(
        StandardScaler(), LogisticRegression(**LONG)
    ),
    "MinMaxScaler+LinearSVC": make_pipeline(
        MinMaxScaler(), LinearSVC(**LONG, random_state=0)
    ),
    "SVC(linear)": SVC(kernel="linear"),
    "SVC(rbf)": SVC(),
    "SVC(poly)": SVC(kernel="poly"),
    "StandardScaler+SVC(rbf)": make_pipeline(StandardScaler(), SVC(C=10)),
    "Adaline": GradientDescentClassifier(
        "squared_error", learning_rate=0.01, n_steps=500
    ),
    "GradientDescentClassifier": GradientDescentClassifier(
        learning_rate=0.1, n_steps=500
    ),
    "SGDClassifier(hinge)": SGDClassifier(random_state=0),
    "SGDClassifier(log_loss)": SGDClassifier("log_loss", random_state=0),
    "MLPClassifier": MLPClassifier(**NETWORK),
}
REGRESSORS = {
    "Ridge(.01)": Ridge(0.01),
    "Ridge(10)": Ridge(10),
    "StandardScaler+Ridge(10)": make_pipeline(StandardScaler(), Ridge(10)),
    "LinearRegression": LinearRegression(),
    "Lasso(.05)": Lasso(0.05, **LONG),
    "ElasticNet(.05)": ElasticNet(0.05, **LONG),
    "GradientDescentRegressor": GradientDescentRegressor(
        learning_rate=0.01, n_steps=500
    ),
    "SGDRegressor": SGDRegressor(random_state=0),
    "MLPRegressor": MLPRegressor(**NETWORK | {"learning_rate_init": 0.01}),
    "MinMaxScaler+Ridge": make_pipeline(MinMaxScaler(), Ridge()),
}
# Victims, attacks, budgets, and in how many sets a victim is drawn once.
TASKS = {
    "insertion": (CLASSIFIERS, (GradientInsertion,), (0.03, 0.15), 3),
    "regression": (REGRESSORS, (GradientInsertion,), (0.03, 0.15), 3),
    "flips": (CLASSIFIERS, (GreedyLabelFlip, RelaxedLabelFlip), (0.05, 0.2), 6),
}


def cells(task, everything):
    """Return the pairs of a set and a victim, small sets first."""
    victims, _, _, block = TASKS[task]
    names = np.array(list(victims))
    pairs = []
    for i, data in enumerate(available(task)):
        order = np.random.RandomState(i // block).permutation(names.shape[0])
        drawn = np.ones(names.shape[0], dtype=bool)
        if not everything:
            drawn[:] = False
            drawn[order[i % block :: block]] = True
        pairs += [(data, name) for name in names[drawn].tolist()]
    return pairs


def baseline(task, data, victim, budget, seed):
    """Return the test error on clean data, and after each simple attack."""
    train, test = load(task, data, seed)
    model = TASKS[task][0][victim]
    n_poison = round(budget * train[1].shape[0])
    clean = error(model, train, test)
    if np.isnan(clean):
        return {"clean": clean}
    if task == "flips":
        after = {
            name: error(model, (train[0], labels), test)
            for name, labels in simple_flips(model, *train, n_poison, seed).items()
        }
    else:
        poisoned = best_insertion(model, *train, n_poison, seed)
        after = {"best of 30": error(model, poisoned, test)}
    return {"clean": clean, **after}


def attacked(task, attack, data, victim, budget, seed):
    """Return the test error after an attack, its goal and its CPU seconds."""
    train, test = load(task, data, seed)
    model = TASKS[task][0][victim]
    attacker = attack(model, budget, random_state=seed)
    begin = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            poisoned = attacker.fit_resample(*train)
        except ValueError as refusal:
            return {"refused": str(refusal)}
    seconds = time.process_time() - begin
    goal = float(np.max(attacker.goal_path_))
    if task == "regression":
        goal *= 2  # the goal is half the squared error
    after = error(model, poisoned, test)
    return {"after": after, "goal": goal, "seconds": seconds}


def measure(run, known):
    """Return the key of a run, its baseline, and what each attack does."""
    task, data, victim, budget, seed, attacks = run
    where = task, data, victim, budget, seed
    simple = known or baseline(*where)
    done = {}
    if not np.isnan(simple["clean"]):
        done = {
            attack.__name__: attacked(task, attack, *where[1:]) for attack in attacks
        }
    return simple, done


def key(run):
    return "/".join(map(str, run[:5]))


def damage(after, clean):
    """Return by how much the error has grown; 0 if the victim does not learn."""
    return 0.0 if np.isnan(after) else min(after, LARGEST) - min(clean, LARGEST)


def summary_of(seeds):
    """Average a configuration over seeds: by attack a row of the table."""
    simple = [each[0] for each in seeds]
    names = [name for name in simple[0] if name != "clean"]
    if any(np.isnan(each["clean"]) for each in simple):
        return {}
    damages = {
        name: np.mean([damage(each[name], each["clean"]) for each in simple])
        for name in names
    }
    best = max(damages, key=damages.get)
    rows = {}
    for attack in seeds[0][1]:
        done = [each[1][attack] for each in seeds]
        refused = [each["refused"] for each in done if "refused" in each]
        if refused:
            rows[attack] = {"refused": refused[0]}
            continue
        gains = [
            damage(each["after"], clean["clean"])
            for each, clean in zip(done, simple, strict=True)
        ]
        rows[attack] = {
            "damage": float(np.mean(gains)),
            "simple": float(damages[best]),
            "best": best,
            "random": damages.get("random"),
            "error": standard_error(
                np.subtract(gains, [damage(e[best], e["clean"]) for e in simple])
            ),
            "gap": float(np.nanmean([damage(e["goal"], e["after"]) for e in done])),
            "seconds": float(np.mean([each["seconds"] for each in done])),
        }
    return rows


def standard_error(values):
    """Return the standard error of a mean; 0 for a single value."""
    n = len(values)
    return float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0


def ratio_of(row):
    return row["damage"] / row["simple"]


def line(name, row):
    if "refused" in row:
        return f"{name:<64} refused: {row['refused'][:90]}"
    ratio = f"{'small':>8}{'':>8}"
    if row["simple"] >= SMALLEST:
        ratio = f"{ratio_of(row):8.2f}{row['error'] / row['simple']:8.2f}"
    return (
        f"{name:<64}{row['damage']:8.3f}{row['simple']:8.3f}{ratio}{row['gap']:8.3f}"
        f"{row['seconds']:8.2f}  {row['best']}"
    )


def table(attack, rows, n_worst):
    """Print the table of an attack from its configurations by name."""
    done = {name: row for name, row in rows.items() if "refused" not in row}
    refused = sorted(set(rows) - set(done))
    large = {name: row for name, row in done.items() if row["simple"] >= SMALLEST}
    small = {name: row for name, row in done.items() if name not in large}
    ratios = np.array([ratio_of(row) for row in large.values()])
    errors = np.array([row["error"] / row["simple"] for row in large.values()])
    print(f"\n{attack}: {len(rows)} configurations")
    print(f"  damage of the best simple attack at least {SMALLEST}: {len(large)}")
    for bound in (0.98, 0.95, 0.85):
        n_below = int((ratios < bound).sum())
        share = n_below / max(len(large), 1)
        n_clear = int((ratios + 2 * errors < bound).sum())
        print(
            f"  below {bound:.0%} of it: {n_below} ({share:.1%}), {n_clear} of them by "
            "more than two standard errors"
        )
    less = [n for n, row in small.items() if row["damage"] < row["simple"] - SMALLEST]
    print(f"  smaller damage: {len(small)}; less by more than {SMALLEST}: {len(less)}")
    n_weaker = sum(
        row["random"] is not None and row["damage"] < row["random"]
        for row in large.values()
    )
    if any(row["random"] is not None for row in large.values()):
        print(f"  weaker than random flips: {n_weaker}")
    print(f"  refused: {len(refused)}")
    if done:
        gaps = [row["gap"] for row in done.values()]
        seconds = [row["seconds"] for row in done.values()]
        print(
            f"  goal minus test error: mean {np.mean(gaps):.3f}, median "
            f"{np.median(gaps):.3f}, at most {np.max(gaps):.3f}"
        )
        print(
            f"  CPU seconds of an attack: mean {np.mean(seconds):.2f}, median "
            f"{np.median(seconds):.2f}, at most {np.max(seconds):.2f}"
        )
    worst = sorted(large, key=lambda name: ratio_of(large[name]))[:n_worst]
    below = [name for name in worst if ratio_of(large[name]) < 0.98]
    for title, names in (("worst", below), ("small", less), ("refused", refused)):
        for name in names:
            print(f"  {title}: {line(name, rows[name])}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--victims", nargs="+")
    parser.add_argument("--budgets", type=float, nargs="+")
    parser.add_argument("--attacks", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="every victim on every set")
    parser.add_argument("--worst", type=int, default=30, help="how many are named")
    parser.add_argument("--baselines", type=Path)
    parser.add_argument("--only-baselines", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def chosen(task, options):
    """Return the configurations that are asked for."""
    budgets = options.budgets or TASKS[task][2]
    return [
        (task, data, victim, budget)
        for data, victim in cells(task, options.all)
        if (not options.sets or data in options.sets)
        and (not options.victims or victim in options.victims)
        for budget in budgets
    ]


def run_task(task, options, known):
    """Measure the configurations of a task, and print its tables."""
    attacks = [
        attack
        for attack in TASKS[task][1]
        if not options.attacks or attack.__name__ in options.attacks
    ]
    attacks = [] if options.only_baselines else attacks
    configurations = chosen(task, options)
    runs = [
        (*configuration, seed, attacks)
        for configuration in configurations
        for seed in range(options.seeds)
    ]
    print(f"{task}: {len(configurations)} configurations, {options.seeds} seeds")
    print(
        f"{'':<64}{'damage':>8}{'simple':>8}{'ratio':>8}{'±':>8}{'gap':>8}{'seconds':>8}"
    )
    done = Parallel(options.jobs, return_as="generator")(
        delayed(measure)(run, known.get(key(run))) for run in runs
    )
    rows, seeds = {attack.__name__: {} for attack in attacks}, []
    try:
        for run, result in zip(runs, done, strict=True):
            seeds.append(result)
            if key(run) not in known:
                known[key(run)] = result[0]
                save(known, options.baselines)
            if len(seeds) < options.seeds:
                continue
            name = "/".join(map(str, run[1:4]))
            for attack, row in summary_of(seeds).items():
                rows[attack][name] = row
                label = name if len(attacks) == 1 else f"{attack[:7]} {name}"
                print(line(label, row), flush=True)
            seeds = []
    except KeyboardInterrupt:
        print("interrupted: the table is that of the configurations above")
    for attack, each in rows.items():
        table(f"{task}, {attack}", each, options.worst)


def save(known, path):
    if path is None:
        return
    written = path.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(known, indent=0))
    written.replace(path)


def main():
    options = parse()
    known = {}
    if options.baselines is not None and options.baselines.is_file():
        known = json.loads(options.baselines.read_text())
    for task in options.task:
        run_task(task, options, known)


if __name__ == "__main__":
    main()
