"""
=========================
Scores of suspicious rows
=========================

Most defences give each training row a score, and act on the rows whose score reaches a
threshold. A plot of the scores shows how well poisoned and clean rows are separated,
what another threshold would change, and which clean rows are lost.
"""

# %%
# Flipped labels
# --------------
# A tenth of the labels of the breast cancer data are flipped at random,
# :math:`n_p / n = 0.1`. Nearest neighbours score a row by the share of its neighbours
# that agree on another label, confident learning by how sure a classifier that has not
# seen the row is of another class.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import scale

from skpoison.attacks import RandomInsertion, RandomLabelFlip
from skpoison.defences import (
    ConfidentLearningClassifier,
    KNNSanitizedClassifier,
    OutlierFilteredClassifier,
    OutlierFilteredRegressor,
)
from skpoison.inspection import SampleScoresDisplay

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
attack = RandomLabelFlip(budget=0.1, random_state=0)
X_poisoned, y_poisoned = attack.fit_resample(X, y)

classifier = LogisticRegression()
fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")
for ax, defence in zip(
    axes,
    [
        KNNSanitizedClassifier(classifier),
        ConfidentLearningClassifier(classifier, random_state=0),
    ],
    strict=True,
):
    defence.fit(X_poisoned, y_poisoned)
    SampleScoresDisplay.from_estimator(defence, attack.poison_mask_, ax=ax)
    auc = roc_auc_score(attack.poison_mask_, defence.sample_scores_)
    print(f"{type(defence).__name__:<28} area under the ROC curve {auc:.3f}")
plt.show()

# %%
# The area under the ROC curve is the probability that a poisoned row has a higher score
# than a clean one: it needs no threshold. Clean rows above the line are the price, and
# poisoned rows below it are those that the defence misses.
#
# Inserted rows, with a threshold for each class
# ----------------------------------------------
# The outlier filter learns a threshold for each class from its trusted rows. The
# inserted rows, clones of rows of the other class, stand to the right in each column.

attack = RandomInsertion(budget=0.2, random_state=0)
X_poisoned, y_poisoned = attack.fit_resample(X, y)
trusted = np.random.RandomState(0).permutation(len(y)) < len(y) // 5
trusted = np.append(trusted, np.zeros(attack.poison_mask_.sum(), dtype=bool))
defence = OutlierFilteredClassifier(classifier)
defence.fit(X_poisoned, y_poisoned, trusted=trusted)

fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
SampleScoresDisplay.from_estimator(defence, attack.poison_mask_, ax=ax)
plt.show()

dropped = ~defence.inlier_mask_ & attack.poison_mask_
for label in (0, 1):
    inserted = attack.poison_mask_ & (y_poisoned == label)
    print(f"dropped of those labelled {label}: {dropped[inserted].mean():.0%}")

# %%
# The rows of class 1 lie close together, and so do their clones with label 0. The rows
# of class 0 are farther apart, so that its threshold is higher and hardly any clone
# reaches it. The picture shows that no other threshold would help: the clones have the
# scores of clean rows.
#
# Regression
# ----------
# Here the responses of a tenth of the rows are mirrored in the range of all responses.
# For regression all rows are one group, and their response is scored together with
# their features. A response in the middle of the range hardly changes when it is
# mirrored: such a row does no harm and is not suspicious.

X, y = load_diabetes(return_X_y=True)
X = scale(X)
poisoned = np.arange(len(y)) >= 0.9 * len(y)
y_poisoned = np.where(poisoned, y.min() + y.max() - y, y)
defence = OutlierFilteredRegressor(Ridge(), quantile=0.9)
defence.fit(X, y_poisoned, trusted=np.arange(len(y)) < len(y) // 5)

fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
SampleScoresDisplay.from_estimator(defence, poisoned, ax=ax)
plt.show()
