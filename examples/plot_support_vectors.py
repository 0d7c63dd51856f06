"""
=============================================
A single row against a support vector machine
=============================================

One row is inserted into the training set of a support vector machine. In two dimensions
every position can be tried: the figure shows the goal of the attacker as a function of
the position, and the path of gradient ascent on it.
"""

# %%
# Data and victims
# ----------------
# Two Gaussian classes have 25 training rows each. The victims are a linear support
# vector machine and one with an RBF kernel, as in [1]_. The attacker has 500 validation
# rows of each class. The test rows are others.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from sklearn.datasets import make_blobs
from sklearn.svm import SVC

from skpoison.attacks import GradientInsertion
from skpoison.feasible_sets import Box
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent

CENTERS, STD = [(-1.5, 0), (1.5, 0)], np.sqrt(0.6)
X, y = make_blobs([25] * 2, centers=CENTERS, cluster_std=STD, random_state=4)
X_val, y_val = make_blobs([500] * 2, centers=CENTERS, cluster_std=STD, random_state=1)
X_test, y_test = make_blobs(
    [5000] * 2, centers=CENTERS, cluster_std=STD, random_state=2
)

victims = {
    "Linear": SVC(kernel="linear", C=1.0),
    "RBF": SVC(kernel="rbf", C=1.0, gamma=0.5),
}

# %%
# One row
# -------
# One row is inserted: :math:`n_p / n = 1/50`, or :math:`n_p / (n + n_p) = 1/51`. It
# starts as a clone of a training row with the label of the other class, and may lie
# anywhere in a box. The attack starts from ten clones, and keeps the best result.
# Against the RBF kernel the steps are short, so that the path can be seen. Against the
# linear one they are long, as by default.

EDGE = 4.0
steps = {"Linear": 2.0, "RBF": 0.05}
attacks = {}
for name, victim in victims.items():
    attack = GradientInsertion(
        victim,
        budget=1,
        feasible_set=Box(-EDGE, EDGE),
        goal=ErrorGeneric("surrogate"),
        optimizer=ProjectedAscent(step_size=steps[name], n_restarts=9, store_path=True),
        random_state=0,
    )
    poisoned = attack.fit_resample(X, y, X_val=X_val, y_val=y_val)
    attacks[name] = attack, poisoned

# %%
# All positions
# -------------
# The mean hinge loss of the victim on the validation rows, with the row at each
# position of a grid and with the label that the attack has given it. The goal of the
# attack is a smooth approximation of this loss.


def hinge_loss(victim, X_train, y_train):
    """Return the mean hinge loss on the validation rows."""
    scores = victim.fit(X_train, y_train).decision_function(X_val)
    return np.maximum(1 - np.where(y_val == 1, scores, -scores), 0).mean()


grid = np.linspace(-EDGE, EDGE, 33)
maps = {}
for name, (_, poisoned) in attacks.items():
    labels = np.append(y, poisoned[1][-1])
    maps[name] = [
        [hinge_loss(victims[name], np.vstack([X, [a, b]]), labels) for a in grid]
        for b in grid
    ]

# %%
# Map and path
# ------------

COLORS = ["#0072b2", "#d55e00"]
MARKERS = ["o", "s"]
# Each point of the grid is the centre of a cell of the map.
EXTENT = np.array([-1, 1, -1, 1]) * EDGE * 33 / 32
halo = [Stroke(linewidth=3.2, foreground="white"), Normal()]
CORNERS = EDGE * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
VIEW = 4.5
fine = np.linspace(-VIEW, VIEW, 200)
mesh = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)

fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.7), sharey=True, layout="constrained")
for ax, (name, (attack, poisoned)) in zip(axes, attacks.items(), strict=True):
    victim, label = victims[name], poisoned[1][-1]
    shown = ax.imshow(
        maps[name],
        extent=EXTENT,
        origin="lower",
        cmap="Greys",
        alpha=0.75,
        interpolation="bilinear",
    )
    fig.colorbar(shown, ax=ax, label="mean hinge loss", shrink=0.75)
    for rows, style in (((X, y), "--"), (poisoned, "-")):
        scores = victim.fit(*rows).decision_function(mesh).reshape(200, 200)
        ax.contour(fine, fine, scores, [0], colors="black", linestyles=style)
    for code in range(2):
        rows = X[y == code].T
        ax.scatter(*rows, c=COLORS[code], marker=MARKERS[code], s=16, linewidths=0)
    goal = attack.goal_path_
    is_best = goal == np.maximum.accumulate(goal)
    path = attack.rows_path_[is_best & (np.arange(goal.size) <= goal.argmax()), 0]
    color, marker = COLORS[label], MARKERS[label]
    ax.plot(*path.T, color=color, linewidth=1.8, path_effects=halo, zorder=3)
    ax.scatter(*path.T, c=color, s=9, zorder=3)
    ax.scatter(*path[0], c="white", marker=marker, edgecolors=color, s=60, zorder=4)
    ax.scatter(*path[-1], c=color, marker=marker, edgecolors="black", s=90, zorder=5)
    ax.plot(*np.transpose(CORNERS), color="0.45", linewidth=1.2, linestyle=":")
    ax.set(xlim=(-VIEW, VIEW), ylim=(-VIEW, VIEW), aspect="equal")
    ax.set(title=f"{name} kernel, row labelled {label}")
    ax.set(xlabel="feature 0", ylabel="feature 1")
    ax.label_outer()

grey = {"color": "0.35", "linestyle": "none"}
handles = [
    *(
        Line2D([], [], color=color, marker=marker, linestyle="none", label=f"class {i}")
        for i, (color, marker) in enumerate(zip(COLORS, MARKERS, strict=True))
    ),
    Line2D([], [], **grey, marker="D", markerfacecolor="white", label="row, start"),
    Line2D([], [], **grey, marker="D", markeredgecolor="black", label="row, end"),
    Line2D([], [], color="0.45", linestyle=":", label="box"),
    Line2D([], [], color="black", linestyle="--", label="boundary, clean"),
    Line2D([], [], color="black", label="boundary, poisoned"),
]
fig.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# Colours and shapes are the labels given. The darker a position, the more harm a row
# does there. The path joins the iterates that were better than all before.
#
# With the RBF kernel the map is smooth, except for creases at which the set of margin
# support vectors changes, and the row follows its gradient. Far from all other rows it
# has no effect, because the kernel is local.
#
# With the linear kernel the map is piecewise flat. In two dimensions three margin
# support vectors determine the line. As long as the inserted row is not one of them, it
# can move without moving the line: its gradient is exactly 0. The attack then moves it
# to the margin, where the gradient is not 0. Long steps from several starts cross the
# flat regions; short ones end at the first ridge.
#
# Loss and errors
# ---------------
# The loss on the validation rows after the attack, the highest loss on the grid, and
# the errors on test rows.

print(f"{'':<8}{'loss':>6}{'attack':>8}{'grid':>8}{'error':>9}{'attack':>8}")
for name, (_, poisoned) in attacks.items():
    losses, errors = [], []
    for rows in ((X, y), poisoned):
        losses.append(hinge_loss(victims[name], *rows))
        errors.append(1 - victims[name].score(X_test, y_test))
    losses.append(np.max(maps[name]))
    print(f"{name:<8}{losses[0]:6.3f}{losses[1]:8.3f}{losses[2]:8.3f}", end=" ")
    print(f"{errors[0]:8.3f}{errors[1]:8.3f}")

# %%
# References
# ----------
# .. [1] B. Biggio, B. Nelson, P. Laskov, "Poisoning attacks against support vector
#        machines", ICML 2012.
