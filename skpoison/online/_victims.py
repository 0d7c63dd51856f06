"""Estimators as learners from a stream: their steps, from where they stand."""

from functools import singledispatch
from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _is_fitted

from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.online._descent import Adam, DescentState, Momentum
from skpoison.online._losses import stream_loss
from skpoison.online._sgd import SPARSE_INTERCEPT_DECAY, SGDState
from skpoison.surrogates import (
    GradientDescentClassifier,
    GradientDescentRegressor,
    as_training_problem,
)
from skpoison.utils._validation import changes_to


@singledispatch
def as_stream_learner(estimator, n_features, classes=None, *, is_sparse=False):
    """Translate an estimator into the steps that it takes.

    Parameters
    ----------
    estimator : estimator
        The estimator. If it is fitted, its steps go on from there.
    n_features : int
        Number of features.
    classes : ndarray of shape (n_classes,), default=None
        The class labels; None for a regressor.
    is_sparse : bool, default=False
        Whether it learns from sparse rows.

    Returns
    -------
    state : SGDState or DescentState
        The learner as it stands.

    Raises
    ------
    TypeError
        If the steps of such an estimator are not known.
    ValueError
        If they are not with these parameters.
    """
    raise TypeError(
        "`surrogate` must be an estimator whose steps can be differentiated here; got "
        f"{type(estimator).__name__}. Take SGDClassifier(loss='log_loss'), and attack "
        f"{type(estimator).__name__} by transfer: poison made for one learner harms "
        "others."
    )


@as_stream_learner.register(FrozenEstimator)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    return as_stream_learner(
        estimator.estimator, n_features, classes, is_sparse=is_sparse
    )


@as_stream_learner.register(SGDClassifier)
@as_stream_learner.register(SGDRegressor)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    _check_sgd(estimator)
    _check_learns(estimator, n_features, classes)
    targets = class_weight = None
    n_outputs = 1
    if classes is not None:
        codes = np.arange(classes.shape[0])
        n_outputs = 1 if codes.shape[0] == 2 else codes.shape[0]
        outputs = np.arange(n_outputs) + (n_outputs == 1)
        targets = np.where(codes[:, np.newaxis] == outputs, 1.0, -1.0)
        class_weight = _class_weights(estimator, classes, targets)
    variants = {"pa1": 1, "pa2": 2}
    state = SGDState(
        stream_loss(estimator, of_labels=classes is not None),
        targets,
        _rate(estimator),
        (n_outputs, n_features),
        passive_aggressive=variants.get(estimator.learning_rate, 0),
        penalty=0.0 if estimator.penalty is None else estimator.alpha,
        l1_ratio={"l1": 1.0, "elasticnet": estimator.l1_ratio}.get(
            estimator.penalty, 0.0
        ),
        intercept_decay=float(estimator.fit_intercept)
        * (SPARSE_INTERCEPT_DECAY if is_sparse else 1.0),
        class_weight=class_weight,
        is_sparse=is_sparse,
    )
    if _is_fitted(estimator, "coef_"):
        state.coef = np.array(estimator.coef_, dtype=float).reshape(n_outputs, -1)
        state.intercept = np.array(estimator.intercept_, dtype=float)
        state.t = float(estimator.t_)
    return state


def _check_learns(estimator, n_features, classes):
    """Let a clone learn a row of zeros: what an estimator refuses, it names itself."""
    if _is_fitted(estimator):
        return  # it has learnt rows
    learner, row = clone(estimator), np.zeros((1, n_features))
    if hasattr(learner, "verbose"):
        learner.set_params(verbose=0)
    size = getattr(learner, "batch_size", None)
    if isinstance(size, Integral) and size > 1:  # of one row it would warn
        learner.set_params(batch_size=1)
    if classes is None:
        learner.partial_fit(row, np.zeros(1))
    else:
        learner.partial_fit(row, classes[:1], classes=classes)


def _check_sgd(estimator):
    """Raise if the weights that predict are not those that learn, or steps vary."""
    wanted = {"average": False}
    if estimator.learning_rate == "adaptive":
        wanted["learning_rate"] = "constant"
    changes = changes_to(estimator, wanted)
    if changes:
        raise ValueError(
            f"`surrogate` must take its steps one after the other from where it "
            f"stands; this {type(estimator).__name__} does not. Set {changes}, and "
            "attack other learners by transfer."
        )
    if getattr(estimator, "class_weight", None) == "balanced":
        raise ValueError(
            "`class_weight` of the surrogate must be a dict or None, because "
            "partial_fit knows no shares of classes; got 'balanced'."
        )


def _rate(estimator):
    """Return the rate as a function of the number of the step, from 1."""
    name, eta0, alpha = estimator.learning_rate, estimator.eta0, estimator.alpha
    if name == "invscaling":
        return lambda t: eta0 / t**estimator.power_t
    if name == "optimal":
        # Bottou's heuristic: the first step is as long as a typical weight.
        first = 1.0 / (np.sqrt(1.0 / np.sqrt(alpha)) * alpha)
        return lambda t: 1.0 / (alpha * (first + t - 1))
    return lambda t: eta0


def _class_weights(estimator, classes, targets):
    """Return the weight of a row of each class for each output; None if it is 1."""
    if estimator.class_weight is None:
        return None
    weights = compute_class_weight(estimator.class_weight, classes=classes, y=classes)
    if classes.shape[0] == 2:
        return weights[:, np.newaxis]
    return np.where(targets > 0, weights[:, np.newaxis], 1.0)


@as_stream_learner.register(GradientDescentClassifier)
@as_stream_learner.register(GradientDescentRegressor)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    _check_learns(estimator, n_features, classes)
    n_classes = None if classes is None else classes.shape[0]
    problem = as_training_problem(estimator, n_classes)
    outputs = np.zeros((1, 1 if n_classes in (None, 2) else n_classes))
    shape = problem.learner.shape(Rows(np.zeros((1, n_features)), outputs, np.ones(1)))
    weights = np.zeros(shape)
    if _is_fitted(estimator, "coef_"):
        weights[:n_features] = np.reshape(estimator.coef_, (shape[1], -1)).T
        if estimator.fit_intercept:
            weights[n_features] = estimator.intercept_
    update = Momentum(lambda n_seen: estimator.learning_rate)
    return DescentState(
        problem.learner, problem.encode, weights, update, normalise=True
    )


@as_stream_learner.register(MLPClassifier)
@as_stream_learner.register(MLPRegressor)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    _check_network(estimator)
    _check_learns(estimator, n_features, classes)
    n_outputs = 1
    loss, encode = Squared(), lambda y: np.reshape(y, (-1, 1)).astype(float)
    if classes is not None:
        codes = np.arange(classes.shape[0])
        loss = Logistic() if codes.shape[0] == 2 else Multinomial()
        codes = codes[-1:] if codes.shape[0] == 2 else codes
        n_outputs = codes.shape[0]
        encode = lambda y: (np.reshape(y, (-1, 1)) == codes).astype(float)  # noqa: E731
    hidden = np.atleast_1d(estimator.hidden_layer_sizes).astype(int).tolist()
    learner = NetworkLearner(
        tuple(hidden),
        estimator.activation,
        loss,
        estimator.alpha,
        np.random.RandomState(estimator.random_state),
    )
    if _is_fitted(estimator, "coefs_"):
        weights = _in_one_column(estimator.coefs_ + estimator.intercepts_)
    else:
        empty = Rows(np.zeros((1, n_features)), np.zeros((1, n_outputs)), np.ones(1))
        weights = learner.start(empty)
    return DescentState(
        learner, encode, weights, _network_update(estimator), normalise=False
    )


def _in_one_column(params):
    """Return weights and intercepts of layers in the layout of the learner."""
    half = len(params) // 2
    layers = zip(params[:half], params[half:], strict=True)
    parts = [np.vstack([coef, intercept]).ravel() for coef, intercept in layers]
    return np.concatenate(parts)[:, np.newaxis]


def _network_update(estimator):
    """Return the updates of a network, from where its optimizer stands."""
    optimizer = getattr(estimator, "_optimizer", None)
    first = estimator.learning_rate_init
    if estimator.solver == "adam":
        given = estimator.beta_1, estimator.beta_2, estimator.epsilon
        if optimizer is None:
            return Adam(first, *given)
        means = _in_one_column(optimizer.ms), _in_one_column(optimizer.vs)
        return Adam(first, *given, *means, optimizer.t)
    power = estimator.power_t if estimator.learning_rate == "invscaling" else 0.0
    update = Momentum(
        lambda n_seen: first / (n_seen + 1) ** power if n_seen else first,
        estimator.momentum,
        estimator.nesterovs_momentum and estimator.momentum > 0,
    )
    if optimizer is not None:
        update.velocity = _in_one_column(optimizer.velocities)
        update.n_seen = estimator.t_
    return update


def _check_network(estimator):
    """Raise if the steps of a network depend on more than the rows of a call."""
    wanted = {"early_stopping": False}
    if estimator.solver == "sgd" and estimator.learning_rate == "adaptive":
        wanted["learning_rate"] = "constant"
    if getattr(estimator, "loss", "squared_error") == "poisson":
        wanted["loss"] = "squared_error"
    changes = changes_to(estimator, wanted)
    if changes:
        raise ValueError(
            "`surrogate` must learn from each call of partial_fit by one step; this "
            f"{type(estimator).__name__} does not. Set {changes}, and attack other "
            "networks by transfer."
        )
