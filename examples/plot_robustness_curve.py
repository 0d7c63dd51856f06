"""
===================================
Robustness curves under label flips
===================================

The labels of random training rows are flipped. Three robustness curves show how far the
accuracy on clean test rows falls without a defence, how much of it two defences
restore, and what these cost on clean data.
"""

# %%
# Data and estimators
# -------------------
# Handwritten digits have ten classes. All pixels have the same scale, so distances
# between rows make sense without a scaler.

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
# Test rows are never poisoned. All estimators are fitted to the same poison in the same
# folds.

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
# Lines and bands are means and standard deviations over the five folds. The vertical
# axis does not start at 0.
#
# Cost of a defence
# -----------------
# At a budget of 0 there is no poison. The rows that a defence relabels or drops there
# are unusual, but right.

for name, display in displays.items():
    mean = display.test_scores.mean(axis=1)
    print(f"{name:>12}: {mean[0]:.3f} on clean data, {mean[3]:.3f} at n_p / n = 0.2")

# %%
# Both defences cost some accuracy on clean data, and gain more than that as soon as a
# few per cent of the labels are wrong. The figure has two limits:
#
# * These flips are random. An attacker who knows about the defence flips neighbouring
#   rows together, so that they confirm each other.
# * With ten classes the wrong labels are spread over nine others. With two classes all
#   wrong labels agree, and outvote the right ones sooner.
