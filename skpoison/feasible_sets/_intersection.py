"""Intersection of feasible sets."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import _name_estimators
from sklearn.utils.metaestimators import _BaseComposition

from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.feasible_sets._constraint import far_to_infinite
from skpoison.feasible_sets._joint import JointProjection, joint_kind
from skpoison.utils._texts import shown
from skpoison.utils._warnings import warn_user

# Fractions of the step from the start to the row that are tried, the largest first:
# close to 1 for convex sets that are missed by little, evenly for discrete ones.
STEP_FRACTIONS = np.sort(np.append(1 - 0.5 ** np.arange(6, 33), np.linspace(0, 1, 33)))[
    ::-1
]
# Rounds of projections in turn, before a row is moved back towards its start.
MAX_ROUNDS = 100


class Intersection(_BaseComposition, BaseFeasibleSet):
    """Rows that lie in each of several sets.

    The projection is exact for :class:`Box`, :class:`Frozen`, :class:`LinfBall`,
    :class:`Integers`, :class:`Sparse` and :class:`OneHot`, if no column is in two
    categories, and for the convex ones of these together with up to three of
    :class:`L1Ball` (not with categories), :class:`L2Ball`, :class:`Slab`,
    :class:`ClassBall`, :class:`ClassSlab` and :class:`LossBound`; a :class:`SphereSlab`
    counts as two.
    Other convex sets, your own ones for example, are projected onto by Dykstra's
    algorithm (Boyle & Dykstra 1986), up to its tolerance. The linear oracle `maximise`
    exists for the intersections whose projection is exact.

    If a set of your own is not convex, or a discrete set does not agree with a ball, a
    slab or one of your own, the sets are projected onto in turn. A row for which this
    finds no common point is moved back towards its start until all sets agree. The
    result is feasible, but not always the nearest row.

    Parameters
    ----------
    sets : list of (str, set) tuples
        Names and sets, as the steps of a Pipeline. The parameters of a set are reached
        through its name: `box__upper`.

    Attributes
    ----------
    sets_ : list of sets
        The sets, fitted.
    kind : {"convex", "discrete", "neither"}
        "convex" if all sets are, "neither" if one of them is, else "discrete".
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    make_intersection : Generates the names.

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
        """Get the parameters of this set and of the sets in it.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the sets by their names, and their parameters.

        Returns
        -------
        params : dict
            Names and values.
        """
        return self._get_params("sets", deep=deep)

    def set_params(self, **params):
        """Set parameters of this set and of the sets in it.

        Parameters
        ----------
        **params : dict
            Names and values, such as `box__upper`, or `box` to replace a set.

        Returns
        -------
        self : object
        """
        self._set_params("sets", **params)
        return self

    @property
    def kind(self):
        """The kind of the intersection: see the attributes."""
        return joint_kind(self._given())

    @property
    def requires_start(self):
        """Whether one of the sets is measured from the start."""
        return any(each.requires_start for each in self._given())

    @property
    def requires_labels(self):
        """Whether one of the sets depends on labels."""
        return any(each.requires_labels for each in self._given())

    def _given(self):
        return [each for _, each in self.sets]

    def _check_parameters(self):
        if not self.sets:
            raise ValueError("`sets` must have at least one (name, set) tuple; got [].")
        for item in self.sets:
            is_pair = isinstance(item, tuple | list) and len(item) == 2
            if not is_pair or not isinstance(item[1], BaseFeasibleSet):
                raise ValueError(
                    "`sets` must hold (name, set) tuples, such as ('box', Box()); got "
                    f"{shown(item)}. make_intersection(Box(), ...) writes the names."
                )
        self._validate_names([name for name, _ in self.sets])

    def _fit(self, X, y):
        self._with_sets([clone(each).fit(X, y) for _, each in self.sets])

    def _with_sets(self, fitted):
        self._names, self.sets_ = [name for name, _ in self.sets], fitted
        return self

    def _flatten(self, name):
        for inner, each in zip(self._names, self.sets_, strict=True):
            yield from each._flatten(f"{name}__{inner}" if name else inner)

    def _joint(self, start, y):
        return JointProjection(list(self._flatten("")), start, y)

    def _relax(self):
        if self.kind == "convex":
            return self
        relaxed = [each.relax() for each in self.sets_]
        convex = Intersection(list(zip(self._names, relaxed, strict=True)))
        convex.n_features_in_ = self.n_features_in_
        return convex._with_sets(relaxed)

    def _contains(self, X, start, y):
        inside = [each._contains(X, start, y) for each in self.sets_]
        return np.logical_and.reduce(inside)

    def _maximise(self, direction, start, y):
        joint = self._joint(start, y)
        if len(joint.members) == 1:
            return joint.members[0][1]._maximise(direction, start, y)
        if joint.others:
            names = ", ".join(repr(name) for name, _ in joint.others)
            raise ValueError(
                f"`sets` must not hold {names} for `maximise`, for which no exact "
                "method is known then. Maximise over an intersection without it."
            )
        if joint.constraints and joint.kind != "convex":
            raise ValueError(
                "`sets` must not hold discrete sets with balls or slabs for "
                "`maximise`, for which no exact method is known then. Maximise over "
                "`relax()`."
            )
        every = np.arange(direction.shape[0])
        rows = far_to_infinite(joint.furthest(direction, every))
        bounded = every[np.isfinite(rows).all(axis=1)]
        outside = bounded[~joint.contains(rows[bounded], bounded)]
        if outside.size:
            raise joint.empty_error(rows[outside], outside)
        return rows

    def _project(self, X, start, y):
        joint = self._joint(start, y)
        every = np.arange(X.shape[0])
        rows = joint.nearest(X, every)
        if joint.constraints or joint.others:
            left = every[~joint.contains(rows, every)]
            if left.size:
                rows[left] = self._project_sequentially(joint, X, start, y, left)
        return rows

    def _project_sequentially(self, joint, X, start, y, left):
        """Project the rows left onto sets that cannot be projected onto jointly."""
        converged = np.ones(left.size, dtype=bool)
        if joint.kind == "convex":
            rows, converged = joint.project_by_dykstra(X[left], left)
        else:
            rows = self.relax()._project(X, start, y)[left]
        target, pending = rows.copy(), np.arange(left.size)
        # Alternating projections: they may meet in a set that is not convex, while
        # between discrete values they would only go to and fro.
        for _ in range(MAX_ROUNDS if joint.kind == "neither" else 1):
            before = rows[pending]
            rows[pending] = joint.project_in_turn(before, left[pending])
            outside = ~joint.contains(rows[pending], left[pending])
            moved = np.abs(rows[pending] - before).max(axis=1) > 0
            pending = pending[outside & moved]
            if not pending.size:
                break
        pending = np.flatnonzero(~joint.contains(rows, left))
        if start is not None:
            for fraction in STEP_FRACTIONS:
                if not pending.size:
                    break
                trial = fraction * target[pending]
                trial += (1 - fraction) * start[left[pending]]
                rows[pending] = joint.project_in_turn(trial, left[pending])
                pending = pending[~joint.contains(rows[pending], left[pending])]
        if pending.size:
            raise joint.empty_error(rows[pending], left[pending])
        if not converged.all():
            warn_user(
                f"Dykstra's algorithm did not converge for {(~converged).sum()} rows: "
                "they lie in all of the sets, but nearer rows may exist.",
                ConvergenceWarning,
            )
        return rows


def make_intersection(*sets):
    """Make an intersection of sets, named by their types.

    Parameters
    ----------
    *sets : list of sets
        The sets.

    Returns
    -------
    intersection : Intersection

    See Also
    --------
    Intersection : The same with names of your choice.

    Examples
    --------
    >>> from skpoison.feasible_sets import Box, Integers, make_intersection
    >>> make_intersection(Box(upper=6.5), Integers())
    Intersection(sets=[('box', Box(upper=6.5)), ('integers', Integers())])
    """
    return Intersection(_name_estimators(sets))
