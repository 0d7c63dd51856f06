"""
============================================
Sensitivity of the nearest-neighbour defence
============================================

The defence has two parameters: how many neighbours vote on the label of a row, and
which share of them overrules it. The figure shows their effect on the test error, with
flipped labels and without.
"""

# %%
# Data and attacks
# ----------------
# Each of five random splits has 100 training rows and 100 validation rows of the
# attacker; the others are test rows. A fifth of the training labels are flipped,
# :math:`n_p / n = 0.2`: at random, or greedily, each time the label that raises the
# error on the validation rows most.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skpoison.attacks import GreedyLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
victim = LogisticRegression(C=10, max_iter=1000)

cases = {"no flips": [], "random flips": [], "greedy flips": []}
for seed in range(5):
    order = np.random.RandomState(seed).permutation(len(y))
    train, val, test = np.split(order, [100, 200])
    by_chance = RandomLabelFlip(0.2, random_state=seed)
    greedy = GreedyLabelFlip(victim, 0.2, random_state=seed)
    labels = (
        y[train],
        by_chance.fit_resample(X[train], y[train])[1],
        greedy.fit_resample(X[train], y[train], X_val=X[val], y_val=y[val])[1],
    )
    for splits, flipped in zip(cases.values(), labels, strict=True):
        splits.append((X[train], flipped, X[test], y[test]))


def error(classifier, splits):
    """Return the error on clean test rows, averaged over the splits."""
    return np.mean([1 - classifier.fit(a, b).score(c, d) for a, b, c, d in splits])


# %%
# Error by both parameters
# ------------------------

STYLES = {"no flips": ("#009e73", "o"), "random flips": ("#0072b2", "s")}
STYLES["greedy flips"] = ("#d55e00", "^")
votes = np.array([1, 3, 5, 10, 15, 20, 30, 40])
thresholds = np.linspace(0.5, 1, 11)

fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained")
for name, splits in cases.items():
    color, marker = STYLES[name]
    of_votes = [
        error(KNNSanitizedClassifier(victim, n_neighbors=k), splits) for k in votes
    ]
    of_thresholds = [
        error(KNNSanitizedClassifier(victim, threshold=share), splits)
        for share in thresholds
    ]
    axes[0].plot(votes, of_votes, color=color, marker=marker, ms=5, label=name)
    axes[1].plot(thresholds, of_thresholds, color=color, marker=marker, ms=5)
    for ax in axes:
        ax.axhline(error(victim, splits), color=color, ls="--", lw=1)
axes[0].plot([], [], "--", color="grey", lw=1, label="no defence")
axes[0].set(xlabel="n_neighbors", ylabel="test error", title="threshold=0.5")
axes[1].set(xlabel="threshold", title="n_neighbors=10")
axes[0].set_ylim(0, None)
fig.legend(loc="outside lower center", ncols=4)
plt.show()

# %%
# The left panel starts with a single neighbour. At the right end of the right panel the
# vote has to be unanimous.
#
# Cost on clean data
# ------------------

clean, greedy = cases["no flips"], cases["greedy flips"]
print("threshold", *(f"k = {k:<6}" for k in (5, 10, 30)), "(no flips / greedy flips)")
for threshold in (0.5, 0.7, 0.9):
    row = []
    for k in (5, 10, 30):
        defence = KNNSanitizedClassifier(victim, n_neighbors=k, threshold=threshold)
        row.append(f"{error(defence, clean):.3f}/{error(defence, greedy):.3f}")
    print(f"{threshold:<9}", *row)

# %%
# A high threshold costs little if the labels are right, and finds few flips if they are
# wrong. No threshold is best in both cases, and the defender does not know which case
# they are in. Greedy flips lie close together, so more neighbours do not always help.
