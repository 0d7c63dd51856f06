"""The weights of the learners in a combination, and how they follow trusted rows."""

import numpy as np

from skpoison.online._row_memory import SMALLEST
from skpoison.utils._validation import check_default

# The rates of the logits, if none is given, by the rule.
RATES = {"prequential": 0.5, "remembered": 30.0}

# As in combinations of adaptive filters (Arenas-García et al. 2006): further out the
# slope of the weights is too small to come back from.
LARGEST_LOGIT = 4.0
# A new row on which a learner fails counts for this probability: one row alone, even
# one that is an exception, must not silence the learner that has saved all others.
LEAST_CREDIT = 1e-3


def check_rule(combination, *, in_fit=False):
    """Raise if a parameter of a combination is set that would be ignored.

    Parameters
    ----------
    combination : AdaptiveCombinationClassifier
        The combination, with its parameters.
    in_fit : bool, default=False
        Whether `fit` is called, which takes steps of the rule "remembered", and not
        `partial_fit`.
    """
    reason, ignored = f"with rule={combination.rule!r}", {"fading": 0.95}
    if combination.rule == "prequential":
        ignored = {"n_trusted": 100}
        if in_fit:
            reason += " in `fit`, which takes no steps of it: call partial_fit"
            ignored = {"fading": 0.95, "learning_rate": None}
    check_default(combination, reason, **ignored)


def softmax(logits):
    """Return the weights of logits."""
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def logit_step(logits, probabilities, learning_rate, sample_weight=None):
    r"""Take a step of the logits against the log loss of the combination.

    The loss of a row is :math:`-\log \sum_k \lambda_k p_k`, and its gradient in the
    logits :math:`-\lambda_k (p_k / p - 1)`.

    Parameters
    ----------
    logits : ndarray of shape (n_estimators,)
        The logits.
    probabilities : ndarray of shape (n_estimators, n_rows)
        What each learner gives to the labels of trusted rows.
    learning_rate : float
        The rate.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    logits : ndarray of shape (n_estimators,)
        Between -4 and 4 around their mean.
    """
    weights = softmax(logits)
    mixed = np.maximum(weights @ probabilities, SMALLEST)
    ratios = np.average(probabilities / mixed, axis=1, weights=sample_weight)
    moved = logits + learning_rate * weights * (ratios - 1)
    return np.clip(moved - moved.mean(), -LARGEST_LOGIT, LARGEST_LOGIT)


def fading_step(logits, probabilities, learning_rate, fading):
    """Let logits follow what learners gave to the labels of new trusted rows.

    Parameters
    ----------
    logits : ndarray of shape (n_estimators,)
        The logits.
    probabilities : ndarray of shape (n_estimators, n_rows)
        What each learner gave to the labels, in the order of the rows.
    learning_rate : float
        The rate.
    fading : float
        By how much a row counts less with each one after it.

    Returns
    -------
    logits : ndarray of shape (n_estimators,)
        Between -4 and 4 around their mean.
    """
    for credit in np.log(np.maximum(probabilities, LEAST_CREDIT)).T:
        moved = fading * logits + learning_rate * credit
        logits = np.clip(moved - moved.mean(), -LARGEST_LOGIT, LARGEST_LOGIT)
    return logits
