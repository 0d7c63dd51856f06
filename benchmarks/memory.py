"""Peak memory of every public estimator, beside its training rows.

Each estimator works on 100,000 rows of 20 features in a process of its own. Prints by
how much the peak of its resident memory exceeds that of a process which only imports
the package and makes the rows (16 MB), and its CPU seconds. An estimator that reaches
the time limit is stopped, and its memory until then is printed.

Run: ``python benchmarks/memory.py [--rows 100000] [--budget 0.01] [--limit 120]``
``[--only GreedyLabelFlip ...]`` (not on Windows)
"""

import argparse
import os
import resource
import signal
import subprocess
import sys

import numpy as np
from sklearn.base import RegressorMixin, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, RidgeClassifier

from skpoison import attacks, defences, feasible_sets, model_selection, surrogates
from skpoison.goals import TargetCoefficients

N_FEATURES = 20
ROWS = "rows alone"


def attack_cases(budget):
    """Name attacks: each with its defaults, and with other surrogates."""
    cases = {}
    for name in attacks.__all__:
        cases[name] = getattr(attacks, name)(budget=budget, random_state=0)
    others = {"RidgeClassifier": RidgeClassifier(), "forest": RandomForestClassifier(5)}
    for name in ("GreedyLabelFlip", "MarginLabelFlip", "ALFA"):
        for kind, surrogate in others.items():
            cases[f"{name}, {kind}"] = getattr(attacks, name)(
                surrogate, budget, random_state=0
            )
    for name in ("RelaxedLabelFlip", "GreedyDeletion"):
        cases[f"{name}, RidgeClassifier"] = getattr(attacks, name)(
            RidgeClassifier(), budget, random_state=0
        )
    for name in ("GradientInsertion", "GradientModification"):
        attack = getattr(attacks, name)
        cases[f"{name}, Ridge"] = attack(Ridge(), budget, random_state=0)
        cases[f"{name}, Lasso"] = attack(
            Lasso(0.1), budget, goal=TargetCoefficients({0: 1.0}), random_state=0
        )
    return cases


def defence_cases():
    """Name defences: each around a linear estimator."""
    cases = {}
    for name in defences.__all__:
        defence = getattr(defences, name)
        inner = Ridge() if name.endswith("Regressor") else LogisticRegression()
        cases[name] = defence(inner)
    cases["NoisyLabelClassifier, weighted"] = defences.NoisyLabelClassifier(
        LogisticRegression(), method="weighted"
    )
    return cases


def set_cases():
    """Name feasible sets."""
    box, ball = feasible_sets.Box(), feasible_sets.L2Ball(1.0)
    return {
        "Box": box,
        "L1Ball": feasible_sets.L1Ball(1.0),
        "L2Ball": ball,
        "LinfBall": feasible_sets.LinfBall(1.0),
        "Slab": feasible_sets.Slab(np.ones(N_FEATURES), -1.0, 1.0),
        "Frozen": feasible_sets.Frozen([0, 1]),
        "Integers": feasible_sets.Integers([0, 1]),
        "OneHot": feasible_sets.OneHot([[0, 1, 2]]),
        "Intersection": feasible_sets.make_intersection(box, ball),
    }


def run(case, n_rows, budget):
    """Make the rows, and do what an estimator is for."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES))
    responses = X[:, 0] + rng.normal(size=n_rows)
    y = (responses > 0).astype(int)
    if case == ROWS:
        return
    if case in (cases := attack_cases(budget)):
        attack = cases[case]
        takes_responses = isinstance(getattr(attack, "surrogate", None), RegressorMixin)
        attack.fit_resample(X, responses if takes_responses else y)
    elif case in (cases := defence_cases()):
        defence = cases[case]
        defence.fit(X, responses if is_regressor(defence) else y).predict(X)
    elif case in (cases := set_cases()):
        if case == "OneHot":
            X[:, :3] = np.eye(3)[rng.integers(3, size=n_rows)]
        if case == "Integers":
            X[:, :2] = np.rint(X[:, :2])
        feasible_set = cases[case].fit(X, y)
        feasible_set.contains(feasible_set.project(2 * X, start=X), start=X)
    elif case.startswith("GradientDescent"):
        estimator = getattr(surrogates, case)()
        estimator.fit(X, responses if is_regressor(estimator) else y).predict(X)
    elif case == "robustness_curve":
        model_selection.robustness_curve(
            LogisticRegression(),
            X,
            y,
            attack=attacks.RandomLabelFlip(random_state=0),
            budgets=[0, budget, 2 * budget],
        )
    else:
        raise SystemExit(f"No such case: {case}.")


def all_cases(budget):
    """List the names of all cases."""
    return [
        *attack_cases(budget),
        *defence_cases(),
        *set_cases(),
        "GradientDescentClassifier",
        "GradientDescentRegressor",
        "robustness_curve",
    ]


def measure(case, args):
    """Return the peak memory of a case in MB, its CPU seconds, and how it ended."""
    command = [sys.executable, __file__, "--run", case]
    for name in ("rows", "budget", "limit"):
        command += [f"--{name}", str(getattr(args, name))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # What `subprocess` does not tell: the resources that this child has used.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    outcome = ""
    if process.returncode:
        is_late = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        outcome = "time limit reached" if is_late else "FAILED"
    # In kB, but in bytes on macOS.
    megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return used.ru_maxrss / megabyte, used.ru_utime + used.ru_stime, outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--budget", type=float, default=0.01, help="n_p / n")
    parser.add_argument("--limit", type=int, default=120, help="CPU seconds for each")
    parser.add_argument("--only", nargs="+", help="names of estimators")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        resource.setrlimit(resource.RLIMIT_CPU, (args.limit, args.limit))
        run(args.run, args.rows, args.budget)
        return
    alone, start, _ = measure(ROWS, args)
    print(f"{args.rows} x {N_FEATURES} rows, budget {args.budget} n_p / n")
    print(f"imports and rows alone: {alone:.0f} MB, {start:.1f} s\n")
    for case in args.only or all_cases(args.budget):
        peak, taken, outcome = measure(case, args)
        line = f"{case:<40}{peak - alone:8.0f} MB{taken - start:8.1f} s  {outcome}"
        print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
