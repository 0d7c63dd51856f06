"""Base class of feasible sets: where may a poison row lie?"""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_n_features, check_is_fitted

from skpoison.feasible_sets._checks import check_contained, check_rows
from skpoison.utils._containers import canonical
from skpoison.utils._texts import shown
from skpoison.utils._validation import check_squares, forget_fit

KINDS = ("convex", "discrete", "neither")
# Relative rounding that `contains` forgives in the result of a projection.
ROUNDING = 1e-9
# Halvings of the way from a centre to a row.
N_HALVINGS = 40


class BaseFeasibleSet(BaseEstimator, metaclass=ABCMeta):
    """Base class of all feasible sets.

    A subclass declares its `kind` and implements `_project`. Everything else has a
    default: `_fit` learns nothing, `_contains` asks whether the projection leaves a
    row where it is, `_maximise` raises an error, and the relaxation of a set that is
    not convex is the whole space.

    These inner methods are called with checked arguments: X is a new or read-only
    array of finite float64 numbers (in `_fit` it may also be in CSR), `start` and `y`
    have an entry for each row of X. An attack calls them directly for the rows that it
    has made itself. They must not write to their arguments.

    Attributes
    ----------
    kind : {"convex", "discrete", "neither"}
        "convex": an attack can follow a gradient within the set. "discrete": features
        take separate values, or not all of them may be non-zero, so that an attack
        follows the gradient in `relax()`, projects, and searches among neighbouring
        rows. "neither": a connected but
        not convex region, such as the rows that a detector accepts; its projection
        need not be the nearest row. A set that does not declare a kind is "neither".
    requires_start : bool
        Whether the set is measured from the rows from which the attack starts.
    requires_labels : bool
        Whether the set depends on the labels of rows.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Intersection : The intersection of several sets, your own ones included.
    skpoison.utils.estimator_checks.check_estimator : Checks your own set.

    Examples
    --------
    Rows at most `radius` away from the mean of the training rows:

    >>> import numpy as np
    >>> from skpoison.feasible_sets import BaseFeasibleSet
    >>> class Sphere(BaseFeasibleSet):
    ...     kind = "convex"
    ...
    ...     def __init__(self, radius):
    ...         self.radius = radius
    ...
    ...     def _fit(self, X, y):
    ...         self.mean_ = X.mean(axis=0)
    ...
    ...     def _project(self, X, start, y):
    ...         distances = np.linalg.norm(X - self.mean_, axis=1, keepdims=True)
    ...         shares = self.radius / np.maximum(distances, self.radius)
    ...         return self.mean_ + shares * (X - self.mean_)
    >>> Sphere(radius=5).fit([[0.0, 2.0], [2.0, 2.0]]).project([[7.0, 10.0]])
    array([[4., 6.]])
    """

    kind = "neither"
    requires_start = False
    requires_labels = False
    _parameter_constraints: dict = {}
    # How an intersection treats the set: "bounds", "columns" and "constraint" are
    # projected onto together (see `JointProjection`), "other" one after the other.
    _role = "other"

    # Sets inside this one have parameters that the user gave.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the set to the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), default=None
            Their labels. Ignored by sets that do not depend on labels.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the rows are not finite numbers, if a parameter does not match them, or
            if the set depends on labels and there are none.
        """
        self._check_parameters()
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` of {type(self).__name__} must be one of "
                f"{', '.join(map(repr, KINDS))}; got {self.kind!r}."
            )
        forget_fit(self)
        X = check_array(
            canonical(X),
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            estimator=self,
            input_name="X",
        )
        check_squares(X)
        _check_n_features(self, X, reset=True)
        self._fit(X, self._checked_labels(X, y))
        return self

    def project(self, X, *, start=None, y=None):
        """Project rows onto the set.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows. They are not written to.
        start : array-like of shape (n_rows, n_features), default=None
            The rows from which the attack started, for sets with `requires_start`.
        y : array-like of shape (n_rows,), default=None
            The labels of the rows, for sets with `requires_labels`.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            The nearest rows in the set, if it is convex.

        Raises
        ------
        ValueError
            If the number of features is not that of `fit`, if `start` or `y` is
            required and missing, or if the set is empty.
        """
        return self._project_checked(*self._checked(X, start, y))

    def contains(self, X, *, start=None, y=None):
        """Return which rows lie in the set, up to the rounding of a projection.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows. A row with NaN or infinity lies in no set.
        start : array-like of shape (n_rows, n_features), default=None
            The rows from which the attack started, for sets with `requires_start`.
        y : array-like of shape (n_rows,), default=None
            The labels of the rows, for sets with `requires_labels`.

        Returns
        -------
        inside : ndarray of shape (n_rows,) of bool
        """
        X, start, y = self._checked(X, start, y, finite=False)
        inside = np.isfinite(X).all(axis=1)
        if inside.any():
            start, y = take(start, inside), take(y, inside)
            found = self._contains(X[inside], start, y)
            check_contained(self, found, inside.sum())
            inside[inside] = found
        return inside

    def maximise(self, direction, *, start=None, y=None):
        """Return the rows of the set that go furthest in given directions.

        This is the linear oracle of conditional-gradient methods and of upper bounds
        on the damage of an attack: `argmax <direction[i], x>` over the set, for each i.

        Parameters
        ----------
        direction : array-like of shape (n_rows, n_features)
            A direction for each row.
        start : array-like of shape (n_rows, n_features), default=None
            The rows from which the attack started, for sets with `requires_start`.
        y : array-like of shape (n_rows,), default=None
            The labels of the rows, for sets with `requires_labels`.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            A maximiser for each direction. If there are several, any one of them.

        Raises
        ------
        ValueError
            If the set is unbounded in a direction, if it is empty, or if no exact
            method is known for it.
        """
        direction, start, y = self._checked(direction, start, y, name="direction")
        # The length of a direction does not matter, but its square must not overflow
        # or vanish. Powers of 2 scale it without rounding.
        _, exponents = np.frexp(np.abs(direction).max(axis=1, keepdims=True))
        direction = np.ldexp(direction, -exponents)
        rows = self._maximise(direction, start, y)
        rows = check_rows(self, "_maximise", rows, direction, may_be_infinite=True)
        unbounded = np.argwhere(~np.isfinite(rows))
        if unbounded.size:
            row, feature = unbounded[0]
            others = "a Box or a ball" if self.kind == "convex" else "a Box"
            raise ValueError(
                f"`direction` must lead to finite rows; {type(self).__name__} does not "
                f"bound feature {feature} in direction {row}. Intersect it with "
                f"{others}."
            )
        return rows

    def relax(self):
        """Return the convex set in which an attack follows the gradient.

        A gradient is of no use between whole numbers or categories. An attack
        therefore moves in a convex set that contains the discrete one, and projects
        onto the discrete one in the end.

        Returns
        -------
        relaxed : BaseFeasibleSet
            A fitted set. It is this set itself if, and only if, this one is convex.
        """
        check_is_fitted(self)
        relaxed = self._relax()
        if getattr(relaxed, "kind", None) != "convex":
            raise TypeError(
                f"`_relax` of {type(self).__name__} must return a feasible set of kind "
                f"'convex'; got {shown(relaxed)}."
            )
        return relaxed

    def _check_parameters(self):
        """Check parameters beyond `_parameter_constraints`, before anything else."""

    def _fit(self, X, y):
        """Fit to checked rows, an array or in CSR; y is None if labels are not used."""

    @abstractmethod
    def _project(self, X, start, y):
        """Project rows, without validation, and return a new array."""

    def _project_checked(self, X, start, y):
        """Project rows, without validation of them, and check what comes out."""
        return check_rows(self, "_project", self._project(X, start, y), X)

    def _project_radially(self, X, centre, *, start=None, y=None):
        """Move rows towards centres until `_contains` accepts them, by bisection.

        A projection for sets that can be asked for nothing else, such as the rows that
        a detector accepts. It is not onto the nearest row: the kind is "neither".
        """
        rows, left = X.copy(), np.flatnonzero(~self._contains(X, start, y))
        if not left.size:
            return rows
        low, high = np.zeros((left.size, 1)), np.ones((left.size, 1))
        rows[left] = centre = np.broadcast_to(centre, X.shape)[left]
        start, y = take(start, left), take(y, left)
        outside = np.flatnonzero(~self._contains(rows[left], start, y))
        if outside.size:
            raise ValueError(
                f"`centre` must lie in the set; {type(self).__name__} does not contain "
                f"that of row {left[outside[0]]}."
            )
        for _ in range(N_HALVINGS):
            share = (low + high) / 2
            trial = centre + share * (X[left] - centre)
            inside = self._contains(trial, start, y)
            rows[left[inside]] = trial[inside]
            low = np.where(inside[:, np.newaxis], share, low)
            high = np.where(inside[:, np.newaxis], high, share)
        return rows

    def _contains(self, X, start, y):
        """Return which rows lie in the set, without validation."""
        moved = np.abs(self._project(X, start, y) - X).max(axis=1)
        return moved <= ROUNDING * np.abs(X).max(axis=1)

    def _maximise(self, direction, start, y):
        """Return maximisers, without validation; infinite if unbounded."""
        raise ValueError(
            f"`maximise` must be implemented by {type(self).__name__}, as "
            "`_maximise(direction, start, y)`: no linear oracle is known for it."
        )

    def _relax(self):
        return self if self.kind == "convex" else whole_space(self.n_features_in_)

    def _flatten(self, name):
        """Yield the sets of which this one is the intersection, with their names."""
        yield name, self

    def _checked_labels(self, X, y):
        if not self.requires_labels:
            return None
        if y is None:
            raise ValueError(
                f"`y` must hold the labels of the rows, because {type(self).__name__} "
                "depends on them; got None."
            )
        y = column_or_1d(y)
        check_consistent_length(X, y)
        return y

    def _checked(self, X, start, y, *, finite=True, name="X"):
        check_is_fitted(self)
        checks = {"dtype": np.float64, "ensure_min_samples": 0, "estimator": self}
        X = check_array(X, ensure_all_finite=finite, input_name=name, **checks)
        _check_n_features(self, X, reset=False)
        if start is not None:
            start = check_array(start, input_name="start", **checks)
            if start.shape != X.shape:
                raise ValueError(
                    f"`start` must have the shape of {name}, {X.shape}; got "
                    f"{start.shape}. Give the row from which the attack started for "
                    f"each row of {name}."
                )
        elif self.requires_start:
            raise ValueError(
                f"`start` must hold the rows from which the attack started, because "
                f"{type(self).__name__} is measured from them; got None."
            )
        return X, start, self._checked_labels(X, y)


class WholeSpace(BaseFeasibleSet):
    """The set of all rows: the relaxation of sets without a better one."""

    kind = "convex"
    _role = "bounds"

    def _bounds(self, start, y):
        return np.array(-np.inf), np.array(np.inf)

    def _project(self, X, start, y):
        return X.copy()

    def _contains(self, X, start, y):
        return np.ones(X.shape[0], dtype=bool)

    def _maximise(self, direction, start, y):
        return np.copysign(np.where(direction == 0, 0, np.inf), direction)


def whole_space(n_features):
    """Return the fitted set of all rows with a number of features."""
    return WholeSpace().fit(np.zeros((1, n_features)))


def take(values, rows):
    """Return rows of an array, or None for None."""
    return None if values is None else values[rows]
