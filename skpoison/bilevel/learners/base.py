r"""What does the mathematics of poisoning ask of a learner?

A learner minimises an objective :math:`C(W)` over its training rows. Poisoning asks for
products with its Hessian, :math:`\nabla^2 C(W) \, U`, and how
:math:`\langle V, \nabla C(W) \rangle` moves with a row, for a direction :math:`V` in
the weights.

Of a `Point` a learner has to give the objective, its gradient in the weights, and that
in the rows; the products with second derivatives are then central differences of these,

.. math::

    \nabla^2 C(W) \, U \approx
    \frac{\nabla C(W + h U) - \nabla C(W - h U)}{2h}, \qquad
    \nabla_{x_i} \langle V, \nabla C(W) \rangle \approx
    \frac{\nabla_{x_i} C(W + h V) - \nabla_{x_i} C(W - h V)}{2h} ,

exact to some ten digits.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

# Steps of descent whose outer products are added up at once.
STEPS_AT_ONCE = 64


@dataclass(frozen=True)
class Rows:
    """Training rows as a learner sees them.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The features.
    targets : ndarray of shape (n_samples, n_outputs)
        The targets.
    weights : ndarray of shape (n_samples,)
        The weights of the rows in the objective, :math:`a_i`.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @cached_property
    def norm(self):
        """The root of the sum of all squares of features."""
        X = self.X if isinstance(self.X, np.ndarray) else self.X.data
        return float(np.linalg.norm(X))

    @cached_property
    def gram(self):
        """The inner products of all rows, of shape (n_samples, n_samples)."""
        gram = self.X @ self.X.T
        return gram if isinstance(gram, np.ndarray) else gram.toarray()

    def with_features(self, X):
        """Put other features in the place of these.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        rows : Rows
        """
        return replace(self, X=X)

    def with_targets(self, targets, weights=None):
        """Put other targets, and weights, in the place of these.

        What has been computed of the features stays known.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
            The targets.
        weights : ndarray of shape (n_samples,), default=None
            The weights; None leaves them as they are.

        Returns
        -------
        rows : Rows
        """
        weights = self.weights if weights is None else weights
        rows = replace(self, targets=targets, weights=weights)
        known = {"norm", "gram"} & vars(self).keys()
        vars(rows).update({name: vars(self)[name] for name in known})
        return rows


class Point(ABC):
    """An objective at some weights: what the mathematics of poisoning asks of it.

    What is computed once, such as the scores of the rows, serves all questions.

    Parameters
    ----------
    learner : Learner
        The learner.
    W : ndarray of shape (n_parameters, n_outputs)
        The weights.
    rows : Rows
        The training rows.
    """

    def __init__(self, learner, W, rows):
        self.learner = learner
        self.W = W
        self.rows = rows

    @abstractmethod
    def objective(self):
        """Compute the objective.

        Returns
        -------
        objective : float
        """

    @abstractmethod
    def gradient(self):
        """Differentiate the objective in the weights.

        Returns
        -------
        gradient : ndarray of shape (n_parameters, n_outputs)
        """

    def gradient_scale(self):
        """Say how large the gradient would be if nothing in its sum cancelled.

        Returns
        -------
        scale : float
        """
        return 1.0

    def data_gradient(self, indices=slice(None)):
        """Differentiate the objective in rows.

        Parameters
        ----------
        indices : slice, default=slice(None)
            The rows in question.

        Returns
        -------
        features : ndarray of shape (n_rows, n_features)
            The gradient in the features.
        targets : ndarray of shape (n_rows, n_outputs)
            The gradient in the targets.
        weights : ndarray of shape (n_rows,)
            The gradient in the weights of the rows: their losses.
        """
        raise NotImplementedError

    def hessian_product(self, U):
        """Multiply the Hessian of the objective with a direction.

        Parameters
        ----------
        U : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        return self._central_difference(U, lambda point: [point.gradient()])[0]

    def data_vjp(self, V, indices=slice(None)):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.
        indices : slice, default=slice(None)
            The rows in question.

        Returns
        -------
        features : ndarray of shape (n_rows, n_features)
            The gradient in the features.
        targets : ndarray of shape (n_rows, n_outputs)
            The gradient in the targets.
        weights : ndarray of shape (n_rows,)
            The gradient in the weights of the rows.
        """
        return self._central_difference(V, lambda point: point.data_gradient(indices))

    def _central_difference(self, U, parts_of):
        """Differentiate functions of the weights along a direction."""
        norm = np.linalg.norm(U)
        if norm == 0:
            return [np.zeros_like(part) for part in parts_of(self)]
        h = np.cbrt(np.finfo(np.float64).eps) * max(1, np.linalg.norm(self.W)) / norm
        after = parts_of(self.learner.at(self.W + h * U, self.rows))
        before = parts_of(self.learner.at(self.W - h * U, self.rows))
        return [(b - a) / (2 * h) for a, b in zip(before, after, strict=True)]


class Learner(ABC):
    """A learner that minimises an objective in its weights."""

    @abstractmethod
    def shape(self, rows):
        """Say the shape of the weights.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        shape : tuple of int
            (n_parameters, n_outputs).
        """

    def start(self, rows):
        """Give the weights from which descent sets out: 0, where nothing else is said.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        W : ndarray of shape (n_parameters, n_outputs)
        """
        return np.zeros(self.shape(rows))

    @abstractmethod
    def at(self, W, rows):
        """Take the objective at some weights.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        rows : Rows
            The training rows.

        Returns
        -------
        point : Point
        """

    @abstractmethod
    def scores(self, X, W):
        """Compute the scores of rows.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_outputs)
        """

    @abstractmethod
    def score_vjp(self, X, W, R):
        r"""Differentiate :math:`\langle R, \mathrm{scores}(X, W) \rangle` in W.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        R : ndarray of shape (n_samples, n_outputs)
            A value for each score.

        Returns
        -------
        gradient : ndarray of shape (n_parameters, n_outputs)
        """

    def storage(self, rows):
        """Say how many numbers a step of descent keeps, to be differentiated.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        n_numbers : int
        """
        n_parameters, n_outputs = self.shape(rows)
        return (n_parameters + 2 * rows.targets.shape[0]) * n_outputs

    def project_out_softmax_nullspace(self, V):
        """Remove from a direction what neither predictions nor penalties depend on.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        V : ndarray of shape (n_parameters, n_outputs)
        """
        return V

    def l1_value(self, W):
        """Compute what absolute values of weights cost: here nothing.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
        """
        return 0.0

    def l1_subgradient(self, W):
        """Differentiate what absolute values of weights cost; 0 where weights are.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        slopes : ndarray of shape (n_parameters, n_outputs)
        """
        return np.zeros_like(W)

    def reverse_pass(self, points, V, indices, rate):
        r"""Add up over steps of descent what each of them makes of the rows.

        Parameters
        ----------
        points : iterable of Point
            The objective before each step, the last step first.
        V : ndarray of shape (n_parameters, n_outputs)
            A gradient in the weights after the last step.
        indices : slice
            The training rows in question.
        rate : float
            Length of a step, relative to the gradient.

        Returns
        -------
        features, targets, weights : ndarray
            The gradients in the features, the targets and the weights of the rows.
        """
        total = [0.0, 0.0, 0.0]
        for point in points:
            for place, part in enumerate(point.data_vjp(V, indices)):
                total[place] = total[place] - rate * part
            V = V - rate * point.hessian_product(V)
        return total
