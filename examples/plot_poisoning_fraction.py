"""
================================
Test error by poisoning fraction
================================

The figures show the error on clean test rows against the share of poison on real data:
for rows optimised by gradients and for rows with random wrong labels, and for victims
that the attacker knows and does not know. The last figure restricts the poison to
binary features.
"""

# %%
# Victims and attacks
# -------------------
# The surrogate is a logistic regression, and so is the first victim. For the other two
# victims the surrogate is wrong, and the poison has to transfer.

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

surrogate = make_pipeline(StandardScaler(), LogisticRegression())
victims = {
    "Logistic regression, as the surrogate": surrogate,
    "Linear SVM": make_pipeline(StandardScaler(), LinearSVC()),
    "SVM with an RBF kernel": make_pipeline(StandardScaler(), SVC()),
}
settings = {"surrogate": surrogate, "random_state": 0}
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
# The breast cancer data have 569 rows, 30 features and two classes. All victims are
# fitted to the same poison in the same folds. The attacks see the training rows of a
# fold, and never its test rows. Poison rows stay in the range of each feature.

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
    """Label the horizontal axis with both poisoning fractions."""
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
# The lower axis is the budget :math:`n_p / n`, the upper one the share of poison in
# what the victim gets, :math:`n_p / (n + n_p)`. The latter holds for insertions only,
# since flips add no rows. Lines and bands are means and standard deviations over the
# three folds.

for title in victims:
    print(f"{title}, n_p / n = {budgets[-1]}")
    for name in attacks:
        last = errors[title, name][-1]
        print(f"    {name:<24} {last.mean():.3f} +/- {last.std():.3f}")

# %%
# If the surrogate is right, gradient attacks do several times as much harm as random
# ones. The poison transfers to the linear SVM, which is a similar model. It does not
# transfer to the SVM with an RBF kernel: poison rows far away from the data turn a
# hyperplane, but have no influence on such a kernel. This does not mean that the RBF
# kernel is safe. It means that this attacker has chosen the wrong surrogate.
#
# The smoothed error does more harm here than the log loss, at the larger budgets by
# about one standard deviation over the folds. Three folds of one data set are little
# evidence.
#
# Binary features
# ---------------
# The data are handwritten 3s and 8s with black and white pixels, so that a grey pixel
# gives a poison row away. ``make_intersection(Box(0, 1), Integers())`` keeps every
# pixel 0 or 1. The gradient then says which pixels to change.

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
    "gradient, grey pixels": GradientInsertion(feasible_set=Box(0, 1), **settings),
    "gradient, binary pixels": GradientInsertion(feasible_set=binary, **settings),
}
STYLES["gradient, grey pixels"] = STYLES["gradient, log loss"]
STYLES["gradient, binary pixels"] = STYLES["gradient, smoothed error"]

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
# On the right are four rows of each attack. Those of the last attack have the pixel
# values of the data, although a detector may still find them unusual. They do about as
# much harm as rows with grey pixels.
