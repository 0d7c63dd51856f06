"""
====================================
How many poisoned rows does it take?
====================================

The error on clean test rows against the share of poison, on real data: for rows that a
gradient has made harmful, for rows with nothing but wrong labels, and for victims that
the attacker knows and does not know. At last, what is left of it where a row can hold
only zeros and ones.
"""

# %%
# Victims and attacks
# -------------------
# The attacker believes that the victim is a logistic regression. One victim is. For the
# other two the poison is made for the wrong learner, and has to carry over.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, zero_one_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skpoison.attacks import GradientInsertion, RandomInsertion, RandomLabelFlip
from skpoison.feasible_sets import Box, Integers, make_intersection
from skpoison.goals import ErrorGeneric
from skpoison.model_selection import RobustnessCurveDisplay
from skpoison.optimizers import ProjectedAscent

believed = make_pipeline(StandardScaler(), LogisticRegression())
victims = {
    "Logistic regression, as believed": believed,
    "Linear SVM": make_pipeline(StandardScaler(), LinearSVC()),
    "SVM with an RBF kernel": make_pipeline(StandardScaler(), SVC()),
}
settings = {"surrogate": believed, "random_state": 0}
attacks = {
    "random label flips": RandomLabelFlip(random_state=0),
    "random insertion": RandomInsertion(random_state=0),
    "gradient, log loss": GradientInsertion(goal=ErrorGeneric("surrogate"), **settings),
    "gradient, smoothed error": GradientInsertion(**settings),
}
STYLES = {
    "random label flips": {"color": "#767676", "marker": "D", "linestyle": ":"},
    "random insertion": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "gradient, log loss": {"color": "#e69f00", "marker": "^", "linestyle": "-."},
    "gradient, smoothed error": {"color": "#d55e00", "marker": "o", "linestyle": "-"},
}

# %%
# Curves
# ------
# Breast cancer data: 569 rows, 30 features, two classes. Each victim meets the same
# folds, and of one attack the same poison. The attack sees the training rows of a fold,
# and never its test rows. A row of the poison stays in the range of each feature.

budgets = [0.0, 0.05, 0.1, 0.15]
folds = StratifiedKFold(3, shuffle=True, random_state=0)
error = make_scorer(zero_one_loss, greater_is_better=False)


def draw_curve(ax, victim, X, y, attack, name, style):
    """Draw the test error against the budget."""
    return RobustnessCurveDisplay.from_estimator(
        victim,
        X,
        y,
        attack=attack,
        budgets=budgets,
        cv=folds,
        scoring=error,
        negate_score=True,
        score_name="Error on clean test rows",
        name=name,
        ax=ax,
        line_kw={"markersize": 5, **style},
        fill_between_kw={"alpha": 0.13},
    )


def label_axis(ax):
    """Say both shares on the horizontal axis."""
    ax.set_xlabel("$n_p / n$")
    ax.set_xticks(budgets)
    both = (lambda b: b / (1 + b), lambda c: c / (1 - c))
    above = ax.secondary_xaxis("top", functions=both)
    ticks = np.array(budgets)
    above.set_xticks(both[0](ticks), [f"{tick:.3f}" for tick in both[0](ticks)])
    above.set_xlabel("$n_p / (n + n_p)$")
    ax.grid(alpha=0.3)


X, y = load_breast_cancer(return_X_y=True)
fig, axes = plt.subplots(1, 3, figsize=(10.4, 4.6), sharey=True, layout="constrained")
errors = {}
for ax, (title, victim) in zip(axes, victims.items(), strict=True):
    for name, attack in attacks.items():
        display = draw_curve(ax, victim, X, y, attack, name, STYLES[name])
        errors[title, name] = -display.test_scores
    label_axis(ax)
    ax.set_title(title)
    ax.label_outer()
    ax.get_legend().remove()
axes[0].set_ylim(bottom=0)
lines = axes[0].get_legend_handles_labels()
fig.legend(*lines, loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# Below each panel is the budget :math:`n_p / n`, above it the share of poison in what
# the victim gets, :math:`n_p / (n + n_p)`. The latter is for rows that are inserted:
# flips add none. The bands are a standard deviation over the three folds on either side
# of the mean.

for title in victims:
    print(f"{title}, n_p / n = {budgets[-1]}")
    for name in attacks:
        last = errors[title, name][-1]
        print(f"    {name:<24} {last.mean():.3f} +/- {last.std():.3f}")

# %%
# With the believed victim the gradient does several times the harm of what chance does.
# The linear SVM learns something else, but of the same kind, and is harmed as much. The
# SVM with an RBF kernel is not harmed at all: rows far out can turn a hyperplane, and
# such a kernel does not look that far. It is not safe for that. It is a victim that
# this attacker was wrong about.
#
# The smoothed error does more harm here than the log loss, at the larger budgets by
# more than the spread over the folds. Three folds are few, and say nothing of other
# data.
#
# Only zeros and ones
# -------------------
# Handwritten 3s and 8s, their pixels black or white. A row with a grey pixel would be
# seen at once. ``make_intersection(Box(0, 1), Integers())`` keeps every pixel 0 or 1.
# The gradient is of use all the same: it says which pixels to turn.

digits, labels = load_digits(return_X_y=True)
chosen = np.isin(labels, [3, 8])
X, y = (digits[chosen] >= 8).astype(float), labels[chosen]

victim = LogisticRegression()
settings = {
    "surrogate": victim,
    "optimizer": ProjectedAscent(max_iter=50),
    "random_state": 0,
}
binary = make_intersection(Box(0, 1), Integers())
attacks = {
    "random insertion": RandomInsertion(random_state=0),
    "gradient, any grey": GradientInsertion(feasible_set=Box(0, 1), **settings),
    "gradient, black or white": GradientInsertion(feasible_set=binary, **settings),
}
STYLES["gradient, any grey"] = STYLES["gradient, log loss"]
STYLES["gradient, black or white"] = STYLES["gradient, smoothed error"]

fig = plt.figure(figsize=(9.6, 4.4), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[1.15, 1])
ax = left.subplots()
for name, attack in attacks.items():
    draw_curve(ax, victim, X, y, attack, name, STYLES[name])
label_axis(ax)
ax.set_ylim(bottom=0)
ax.legend(loc="upper left", frameon=False)

images = right.subplots(3, 4)
for row, (name, attack) in zip(images, attacks.items(), strict=True):
    X_poisoned, y_poisoned = attack.set_params(budget=4).fit_resample(X, y)
    for ax, pixels, label in zip(row, X_poisoned[-4:], y_poisoned[-4:], strict=True):
        ax.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(f"labelled {label}")
    row[0].set_title(name, loc="left", fontsize="medium")
plt.show()

# %%
# On the right are four rows of each attack. Those of the last one are images like any
# other in these data, as far as the values of single pixels go; a detector may still
# find them odd. They do about as much harm as those that may be grey.
