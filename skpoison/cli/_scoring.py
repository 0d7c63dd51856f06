"""The score: whether it exists, and whether it can be computed."""

import re

from sklearn.base import is_classifier
from sklearn.metrics import get_scorer, get_scorer_names

from skpoison.cli._errors import CommandError
from skpoison.model_selection._scoring import USUAL_SCORES, check_scoring_names

USUAL_SCORES_OF_REGRESSION = ["r2", "neg_mean_squared_error"]


def check_scoring(name, estimator, y):
    """Check that a score exists and can be computed for an estimator and labels.

    Parameters
    ----------
    name : str
        Name of a scorer.
    estimator : estimator
        What is scored.
    y : ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    CommandError
        If it does not exist, is for regression or for clusters, needs a positive class
        that the labels do not have, or needs what the estimator does not have.
    """
    if name in get_scorer_names():
        module = get_scorer(name)._score_func.__module__
        of_classes = is_classifier(estimator)
        if "cluster" in module or (of_classes and "regression" in module):
            usual = USUAL_SCORES if of_classes else USUAL_SCORES_OF_REGRESSION
            raise CommandError(
                f"--scoring {name} is not for {'classes' if of_classes else 'numbers'}"
                f". Take another one, such as {', '.join(usual)}."
            )
    try:
        check_scoring_names(name, estimator, y)
    except ValueError as error:
        text = re.sub(r"scoring='([^']*)'", r"--scoring \1", str(error))
        raise CommandError(text) from error
