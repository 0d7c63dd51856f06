r"""What does a linear learner minimise?

With :math:`\tilde x = (x, c)` for a learner with an intercept, weights
:math:`W \in \mathbb R^{p \times K}` and row weights :math:`a_i`,

.. math::

    C(W) = \sum_i a_i \, \varphi(W^\top \tilde x_i, t_i)
        + \tfrac12 \langle W, \Lambda W \rangle ,

where :math:`\Lambda` is diagonal: the same penalty for every feature, another for the
intercept, most often 0. With :math:`g_i` and :math:`S_i` the gradient and the Hessian
of the loss in the scores,

.. math::

    \nabla C(W) = \tilde X^\top (a \, g) + \Lambda W, \qquad
    \nabla^2 C(W) \, U = \tilde X^\top (a \, S \tilde X U) + \Lambda U .

Poisoning asks how :math:`\langle V, \nabla C(W) \rangle` moves with a row, for a
direction :math:`V` in the weights. With :math:`u_i = V^\top \tilde x_i`,

.. math::

    \nabla_{x_i} &= a_i \, ( W_x S_i u_i + V_x g_i ), \\
    \nabla_{t_i} &= a_i \, R_i u_i, \\
    \partial / \partial a_i &= \langle g_i, u_i \rangle ,

where :math:`W_x` is W less the row of the intercept. All rows come from one product
with each matrix.

A learner of one's own needs less than that. Of a `Point` it has to give the objective,
its gradient in the weights, and that in the rows; the products with second derivatives
are then central differences of these,

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
from scipy import sparse

from skpoison.bilevel.losses import Multinomial, SeparableLoss

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

    def row_slopes(self, which=slice(None)):
        """Differentiate the objective in rows.

        Parameters
        ----------
        which : slice, default=slice(None)
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
        return self._along(U, lambda point: [point.gradient()])[0]

    def row_gradients(self, V, which=slice(None)):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.
        which : slice, default=slice(None)
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
        return self._along(V, lambda point: point.row_slopes(which))

    def _along(self, U, parts_of):
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
    def pull_back(self, X, W, R):
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

    def without_shift(self, V):
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

    def l1_slopes(self, W):
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

    def backwards(self, points, V, which, rate):
        r"""Add up over steps of descent what each of them makes of the rows.

        Parameters
        ----------
        points : iterable of Point
            The objective before each step, the last step first.
        V : ndarray of shape (n_parameters, n_outputs)
            A gradient in the weights after the last step.
        which : slice
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
            for place, part in enumerate(point.row_gradients(V, which)):
                total[place] = total[place] - rate * part
            V = V - rate * point.hessian_product(V)
        return total


@dataclass(frozen=True)
class LinearLearner(Learner):
    """A learner that minimises a convex function of linear scores.

    Parameters
    ----------
    loss : SeparableLoss or Multinomial
        What a mistake costs.
    penalty : float
        Weight of half the squared norm of the weights of the features.
    intercept : float, default=1.0
        The constant that stands behind the features; 0 for no intercept.
    intercept_penalty : float, default=0.0
        Weight of half the squared norm of what multiplies that constant.
    """

    loss: SeparableLoss | Multinomial
    penalty: float
    intercept: float = 1.0
    intercept_penalty: float = 0.0

    def shape(self, rows):
        """Say the shape of the weights: (n_features, with the intercept, n_outputs)."""
        return rows.X.shape[1] + bool(self.intercept), rows.targets.shape[1]

    def at(self, W, rows):
        """Take the objective at some weights."""
        return LinearPoint(self, W, rows)

    def penalties(self, n_parameters):
        """Say the penalty of each row of the weights.

        Parameters
        ----------
        n_parameters : int
            Their number, the intercept's included.

        Returns
        -------
        penalties : ndarray of shape (n_parameters, 1)
        """
        penalties = np.full((n_parameters, 1), float(self.penalty))
        if self.intercept:
            penalties[-1] = self.intercept_penalty
        return penalties

    def extended(self, X):
        """Put the constant behind the features.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_samples, n_parameters)
        """
        if not self.intercept:
            return X
        constant = np.full((X.shape[0], 1), float(self.intercept))
        if isinstance(X, np.ndarray):
            return np.concatenate([X, constant], axis=1)
        return sparse.hstack([X.tocsr(), constant], format="csr")

    def scores(self, X, W):
        """Compute the scores of rows."""
        if not self.intercept:
            return X @ W
        return X @ W[:-1] + self.intercept * W[-1]

    def pull_back(self, X, W, R):
        """Multiply the transposed rows with values: the adjoint of `scores`."""
        product = X.T @ R
        if not self.intercept:
            return product
        return np.concatenate([product, self.intercept * R.sum(axis=0, keepdims=True)])

    def without_shift(self, V):
        """Remove from a direction what neither predictions nor penalties depend on.

        One number added to all outputs of a weight leaves the multinomial loss as it
        is. Where no penalty chooses among such weights, the smallest are chosen.
        """
        if self.loss.separable:
            return V
        free = self.penalties(V.shape[0]) == 0
        return V - free * V.mean(axis=1, keepdims=True)

    def backwards(self, points, V, which, rate):
        """Add up over steps of descent what each of them makes of the rows.

        One product with the rows serves both a step and what it makes of them, and the
        outer products of many steps are one product of matrices.
        """
        total, steps = [0.0, 0.0, 0.0], []

        def add():
            for place, part in enumerate(self.row_gradients(steps, which)):
                total[place] = total[place] - rate * part
            steps.clear()

        for point in points:
            u = self.scores(point.rows.X, V)
            steps.append((point, V, u[which]))
            V = V - rate * point.pulled_back(u, V)
            if len(steps) == STEPS_AT_ONCE:
                add()
        if steps:
            add()
        return total

    def row_gradients(self, steps, which):
        r"""Differentiate a sum of :math:`\langle V, \nabla C(W) \rangle` in rows.

        Parameters
        ----------
        steps : list of tuple (LinearPoint, ndarray, ndarray)
            The objective at W, with V and the scores of the rows in question by V.
        which : slice
            These rows.

        Returns
        -------
        features, targets, weights : ndarray
            The gradients in the features, the targets and the weights of the rows.
        """
        rows = steps[0][0].rows
        n_features = rows.X.shape[1]
        weights, targets = rows.weights[which, np.newaxis], rows.targets[which]
        n_steps, (n_rows, n_outputs) = len(steps), targets.shape

        def beside(parts):
            # (n_steps n_rows, n_outputs) to (n_rows, n_steps n_outputs).
            parts = parts.reshape(n_steps, n_rows, n_outputs).swapaxes(0, 1)
            return weights * parts.reshape(n_rows, -1)

        scores = np.concatenate([point.scores[which] for point, _, _ in steps])
        u = np.concatenate([u for _, _, u in steps])
        many = np.tile(targets, (n_steps, 1))
        slopes = np.concatenate([point.slopes[which] for point, _, _ in steps])
        bent = self.loss.hessian_product(scores, many, u)
        answers = self.loss.response_product(scores, many, u)
        W = np.concatenate([point.W[:n_features] for point, _, _ in steps], axis=1)
        V = np.concatenate([V[:n_features] for _, V, _ in steps], axis=1)
        return (
            beside(bent) @ W.T + beside(slopes) @ V.T,
            weights * answers.reshape(n_steps, n_rows, n_outputs).sum(axis=0),
            (slopes * u).sum(axis=1).reshape(n_steps, n_rows).sum(axis=0),
        )


class LinearPoint(Point):
    """The objective of a linear learner at some weights."""

    @cached_property
    def scores(self):
        """The scores of the rows."""
        return self.learner.scores(self.rows.X, self.W)

    @cached_property
    def slopes(self):
        """The gradient of the loss of each row in its scores."""
        return self.learner.loss.gradient(self.scores, self.rows.targets)

    @cached_property
    def curvatures(self):
        """The second derivatives of a separable loss in the scores, weighted."""
        curvatures = self.learner.loss.curvature(self.scores, self.rows.targets)
        return self.rows.weights[:, np.newaxis] * curvatures

    @cached_property
    def penalties(self):
        """The penalty of each row of the weights."""
        return self.learner.penalties(self.W.shape[0])

    def objective(self):
        """Compute the objective."""
        losses = self.learner.loss.value(self.scores, self.rows.targets)
        penalty = (self.penalties * self.W**2).sum() / 2
        return float(self.rows.weights @ losses + penalty)

    def gradient(self):
        """Differentiate the objective in the weights."""
        pulled = self._pull_back(self.rows.weights[:, np.newaxis] * self.slopes)
        return pulled + self.penalties * self.W

    def gradient_scale(self):
        """Say how large the gradient would be if nothing in its sum cancelled."""
        size = np.hypot(
            self.rows.norm, self.learner.intercept * len(self.slopes) ** 0.5
        )
        of_loss = size * np.linalg.norm(self.rows.weights[:, np.newaxis] * self.slopes)
        return of_loss + np.linalg.norm(self.penalties * self.W) or 1.0

    def hessian_product(self, U):
        """Multiply the Hessian of the objective with a direction."""
        return self.pulled_back(self.learner.scores(self.rows.X, U), U)

    def pulled_back(self, u, U):
        """Finish the product of the Hessian with a direction of known scores.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_outputs)
            The scores of the rows by the direction.
        U : ndarray of shape (n_parameters, n_outputs)
            The direction.

        Returns
        -------
        product : ndarray of shape (n_parameters, n_outputs)
        """
        return self._pull_back(self._bend(u)) + self.penalties * U

    def row_gradients(self, V, which=slice(None)):
        r"""Differentiate :math:`\langle V, \nabla C(W) \rangle` in rows."""
        u = self.learner.scores(self.rows.X[which], V)
        return self.learner.row_gradients([(self, V, u)], which)

    def _pull_back(self, R):
        return self.learner.pull_back(self.rows.X, self.W, R)

    def _bend(self, u):
        """Multiply the Hessian of each weighted loss in its scores with a direction."""
        if self.learner.loss.separable:
            return self.curvatures * u
        bent = self.learner.loss.hessian_product(self.scores, self.rows.targets, u)
        return self.rows.weights[:, np.newaxis] * bent
