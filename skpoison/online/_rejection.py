"""Rejection of rows whose labels the current model finds improbable."""

from dataclasses import replace
from inspect import signature
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import _check_method_params

from skpoison.base import BaseDefence, PredictsByEstimatorMixin
from skpoison.base._defence import CheckedRows
from skpoison.online._judge import Judge
from skpoison.utils._containers import is_frame, take_rows
from skpoison.utils._texts import listed, shown
from skpoison.utils._validation import check_squares
from skpoison.utils._warnings import warn_user
from skpoison.utils._weights import without_weights

# Rows that `fit` judges at once, as one call of partial_fit.
BATCH = 10


class RejectionClassifier(PredictsByEstimatorMixin, BaseDefence):
    r"""Learn from a row as far as the current model finds its label probable.

    A row whose label has the probability p is learnt with the weight
    :math:`\min(1, p / \beta)`, or rejected if :math:`p < \beta` [1]_. That stops rows
    made to pull the model against what it knows. An attacker who knows the threshold
    sends rows that stay above it; see Notes.

    Parameters
    ----------
    estimator : classifier
        Has `partial_fit` and `predict_proba`, such as ``SGDClassifier("log_loss")``.
    threshold : float, default=0.1
        The probability :math:`\beta` below which a row loses weight.
    action : {"weigh", "drop"}, default="weigh"
        "weigh": the weight falls with the probability. "drop": the row is rejected, as
        published.
    burn_in : int, default=20
        Number of rows that are learnt in full at first, by a model that knows nothing
        yet. Poison among them is learnt too: keep it, and the first call of
        `partial_fit`, short, or let both be rows known to be clean.
    max_rejected : float, default=0.2
        The largest share of weight that rows lose, as a mean over the last `window`
        rows. A row that would exceed it is learnt in full: a model that is wrong,
        after a drift, would otherwise reject what corrects it. 1.0 for no limit, as
        published.
    window : int, default=1000
        The number of rows over which that share is measured.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of `estimator`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows of the last call of `fit` or `partial_fit` were learnt in full.
    sample_weight_ : ndarray of shape (n_samples,)
        The weights with which they were learnt.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    OnlineInsertion : Takes it as its surrogate: the attacker who knows it.
    skpoison.model_selection.prequential_curve : Evaluates learners on a stream.

    Notes
    -----
    The rows of one call of `partial_fit` are judged by the model before it. `fit` lets
    its rows pass as a stream, in their order and in batches of 10, and then fits
    `estimator` by its own `fit` to all of them, with the weights found.

    Take ``shuffle=False`` in an SGDClassifier whose stream has an order.

    The cap and the weights below 1 are this package's. Against an attacker who stays
    above the threshold neither helps: that one needs rows known to be clean.

    References
    ----------
    .. [1] G. Collinge, E. C. Lupu, L. Muñoz-González, "Defending against poisoning
       attacks in online learning settings", ESANN 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import SGDClassifier
    >>> from skpoison.online import RejectionClassifier
    >>> rng = np.random.RandomState(0)
    >>> y = rng.randint(2, size=300)
    >>> X = rng.normal(size=(300, 2)) + 3 * y[:, np.newaxis]
    >>> learner = SGDClassifier("log_loss", random_state=0)
    >>> defence = RejectionClassifier(learner, action="drop")
    >>> defence = defence.partial_fit(X, y, classes=[0, 1])
    >>> X_new, y_new = [[0.0, 0.0], [3.0, 3.0], [9.0, 9.0]], [0, 1, 0]
    >>> defence.partial_fit(X_new, y_new).inlier_mask_
    array([ True,  True, False])
    """

    _required_estimator_type = "classifier"
    _instead_of_labels = "Responses have no probabilities."
    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "threshold": [Interval(Real, 0, 1, closed="neither")],
        "action": [StrOptions({"weigh", "drop"})],
        "burn_in": [Interval(Integral, 0, None, closed="left")],
        "max_rejected": [Interval(Real, 0, 1, closed="both")],
        "window": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        threshold=0.1,
        *,
        action="weigh",
        burn_in=20,
        max_rejected=0.2,
        window=1000,
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.action = action
        self.burn_in = burn_in
        self.max_rejected = max_rejected
        self.window = window

    @_fit_context(
        # The estimator given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def partial_fit(self, X, y, classes=None, sample_weight=None, *, trusted=None):
        """Judge rows by the current model, and learn from them accordingly.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, which are multiplied by those found.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean, which are learnt in full.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X or y is invalid, if `classes` are missing in the first call, if a label
            is not among them, or if the estimator lacks what the defence needs.
        """
        self._check_learner()
        is_first = not hasattr(self, "estimator_")
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
        if is_first:
            self.estimator_, self._judge = clone(self.estimator), self._new_judge()
        self._learn(self.estimator_, self._judge, rows, is_first=is_first)
        return self

    def _learn(self, learner, judge, rows, *, is_first):
        """Judge checked rows, and let a learner learn from them."""
        if not is_frame(rows.X):
            check_squares(rows.X)
        weights = np.ones(rows.y.shape[0])
        if is_first:
            probabilities = weights
        else:
            every = learner.predict_proba(rows.X)
            codes = np.searchsorted(learner.classes_, rows.y)
            probabilities = every[np.arange(codes.shape[0]), codes]
        for i in np.flatnonzero(rows.present):
            weight = judge.weigh(1.0 if rows.trusted[i] else float(probabilities[i]))
            weights[i] = weight
        self.inlier_mask_ = (weights == 1) & rows.present
        if rows.sample_weight is not None:
            weights = weights * rows.sample_weight
        self.sample_weight_ = weights
        kept = np.flatnonzero(weights)
        if not kept.size and not is_first:
            return
        params = {}
        if rows.sample_weight is not None or (weights[kept] != 1).any():
            params["sample_weight"] = weights[kept]
        if is_first:
            params["classes"] = self.classes_
        learner.partial_fit(take_rows(rows.X, kept), rows.y[kept], **params)

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Let the rows pass as a stream, and fit the estimator to what is believed."""
        self._check_learner()
        learner, self._judge = clone(self.estimator), self._new_judge()
        given = params.get("sample_weight")
        positions, weights = np.flatnonzero(present), np.zeros(y.shape[0])
        for first in range(0, positions.shape[0], BATCH):
            batch = positions[first : first + BATCH]
            rows = CheckedRows(
                take_rows(X, batch),
                y[batch],
                np.ones(batch.shape[0], dtype=bool),
                trusted[batch],
                None if given is None else np.asarray(given)[batch],
            )
            self._learn(learner, self._judge, rows, is_first=first == 0)
            weights[batch] = self.sample_weight_
        weights = self._rescued(y, weights, present, given)
        full = np.ones(y.shape[0]) if given is None else np.asarray(given)
        self.sample_weight_ = weights
        self.inlier_mask_ = (weights == full) & present
        kept = np.flatnonzero(weights)
        params = _check_method_params(X, params, indices=kept)
        if given is not None or (weights[kept] != 1).any():
            params["sample_weight"] = weights[kept]
        self.estimator_ = self._fit_clone(take_rows(X, kept), y[kept], params)

    def _rescued(self, y, weights, present, given):
        """Return the weights with those of classes that would be lost put back."""
        left = np.unique(y[weights != 0])
        lost = np.setdiff1d(y[present], left)
        if lost.size:
            warn_user(
                f"{type(self).__name__} keeps suspicious rows as they are: otherwise "
                f"no row of {listed(lost)} would be left. Mark rows known to be clean "
                "as trusted, or lower the threshold."
            )
            back = np.isin(y, lost) & present
            weights[back] = 1.0 if given is None else np.asarray(given)[back]
        return weights

    def _check_rows(self, X, y, sample_weight=None, trusted=None, *, reset=True):
        rows = super()._check_rows(X, y, sample_weight, trusted, reset=reset)
        if sparse.issparse(rows.X) and rows.X.indices.dtype == np.int64:
            # Learners by stochastic gradient descent refuse indices of 64 bits.
            short = rows.X.copy()
            short.indices = short.indices.astype(np.int32)
            short.indptr = short.indptr.astype(np.int32)
            return replace(rows, X=short)
        return rows

    def _new_judge(self):
        # Numbers of NumPy may be too short to add up.
        return Judge(
            float(self.threshold),
            is_hard=self.action == "drop",
            burn_in=int(self.burn_in),
            max_rejected=float(self.max_rejected),
            window=int(self.window),
        )

    def _check_learner(self):
        """Raise if the estimator lacks what the defence needs."""
        for method in ("partial_fit", "predict_proba"):
            if not hasattr(self.estimator, method):
                raise ValueError(
                    f"`estimator` must have {method} for {type(self).__name__}; got "
                    f"{shown(self.estimator)}. Take SGDClassifier(loss='log_loss'), "
                    "for example."
                )
        if self.action == "drop" or _routing_enabled():
            return
        if "sample_weight" not in signature(self.estimator.partial_fit).parameters:
            raise ValueError(
                "action='weigh' needs an estimator that takes sample_weight in its "
                f"partial_fit; {type(self.estimator).__name__} does not. Use "
                f"action='drop'{without_weights(self.estimator)}."
            )
