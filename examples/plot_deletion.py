"""
===================================
Deletion of the most valuable rows
===================================

Some attackers cannot write rows, but can withhold them. The figure shows, in two
dimensions, which rows are deleted, and the error on test rows against the share of rows
deleted, at random and by greedy deletion.
"""

# %%
# Data, victim and attacker
# -------------------------
# Two Gaussian classes of 60 training rows each, and a logistic regression. The attacker
# has 400 validation rows to measure the goal on. The test rows are others.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skpoison.attacks import GreedyDeletion

SHAPE = {"centers": [(-1.2, 0.0), (1.2, 0.0)], "cluster_std": 1.2}
X, y = make_blobs([60] * 2, random_state=0, **SHAPE)
X_val, y_val = make_blobs([200] * 2, random_state=1, **SHAPE)
X_test, y_test = make_blobs([5000] * 2, random_state=2, **SHAPE)

victim = LogisticRegression()

# %%
# Deletion
# --------
# A share of :math:`n_d / n` of the rows is deleted. No class loses its last row.

shares = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
left, chosen, at_random = {}, [], []
for share in shares:
    attack = GreedyDeletion(victim, share, n_exchanges=30, random_state=0)
    X_left, y_left = attack.fit_resample(X, y, X_val=X_val, y_val=y_val)
    left[share] = ~attack.deletion_mask_
    chosen.append(1 - victim.fit(X_left, y_left).score(X_test, y_test))
    n_left = X_left.shape[0]
    draws = (np.random.RandomState(i).permutation(y.size)[:n_left] for i in range(20))
    errors = [1 - victim.fit(X[d], y[d]).score(X_test, y_test) for d in draws]
    at_random.append((np.mean(errors), np.std(errors)))

# %%
# What is left
# ------------

COLORS, MARKERS, SHOWN = ["#0072b2", "#d55e00"], ["o", "s"], 0.2
fig, (ax, curve) = plt.subplots(1, 2, figsize=(9.6, 4.6), layout="constrained")
kept = left[SHOWN]
for code in range(2):
    rows, gone = X[kept & (y == code)].T, X[~kept & (y == code)].T
    ax.scatter(*rows, c=COLORS[code], marker=MARKERS[code], s=22, linewidths=0)
    ax.scatter(
        *gone, c="white", marker=MARKERS[code], edgecolors=COLORS[code], s=46, zorder=3
    )
grid = np.linspace(-4.6, 4.6, 200)
mesh = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
for rows, style in (
    (np.ones_like(kept), {"colors": "0.35", "linestyles": "--", "linewidths": 1.4}),
    (kept, {"colors": "black", "linewidths": 1.8}),
):
    scores = victim.fit(X[rows], y[rows]).decision_function(mesh)
    ax.contour(grid, grid, scores.reshape(grid.size, -1), levels=[0], **style)
ax.set(xlim=(-4.6, 4.6), ylim=(-4.6, 4.6), aspect="equal")
ax.set(xlabel="feature 0", ylabel="feature 1")
ax.set_title(f"{(~kept).sum()} of {y.size} rows deleted")
grey = {"color": "0.35", "linestyle": "none"}
handles = [
    *(
        Line2D([], [], color=color, marker=marker, linestyle="none", label=f"class {i}")
        for i, (color, marker) in enumerate(zip(COLORS, MARKERS, strict=True))
    ),
    Line2D([], [], **grey, marker="D", markerfacecolor="white", label="deleted"),
    Line2D([], [], color="0.35", linestyle="--", label="boundary, all rows"),
    Line2D([], [], color="black", label="boundary, rows left"),
]
fig.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)

mean, deviation = np.transpose(at_random)
curve.plot(shares, chosen, "o-", color="black", label="chosen")
curve.plot(shares, mean, "D--", color="0.45", label="at random")
curve.fill_between(
    shares, mean - deviation, mean + deviation, color="0.45", alpha=0.2, linewidth=0
)
curve.set(xlabel="deleted rows, $n_d / n$", ylabel="error on test rows")
curve.set_ylim(bottom=0)
curve.set_title("The same share, chosen and at random")
curve.grid(alpha=0.3)
curve.legend(loc="upper left", frameon=False)
plt.show()

# %%
# On the left, the boundary turns: rows on one side of each class are deleted, so that
# the rest of it leans the other way. Every row that is left has its correct label. On
# the right, the band is one standard deviation over 20 random draws around their mean.

for share, error, (by_chance, _) in zip(shares, chosen, at_random, strict=True):
    print(f"n_d / n = {share:.2f}: error {error:.3f} chosen, {by_chance:.3f} at random")
