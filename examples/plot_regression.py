"""
==================================
What does poison do to regression?
==================================

For a regression the response of a poisoned row is a variable like its features: both
climb. Where rows go to in one feature, and what they cost in ten, one of which is a
category.
"""

# %%
# One feature
# -----------
# The progression of diabetes against the body mass index, both scaled to [0, 1]. The
# victim is a ridge regression. The attacker knows it, has rows of his own, and climbs
# the squared error on them. He inserts 10 rows beside 100: :math:`n_p / n = 0.1`, so
# that :math:`n_p / (n + n_p) = 0.091` of what the victim learns from is poison. His
# rows set out as clones of training rows whose responses are mirrored. Then features
# and responses climb, or features alone.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box, OneHot, ResponseRange, make_intersection
from skpoison.optimizers import ProjectedAscent

data = load_diabetes(scaled=False)
X = (data.data - data.data.min(axis=0)) / np.ptp(data.data, axis=0)
y = (data.target - data.target.min()) / np.ptp(data.target)
N_TRAIN, N_OWN = 100, 150


def split(X, y, seed):
    """Split into training rows, the attacker's own and test rows."""
    order = np.random.RandomState(seed).permutation(y.size)
    parts = np.split(order, [N_TRAIN, N_TRAIN + N_OWN])
    return [(X[part], y[part]) for part in parts]


victim = Ridge(alpha=0.1)
bmi = data.feature_names.index("bmi")
train, own, test = split(X[:, [bmi]], y, seed=0)
ranges = {"features and responses climb": ResponseRange(0, 1), "features climb": "flip"}
attacks = {
    name: GradientInsertion(
        victim,
        budget=10,
        feasible_set=Box(0, 1),
        optimizer=ProjectedAscent(step_size=0.05, store_path=True),
        poison_labels=poison_labels,
        random_state=0,
    )
    for name, poison_labels in ranges.items()
}
poisoned = {
    name: attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    for name, attack in attacks.items()
}

# %%
# Short steps, so that the ways can be followed in a picture.

POISON = "#d55e00"
ends = np.array([[0.0], [1.0]])


def ways(attack, responses):
    """Give the way of each poison row, up to where the goal is highest."""
    n_iterates = attack.goal_path_.argmax() + 1
    path = attack.rows_path_[:n_iterates].transpose(1, 0, 2)
    # Responses that do not move have no path.
    moving = getattr(attack, "responses_path_", np.tile(responses, (n_iterates, 1)))
    return np.dstack([path, moving[:n_iterates].T])


def draw(ax, attack, X_poisoned, y_poisoned):
    """Draw rows, what is learnt from them, and the way of each poison row."""
    ax.scatter(*train, c="0.6", s=12, linewidths=0)
    halo = [Stroke(linewidth=3, foreground="white"), Normal()]
    for path in ways(attack, y_poisoned[attack.poison_mask_]):
        ax.plot(*path.T, color=POISON, linewidth=1.2, path_effects=halo, zorder=3)
        ax.scatter(*path[0], c="white", edgecolors=POISON, s=34, zorder=4)
        ax.scatter(*path[-1], c=POISON, edgecolors="black", s=52, zorder=5)
    before, after = (
        victim.fit(*rows).predict(ends) for rows in (train, (X_poisoned, y_poisoned))
    )
    ax.plot(ends, before, color="black", linestyle="--")
    ax.plot(ends, after, color="black")
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    ax.set(xlabel="body mass index", ylabel="progression")


fig, axes = plt.subplots(1, 2, figsize=(9.6, 5.8), sharey=True, layout="constrained")
for ax, (name, attack) in zip(axes, attacks.items(), strict=True):
    draw(ax, attack, *poisoned[name])
    ax.set_title(name.capitalize())
    ax.label_outer()

dot = {"linestyle": "none", "marker": "o"}
handles = [
    Line2D([], [], color="0.6", markersize=4, label="training rows", **dot),
    Line2D([], [], color=POISON, markerfacecolor="white", label="poison, start", **dot),
    Line2D([], [], color=POISON, markeredgecolor="black", label="poison, end", **dot),
    Line2D([], [], color="black", linestyle="--", label="learnt, clean"),
    Line2D([], [], color="black", label="learnt, poisoned"),
]
fig.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
plt.show()

# %%
# Test errors, which nobody has climbed:

for name, rows in {"no poison": train, **poisoned}.items():
    error = mean_squared_error(test[1], victim.fit(*rows).predict(test[0]))
    print(f"{name:<30} {error:.4f}")

# %%
# Rows at the ends turn the line most. They go there, and where they may, on to the end
# of the range of responses that is farther from the line.
#
# Ten features
# ------------
# Now all features, among them the sex, which takes two values here. As two columns, one
# for each value, it has to stay a category: a poison row of 0.3 of one and 0.9 of the
# other would be found at once. ``make_intersection(Box(0, 1), OneHot(...))`` sees to
# that.

sex = data.feature_names.index("sex")
X = np.column_stack([np.delete(X, sex, axis=1), X[:, sex], 1 - X[:, sex]])
category = make_intersection(Box(0, 1), OneHot([[9, 10]]))
kinds = {
    "mirrored clones": {
        "optimizer": ProjectedAscent(max_iter=0),
        "poison_labels": "flip",
    },
    "features": {"poison_labels": "flip"},
    "features and responses": {"poison_labels": ResponseRange(0, 1)},
    "the same, sex a category": {
        "poison_labels": ResponseRange(0, 1),
        "feasible_set": category,
    },
}
STYLES = {
    "mirrored clones": {"color": "#767676", "marker": "D", "linestyle": ":"},
    "features": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "features and responses": {"color": "#e69f00", "marker": "^", "linestyle": "-."},
    "the same, sex a category": {"color": "#d55e00", "marker": "o", "linestyle": "-"},
}
budgets = np.array([0, 0.05, 0.1, 0.15, 0.2, 0.25])
errors = {name: np.empty((budgets.size, 4)) for name in kinds}
for seed in range(4):
    train, own, test = split(X, y, seed)
    for name, kind in kinds.items():
        settings = {"feasible_set": Box(0, 1), "random_state": seed}
        attack = GradientInsertion(victim, **settings | kind)
        for i, budget in enumerate(budgets):
            attack.set_params(budget=budget)
            rows = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
            predicted = victim.fit(*rows).predict(test[0])
            errors[name][i, seed] = mean_squared_error(test[1], predicted)

fig, ax = plt.subplots(figsize=(6.8, 4.8), layout="constrained")
for name, style in STYLES.items():
    mean, std = errors[name].mean(axis=1), errors[name].std(axis=1)
    ax.plot(budgets, mean, label=name, markersize=5, **style)
    band = mean - std, mean + std
    ax.fill_between(budgets, *band, color=style["color"], alpha=0.13, linewidth=0)
both = (lambda b: b / (1 + b), lambda c: c / (1 - c))
above = ax.secondary_xaxis("top", functions=both)
above.set_xticks(both[0](budgets), [f"{share:.3f}" for share in both[0](budgets)])
above.set_xlabel("$n_p / (n + n_p)$")
ax.set(xlabel="$n_p / n$", ylabel="squared error on clean test rows", xticks=budgets)
ax.set_ylim(bottom=0)
ax.grid(alpha=0.3)
ax.legend(loc="upper left", frameon=False)
plt.show()

# %%
# The mean over four splits, with a standard deviation on either side. At the largest
# budget, relative to the error without poison:

for name in kinds:
    ratio = errors[name][-1] / errors[name][0]
    print(f"{name:<26} {ratio.mean():.2f} +/- {ratio.std():.2f}")

# %%
# Responses that climb are worth as much as features that do. That the sex has to stay
# a category costs the attacker nothing: rows go to the corners of the box anyway. Where
# the two curves differ, the climb has ended at different peaks, by less than the spread
# over splits.
