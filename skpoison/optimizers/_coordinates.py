"""Coordinates in which an attack moves poison rows.

Every feature is scaled to a range of 1 over the training rows, and so is the response
if it moves: it becomes one more column there, and nowhere else. Feasible sets are
measured in the units of the data, so that each projection goes there and back.
"""

from dataclasses import dataclass

import numpy as np

from skpoison.optimizers._blocks import row_blocks
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
        In memory of their own: a feasible set of the user may use that of its rows
        again.
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
    ascent_set : BaseFeasibleSet
        Where an optimizer moves: the convex relaxation of a discrete set, otherwise the
        set itself.
    low, width : ndarray of shape (n_columns,)
        The smallest value and the range of each feature over the training rows; then
        of the response, if it moves.
    response_range : tuple of float, default=None
        Where responses may lie; None if they do not move.
    classes : ndarray of shape (n_classes,), default=None
        The class labels, for feasible sets that depend on the label; None for
        responses.
    """

    feasible_set: object
    ascent_set: object
    low: np.ndarray
    width: np.ndarray
    response_range: tuple | None = None
    classes: np.ndarray | None = None

    @property
    def kind(self):
        """Whether the feasible set is "convex", "discrete" or "neither"."""
        return self.feasible_set.kind

    @property
    def moves_responses(self):
        """Whether responses move."""
        return self.response_range is not None

    def point(self, rows, out=None):
        """Return the point of poison rows.

        Parameters
        ----------
        rows : PoisonRows
            The rows.
        out : ndarray of shape (n_rows, n_columns), default=None
            Where to write the point. None: to memory of its own.

        Returns
        -------
        x : ndarray of shape (n_rows, n_columns)
        """
        x = np.subtract(self._joined(rows.X, rows.y), self.low, out=out)
        x /= self.width
        return x

    def nearest_point(self, x, at, start, *, for_ascent=False):
        """Return the point of the feasible rows that are nearest to those of a point.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_columns)
            The point.
        at : PoisonRows
            The rows whose labels and responses stay if these do not move.
        start : PoisonRows
            The initial rows, from which some sets are measured.
        for_ascent : bool, default=False
            Whether to project onto the set in which an optimizer moves.

        Returns
        -------
        x : ndarray of shape (n_rows, n_columns)
        """
        among = self.ascent_set if for_ascent else self.feasible_set
        if among._role == "bounds" and not self.moves_responses:
            # Each number is projected by itself.
            nearest = np.empty(x.shape)
            for block in row_blocks(x.shape):
                part = self.rows(x[block], at[block])
                part = self.project(part, start[block], for_ascent=for_ascent)
                self.point(part, out=nearest[block])
            return nearest
        rows = self.rows(x, at)
        nearest = self.project(rows, start, for_ascent=for_ascent)
        # In the memory of the rows, which nobody else has: to get more takes as long.
        return self.point(nearest, out=None if self.moves_responses else rows.X)

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
        columns = self.width * x
        columns += self.low
        return self._split(columns, start)

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
            The gradient in the features; overwritten unless responses move.
        in_responses : ndarray of shape (n_rows,)
            The gradient in the responses.

        Returns
        -------
        gradient : ndarray of shape (n_rows, n_columns)
        """
        gradient = self._joined(in_features, in_responses)
        gradient *= self.width
        return gradient

    def labels(self, rows):
        """Return the labels or responses of poison rows, as the victim is given them.

        Parameters
        ----------
        rows : PoisonRows
            The rows.

        Returns
        -------
        y : ndarray of shape (n_rows,)
        """
        return rows.y if self.classes is None else self.classes[rows.y]

    def project(self, rows, start, *, for_ascent=False):
        """Return the nearest feasible rows.

        Parameters
        ----------
        rows : PoisonRows
            The rows.
        start : PoisonRows
            The initial rows, from which some sets are measured.
        for_ascent : bool, default=False
            Whether to project onto the set in which an optimizer moves.

        Returns
        -------
        rows : PoisonRows
        """
        among = self.ascent_set if for_ascent else self.feasible_set
        # The rows are the attack's own and need no validation.
        X, y = among._project_checked(rows.X, start.X, self.labels(rows)), rows.y
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


def make_coordinates(feasible_set, X, y, response_range=None, classes=None):
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
    classes : ndarray of shape (n_classes,), default=None
        The class labels; None for responses.

    Returns
    -------
    coordinates : Coordinates
    """
    low, width = column_ranges(X)
    if response_range is not None:
        ends = column_ranges(y[:, np.newaxis])
        low, width = (np.append(*pair) for pair in zip((low, width), ends, strict=True))
    is_discrete = feasible_set.kind == "discrete"
    ascent_set = feasible_set.relax() if is_discrete else feasible_set
    return Coordinates(feasible_set, ascent_set, low, width, response_range, classes)
