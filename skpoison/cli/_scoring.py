"""The score: whether it exists, and whether it can be computed."""

from difflib import get_close_matches

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils.validation import _check_response_method

from skpoison.cli._errors import CommandError

USUAL_SCORES = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc"]

# Scores for two classes alone, and what takes their place if there are more.
FOR_MORE_CLASSES = {
    "f1": "f1_macro",
    "jaccard": "jaccard_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "roc_auc": "roc_auc_ovr",
    "neg_negative_likelihood_ratio": "balanced_accuracy",
    "positive_likelihood_ratio": "balanced_accuracy",
}
# Scores for which one class is positive, and what treats all classes alike.
FOR_BOTH_CLASSES = {
    "average_precision": "roc_auc",
    "d2_brier_score": "d2_log_loss_score",
    "f1": "f1_macro",
    "jaccard": "jaccard_macro",
    "neg_brier_score": "neg_log_loss",
    "precision": "precision_macro",
    "recall": "recall_macro",
}


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
    names = get_scorer_names()
    if name not in names:
        near = get_close_matches(name, names) or USUAL_SCORES
        raise CommandError(
            f"--scoring {name} is not a scorer of scikit-learn, such as "
            f"{', '.join(near)}."
        )
    scorer = get_scorer(name)
    module = scorer._score_func.__module__
    if "cluster" in module or "regression" in module:
        raise CommandError(
            f"--scoring {name} is not for classes. Take another one, such as "
            f"{', '.join(USUAL_SCORES)}."
        )
    classes = np.unique(y).tolist()
    other = FOR_MORE_CLASSES.get(name)
    if other == "roc_auc_ovr" and not hasattr(estimator, "predict_proba"):
        other = "balanced_accuracy"
    if other is not None and len(classes) > 2:
        raise CommandError(
            f"--scoring {name} is for two classes, and there are {len(classes)}. Take "
            f"--scoring {other}."
        )
    if name.endswith("_samples"):
        raise CommandError(
            f"--scoring {name} is for rows of several labels each. Take --scoring "
            f"{name.replace('_samples', '_macro')}."
        )
    if name in FOR_BOTH_CLASSES and len(classes) == 2 and 1 not in classes:
        raise CommandError(
            f"--scoring {name} needs a positive class labelled 1, and the classes are "
            f"{classes[0]!r} and {classes[1]!r}. Take --scoring "
            f"{FOR_BOTH_CLASSES[name]}, which treats both alike, or label the positive "
            "class 1 and the other one 0."
        )
    try:
        _check_response_method(estimator, scorer._response_method)
    except AttributeError as error:
        raise CommandError(
            f"--scoring {name} cannot be computed: {error} Take another --scoring, or "
            "another --estimator."
        ) from error
