"""Rows that contradict what an estimator learns from the others.

Poisoned rows, mistakes and rare cases are among them. On data with flipped labels this
order finds far more of them than the influence of each row on the loss or the error of
others, whose order depends on the few rows of the largest loss.
"""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import Bunch, indexable

from skpoison.model_selection._arguments import (
    check_settings,
    check_targets,
    check_victim,
)
from skpoison.utils._texts import shown
from skpoison.utils._threads import limit_all_threads


def harmful_rows(estimator, X, y, *, cv=None, n_jobs=None):
    r"""Rank rows by how much they contradict what is learnt from the others.

    The contradiction of a row is the score of the best other class minus that of its
    own label, :math:`\max_{c \neq y_i} f_c(x_i) - f_{y_i}(x_i)`, by an estimator that
    has not learnt from the row; in a regression it is the absolute residual. Poison is
    among the rows at the top, and so are mistakes and rare but correct rows: they are
    worth looking at, and none should be deleted unseen.

    Parameters
    ----------
    estimator : estimator or Pipeline
        What learns from the rows.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels or responses.
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_val_predict`:
        each row is among the test rows of one fold.
    n_jobs : int, default=None
        Number of jobs for the fits of the folds.

    Returns
    -------
    ranked : :class:`~sklearn.utils.Bunch`
        With the attributes

        indices : ndarray of shape (n_samples,) of int
            Positions of the rows, those of the largest contradiction first.
        contradiction : ndarray of shape (n_samples,)
            Their contradictions, in that order.
        predicted : ndarray of shape (n_samples,)
            What is predicted for them, in that order.

    Raises
    ------
    ValueError
        If the estimator is neither a classifier nor a regressor, cannot be fitted or
        has no score for each class, if y is not 1-D, or if the folds do not test each
        row once.

    See Also
    --------
    skpoison.defences.ConfidentLearningClassifier : Drops such rows.
    skpoison.defences.InfluenceFilteredClassifier : Drops what harms trusted rows.

    Examples
    --------
    Three labels are wrong:

    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.model_selection import harmful_rows
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = [10, 20, 30]
    >>> y[wrong] = 1 - y[wrong]
    >>> classifier = make_pipeline(StandardScaler(), LogisticRegression())
    >>> ranked = harmful_rows(classifier, X, y)
    >>> bool(np.isin(wrong, ranked.indices[:10]).all())
    True
    """
    check_victim(estimator)
    check_settings(cv=cv, n_jobs=n_jobs)
    X, y = indexable(X, y)
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(
            "y must have one label or response a row, shape (n_samples,); got shape "
            f"{y.shape}. Rank the rows by one column at a time."
        )
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise ValueError(
            "estimator must be a classifier or a regressor, which learns from y; got "
            f"{shown(estimator)}."
        )
    check_targets(y, estimators=[estimator])
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    method = "predict"
    if is_classifier(estimator):
        methods = "predict_proba", "decision_function"
        found = [each for each in methods if hasattr(estimator, each)]
        if not found:
            raise ValueError(
                f"estimator must have {' or '.join(methods)}, which say how sure it "
                f"is; got {estimator!r}."
            )
        method = found[0]
    with limit_all_threads():
        scores = cross_val_predict(
            estimator, X, y, cv=list(cv.split(X, y)), n_jobs=n_jobs, method=method
        )
    if is_classifier(estimator):
        classes, codes = np.unique(y, return_inverse=True)
        if scores.ndim > 1 and scores.shape[1] != classes.shape[0]:
            raise ValueError(
                f"estimator must give a score for each of the {classes.shape[0]} "
                f"classes; got {scores.shape[1]}, as for pairs of classes. With "
                "decision_function_shape='ovr' it gives one for each."
            )
        contradiction, predicted = _margins(scores, codes)
        predicted = classes[predicted]
    else:
        contradiction, predicted = np.abs(scores - y), scores
    order = np.argsort(-contradiction, kind="stable")
    return Bunch(
        indices=order, contradiction=contradiction[order], predicted=predicted[order]
    )


def _margins(scores, codes):
    """Return the best other score minus that of the label, and the best class."""
    if scores.ndim == 1:
        scores = np.column_stack([-scores, scores])
    rows = np.arange(codes.shape[0])
    others = scores.astype(float)
    others[rows, codes] = -np.inf
    return others.max(axis=1) - scores[rows, codes], scores.argmax(axis=1)


def describe_rows(ranked, y, *, n_rows=20, skip=None):
    """Return the rows at the top with the reason why they are there.

    Parameters
    ----------
    ranked : Bunch
        What `harmful_rows` returns.
    y : ndarray of shape (n_samples,)
        The labels or responses of all rows.
    n_rows : int, default=20
        The largest number of rows.
    skip : ndarray of shape (n_samples,) of bool, default=None
        Rows that are not listed.

    Returns
    -------
    described : list of (int, float, str)
        Position, contradiction and reason of each row that contradicts the others.
    """
    described = []
    for i, contradiction, predicted in zip(
        ranked.indices, ranked.contradiction, ranked.predicted, strict=True
    ):
        if len(described) == n_rows or not contradiction > 0:
            break
        if skip is not None and skip[i]:
            continue
        own, other = y[i].item(), predicted.item()
        reason = f"labelled {own!r}, from the others one would predict {other!r}"
        if y.dtype.kind == "f":
            reason = f"its target is {own:g}, from the others one would predict "
            reason += f"{other:.4g}"
        described.append((int(i), float(contradiction), reason))
    return described
