"""Attacks and defences on streams: prequential error on genuine rows.

Spambase and MNIST 1 against 7 in random order, electricity prices (elec) in their own
order, of which the first rows are taken. Features are clipped at three standard
deviations. The learner is logistic regression by stochastic gradient descent at a
constant rate. The attacker has 300 rows of their own, drawn at random, and inserts a
share n_p / n of the rows that follow, evenly. The attacks:

* flips: rows drawn from those of the attacker, with the other label;
* ascent: 20 steps of projected gradient ascent, as published;
* exact: the exact rows, for the loss of the learner;
* adaptive: the exact rows against hard rejection, for an attacker who knows it.

The defences: none; hard rejection without a limit, as published; soft rejection with
the defaults of the package. All learn row by row (``--batch``): the attacker follows a
learner that judges each row as it comes, and rows just above the threshold may fall
below it in a batch. The time of an attack is processor time, its simulation of the
learner included.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/online.py [--seeds 10] [--rows 3000]
[--rates .05 .5] [--shares .01 .05 .1] [--streams spambase mnist_1_7 elec] [--batch 1]``
"""

import argparse
import time

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler
from strength_data import STREAMS, stored

from skpoison.model_selection import prequential_curve
from skpoison.online import OnlineInsertion, RejectionClassifier
from skpoison.optimizers import ProjectedAscent

N_OWN = 300


class Prepared:
    """An attack that was made before: it gives a stream out as it is."""

    def __init__(self, X, y, mask):
        self.X, self.y, self.mask = X, y, mask
        self.poison_mask_, self.source_indices_ = mask, np.where(mask, -1, 0)

    def __sklearn_clone__(self):
        """Return itself: there is nothing to be fitted anew."""
        return self

    def fit_resample(self, X, y):
        """Return the poisoned stream."""
        return self.X, self.y


def stream(name, n_rows, seed):
    """Return the attacker's own rows, and a stream."""
    X, y = stored(name)
    X = X.toarray() if hasattr(X, "toarray") else X
    y = (y == np.unique(y)[1]).astype(int)
    rng = np.random.RandomState(seed)
    if name in STREAMS:
        own = rng.choice(n_rows, N_OWN, replace=False)
        rows = np.setdiff1d(np.arange(n_rows), own)
    else:
        order = rng.permutation(y.shape[0])[:n_rows]
        own, rows = order[:N_OWN], order[N_OWN:]
    scaler = StandardScaler().fit(X[own])
    X_own, X_rows = (np.clip(scaler.transform(X[i]), -3, 3) for i in (own, rows))
    kept = X[own].std(axis=0) > 0
    X_own, X_rows = X_own[:, kept], X_rows[:, kept]
    return (X_own, y[own]), (X_rows, y[rows])


def flips(own, rows, share, seed):
    """Insert rows of the attacker with the other label, evenly."""
    (X_own, y_own), (X, y) = own, rows
    n_poison = round(share * len(y))
    drawn = np.random.RandomState(seed).randint(len(y_own), size=n_poison)
    positions = np.arange(1, n_poison + 1) * len(y) // n_poison
    X_out = np.insert(X, positions, X_own[drawn], axis=0)
    y_out = np.insert(y, positions, 1 - y_own[drawn])
    mask = np.insert(np.zeros(len(y), dtype=bool), positions, True)
    return Prepared(X_out, y_out, mask)


def attacks(learner, own, rows, share, seed):
    """Yield the name of each attack, its poisoned stream and its time."""
    hard = RejectionClassifier(learner, action="drop", max_rejected=1.0)
    ascent = ProjectedAscent(0.5, 0.9, max_iter=20)
    yield "none", None, 0.0
    yield "flips", flips(own, rows, share, seed), 0.0
    for name, surrogate, optimizer in (
        ("ascent", learner, ascent),
        ("exact", learner, None),
        ("adaptive", hard, None),
    ):
        attack = OnlineInsertion(
            surrogate, share, optimizer=optimizer, random_state=seed
        )
        start = time.process_time()
        out = attack.fit_resample(*rows, X_val=own[0], y_val=own[1])
        seconds = time.process_time() - start
        yield name, Prepared(*out, attack.poison_mask_), seconds


def defences(learner):
    """Return the defences by their names."""
    hard = RejectionClassifier(learner, action="drop", max_rejected=1.0)
    return {"none": learner, "hard": hard, "soft": RejectionClassifier(learner)}


def main():
    """Print a table for each stream, rate and share."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.05, 0.5])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.05, 0.1])
    parser.add_argument(
        "--streams", nargs="+", default=["spambase", "mnist_1_7", "elec"]
    )
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    for name in args.streams:
        for rate in args.rates:
            for share in args.shares:
                table(name, rate, share, args)


def table(name, rate, share, args):
    """Print the errors of one stream, mean and standard deviation over the seeds."""
    learner = SGDClassifier(
        "log_loss", learning_rate="constant", eta0=rate, shuffle=False
    )
    errors, seconds = {}, {}
    for seed in range(args.seeds):
        own, rows = stream(name, args.rows, seed)
        for attack, prepared, took in attacks(learner, own, rows, share, seed):
            seconds.setdefault(attack, []).append(took)
            for defence, victim in defences(learner).items():
                curve = prequential_curve(
                    victim, *rows, attack=prepared, batch_size=args.batch
                )
                error = 1 - curve.running_scores[-1]
                errors.setdefault((attack, defence), []).append(error)
    print(f"\n{name}, rate {rate}, n_p / n = {share}, {args.seeds} seeds")
    print(f"{'attack':10}{'none':>13}{'hard':>13}{'soft':>13}{'seconds':>10}")
    for attack, took in seconds.items():
        cells = [errors[attack, defence] for defence in ("none", "hard", "soft")]
        text = "".join(f"{np.mean(c):8.3f} ±{np.std(c):.3f}" for c in cells)
        print(f"{attack:10}{text}{np.mean(took):10.2f}", flush=True)


if __name__ == "__main__":
    main()
