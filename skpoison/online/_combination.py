"""Combination of learners, weighted by how well they predict trusted rows."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.dummy import DummyClassifier
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import (
    _check_method_params,
    check_is_fitted,
)

from skpoison.base import BaseDefence
from skpoison.online._row_memory import (
    SMALLEST,
    RowMemory,
    label_probabilities,
)
from skpoison.online._stream_defence import (
    StreamRowsMixin,
    check_methods,
    learn,
    trusted_for_fit,
)
from skpoison.utils._containers import is_frame, take_rows
from skpoison.utils._texts import shown
from skpoison.utils._validation import check_squares
from skpoison.utils._weights import fit_weighted

# As in combinations of adaptive filters (Arenas-García et al. 2006): further out the
# slope of the weights is too small to come back from.
LARGEST_LOGIT = 4.0
# Steps of the weights in `fit`.
N_STEPS = 100


class AdaptiveCombinationClassifier(
    ClassifierMixin, StreamRowsMixin, BaseDefence, _BaseComposition
):
    r"""Combine fast and slow learners by how well they predict trusted rows.

    Each learner learns all rows. The probability of a class is their mean,

    .. math::

        p(x) = \sum_k \lambda_k \, p_k(x), \qquad \lambda = \mathrm{softmax}(a),

    for two learners :math:`\lambda p_1 + (1 - \lambda) p_2` with a sigmoid
    :math:`\lambda` [1]_. Poison moves a fast learner at once and a slow one little. The
    logits a follow the gradient of the log loss of the combination on rows known to be
    clean, the newest `n_trusted` of them.

    Parameters
    ----------
    estimators : list of (str, classifier)
        The learners with their names. Each has `partial_fit` and `predict_proba`:
        ``SGDClassifier("log_loss")`` with rates of different sizes, or other defences
        of streams.
    learning_rate : float, default=30.0
        The rate of the logits, which take a step in each call of `partial_fit`.
    n_trusted : int, default=100
        How many trusted rows are remembered, the newest.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted clones.
    weights_ : ndarray of shape (n_estimators,)
        The weights of the learners, :math:`\lambda`.
    weights_path_ : ndarray of shape (n_calls, n_estimators)
        The weights after each call of `partial_fit`, or each step in `fit`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        The rows of the last call that were learnt: all whose weight is not 0.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    RejectionClassifier : A defence without trusted rows.

    Notes
    -----
    Until trusted rows are known all learners weigh alike, and no warning says so,
    because trusted rows may still come. The logits are kept between
    -4 and 4 around their mean. `fit` fits each learner by its own `fit`, and lets the
    logits take 100 steps.

    Trusted rows go stale where a stream drifts: renew them. Learners that follow labels
    which come in runs are better than trusted rows of the past can tell.

    The published rule for the update was not available: this one is this package's.

    References
    ----------
    .. [1] G. Collinge, E. C. Lupu, L. Muñoz-González, "Defending against poisoning
       attacks in online learning settings", ESANN 2019.
    .. [2] J. Arenas-García, A. R. Figueiras-Vidal, A. H. Sayed, "Mean-square
       performance of a convex combination of two adaptive filters", IEEE Transactions
       on Signal Processing, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import SGDClassifier
    >>> from skpoison.online import AdaptiveCombinationClassifier
    >>> rng = np.random.RandomState(0)
    >>> y = rng.randint(2, size=300)
    >>> X = rng.normal(size=(300, 2)) + 3 * y[:, np.newaxis]
    >>> learners = [
    ...     (name, SGDClassifier("log_loss", learning_rate="constant", eta0=rate))
    ...     for name, rate in (("fast", 1.0), ("slow", 0.01))
    ... ]
    >>> defence = AdaptiveCombinationClassifier(learners)
    >>> defence = defence.partial_fit(
    ...     X[:200], y[:200], classes=[0, 1], X_trusted=X[200:], y_trusted=y[200:]
    ... )
    >>> for _ in range(20):  # poison: rows of class 0 with the other label
    ...     defence = defence.partial_fit([[-1.0, -1.0]], [1])
    >>> print(defence.weights_.argmax())  # the slow one
    1
    """

    # What the suites of checks, which trust no row, ask for.
    _requires_trusted = True
    _parameter_constraints: dict = {
        "estimators": [list],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_trusted": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, estimators, *, learning_rate=30.0, n_trusted=100):
        self.estimators = estimators
        self.learning_rate = learning_rate
        self.n_trusted = n_trusted

    @property
    def estimator(self):
        """The first learner, which stands for all where one is asked for its type."""
        # Tags are asked for before the learners are checked, even by the repr.
        return self.estimators[0][1] if self.estimators else DummyClassifier()

    def get_params(self, deep=True):
        """Return the parameters, those of the learners by their names.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the learners and their parameters too.

        Returns
        -------
        params : dict
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params):
        """Set parameters, those of learners by ``name`` or ``name__parameter``.

        Parameters
        ----------
        **params : dict
            The parameters.

        Returns
        -------
        self : object
        """
        return self._set_params("estimators", **params)

    @_fit_context(
        # The estimators given are validated by their own fits.
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
        """Let the weights take a step, and each learner learn the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean. They are remembered.
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
            label is not among them, or if a learner lacks what the defence needs.
        """
        self._check_learners()
        with self._whole_call():
            rows, is_first = self._check_call(X, y, classes, sample_weight, trusted)
            more = self._check_rows_of_trusted(X_trusted, y_trusted)
            if is_first:
                self.estimators_ = [clone(each) for _, each in self.estimators]
                self._start()
            self._learn(rows, more, is_first=is_first)
        return self

    def _learn(self, rows, more, *, is_first):
        """Let the weights take a step, and each learner learn checked rows."""
        self._memory.resize(int(self.n_trusted))
        # Rows of the call come in before they are learnt: they are judged as new ones.
        self._memory.add(
            take_rows(rows.X, np.flatnonzero(rows.trusted)), rows.y[rows.trusted]
        )
        if more is not None:
            self._memory.add(more.X, more.y)
        if not is_first and len(self._memory):
            self._step(self._probabilities(self._memory.X, self._memory.y))
        kept = np.flatnonzero(rows.present)
        for learner in self.estimators_:
            learn(
                learner,
                take_rows(rows.X, kept),
                rows.y[kept],
                classes=self.classes_ if is_first else None,
                sample_weight=(
                    None if rows.sample_weight is None else rows.sample_weight[kept]
                ),
                trusted=rows.trusted[kept],
            )
        self._path.append(softmax(self._logits))
        self.inlier_mask_ = rows.present

    def _start(self):
        """Forget all that was seen, before the first row of a stream."""
        self._memory = RowMemory(int(self.n_trusted))
        self._logits, self._path = np.zeros(len(self.estimators)), []

    @property
    def weights_(self):
        """The weights of the learners."""
        check_is_fitted(self)
        return softmax(self._logits)

    @property
    def weights_path_(self):
        """The weights after each step."""
        check_is_fitted(self)
        return np.array(self._path)

    def _probabilities(self, X, y):
        """Return the probabilities of labels by each learner."""
        return np.array([label_probabilities(each, X, y) for each in self.estimators_])

    def _step(self, probabilities, sample_weight=None):
        self._logits = logit_step(
            self._logits, probabilities, self.learning_rate, sample_weight
        )

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Fit the learners, and let the weights follow the trusted rows."""
        self._check_learners()
        trusted = trusted & present
        self._check_some_trusted(trusted)
        kept = np.flatnonzero(present)
        rows, labels = take_rows(X, kept), y[kept]
        if not is_frame(rows):
            check_squares(rows)
        self.estimators_ = [
            fit_weighted(
                clone(each),
                rows,
                labels,
                _check_method_params(X, params[name], indices=kept),
            )
            for name, each in self.estimators
        ]
        clean = np.flatnonzero(trusted)[-int(self.n_trusted) :]
        weights = params[self.estimators[0][0]].get("sample_weight")
        if weights is not None:
            weights = np.asarray(weights)[clean]
        self._start()
        self._memory.add(take_rows(X, clean), y[clean])
        probabilities = self._probabilities(self._memory.X, self._memory.y)
        for _ in range(N_STEPS):
            self._step(probabilities, weights)
            self._path.append(softmax(self._logits))
        self.inlier_mask_ = present

    def predict_proba(self, X):
        """Predict class probabilities: the weighted mean of those of the learners.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        every = [each.predict_proba(X) for each in self.estimators_]
        return np.tensordot(self.weights_, np.array(every), axes=1)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        chosen = self.predict_proba(X).argmax(axis=1)
        return self.classes_[chosen]

    def _check_learners(self):
        """Raise if a learner lacks what the defence needs."""
        pairs = self.estimators
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
        names, learners = zip(*pairs, strict=True)
        self._validate_names(names)
        for each in learners:
            check_methods(each, "estimators", type(self).__name__)

    def _check_estimator_type(self):
        self._check_learners()
        super()._check_estimator_type()

    def _fit_params(self, fit_params, rows, trusted):
        """Collect the metadata for the `fit` of each learner, by its name."""
        names = [name for name, _ in self.estimators]
        if _routing_enabled():
            own = {"sample_weight": rows.sample_weight, "trusted": trusted}
            fit_params |= {k: v for k, v in own.items() if v is not None}
            routed = process_routing(self, "fit", **fit_params)
            return {name: routed[name]["fit"] for name in names}
        params = super()._fit_params(fit_params, rows, trusted)
        return {
            name: params | trusted_for_fit(each, rows.trusted)
            for name, each in self.estimators
        }

    def get_metadata_routing(self):
        """Return the metadata routing.

        Returns
        -------
        routing : MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        mapping = MethodMapping().add(caller="fit", callee="fit")
        for name, each in self.estimators:
            router.add(**{name: each}, method_mapping=mapping)
        return router

    def __sklearn_tags__(self):
        """Return the tags: what all learners accept as X."""
        tags = super().__sklearn_tags__()
        for _, each in self.estimators:
            inner = get_tags(each).input_tags
            tags.input_tags.sparse &= inner.sparse
            tags.input_tags.allow_nan &= inner.allow_nan
        return tags


def softmax(logits):
    """Return the weights of logits."""
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def logit_step(logits, probabilities, learning_rate, sample_weight=None):
    r"""Take a step of the logits against the log loss of the combination.

    The loss of a row is :math:`-\log \sum_k \lambda_k p_k`, and its gradient in the
    logits :math:`-\lambda_k (p_k / p - 1)`.

    Parameters
    ----------
    logits : ndarray of shape (n_estimators,)
        The logits.
    probabilities : ndarray of shape (n_estimators, n_rows)
        What each learner gives to the labels of trusted rows.
    learning_rate : float
        The rate.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.

    Returns
    -------
    logits : ndarray of shape (n_estimators,)
        Between -4 and 4 around their mean.
    """
    weights = softmax(logits)
    mixed = np.maximum(weights @ probabilities, SMALLEST)
    ratios = np.average(probabilities / mixed, axis=1, weights=sample_weight)
    moved = logits + learning_rate * weights * (ratios - 1)
    return np.clip(moved - moved.mean(), -LARGEST_LOGIT, LARGEST_LOGIT)
