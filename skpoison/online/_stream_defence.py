"""Base classes of the defences of a stream."""

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import _check_method_params, _num_samples

from skpoison.base import BaseDefence, PredictsByEstimatorMixin
from skpoison.base._defence import CheckedRows
from skpoison.online._leverage import squared_norms
from skpoison.utils._containers import is_frame, take_rows
from skpoison.utils._texts import listed, shown
from skpoison.utils._validation import check_squares, forget_fit
from skpoison.utils._warnings import warn_user
from skpoison.utils._weights import without_weights

# Rows that `fit` judges at once, as one call of partial_fit.
BATCH = 10


class StreamRowsMixin:
    """Mixin of defences with `partial_fit`: checks the rows of a call."""

    _required_estimator_type = "classifier"
    _instead_of_labels = "Responses have no probabilities."

    def __sklearn_is_fitted__(self):
        """Return whether there is a learner that has learnt rows."""
        return hasattr(self, "estimator_") or hasattr(self, "estimators_")

    @contextmanager
    def _whole_call(self):
        """Be as unfitted as before if the first call of `partial_fit` fails."""
        if self.__sklearn_is_fitted__():
            yield
            return
        forget_fit(self)  # what a fit that failed has left
        before = set(vars(self))
        try:
            yield
        except BaseException:
            for name in set(vars(self)) - before:
                delattr(self, name)
            raise

    def _check_call(self, X, y, classes, sample_weight, trusted):
        """Check the rows of a call of `partial_fit`.

        Returns
        -------
        rows : CheckedRows
        is_first : bool
            Whether it is the first call.
        """
        is_first = not self.__sklearn_is_fitted__()
        if is_first:
            _check_partial_fit_first_call(self, classes)
        given = self.classes_ if classes is None else np.unique(classes)
        if not np.array_equal(given, self.classes_):
            raise ValueError(
                f"`classes` must be those of the first call, {listed(self.classes_)}; "
                f"got {listed(given)}."
            )
        known = self.classes_
        rows = self._check_rows(X, y, sample_weight, trusted, reset=is_first)
        self.classes_ = known
        self._check_classes(rows.y, reset=False)
        if not is_frame(rows.X):
            check_squares(rows.X)
        return rows, is_first

    def _check_rows(self, X, y, sample_weight=None, trusted=None, *, reset=True):
        rows = super()._check_rows(X, y, sample_weight, trusted, reset=reset)
        if sparse.issparse(rows.X) and rows.X.indices.dtype == np.int64:
            # Learners by stochastic gradient descent refuse indices of 64 bits.
            short = rows.X.copy()
            short.indices = short.indices.astype(np.int32)
            short.indptr = short.indptr.astype(np.int32)
            return replace(rows, X=short)
        return rows

    def _check_rows_of_trusted(self, X_trusted, y_trusted):
        """Return trusted rows given beside those of a call, checked, or None."""
        if (X_trusted is None) != (y_trusted is None):
            missing, given = ("y_trusted", "X_trusted")[
                :: 1 if y_trusted is None else -1
            ]
            raise ValueError(
                "`X_trusted` and `y_trusted` must be given together; got "
                f"`{given}` without `{missing}`."
            )
        if X_trusted is None:
            return None
        rows = self._check_rows(X_trusted, y_trusted, reset=False)
        self._check_classes(rows.y, reset=False)
        return rows

    def _check_some_trusted(self, trusted):
        """Raise if no row of a training set is trusted."""
        if not trusted.any():
            raise ValueError(
                "trusted must mark rows that are known to be clean, because "
                f"{type(self).__name__} asks them about the others; got none. Give "
                "fit(X, y, trusted=mask). In a pipeline or in cross-validation, enable "
                "metadata routing and call set_fit_request(trusted=True) on the "
                "defence. Without such rows take RejectionClassifier."
            )


def learn(learner, X, y, *, classes=None, sample_weight=None, trusted=None):
    """Let a learner learn from rows by its `partial_fit`.

    Parameters
    ----------
    learner : classifier
        Has `partial_fit`.
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    classes : ndarray of shape (n_classes,), default=None
        The classes, for the first call.
    sample_weight : ndarray of shape (n_samples,), default=None
        Their weights.
    trusted : ndarray of shape (n_samples,) of bool, default=None
        Which rows are known to be clean, for a learner that asks for that: a defence
        inside another one.
    """
    params = {"classes": classes, "sample_weight": sample_weight}
    if trusted is not None and trusted.any() and takes_trusted(learner):
        params["trusted"] = trusted
    given = {name: value for name, value in params.items() if value is not None}
    learner.partial_fit(X, y, **given)


def takes_trusted(learner):
    """Return whether a learner asks which rows are known to be clean."""
    return "trusted" in signature(learner.partial_fit).parameters


def trusted_for_fit(learner, trusted):
    """Return what the `fit` of a learner is told of trusted rows, without routing.

    Parameters
    ----------
    learner : classifier
        The learner.
    trusted : ndarray of shape (n_samples,) of bool
        Which rows are known to be clean.

    Returns
    -------
    params : dict
        With `trusted`, if some are and the learner asks for them.
    """
    asks = "trusted" in signature(learner.fit).parameters
    return {"trusted": trusted} if asks and trusted.any() else {}


class BaseStreamDefence(StreamRowsMixin, PredictsByEstimatorMixin, BaseDefence):
    """Base class of defences that give each row of a stream a weight.

    A subclass implements `_start` and `_weigh`, and calls `_partial_fit` in its
    `partial_fit`.
    """

    @abstractmethod
    def _start(self):
        """Forget all that was seen, before the first row of a stream."""

    @abstractmethod
    def _weigh(self, learner, rows, *, is_first, more):
        """Judge rows.

        Parameters
        ----------
        learner : classifier
            The learner, before it learns from them.
        rows : CheckedRows
            The rows.
        is_first : bool
            Whether it has learnt nothing yet.
        more : CheckedRows or None
            Trusted rows given beside them, which are not learnt.

        Returns
        -------
        weights : ndarray of shape (n_samples,)
            The weight of each row, 0 to 1; 1 for rows that are not present.
        inliers : ndarray of shape (n_samples,) of bool
            Which of the rows that are present are not suspicious.
        """

    def _has_learnt(self, learner, rows, *, is_first, more):
        """Take note of rows after they were learnt from."""

    def _partial_fit(
        self, X, y, classes, sample_weight, trusted, X_trusted=None, y_trusted=None
    ):
        """Check, judge and learn the rows of a call."""
        self._check_learner()
        with self._whole_call():
            rows, is_first = self._check_call(X, y, classes, sample_weight, trusted)
            more = self._check_rows_of_trusted(X_trusted, y_trusted)
            if is_first:
                self.estimator_ = clone(self.estimator)
                self._start()
            self._learn(self.estimator_, rows, is_first=is_first, more=more)
        return self

    def _learn(self, learner, rows, *, is_first, more=None):
        """Judge checked rows, and let a learner learn from them."""
        weights, self.inlier_mask_ = self._weigh(
            learner, rows, is_first=is_first, more=more
        )
        if rows.sample_weight is not None:
            weights = weights * rows.sample_weight
        self.sample_weight_ = weights
        kept = np.flatnonzero(weights)
        if kept.size or is_first:
            has_weights = rows.sample_weight is not None or (weights[kept] != 1).any()
            learn(
                learner,
                take_rows(rows.X, kept),
                rows.y[kept],
                classes=self.classes_ if is_first else None,
                sample_weight=weights[kept] if has_weights else None,
                trusted=rows.trusted[kept],
            )
        self._has_learnt(learner, rows, is_first=is_first, more=more)

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Let the rows pass as a stream, and fit the estimator to what is believed."""
        self._check_learner()
        learner = clone(self.estimator)
        self._start()
        given = params.get("sample_weight")
        positions, weights = np.flatnonzero(present), np.zeros(y.shape[0])
        inliers = np.zeros(y.shape[0], dtype=bool)
        for first in range(0, positions.shape[0], BATCH):
            batch = positions[first : first + BATCH]
            rows = CheckedRows(
                take_rows(X, batch),
                y[batch],
                np.ones(batch.shape[0], dtype=bool),
                trusted[batch],
                None if given is None else np.asarray(given)[batch],
            )
            if not is_frame(X):
                check_squares(rows.X)
            self._learn(learner, rows, is_first=first == 0)
            weights[batch], inliers[batch] = self.sample_weight_, self.inlier_mask_
        rescued = self._rescued(y, weights, present, given)
        self.inlier_mask_ = inliers | rescued
        self.sample_weight_ = weights
        kept = np.flatnonzero(weights)
        params = _check_method_params(X, params, indices=kept)
        if given is not None or (weights[kept] != 1).any():
            params["sample_weight"] = weights[kept]
        self.estimator_ = self._fit_clone(take_rows(X, kept), y[kept], params)

    def _fit_params(self, fit_params, rows, trusted):
        """Collect the metadata for the `fit` of the estimator."""
        params = super()._fit_params(fit_params, rows, trusted)
        if not _routing_enabled():
            params |= trusted_for_fit(self.estimator, rows.trusted)
        return params

    def _rescued(self, y, weights, present, given):
        """Put the weights of classes that would be lost back; return of which rows."""
        left = np.unique(y[weights != 0])
        lost = np.setdiff1d(y[present], left)
        back = np.isin(y, lost) & present
        if lost.size:
            warn_user(
                f"{type(self).__name__} keeps suspicious rows as they are: otherwise "
                f"no row of {listed(lost)} would be left. Mark rows known to be clean "
                f"as trusted, or {self._how_to_reject_less}."
            )
            weights[back] = 1.0 if given is None else np.asarray(given)[back]
        return back

    def _check_learner(self):
        """Raise if the estimator lacks what the defence needs."""
        check_methods(self.estimator, "estimator", type(self).__name__)
        needing = "action='weigh'" if self.action == "weigh" else None
        if self._largest_leverage() is not None:
            needing = needing or f"max_leverage={self.max_leverage}"
        if needing is None or _routing_enabled():
            return
        if "sample_weight" not in signature(self.estimator.partial_fit).parameters:
            raise ValueError(
                f"{needing} needs an estimator that takes sample_weight in its "
                f"partial_fit; {type(self.estimator).__name__} does not. Use "
                f"action='drop'{without_weights(self.estimator)} and leave "
                "`max_leverage` as it is."
            )

    def _largest_leverage(self):
        """Return how far out a row may lie to be learnt in full, or None."""
        if isinstance(self.max_leverage, str):
            inner = self.estimator
            if isinstance(inner, BaseStreamDefence) and inner._largest_leverage():
                return None  # the defence inside has its limit
            return 1.0 if self.action == "weigh" else None
        # Numbers of NumPy may be too short to add up.
        return None if self.max_leverage is None else float(self.max_leverage)

    def _norms(self, X):
        """Return the squared norms of rows; ones if they do not count."""
        if self._largest_leverage() is None:
            return np.ones(_num_samples(X))
        try:
            return squared_norms(X)
        except (TypeError, ValueError):
            raise ValueError(
                "`max_leverage` must be None for rows that are not numbers, which have "
                "no length. Or encode the columns, for instance with OneHotEncoder."
            ) from None


def check_methods(estimator, parameter, name):
    """Raise if a learner has no `partial_fit`, or no probabilities.

    Parameters
    ----------
    estimator : object
        The learner.
    parameter : str
        The parameter that it stands in.
    name : str
        The defence.

    Raises
    ------
    ValueError
        If it lacks a method.
    """
    for method in ("partial_fit", "predict_proba"):
        if not hasattr(estimator, method):
            raise ValueError(
                f"`{parameter}` must have {method} for {name}; got "
                f"{shown(estimator)}. Take SGDClassifier(loss='log_loss'), for example."
            )


def check_pairs(pairs):
    """Raise if the learners of a combination are not given with names.

    Parameters
    ----------
    pairs : object
        What was given.

    Raises
    ------
    ValueError
        If it is no list of pairs of a name and a learner.
    """
    is_list = bool(pairs) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    )
    if not is_list:
        raise ValueError(
            "`estimators` must be a list of pairs of a name and a classifier, at "
            f"least one; got {shown(pairs)}. Write [('fast', SGDClassifier(...)), "
            "('slow', SGDClassifier(...))]."
        )
