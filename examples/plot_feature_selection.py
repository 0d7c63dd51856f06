"""
==============================
Poisoning of feature selection
==============================

The Lasso is often used because it tells which features matter. An attacker who inserts
a few rows can change which features it selects. The figure shows how many rows it takes
until the selection agrees with the original one no more than by chance.
"""

# %%
# Data and victim
# ---------------
# Of 60 features, 15 carry information on the label. Labels are responses, -1 and 1. The
# victim is a Lasso whose penalty selects these features on clean data.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Lasso

from skpoison.attacks import GradientInsertion, RandomInsertion
from skpoison.goals import ErrorGeneric, TargetFeatures
from skpoison.metrics import stability_index

N_FEATURES, N_RELEVANT = 60, 15
victim = Lasso(alpha=0.09)


def make_rows(n_rows, random_state):
    """Draw rows whose first features carry information on the label."""
    rng = np.random.RandomState(random_state)
    y = rng.choice([-1.0, 1.0], n_rows)
    X = rng.normal(size=(n_rows, N_FEATURES))
    X[:, :N_RELEVANT] += np.linspace(0.7, 0.4, N_RELEVANT) * y[:, np.newaxis]
    return X, y


X_test, y_test = make_rows(5000, 1000)


def learn(X, y):
    """Return which features the victim selects, and its test error."""
    selected = victim.fit(X, y).coef_ != 0
    return selected, np.mean(np.sign(victim.predict(X_test)) != y_test)


# %%
# Attacks
# -------
# All attacks insert rows with wrong labels, within the range of each feature. *Clones*
# are copies of random training rows. The other attacks start from these and optimise
# their features: *error* maximises the victim's own objective on the attacker's
# validation rows, which is the attack of Xiao et al. (2015), and *replace* has the goal
# that the features selected on clean data are discarded and as many others selected.


def attacks(clean, seed):
    """Return attacks that know what is selected on clean data."""
    settings = {"surrogate": victim, "poison_labels": "flip", "random_state": seed}
    old, others = np.flatnonzero(clean), np.flatnonzero(~clean)
    new = np.random.RandomState(seed).permutation(others)[: old.size]
    goal = TargetFeatures(select=new, discard=old)
    return {
        "clones": RandomInsertion(random_state=seed),
        "error": GradientInsertion(goal=ErrorGeneric("objective"), **settings),
        "replace": GradientInsertion(goal=goal, **settings),
    }


N_ROWS, N_SEEDS = 200, 4
budgets = np.array([0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2])
found = {}
for seed in range(N_SEEDS):
    X, y = make_rows(N_ROWS, seed)
    X_val, y_val = make_rows(N_ROWS, 100 + seed)
    clean, _ = learn(X, y)
    found["other rows", seed] = learn(X_val, y_val)
    for name, attack in attacks(clean, seed).items():
        given = {"X_val": X_val, "y_val": y_val} if name == "error" else {}
        for budget in budgets:
            rows = attack.set_params(budget=budget).fit_resample(X, y, **given)
            found[name, budget, seed] = learn(*rows)

# %%
# Stability of the selection
# --------------------------
# The stability index is 1 if two selections are the same, and 0 if they agree as much
# as two random ones. *Other rows* are a new sample of the same size without poison:
# they show how much the selection changes by itself.

STYLES = {
    "clones": {"color": "#0072b2", "marker": "s", "linestyle": "--"},
    "error": {"color": "#e69f00", "marker": "^", "linestyle": "-."},
    "replace": {"color": "#d55e00", "marker": "o", "linestyle": "-"},
}


def stabilities(*key):
    """Compare selections with those on clean data, seed by seed."""
    return np.array(
        [
            stability_index([found["clones", 0, seed][0], found[*key, seed][0]])
            for seed in range(N_SEEDS)
        ]
    )


def draw_curves(ax):
    """Draw the stability against the budget."""
    for name, style in STYLES.items():
        index = np.array([stabilities(name, budget) for budget in budgets])
        mean, std = index.mean(axis=1), index.std(axis=1)
        ax.plot(budgets, mean, label=name, markersize=5, **style)
        band = mean - std, mean + std
        ax.fill_between(budgets, *band, color=style["color"], alpha=0.15, linewidth=0)
    other = stabilities("other rows").mean()
    ax.axhline(other, color="0.45", linestyle=":", label="other rows", zorder=0)
    ax.axhline(0, color="black", linewidth=1, label="chance", zorder=0)
    ticks = budgets[[0, 3, 4, 5, 6]]
    ax.set(xlabel="$n_p / n$", ylabel="stability index", xticks=ticks, ylim=(-0.3, 1.1))
    both = (lambda b: b / (1 + b), lambda c: c / (1 - c))
    above = ax.secondary_xaxis("top", functions=both)
    shares = ticks / (1 + ticks)
    above.set_xticks(shares, [f"{share:.3f}" for share in shares])
    above.set_xlabel("$n_p / (n + n_p)$")
    ax.grid(alpha=0.3)


def draw_selections(ax):
    """Draw the features selected, one row a selection."""
    each = budgets[[2, 3, 4, 6]]
    image = [found["clones", 0, 0][0]]
    labels, places, colors = ["no poison"], [0.0], ["black"]
    for name, style in STYLES.items():
        for i, budget in enumerate(each):
            image.append(found[name, budget, 0][0])
            labels.append(f"{name if i == 0 else ''}  {budget:.2f}")
            places.append(places[-1] + (1.6 if i == 0 else 1))
            colors.append(style["color"])
    for place, selected, color in zip(places, image, colors, strict=True):
        features = np.arange(N_FEATURES)
        shades = [color if each else "#ececec" for each in selected]
        ax.bar(features, 0.84, width=0.8, bottom=place - 0.42, color=shades)
    ax.axvline(N_RELEVANT - 0.5, color="black", linewidth=1)
    ax.annotate(
        "informative ",
        (N_RELEVANT - 0.5, -0.7),
        ha="right",
        annotation_clip=False,
    )
    ax.annotate(" not informative", (N_RELEVANT - 0.5, -0.7), annotation_clip=False)
    ax.set_yticks(places, labels)
    ax.set_ylabel("attack, $n_p / n$")
    ax.set(xlabel="feature", xlim=(-1, N_FEATURES), ylim=(places[-1] + 0.6, -0.6))
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)


fig, axes = plt.subplots(
    1, 2, figsize=(10.6, 5.0), width_ratios=[1, 1.15], layout="constrained"
)
draw_curves(axes[0])
draw_selections(axes[1])
lines = axes[0].get_legend_handles_labels()
fig.legend(*lines, loc="outside lower center", ncols=5, frameon=False)
plt.show()

# %%
# Left: mean and standard deviation over four draws of the data. Right: the features
# selected in the first of these, for some budgets :math:`n_p / n`.
#
# Numbers
# -------
# Means over the four draws: the number of features selected, the number of these that
# are also selected on clean data, and the error on clean test rows.

columns = "stability", "selected", "as before", "error"
print(f"{'':<10}{'n_p/n':>7}" + "".join(f"{column:>11}" for column in columns))
for name in STYLES:
    for budget in budgets[[0, 2, 3, 6]]:
        if budget == 0 and name != "clones":
            continue
        old, new = (
            np.array([found[name, b, seed][0] for seed in range(N_SEEDS)])
            for b in (0, budget)
        )
        error = np.mean([found[name, budget, seed][1] for seed in range(N_SEEDS)])
        print(
            f"{name if budget else 'no poison':<10}{budget:>7.2f}"
            f"{stabilities(name, budget).mean():>11.2f}"
            f"{new.sum(axis=1).mean():>11.1f}"
            f"{(new & old).sum(axis=1).mean():>11.1f}"
            f"{error:>11.3f}"
        )

# %%
# Clones with wrong labels change little. The attack on the error makes the Lasso drop
# features, and its errors show that something is wrong. The attack that replaces
# features brings the index close to chance with fewer errors. With few rows it mainly
# adds features to those that were selected before, which shows in their number. With
# more rows they are indeed replaced, and the index falls below 0.
#
# These data are easy: without poison, nearly the same features are selected on other
# rows. If many features are weakly informative, the selection is unstable even without
# poison, and an attack matters less.
