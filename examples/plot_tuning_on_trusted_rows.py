"""
=======================
Tuning on trusted rows
=======================

How much damage an attack does is often measured with a victim that keeps its
parameters. A victim that tunes them on poisoned data undoes part of it, and one that
tunes them on trusted rows undoes more: the search finds how strong a regularisation the
poison calls for.
"""

# %%
# Data and attack
# ---------------
# Of the digits 3 and 8, 150 are training rows and 50 of these are trusted; the others
# are test rows. The attacker, who knows all training rows, inserts 20,
# :math:`n_p / (n + n_p) = 0.12`, against the victim, a logistic regression with
# ``C=100``.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

from skpoison.attacks import GradientInsertion
from skpoison.model_selection import TrustedKFold

X, y = load_digits(return_X_y=True)
rows = np.isin(y, (3, 8))
X, y = X[rows] / 16, y[rows]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=150, stratify=y, random_state=0
)
trusted = np.arange(150) < 50
victim = LogisticRegression(C=100, max_iter=5000)
attack = GradientInsertion(victim, budget=20, random_state=0)
X_poisoned, y_poisoned = attack.fit_resample(X_train, y_train, trusted=trusted)
# An inserted row is never trusted.
trusted_out = np.append(trusted, np.zeros(20, dtype=bool))

# %%
# Two searches
# ------------
# One scores its candidates on folds of all rows, poison included. The other gets the
# folds of :class:`~skpoison.model_selection.TrustedKFold`, which are of trusted rows.
# With metadata routing enabled, ``cv=TrustedKFold()`` and
# ``search.fit(X, y, trusted=trusted)`` do the same, also within other searches.

grid = {"C": np.logspace(-4, 3, 15)}
folds = {
    "all rows": 5,
    "trusted rows": list(
        TrustedKFold().split(X_poisoned, y_poisoned, trusted=trusted_out)
    ),
}
searches = {
    name: GridSearchCV(LogisticRegression(max_iter=5000), grid, cv=cv).fit(
        X_poisoned, y_poisoned
    )
    for name, cv in folds.items()
}
errors = {
    "C as before": clone(victim).fit(X_poisoned, y_poisoned),
    **{f"C tuned on {name}": search for name, search in searches.items()},
}
clean = clone(victim).fit(X_train, y_train)
print(f"{'without poison':<24}{1 - clean.score(X_test, y_test):.3f}")
for name, model in errors.items():
    print(f"{name:<24}{1 - model.score(X_test, y_test):.3f}")

# %%
# What the searches see
# ---------------------
# The error on all rows is that of a model that predicts poison as well. The error on
# trusted rows follows that on test rows.

fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
COLORS = {"all rows": "#d55e00", "trusted rows": "#0072b2"}
for name, search in searches.items():
    error = 1 - search.cv_results_["mean_test_score"]
    ax.plot(grid["C"], error, color=COLORS[name], label=f"folds of {name}")
    best = search.best_index_
    ax.plot(grid["C"][best], error[best], "o", color=COLORS[name])
test_errors = [
    1
    - LogisticRegression(C=C, max_iter=5000)
    .fit(X_poisoned, y_poisoned)
    .score(X_test, y_test)
    for C in grid["C"]
]
ax.plot(grid["C"], test_errors, color="black", linestyle="--", label="clean test rows")
ax.set(xscale="log", xlabel="C", ylabel="error of models fitted to poisoned rows")
ax.legend()
plt.show()

# %%
# The dots are the values chosen.
