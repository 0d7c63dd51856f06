"""
===============================
Random and informed label flips
===============================

How much harm does an attacker do who can only change labels? That depends on what
they know. The first figure shows the test error of a linear model against the share of
labels flipped, at random and by five attacks that know what it learns. The second
shows, in two dimensions, which rows they choose.
"""

# %%
# Error against the share of flips
# --------------------------------
# Breast cancer data: 569 rows, 30 features. All attackers but the random one know that
# the victim is a logistic regression, and see its training rows alone.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, zero_one_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import (
    ALFA,
    GreedyLabelFlip,
    MarginLabelFlip,
    RandomLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.model_selection import RobustnessCurveDisplay

X, y = load_breast_cancer(return_X_y=True)
victim = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
attacks = {
    "random": RandomLabelFlip(random_state=0),
    "nearest first": MarginLabelFlip(victim, order="nearest", random_state=0),
    "furthest first": MarginLabelFlip(victim, random_state=0),
    "ALFA": ALFA(victim, random_state=0),
    "greedy": GreedyLabelFlip(victim, random_state=0),
    "relaxed": RelaxedLabelFlip(victim, random_state=0),
}
STYLES = {
    "random": {"color": "#767676", "marker": "D", "linestyle": ":"},
    "nearest first": {"color": "#56b4e9", "marker": "v", "linestyle": ":"},
    "furthest first": {"color": "#0072b2", "marker": "^", "linestyle": "--"},
    "ALFA": {"color": "#009e73", "marker": "s", "linestyle": "-."},
    "greedy": {"color": "#e69f00", "marker": "P", "linestyle": "-"},
    "relaxed": {"color": "#d55e00", "marker": "o", "linestyle": "-"},
}

budgets = [0.0, 0.05, 0.1, 0.15, 0.2]
error = make_scorer(zero_one_loss, greater_is_better=False)
fig, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
errors = {}
for name, attack in attacks.items():
    display = RobustnessCurveDisplay.from_estimator(
        victim,
        X,
        y,
        attack=attack,
        budgets=budgets,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        scoring=error,
        negate_score=True,
        score_name="Error on clean test rows",
        name=name,
        ax=ax,
        line_kw={"markersize": 5, **STYLES[name]},
        fill_between_kw={"alpha": 0.1},
    )
    errors[name] = -display.test_scores[-1]
ax.set(xlabel="Share of labels flipped, $n_p / n$", xticks=budgets)
ax.set_ylim(bottom=0)
ax.grid(alpha=0.3)
ax.legend(loc="upper left", frameon=False)
plt.show()

# %%
# The bands are a standard deviation over three folds on either side of the mean.

for name, last in errors.items():
    print(f"{name:<15} {last.mean():.3f} +/- {last.std():.3f}")

# %%
# Flips near the boundary do as little harm as random ones, the others several times as
# much. Sorting rows by their distance to the boundary achieves most of it here, but not
# in general: in the next figure the attacks that measure a goal do more.
#
# Which rows?
# -----------
# Two Gaussian classes, and three of twenty labels flipped. Rows with a ring are
# flipped; the line is the decision boundary that the victim then learns.

X, y = make_blobs(
    300, centers=[[-1.5, 0], [1.5, 0]], cluster_std=[[1.0, 1.5]] * 2, random_state=3
)
fig, axes = plt.subplots(
    2, 3, figsize=(9.6, 6), sharex=True, sharey=True, layout="constrained"
)
colors = np.array(["#0072b2", "#d55e00"])
for ax, (name, attack) in zip(axes.flat, attacks.items(), strict=True):
    _, y_poisoned = attack.set_params(budget=0.15).fit_resample(X, y)
    flipped = attack.poison_mask_
    victim.fit(X, y_poisoned)
    DecisionBoundaryDisplay.from_estimator(
        victim,
        X,
        response_method="decision_function",
        plot_method="contour",
        levels=[0],
        colors="black",
        ax=ax,
    )
    ax.scatter(*X.T, c=colors[y], s=10, alpha=0.5, linewidths=0)
    ax.scatter(*X[flipped].T, s=45, facecolors="none", edgecolors="black")
    ax.set_title(f"{name}: {1 - victim.score(X, y):.0%} of the rows wrong")
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
plt.show()
