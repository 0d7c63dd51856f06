"""Scores of labels and responses by a model of reference rows.

An outlier detector looks at where a row lies among the rows of its class. A row of
another class, with a wrong label, can lie among them, and in many columns all distances
are much the same. What sets it apart is the direction in which the classes differ. A
model that learns from the reference rows knows it: the score of a row is the loss of
its label, -log p(y | x), or the size of the residual of its response, under the model.

The losses of the reference rows themselves are out of fold: each is left out by one of
five models. Other rows are scored by the mean over the five.
"""

from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import expit, log_softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.linear_model._base import LinearModel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.defences._outlier_scores import N_FOLDS, MeanScore
from skpoison.defences._robust_scale import is_far
from skpoison.utils._containers import are_numbers, take_rows

# Inverse penalty of the default classifier, for standardised columns. The weights are
# hardly more than the differences of the class means: of few rows in many columns no
# more can be learnt.
C = 0.01
# Its tolerance: sparse rows and dense ones have the same scores.
TOL = 1e-7
# Penalties of the default regressor, one of which is chosen by the rows left out.
ALPHAS = np.logspace(-1, 5, 13)
# The least probability that counts, and its loss, which is 708.
TINY = np.finfo(np.float64).tiny
LARGEST = -np.log(TINY)


def fit_label_losses(classifier, X, y):
    """Score labels by the losses that a classifier of reference rows gives them.

    Parameters
    ----------
    classifier : classifier with predict_proba, or None
        It is cloned. None: a coarse logistic regression, which does not learn from
        rows that are far from all others.
    X : {ndarray, csr matrix, dataframe} of shape (n_reference, n_features)
        The reference rows; numbers or booleans if no model is given.
    y : ndarray of shape (n_reference,) of int
        Their labels.

    Returns
    -------
    own_losses : ndarray of shape (n_reference,)
        The out-of-fold loss of each label. 0 for the only row of a class.
    loss : callable
        Takes rows and labels, and returns the loss of each label. That of a label which
        no reference row has is the largest.
    """
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if counts.shape[0] < 2:
        return np.zeros(y.shape[0]), _nothing
    # Each class is dealt out to the folds in turn. The only row of a class is in none.
    order = np.argsort(codes, kind="stable")
    rank = np.empty(y.shape[0], dtype=int)
    rank[order] = np.arange(y.shape[0]) - np.repeat(np.cumsum(counts) - counts, counts)
    folds = np.where(counts[codes] > 1, rank % N_FOLDS, -1)
    far = np.zeros(y.shape[0], dtype=bool)
    if classifier is None:
        classifier = LogisticRegression(C=C, tol=TOL, max_iter=1000)
        classifier, X = _standardised(classifier, X), _numbers(X)
        far = is_far(X)
    rests = [_learnt_from(folds, fold, far, codes) for fold in range(folds.max() + 1)]
    return _fit_out_of_fold(classifier, X, y, folds, rests, LabelLoss)


def fit_residuals(regressor, X, y):
    """Score responses by the residuals of a regressor of reference rows.

    Parameters
    ----------
    regressor : regressor or None
        It is cloned. None: a ridge regression, which does not learn from rows that are
        far from all others, in their features or their response.
    X : {ndarray, csr matrix, dataframe} of shape (n_reference, n_features)
        The reference rows, two at least; numbers or booleans if no model is given.
    y : ndarray of shape (n_reference,)
        Their responses.

    Returns
    -------
    own_residuals : ndarray of shape (n_reference,)
        The size of the out-of-fold residual of each response.
    residual : callable
        Takes rows and responses, and returns the size of the residual of each.
    """
    far = np.zeros(y.shape[0], dtype=bool)
    if regressor is None:
        regressor, X = _standardised(RidgeCV(ALPHAS), X), _numbers(X)
        far = is_far(X) | is_far(y[:, np.newaxis])
    folds, one = np.arange(y.shape[0]) % N_FOLDS, np.zeros(y.shape[0])
    rests = [_learnt_from(folds, fold, far, one) for fold in range(folds.max() + 1)]
    return _fit_out_of_fold(regressor, X, y, folds, rests, Residual)


def _numbers(X):
    return X.astype(np.float64) if X.dtype == bool else X


def _standardised(model, X):
    """Return a model behind a scaler; sparse rows are not centred."""
    scaler = StandardScaler(with_mean=not sparse.issparse(X))
    # Whatever the user has set for the output of transformers is not meant for it.
    return make_pipeline(scaler.set_output(transform="default"), model)


def _learnt_from(folds, fold, far, codes):
    """Return the rows that a model learns from: without far ones, if no class lacks."""
    rest = folds != fold
    near = rest & ~far
    is_complete = np.array_equal(np.unique(codes[near]), np.unique(codes[rest]))
    return np.flatnonzero(near if is_complete else rest)


def _fit_out_of_fold(model, X, y, folds, rests, score_of):
    """Return the scores of rows left out, and the mean score over all models."""
    own_scores, parts = np.zeros(y.shape[0]), []
    for fold, rest in enumerate(rests):
        left_out = np.flatnonzero(folds == fold)
        fitted = clone(model).fit(take_rows(X, rest), y[rest])
        score = score_of(fitted)
        own_scores[left_out] = score(take_rows(X, left_out), y[left_out])
        parts.append(score)
    return own_scores, MeanScore(parts)


def _nothing(X, y):
    """Return 0 for each row: one class alone says nothing of labels."""
    return np.zeros(y.shape[0])


class LabelLoss:
    """The loss -log p(y | x) of the labels of rows.

    Parameters
    ----------
    classifier : classifier with predict_proba
        Fitted.
    """

    def __init__(self, classifier):
        self.classifier = classifier

    def __call__(self, X, y):
        """Return the loss of each label."""
        if not y.shape[0]:
            return np.empty(0)
        if are_numbers(X) and self.has_gradient:
            # As below, without the checks of scikit-learn, which take longer.
            return np.minimum(self._losses_and_slopes(X, y)[0], LARGEST)
        probabilities = self.classifier.predict_proba(X)
        columns, is_known = self._columns(y)
        own = probabilities[np.arange(y.shape[0]), columns]
        own = np.where(is_known, own, 0.0)
        # A loss of -0.0 would be a threshold that no loss of 0.0 reaches.
        return np.maximum(-np.log(np.maximum(own, TINY)), 0.0)

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known: for logistic regression.

        Its `multi_class`, before scikit-learn 1.8, can be other than one sigmoid for
        two classes, and a softmax for more. A subclass may have other probabilities.
        """
        model = _linear_model(self.classifier)
        own = getattr(type(model), "predict_proba", None)
        if own is not LogisticRegression.predict_proba:
            return False
        way = getattr(model, "multi_class", "auto")
        if model.classes_.shape[0] == 2:
            return way != "multinomial"
        return model.solver != "liblinear" and way != "ovr"

    def with_gradient(self, X, y):
        """Return the loss of each label, and how it changes with its row."""
        losses, slopes = self._losses_and_slopes(X, y)
        return losses, slopes @ self._map[0]

    @cached_property
    def _map(self):
        return _linear_map(self.classifier)

    def _losses_and_slopes(self, X, y):
        """Return the loss of each label, and how it changes with the scores."""
        W, b = self._map
        columns, is_known = self._columns(y)
        scores = X @ W.T + b
        if W.shape[0] == 1:
            sign = np.where(columns, 1.0, -1.0)
            margins = sign * scores[:, 0]
            losses = np.logaddexp(0, -margins)
            slopes = (-sign * expit(-margins))[:, np.newaxis]
        else:
            everyone = np.arange(y.shape[0])
            log_p = log_softmax(scores, axis=1)
            slopes = np.exp(log_p)
            slopes[everyone, columns] -= 1
            # Where one class is certain it is -0.0, a threshold that no loss reaches.
            losses = np.maximum(-log_p[everyone, columns], 0.0)
        losses = np.where(is_known, losses, LARGEST)
        return losses, np.where(is_known[:, np.newaxis], slopes, 0.0)

    def _columns(self, y):
        """Return which column of probabilities is that of each label, if there is."""
        classes = self.classifier.classes_
        columns = np.minimum(np.searchsorted(classes, y), classes.shape[0] - 1)
        return columns, classes[columns] == y


class Residual:
    """The size of the residual of the response of rows.

    Parameters
    ----------
    regressor : regressor
        Fitted.
    """

    def __init__(self, regressor):
        self.regressor = regressor

    def __call__(self, X, y):
        """Return the size of the residual of each row."""
        if not y.shape[0]:
            return np.empty(0)
        return np.abs(y - np.ravel(self.regressor.predict(X)))

    @property
    def has_gradient(self):
        """Whether `with_gradient` is known: for linear models."""
        model = _linear_model(self.regressor)
        return isinstance(model, LinearModel) and np.ndim(model.coef_) == 1

    def with_gradient(self, X, y):
        """Return the size of the residual of each row, and how it changes with X."""
        W, b = _linear_map(self.regressor)
        residuals = y - X @ W - b
        return np.abs(residuals), np.outer(-np.sign(residuals), W)


def _linear_model(model):
    """Return a model, or what is behind a scaler; None for other pipelines."""
    if not isinstance(model, Pipeline):
        return model
    steps = [step for _, step in model.steps]
    is_scaled = len(steps) == 2 and isinstance(steps[0], StandardScaler)
    return steps[1] if is_scaled else None


def _linear_map(model):
    """Return the slopes and the intercept of a linear model for rows as they are."""
    last = _linear_model(model)
    W, b = last.coef_, last.intercept_
    if last is not model:
        scaler = model.steps[0][1]
        W = W / (1.0 if scaler.scale_ is None else scaler.scale_)
        if scaler.with_mean:
            b = b - W @ scaler.mean_
    return W, b
