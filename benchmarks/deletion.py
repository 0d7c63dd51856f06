"""Deletion of rows: test error and run time of several search methods.

A share n_deleted / n of the training rows is deleted; the victim learns from the rest.
The attacker knows the victim and has a validation set; the test rows are others. Breast
cancer: 285 training, 142 validation and 142 test rows; Spambase (54 binary word
features): 1000, 1000 and the other 2601; diabetes: 221, 110 and 111. The methods:

* random: rows drawn at random;
* influence: the rows with the largest influence on the goal, all at once;
* Newton step: the rows with the highest goal predicted by one Newton step, all at once;
* greedy: in up to 100 rounds, with the surrogate trained again after each;
* exchange: then up to 100 deleted rows are swapped for better ones (the default);
* training rows: the same, with the goal measured on the training rows.

Prints the test error (for diabetes 1 - R^2), mean and standard deviation over the seeds
0 to 4, and the seconds of processor time of one attack. Then greedy deletion of 5 rows
is compared with brute force, which trains the victim without each row in turn.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/deletion.py``
"""

import time

import numpy as np
from protocol import spambase
from sklearn.base import clone, is_regressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import scale

from skpoison.attacks import GreedyDeletion
from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.losses import Squared
from skpoison.bilevel.solvers.newton import minimise
from skpoison.surrogates import as_training_problem

SEEDS = range(5)
SHARES = 0.05, 0.1, 0.2, 0.3
LOGISTIC, RIDGE = LogisticRegression(max_iter=1000), Ridge()


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


DATA_SETS = {
    "Breast cancer, logistic regression": (breast_cancer, LOGISTIC, (285, 142)),
    "Spambase, logistic regression": (spambase, LOGISTIC, (1000, 1000)),
    "Diabetes, ridge": (diabetes, RIDGE, (221, 110)),
}


def split(X, y, sizes, seed):
    order = np.random.RandomState(seed).permutation(y.shape[0])
    return [(X[part], y[part]) for part in np.split(order, np.cumsum(sizes))]


def goal_on(validation, victim):
    """Return the goal of the attack."""
    X, y = validation
    if is_regressor(victim):
        return OnRows(X, MeanLoss(Squared(), y[:, np.newaxis]))
    return OnRows(X, SmoothedError(y.astype(int)))


def random(victim, train, validation, n_deleted, seed):
    return np.random.RandomState(seed).permutation(train[1].shape[0])[:n_deleted]


def influence(victim, train, validation, n_deleted, seed):
    surrogate = as_training_problem(victim, None if is_regressor(victim) else 2)
    y = train[1] if is_regressor(victim) else train[1].astype(int)
    optimum = minimise(surrogate.learner, surrogate.rows(train[0], y))
    _, b = goal_on(validation, victim).at(surrogate.learner, optimum.W)
    return np.argsort(implicit(optimum, b).weights)[:n_deleted]


def searching(*, is_validated=True, **settings):
    def search(victim, train, validation, n_deleted, seed):
        attack = GreedyDeletion(victim, n_deleted, random_state=seed, **settings)
        given = {"X_val": validation[0], "y_val": validation[1]} if is_validated else {}
        attack.fit_resample(*train, **given)
        return np.flatnonzero(attack.deletion_mask_)

    return search


WAYS = {
    "random": random,
    "influence": influence,
    "Newton step": searching(n_rounds=1, n_exchanges=0),
    "greedy": searching(n_exchanges=0),
    "exchange": searching(),
    "training rows": searching(is_validated=False),
}


def without(train, deleted):
    return [np.delete(part, deleted, axis=0) for part in train]


def brute_force(victim, train, validation, n_deleted):
    """Delete greedily, training the victim without each row in turn."""
    goal, deleted = goal_on(validation, victim), []
    for _ in range(n_deleted):
        values = np.full(train[1].shape[0], -np.inf)
        for i in np.setdiff1d(np.arange(train[1].shape[0]), deleted):
            fitted = clone(victim).fit(*without(train, [*deleted, i]))
            scores = validation[0] @ fitted.coef_.reshape(-1, 1) + fitted.intercept_
            values[i] = goal.measure.value(scores)
        deleted.append(int(values.argmax()))
    return deleted


def main():
    for name, (load, victim, sizes) in DATA_SETS.items():
        X, y = load()
        print(f"\n{name}\n{'n_deleted / n':<14}", end="")
        print("".join(f"{share:>24.2f}" for share in (0.0, *SHARES)))
        for way, choose in WAYS.items():
            print(f"{way:<14}", end="")
            for share in (0.0, *SHARES):
                errors, seconds = [], []
                for seed in SEEDS:
                    train, validation, test = split(X, y, sizes, seed)
                    begin = time.process_time()
                    deleted = []
                    if share:
                        n_deleted = round(share * sizes[0])
                        deleted = choose(victim, train, validation, n_deleted, seed)
                    seconds.append(time.process_time() - begin)
                    victim_left = clone(victim).fit(*without(train, deleted))
                    errors.append(1 - victim_left.score(*test))
                cell = f"{np.mean(errors):.3f} +- {np.std(errors):.3f}"
                cell += f" {np.mean(seconds):5.2f} s" if share else ""
                print(f"{cell:>24}", end="", flush=True)
            print()

    print("\nGreedy deletion of 5 rows, seed 0")
    for name, (load, victim, sizes) in DATA_SETS.items():
        if load is spambase:
            continue  # 5000 trainings take their time
        train, validation, _ = split(*load(), sizes, 0)
        begin = time.process_time()
        wanted = brute_force(clone(victim).set_params(tol=1e-8), train, validation, 5)
        middle = time.process_time()
        found = searching(n_exchanges=0)(victim, train, validation, 5, 0)
        end = time.process_time()
        print(
            f"{name}: brute force {middle - begin:.1f} s, greedy {end - middle:.2f} s, "
            f"rows in common: {len(set(wanted) & set(found.tolist()))} of 5",
            flush=True,
        )


if __name__ == "__main__":
    main()
