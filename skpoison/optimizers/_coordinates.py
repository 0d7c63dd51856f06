"""Coordinates in which an attack moves poison rows.

Every feature is scaled to a range of 1 over the training rows, and so is the response
if it moves: it becomes one more column there, and nowhere else. Feasible sets are
measured in the units of the data, so that each projection goes there and back.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.utils._ranges import column_ranges


@dataclass(frozen=True)
class PoisonRows:
    """Poison rows in the units of the data.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The features.
    y : ndarray of shape (n_rows,)
        The responses, or the labels as positions among the classes.
    """

    X: np.ndarray
    y: np.ndarray

    def __getitem__(self, indices):
        """Return some of the rows."""
        return PoisonRows(self.X[indices], self.y[indices])

    def __len__(self):
        """Return the number of rows."""
        return self.X.shape[0]


def stack(first, second):
    """Return rows with further rows behind them.

    Parameters
    ----------
    first, second : PoisonRows
        The rows.

    Returns
    -------
    rows : PoisonRows
    """
    return PoisonRows(
        np.concatenate([first.X, second.X]), np.concatenate([first.y, second.y])
    )


@dataclass(frozen=True)
class Coordinates:
    """Map between poison rows and points of an optimizer.

    Parameters
    ----------
    feasible_set : BaseFeasibleSet
        Where the features may lie; fitted.
    relaxed : BaseFeasibleSet
        Its convex relaxation; the set itself if it is convex.
    low, width : ndarray of shape (n_columns,)
        The smallest value and the range of each feature over the training rows; then
        of the response, if it moves.
    response_range : tuple of float, default=None
        Where responses may lie; None if they do not move.
    """

    feasible_set: object
    relaxed: object
    low: np.ndarray
    width: np.ndarray
    response_range: tuple | None = None

    @property
    def is_convex(self):
        """Whether the feasible set is convex."""
        return self.relaxed is self.feasible_set

    @property
    def moves_responses(self):
        """Whether responses move."""
        return self.response_range is not None

    def point(self, rows):
        """Return the point of poison rows.

        Parameters
        ----------
        rows : PoisonRows
            The rows.

        Returns
        -------
        x : ndarray of shape (n_rows, n_columns)
        """
        return (self._joined(rows.X, rows.y) - self.low) / self.width

    def rows(self, x, start):
        """Return the poison rows of a point.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_columns)
            The point.
        start : PoisonRows
            The initial rows, whose labels and responses stay if these do not move.

        Returns
        -------
        rows : PoisonRows
        """
        return self._split(self.low + self.width * x, start)

    def unrounded_rows(self, x, start):
        """Return the poison rows of a point, and entries that have not moved exactly.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_columns)
            The point.
        start : PoisonRows
            The initial rows.

        Returns
        -------
        rows : PoisonRows
        """
        moved = x != self.point(start)
        columns = np.where(
            moved, self.low + self.width * x, self._joined(start.X, start.y)
        )
        return self._split(columns, start)

    def gradient(self, in_features, in_responses):
        """Return the gradient in a point.

        Parameters
        ----------
        in_features : ndarray of shape (n_rows, n_features)
            The gradient in the features.
        in_responses : ndarray of shape (n_rows,)
            The gradient in the responses.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_columns)
        """
        return self._joined(in_features, in_responses) * self.width

    def project(self, rows, start, *, is_relaxed=False):
        """Return the nearest feasible rows.

        Parameters
        ----------
        rows : PoisonRows
            The rows.
        start : PoisonRows
            The initial rows, from which some sets are measured.
        is_relaxed : bool, default=False
            Whether to project onto the relaxation.

        Returns
        -------
        rows : PoisonRows
        """
        among = self.relaxed if is_relaxed else self.feasible_set
        X, y = among.project(rows.X, start.X), rows.y
        if self.moves_responses:
            y = np.clip(y, *self.response_range)
        return PoisonRows(X, y)

    def _split(self, columns, start):
        if self.moves_responses:
            return PoisonRows(columns[:, :-1], columns[:, -1])
        return PoisonRows(columns, start.y)

    def _joined(self, of_features, of_responses):
        if self.moves_responses:
            return np.column_stack([of_features, of_responses])
        return of_features


def make_coordinates(feasible_set, X, y, response_range=None):
    """Return the coordinates for given training rows.

    Parameters
    ----------
    feasible_set : BaseFeasibleSet
        Where the features may lie; fitted.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows.
    y : ndarray of shape (n_samples,)
        Their responses, or labels, which do not count.
    response_range : tuple of float, default=None
        Where responses may lie; None if they do not move.

    Returns
    -------
    coordinates : Coordinates
    """
    low, width = column_ranges(X)
    if response_range is not None:
        ends = column_ranges(y[:, np.newaxis])
        low, width = (np.append(*pair) for pair in zip((low, width), ends, strict=True))
    return Coordinates(feasible_set, feasible_set.relax(), low, width, response_range)
