r"""Derivatives in a shift and in a scale of each column of the rows.

Of a quantity A with the gradients :math:`G_i = \partial A / \partial z_i` in the rows,
a map :math:`z_{ij} \to t_j z_{ij} + m_j` of the columns needs no more than

.. math::

    \frac{\partial A}{\partial m_j} = \sum_i G_{ij}, \qquad
    \frac{\partial A}{\partial t_j} = \sum_i G_{ij} z_{ij}
    \qquad \text{at } t = 1, \; m = 0 ,

two numbers a column in the place of a matrix of the size of the rows.

If A depends on X only by products :math:`X W`, as the objective of a linear learner
does, and that of a network with the weights W of its first layer, not even the rows are
needed: to scale a column of X is to scale the row of W that it is multiplied by, so
that (Euler's theorem on homogeneous functions)

.. math::

    \sum_i x_{ij} \frac{\partial A}{\partial x_{ij}}
        = \sum_k W_{jk} \frac{\partial A}{\partial W_{jk}} .

For :math:`A = \langle V, \nabla C(W) \rangle`, a function of :math:`X W` and
:math:`X V`, the gradient in V is :math:`\nabla C(W)`, and that in W the product
:math:`\nabla^2 C(W) V`, the penalty left out of both: reverse mode has them anyway.
"""

from dataclasses import dataclass

import numpy as np

# Where values have been clipped from below and from above; None for nowhere.
Clipped = tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class ColumnGradient:
    """The gradient of a quantity in a shift and a scale of each column.

    Parameters
    ----------
    shift : ndarray of shape (n_features,)
        The sum over the rows of their gradients.
    scale : ndarray of shape (n_features,)
        The sum over the rows of their gradients times the rows.
    below, above : ndarray of shape (n_features,) or float, default=0.0
        The share of `shift` of values that a scaler has clipped from below and from
        above: they move with the bound.
    """

    shift: np.ndarray
    scale: np.ndarray
    below: np.ndarray | float = 0.0
    above: np.ndarray | float = 0.0

    def __add__(self, other: "ColumnGradient | None") -> "ColumnGradient":
        """Add the gradient of another quantity; None is 0."""
        if other is None:
            return self
        return ColumnGradient(
            self.shift + other.shift,
            self.scale + other.scale,
            self.below + other.below,
            self.above + other.above,
        )

    def __mul__(self, factor: float) -> "ColumnGradient":
        """Multiply the quantity with a number."""
        return ColumnGradient(
            self.shift * factor,
            self.scale * factor,
            self.below * factor,
            self.above * factor,
        )


def column_gradient_of_rows(
    X: np.ndarray,
    gradient: np.ndarray,
    clipped: Clipped = None,
) -> ColumnGradient:
    """Sum the gradients in all rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    gradient : ndarray of shape (n_samples, n_features)
        The gradient in each of them.
    clipped : tuple of ndarray of shape (n_samples, n_features) of bool, default=None
        Where they have been clipped from below and from above; None for nowhere.

    Returns
    -------
    gradient : ColumnGradient
    """
    if isinstance(X, np.ndarray):
        scale = (X * gradient).sum(axis=0)
    else:
        scale = np.asarray(X.multiply(gradient).sum(axis=0)).ravel()
    ends = (0.0, 0.0)
    if clipped is not None:
        ends = ((mask * gradient).sum(axis=0) for mask in clipped)
    return ColumnGradient(gradient.sum(axis=0), scale, *ends)


def column_gradient_of_products(
    *terms: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> ColumnGradient:
    r"""Sum the gradient of a function of products :math:`X W`, by Euler's theorem.

    Parameters
    ----------
    *terms : tuple of ndarray
        For each matrix W, of shape (n_features, n_outputs): W, the gradient in W, of
        the same shape, and the sum over the rows of the gradient in :math:`X W`, of
        shape (n_outputs,).

    Returns
    -------
    gradient : ColumnGradient
    """
    return ColumnGradient(
        sum(W @ of_sum for W, _, of_sum in terms),
        sum((W * of_W).sum(axis=1) for W, of_W, _ in terms),
    )


class PointColumns:
    """Gradients in columns, of the objective of a learner at some weights.

    Here from the gradients in all rows; a learner that knows better overrides them.
    """

    def column_vjp(self, V: np.ndarray, product: np.ndarray) -> ColumnGradient:
        r"""Compute the column gradient of :math:`\langle V, \nabla C(W) \rangle`.

        Parameters
        ----------
        V : ndarray of shape (n_parameters, n_outputs)
            The direction.
        product : ndarray of shape (n_parameters, n_outputs)
            The product of the Hessian and the direction.

        Returns
        -------
        gradient : ColumnGradient
        """
        return column_gradient_of_rows(self.rows.X, self.data_vjp(V)[0])

    def column_gradient(self, clipped: Clipped = None) -> ColumnGradient:
        """Compute the gradient of the objective in columns.

        Parameters
        ----------
        clipped : tuple of ndarray or None, default=None
            As of `column_gradient_of_rows`.

        Returns
        -------
        gradient : ColumnGradient
        """
        return column_gradient_of_rows(self.rows.X, self.data_gradient()[0], clipped)


class LearnerColumns:
    """Gradients in columns, of the scores of a learner.

    Here by central differences; a learner that knows better overrides them.
    """

    def input_vjp(self, X: np.ndarray, W: np.ndarray, R: np.ndarray) -> np.ndarray:
        r"""Compute the gradient of :math:`\langle R, \mathrm{scores} \rangle` in X.

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
        gradient : ndarray of shape (n_samples, n_features)
        """
        X = X.astype(float) if isinstance(X, np.ndarray) else X.toarray()
        gradient = np.empty_like(X)
        for j in range(X.shape[1]):  # the score of a row depends on that row alone
            column = X[:, j].copy()
            h = np.cbrt(np.finfo(np.float64).eps) * max(1, np.abs(column).max())
            X[:, j] = column + h
            after = self.scores(X, W)
            X[:, j] = column - h
            gradient[:, j] = (R * (after - self.scores(X, W))).sum(axis=1) / (2 * h)
            X[:, j] = column
        return gradient

    def input_column_vjp(
        self,
        X: np.ndarray,
        W: np.ndarray,
        R: np.ndarray,
        product: np.ndarray,
        clipped: Clipped = None,
    ) -> ColumnGradient:
        r"""Compute the column gradient of :math:`\langle R, \mathrm{scores} \rangle`.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The rows.
        W : ndarray of shape (n_parameters, n_outputs)
            The weights.
        R : ndarray of shape (n_samples, n_outputs)
            A value for each score.
        product : ndarray of shape (n_parameters, n_outputs)
            What `score_vjp` returns for these.
        clipped : tuple of ndarray or None, default=None
            As of `column_gradient_of_rows`.

        Returns
        -------
        gradient : ColumnGradient
        """
        if clipped is None:
            known = self._known_columns(X, W, R, product)
            if known is not None:
                return known
        return column_gradient_of_rows(X, self.input_vjp(X, W, R), clipped)

    def _known_columns(
        self, X: np.ndarray, W: np.ndarray, R: np.ndarray, product: np.ndarray
    ) -> ColumnGradient | None:
        """Return the gradient if it costs no matrix of the size of X, or None."""
        return None
