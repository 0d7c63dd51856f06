"""Per-class decision scores for any fitted classifier."""

from itertools import combinations

import numpy as np

TINY = np.finfo(np.float64).tiny


def class_scores(classifier, X, classes):
    """Return the score of each row for each class.

    Parameters
    ----------
    classifier : classifier
        Fitted, on labels among `classes`.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_classes)
        Decision values if the classifier has them; otherwise logarithms of
        probabilities, otherwise 1 for the class predicted. The two scores of two
        classes sum to 0. A class that the classifier has not seen has the lowest score
        of all.
    """
    known = np.searchsorted(classes, classifier.classes_)
    n_known = known.shape[0]
    found = None
    if hasattr(classifier, "decision_function"):
        found = np.asarray(classifier.decision_function(X), dtype=float)
        if found.ndim == 1:
            found = np.column_stack([-found, found]) / 2
        elif found.shape[1] != n_known or _is_one_vs_one(found, classifier, X):
            found = None
    if found is None and hasattr(classifier, "predict_proba"):
        found = np.log(np.maximum(classifier.predict_proba(X), TINY))
        if n_known == 2:
            found -= found.mean(axis=1, keepdims=True)
    if found is None:
        predicted = np.asarray(classifier.predict(X))[:, np.newaxis]
        found = np.where(predicted == classifier.classes_, 1.0, -1.0)
    scores = np.full((found.shape[0], classes.shape[0]), found.min() - 1)
    scores[:, known] = found
    return scores


def _is_one_vs_one(found, classifier, X):
    """Return whether decision values are those of pairs of classes.

    Three classes have three pairs, so the number of columns does not tell; the
    predictions do.
    """
    if found.shape[1] != 3:
        return False
    predicted = np.asarray(classifier.predict(X))[:, np.newaxis]
    is_predicted = predicted == classifier.classes_
    votes = np.zeros_like(found)
    for values, (first, second) in zip(found.T, combinations(range(3), 2), strict=True):
        votes[:, first] += values > 0
        votes[:, second] += values <= 0
    rows = np.arange(found.shape[0])
    by_class, by_pair = (
        is_predicted[rows, each.argmax(axis=1)].sum() for each in (found, votes)
    )
    return by_pair > by_class


def margins(scores, codes):
    """Return the score of the own class minus that of each class.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        The scores.
    codes : ndarray of shape (n_samples,) of int
        The labels of the rows, as positions among the classes.

    Returns
    -------
    margins : ndarray of shape (n_samples, n_classes)
        0 for the own class.
    """
    return np.take_along_axis(scores, codes[:, np.newaxis], axis=1) - scores
