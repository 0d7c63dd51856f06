"""Scores that cannot be computed for the labels, found before anything is fitted.

In cross-validation such a score is NaN in every fold.
"""

from difflib import get_close_matches

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils.validation import _check_response_method, _num_samples

from skpoison.utils._texts import shown

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


def check_scoring_names(scoring, estimator, y):
    """Check that scores exist and can be computed for the labels.

    Parameters
    ----------
    scoring : object
        The parameter `scoring`. Only names of scorers are checked, on their own or in
        a list, a tuple, a set or a dict.
    estimator : estimator
        What is scored.
    y : array-like of shape (n_samples,)
        The labels or responses.

    Raises
    ------
    ValueError
        If a score does not exist, is for another number of classes, needs a positive
        class that the labels do not have, or needs a method that the estimator does
        not have, such as predict_proba.
    """
    if isinstance(scoring, dict):
        scoring = list(scoring.values())
    elif not isinstance(scoring, list | tuple | set):
        scoring = [scoring]
    for name in scoring:
        if isinstance(name, str):
            _check_name(name, estimator, y)


def _check_name(name, estimator, y):
    """Check the name of one scorer."""
    names = get_scorer_names()
    if name not in names:
        near = get_close_matches(name, names) or USUAL_SCORES
        raise ValueError(
            f"scoring={name!r} is not a scorer of scikit-learn, such as "
            f"{', '.join(near)}."
        )
    if is_regressor(estimator) and "classification" in (
        get_scorer(name)._score_func.__module__
    ):
        raise ValueError(
            f"scoring={name!r} is for classes, and {shown(estimator)} is a regressor. "
            "Take scoring='r2', or another score for regression."
        )
    if not is_classifier(estimator) or np.ndim(y) != 1 or not _num_samples(y):
        return
    if np.asarray(y).dtype.kind not in "biuf" and "regression" in (
        get_scorer(name)._score_func.__module__
    ):
        raise ValueError(
            f"scoring={name!r} is for numbers, and y holds labels such as "
            f"{np.asarray(y)[0]!r}. Take scoring='accuracy', or another score for "
            "classes."
        )
    try:
        classes = np.unique(y).tolist()
    except TypeError:  # labels of several types, which are refused in their own words
        return
    other = FOR_MORE_CLASSES.get(name)
    if other == "roc_auc_ovr" and not hasattr(estimator, "predict_proba"):
        other = "balanced_accuracy"
    if other is not None and len(classes) > 2:
        raise ValueError(
            f"scoring={name!r} is for two classes, and there are {len(classes)}. Take "
            f"scoring={other!r}."
        )
    if name.endswith("_samples"):
        raise ValueError(
            f"scoring={name!r} is for rows of several labels each. Take "
            f"scoring={name.replace('_samples', '_macro')!r}."
        )
    if name in FOR_BOTH_CLASSES and len(classes) == 2 and 1 not in classes:
        raise ValueError(
            f"scoring={name!r} needs a positive class labelled 1, and the classes are "
            f"{classes[0]!r} and {classes[1]!r}. Take scoring="
            f"{FOR_BOTH_CLASSES[name]!r}, which treats both alike, or label the "
            "positive class 1 and the other one 0."
        )
    _check_method(name, estimator)


def _check_method(name, estimator):
    """Check that an estimator has the method that a scorer calls."""
    if any(key.endswith("final_estimator") for key in estimator.get_params()):
        return  # a StackingClassifier has the methods of its default once it is fitted
    methods = get_scorer(name)._response_method
    try:
        _check_response_method(estimator, methods)
    except AttributeError as error:
        methods = [methods] if isinstance(methods, str) else methods
        raise ValueError(
            f"scoring={name!r} needs an estimator with {' or '.join(methods)}, and "
            f"{shown(estimator)} has none. Take another score, such as "
            "scoring='balanced_accuracy', or another estimator."
        ) from error
