"""Training rows as learners see them."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from skpoison.bilevel.learners.grams import Features, Gram, GramMemory
from skpoison.bilevel.learners.stacked import StackedRows

# Steps of power iteration.
POWER_STEPS = 4


@dataclass(frozen=True)
class Rows:
    """Training rows as a learner sees them.

    Parameters
    ----------
    X : {ndarray, sparse matrix, StackedRows} of shape (n_samples, n_features)
        The features.
    targets : ndarray of shape (n_samples, n_outputs)
        The targets.
    weights : ndarray of shape (n_samples,)
        The weights of the rows in the objective, :math:`a_i`.
    memory : GramMemory, default=GramMemory()
        What is known of inner products of rows, from other training sets that begin
        with the same rows.
    """

    X: Features
    targets: np.ndarray
    weights: np.ndarray
    memory: GramMemory = field(default_factory=GramMemory, repr=False, compare=False)

    @cached_property
    def norm(self) -> float:
        """The Frobenius norm of the features."""
        if "rough_gram" in vars(self):
            return float(np.sqrt(self.rough_gram.diagonal.sum()))
        if isinstance(self.X, StackedRows):
            return float(np.sqrt(self.X.squared_norms().sum()))
        X = self.X if isinstance(self.X, np.ndarray) else self.X.data
        return float(np.linalg.norm(X))

    @cached_property
    def gram(self) -> np.ndarray:
        """The inner products of all rows, of shape (n_samples, n_samples)."""
        if isinstance(self.X, StackedRows):
            return self.X.gram()
        if not isinstance(self.X, np.ndarray):
            return (self.X @ self.X.T).toarray()
        if "rough_gram" in vars(self) and not self.rough_gram.is_single:
            return self.rough_gram.matrix
        return self.memory.matrix(self.X, np.float64)

    @cached_property
    def rough_gram(self) -> Gram:
        """The inner products of all rows in single precision, or not stored."""
        return self.memory.gram(self.X)

    @cached_property
    def components(self) -> np.ndarray:
        """The largest components of `rough_gram`, of shape (n_samples, rank)."""
        basis = self.rough_gram.largest(self.memory.basis)
        self.memory.basis = basis
        return basis

    @cached_property
    def dominant(self) -> np.ndarray:
        """A column close to the dominant eigenvector of `rough_gram`."""
        v = np.random.RandomState(0).normal(size=(self.targets.shape[0], 1))
        for _ in range(POWER_STEPS):
            v = self.rough_gram.product(v)
            v /= np.linalg.norm(v) or 1.0
        return v

    @cached_property
    def factors(self) -> dict[bytes, list]:
        """The last factors of systems of the size of the rows, by their curvatures."""
        return {}

    def use_double_precision(self) -> None:
        """Remember that single precision does not do for these rows and later ones."""
        if self.memory.is_single:
            self.memory.is_single = False
            for name in ("rough_gram", "components", "dominant"):
                vars(self).pop(name, None)

    def with_features(self, X: Features) -> "Rows":
        """Return rows with other features.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        rows : Rows
        """
        return replace(self, X=X, memory=GramMemory())

    def with_targets(
        self, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> "Rows":
        """Return rows with other targets and weights.

        What has been computed from the features is kept.

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
        known = {"norm", "gram", "rough_gram", "components", "dominant"} & vars(
            self
        ).keys()
        vars(rows).update({name: vars(self)[name] for name in known})
        return rows
