"""
======================
How to hide a trend?
======================

A series falls from year to year, and somebody wants a regression to find that it does
not. He may change the responses, as little as he can. That is machine teaching [1]_:
training rows are modified, none is inserted, and the goal is a coefficient.
"""

# %%
# Data
# ----
# The days of ice on a lake, one number a year. The series is made here: a straight line
# and noise.

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
    """Compute the slope of the regression, in days a decade."""
    return 10 * LinearRegression().fit(X, y).coef_[0]


# %%
# A trend made to vanish
# ----------------------
# All rows may be changed, :math:`n_p / n = 1`, but of each one only its response, from
# no ice at all to a year of it. Beside that, random changes of the same length.

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
    (y, CLEAN, "o", "as they were"),
    (y_changed, POISON, "s", "as changed"),
):
    line = LinearRegression().fit(X, values).predict(X)
    label = f"{name}: {trend(values):+.1f} days a decade"
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
print(f"at random      {trend(y + random):+.1f} days a decade")

# %%
# The most is done to the first and the last years, as these decide most about a trend.
# No year stands out from the scatter that was there before.
#
# For least squares the smallest change is known: with the row :math:`a` of the
# pseudo-inverse that gives the slope :math:`a^\top y`, it is
# :math:`-a \, a^\top y / \|a\|^2`. The attack finds it.

a = np.linalg.pinv(X - X.mean())[0]
smallest = -a * (a @ y) / (a @ a)
print(f"difference: {np.abs(change - smallest).max():.1e} days")

# %%
# Effort
# ------
# What if the attacker does not go all the way? The weight of a ``Displacement`` penalty
# is what they are charged for changes: this times half their squares, in units of the
# range of the responses. The more it costs, the less they do, and the more of the trend
# is left. A second question is how many years they can lay their hands on: all of them,
# or a share :math:`n_p / n` drawn at random.

efforts = np.logspace(-5, 1, 13)
shares = {1.0: "all years", 0.3: "30 % of the years", 0.1: "10 % of the years"}
STYLES = {
    1.0: {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    0.3: {"color": "#e69f00", "marker": "s", "linestyle": "--"},
    0.1: {"color": "#d55e00", "marker": "^", "linestyle": ":"},
}
fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
for share, name in shares.items():
    points = []
    for effort in efforts:
        attack = GradientModification(
            LinearRegression(),
            penalties=[Displacement(effort)],
            **{**settings, "budget": share},
        )
        changed = attack.fit_resample(X, y)[1]
        points.append((np.linalg.norm(changed - y), trend(changed)))
    ax.plot(*np.transpose(points), label=name, **STYLES[share])
ax.axhline(0, color="black", linewidth=0.8)
ax.set(
    xlabel="length of the change (root of the sum of squares), days",
    ylabel="trend, days a decade",
)
ax.legend(frameon=False, title="may be changed")
ax.grid(alpha=0.3)
plt.show()

# %%
# Each marker is an effort, from 10 at the left to 0.00001 at the right. Where all years
# may be changed, the same length does the most. With a tenth of them every single
# change has to be larger, and is easier to see.
#
# References
# ----------
# .. [1] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
#        attacks on machine learners", AAAI 2015.
