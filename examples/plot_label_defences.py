"""
============================
Defences against label flips
============================

Three defences against flipped labels: one asks the neighbours of a row, one corrects
the loss for wrong labels, and one asks classifiers that have not seen the row. They
meet labels flipped at random, and labels flipped by an attacker who has chosen them.
"""

# %%
# Attacks and defences
# --------------------
# Each of three random splits has 100 training rows and 100 validation rows of the
# attacker; the others are test rows. The greedy attack flips one label after the other,
# each time the one that raises the error of the undefended victim on the validation
# rows most. Budgets are shares of the training rows, :math:`n_p / n`.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skpoison.attacks import GreedyLabelFlip, RandomLabelFlip
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    NoisyLabelClassifier,
)

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
victim = LogisticRegression(C=10, max_iter=1000)
classifiers = {
    "no defence": victim,
    "nearest neighbours": KNNSanitizedClassifier(victim),
    "unbiased loss": NoisyLabelClassifier(victim, cv=3, random_state=0),
    "confident learning": ConfidentLearningClassifier(victim, random_state=0),
}
budgets = [0.0, 0.05, 0.1, 0.15, 0.2]
kinds = "Random flips", "Greedy flips"
errors = {(kind, name): np.zeros((3, 5)) for kind in kinds for name in classifiers}

for seed in range(3):
    order = np.random.RandomState(seed).permutation(len(y))
    train, val, test = np.split(order, [100, 200])
    for i, budget in enumerate(budgets):
        by_chance = RandomLabelFlip(budget, random_state=seed)
        greedy = GreedyLabelFlip(victim, budget, random_state=seed)
        labels = (
            by_chance.fit_resample(X[train], y[train])[1],
            greedy.fit_resample(X[train], y[train], X_val=X[val], y_val=y[val])[1],
        )
        for kind, flipped in zip(kinds, labels, strict=True):
            for name, classifier in classifiers.items():
                score = classifier.fit(X[train], flipped).score(X[test], y[test])
                errors[kind, name][seed, i] = 1 - score

# %%
# Error against the share of flipped labels
# -----------------------------------------

STYLES = {
    "no defence": ("black", "x"),
    "nearest neighbours": ("#0072b2", "s"),
    "unbiased loss": ("#e69f00", "^"),
    "confident learning": ("#009e73", "o"),
}
fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained")
for ax, kind in zip(axes, kinds, strict=True):
    for name, (color, marker) in STYLES.items():
        mean = errors[kind, name].mean(axis=0)
        deviation = errors[kind, name].std(axis=0)
        ax.plot(budgets, mean, color=color, marker=marker, ms=5, label=name)
        ax.fill_between(
            budgets, mean - deviation, mean + deviation, color=color, alpha=0.12, lw=0
        )
    ax.set(
        title=kind,
        xlabel="flipped labels, $n_p / n$",
        xticks=budgets,
    )
axes[0].set_ylabel("test error")
axes[0].set_ylim(0, None)
handles, names = axes[0].get_legend_handles_labels()
fig.legend(handles, names, loc="outside lower center", ncols=4)
plt.show()

# %%
# Lines and bands are means and standard deviations over the splits.

for name in classifiers:
    clean = errors["Random flips", name][:, 0].mean()
    by_chance, greedy = (errors[kind, name][:, -1].mean() for kind in kinds)
    print(
        f"{name:<19} no flips {clean:.3f}  random {by_chance:.3f}  {greedy:.3f} greedy"
    )

# %%
# The corrected loss assumes that labels are wrong at random. It helps if they are, and
# less if the attacker has chosen the rows. Nearest neighbours cost accuracy on clean
# data. Confident learning starts with a classifier so coarse that the chosen rows
# hardly change it.
#
# This attacker does not know about the defences. One who does flips rows that the
# defences accept: see the user guide.
