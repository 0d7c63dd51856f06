"""Learning from rows as far as their steps do no harm to trusted rows."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import BaseDefence
from skpoison.online._leverage import Leverage
from skpoison.online._row_memory import RowMemory
from skpoison.online._stream_defence import BaseStreamDefence
from skpoison.online._trusted_judge import Tolerance, loss_changes, own_rises
from skpoison.utils._containers import take_rows


class TrustedStepClassifier(BaseStreamDefence):
    r"""Learn from a row as far as its step does no harm to rows known to be clean.

    Before a row is learnt the defence asks by how much the step on it would raise the
    mean log loss of the newest trusted rows, r. Clean rows do that now and then as
    well, and the trusted rows that come with the stream tell how far: a row is learnt
    in full if its rise is at most a quantile :math:`\tau` of theirs, and otherwise with
    the weight :math:`\tau / r`, or not at all.

    An attacker who knows all this, trusted rows included, can make no step that raises
    the loss of the trusted rows by more than clean rows do.

    Parameters
    ----------
    estimator : classifier
        Has `partial_fit` and `predict_proba`, such as ``SGDClassifier("log_loss")``.
    quantile : float, default=0.95
        The share of trusted rows whose rise is tolerated. About so large is the share
        of clean rows that are learnt in full.
    action : {"weigh", "drop"}, default="weigh"
        "weigh": a row that rises too far is learnt with a smaller weight. "drop": it is
        not learnt.
    n_trusted : int, default=100
        How many trusted rows, and how many of their rises, are remembered, the newest.
    max_leverage : float, "auto" or None, default="auto"
        How far out a row may lie to be learnt in full: its squared norm, with a one for
        the intercept, as a multiple of the median of the last `window` rows. A row
        beyond is learnt with a weight that falls as its squared norm grows: a
        single step of it would move the learner further than many genuine ones.
        "auto": 1.0 with ``action="weigh"``; None with ``action="drop"``, or around a
        defence that has such a limit itself. None: no limit.
    window : int, default=1000
        The number of rows whose median that is.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of `estimator`.
    tolerance_ : float or None
        The rise that is tolerated now, :math:`\tau`; None as long as it is not known.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows of the last call of `fit` or `partial_fit` lost no weight by their
        rises. What they lost by `max_leverage` does not count.
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
    AdaptiveCombinationClassifier : Asks trusted rows about learners, not about rows.
    RejectionClassifier : A defence without trusted rows.

    Notes
    -----
    The rows of one call are judged by the model before it, each by itself. In the first
    call, and as long as fewer than two trusted rows are known, none loses weight by its
    rise, only by `max_leverage`, and no warning says so, because trusted rows may still
    come: give `X_trusted` in the first call, and mark the rows of the stream that were
    verified as `trusted`. Where a stream drifts, trusted rows of long ago hold the
    learner back, until newer ones come.

    A row costs a product with the trusted rows if the estimator is an SGDClassifier
    with the log loss or the modified Huber loss and no l1 penalty; otherwise a copy of
    the learner and its step, some milliseconds.

    `fit` lets its rows pass as a stream, in their order and in batches of 10, and then
    fits `estimator` by its own `fit` to all of them, with the weights found.

    The test of a step on rows of one's own is that of [1]_ for workers who send
    gradients, and in the spirit of [2]_; the tolerance, found on trusted rows, and the
    weights are this package's.

    References
    ----------
    .. [1] C. Xie, O. Koyejo, I. Gupta, "Zeno++: Robust fully asynchronous SGD",
       ICML 2020.
    .. [2] B. Nelson et al., "Exploiting machine learning to subvert your spam filter",
       LEET 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import SGDClassifier
    >>> from skpoison.online import TrustedStepClassifier
    >>> rng = np.random.RandomState(0)
    >>> y = rng.randint(2, size=400)
    >>> X = rng.normal(size=(400, 2)) + 3 * y[:, np.newaxis]
    >>> learner = SGDClassifier(
    ...     "log_loss", learning_rate="constant", eta0=0.1, shuffle=False
    ... )
    >>> defence = TrustedStepClassifier(learner)
    >>> defence = defence.partial_fit(
    ...     X[:300], y[:300], classes=[0, 1], X_trusted=X[300:], y_trusted=y[300:]
    ... )
    >>> X_new, y_new = [[0.0, 0.0], [3.0, 3.0], [9.0, 9.0]], [0, 1, 0]
    >>> defence.partial_fit(X_new, y_new).inlier_mask_
    array([ True,  True, False])
    """

    # What the suites of checks, which trust no row, ask for.
    _requires_trusted = True
    _how_to_reject_less = "raise the quantile"
    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "action": [StrOptions({"weigh", "drop"})],
        "n_trusted": [Interval(Integral, 2, None, closed="left")],
        "max_leverage": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "window": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        quantile=0.95,
        *,
        action="weigh",
        n_trusted=100,
        max_leverage="auto",
        window=1000,
    ):
        self.estimator = estimator
        self.quantile = quantile
        self.action = action
        self.n_trusted = n_trusted
        self.max_leverage = max_leverage
        self.window = window

    @_fit_context(
        # The estimator given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def partial_fit(
        self,
        X,
        y,
        classes=None,
        sample_weight=None,
        *,
        trusted=None,
        X_trusted=None,
        y_trusted=None,
    ):
        """Judge rows by what their steps would do, and learn from them accordingly.

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
            Rows known to be clean. They are learnt in full, and remembered.
        X_trusted : {array-like, sparse matrix, dataframe} of shape \
                (n_new, n_features), default=None
            More rows known to be clean, which are remembered, and not learnt.
        y_trusted : array-like of shape (n_new,), default=None
            Their labels.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the rows are invalid, if `classes` are missing in the first call, if a
            label is not among them, or if the estimator lacks what the defence needs.
        """
        return self._partial_fit(
            X, y, classes, sample_weight, trusted, X_trusted, y_trusted
        )

    @property
    def tolerance_(self):
        """The rise that is tolerated now."""
        return self._tolerance.value

    def _start(self):
        self._memory = RowMemory(int(self.n_trusted))
        self._tolerance = Tolerance(float(self.quantile), int(self.n_trusted))
        self._leverage = Leverage(*self._leverage_settings())

    def _leverage_settings(self):
        return self._largest_leverage(), int(self.window)

    def _weigh(self, learner, rows, *, is_first, more):
        self._leverage.adjust(*self._leverage_settings())
        weights, norms = np.ones(rows.y.shape[0]), self._norms(rows.X)
        for i in np.flatnonzero(rows.present):
            weights[i] = self._leverage.weigh(
                float(norms[i]), in_full=bool(rows.trusted[i])
            )
        inliers = rows.present.copy()
        if is_first:
            return weights, inliers
        self._memory.resize(int(self.n_trusted))
        self._tolerance.adjust(float(self.quantile), int(self.n_trusted))
        self._remember(learner, rows, more)
        judged = np.flatnonzero(rows.present & ~rows.trusted)
        if judged.size and len(self._memory):
            changes = loss_changes(
                learner, take_rows(rows.X, judged), rows.y[judged], self._memory
            )
            passed = self._tolerance.weights(
                changes.mean(axis=1), is_hard=self.action == "drop"
            )
            weights[judged] = np.minimum(weights[judged], passed)
            inliers[judged] = passed == 1
        return weights, inliers

    def _has_learnt(self, learner, rows, *, is_first, more):
        if is_first:
            self._remember(learner, rows, more)

    def _remember(self, learner, rows, more):
        """Remember the trusted rows of a call, and the rises of their steps."""
        known = np.flatnonzero(rows.trusted & rows.present)
        self._add(learner, take_rows(rows.X, known), rows.y[known])
        if more is not None:
            self._add(learner, more.X, more.y)

    def _add(self, learner, X, y):
        newest = np.arange(max(0, y.shape[0] - self._memory.size), y.shape[0])
        if not newest.size:
            return
        X, y = take_rows(X, newest), y[newest]
        self._memory.add(X, y)
        self._tolerance.add(own_rises(loss_changes(learner, X, y, self._memory)))

    def _fit_estimator(self, X, y, *, present, trusted, params):
        self._check_some_trusted(trusted & present)
        super()._fit_estimator(X, y, present=present, trusted=trusted, params=params)
