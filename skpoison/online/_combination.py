"""Combination of learners, weighted by how well they predict trusted rows."""

from collections import deque
from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.dummy import DummyClassifier
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _check_method_params, check_is_fitted

from skpoison.base import BaseDefence
from skpoison.online._mixing import RATES, check_rule, fading_step, logit_step, softmax
from skpoison.online._row_memory import (
    RowMemory,
    class_probabilities,
    label_probabilities,
)
from skpoison.online._stream_defence import (
    StreamRowsMixin,
    check_methods,
    check_pairs,
    learn,
    trusted_for_fit,
)
from skpoison.utils._containers import is_frame, take_rows
from skpoison.utils._validation import check_squares
from skpoison.utils._weights import fit_weighted

# Steps of the weights in `fit`.
N_STEPS = 100
# How many weights of the past are kept.
PATH = 10_000


class AdaptiveCombinationClassifier(
    ClassifierMixin, StreamRowsMixin, BaseDefence, _BaseComposition
):
    r"""Combine fast and slow learners by how well they predict trusted rows.

    Each learner learns all rows. The probability of a class is their mean,

    .. math::

        p(x) = \sum_k \lambda_k \, p_k(x), \qquad \lambda = \mathrm{softmax}(a),

    for two learners :math:`\lambda p_1 + (1 - \lambda) p_2` with a sigmoid
    :math:`\lambda` [1]_. Poison moves a fast learner at once and a slow one little. The
    logits a follow how well the learners predict rows known to be clean.

    Parameters
    ----------
    estimators : list of (str, classifier)
        The learners with their names. Each has `partial_fit` and `predict_proba`:
        ``SGDClassifier("log_loss")`` with rates of different sizes, or other defences
        of streams. An attacker who knows the combination attacks the one that weighs
        most: let the fast ones be defences.
    rule : {"prequential", "remembered"}, default="prequential"
        How the weights follow trusted rows. "prequential": each counts once, as the
        learners predict it when it comes, before they learn it. "remembered": in each
        call of `partial_fit` the logits take a step along the gradient of the log loss
        of the combination on the newest `n_trusted` of them. The second makes do with
        rows that are given once; where labels come in runs it prefers learners that
        remember the past to those that follow.
    learning_rate : float, default=None
        The rate of the logits. None: 0.5 for "prequential", 30.0 for "remembered" and
        in `fit`, where it can be set for ``rule="remembered"`` alone.
    fading : float, default=0.95
        By how much a trusted row counts less with each one after it, in `partial_fit`
        with ``rule="prequential"``.
    n_trusted : int, default=100
        How many trusted rows count, the newest: in `partial_fit`, which remembers them,
        with ``rule="remembered"``; in `fit` with either rule.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted clones.
    weights_ : ndarray of shape (n_estimators,)
        The weights of the learners, :math:`\lambda`.
    weights_path_ : ndarray of shape (n_calls, n_estimators)
        The weights after each call of `partial_fit`, or each step in `fit`; the last
        10,000 of them.
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
    because trusted rows may still come. By the prequential rule a new trusted row
    changes them to

    .. math::

        a_k \leftarrow \gamma \, a_k + \alpha \log p_k(y \mid x),

    with the rate :math:`\alpha` and the fading :math:`\gamma`: averaging of models by
    what they predicted, with forgetting, as in [3]_. Probabilities below 0.001 count
    for 0.001 there. The logits are kept between -4 and 4 around their mean. `fit` fits
    each learner by its own `fit`, and lets the logits take 100 steps of the other rule,
    whatever `rule` is. Parameters that a call would ignore must have their defaults.

    Remembered rows go stale where a stream drifts: renew them. The published rule was
    not available: both are this package's.

    References
    ----------
    .. [1] G. Collinge, E. C. Lupu, L. Muñoz-González, "Defending against poisoning
       attacks in online learning settings", ESANN 2019.
    .. [2] J. Arenas-García, A. R. Figueiras-Vidal, A. H. Sayed, "Mean-square
       performance of a convex combination of two adaptive filters", IEEE Transactions
       on Signal Processing, 2006.
    .. [3] A. E. Raftery, M. Kárný, P. Ettler, "Online prediction under model
       uncertainty via dynamic model averaging", Technometrics, 2010.

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
    >>> defence = defence.partial_fit(X[:200], y[:200], classes=[0, 1])
    >>> for i in range(200, 220):
    ...     # Poison: rows of class 0 with the other label, and a row that is verified.
    ...     defence = defence.partial_fit([[-1.0, -1.0]], [1])
    ...     clean = X[i : i + 1], y[i : i + 1]
    ...     defence = defence.partial_fit(*clean, trusted=[True])
    >>> print(defence.weights_.argmax())  # the slow one
    1
    """

    # What the suites of checks, which trust no row, ask for.
    _requires_trusted = True
    _parameter_constraints: dict = {
        "estimators": [list],
        "rule": [StrOptions({"prequential", "remembered"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "fading": [Interval(Real, 0, 1, closed="right")],
        "n_trusted": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimators,
        *,
        rule="prequential",
        learning_rate=None,
        fading=0.95,
        n_trusted=100,
    ):
        self.estimators = estimators
        self.rule = rule
        self.learning_rate = learning_rate
        self.fading = fading
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
            Rows known to be clean. The weights follow each of them once, or those that
            are remembered, as `rule` says.
        X_trusted : {array-like, sparse matrix, dataframe} of shape \
                (n_new, n_features), default=None
            More rows known to be clean, which count alike, and are not learnt.
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
        check_rule(self)
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
        clean = np.flatnonzero(rows.trusted & rows.present)
        new = [(take_rows(rows.X, clean), rows.y[clean])]
        if more is not None:
            new.append((more.X, more.y))
        if self.rule == "remembered":
            for each in new:
                self._memory.add(*each)
        if not is_first:
            self._follow(new)
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
        self._logits = np.zeros(len(self.estimators))
        self._path = deque(maxlen=PATH)

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

    def _follow(self, new):
        """Let the weights follow the trusted rows of a call, or those remembered."""
        rule, rate, fading = self._rule()
        if rule == "remembered":
            new = [(self._memory.X, self._memory.y)] if len(self._memory) else []
        for found in [self._probabilities(*each) for each in new if len(each[1])]:
            if rule == "remembered":
                self._logits = logit_step(self._logits, found, rate)
            else:
                self._logits = fading_step(self._logits, found, rate, fading)

    def _rule(self):
        """Return the rule, its rate, and its fading."""
        rate = RATES[self.rule] if self.learning_rate is None else self.learning_rate
        return self.rule, float(rate), float(self.fading)

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Fit the learners, and let the weights follow the trusted rows."""
        self._check_learners()
        check_rule(self, in_fit=True)
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
        newest, rate = (take_rows(X, clean), y[clean]), RATES["remembered"]
        if self.rule == "remembered":
            self._memory.add(*newest)
            rate = self._rule()[1]
        probabilities = self._probabilities(*newest)
        for _ in range(N_STEPS):
            self._logits = logit_step(self._logits, probabilities, rate, weights)
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
        every = [class_probabilities(each, X) for each in self.estimators_]
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
        check_pairs(self.estimators)
        names, learners = zip(*self.estimators, strict=True)
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
