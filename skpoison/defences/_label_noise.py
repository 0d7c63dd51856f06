"""Classification with labels that are wrong at random."""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import InputTags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import BaseDefence, PredictsByEstimatorMixin
from skpoison.base._overruled_share import overruled_share
from skpoison.defences._corrected_loss import (
    LabelledRows,
    correctable_problem,
    fit_corrected,
)
from skpoison.defences._folds import classes_to_judge
from skpoison.defences._noise_model import matrix_at_anchors, matrix_by_likelihood
from skpoison.defences._noise_ways import way_out
from skpoison.defences._out_of_fold import JudgesOutOfFoldMixin
from skpoison.defences._reweighting import noise_weights
from skpoison.defences._transition_matrix import as_transition_matrix, wrong_shares
from skpoison.utils._callbacks import Progress
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import shown
from skpoison.utils._validation import check_default


class NoisyLabelClassifier(JudgesOutOfFoldMixin, PredictsByEstimatorMixin, BaseDefence):
    """Fit a classifier with a model of labels that are wrong at random.

    The labels of each class are assumed to be wrong at a rate of its own, whatever the
    row. No row is dropped or relabelled: the loss of each allows for the chance that
    its label is wrong.

    Parameters
    ----------
    estimator : classifier
        What is fitted. With ``method="unbiased"`` it minimises a logistic or a squared
        loss with a squared penalty:
        :class:`~sklearn.linear_model.LogisticRegression`,
        :class:`~sklearn.linear_model.RidgeClassifier`, or an estimator that is
        registered with :func:`~skpoison.surrogates.as_training_problem`; without class
        weights. With ``method="weighted"`` any that takes sample weights.
    method : {"unbiased", "weighted"}, default="unbiased"
        "unbiased": each row gets the loss whose expectation over wrong labels is that
        of the true label. The clone of the estimator gets the coefficients that
        minimise it. "weighted", for two classes: the rows of each class are weighted
        such that the decision changes where it would with the true labels.
    noise : {"cv", "anchors"}, float, dict or array-like, default="cv"
        How often the labels of each class are wrong.

        - float: the rate of every class, in favour of all others alike;
        - dict: the rate of each class, 0 for classes that are not in it;
        - array-like of shape (n_classes, n_classes): in row i and column j the
          probability that a label is seen as `classes_[j]` if it is `classes_[i]`;
        - "anchors": estimated from out-of-fold probabilities of the estimator, at the
          rows where each class is the most probable. All their labels are assumed to
          be of that class, and the others to be noise;
        - "cv": the rates among 0, 0.1, 0.2, 0.3 and 0.4 under which the labels of rows
          left out are the most likely; for two classes one rate each, for more the
          same for all. The estimator must have `predict_proba` and a loss that can be
          corrected, as :class:`~sklearn.linear_model.LogisticRegression`.
    cv : int or splitter, default=5
        Number of stratified folds; at most the number of rows of the largest class. Or
        a splitter of scikit-learn: one that keeps groups together
        (:class:`~sklearn.model_selection.GroupKFold`; give
        ``fit(X, y, groups=groups)``), or rows in order of time
        (:class:`~sklearn.model_selection.TimeSeriesSplit`). Folds whose
        training rows lack a class are left out.
        Only for "cv" and "anchors": if the rates are given, it must have its default.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, of `cv` if it has none, and of an estimator without a seed
        that is fitted on them.
        Nothing is random if the rates are given.
    n_jobs : int, default=None
        Number of folds in parallel.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of `estimator`.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        The probability that a label is seen as `classes_[j]` if it is `classes_[i]`.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of the labels of each class that are wrong according to the transition
        matrix; those of trusted rows are right. `fit` warns if it is significantly more
        than one half.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        True for every row of a weight that is not 0: none is dropped.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    ConfidentLearningClassifier : Looks for the rows whose labels are wrong.

    Notes
    -----
    The two methods are Lemma 1 and Theorem 9 of [1]_, with weights that are 1 if both
    rates are equal; the matrix for more classes is that of [2]_. Labels of trusted
    rows are assumed to be right: these rows keep their loss and their weight. The only
    row of a class cannot be left out: its label counts as right where rates are
    estimated, with a warning, and those of the other classes are estimated without it.

    The wrong labels of an attacker are not wrong at random. If they choose the rows,
    this helps less than against as many random flips.

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
        "cv": [*JudgesOutOfFoldMixin._cv_constraints],
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
        n_classes = self.classes_.shape[0]
        is_corrected = self.method == "unbiased"
        self._check_method(n_classes)
        self.inlier_mask_ = present
        codes = np.searchsorted(self.classes_, y).clip(max=n_classes - 1)
        rows = LabelledRows(X, y, codes, trusted, params).take(np.flatnonzero(present))
        if n_classes < 2:
            # Nothing can be mistaken for another class.
            self.transition_matrix_, self.overruled_share_ = (
                np.ones((1, 1)),
                np.zeros(1),
            )
            self.estimator_ = rows.fit(clone(self.estimator))
            return
        fit = self._fit_corrected if is_corrected else self._fit_weighted
        self.transition_matrix_ = self._find_noise(rows)
        self.overruled_share_ = self._wrong_share(rows)
        self.estimator_ = fit(self.transition_matrix_, rows)

    def _check_method(self, n_classes):
        """Raise if the method does not suit the classes or the estimator."""
        if self.method == "weighted" and n_classes > 2:
            raise ValueError(
                "Only binary classification is supported by method='weighted'. The "
                f"type of the target is multiclass: {n_classes} classes. "
                f"{way_out(self.estimator, n_classes)}"
            )
        if self.method == "weighted" and not self._estimator_takes_weights():
            raise ValueError(
                "method='weighted' needs an estimator that takes sample_weight in its "
                f"fit; {type(self.estimator).__name__} does not. "
                f"{way_out(self.estimator, n_classes)}"
            )

    def _find_noise(self, rows):
        """Return the transition matrix that is given, or estimate it."""
        n_classes = self.classes_.shape[0]
        if not isinstance(self.noise, str):
            check_default(self, "if the rates of noise are given", cv=5)
            return as_transition_matrix(self.noise, self.classes_)
        if self.noise == "cv":
            # Also with method="weighted" the likelihood is that of corrected fits.
            correctable_problem(self.estimator, n_classes)
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"noise={self.noise!r} needs an estimator with predict_proba, such as "
                f"LogisticRegression; got {shown(self.estimator)}. Give the rates."
            )
        judged = classes_to_judge(self, rows.codes)
        matrix = np.eye(n_classes)
        if judged.any():
            positions = np.flatnonzero(judged[rows.codes])
            rows = rows.take(positions)
            rows = replace(rows, codes=(np.cumsum(judged) - 1)[rows.codes])
            folds = self._folds_with_every_class(rows, positions)
            matrix[np.ix_(judged, judged)] = self._estimate(
                rows, self.classes_[judged], folds
            )
        return matrix

    def _folds_with_every_class(self, rows, positions):
        """Return the folds whose training rows hold every class."""
        n_classes = np.unique(rows.codes).shape[0]
        folds = [
            (train, test)
            for train, test in self._folds(rows.X, rows.codes, positions)
            if np.unique(rows.codes[train]).shape[0] == n_classes
        ]
        if not folds:
            raise ValueError(
                "cv must have a fold whose training rows hold all of the "
                f"{n_classes} classes; got {shown(self.cv)}. Use a number of folds, or "
                "give the rates of noise."
            )
        return folds

    def _estimate(self, rows, classes, folds):
        """Estimate the transition matrix of classes of two rows or more."""
        settings = classes.shape[0], rows, folds
        progress = Progress(self, "folds", len(folds), every=0)
        how = {"n_jobs": self.n_jobs, "progress": progress}
        if self.noise == "cv":
            fit = partial(fit_corrected, self.estimator, classes, owner=self)
            matrix = matrix_by_likelihood(fit, *settings, **how)
            progress.end()
            return matrix
        estimator = self.estimator
        if self.random_state is not None:
            stream = check_random_state(self.random_state)
            estimator = set_missing_seeds(estimator, stream)
        matrix = matrix_at_anchors(estimator, *settings, **how)
        progress.end()
        return matrix

    def _wrong_share(self, rows):
        """Return the share of each class that is wrong, and warn if it is most."""
        codes = rows.codes[~rows.trusted]
        seen = np.bincount(
            codes, rows.sample_weight[~rows.trusted], self.classes_.shape[0]
        )
        wrong = wrong_shares(self.transition_matrix_, seen)[rows.codes]
        return overruled_share(self, rows.codes, np.where(rows.trusted, 0.0, wrong))

    def _how_to_overrule_less(self):
        return "Give lower rates of noise, or mark rows known to be clean as trusted."

    def _fit_corrected(self, matrix, rows):
        """Fit a clone by the corrected loss."""
        return fit_corrected(self.estimator, self.classes_, matrix, rows, owner=self)

    def _fit_weighted(self, matrix, rows):
        """Fit a clone on weighted rows."""
        weights = noise_weights(matrix, rows.codes, rows.trusted)
        if "sample_weight" in rows.params or not (weights == 1).all():
            rows = replace(
                rows,
                params=rows.params | {"sample_weight": weights * rows.sample_weight},
            )
        return rows.fit(clone(self.estimator))

    def _reads_features(self):
        """Return whether the loss is corrected, or only rows are weighted."""
        return self.method == "unbiased" or self._is_by_likelihood()

    def _is_by_likelihood(self):
        return isinstance(self.noise, str) and self.noise == "cv"

    def _filter_input_tags(self):
        """Accept what the estimator accepts: nothing else reads the features."""
        return InputTags(sparse=True, allow_nan=True)

    def __sklearn_tags__(self):
        """Return the tags: weights are for two classes."""
        tags = super().__sklearn_tags__()
        if self.method == "weighted":
            tags.classifier_tags.multi_class = False
        return tags
