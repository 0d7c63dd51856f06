"""Which attack does most harm, by what the attacker can do and knows?

Every attack of the package, at its defaults, against classifiers on 300 training rows
with a budget of 0.1 (n_p / n). An attacker who knows the model takes the victim as the
surrogate. One who does not takes a LogisticRegression, and the victim is a support
vector machine with a kernel or a forest. Printed is the damage: the error on test rows
after the attack minus that on clean data, in points, as the mean over sets, victims
and seeds and the standard deviation over the sets. *First* is the share of the pairs of
a set and a victim in which an attack is the strongest of those with its capability.

Run with ``python benchmarks/which_attack.py``; data sets of the literature are taken
from scikit-learn's data folder if they are there.
"""

import argparse
import warnings
from itertools import chain

import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC
from strength_data import available, load

from skpoison import attacks

CAPABILITIES = {
    "write labels": [
        attacks.RandomLabelFlip,
        attacks.MarginLabelFlip,
        attacks.ALFA,
        attacks.RelaxedLabelFlip,
        attacks.GreedyLabelFlip,
    ],
    "add rows": [attacks.RandomInsertion, attacks.GradientInsertion],
    "change rows": [attacks.GradientModification],
    "withhold rows": [attacks.GreedyDeletion],
}
SETS = [
    "breast_cancer",
    "spambase",
    "elec",
    "minority",
    "noisy",
    "correlated",
    "one_hot",
    "five_classes",
]
LOGISTIC = LogisticRegression(max_iter=1000)
KERNEL = SVC()
KNOWN = [LOGISTIC, LinearSVC(max_iter=10_000), KERNEL]
UNKNOWN = [KERNEL, RandomForestClassifier(random_state=0)]
BUDGET = 0.1
KNOWS, DOES_NOT = "knows the model", "does not"


def damages(name, seed):
    """Return a record for each attack and each victim that meets it."""
    warnings.simplefilter("ignore")
    train, test = load("classification", name, seed)
    victims = {type(victim).__name__: victim for victim in [*KNOWN, *UNKNOWN]}
    errors = {
        victim: 1 - clone(estimator).fit(*train).score(*test)
        for victim, estimator in victims.items()
    }
    records = []
    for attack in chain.from_iterable(CAPABILITIES.values()):
        takes_surrogate = "surrogate" in attack().get_params()
        for surrogate in KNOWN:
            settings = {"surrogate": surrogate} if takes_surrogate else {}
            made = attack(budget=BUDGET, random_state=seed, **settings)
            poisoned = made.fit_resample(*train)
            pairs = [(KNOWS, surrogate)]
            if surrogate is LOGISTIC:
                pairs += [(DOES_NOT, victim) for victim in UNKNOWN]
            for knowledge, estimator in pairs:
                victim = type(estimator).__name__
                error = 1 - clone(estimator).fit(*poisoned).score(*test)
                damage = 100 * (error - errors[victim])
                records.append((attack.__name__, knowledge, victim, name, damage))
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    there = available("classification")
    names = [name for name in options.sets if name in there]
    runs = [(name, seed) for name in names for seed in range(options.seeds)]
    found = Parallel(n_jobs=options.jobs)(delayed(damages)(*run) for run in runs)
    columns = ["attack", "knowledge", "victim", "set", "damage"]
    records = pd.DataFrame(list(chain.from_iterable(found)), columns=columns)
    mean = records.groupby(columns[:-1])["damage"].mean().unstack("attack")
    print(f"{options.seeds} seeds of {', '.join(names)}; budget {BUDGET} (n_p / n)")
    for capability, attacks_of_it in CAPABILITIES.items():
        print(f"\n{capability:<22}{KNOWS:>25}{DOES_NOT:>25}")
        of_it = mean[[attack.__name__ for attack in attacks_of_it]]
        is_first = of_it.eq(of_it.max(axis=1), axis=0)
        for attack in of_it:
            cells = ""
            for knowledge in (KNOWS, DOES_NOT):
                own = of_it.loc[knowledge, attack]
                spread = own.groupby("set").mean().std()
                cell = f"{own.mean():.1f} ± {spread:.1f}"
                if of_it.shape[1] > 1:
                    cell += f"  first {is_first.loc[knowledge, attack].mean():4.0%}"
                cells += f"{cell:>25}"
            print(f"  {attack:<20}{cells}")


if __name__ == "__main__":
    main()
