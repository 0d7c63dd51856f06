"""Joint projection onto several sets, for rows with their starts and labels."""

import numpy as np

from skpoison.feasible_sets._base import take
from skpoison.feasible_sets._checks import check_contained
from skpoison.feasible_sets._columnwise import Columnwise
from skpoison.feasible_sets._constraint import FAR, project_with_constraint
from skpoison.feasible_sets._dykstra import dykstra

# Each constraint multiplies the number of projections onto the sets before it by about
# ten. Further ones are projected onto one after the other, as unknown sets are.
MAX_CONSTRAINTS = 3


def joint_kind(sets):
    """Return the kind of the intersection of sets."""
    kinds = {each.kind for each in sets}
    if kinds <= {"convex"}:
        return "convex"
    return "discrete" if kinds <= {"convex", "discrete"} else "neither"


def _is_simplex(each):
    """Return whether the rows of a set differ in their number of non-zeros."""
    return each._ties_columns and each.kind == "convex"


class JointProjection:
    """Projection onto the sets that declare how to be combined, and onto the others.

    Sets with the role "bounds", "columns" or "sparse" are projected onto by
    `Columnwise`, and those with the role "constraint" by a search for a multiplier
    around it. Sets with the role "other" can only be asked for their own projection.

    Parameters
    ----------
    members : list of (str, BaseFeasibleSet) tuples
        Names and sets, none of them an intersection.
    start : ndarray of shape (n_rows, n_features) or None
        The rows from which the attack started.
    y : ndarray of shape (n_rows,) or None
        The labels of the rows.
    """

    def __init__(self, members, start, y):
        self.members, self.start, self.y = members, start, y
        roles = "bounds", "columns", "sparse", "constraint", "other"
        sets = {role: [] for role in roles}
        tied = np.empty(0, dtype=int)
        for name, each in members:
            role = each._role
            if role == "columns" and each._ties_columns:
                # Two sets that tie the same columns cannot be obeyed separately.
                if np.isin(each.columns_, tied).any():
                    role = "other"
                else:
                    tied = np.append(tied, each.columns_)
            sets[role].append((name, each))
        if any(_is_simplex(each) for _, each in sets["columns"]):
            sets["other"] += sets.pop("sparse")
            sets["sparse"] = []
        self.constraints, self.others = [], sets["other"]
        # Those that need columns that are free of one another come first.
        for name, each in sorted(
            sets["constraint"], key=lambda item: not item[1]._needs_columns
        ):
            are_free = not (tied.size or sets["sparse"] or self.constraints)
            if len(self.constraints) < MAX_CONSTRAINTS and (
                are_free or not each._needs_columns
            ):
                self.constraints.append((name, each))
            else:
                self.others.append((name, each))
        # Tied columns come last: 0 and 1 are integers in any case.
        self.grouped = sorted(sets["columns"], key=lambda item: item[1]._ties_columns)
        self.columnwise = Columnwise(
            sets["bounds"], self.grouped, sets["sparse"], start, y
        )

    @property
    def kind(self):
        """The kind of the intersection."""
        return joint_kind(each for _, each in self.members)

    def nearest(self, X, indices, n_constraints=None):
        """Project onto all sets but the others.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The rows.
        indices : ndarray of shape (n_rows,) of int
            Their positions in `start` and `y`.
        n_constraints : int, default=None
            How many of the constraints to obey, the first ones. None: all.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
        """
        constraints = self.constraints[:n_constraints]
        if not constraints:
            return self.columnwise.project(X, indices)
        return project_with_constraint(
            constraints[-1][1],
            lambda rows, among: self.nearest(
                rows, indices[among], len(constraints) - 1
            ),
            X,
            take(self.start, indices),
            take(self.y, indices),
        )

    def furthest(self, direction, indices, n_constraints=None):
        """Maximise a linear function over all sets but the others.

        Parameters
        ----------
        direction : ndarray of shape (n_rows, n_features)
            The directions.
        indices : ndarray of shape (n_rows,) of int
            The positions of the rows in `start` and `y`.
        n_constraints : int, default=None
            How many of the constraints to obey, the first ones. None: all.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            Unbounded entries are as large as `FAR`: finite, so that rows can be
            combined without losing the proportions of such entries.
        """
        constraints = self.constraints[:n_constraints]
        if not constraints:
            return np.clip(self.columnwise.maximise(direction, indices), -FAR, FAR)
        before = len(constraints) - 1
        return constraints[-1][1]._maximise_within(
            direction,
            lambda rows, among: self.nearest(rows, indices[among], before),
            lambda rows, among: self.furthest(rows, indices[among], before),
            take(self.start, indices),
            take(self.y, indices),
        )

    def project_in_turn(self, rows, indices):
        """Project onto the others, one after the other, then onto the rest.

        Next to discrete sets the convex ones are left out: rows are moved back towards
        their start instead, until they lie in these too.
        """
        for _, each in self.others:
            if self.kind == "neither" or each.kind != "convex":
                rows = self._project_alone(each, rows, indices)
        return self.nearest(rows, indices)

    def project_by_dykstra(self, X, indices):
        """Project onto all sets, which are convex; also return what has converged."""
        projections = [
            lambda rows, among, each=each: self._project_alone(
                each, rows, indices[among]
            )
            for _, each in self.others
        ]
        # The last set is obeyed exactly.
        projections.append(lambda rows, among: self.nearest(rows, indices[among]))
        return dykstra(projections, X)

    def _project_alone(self, each, rows, indices):
        """Project onto a set that can be asked for nothing else."""
        start, y = take(self.start, indices), take(self.y, indices)
        return each._project_checked(rows, start, y)

    def contains(self, rows, indices):
        """Return which rows lie in all of the sets."""
        start, y = take(self.start, indices), take(self.y, indices)
        inside = np.ones(rows.shape[0], dtype=bool)
        for _, each in self.members:
            found = each._contains(rows, start, y)
            check_contained(each, found, rows.shape[0])
            inside &= found
        return inside

    def empty_error(self, rows, indices):
        """Return the error that names the sets in which the first row does not lie."""
        start, y = take(self.start, indices[:1]), take(self.y, indices[:1])
        outside = ", ".join(
            repr(name)
            for name, each in self.members
            if not each._contains(rows[:1], start, y)[0]
        )
        return ValueError(
            f"The intersection may be empty: no common point was found for row "
            f"{indices[0]}. The nearest rows of the other sets are not in {outside}. "
            f"Widen one of the sets, or pass a `start` that lies in all of them"
            + (", as this one does not." if self.start is not None else ".")
        )
