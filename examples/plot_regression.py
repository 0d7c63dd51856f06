"""
=======================
Poisoning of regression
=======================

For a regressor the response of a poison row is a variable like its features. The first
figure shows how rows move in one feature and the response, the second one how much harm
they do in ten features, one of which is categorical.
"""

# %%
# One feature
# -----------
# A ridge regression predicts the progression of diabetes by the body mass index, both
# scaled to [0, 1]. The attacker knows the victim, and maximises the squared error on
# validation rows of their own. They insert 10 rows into 100: :math:`n_p / n = 0.1`, or
# :math:`n_p / (n + n_p) = 0.091` of the rows that the victim gets. The rows start as
# clones of training rows with mirrored responses. Then features and responses move, or
# features only.

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
N_TRAIN, N_VAL = 100, 150


def split(X, y, seed):
    """Split into training, validation and test rows."""
    order = np.random.RandomState(seed).permutation(y.size)
    parts = np.split(order, [N_TRAIN, N_TRAIN + N_VAL])
    return [(X[part], y[part]) for part in parts]


victim = Ridge(alpha=0.1)
bmi = data.feature_names.index("bmi")
train, val, test = split(X[:, [bmi]], y, seed=0)
ranges = {"features and responses move": ResponseRange(0, 1), "features move": "flip"}
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
    name: attack.fit_resample(*train, X_val=val[0], y_val=val[1])
    for name, attack in attacks.items()
}

# %%
# The steps are short, so that the paths can be seen.

POISON = "#d55e00"
ends = np.array([[0.0], [1.0]])


def paths(attack, responses):
    """Return the path of each poison row, up to the highest value of the goal."""
    n_iterates = attack.goal_path_.argmax() + 1
    path = attack.rows_path_[:n_iterates].transpose(1, 0, 2)
    # Responses that do not move have no path.
    moving = getattr(attack, "responses_path_", np.tile(responses, (n_iterates, 1)))
    return np.dstack([path, moving[:n_iterates].T])


def draw(ax, attack, X_poisoned, y_poisoned):
    """Draw training rows, the fitted lines, and the path of each poison row."""
    ax.scatter(*train, c="0.6", s=12, linewidths=0)
    halo = [Stroke(linewidth=3, foreground="white"), Normal()]
    for path in paths(attack, y_poisoned[attack.poison_mask_]):
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
    Line2D([], [], color="black", linestyle="--", label="fit, clean"),
    Line2D([], [], color="black", label="fit, poisoned"),
]
fig.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
plt.show()

# %%
# The mean squared errors on test rows:

for name, rows in {"no poison": train, **poisoned}.items():
    error = mean_squared_error(test[1], victim.fit(*rows).predict(test[0]))
    print(f"{name:<30} {error:.4f}")

# %%
# Rows at the ends turn the line most. Features move there, and responses to the end of
# their range that is farther from the line.
#
# Ten features
# ------------
# Now all features are used. One of them, the sex, has two values in these data and is
# one-hot encoded in two columns. A poison row with 0.3 in one and 0.9 in the other
# would be found at once. ``make_intersection(Box(0, 1), OneHot(...))`` keeps it a
# category.

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
    "both, sex categorical": {
        "poison_labels": ResponseRange(0, 1),
        "feasible_set": category,
    },
}
STYLES = {
    "mirrored clones": {"color": "#767676", "marker": "D", "linestyle": ":"},
    "features": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "features and responses": {"color": "#e69f00", "marker": "^", "linestyle": "-."},
    "both, sex categorical": {"color": "#d55e00", "marker": "o", "linestyle": "-"},
}
budgets = np.array([0, 0.05, 0.1, 0.15, 0.2, 0.25])
errors = {name: np.empty((budgets.size, 4)) for name in kinds}
for seed in range(4):
    train, val, test = split(X, y, seed)
    for name, kind in kinds.items():
        settings = {"feasible_set": Box(0, 1), "random_state": seed}
        attack = GradientInsertion(victim, **settings | kind)
        for i, budget in enumerate(budgets):
            attack.set_params(budget=budget)
            rows = attack.fit_resample(*train, X_val=val[0], y_val=val[1])
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
# Lines and bands are means and standard deviations over four splits. At the largest
# budget, the error relative to that without poison is:

for name in kinds:
    ratio = errors[name][-1] / errors[name][0]
    print(f"{name:<26} {ratio.mean():.2f} +/- {ratio.std():.2f}")

# %%
# Moving responses adds about half as much harm as moving features. Keeping the sex
# categorical costs the attacker nothing, because rows move to the corners of the box
# anyway. The two curves differ by less than the standard deviation over the splits,
# because gradient ascent ends at different local maxima.
