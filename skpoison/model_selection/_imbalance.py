"""Imbalanced classes: what accuracy hides is scored beside it."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer
from sklearn.utils import Bunch
from sklearn.utils.multiclass import type_of_target

from skpoison.utils._warnings import warn_user

BALANCED = "balanced_accuracy"
# A class is rare if it has less than this share of the rows of an average class.
RARE = 0.2
# A defence that overrules more of a clean class than that takes it for noise.
LARGE_SHARE = 1 / 3


def warn_of_rare_class(estimator, y, score_name):
    """Return whether accuracy hides what happens to a rare class, and warn if so.

    Parameters
    ----------
    estimator : estimator
        What is scored.
    y : array-like of shape (n_samples,)
        The labels.
    score_name : str
        Name of the score; "score" for the estimator's own.

    Returns
    -------
    is_hidden : bool
    """
    if score_name not in ("accuracy", "score") or not is_classifier(estimator):
        return False
    if type_of_target(y) not in ("binary", "multiclass"):
        return False
    classes, counts = np.unique(np.asarray(y), return_counts=True)
    rarest = counts.argmin()
    if counts[rarest] >= RARE * counts.mean():
        return False
    warn_user(
        f"the class {classes.tolist()[rarest]!r} has only {counts[rarest]} of "
        f"{counts.sum()} rows, and accuracy hardly depends on it: balanced_accuracy is "
        "shown beside it. scoring='balanced_accuracy' makes it the score."
    )
    return True


class BesideBalanced:
    """A scorer of two numbers: a score, and the balanced accuracy.

    Parameters
    ----------
    scorer : callable
        The scorer of the first one.
    """

    def __init__(self, scorer):
        self.scorer = scorer

    def __call__(self, estimator, X, y, **params):
        """Return both scores by name."""
        return {
            "score": self.scorer(estimator, X, y, **params),
            BALANCED: get_scorer(BALANCED)(estimator, X, y),
        }


def split_scores(curve):
    """Split what `BesideBalanced` has scored.

    Parameters
    ----------
    curve : Bunch
        A robustness curve of both scores.

    Returns
    -------
    score, balanced : Bunch
        A curve of each.
    """
    return tuple(
        Bunch(
            budgets=curve.budgets,
            train_scores=curve.train_scores[name],
            test_scores=curve.test_scores[name],
        )
        for name in ("score", BALANCED)
    )


def describe_defences(overruled, sampled):
    """Return a line on each defence that overrules a large share of a clean class.

    And on each that compares the rows with a sample of them.

    Parameters
    ----------
    overruled : dict of str to dict
        For each defence the share of the clean rows of each class that it overrules.
    sampled : dict of str to tuple of int
        For each defence that draws a sample its number of rows, and that of all rows.

    Returns
    -------
    lines : list of str
    """
    lines = []
    for name, shares in overruled.items():
        label, share = max(shares.items(), key=lambda each: each[1])
        if share > LARGE_SHARE:
            lines.append(
                f"{name} overrules {share:.0%} of the clean rows labelled {label!r}: "
                "it takes much of that class for poison."
            )
    for name, (n_reference, n_samples) in sampled.items():
        lines.append(
            f"{name} compares the rows with a random sample of {n_reference:,} of "
            f"{n_samples:,} training rows, to save time."
        )
    return lines
