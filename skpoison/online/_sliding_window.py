"""A row filter on a sliding window of a stream."""

from numbers import Integral

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.utils._param_validation import Interval

from skpoison.base import BaseDefence, BaseRowFilter, PredictsByEstimatorMixin
from skpoison.online._row_memory import RowMemory
from skpoison.online._stream_defence import StreamRowsMixin, learn
from skpoison.utils._containers import take_rows
from skpoison.utils._texts import shown
from skpoison.utils._validation import Described


class SlidingWindowClassifier(StreamRowsMixin, PredictsByEstimatorMixin, BaseDefence):
    """Learn from a stream what a filter keeps of its newest rows.

    New rows wait until there are `every` of them. Then the filter judges the newest
    `window` rows of the stream together, and the learner learns those of the new ones
    that it keeps, with the labels and the weights that it gives them.

    Parameters
    ----------
    estimator : BaseRowFilter
        A filter of :mod:`skpoison.defences` around a classifier with `partial_fit`,
        such as ``OutlierFilteredClassifier(SGDClassifier("log_loss"))``.
    window : int, default=300
        How many rows are judged together.
    every : int, default=20
        How many new rows are waited for. Those of the first call are learnt at once.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of the classifier in the filter.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows of the last call were not found suspicious. Those that still wait are
        not.
    verdicts_ : ndarray of shape (n_judged,) of bool
        The same for all rows that the last call of `partial_fit` judged: the newest of
        the stream, those of earlier calls that waited first. Empty if all wait.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    TrustedStepClassifier : Asks what a row does to the learner, not how it looks.
    RejectionClassifier : Asks the learner how probable the label of a row is.

    Notes
    -----
    Each row is judged once. To learn rows at once and to learn the window anew after
    each verdict was tried as well: under attack it kept less of the accuracy, because
    poison counts until it is judged. Where labels drift fast the wait costs accuracy.

    `fit` fits the filter to all rows, as without this class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import SGDClassifier
    >>> from skpoison.defences import OutlierFilteredClassifier
    >>> from skpoison.online import SlidingWindowClassifier
    >>> rng = np.random.RandomState(0)
    >>> y = rng.randint(2, size=400)
    >>> X = rng.normal(size=(400, 2)) + 3 * y[:, np.newaxis]
    >>> row_filter = OutlierFilteredClassifier(
    ...     SGDClassifier("log_loss", random_state=0)
    ... )
    >>> defence = SlidingWindowClassifier(row_filter, every=5)
    >>> trusted = np.arange(400) < 100
    >>> defence = defence.partial_fit(X, y, classes=[0, 1], trusted=trusted)
    >>> X_new = [[0.0, 0.0], [3.0, 3.0], [9.0, 9.0], [3.0, 3.5], [0.0, 1.0]]
    >>> defence.partial_fit(X_new, [0, 1, 0, 1, 0]).inlier_mask_
    array([ True,  True, False,  True,  True])
    """

    _parameter_constraints: dict = {
        "estimator": [
            Described(
                BaseRowFilter,
                "a filter of skpoison.defences around a classifier (an instance)",
            )
        ],
        "window": [Interval(Integral, 2, None, closed="left")],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, estimator, *, window=300, every=20):
        self.estimator = estimator
        self.window = window
        self.every = every

    @_fit_context(
        # The filter given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def partial_fit(self, X, y, classes=None, sample_weight=None, *, trusted=None):
        """Let new rows wait, or judge them and learn what the filter keeps.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, which are multiplied by those that the filter gives
            them. The filter judges all rows alike; a row of weight 0 counts as absent.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean, for the filter.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the rows are invalid, if `classes` are missing in the first call, if a
            label is not among them, or if the classifier has no `partial_fit`.
        """
        inner = self.estimator.estimator
        if not (is_classifier(inner) and hasattr(inner, "partial_fit")):
            raise ValueError(
                "`estimator` must be a filter around a classifier with partial_fit for "
                f"{type(self).__name__}; got {shown(inner)} inside. Take "
                "SGDClassifier(loss='log_loss'), for example."
            )
        with self._whole_call():
            rows, is_first = self._check_call(X, y, classes, sample_weight, trusted)
            if is_first:
                self.estimator_ = clone(inner)
                self._start()
            self._take(rows, is_first=is_first)
        return self

    def _take(self, rows, *, is_first):
        """Let checked rows wait, or judge them and learn what the filter keeps."""
        kept = np.flatnonzero(rows.present)
        new = take_rows(rows.X, kept), rows.y[kept]
        weights = np.ones(kept.shape[0])
        if rows.sample_weight is not None:
            weights = rows.sample_weight[kept]
        # Rows of one call are not forgotten before they are judged.
        self._window.size = max(
            self.window + self.every, kept.shape[0] + self._n_waiting
        )
        self._window.add(*new)
        known = np.concatenate([self._trusted, rows.trusted[kept]])
        self._trusted = known[-len(self._window) :]
        self.inlier_mask_ = rows.present.copy()
        if is_first:
            self.verdicts_ = rows.present.copy()
            if rows.sample_weight is None:
                weights = None
            learn(self.estimator_, *new, classes=self.classes_, sample_weight=weights)
            return
        # Rows of weight 0 wait along, to be counted.
        self._present = np.concatenate([self._present, rows.present])
        self._weights = np.concatenate([self._weights, weights])
        self.verdicts_ = np.empty(0, dtype=bool)
        if self._n_waiting >= self.every:
            self.verdicts_ = self._present
            self.verdicts_[self._present] = self._learn_waiting()
            self.inlier_mask_ = self.verdicts_[-rows.y.shape[0] :]
            self._wait_for_rows()

    @property
    def _n_waiting(self):
        return self._weights.shape[0]

    def _wait_for_rows(self):
        self._weights = np.empty(0)
        self._present = np.empty(0, dtype=bool)

    def _start(self):
        """Forget the rows of the window."""
        self._window = RowMemory(self.window + self.every)
        self._trusted = np.empty(0, dtype=bool)
        self._wait_for_rows()

    def _learn_waiting(self):
        """Judge the window, learn the rows that wait, and return which are kept."""
        n_rows = len(self._window)
        judged = np.arange(max(0, n_rows - max(self.window, self._n_waiting)), n_rows)
        X, y = take_rows(self._window.X, judged), self._window.y[judged]
        weights, labels = np.ones(y.shape[0]), y
        if np.unique(y).shape[0] > 1:  # filters compare classes
            row_filter = clone(self.estimator)
            weights, labels = row_filter._verdict(X, y, trusted=self._trusted[judged])
            weights = weights * np.ones(y.shape[0])
        new = np.arange(y.shape[0] - self._n_waiting, y.shape[0])
        is_kept = (weights[new] == 1) & (labels[new] == y[new])
        weights[new] *= self._weights
        learnt = new[weights[new] > 0]
        if learnt.size:
            learn(
                self.estimator_,
                take_rows(X, learnt),
                labels[learnt],
                sample_weight=None if (weights[learnt] == 1).all() else weights[learnt],
                trusted=self._trusted[judged][learnt],
            )
        return is_kept

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Fit the filter to all rows."""
        weights = present.astype(float)
        weights = params.get("sample_weight", None if present.all() else weights)
        others = {
            name: each
            for name, each in params.items()
            if name not in ("sample_weight", "trusted")
        }
        fitted = clone(self.estimator).fit(
            X, y, sample_weight=weights, trusted=trusted, **others
        )
        self.estimator_, self.inlier_mask_ = fitted.estimator_, fitted.inlier_mask_
        self._start()
