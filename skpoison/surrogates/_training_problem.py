"""Training problems of scikit-learn's estimators.

`as_training_problem` translates an estimator into the mathematics of
:mod:`skpoison.bilevel`. It dispatches on the type of the estimator, so that another
type is added by registering a function:
``as_training_problem.register(MyEstimator, translate)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from inspect import signature

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight

from skpoison.bilevel.differentiation.engines import Engine, make_engine
from skpoison.bilevel.learners.base import Learner, Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import (
    Huber,
    Logistic,
    Multinomial,
    SmoothedHinge,
    Squared,
    SquaredHinge,
)
from skpoison.surrogates._gradient_descent import (
    GradientDescentClassifier,
    GradientDescentRegressor,
)
from skpoison.utils._texts import listed

TINY = np.finfo(np.float64).tiny
# Newer versions of scikit-learn balance the weights of classes in some estimators.
BALANCES_WEIGHTS = "sample_weight" in signature(compute_class_weight).parameters


@dataclass(frozen=True)
class TrainingProblem:
    """The training problem of an estimator.

    Parameters
    ----------
    learner : Learner
        The objective as a function of the rows.
    encode : callable
        Takes labels, as positions among the classes, or responses, and returns targets.
    reduction : {"sum", "count", "weight"}
        Whether the losses of the rows are added ("sum"), divided by the number of rows
        ("count"), or divided by the sum of their weights ("weight").
    class_weight : dict, "balanced" or None
        Weights of the classes.
    balances_weights : bool, default=False
        Whether "balanced" balances the sums of weights of the classes, instead of their
        numbers of rows.
    n_steps : int, default=None
        Number of steps of gradient descent. None: the learner goes to its optimum.
    rate : float, default=None
        The learning rate of these steps.
    is_stochastic : bool, default=False
        Whether the estimator stops near the optimum of the learner, at a point that
        depends on a random order of the rows.

    See Also
    --------
    as_training_problem : Makes it of an estimator.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.surrogates import as_training_problem
    >>> surrogate = as_training_problem(LogisticRegression(C=4), n_classes=2)
    >>> surrogate.learner
    LinearLearner(loss=Logistic(), penalty=0.25, intercept=1.0, intercept_penalty=0.0)
    >>> surrogate.n_steps is None
    True
    """

    learner: Learner
    encode: Callable
    reduction: str = "sum"
    class_weight: dict | str | None = None
    balances_weights: bool = False
    n_steps: int | None = None
    rate: float | None = None
    is_stochastic: bool = False

    def for_rows(self, X, weight=1.0):
        """Return the training problem for rows like these, with poison beside them.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            Clean rows, as the estimator is given them.
        weight : float, default=1.0
            The weight of each.

        Returns
        -------
        problem : TrainingProblem
            This one, unless its learner depends on the rows.
        """
        return self

    def rows(self, X, y, sample_weight=None, classes=None, multiplicity=None):
        """Encode training rows for the learner.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The features.
        y : ndarray of shape (n_samples,)
            Labels as positions among the classes, or responses.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.
        classes : ndarray of shape (n_classes,), default=None
            The labels themselves, needed if `class_weight` is a dict.
        multiplicity : ndarray of shape (n_samples,), default=None
            How many times each row counts. None: once.

        Returns
        -------
        rows : Rows
        """
        multiplicity = np.ones(y.shape[0]) if multiplicity is None else multiplicity
        weights = (
            multiplicity if sample_weight is None else multiplicity * sample_weight
        )
        if self.class_weight is not None:
            counted = weights if self.balances_weights else multiplicity
            weights = weights * self._of_classes(y, counted, classes)[y]
        total = {"sum": 1.0, "count": multiplicity.sum(), "weight": weights.sum()}
        return Rows(X, self.encode(y), weights / total[self.reduction])

    def engine(
        self,
        hypergradient: str = "auto",
        *,
        shape: tuple[int, int],
        truncate: int | None = None,
    ) -> Engine:
        """Make the engine that trains the learner and differentiates it.

        Parameters
        ----------
        hypergradient : {"auto", "implicit", "unrolled", "back-gradient"}, \
                default="auto"
            The method; see
            :func:`skpoison.bilevel.differentiation.engines.make_engine`.
        shape : tuple of int
            (n_samples, n_features) of the training rows, approximately.
        truncate : int, default=None
            How many of the last steps are differentiated. None: all of them.

        Returns
        -------
        engine : Engine

        Raises
        ------
        ValueError
            If the learner cannot be differentiated in this way.
        """
        return make_engine(
            self.learner,
            hypergradient,
            shape=shape,
            n_steps=self.n_steps,
            rate=self.rate,
            truncate=truncate,
        )

    def _of_classes(self, y, counted, classes):
        """Compute the weights of the classes."""
        codes = np.arange(int(y.max()) + 1)
        if self.class_weight == "balanced":
            counts = np.bincount(y, weights=counted)
            return counts.sum() / (codes.shape[0] * np.maximum(counts, TINY))
        named = self.class_weight
        if classes is not None:
            unknown = set(named) - set(classes.tolist())
            if unknown:
                raise ValueError(
                    "`class_weight` of the surrogate must name classes of y, which "
                    f"are {listed(classes)}; got {listed(list(unknown))}."
                )
            named = {k: named.get(label, 1) for k, label in enumerate(classes)}
        return compute_class_weight(named, classes=codes, y=y)


@singledispatch
def as_training_problem(estimator, n_classes=None):
    """Translate an estimator into its training problem.

    Parameters
    ----------
    estimator : estimator
        The estimator; it need not be fitted.
    n_classes : int, default=None
        Number of classes; None for a regressor.

    Returns
    -------
    surrogate : TrainingProblem

    Raises
    ------
    TypeError
        If the training of such an estimator cannot be differentiated here.
    ValueError
        If it cannot with these parameters.
    """
    other = RegressorMixin if n_classes is not None else ClassifierMixin
    names = sorted(
        kind.__name__
        for kind in as_training_problem.registry
        if kind is not object and not issubclass(kind, other)
    )
    name = type(estimator).__name__
    raise TypeError(
        f"`surrogate` must be an estimator whose training can be differentiated here; "
        f"got {name}. Take one of {', '.join(names)} as the surrogate, and attack "
        f"{name} by transfer: poison made for one learner harms others."
    )


def _zero_or_one(codes):
    return codes.astype(float)[:, np.newaxis]


def _plus_or_minus(n_classes):
    if n_classes == 2:
        return lambda codes: 2.0 * codes[:, np.newaxis] - 1
    return lambda codes: 2.0 * (codes[:, np.newaxis] == np.arange(n_classes)) - 1


def _one_hot(n_classes):
    return lambda codes: (codes[:, np.newaxis] == np.arange(n_classes)).astype(float)


def _responses(y):
    return y.astype(float).reshape(y.shape[0], -1)


def _refuse(estimator, parameter, wanted):
    raise ValueError(
        f"`{parameter}` of {type(estimator).__name__} must be {wanted} if it is the "
        "surrogate, because its training cannot be differentiated otherwise; got "
        f"{getattr(estimator, parameter)!r}."
    )


def _logistic(n_classes):
    if n_classes == 2:
        return Logistic(), _zero_or_one
    return Multinomial(), _one_hot(n_classes)


def _l1_ratio(estimator):
    """Return the share of the l1 penalty, however the version spells it."""
    if estimator.penalty in ("l1", "l2", None):
        return float(estimator.penalty == "l1")
    return float(getattr(estimator, "l1_ratio", None) or 0)


def _elastic_net(loss, penalty, l1_ratio, intercept, penalised=False):
    """Make a linear learner with an l2 penalty, an l1 penalty, or both.

    The intercept is penalised as the features are, or not at all.
    """
    squared, absolute = (1 - l1_ratio) * penalty, l1_ratio * penalty
    of_intercept = squared if penalised else 0.0
    if absolute == 0:
        return LinearLearner(loss, squared, intercept, of_intercept)
    return L1Learner(
        loss,
        squared,
        intercept,
        of_intercept,
        l1_penalty=absolute,
        intercept_l1_penalty=absolute if penalised else 0.0,
    )


@as_training_problem.register
def _(estimator: LogisticRegression, n_classes=None):
    if isinstance(estimator, LogisticRegressionCV):
        return as_training_problem.dispatch(object)(estimator, n_classes)
    # Before scikit-learn 1.8: not several sigmoids, nor a softmax for two classes, the
    # penalty of which is another one.
    other, wanted = ("multinomial", "ovr") if n_classes == 2 else ("ovr", "multinomial")
    if getattr(estimator, "multi_class", "deprecated") == other:
        _refuse(estimator, "multi_class", repr(wanted))
    if estimator.solver == "liblinear" and n_classes > 2:
        _refuse(estimator, "solver", "'lbfgs'")
    penalty = 0.0 if estimator.penalty is None else 1 / estimator.C
    loss, encode = _logistic(n_classes)
    intercept, penalised = float(estimator.fit_intercept), False
    if estimator.solver == "liblinear" and estimator.fit_intercept:
        intercept, penalised = estimator.intercept_scaling, True
    return TrainingProblem(
        _elastic_net(loss, penalty, _l1_ratio(estimator), intercept, penalised),
        encode,
        class_weight=estimator.class_weight,
        balances_weights=BALANCES_WEIGHTS,
    )


@as_training_problem.register(Ridge)
@as_training_problem.register(RidgeClassifier)
def _(estimator, n_classes=None):
    if estimator.positive:
        _refuse(estimator, "positive", "False")
    if not np.isscalar(estimator.alpha):
        _refuse(estimator, "alpha", "a single number")
    learner = LinearLearner(Squared(), estimator.alpha, float(estimator.fit_intercept))
    if is_classifier(estimator):
        encode = _plus_or_minus(n_classes)
        return TrainingProblem(learner, encode, class_weight=estimator.class_weight)
    return TrainingProblem(learner, _responses)


@as_training_problem.register
def _(estimator: LinearSVC, n_classes=None):
    if estimator.penalty != "l2":
        _refuse(estimator, "penalty", "'l2'")
    if estimator.multi_class != "ovr":
        _refuse(estimator, "multi_class", "'ovr'")
    if estimator.class_weight is not None and n_classes > 2:
        # liblinear weights each class against the rest, not the rows of the rest by
        # their own classes.
        _refuse(estimator, "class_weight", "None")
    # The hinge loss is not twice differentiable: a smooth approximation replaces it.
    loss = SquaredHinge() if estimator.loss == "squared_hinge" else SmoothedHinge()
    penalty = 1 / estimator.C
    intercept = estimator.intercept_scaling if estimator.fit_intercept else 0.0
    return TrainingProblem(
        LinearLearner(loss, penalty, intercept, penalty),
        _plus_or_minus(n_classes),
        class_weight=estimator.class_weight,
        balances_weights=BALANCES_WEIGHTS,
    )


@as_training_problem.register(SGDClassifier)
@as_training_problem.register(SGDRegressor)
def _(estimator, n_classes=None):
    if estimator.penalty not in ("l2", None):
        _refuse(estimator, "penalty", "'l2'")
    penalty = 0.0 if estimator.penalty is None else estimator.alpha
    losses = {
        "log_loss": Logistic(),
        "hinge": SmoothedHinge(),
        "squared_hinge": SquaredHinge(),
        "squared_error": Squared(),
        "huber": Huber(estimator.epsilon),
    }
    if estimator.loss not in losses:
        known = [
            name
            for name in losses
            if is_classifier(estimator) or name in ("squared_error", "huber")
        ]
        _refuse(estimator, "loss", " or ".join(map(repr, known)))
    if getattr(estimator, "class_weight", None) is not None and n_classes > 2:
        # Each class is weighted against the rest, not the rows of the rest by their own
        # classes.
        _refuse(estimator, "class_weight", "None")
    loss = losses[estimator.loss]
    learner = LinearLearner(loss, penalty, float(estimator.fit_intercept))
    if not is_classifier(estimator):
        return TrainingProblem(learner, _responses, "count", is_stochastic=True)
    encode = _plus_or_minus(n_classes)
    if estimator.loss == "log_loss":
        encode = _zero_or_one if n_classes == 2 else _one_hot(n_classes)
    return TrainingProblem(
        learner, encode, "count", estimator.class_weight, is_stochastic=True
    )


@as_training_problem.register(GradientDescentClassifier)
@as_training_problem.register(GradientDescentRegressor)
def _(estimator, n_classes=None):
    loss, encode = Squared(), _responses
    if is_classifier(estimator):
        encode = _plus_or_minus(n_classes)
        if estimator.loss == "log_loss":
            loss, encode = _logistic(n_classes)
    learner = LinearLearner(loss, estimator.alpha, float(estimator.fit_intercept))
    return TrainingProblem(
        learner,
        encode,
        "weight",
        n_steps=estimator.n_steps,
        rate=estimator.learning_rate,
    )
