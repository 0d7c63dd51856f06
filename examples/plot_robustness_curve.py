"""
=====================================
How much do flipped labels cost?
=====================================

Somebody flips the labels of random training rows. How far does the accuracy on clean
test rows fall, what do two defences give back, and what do they cost where nobody
attacks? A robustness curve for each of three estimators, on one axis.
"""

# %%
# Data and estimators
# -------------------
# Handwritten digits, ten classes. All pixels have the same scale, so distances between
# rows make sense without a scaler.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from skpoison.attacks import RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import RobustnessCurveDisplay

X, y = load_digits(return_X_y=True)
X = X / 16

plain = LogisticRegression(max_iter=1000)
estimators = {
    "no defence": plain,
    "kNN, relabel": KNNSanitizedClassifier(plain, action="relabel"),
    "kNN, drop": KNNSanitizedClassifier(plain, action="drop"),
}

# %%
# Attack and curves
# -----------------
# The attack flips a share of the training labels, each to one of the other nine with
# equal probability. A budget is a share of the clean training rows, :math:`n_p / n`.
# Test rows are never poisoned. Each estimator meets the same folds and, in each fold,
# the same flipped rows.

attack = RandomLabelFlip(random_state=0)
budgets = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4])
folds = StratifiedKFold(5, shuffle=True, random_state=0)

_, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
displays = {
    name: RobustnessCurveDisplay.from_estimator(
        estimator,
        X,
        y,
        attack=attack,
        budgets=budgets,
        cv=folds,
        scoring="accuracy",
        name=name,
        ax=ax,
    )
    for name, estimator in estimators.items()
}
ax.set_title("Random label flips, handwritten digits")
ax.grid(alpha=0.3)
plt.show()

# %%
# The bands are a standard deviation over the five folds on either side of the mean. The
# vertical axis does not begin at 0.
#
# What a defence costs
# --------------------
# At a budget of 0 there is no poison. What a defence overrules there are rows that are
# odd but right.

for name, display in displays.items():
    mean = display.test_scores.mean(axis=1)
    print(f"{name:>12}: {mean[0]:.3f} on clean data, {mean[3]:.3f} at n_p / n = 0.2")

# %%
# Here both defences lose some accuracy on clean data, and earn it back as soon as a few
# per cent of the labels are wrong. Two things should not be read into this picture:
#
# * These flips are random. An attacker who knows of the defence flips neighbouring
#   rows together, so that they confirm each other.
# * With ten classes the wrong labels are spread over nine others. With two classes
#   they all agree, and the vote of the neighbours turns sooner.
