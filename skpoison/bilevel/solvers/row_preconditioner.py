r"""Approximate inverse of a matrix of the size of the rows, for conjugate gradients.

For curvatures :math:`D = \operatorname{diag}(d)`, inner products :math:`K` of the rows
and their largest components, :math:`\hat K = F F^\top`
(:mod:`skpoison.bilevel.learners.grams`), the matrix
:math:`M = \lambda I + D^{1/2} K D^{1/2}` is replaced by :math:`\Delta + G G^\top` with

.. math::

    \Delta = \lambda I + D^{1/2} \, B \, D^{1/2}, \qquad G = D^{1/2} F, \qquad
    (\Delta + G G^\top)^{-1} = \Delta^{-1}
        - \Delta^{-1} G (I + G^\top \Delta^{-1} G)^{-1} G^\top \Delta^{-1} ,

where B is the diagonal of what remains, :math:`K - F F^\top`.

**Pairs.** A poison row that was a clone of a training row has still most of it in
common with that row. The two are a direction in which M is nearly singular, and which
the diagonal does not see: as many small eigenvalues as there are poison rows. Where
rows are known to belong together in pairs, B has their products, too, and
:math:`\Delta` consists of blocks of two rows. That takes next to no time, and a third
of the iterations. Like K, the remainder is positive semidefinite, and so are its
blocks.
"""

import numpy as np

from skpoison.bilevel.learners.grams import Gram

# Of two rows in single precision the product may come out too large by rounding.
LARGEST_SHARE = 1 - 1e-6


class RowPreconditioner:
    r"""The inverse of :math:`\Delta + G G^\top`, for one output.

    Parameters
    ----------
    penalty : float
        The penalty :math:`\lambda`.
    roots : ndarray of shape (n_samples,)
        The roots of the curvatures.
    gram : Gram
        The inner products of the rows, and which rows are pairs.
    components : ndarray of shape (n_samples, rank)
        Their largest components F.
    offset : float, default=0.0
        What a penalised intercept adds to all inner products.
    """

    def __init__(
        self,
        penalty: float,
        roots: np.ndarray,
        gram: Gram,
        components: np.ndarray,
        offset: float = 0.0,
    ):
        F = components
        rest = np.maximum(gram.diagonal - np.einsum("ij,ij->i", F, F), 0)
        self.diagonal = (penalty + roots**2 * rest)[:, np.newaxis]
        self.partners = self.across = None
        if gram.pairs is not None:
            first, second = gram.pairs.T
            # The paired rows, and the partner of each of them.
            self.partners = np.append(first, second), np.append(second, first)
            limits = LARGEST_SHARE * np.sqrt(rest[first] * rest[second])
            products = gram.products_of_pairs
            products = products - np.einsum("ij,ij->i", F[first], F[second])
            across = roots[first] * roots[second] * np.clip(products, -limits, limits)
            self.across = np.tile(across, 2)[:, np.newaxis]
            own, other = (self.diagonal[each] for each in self.partners)
            self.determinants = own * other - self.across**2
        if offset:
            F = np.column_stack([F, np.full(F.shape[0], np.sqrt(offset))])
        dtype = float if gram.matrix is None else gram.matrix.dtype
        G = roots[:, np.newaxis] * F
        small = G.T @ self._without_components(G)
        small[np.diag_indices_from(small)] += 1
        self.small, self.G = np.linalg.inv(small).astype(dtype), G.astype(dtype)

    def __call__(self, B: np.ndarray) -> np.ndarray:
        """Apply the inverse.

        Parameters
        ----------
        B : ndarray of shape (n_samples, n_columns)
            The columns that it is applied to.

        Returns
        -------
        Y : ndarray of shape (n_samples, n_columns)
        """
        part = self._without_components(B)
        of_components = self.small @ (part.T.astype(self.G.dtype) @ self.G).T
        return part - self._without_components(self.G @ of_components)

    def _without_components(self, B: np.ndarray) -> np.ndarray:
        r"""Apply :math:`\Delta^{-1}`."""
        Y = B / self.diagonal
        if self.partners is not None:
            rows, others = self.partners
            right = self.diagonal[others] * B[rows] - self.across * B[others]
            Y[rows] = right / self.determinants
        return Y
