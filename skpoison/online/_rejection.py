"""Rejection of rows whose labels the current model finds improbable."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import BaseDefence
from skpoison.online._judge import Judge
from skpoison.online._row_memory import label_probabilities
from skpoison.online._stream_defence import BaseStreamDefence


class RejectionClassifier(BaseStreamDefence):
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
    max_leverage : float, "auto" or None, default="auto"
        How far out a row may lie to be learnt in full: its squared norm, with a one for
        the intercept, as a multiple of the median of the last `window` rows. A row
        beyond is learnt with a weight that falls as its squared norm grows: a
        single step of it would move the learner further than many genuine ones.
        "auto": 1.0 with ``action="weigh"``; None with ``action="drop"``, or around a
        defence that has such a limit itself. None: no limit, as published.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone of `estimator`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows of the last call of `fit` or `partial_fit` lost no weight by their
        probabilities. What they lost by `max_leverage` does not count.
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
    above the threshold neither helps; `max_leverage` does, and rows known to be clean
    do (:class:`TrustedStepClassifier`). It has the form of Mallows' weights in robust
    regression [2]_. Scale the features before: those of large numbers count for more,
    in the steps of the learner as well.

    References
    ----------
    .. [1] G. Collinge, E. C. Lupu, L. Muñoz-González, "Defending against poisoning
       attacks in online learning settings", ESANN 2019.
    .. [2] C. L. Mallows, "On some topics in robustness", Bell Laboratories, 1975.

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

    _how_to_reject_less = "lower the threshold"
    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "threshold": [Interval(Real, 0, 1, closed="neither")],
        "action": [StrOptions({"weigh", "drop"})],
        "burn_in": [Interval(Integral, 0, None, closed="left")],
        "max_rejected": [Interval(Real, 0, 1, closed="both")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "max_leverage": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
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
        max_leverage="auto",
    ):
        self.estimator = estimator
        self.threshold = threshold
        self.action = action
        self.burn_in = burn_in
        self.max_rejected = max_rejected
        self.window = window
        self.max_leverage = max_leverage

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
        return self._partial_fit(X, y, classes, sample_weight, trusted)

    def _start(self):
        self._judge = Judge(**self._settings())

    def _weigh(self, learner, rows, *, is_first, more):
        self._judge.adjust(**self._settings())
        weights, norms = np.ones(rows.y.shape[0]), self._norms(rows.X)
        inliers, probabilities = rows.present.copy(), weights
        if not is_first:
            probabilities = label_probabilities(learner, rows.X, rows.y)
        for i in np.flatnonzero(rows.present):
            weights[i], inliers[i] = self._judge.weigh_known(
                float(probabilities[i]), float(norms[i]), trusted=rows.trusted[i]
            )
        return weights, inliers

    def _settings(self):
        """Return the parameters as they are now, for the judge."""
        # Numbers of NumPy may be too short to add up.
        return {
            "threshold": float(self.threshold),
            "is_hard": self.action == "drop",
            "burn_in": int(self.burn_in),
            "max_rejected": float(self.max_rejected),
            "window": int(self.window),
            "max_leverage": self._largest_leverage(),
        }
