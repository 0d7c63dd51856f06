"""The protocol of AISec 2017: 100 training rows, 400 validation rows of the attacker.

The other rows are test rows. Twenty rows are inserted into the box [0, 1],
n_p / (n + n_p) = 0.167. The victims are linear models trained by a fixed number of
steps of gradient descent, without a penalty.
"""

import time

import numpy as np
from sklearn.feature_selection import mutual_info_classif

from skpoison.attacks import RandomInsertion
from skpoison.datasets import fetch_mnist, fetch_ransomware, fetch_spambase
from skpoison.surrogates import GradientDescentClassifier

N_TRAIN, N_OWN, N_POISON = 100, 400, 20

LOGISTIC = GradientDescentClassifier(learning_rate=0.5, n_steps=1500)
ADALINE = GradientDescentClassifier("squared_error", learning_rate=0.01, n_steps=2000)


def spambase():
    return fetch_spambase(binary=True, return_X_y=True)


def ransomware():
    return fetch_ransomware(return_X_y=True)


def mnist_1_7():
    # The author's own set: the ones and sevens among the first 10,000 digits.
    X, y = fetch_mnist(return_X_y=True)
    rows = np.flatnonzero(np.isin(y[:10_000], (1, 7)))
    return X[rows] / 255, y[rows]


DATA_SETS = spambase, ransomware, mnist_1_7


def split(X, y, seed, n_train=N_TRAIN, n_own=N_OWN, n_columns=400):
    """Split into training, validation and test rows.

    Of wide sparse data, the columns of most mutual information with the labels are
    kept, chosen on the training rows alone.
    """
    order = np.random.RandomState(seed).permutation(y.shape[0])
    parts = np.split(order, [n_train, n_train + n_own])
    if not isinstance(X, np.ndarray):
        present = np.flatnonzero(X[parts[0]].sum(axis=0))
        train = X[parts[0]][:, present].toarray()
        gain = mutual_info_classif(train, y[parts[0]], discrete_features=True)
        X = X[:, present[np.argsort(-gain, kind="stable")]]
        X = X[:, :n_columns].toarray()
    return [(X[part], y[part]) for part in parts]


def errors(victim, attack, train, own, test, seed):
    """Measure the victim's error on clean data, after clones and after the attack.

    Returns these three, and the seconds that the attack took.
    """
    begin = time.perf_counter()
    poisoned = attack.fit_resample(*train, X_val=own[0], y_val=own[1])
    seconds = time.perf_counter() - begin
    clones = RandomInsertion(N_POISON, random_state=seed).fit_resample(*train)
    each = [1 - victim.fit(*rows).score(*test) for rows in (train, clones, poisoned)]
    return [*each, seconds]
