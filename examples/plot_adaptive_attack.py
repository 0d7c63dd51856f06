"""
===================================
An attacker who knows of the filter
===================================

A filter that drops what is unlike the trusted rows flattens the optimal attack of an
attacker who does not know of it: what they insert lies far from all clean rows [1]_.
There, label flips stand: a flipped row lies where rows lie. Here, where half of the
rows are trusted, most of what flips do is undone as well. An attacker who knows of the
filter makes it their surrogate, and inserts rows that it accepts.

.. [1] A. Paudice, L. Muñoz-González, A. György, E. C. Lupu, "Detection of adversarial
   training examples in poisoning attacks through anomaly detection",
   arXiv:1802.03041, 2018.
"""

# %%
# The victim is a logistic regression, with and without the filter. Of 200 training rows
# half are trusted. The other rows of the set are test rows.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import minmax_scale

from skpoison.attacks import GradientInsertion, GreedyLabelFlip
from skpoison.defences import OutlierFilteredClassifier
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.penalties import Detectability

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(
    minmax_scale(X), y, train_size=200, stratify=y, random_state=0
)
trusted = np.arange(200) < 100
learner = LogisticRegression(C=10)
defended = OutlierFilteredClassifier(learner, detector="distance")
search = SuccessiveHalving(ProjectedAscent(max_iter=30), n_starts=8, n_climbs=2)


def errors(attack):
    """Return the test errors without and with the filter."""
    X_out, y_out = attack.fit_resample(X, y, trusted=trusted)
    among = np.append(trusted, np.zeros(len(y_out) - len(y), dtype=bool))
    learner.fit(X_out, y_out)
    defended.fit(X_out, y_out, trusted=among)
    return [1 - model.score(X_test, y_test) for model in (learner, defended)]


# %%
# Error against the share of poison
# ---------------------------------
# The horizontal axis is :math:`n_p / n` for flips and :math:`n_p / (n + n_p)` for
# insertions: in both cases the poisoned share of what the victim gets.

shares = np.array([0, 0.03, 0.06, 0.1, 0.15])
clean = errors(GreedyLabelFlip(learner, 0))
found = {}
for share in shares[1:]:
    n_inserted = round(200 * share / (1 - share))
    options = {"optimizer": search, "random_state": 0}
    for name, attack in {
        "label flips": GreedyLabelFlip(learner, round(200 * share), random_state=0),
        "insertion": GradientInsertion(learner, n_inserted, **options),
        "insertion that knows the filter": GradientInsertion(
            defended, n_inserted, **options
        ),
    }.items():
        found.setdefault(name, [clean]).append(errors(attack))

fig, axes = plt.subplots(1, 2, figsize=(9.6, 4), sharey=True, layout="constrained")
STYLES = {
    "label flips": {"color": "#009e73", "marker": "s", "linestyle": ":"},
    "insertion": {"color": "#0072b2", "marker": "o", "linestyle": "--"},
    "insertion that knows the filter": {"color": "#d55e00", "marker": "^"},
}
FRACTIONS = "poisoned share: $n_p/n$ of flips, $n_p/(n + n_p)$ of insertions"
for k, title in enumerate(["No defence", "Outlier filter"]):
    for name, values in found.items():
        axes[k].plot(shares, np.array(values)[:, k], label=name, **STYLES[name])
    axes[k].set(title=title, xlabel=FRACTIONS, ylim=(0, None))
axes[0].set_ylabel("test error")
axes[0].legend(loc="upper left", frameon=False)
plt.show()

# %%
# The filter drops nearly all that the plain attack inserts, which does hardly any harm
# then, and undoes most of what flips do. An attack that knows the filter does as much
# harm with it as without. Whoever reports that a defence works has to report the error
# under an attack that knows it.
#
# Damage against detectability
# ----------------------------
# An attacker may not know the filter, but can guess what is suspicious: what is far
# from clean rows of the same label. A penalty on that leads from the free attack, all
# of which is found, to one of which nothing is found.

weights = [0, 0.003, 0.01, 0.03, 1]
curve = []
for weight in weights:
    attack = GradientInsertion(
        learner,
        22,
        penalties=[Detectability(weight=weight)],
        optimizer=search,
        random_state=0,
    )
    without, behind = errors(attack)
    curve.append((1 - defended.inlier_mask_[200:].mean(), without, behind))
curve = np.array(curve)

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(curve[:, 0], curve[:, 1], "o--", color="#0072b2", label="no defence")
ax.plot(curve[:, 0], curve[:, 2], "^-", color="#d55e00", label="outlier filter")
ax.axhline(clean[0], color="grey", linewidth=1, label="no poison")
for weight, share, error in zip(weights, *curve[:, :2].T, strict=True):
    below = -14 if weight else 8  # the two least weights are nearly in one place
    ax.annotate(f"{weight:g}", (share, error), (4, below), textcoords="offset points")
ax.set(xlabel="share of the poison that the filter finds", ylabel="test error")
ax.set(ylim=(0, None))
ax.legend(loc="lower right", frameon=False)
plt.show()

# %%
# The numbers are the weights of the penalty.
