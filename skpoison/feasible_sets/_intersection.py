"""Where do several sets meet?"""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import _name_estimators
from sklearn.utils.metaestimators import _BaseComposition

from skpoison.feasible_sets._balls import L2Ball, draw_back
from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.feasible_sets._columnwise import BoundedSet, Columnwise
from skpoison.feasible_sets._dykstra import dykstra
from skpoison.feasible_sets._integers import Integers
from skpoison.feasible_sets._one_hot import OneHot

# Shares of the way from the start that are tried, the longest first: close to 1 for
# convex sets that are missed by little, evenly for discrete ones.
RETREAT = np.sort(np.append(1 - 0.5 ** np.arange(6, 33), np.linspace(0, 1, 33)))[::-1]


class Intersection(_BaseComposition, BaseFeasibleSet):
    """Rows that lie in each of several sets.

    What is projected are the nearest rows for :class:`Box`, :class:`Frozen`,
    :class:`LinfBall`, :class:`Integers` and :class:`OneHot`, as long as no column
    belongs to two categories; also for :class:`L2Ball` with any of these that are
    convex. For convex sets of one's own it is so up to the tolerance of Dykstra's
    algorithm.

    Where a discrete set and a :class:`L2Ball`, or one of one's own, disagree on a row,
    it is drawn back towards its start until they agree. Such a row is feasible, but
    not always the nearest. In an :class:`L2Ball` it is the nearest of those that move
    no further.

    Parameters
    ----------
    sets : list of (str, set) tuples
        Names and sets, as the steps of a Pipeline. Parameters of a set are reached by
        its name: `box__upper`.

    Attributes
    ----------
    sets_ : list of sets
        The sets, fitted.
    n_features_in_ : int
        Number of features seen.

    See Also
    --------
    make_intersection : Finds the names by itself.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box, Integers, Intersection
    >>> counts = Intersection([("box", Box(upper=6.5)), ("integers", Integers())])
    >>> counts.fit([[0.0, 2.0], [3.0, 8.0]]).project([[1.8, 9.0]])
    array([[2., 6.]])
    >>> counts.relax().project([[1.8, 9.0]])
    array([[1.8, 6.5]])
    """

    _parameter_constraints: dict = {"sets": [list]}

    def __init__(self, sets):
        self.sets = sets

    def get_params(self, deep=True):
        """Get the parameters of this set and of those in it.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give the sets by their names, and their parameters.

        Returns
        -------
        params : dict
            Names and values.
        """
        return self._get_params("sets", deep=deep)

    def set_params(self, **params):
        """Set parameters of this set and of those in it.

        Parameters
        ----------
        **params : dict
            Names and values, such as `box__upper`, or `box` for another set.

        Returns
        -------
        self : object
        """
        self._set_params("sets", **params)
        return self

    def _fit(self, X):
        if not self.sets:
            raise ValueError("sets=[] is empty: give at least one (name, set) tuple.")
        names, sets = zip(*self.sets, strict=True)
        self._validate_names(names)
        for name, each in self.sets:
            if not isinstance(each, BaseFeasibleSet):
                raise ValueError(
                    f"sets has {each!r} under the name {name!r}, which is no feasible "
                    "set: derive it from BaseFeasibleSet."
                )
        self._fitted(names, [clone(each).fit(X) for each in sets])

    def _fitted(self, names, sets):
        self._names, self.sets_ = names, sets
        return self

    @property
    def _needs_start(self):
        return any(each._needs_start for each in self.sets_)

    def _relax(self):
        relaxed = [each.relax() for each in self.sets_]
        if all(new is old for new, old in zip(relaxed, self.sets_, strict=True)):
            return self
        convex = Intersection(list(zip(self._names, relaxed, strict=True)))
        convex.n_features_in_ = self.n_features_in_
        return convex._fitted(self._names, relaxed)

    def _contains(self, X, start):
        inside = [each._contains(X, start) for each in self.sets_]
        return np.logical_and.reduce(inside)

    def _project(self, X, start):
        meeting = _Meeting(list(self._members()), start)
        left = np.arange(X.shape[0])
        rows = meeting.nearest(X, left)
        left = left[~meeting.contains(rows, left)]
        if left.size:
            self._compromise(meeting, X, start, rows, left)
        return rows

    def _compromise(self, meeting, X, start, rows, left):
        """Write into rows what lies in the sets that cannot be projected on at once."""
        aim, converged = X.copy(), np.ones(left.shape[0], dtype=bool)
        relaxed = self.relax()
        if relaxed is self:
            aim[left], converged = meeting.dykstra(X, left)
        else:
            aim = relaxed._project(X, start)
        origin, retreat = (aim, [1.0]) if start is None else (start, RETREAT)
        for share in retreat:
            trial = share * aim[left] + (1 - share) * origin[left]
            rows[left] = meeting.nearest(meeting.discretise(trial, left), left)
            left = left[~meeting.contains(rows[left], left)]
            if not left.size:
                break
        else:
            raise meeting.empty(rows, left)
        if not converged.all():
            warnings.warn(
                f"{(~converged).sum()} rows have not converged: they lie in all of the "
                "sets, but there may be nearer ones.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _members(self):
        """Yield names and sets, those of intersections inside this one."""
        for name, each in zip(self._names, self.sets_, strict=True):
            if isinstance(each, Intersection):
                for inner, member in each._members():
                    yield f"{name}__{inner}", member
            else:
                yield name, each


class _Meeting:
    """Projections onto what several sets have in common, for rows with their starts."""

    def __init__(self, members, start):
        self.members, self.start = members, start
        bounded, integers, one_hot, self.balls, self.others = [], [], [], [], []
        encoded = np.empty(0, dtype=int)
        for name, each in members:
            kind = self.others
            if isinstance(each, BoundedSet):
                kind = bounded
            elif isinstance(each, Integers):
                kind = integers
            elif isinstance(each, L2Ball):
                kind = self.balls
            elif isinstance(each, OneHot) and not np.isin(each.columns_, encoded).any():
                kind, encoded = one_hot, np.append(encoded, each.columns_)
            kind.append((name, each))
        # What is one-hot is whole anyway.
        self.columnwise = Columnwise(bounded, [*integers, *one_hot], start)

    def nearest(self, X, where):
        """Project onto the sets that are described, all but the others."""
        if not self.balls:
            return self.columnwise.project(X, where)
        return draw_back(
            lambda rows, among: self.columnwise.project(rows, where[among]),
            X,
            self.start[where],
            min(ball.radius for _, ball in self.balls),
        )

    def discretise(self, rows, where):
        """Project onto those of the others that are discrete, in turn."""
        for _, each in self.others:
            if each.relax() is not each:
                rows = each._project(rows, self._start(where))
        return rows

    def contains(self, rows, where):
        """Tell which rows lie in the sets that `nearest` may have missed."""
        inside = np.ones(rows.shape[0], dtype=bool)
        for _, each in [*self.balls, *self.others]:
            inside &= each._contains(rows, self._start(where))
        return inside

    def dykstra(self, X, left):
        """Project rows onto all of the sets, which are convex."""
        projections = [
            lambda rows, where, each=each: each._project(rows, self._start(left[where]))
            for _, each in self.others
        ]
        # The last set is obeyed exactly.
        projections.append(lambda rows, where: self.nearest(rows, left[where]))
        return dykstra(projections, X[left])

    def empty(self, rows, left):
        """Make the error that says which sets a row cannot obey."""
        first = left[:1]
        outside = ", ".join(
            repr(name)
            for name, each in self.members
            if not each._contains(rows[first], self._start(first))[0]
        )
        return ValueError(
            f"No row was found in all of the sets for row {first[0]}: what the others "
            f"allow lies outside of {outside}. "
            + (
                "Give as start a row that lies in all of them."
                if self.start is None
                else "Its start does not lie in all of them."
            )
        )

    def _start(self, where):
        return None if self.start is None else self.start[where]


def make_intersection(*sets):
    """Make an intersection and name the sets in it by their types.

    Parameters
    ----------
    *sets : list of sets
        The sets.

    Returns
    -------
    intersection : Intersection

    See Also
    --------
    Intersection : With names of one's own.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box, Integers, make_intersection
    >>> make_intersection(Box(upper=6.5), Integers())
    Intersection(sets=[('box', Box(upper=6.5)), ('integers', Integers())])
    """
    return Intersection(_name_estimators(sets))
