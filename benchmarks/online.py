"""Attacks and defences on streams: prequential error on genuine rows.

Spambase, MNIST 1 against 7 and phishing in random order; electricity prices (elec) in
their own order, of which the first rows are taken; a synthetic stream whose classes
change at once in its middle (drift). No default of the package was chosen on the
others: elec_later, which begins at row 20,000; gradual, a synthetic stream that turns
slowly; sms_spam and ransomware, the 100 columns whose presence varies most, in random
order. Features are clipped at three standard deviations. The learner is logistic
regression by stochastic gradient descent at a constant rate, one row a call. The
attacker has 300 rows of their own, drawn at random, and inserts a share n_p / n of the
rows that follow, evenly. The victim verifies the first 50 rows and 5 % of the others,
which are trusted.
The attacks:

* flips: rows drawn from those of the attacker, with the other label;
* ascent: 20 steps of projected gradient ascent, as published;
* exact: the exact rows, for the loss of the learner;
* adaptive: against each defence an attacker who knows it and the rows that it trusts;
  of the sliding window they know the filter, and not that rows wait.

The defences: none; hard rejection without a limit, as published; soft rejection and
the test of steps on trusted rows with the defaults of the package; a combination of
four learners: soft rejection, the same at a threshold that rejects nothing (so that
only leverage counts), the test of steps, and that at a tenth of the rate; a filter of
outliers on a sliding window. "trusted" learns the trusted rows alone.

A row is predicted before it is learnt, by the steps of the learners and defences that
the attacks simulate: the tests compare these with the estimators themselves, and they
are a hundred times faster. Each line is a stream, a rate, a share and a seed; tables of
means and standard deviations follow after each seed. The time of an attack is processor
time, its simulation of the learner included, the shorter of two runs.

Run: ``SCIKIT_LEARN_DATA=... python benchmarks/online.py [--seeds 10] [--rows 1300]
[--rates .05 .5] [--shares .05 .01 .1] [--streams spambase mnist_1_7 elec] [--defences
none soft step comb]``, and with ``--large`` for 100,000 rows of 50 columns, by the
estimators in batches. ``--tables FILE ...`` prints the tables of lines that runs have
written to files.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler
from strength_data import columns, stored

from skpoison.datasets import make_drifting_stream
from skpoison.defences import OutlierFilteredClassifier
from skpoison.model_selection import prequential_curve
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    RejectionClassifier,
    SlidingWindowClassifier,
    TrustedStepClassifier,
)
from skpoison.online._defended_victims import as_stream_learner
from skpoison.optimizers import ProjectedAscent

N_OWN, N_FIRST, VERIFIED = 300, 50, 0.05
ATTACKS = ("none", "flips", "ascent", "exact", "adaptive")


def learner_at(rate):
    """Return the learner."""
    return SGDClassifier("log_loss", learning_rate="constant", eta0=rate, shuffle=False)


def defences(rate):
    """Return the defences by their names."""
    learner = learner_at(rate)
    step, slow = (TrustedStepClassifier(learner_at(rate / by)) for by in (1, 10))
    members = {
        "near": RejectionClassifier(learner, 1e-9),
        "soft": RejectionClassifier(learner),
        "step": step,
        "slow": slow,
    }
    return {
        "none": learner,
        "hard": RejectionClassifier(learner, action="drop", max_rejected=1.0),
        "soft": members["soft"],
        "step": step,
        "comb": AdaptiveCombinationClassifier([*members.items()]),
        "window": SlidingWindowClassifier(OutlierFilteredClassifier(learner)),
    }


def stream(name, n_rows, seed):
    """Return the attacker's own rows, a stream, and which of its rows are trusted."""
    in_order = name in ("drift", "gradual", "elec", "elec_later")
    if name in ("drift", "gradual"):
        drift = "abrupt" if name == "drift" else name
        X, y = make_drifting_stream(n_rows, drift=drift, random_state=seed)
    elif name in ("sms_spam", "ransomware"):
        X, y = columns(name, 100)
    elif name == "elec_later":
        X, y = (each[20_000:] for each in stored("elec"))
    else:
        X, y = stored(name)
    X = X.toarray() if hasattr(X, "toarray") else X
    y = (y == np.unique(y)[1]).astype(int)
    rng = np.random.RandomState(seed)
    if in_order:
        own = rng.choice(n_rows, N_OWN, replace=False)
        rows = np.setdiff1d(np.arange(n_rows), own)
    else:
        order = rng.permutation(y.shape[0])[:n_rows]
        own, rows = order[:N_OWN], order[N_OWN:]
    scaler = StandardScaler().fit(X[own])
    X_own, X_rows = (np.clip(scaler.transform(X[i]), -3, 3) for i in (own, rows))
    kept = X[own].std(axis=0) > 0
    trusted = rng.uniform(size=len(rows)) < VERIFIED
    trusted[:N_FIRST] = True
    return (X_own[:, kept], y[own]), (X_rows[:, kept], y[rows]), trusted


def flips(own, rows, share, seed):
    """Insert rows of the attacker with the other label, evenly."""
    (X_own, y_own), (X, y) = own, rows
    n_poison = round(share * len(y))
    drawn = np.random.RandomState(seed).randint(len(y_own), size=n_poison)
    positions = np.arange(1, n_poison + 1) * len(y) // n_poison
    sources = np.insert(np.arange(len(y)), positions, -1)
    X_out = np.insert(X, positions, X_own[drawn], axis=0)
    y_out = np.insert(y, positions, 1 - y_own[drawn])
    return X_out, y_out, sources


def insert(surrogate, share, own, rows, trusted, seed, optimizer=None):
    """Return a poisoned stream, where its rows come from, and the time it took."""
    attack = OnlineInsertion(surrogate, share, optimizer=optimizer, random_state=seed)
    given = {"trusted": trusted, "X_val": own[0], "y_val": own[1]}
    start = time.process_time()
    out = attack.fit_resample(*rows, **given)
    return (*out, attack.source_indices_), time.process_time() - start


def prequential_error(defence, poisoned, trusted, *, learns=None):
    """Return the share of genuine rows that are predicted wrongly before learnt."""
    X, y, sources = poisoned
    is_trusted = (sources >= 0) & trusted[sources]
    if isinstance(defence, SlidingWindowClassifier):
        return window_error(defence, poisoned, is_trusted)
    state = as_stream_learner(defence, X.shape[1], np.arange(2))
    errors = []
    for i in range(len(y)):
        if sources[i] >= 0:
            score = state.learner.scores(X[i : i + 1], state.weights)[0, 0]
            errors.append((score > 0) != y[i])
        if learns is None or is_trusted[i]:
            state.learn(X[i], y[i], trusted=is_trusted[i])
    return float(np.mean(errors))


def window_error(defence, poisoned, is_trusted):
    """Return the prequential error of a defence that learns once for `every` rows."""
    X, y, sources = poisoned
    # On small windows the filter warns that it mistakes a class for poison.
    warnings.simplefilter("ignore", UserWarning)
    defence, wrong = clone(defence), []
    defence.partial_fit(X[:1], y[:1], classes=[0, 1], trusted=is_trusted[:1])
    for first in range(1, len(y), defence.every):
        rows = slice(first, first + defence.every)
        genuine = sources[rows] >= 0
        wrong.append((defence.predict(X[rows]) != y[rows])[genuine])
        defence.partial_fit(X[rows], y[rows], trusted=is_trusted[rows])
    return float(np.mean(np.concatenate(wrong)))


def cell(name, rate, share, seed, n_rows, chosen):
    """Return the errors by attack and defence, and the times of two attacks."""
    own, rows, trusted = stream(name, n_rows, seed)
    victims = {each: defences(rate)[each] for each in chosen}
    ascent = ProjectedAscent(0.5, 0.9, max_iter=20)
    given = share, own, rows, trusted, seed
    streams = {
        "none": (*rows, np.arange(len(rows[1]))),
        "flips": flips(own, rows, share, seed),
    }
    # Whatever else the machine does disturbs both alike.
    times = []
    for _ in range(2):
        streams["ascent"], slow = insert(victims["none"], *given, optimizer=ascent)
        streams["exact"], fast = insert(victims["none"], *given)
        times.append((slow, fast))
    slow, fast = np.min(times, axis=0)
    errors = {
        (attack, defence): prequential_error(victim, poisoned, trusted)
        for attack, poisoned in streams.items()
        for defence, victim in victims.items()
    }
    errors["none", "trusted"] = prequential_error(
        victims["none"], streams["none"], trusted, learns="trusted"
    )
    errors["adaptive", "none"] = errors["exact", "none"]
    for defence, victim in victims.items():
        if defence != "none":
            poisoned, _ = insert(victim, *given)
            errors["adaptive", defence] = prequential_error(victim, poisoned, trusted)
    return errors, (slow, fast)


def print_tables(found):
    """Print means and standard deviations of all cells so far."""
    for (name, rate, share), runs in found.items():
        print(f"\n{name}, rate {rate}, n_p / n = {share}, {len(runs)} seeds")
        names = [each for each in defences(rate) if ("none", each) in runs[0][0]]
        print(f"{'attack':10}" + "".join(f"{each:>13}" for each in names))
        for attack in ATTACKS:
            cells = [[run[0][attack, each] for run in runs] for each in names]
            text = "".join(f"{np.mean(c):8.3f} ±{np.std(c):.3f}" for c in cells)
            print(f"{attack:10}{text}")
        clean = np.mean([run[0]["none", "none"] for run in runs])
        exact = np.mean([run[0]["exact", "none"] for run in runs])
        for attack in ("exact", "adaptive"):
            means = [np.mean([run[0][attack, each] for run in runs]) for each in names]
            back = 100 * (exact - np.array(means)) / (exact - clean)
            print(f"{attack + ' %':10}" + "".join(f"{each:13.0f}" for each in back))
        alone = np.mean([run[0]["none", "trusted"] for run in runs])
        slow, fast = np.mean([run[1] for run in runs], axis=0)
        print(f"trusted rows alone {alone:.3f}")
        print(f"seconds: ascent {slow:.3f}, exact {fast:.3f}, {slow / fast:.2f} times")
    print(flush=True)


def read_lines(paths):
    """Return the cells that runs have written to files."""
    found = {}
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            head, _, body = line.partition(": ")
            words = head.split()
            if len(words) != 5 or words[3] != "seed":
                continue
            errors, (slow, fast) = {}, body.split()[-2:]
            for key, value in zip(*[iter(body.split()[:-2])] * 2, strict=True):
                errors[tuple(key.split("/"))] = float(value)
            key = words[0], float(words[1]), float(words[2])
            found.setdefault(key, []).append((errors, (float(slow), float(fast))))
    return found


def large():
    """Print the time of an attack and of defences on 100,000 rows of 50 columns."""
    X, y = make_drifting_stream(100_000, 50, drift="gradual", random_state=0)
    trusted = np.random.RandomState(0).uniform(size=len(y)) < VERIFIED
    learner = learner_at(0.05)
    for defence in (RejectionClassifier(learner), TrustedStepClassifier(learner)):
        asks = isinstance(defence, TrustedStepClassifier)
        start = time.process_time()
        curve = prequential_curve(
            defence,
            X,
            y,
            attack=OnlineInsertion(learner, 0.05, random_state=0),
            batch_size=20,
            trusted=trusted if asks else None,
        )
        took, error = time.process_time() - start, 1 - curve.running_scores[-1]
        print(f"{type(defence).__name__}: {took:.0f} s, error {error:.3f}", flush=True)


def main():
    """Print a line for each stream, rate, share and seed, and tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1300)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.05, 0.5])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.05, 0.01, 0.1])
    parser.add_argument(
        "--streams",
        nargs="+",
        default=["spambase", "mnist_1_7", "elec", "phishing", "drift"],
    )
    parser.add_argument("--defences", nargs="+", default=[*defences(0.05)])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--tables", nargs="+")
    args = parser.parse_args()
    if args.tables:
        print_tables(read_lines(args.tables))
        return
    if args.large:
        large()
        return
    found = {}
    for share in args.shares:
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            for name in args.streams:
                for rate in args.rates:
                    run = cell(name, rate, share, seed, args.rows, args.defences)
                    found.setdefault((name, rate, share), []).append(run)
                    text = " ".join(f"{a}/{d} {e:.4f}" for (a, d), e in run[0].items())
                    text += " {:.4f} {:.4f}".format(*run[1])
                    print(f"{name} {rate} {share} seed {seed}: {text}", flush=True)
            print_tables(found)


if __name__ == "__main__":
    main()
