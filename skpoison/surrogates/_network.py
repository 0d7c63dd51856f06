"""Training problems of scikit-learn's neural networks.

They are differentiated if they learn by full-batch gradient descent: then every step is
a smooth function of the rows, and what is differentiated is the estimator itself, from
the same initial weights. Other solvers draw batches, search along lines, or stop at a
number of steps that depends on the rows.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.losses import Squared
from skpoison.surrogates._training_problem import (
    TrainingProblem,
    _logistic,
    _responses,
    as_training_problem,
)
from skpoison.utils._validation import changes_to


@dataclass(frozen=True)
class NetworkTrainingProblem(TrainingProblem):
    """The training problem of a network that learns from one batch of all rows.

    Parameters
    ----------
    batch_size : int, default=200
        Maximum number of rows of a batch.
    """

    batch_size: int = 200

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
            The labels themselves.
        multiplicity : ndarray of shape (n_samples,), default=None
            How many times each row counts. None: once.

        Returns
        -------
        rows : Rows

        Raises
        ------
        ValueError
            If they are too many for one batch.
        """
        n_rows = y.shape[0] if multiplicity is None else round(multiplicity.sum())
        if n_rows > self.batch_size:
            raise ValueError(
                "`batch_size` of the surrogate must be at least the number of rows it "
                f"learns from, {n_rows}; got {self.batch_size}. Only steps over all "
                f"rows at once can be differentiated: set batch_size={2 * n_rows}, to "
                "leave room for poison."
            )
        return super().rows(X, y, sample_weight, classes, multiplicity)


@as_training_problem.register(MLPClassifier)
@as_training_problem.register(MLPRegressor)
def _(estimator, n_classes=None):
    _check_full_batch_descent(estimator)
    loss, encode = Squared(), _responses
    if is_classifier(estimator):
        loss, encode = _logistic(n_classes)
    learner = NetworkLearner(
        tuple(np.atleast_1d(estimator.hidden_layer_sizes).astype(int).tolist()),
        estimator.activation,
        loss,
        estimator.alpha,
        _generator(estimator.random_state),
    )
    batch_size = 200 if estimator.batch_size == "auto" else estimator.batch_size
    return NetworkTrainingProblem(
        learner,
        encode,
        n_steps=estimator.max_iter,
        rate=estimator.learning_rate_init,
        batch_size=batch_size,
    )


def _check_full_batch_descent(estimator):
    """Raise an error if a network does not learn by full-batch gradient descent."""
    wanted = {
        "solver": "sgd",
        "momentum": 0,
        "learning_rate": "constant",
        "early_stopping": False,
    }
    if not is_classifier(estimator):
        wanted["loss"] = "squared_error"
    if estimator.n_iter_no_change < estimator.max_iter:
        wanted["tol"] = 0  # otherwise slow progress stops it early
    changes = changes_to(estimator, wanted)
    if changes:
        raise ValueError(
            "`surrogate` must be trained by plain gradient descent on all rows if it "
            f"is a network; this {type(estimator).__name__} is not. Set {changes}. "
            "Poison made for such a network also harms networks that are trained in "
            "other ways: attack them by transfer."
        )


def _generator(random_state):
    """Return the generator of the estimator's initial weights."""
    if isinstance(random_state, np.random.RandomState):
        return deepcopy(random_state)
    if random_state is None:
        random_state = np.random.randint(2**31 - 1)  # noqa: NPY002
    return np.random.RandomState(random_state)
