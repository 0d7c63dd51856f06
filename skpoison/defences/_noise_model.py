"""Estimation of the transition matrix of label noise by cross-validation.

Two ways: the matrix under which the labels of rows left out are the most likely, among
a few; or the anchor points of Patrini et al. (2017), rows that are believed to be of a
class for certain.
"""

from itertools import product

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skpoison.defences._corrected_loss import (
    SMALLEST_SHARE,
    corrected_labels,
    true_shares,
)
from skpoison.defences._transition_matrix import (
    check_transition_matrix,
    uniform_noise_matrix,
)
from skpoison.utils._containers import take_rows
from skpoison.utils._parallel import return_as

# Rates among which cross-validation chooses.
RATES = (0.0, 0.1, 0.2, 0.3, 0.4)
# Smaller probabilities count as this one, so that a single row cannot decide.
SMALLEST_PROBABILITY = 1e-12


def candidate_matrices(n_classes):
    """Return the transition matrices among which cross-validation chooses.

    Parameters
    ----------
    n_classes : int
        Number of classes. For two, the rates of both vary; for more, all have the same.

    Returns
    -------
    matrices : list of ndarray of shape (n_classes, n_classes)
        Those of little noise first, which win if there is a tie.
    """
    rates = product(RATES, repeat=2) if n_classes == 2 else ([rate] for rate in RATES)
    rates = sorted(rates, key=lambda rates: (sum(rates), max(rates)))
    return [uniform_noise_matrix(np.broadcast_to(rate, n_classes)) for rate in rates]


def matrix_by_likelihood(fit, n_classes, rows, folds, *, n_jobs, progress=None):
    """Choose the matrix under which the labels of rows left out are the most likely.

    Parameters
    ----------
    fit : callable
        ``fit(matrix, rows, fitted=)`` fits a classifier with `predict_proba`, given a
        transition matrix and a classifier fitted to the same rows before, or None.
    n_classes : int
        Number of classes.
    rows : LabelledRows
        The training rows.
    folds : list of pairs of ndarray
        Training and test rows of each fold.
    n_jobs : int or None
        Number of folds in parallel.
    progress : callable, default=None
        Called after each fold; returns whether to go on without the others.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)
    """
    matrices = candidate_matrices(n_classes)
    parts = Parallel(n_jobs=n_jobs, return_as=return_as())(
        delayed(_likelihoods)(fit, matrices, rows, *fold) for fold in folds
    )
    likelihoods = list(_until_stopped(parts, progress))
    return matrices[int(np.argmax(np.sum(likelihoods, axis=0)))]


def _until_stopped(parts, progress):
    """Yield what folds give, one after the other, until a callback asks to stop."""
    for part in parts:
        yield part
        if progress is not None and progress(np.nan):
            return


def _likelihoods(fit, matrices, rows, train, test):
    """Compute the log-likelihood of the labels of a fold under each matrix."""
    train, test = rows.take(train), rows.take(test)
    estimator, likelihoods = None, []
    for matrix in matrices:
        corrected = corrected_labels(matrix, train.codes, train.trusted)
        if (true_shares(corrected, train.sample_weight) < SMALLEST_SHARE).any():
            likelihoods.append(-np.inf)
            continue
        estimator = fit(matrix, train, fitted=estimator)
        true = estimator.predict_proba(test.X)
        seen = np.where(test.trusted[:, np.newaxis], true, true @ matrix)
        seen = seen[np.arange(seen.shape[0]), test.codes]
        seen = np.maximum(seen, SMALLEST_PROBABILITY)
        likelihoods.append(test.sample_weight @ np.log(seen))
    return likelihoods


def matrix_at_anchors(estimator, n_classes, rows, folds, *, n_jobs, progress=None):
    """Read the matrix off the rows where each class is the most probable.

    Parameters
    ----------
    estimator : classifier
        It has `predict_proba`. Clones of it are fitted to the labels given.
    n_classes : int
        Number of classes.
    rows : LabelledRows
        The training rows.
    folds : list of pairs of ndarray
        Training and test rows of each fold.
    n_jobs : int or None
        Number of folds in parallel.
    progress : callable, default=None
        Called after each fold; returns whether to go on without the others.

    Returns
    -------
    matrix : ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If there is too much noise.
    """
    parts = Parallel(n_jobs=n_jobs, return_as=return_as())(
        delayed(_fit_and_predict)(clone(estimator), rows, *fold) for fold in folds
    )
    parts = list(_until_stopped(parts, progress))
    sums, counts = np.zeros((rows.y.shape[0], n_classes)), np.zeros(rows.y.shape[0])
    for (_, test), part in zip(folds[: len(parts)], parts, strict=True):
        sums[test] += part
        counts[test] += 1
    judged = counts > 0  # by a splitter in order of time the first rows are not
    probabilities = sums[judged] / counts[judged, np.newaxis]
    matrix = probabilities[probabilities.argmax(axis=0)]
    return check_transition_matrix(matrix / matrix.sum(axis=1, keepdims=True))


def _fit_and_predict(estimator, rows, train, test):
    """Fit an estimator on the rows of a fold and predict the others."""
    rows.take(train).fit(estimator)
    return estimator.predict_proba(take_rows(rows.X, test))
