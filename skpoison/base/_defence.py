"""Base class of all defences."""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    _fit_context,
    clone,
    is_classifier,
)
from sklearn.utils import (
    ClassifierTags,
    InputTags,
    RegressorTags,
    column_or_1d,
    get_tags,
)
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    validate_data,
)

from skpoison.base._missing_values import explain_missing
from skpoison.utils._callbacks import CallbackSupportMixin, with_callbacks
from skpoison.utils._containers import canonical, is_frame, is_text
from skpoison.utils._targets import check_labels, check_responses
from skpoison.utils._texts import listed, shown
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._validation import (
    InstanceWith,
    any_features,
    check_is_collected,
    check_trusted,
    forget_fit,
    numeric_features,
    record_features,
    refused_na,
)
from skpoison.utils._weights import fit_weighted, takes_weights, without_weights


@dataclass(frozen=True)
class CheckedRows:
    """Training rows as `BaseDefence._check_rows` returns them.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The features. A dataframe is still the user's own.
    y : ndarray of shape (n_samples,)
        The labels, or the responses as floats.
    present : ndarray of shape (n_samples,) of bool
        Which rows have a weight other than 0.
    trusted : ndarray of shape (n_samples,) of bool
        Which rows are known to be clean.
    sample_weight : ndarray of shape (n_samples,) or None
        Their weights.
    """

    X: Any
    y: np.ndarray
    present: np.ndarray
    trusted: np.ndarray
    sample_weight: np.ndarray | None


class BaseDefence(
    CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base class of all defences.

    A subclass has `estimator` as the first parameter of its constructor and implements
    `_fit_estimator`. The base class checks the data, leaves out rows of weight 0,
    routes metadata, and limits BLAS to one thread if the data are small.

    It does not fix the task: the defence is a classifier or a regressor as its
    estimator is one. A subclass for one task only sets the class attribute
    `_required_estimator_type` to "classifier" or "regressor".

    Nor does it fix how the defence predicts. One that fits a single `estimator_` also
    derives from :class:`PredictsByEstimatorMixin`. One that votes writes `predict`
    itself and takes `score` from scikit-learn's ``ClassifierMixin`` or
    ``RegressorMixin``.

    Attributes
    ----------
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are. To be set by `_fit_estimator`.
    classes_ : ndarray of shape (n_classes,)
        The class labels of the rows whose weight is not 0. Only for classification.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    BaseRowFilter : Base class of the defences that score rows.
    PredictsByEstimatorMixin : Mixin of the defences that fit a single estimator.
    skpoison.utils.estimator_checks.check_estimator : Run the checks that every
        defence passes on your own.

    Examples
    --------
    A defence for any task: the prediction is the median of models, each fitted on its
    own part of the rows:

    >>> import numpy as np
    >>> from sklearn.base import RegressorMixin, clone
    >>> from sklearn.linear_model import LinearRegression
    >>> from skpoison.base import BaseDefence
    >>> class MedianOfParts(RegressorMixin, BaseDefence):
    ...     def __init__(self, estimator, n_parts=3):
    ...         self.estimator = estimator
    ...         self.n_parts = n_parts
    ...
    ...     def _fit_estimator(self, X, y, *, present, trusted, params):
    ...         rows = np.flatnonzero(present)
    ...         self.models_ = [
    ...             clone(self.estimator).fit(X[part], y[part])
    ...             for part in (rows[i :: self.n_parts] for i in range(self.n_parts))
    ...         ]
    ...         self.inlier_mask_ = present
    ...
    ...     def predict(self, X):
    ...         return np.median([model.predict(X) for model in self.models_], axis=0)
    >>> X = np.arange(9.0).reshape(-1, 1)
    >>> y = X[:, 0].copy()
    >>> y[4] = 100.0  # poison, in one of the parts
    >>> defence = MedianOfParts(LinearRegression()).fit(X, y)
    >>> defence.predict([[10.0]]).round(6)
    array([10.])
    """

    _required_estimator_type: str | None = None
    # Parameters that `fit` takes for the defence itself, without metadata routing.
    _fit_params_without_routing: tuple = ()
    # What an error about responses in y suggests.
    _instead_of_labels = (
        "For regression take a defence of a regressor, such as "
        "OutlierFilteredRegressor(Ridge())."
    )

    _parameter_constraints: dict = {"estimator": [InstanceWith(["fit", "predict"])]}

    @with_callbacks
    @_fit_context(
        # The estimator given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
        """Fit the estimator with a defence against poisoned rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. A dataframe reaches the estimator as a dataframe.
        y : array-like of shape (n_samples,)
            Their labels or responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, passed on to the estimator. A row of weight 0 counts
            as absent: it is not scored, and it is not an inlier. If the estimator
            takes no weights, they must be whole numbers, or all equal: the estimator
            is fitted to so many copies of each row.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean. They are never dropped, relabelled or weighted
            down.
        **fit_params : dict
            Passed on to the `fit` of the estimator by metadata routing.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X or y is invalid, if `trusted` is not a boolean mask over the rows, if
            the estimator is not of the type that the defence needs, or if
            the estimator takes no weights and `sample_weight` cannot be numbers of
            copies of the rows.
        """
        routed = fit_params.keys() - set(self._fit_params_without_routing)
        _raise_for_params({name: fit_params[name] for name in routed}, self, "fit")
        forget_fit(self)
        rows = self._check_rows(X, y, sample_weight, trusted)
        params = self._fit_params(fit_params, rows, trusted)
        # Numbers that underflow are 0.
        try:
            with limit_blas_threads(rows.X), np.errstate(under="ignore"):
                self._fit_estimator(
                    rows.X,
                    rows.y,
                    present=rows.present,
                    trusted=rows.trusted,
                    params=params,
                )
        finally:
            self._end_fit()
        return self

    @abstractmethod
    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Fit one or more clones of `estimator` and set `inlier_mask_`.

        Parameters
        ----------
        X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
            The training rows. A dataframe is passed on as it is, for estimators that
            read its columns by name.
        y : ndarray of shape (n_samples,)
            Their labels, or their responses as floats.
        present : ndarray of shape (n_samples,) of bool
            Which rows count: those of weight 0 do not.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.
        params : dict
            Metadata for the `fit` of the estimator, with an entry for every row of X.
            `_fit_clone` deals with them.
        """

    def _end_fit(self):
        """Forget what a subclass has stored of the data for the time of the fit."""

    def _fit_clone(self, X, y, params):
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
            The rows to fit it to.
        y : ndarray of shape (n_samples,)
            Their labels or responses.
        params : dict
            Metadata with an entry for each of these rows. Sample weights that the
            estimator does not take are numbers of copies.

        Returns
        -------
        estimator : estimator
            The fitted clone.
        """
        return fit_weighted(clone(self.estimator), X, y, params)

    def _check_rows(self, X, y, sample_weight=None, trusted=None, *, reset=True):
        """Check training rows.

        Parameters
        ----------
        X, y, sample_weight, trusted
            As in `fit`.
        reset : bool, default=True
            Whether to set `n_features_in_`, `feature_names_in_` and `classes_`, or to
            compare the rows with them.

        Returns
        -------
        rows : CheckedRows
        """
        self._check_estimator_type()
        check_is_collected(X)
        if self._reads_features() and is_text(X):
            numeric_features(self, X)  # raises the error that says what to do
        if is_frame(X) or not self._reads_features():
            X = any_features(self, X)
            record_features(self, X, reset=reset)
        else:
            with explain_missing(self), refused_na("X"):
                X = validate_data(
                    self,
                    canonical(X),
                    accept_sparse="csr",
                    ensure_all_finite=self._ensure_all_finite(),
                    reset=reset,
                )
        y = self._check_target(y)
        check_consistent_length(X, y)
        mask = check_trusted(trusted, X)
        present = np.ones(y.shape[0], dtype=bool)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            present = sample_weight != 0
            if not present.any():
                raise ValueError(
                    "sample_weight must be other than 0 for at least one row; got 0 "
                    "for each. Leave it out to count all rows alike."
                )
        self._check_classes(y[present], reset)
        return CheckedRows(X, y, present, mask, sample_weight)

    def _check_estimator_type(self):
        """Raise if the estimator does not solve the task of this defence."""
        own, inner = (get_tags(each).estimator_type for each in (self, self.estimator))
        if own != inner or own not in ("classifier", "regressor"):
            needed = own if own in ("classifier", "regressor") else None
            others = {
                "classifier": " For regression take OutlierFilteredRegressor.",
                "regressor": " For classification take OutlierFilteredClassifier.",
            }
            raise ValueError(
                f"estimator must be a {needed or 'classifier or a regressor'} for "
                f"{type(self).__name__}; got {shown(self.estimator)}."
                f"{others.get(needed, '')}"
            )

    def _check_target(self, y):
        """Return labels or responses as an array of one dimension."""
        if not is_classifier(self):
            return check_responses(self, y, warn=True)
        y = check_labels(self, y)
        if type_of_target(y).startswith("multilabel"):
            raise ValueError(
                "Multilabel and multioutput targets are not supported. Put "
                f"MultiOutputClassifier around {type(self).__name__}, which fits one "
                "defence for each output."
            )
        return column_or_1d(y, warn=True)

    def _check_classes(self, y, reset):
        """Set `classes_`, or raise if y has others."""
        if not is_classifier(self):
            return
        if reset:
            self.classes_ = np.unique(y)
        elif not np.isin(y, self.classes_).all():
            raise ValueError(
                f"y must hold labels among {listed(self.classes_)}; got "
                f"{listed(np.setdiff1d(y, self.classes_))} as well. Leave these rows "
                "out, or fit the defence with such rows."
            )

    def _instead_of_missing(self):
        """Return what to do about missing values but to fill them in, as a sentence."""
        return ""

    def _ensure_all_finite(self):
        """Return the argument of this name for `check_array`.

        What the estimator does not accept, it refuses itself.
        """
        return "allow-nan" if self._filter_input_tags().allow_nan else True

    def _filter_input_tags(self):
        """Return what the defence accepts as X, whatever the estimator accepts."""
        return InputTags(sparse=True)

    def _reads_features(self):
        """Return whether the defence itself computes with X.

        If not, X is not checked: the estimators that it is passed on to do that, and
        what they accept (missing values, words, a dataframe by its names) is accepted.
        """
        return True

    def _fit_params(self, fit_params, rows, trusted):
        """Collect the metadata for the `fit` of the estimator."""
        sample_weight = rows.sample_weight
        if _routing_enabled():
            own = {"sample_weight": sample_weight, "trusted": trusted}
            fit_params |= {k: v for k, v in own.items() if v is not None}
            return process_routing(self, "fit", **fit_params)["estimator"]["fit"]
        if sample_weight is None:
            return {}
        present = sample_weight[sample_weight != 0]
        if not self._estimator_takes_weights():
            if (present == present[0]).all():
                return {}
            odd = present[(present < 0) | (present != np.rint(present))]
            if odd.size:
                raise ValueError(
                    "sample_weight must hold whole numbers, numbers of copies of the "
                    f"rows, for an estimator that takes no weights in its fit, such as "
                    f"{type(self.estimator).__name__}; got {odd[0]:.6g}. Fit without "
                    f"weights{without_weights(self.estimator)}."
                )
        return {"sample_weight": sample_weight}

    def _estimator_takes_weights(self):
        """Return whether the estimator accepts `sample_weight`, as far as is known.

        With metadata routing a Pipeline accepts weights without a parameter of that
        name, and raises itself if none of its steps asks for them.
        """
        return takes_weights(self.estimator)

    def _method_mapping(self):
        """Return which methods but `fit` pass metadata on, and to which method."""
        return MethodMapping()

    def get_metadata_routing(self):
        """Return the metadata routing.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = self._method_mapping().add(caller="fit", callee="fit")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=mapping)
        )

    def __sklearn_tags__(self):
        """Return the tags: the task of the estimator, and what both accept as X."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        own = self._filter_input_tags()
        for kind in ("sparse", "allow_nan"):
            both = getattr(inner.input_tags, kind) and getattr(own, kind)
            setattr(tags.input_tags, kind, both)
        tags.estimator_type = self._required_estimator_type or inner.estimator_type
        tags.target_tags.required = True
        tags.target_tags.positive_only = inner.target_tags.positive_only
        if tags.estimator_type == "classifier":
            tags.classifier_tags = ClassifierTags()
            if inner.classifier_tags is not None:
                tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
                tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        elif tags.estimator_type == "regressor":
            tags.regressor_tags = RegressorTags()
            if inner.regressor_tags is not None:
                tags.regressor_tags.poor_score = inner.regressor_tags.poor_score
        return tags
