"""
=====================================
Attacks on a stream, and its defences
=====================================

A learner that learns from each row as it comes meets rows that were made for it. Its
accuracy over time shows what three defences are worth: the rejection of improbable
rows, the combination of fast and slow learners, and the test of each step on rows that
are known to be clean. Then each meets an attacker who knows it.
"""

# %%
# Data, learner and attack
# ------------------------
# The stream is 350 rows of breast cancer in random order. The learner is logistic
# regression by stochastic gradient descent, at a constant rate. The attacker inserts
# 5 % of rows, :math:`n_p / n`, within the bounds of the features, each the best one for
# the learner as it stands. The victim verifies the first 30 rows and every 15th after
# them.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale
from sklearn.utils import shuffle

from skpoison.model_selection import PrequentialCurveDisplay
from skpoison.online import (
    AdaptiveCombinationClassifier,
    OnlineInsertion,
    RejectionClassifier,
    TrustedStepClassifier,
)

X, y = load_breast_cancer(return_X_y=True)
X, y = shuffle(np.clip(scale(X), -3, 3), y, random_state=0, n_samples=350)
trusted = (np.arange(len(y)) < 30) | (np.arange(len(y)) % 15 == 0)

learner = SGDClassifier("log_loss", learning_rate="constant", eta0=0.5, shuffle=False)
attack = OnlineInsertion(learner, budget=0.05)
slow = clone(learner).set_params(eta0=0.005)
learners = {
    "no defence": learner,
    "rejection": RejectionClassifier(learner, action="drop"),
    "combination": AdaptiveCombinationClassifier(
        [("fast", learner), ("slow", slow)], rule="remembered"
    ),
    "trusted steps": TrustedStepClassifier(learner),
}

# %%
# An attacker who does not know the defence, and one who does
# -----------------------------------------------------------
# To know a defence is to follow it: it stands in the place of the surrogate. The
# attacker then also knows which rows are trusted.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for name, victim in learners.items():
    asks = name in ("combination", "trusted steps")
    knowing = clone(attack).set_params(surrogate=victim)
    for ax, made in zip(axes, (attack, knowing), strict=True):
        display = PrequentialCurveDisplay.from_estimator(
            victim,
            X,
            y,
            attack=made,
            batch_size=2,
            window=50,
            trusted=trusted if asks else None,
            ax=ax,
            name=name,
        )
        display.lines_[1].remove()
axes[0].set(title="The attacker knows the learner", ylim=(0, 1.02))
axes[1].set(title="The attacker knows the defence")
for ax in axes:
    ax.legend(loc="lower left")
figure.tight_layout()

# %%
# Rejection finds the poison made for the plain learner improbable. It learns what comes
# before it knows anything, and recovers from that. The attacker who knows its threshold
# sends rows just above it; the defence then refuses genuine rows instead, until the
# limit on what it may refuse lets them in again. The combination falls back on the slow
# learner, which poison moves little: its weights follow all verified rows, as they may
# in a stream without a drift. The test of steps learns no row that raises the
# loss of the trusted rows by more than clean rows do.

# %%
# The weights of the combination
# ------------------------------
# The weight of the slow learner rises as the fast one is poisoned.

display = PrequentialCurveDisplay.from_estimator(
    learners["combination"],
    X,
    y,
    attack=attack,
    batch_size=5,
    window=20,
    trusted=trusted,
    shares=True,
    name="combination",
)
display.ax_.set(title="Accuracy, weights and where poison came", ylim=(0, 1.02))
plt.show()
