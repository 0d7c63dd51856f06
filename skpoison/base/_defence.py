"""What is a defence?"""

import warnings
from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
    clone,
    is_classifier,
)
from sklearn.utils import InputTags, column_or_1d, get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    check_consistent_length,
    has_fit_parameter,
    validate_data,
)

from skpoison.utils._containers import (
    is_frame,
    take_rows,
)
from skpoison.utils._delegation import PredictsByEstimatorMixin
from skpoison.utils._validation import (
    check_labels,
    check_trusted,
    numeric_features,
)


class BaseDefence(
    PredictsByEstimatorMixin,
    ClassifierMixin,
    MetaEstimatorMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of all defences.

    A subclass has `estimator` as the first parameter of its constructor and implements
    one method, `_fit_estimator`. The base class checks the data, leaves out rows of
    weight 0, routes metadata, and predicts by the clone that the subclass has fitted.
    A defence that drops or relabels rows derives from :class:`BaseSanitizedClassifier`.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are believed as they are: neither dropped nor relabelled.
    classes_ : ndarray of shape (n_classes,)
        The labels seen, of rows whose weight is not 0.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    Examples
    --------
    A defence that fits a clone on the trusted rows alone, where there are some:

    >>> import numpy as np
    >>> from sklearn.base import clone
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.base import BaseDefence
    >>> class TrustedOnly(BaseDefence):
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...
    ...     def _fit_estimator(self, X, y, *, present, trusted, params):
    ...         used = trusted if trusted.any() else present
    ...         self.estimator_ = clone(self.estimator).fit(X[used], y[used])
    ...         self.inlier_mask_ = used
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 0])
    >>> defence = TrustedOnly(LogisticRegression(C=100))
    >>> defence.fit(X, y, trusted=[True, True, True, False]).predict([[3.0]])
    array([1])
    """

    _parameter_constraints: dict = {"estimator": [HasMethods(["fit", "predict"])]}

    @_fit_context(
        # The estimator given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
        """Fit a clone of the estimator, on its guard against poison.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. A dataframe reaches the estimator as a dataframe.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, passed on to the estimator. A row of weight 0 counts
            as absent: it is not judged, and it is no inlier.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean. They are never dropped nor relabelled.
        **fit_params : dict
            Passed on to the `fit` of the estimator by metadata routing.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If `trusted` is no mask over the rows, if the estimator is no classifier,
            or if it takes no sample weights where some are given.
        """
        _raise_for_params(fit_params, self, "fit")
        X, y = self._check_data(X, y)
        mask = check_trusted(trusted, X)
        present = np.ones(y.shape[0], dtype=bool)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            present = sample_weight != 0
            if not present.any():
                raise ValueError("sample_weight is 0 for every row: nothing to fit.")
        self.classes_ = np.unique(y[present])
        params = self._fit_params(fit_params, sample_weight, trusted)
        self._fit_estimator(X, y, present=present, trusted=mask, params=params)
        return self

    @abstractmethod
    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Set `estimator_` and `inlier_mask_`.

        Parameters
        ----------
        X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : ndarray of shape (n_samples,)
            Their labels.
        present : ndarray of shape (n_samples,) of bool
            Rows that count; those of weight 0 do not.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.
        params : dict
            What the fit of the estimator gets beside X and y, of all rows.
        """

    def _check_data(self, X, y):
        """Check X and y, and set the attributes that speak of them."""
        if not is_classifier(self.estimator):
            raise ValueError(
                f"{type(self).__name__} needs a classifier as its estimator, got "
                f"{self.estimator!r}."
            )
        if is_frame(X):
            validate_data(self, X, skip_check_array=True)
        else:
            X = validate_data(
                self, X, accept_sparse="csr", ensure_all_finite=self._finite()
            )
        y = check_labels(self, y)
        if type_of_target(y).startswith("multilabel"):
            raise ValueError("Multilabel and multioutput targets are not supported.")
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        return X, y

    def _finite(self):
        return "allow-nan" if get_tags(self).input_tags.allow_nan else True

    def _judge_input_tags(self):
        """Say what the judgement itself accepts as X: here, what everybody does."""
        return InputTags(sparse=True)

    def _fit_params(self, fit_params, sample_weight, trusted):
        """Collect what the fit of the estimator gets beside X and y."""
        if _routing_enabled():
            own = {"sample_weight": sample_weight, "trusted": trusted}
            fit_params |= {k: v for k, v in own.items() if v is not None}
            return process_routing(self, "fit", **fit_params)["estimator"]["fit"]
        if sample_weight is None:
            return {}
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"{type(self.estimator).__name__} takes no sample_weight in its fit. "
                "Fit without weights; in a Pipeline, enable metadata routing."
            )
        return {"sample_weight": sample_weight}

    def get_metadata_routing(self):
        """Say where metadata go.

        Returns
        -------
        routing : MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self):
        """Accept what both the estimator and the judgement accept."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        judge = self._judge_input_tags()
        for kind in ("sparse", "allow_nan"):
            both = getattr(inner.input_tags, kind) and getattr(judge, kind)
            setattr(tags.input_tags, kind, both)
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        return tags


class BaseSanitizedClassifier(BaseDefence):
    """Base class of all defences that judge the rows of a training set.

    A subclass has `estimator` as the first parameter of its constructor and implements
    one method, `_judge`. The base class checks the data, sees to it that no trusted row
    is touched and no class is lost, and fits a clone of the estimator on the rows
    that are left.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are believed as they are: neither dropped nor relabelled.
    classes_ : ndarray of shape (n_classes,)
        The labels seen, of rows whose weight is not 0.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.
    """

    _relabels = False

    @abstractmethod
    def _judge(self, X, y, *, trusted):
        """Say for each row which label to believe.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows, numeric.
        y : ndarray of shape (n_samples,) of int
            Their labels as positions in `classes_`.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.

        Returns
        -------
        verdict : ndarray of shape (n_samples,) of int
            The label believed, or -1 for a row to be dropped. What it says of trusted
            rows is not listened to.
        """

    def _verdict(self, X, codes, trusted):
        """Judge the rows, and keep what every defence must keep."""
        numbers = numeric_features(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite=self._finite(),
        )
        verdict = np.where(trusted, codes, self._judge(numbers, codes, trusted=trusted))
        rescued = np.zeros_like(codes, dtype=bool)
        # To rescue the rows of one class can take another its last ones.
        while (lost := np.setdiff1d(codes, verdict)).size:
            rescued |= np.isin(codes, lost)
            verdict[rescued] = codes[rescued]
        if rescued.any():
            classes = self.classes_[np.unique(codes[rescued])].tolist()
            warnings.warn(
                f"{type(self).__name__} finds no row to believe in of {classes}; so "
                "that no class is lost, their rows are kept as they are. Mark some of "
                "them as trusted.",
                UserWarning,
                stacklevel=5,
            )
        return verdict

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Judge the rows, then fit the estimator on what is believed."""
        codes = np.searchsorted(self.classes_, y[present])
        verdict = np.full(y.shape[0], -1)
        verdict[present] = self._verdict(_rows_of(X, present), codes, trusted[present])
        self.inlier_mask_ = np.zeros(y.shape[0], dtype=bool)
        self.inlier_mask_[present] = verdict[present] == codes
        kept = verdict >= 0
        y_sanitized = y.copy()
        y_sanitized[kept] = self.classes_[verdict[kept]]
        if self._relabels:
            self.y_sanitized_ = y_sanitized
        elif hasattr(self, "y_sanitized_"):
            del self.y_sanitized_  # of a fit with other parameters
        self.estimator_ = clone(self.estimator).fit(
            _rows_of(X, kept),
            y_sanitized[kept],
            **_check_method_params(X, params, indices=np.flatnonzero(kept)),
        )


def _rows_of(X, mask):
    """Take the rows in a mask; X itself, and no copy of it, where that is all."""
    return X if mask.all() else take_rows(X, np.flatnonzero(mask))
