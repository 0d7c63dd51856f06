r"""Training objectives, and the base classes of learners.

A learner minimises an objective :math:`C(W)` over its training rows. Hypergradients ask
for products with its Hessian, :math:`\nabla^2 C(W) \, U`, and for the gradient of
:math:`\langle V, \nabla C(W) \rangle` in a training row, for a direction :math:`V` in
the weights: a vector-Jacobian product with the mixed second derivative.

A learner of a new kind gives its objective, the gradient of that in the weights and in
the rows, and its scores. The products with second derivatives are then central
differences of these gradients,

.. math::

    \nabla^2 C(W) \, U \approx
    \frac{\nabla C(W + h U) - \nabla C(W - h U)}{2h}, \qquad
    \nabla_{x_i} \langle V, \nabla C(W) \rangle \approx
    \frac{\nabla_{x_i} C(W + h V) - \nabla_{x_i} C(W - h V)}{2h} ,

exact to some ten digits, and its optimum is found by a truncated Newton method, which
needs no more than these products.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skpoison.bilevel.learners.columns import LearnerColumns, PointColumns
from skpoison.bilevel.learners.grams import Features
from skpoison.bilevel.learners.rows import Rows

# Gradients in the features, the targets and the weights of rows.
RowGradients = Sequence[np.ndarray]
ALL = slice(None)


class Learner:
    """A learner that minimises an objective over its training rows.

    Attributes
    ----------
    supports : frozenset of str
        What the learner can do; other code asks for this and not for its type.

        * Kinds of goals that mean something for it: "scores"; "parameters" (functions
          of the weights); "coefficients" (one weight a feature); "features" (it
          selects some).
        * How its optimum is found and differentiated: "smooth" (a single optimum, by
          Newton's method and a linear system with the Hessian), "l1" (on the active
          set), "svm_dual" (on the margin support vectors). None of these: it stops
          early, and is differentiated through its steps.
        * "hessian": its Hessian can be assembled and factorised.
        * "leave_one_out": one Newton step leaves out a row.
        * "closed_form": steps of gradient descent have a closed form.
        * "row_span": training depends on features through their inner products.
    """

    supports: frozenset[str] = frozenset({"scores"})


class Point(PointColumns, ABC):
    """The objective of a learner at some weights.

    What is computed once, such as the scores of the rows, serves all questions.

    Parameters
    ----------
    learner : ParametricLearner
        The learner.
    W : ndarray of shape (n_parameters, n_outputs)
        The weights.
    rows : Rows
        The training rows.
    """

    def __init__(self, learner: "ParametricLearner", W: np.ndarray, rows: Rows):
        self.learner = learner
        self.W = W
        self.rows = rows

    @abstractmethod
    def objective(self) -> float:
        """Compute the objective.

        Returns
        -------
        objective : float
        """

    @abstractmethod
    def gradient(self) -> np.ndarray:
        """Compute the gradient of the objective in the weights.

        Returns
        -------
        gradient : ndarray of shape (n_parameters, n_outputs)
        """

    def gradient_scale(self) -> float:
        """Return how large the gradient would be if nothing in its sum cancelled.

        Returns
        -------
        scale : float
        """
        return 1.0

    def data_gradient(self, indices: slice = ALL) -> RowGradients:
        """Compute the gradient of the objective in training rows.

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

    def hessian_product(self, U: np.ndarray) -> np.ndarray:
        """Multiply the Hessian of the objective by a direction.

        Parameters
        ----------
        U : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        return self._central_difference(U, lambda point: [point.gradient()])[0]

    def data_vjp(self, V: np.ndarray, indices: slice = ALL) -> RowGradients:
        r"""Compute the gradient of :math:`\langle V, \nabla C(W) \rangle` in rows.

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

    def forward_over_reverse(
        self, V: np.ndarray, indices: slice = ALL
    ) -> tuple[np.ndarray, Any]:
        """Compute a Hessian-vector product, and keep what `sum_data_vjp` needs of it.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.
        indices : slice, default=slice(None)
            The rows in question.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
            The product of the Hessian and the direction.
        tangent : object
            Intermediate results for these rows, which the learner understands.
        """
        return self.hessian_product(V), None

    def _central_difference(
        self, U: np.ndarray, parts_of: Callable[["Point"], RowGradients]
    ) -> list[np.ndarray]:
        """Differentiate functions of the weights along a direction."""
        norm = np.linalg.norm(U)
        if norm == 0:
            return [np.zeros_like(part) for part in parts_of(self)]
        h = np.cbrt(np.finfo(np.float64).eps) * max(1, np.linalg.norm(self.W)) / norm
        after = parts_of(self.learner.at(self.W + h * U, self.rows))
        before = parts_of(self.learner.at(self.W - h * U, self.rows))
        return [(b - a) / (2 * h) for a, b in zip(before, after, strict=True)]


# A step of gradient descent that is differentiated: the objective before it, the
# direction V, and what `Point.forward_over_reverse` has kept.
Step = tuple[Point, np.ndarray, Any]


class ParametricLearner(LearnerColumns, Learner):
    """A learner of a fixed number of weights; scores are a function of these."""

    supports = frozenset({"scores", "parameters", "coefficients", "smooth"})

    @abstractmethod
    def shape(self, rows: Rows) -> tuple[int, int]:
        """Return the shape of the weights.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        shape : tuple of int
            (n_parameters, n_outputs).
        """

    def start(self, rows: Rows) -> np.ndarray:
        """Return the initial weights: 0 by default.

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
    def at(self, W: np.ndarray, rows: Rows) -> Point:
        """Return the objective at some weights.

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
    def scores(self, X: Features, W: np.ndarray) -> np.ndarray:
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
    def score_vjp(self, X: Features, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        r"""Compute the gradient of :math:`\langle R, \mathrm{scores}(X, W) \rangle`.

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
            In the weights.
        """

    def storage(self, rows: Rows) -> int:
        """Return how many numbers a stored step of gradient descent takes.

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

    def project_out_softmax_nullspace(self, V: np.ndarray) -> np.ndarray:
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

    def l1_value(self, W: np.ndarray) -> float:
        """Compute the l1 penalty: 0 by default.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        value : float
        """
        return 0.0

    def l1_subgradient(self, W: np.ndarray) -> np.ndarray:
        """Return a subgradient of the l1 penalty, 0 for weights of 0.

        Parameters
        ----------
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.

        Returns
        -------
        subgradient : ndarray of shape (n_parameters, n_outputs)
        """
        return np.zeros_like(W)

    def sum_data_vjp(self, steps: list[Step], indices: slice) -> RowGradients:
        r"""Sum the gradients of :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        steps : list of tuple (Point, ndarray, object)
            The objective at W, the direction V, and what
            :meth:`Point.forward_over_reverse` has kept.
        indices : slice
            The rows in question.

        Returns
        -------
        features, targets, weights : ndarray
            The sums over all steps, in the features, the targets and the weights of
            the rows.
        """
        each = [point.data_vjp(V, indices) for point, V, _ in steps]
        return [sum(parts) for parts in zip(*each, strict=True)]
