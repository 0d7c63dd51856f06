r"""How is a classifier fitted on labels of which some are wrong at random?

A label :math:`i` is seen as :math:`j` with the probability :math:`T_{ij}`, whatever the
row. With a loss :math:`\ell(z, y)` of a score and a label, the corrected loss

.. math::

    \tilde\ell(z, \tilde y) = \sum_j (T^{-1})_{\tilde y j} \, \ell(z, j)

has the loss of the true label as its expectation,
:math:`\sum_j T_{yj} \, \tilde\ell(z, j) = \ell(z, y)`. For two classes it is

.. math::

    \tilde\ell(z, y) =
    \frac{(1 - \rho_{-y}) \, \ell(z, y) - \rho_y \, \ell(z, -y)}{1 - \rho_+ - \rho_-} .

The rows of :math:`T^{-1}` sum to 1. The logistic, the multinomial and the squared loss
depend on the target by a part that is linear in the score. So their corrected loss is
the same loss of another target, :math:`\sum_j (T^{-1})_{\tilde y j} \, t_j`: a soft
label, which can lie outside [0, 1]. It is as convex as before.

The second way leaves the loss as it is and weighs the rows. The true label of a row is
more probably positive than not if and only if the label seen is so with a probability
above :math:`\alpha = (1 - \rho_+ + \rho_-) / 2`. Rows seen as positive get the weight
:math:`2 (1 - \alpha)`, those seen as negative :math:`2 \alpha`.
"""

import warnings
from copy import copy
from dataclasses import replace
from itertools import product
from numbers import Integral, Real

import numpy as np
from scipy import optimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import InputTags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, has_fit_parameter

from skpoison.base import BaseDefence
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise
from skpoison.defences._transition_matrix import check_matrix, given, spread
from skpoison.surrogates import as_training_problem
from skpoison.utils._containers import take_rows
from skpoison.utils._delegation import PredictsByEstimatorMixin
from skpoison.utils._validation import numeric_features

# Rates among which cross-validation chooses.
RATES = (0.0, 0.1, 0.2, 0.3, 0.4)
# The least share of the rows that can be of a class: where a logistic model has an
# intercept and no row of a class, it has no optimum.
LEAST = 1e-6
# The most steps of descent.
MAX_ITER = 15_000
# The norm of the gradient, relative to what it is a sum of, that needs no warning.
GOOD_ENOUGH = 1e-4
# Less likely than this counts as this likely.
TINY = 1e-12


class NoisyLabelClassifier(PredictsByEstimatorMixin, BaseDefence):
    """Fit a classifier as if some labels were wrong at random.

    The labels of each class are taken to be wrong at a rate of its own, whatever the
    row. No row is dropped or relabelled: it is the loss of each that allows for the
    chance that its label is wrong.

    Parameters
    ----------
    estimator : classifier
        What is fitted. With ``method="unbiased"`` it is one that minimises a logistic
        or a squared loss with a squared penalty:
        :class:`~sklearn.linear_model.LogisticRegression`,
        :class:`~sklearn.linear_model.RidgeClassifier`, or one that is registered with
        :func:`~skpoison.surrogates.as_training_problem`; without class weights. With
        ``method="weighted"`` any that takes sample weights.
    method : {"unbiased", "weighted"}, default="unbiased"
        "unbiased": each row gets the loss whose expectation over wrong labels is that
        of the true label. It is minimised here, and the clone of the estimator gets the
        coefficients. "weighted", for two classes: the rows of a class are weighted such
        that the decision changes where the true labels' would.
    noise : {"cv", "anchors"}, float, dict or array-like, default="cv"
        How often the labels of each class are wrong.

        - float: of every class at this rate, in favour of all others alike;
        - dict: the rate of each class, 0 for those that it does not name;
        - array-like of shape (n_classes, n_classes): in row i and column j the
          probability that a label is seen as `classes_[j]` where it is `classes_[i]`;
        - "anchors": taken from the out-of-fold probabilities of the estimator. Where a
          class is most probable, all labels are taken to be its own, and those that
          are not to be noise;
        - "cv": those of 0, 0.1, 0.2, 0.3 and 0.4 under which the labels given of rows
          left out are the most likely; for two classes each its own, for more the same
          for all. The estimator is a LogisticRegression.
    cv : int, default=5
        Number of folds for "cv" and "anchors"; at most the number of rows of the
        smallest class.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds.
    n_jobs : int, default=None
        Number of folds in which classifiers are fitted at once.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        The probability that a label is seen as `classes_[j]` where it is `classes_[i]`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        True for every row of a weight that is not 0: none is dropped.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    ConfidentLearningClassifier : Looks for the rows whose labels are wrong.

    Notes
    -----
    The two methods are those of [1]_, Lemma 1 and Theorem 9, with weights that are 1
    where both rates are equal; the matrix for more classes is that of [2]_. Labels of
    trusted rows are taken to be right: these keep their loss and their weight.

    Wrong labels of an attacker are not wrong at random. Where he chooses rows, this
    helps less than against as many flips by chance.

    References
    ----------
    .. [1] N. Natarajan, I. S. Dhillon, P. Ravikumar, A. Tewari, "Learning with noisy
       labels", NIPS 2013.
    .. [2] G. Patrini, A. Rozza, A. K. Menon, R. Nock, L. Qu, "Making deep neural
       networks robust to label noise: a loss correction approach", CVPR 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import NoisyLabelClassifier
    >>> X, y = make_blobs(400, centers=2, random_state=0)
    >>> attack = RandomLabelFlip(budget=0.2, class_map={0: 1}, random_state=0)
    >>> _, y_poisoned = attack.fit_resample(X, y)
    >>> plain = LogisticRegression().fit(X, y_poisoned)
    >>> defence = NoisyLabelClassifier(LogisticRegression(), noise={0: 0.4})
    >>> defence = defence.fit(X, y_poisoned)
    >>> print(f"{plain.score(X, y):.3f} {defence.score(X, y):.3f}")
    0.770 0.970
    >>> defence.transition_matrix_
    array([[0.6, 0.4],
           [0. , 1. ]])
    """

    _required_estimator_type = "classifier"

    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "method": [StrOptions({"unbiased", "weighted"})],
        "noise": [
            StrOptions({"cv", "anchors"}),
            Interval(Real, 0, 1, closed="left"),
            dict,
            "array-like",
        ],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        method="unbiased",
        noise="cv",
        cv=5,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.method = method
        self.noise = noise
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Find the noise, and fit the estimator in spite of it."""
        if self.method == "weighted" and self.classes_.shape[0] > 2:
            raise ValueError(
                "Only binary classification is supported by method='weighted'. The "
                f"type of the target is multiclass: {self.classes_.shape[0]} classes. "
                "Take method='unbiased'."
            )
        if self.method == "weighted" and not _takes_weights(self.estimator):
            raise ValueError(
                f"{type(self.estimator).__name__} takes no sample_weight in its fit, "
                "which method='weighted' needs."
            )
        self.inlier_mask_ = present
        rows = np.flatnonzero(present)
        params = _check_method_params(X, params, indices=rows)
        X, y, trusted = take_rows(X, rows), y[rows], trusted[rows]
        if self.classes_.shape[0] < 2:
            # The estimator's own affair.
            self.transition_matrix_ = np.ones((1, 1))
            self.estimator_ = clone(self.estimator).fit(X, y, **params)
            return
        data = X, y, trusted, params
        fit = self._fit_unbiased if self.method == "unbiased" else self._fit_weighted
        self.transition_matrix_ = self._find_noise(data)
        self.estimator_ = fit(self.transition_matrix_, *data)

    def _find_noise(self, data):
        """Give the transition matrix, or estimate it."""
        n_classes = self.classes_.shape[0]
        if not isinstance(self.noise, str):
            return given(self.noise, self.classes_)
        X, y, _, params = data
        smallest = np.unique(y, return_counts=True)[1].min()
        if smallest < 2:
            return np.eye(n_classes)  # No row can be left out.
        folds = StratifiedKFold(
            min(self.cv, smallest), shuffle=True, random_state=self.random_state
        )
        if self.noise == "anchors":
            return self._anchors(X, y, params, folds)
        if not isinstance(self._surrogate().learner.loss, (Logistic, Multinomial)):
            raise ValueError(
                "noise='cv' compares likelihoods, and needs a LogisticRegression, not "
                f"{self.estimator!r}. Take noise='anchors', or give the rates."
            )
        rates = product(RATES, repeat=2) if n_classes == 2 else ([r] for r in RATES)
        # In doubt, little noise.
        rates = sorted(rates, key=lambda rates: (sum(rates), max(rates)))
        matrices = [spread(np.broadcast_to(rate, n_classes)) for rate in rates]
        likelihoods = Parallel(n_jobs=self.n_jobs)(
            delayed(self._likelihoods)(matrices, *data, *fold)
            for fold in folds.split(y, y)
        )
        return matrices[int(np.argmax(np.sum(likelihoods, axis=0)))]

    def _likelihoods(self, matrices, X, y, trusted, params, train, test):
        """Compute the log-likelihoods of the labels of a fold, for each matrix."""
        codes = np.searchsorted(self.classes_, y)
        weights = params.get("sample_weight", np.ones(y.shape[0]))
        params = _check_method_params(X, params, indices=train)
        rows = take_rows(X, train), y[train], trusted[train], params
        estimator, likelihoods = None, []
        for matrix in matrices:
            shares = _shares(
                _corrected(matrix, codes[train], trusted[train]), weights[train]
            )
            if (shares < LEAST).any():
                likelihoods.append(-np.inf)
                continue
            estimator = self._fit_unbiased(matrix, *rows, fitted=estimator)
            believed = estimator.predict_proba(take_rows(X, test))
            seen = np.where(trusted[test, np.newaxis], believed, believed @ matrix)
            seen = seen[np.arange(test.shape[0]), codes[test]]
            likelihoods.append(weights[test] @ np.log(np.maximum(seen, TINY)))
        return likelihoods

    def _anchors(self, X, y, params, folds):
        """Take the noise from the rows where each class is most probable."""
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"noise='anchors' needs probabilities, and "
                f"{type(self.estimator).__name__} has no predict_proba. Take "
                "noise='cv', or give the rates."
            )
        folds = list(folds.split(y, y))
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_left_out)(clone(self.estimator), X, y, params, *fold)
            for fold in folds
        )
        probabilities = np.empty((y.shape[0], self.classes_.shape[0]))
        for (_, test), part in zip(folds, parts, strict=True):
            probabilities[test] = part
        matrix = probabilities[probabilities.argmax(axis=0)]
        return check_matrix(matrix / matrix.sum(axis=1, keepdims=True))

    def _fit_unbiased(self, matrix, X, y, trusted, params, fitted=None):
        """Minimise the corrected loss, and give a clone its optimum.

        What else the clone gets of a fit, it gets from one on the labels given, or from
        one fitted to the same rows before.
        """
        codes = np.searchsorted(self.classes_, y)
        surrogate = self._surrogate()
        numbers = numeric_features(self, X, accept_sparse="csr", dtype=np.float64)
        rows = surrogate.rows(numbers, codes, params.get("sample_weight"))
        if fitted is None:
            fitted = clone(self.estimator).fit(X, y, **params)
        estimator = copy(fitted)
        corrected = _corrected(matrix, codes, trusted)
        targets = corrected @ surrogate.encode(np.arange(self.classes_.shape[0]))
        if (targets == rows.targets).all():
            return estimator
        learner = surrogate.learner
        logistic = not isinstance(learner.loss, Squared)
        if logistic and learner.penalty == 0:
            raise ValueError(
                f"Without a penalty the corrected loss of {self.estimator!r} has no "
                "minimum. Give it a penalty: a finite C."
            )
        free = learner.intercept != 0 and learner.intercept_penalty == 0
        missing = _shares(corrected, rows.weights) < LEAST
        if logistic and free and missing.any():
            few = self.classes_[missing].tolist()
            raise ValueError(
                f"With so much noise there would be no true label {few}: the rates of "
                "the other classes explain all that are seen. Lower those rates; the "
                f"transition matrix is {matrix.round(3).tolist()}."
            )
        start = np.atleast_2d(fitted.coef_).T
        if learner.intercept:
            intercept = np.atleast_1d(fitted.intercept_) / learner.intercept
            start = np.vstack([start, intercept])
        W, n_iter = _optimum(learner, replace(rows, targets=targets), start)
        n_features = numbers.shape[1]
        estimator.coef_ = W[:n_features].T.reshape(fitted.coef_.shape)
        if learner.intercept:
            intercept = learner.intercept * W[-1]
            estimator.intercept_ = intercept.reshape(np.shape(fitted.intercept_))
        estimator.n_iter_ = np.array([n_iter], dtype=np.int32)
        return estimator

    def _surrogate(self):
        """Translate the estimator into its training problem."""
        try:
            surrogate = as_training_problem(
                self.estimator, n_classes=self.classes_.shape[0]
            )
        except TypeError:
            surrogate = None
        loss = getattr(getattr(surrogate, "learner", None), "loss", None)
        known = isinstance(loss, (Logistic, Multinomial, Squared))
        if not known or surrogate.n_steps is not None:
            raise ValueError(
                "Losses can be corrected for an estimator that minimises a logistic or "
                "a squared loss, LogisticRegression or RidgeClassifier, not for "
                f"{self.estimator!r}. Take method='weighted', with noise='anchors' or "
                "the rates."
            )
        if isinstance(surrogate.learner, L1Learner):
            raise ValueError(
                "The corrected loss is minimised with a squared penalty, and that of "
                f"{self.estimator!r} has absolute values. Set l1_ratio=0."
            )
        if surrogate.class_weight is not None:
            raise ValueError(
                "With class_weight a wrong label is weighted as one of the wrong "
                "class, and its loss cannot be corrected. Set class_weight=None."
            )
        return surrogate

    def _fit_weighted(self, matrix, X, y, trusted, params):
        """Fit a clone on weighted rows."""
        difference = matrix[1, 0] - matrix[0, 1]
        weights = np.where(y == self.classes_[1], 1 + difference, 1 - difference)
        weights = np.where(trusted, 1.0, weights)
        if "sample_weight" in params:
            weights = weights * params["sample_weight"]
        elif (weights == 1).all():
            return clone(self.estimator).fit(X, y, **params)
        return clone(self.estimator).fit(X, y, **params | {"sample_weight": weights})

    def _filter_input_tags(self):
        """Accept what the estimator does: nothing else reads the features."""
        return InputTags(sparse=True, allow_nan=True)

    def __sklearn_tags__(self):
        """Weights are for two classes."""
        tags = super().__sklearn_tags__()
        if self.method == "weighted":
            tags.classifier_tags.multi_class = False
        return tags


def _optimum(learner, rows, start):
    """Find the weights of least objective, and say in how many steps.

    Soft labels beyond 0 and 1 reward scores without end: where classes are far apart,
    the penalty alone ends them, and so far out that curvature is lost in rounding. So
    Newton's method is for the squared loss only, and others are descended.
    """
    if isinstance(learner.loss, Squared):
        optimum = minimise(learner, rows)
        return optimum.W, optimum.n_iter

    def objective(w):
        point = learner.at(w.reshape(start.shape), rows)
        return point.objective(), point.gradient().ravel()

    found = optimize.minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_ITER, "gtol": 1e-8, "ftol": 1e-13, "maxls": 50},
    )
    point = learner.at(found.x.reshape(start.shape), rows)
    error = np.linalg.norm(point.gradient()) / point.gradient_scale()
    if error > GOOD_ENOUGH:
        warnings.warn(
            f"The corrected loss is not at its minimum after {found.nit} steps: its "
            f"relative gradient is {error:.1e}. Scale the features, or give the "
            "estimator a stronger penalty.",
            ConvergenceWarning,
            stacklevel=6,
        )
    return point.W, found.nit


def _corrected(matrix, codes, trusted):
    """Give each row its weights of all labels: rows of the inverse matrix."""
    n_classes = matrix.shape[0]
    right, corrected = np.eye(n_classes)[codes], np.linalg.inv(matrix)[codes]
    return np.where(trusted[:, np.newaxis], right, corrected)


def _shares(corrected, weights):
    """Estimate how many rows are truly of each class."""
    return weights @ corrected / weights.sum()


def _left_out(estimator, X, y, params, train, test):
    """Fit an estimator on some rows, and give the probabilities of others."""
    params = _check_method_params(X, params, indices=train)
    estimator.fit(take_rows(X, train), y[train], **params)
    return estimator.predict_proba(take_rows(X, test))


def _takes_weights(estimator):
    """Say whether an estimator takes sample weights, as far as can be seen."""
    return _routing_enabled() or has_fit_parameter(estimator, "sample_weight")
