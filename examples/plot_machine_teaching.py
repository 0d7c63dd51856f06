"""
================================
Machine teaching: hiding a trend
================================

A time series falls from year to year, and an attacker wants a regression to find no
trend. They modify the responses, as little as possible, and insert no rows. This is
machine teaching [1]_: the goal is a coefficient.
"""

# %%
# Data
# ----
# The number of days with ice on a lake in each year. The series is simulated: a
# straight line and noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression

from skpoison.attacks import GradientModification
from skpoison.feasible_sets import Frozen, ResponseRange
from skpoison.goals import TargetCoefficients
from skpoison.penalties import Displacement

rng = np.random.RandomState(0)
years = np.arange(1900, 2000)
X = years[:, np.newaxis] - 1950.0
y = 105 - 0.25 * X[:, 0] + 14 * rng.normal(size=years.size)


def trend(y):
    """Return the slope of the regression, in days per decade."""
    return 10 * LinearRegression().fit(X, y).coef_[0]


# %%
# A trend of zero
# ---------------
# All rows may be modified, :math:`n_p / n = 1`, but only in their responses, between 0
# and 365 days. Random changes of the same norm are shown for comparison.

settings = {
    "budget": 1.0,
    "goal": TargetCoefficients({0: 0.0}),
    "poison_labels": ResponseRange(0, 365, start="keep"),
    "feasible_set": Frozen([0]),
    "random_state": 0,
}
attack = GradientModification(LinearRegression(), **settings)
_, y_changed = attack.fit_resample(X, y)
change = y_changed - y
random = rng.normal(size=years.size)
random *= np.linalg.norm(change) / np.linalg.norm(random)

CLEAN, POISON = "#0072b2", "#d55e00"
fig, (top, bottom) = plt.subplots(
    2, 1, figsize=(8, 6), sharex=True, height_ratios=[2, 1], layout="constrained"
)
for values, color, marker, name in (
    (y, CLEAN, "o", "original"),
    (y_changed, POISON, "s", "modified"),
):
    line = LinearRegression().fit(X, values).predict(X)
    label = f"{name}: {trend(values):+.1f} days per decade"
    top.plot(years, line, color=color, linewidth=2, label=label)
    top.scatter(years, values, color=color, marker=marker, s=15, linewidths=0)
top.vlines(years, y, y_changed, color="0.6", linewidth=0.8, zorder=0)
top.set(ylabel="days of ice", ylim=(0, None))
top.legend(frameon=False, loc="lower left")
bottom.bar(years, change, color=POISON)
bottom.axhline(0, color="black", linewidth=0.8)
bottom.set(xlabel="year", ylabel="change, days")
plt.show()

print(f"largest change {np.abs(change).max():.1f} days")
print(f"mean change    {np.abs(change).mean():.1f} days")
print(f"at random      {trend(y + random):+.1f} days per decade")

# %%
# The first and the last years change most, because they determine the slope most. No
# year stands out from the noise.
#
# For least squares the smallest change is known: with the row :math:`a` of the
# pseudo-inverse that gives the slope :math:`a^\top y`, it is
# :math:`-a \, a^\top y / \|a\|^2`. The attack finds it.

a = np.linalg.pinv(X - X.mean())[0]
smallest = -a * (a @ y) / (a @ a)
print(f"difference: {np.abs(change - smallest).max():.1e} days")

# %%
# Penalties
# ---------
# A ``Displacement`` penalty subtracts half the squared change of the responses, in
# units of their range, times a weight. The larger the weight, the smaller the changes,
# and the more of the trend is left. The attacker can modify all years, or a random
# share :math:`n_p / n` of them.

weights = np.logspace(-5, 1, 13)
shares = {1.0: "1", 0.3: "0.3", 0.1: "0.1"}
STYLES = {
    1.0: {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    0.3: {"color": "#e69f00", "marker": "s", "linestyle": "--"},
    0.1: {"color": "#d55e00", "marker": "^", "linestyle": ":"},
}
fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
for share, name in shares.items():
    points = []
    for weight in weights:
        attack = GradientModification(
            LinearRegression(),
            penalties=[Displacement(weight)],
            **{**settings, "budget": share},
        )
        changed = attack.fit_resample(X, y)[1]
        points.append((np.linalg.norm(changed - y), trend(changed)))
    ax.plot(*np.transpose(points), label=name, **STYLES[share])
ax.axhline(0, color="black", linewidth=0.8)
ax.set(
    xlabel="norm of the change, days",
    ylabel="trend, days per decade",
)
ax.legend(frameon=False, title="rows that may be modified, $n_p / n$")
ax.grid(alpha=0.3)
plt.show()

# %%
# Each marker is a weight, from 10 on the left to 0.00001 on the right. A change of the
# same norm has the largest effect if all years may be modified. With a tenth of them
# the single changes have to be larger, and are easier to see.
#
# References
# ----------
# .. [1] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
#        attacks on machine learners", AAAI 2015.
