"""
===========================
Transfer among learners
===========================

An attacker who does not know the victim crafts the poison for a learner of their own.
How much of the damage arrives? And what if the victim tunes its parameters on the
poisoned data?
"""

# %%
# Data, learners and attack
# -------------------------
# Of the digits 3 and 8, 150 are training rows, the others test rows. The attacker knows
# the training rows and inserts 30, :math:`n_p / n = 0.2`, crafted for each of three
# surrogates. Forest and neighbours have no gradients: they can be harmed by transfer
# alone.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skpoison.attacks import GradientInsertion
from skpoison.model_selection import TransferMatrixDisplay, transfer_matrix
from skpoison.optimizers import ProjectedAscent

X, y = load_digits(return_X_y=True)
rows = np.isin(y, (3, 8))
X, y = X[rows] / 16, y[rows]
logistic = LogisticRegression(max_iter=5000)
search = GridSearchCV(logistic, {"C": [0.001, 0.1, 10]}, cv=3)
surrogates = {"logistic": logistic, "ridge": RidgeClassifier(), "RBF SVC": SVC()}
victims = surrogates | {
    "logistic, tuned": search,
    "forest": RandomForestClassifier(50, random_state=0),
    "kNN": KNeighborsClassifier(),
}
settings = {
    "attack": GradientInsertion(optimizer=ProjectedAscent(max_iter=20), random_state=0),
    "budget": 30,
    "cv": StratifiedShuffleSplit(1, train_size=150, random_state=0),
    "scoring": "accuracy",
}
matrix = transfer_matrix(victims, surrogates, X, y, **settings)

# %%
# Who is harmed by whose poison?
# ------------------------------
# The first line is clean data. Linear learners harm each other nearly as much as
# themselves.

fig, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
display = TransferMatrixDisplay(**matrix, score_name="accuracy").plot(ax)

# %%
# Gradients that agree
# --------------------
# Where the gradients of two learners point in the same direction, poison transfers. A
# dash stands for learners without gradients.

fig, ax = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
TransferMatrixDisplay(**matrix).plot(ax, values="alignment", im_kw={"vmin": 0})

# %%
# An attacker who knows that the victim re-tunes
# ----------------------------------------------
# A victim that tunes ``C`` makes up for a little of the harm of poison that was crafted
# for ``C=1``. An attack whose surrogate is the search crafts poison for each ``C`` of
# its grid, and keeps what is worst for the search: that harms both victims more.

knows_it = transfer_matrix(
    {"logistic": logistic, "logistic, tuned": search},
    {"logistic": logistic, "the search": search},
    X,
    y,
    **settings,
)
fig, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
TransferMatrixDisplay(**knows_it, score_name="accuracy").plot(ax, values="loss")
plt.show()
