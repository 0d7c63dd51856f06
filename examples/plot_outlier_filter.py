"""
==================================
Outlier filtering of inserted rows
==================================

An attacker inserts rows with wrong labels, and some of the other rows are trusted. The
outlier filter drops each row that is too far from the trusted rows of the class that it
claims, or whose label contradicts what they teach. Two features show which rows it
drops, and which poison it accepts.
"""

# %%
# Data and attack
# ---------------
# Two Gaussian classes have 200 rows each, of which a fifth are trusted. The attack
# inserts clones of random rows of class 0, labelled 1. It inserts 0.3 times as many
# rows as there are clean ones: :math:`n_p / n = 0.3`, or :math:`n_p / (n + n_p) = 0.23`
# of the rows that the victim gets.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import RandomInsertion
from skpoison.defences import OutlierFilteredClassifier
from skpoison.inspection import SampleScoresDisplay

centers = [[-2, 0], [2, 0]]
X, y = make_blobs([200, 200], centers=centers, random_state=0)
X_test, y_test = make_blobs([5000, 5000], centers=centers, random_state=1)
trusted = np.random.RandomState(0).permutation(400) < 80

attack = RandomInsertion(budget=0.3, class_map={0: 1}, random_state=0)
X_poisoned, y_poisoned = attack.fit_resample(X, y)
poison = attack.poison_mask_
# An inserted row is never trusted.
trusted = np.append(trusted, np.zeros(poison.sum(), dtype=bool))

# %%
# With and without the filter
# ---------------------------

COLORS = np.array(["#0072b2", "#d55e00"])
MARKERS = {
    "clean, dropped": {"s": 40, "marker": "x", "linewidths": 1.2},
    "poison, dropped": {"s": 60, "marker": "^", "alpha": 0.4, "linewidths": 0},
    "clean": {"s": 7},
    "trusted": {"s": 26, "edgecolors": "black"},
    "poison": {"s": 34, "marker": "^", "edgecolors": "black", "linewidths": 0.6},
}


def draw(ax, title, classifier, X, y, inlier):
    """Draw training rows, coloured by their labels, and the decision boundary."""
    rows = {
        "clean, dropped": ~poison & ~inlier,
        "poison, dropped": poison & ~inlier,
        "clean": ~poison & ~trusted & inlier,
        "trusted": trusted,
        "poison": poison & inlier,
    }
    for name, mask in rows.items():
        if mask.any():
            ax.scatter([], [], c="grey", label=name, **MARKERS[name])
            ax.scatter(*X[mask].T, c=COLORS[y[mask]], **MARKERS[name])
    DecisionBoundaryDisplay.from_estimator(
        classifier,
        X,
        response_method="decision_function",
        plot_method="contour",
        levels=[0],
        colors="black",
        ax=ax,
    )
    accuracy = classifier.score(X_test, y_test)
    ax.set(title=f"{title}\naccuracy on clean test rows {accuracy:.3f}")
    ax.set(xlabel="feature 0", ylabel="feature 1", aspect="equal")


plain = LogisticRegression()
clean_accuracy = plain.fit(X, y).score(X_test, y_test)
plain.fit(X_poisoned, y_poisoned)
defended = OutlierFilteredClassifier(LogisticRegression())
defended.fit(X_poisoned, y_poisoned, trusted=trusted)
inlier = defended.inlier_mask_

everything = np.ones_like(poison)
fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.4), sharey=True, layout="constrained")
draw(axes[0], "No defence", plain, X_poisoned, y_poisoned, everything)
draw(axes[1], "Outlier filter", defended, X_poisoned, y_poisoned, inlier)
axes[1].set_ylabel("")
fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=5)
plt.show()

# %%
# Colours are the labels given, blue for 0 and red for 1. The line is the decision
# boundary.

print(f"accuracy without any poison: {clean_accuracy:.3f}")
print(f"poisoned rows dropped: {(~inlier & poison).sum()} of {poison.sum()}")
print(f"clean rows dropped: {(~inlier & ~poison).sum()} of {(~poison).sum()}")

# %%
# The filter also drops a few clean rows, about ``1 - quantile`` of those that are not
# trusted.
#
# Scores and thresholds
# ---------------------
# Two scores stand behind the verdict: the distance to the fifth nearest trusted row of
# the class, and the loss of the label under a logistic regression that learns from the
# trusted rows. The filter takes the larger one, in units of the trusted rows' own
# scores: 0 is their median and 1 their 95 % quantile.

fig, axes = plt.subplots(1, 3, figsize=(12.6, 4.4), layout="constrained")
for ax, detector in zip(axes, ["distance", "prediction", None], strict=True):
    judge = OutlierFilteredClassifier(LogisticRegression(), detector=detector)
    judge.fit(X_poisoned, y_poisoned, trusted=trusted)
    SampleScoresDisplay.from_estimator(judge, poison, ax=ax)
    name = detector or "distance and prediction"
    ax.set_title(name, pad=24)  # above the legend
    found = (~judge.inlier_mask_ & poison).sum()
    print(f"{name}: {found} of {poison.sum()} poisoned rows dropped")
plt.show()

# %%
# The poison claims to be of class 1. What is above the threshold of its class is
# dropped, unless it is trusted.
#
# An attacker who knows the filter
# --------------------------------
# A clone is accepted if it lies among the trusted rows of class 1, where a wrong label
# is not improbable: here one is. An attacker who knows which rows are accepted inserts
# only such rows. Here they repeat it until the budget is spent.

passed = np.flatnonzero(poison & inlier)
X_adapted = np.concatenate([X, X_poisoned[np.resize(passed, poison.sum())]])
defended.fit(X_adapted, y_poisoned, trusted=trusted)

fig, ax = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
title = "Outlier filter, attacker who knows it"
draw(ax, title, defended, X_adapted, y_poisoned, defended.inlier_mask_)
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %%
# The triangle is all of the poison, at the same place.

print(f"poisoned rows dropped: {(~defended.inlier_mask_ & poison).sum()}")

# %%
# The filter still forces the attacker to stay near the class that the poison claims:
# the boundary moves less than without a defence.
