r"""Balls and slabs around the centroids of the classes: the sets of data sanitization.

Steinhardt, Koh and Liang (2017). A defender who knows the centroids
:math:`\mu_y` of the classes keeps the rows with

.. math::

    \|x - \mu_y\| \le r_y, \qquad
    | \langle x - \mu_y, \mu_y - \mu_{\bar y} \rangle | \le s_y ,

and an attacker who knows the defender stays among them. The rows of a class are those
of one ball or slab: what is asked of a set is asked of that of each class in turn.
"""

from abc import abstractmethod
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from skpoison.feasible_sets._balls import L2Ball
from skpoison.feasible_sets._constraint import ConstraintSet
from skpoison.feasible_sets._slab import Slab
from skpoison.utils._targets import check_labels

QUANTILE = [Interval(Real, 0, 1, closed="right")]
# The smallest radius, relative to the size of the data: rows may be equal.
SMALLEST = 1e-9
# Entries of sparse rows that are made dense at once.
BLOCK = 2**22


class ClassConstraint(ConstraintSet):
    """Base class of sets with one scalar constraint for each class.

    A subclass implements `_fit_class`, and may override `_start_of`.
    """

    requires_labels = True
    _parameter_constraints: dict = {"quantile": QUANTILE}

    def __init__(self, quantile=0.95):
        self.quantile = quantile

    @abstractmethod
    def _fit_class(self, k, rows, centroid, others):
        """Return the constraint of a class, a fitted ConstraintSet.

        Parameters
        ----------
        k : int
            The position of the class.
        rows : {ndarray, csr matrix} of shape (n_rows, n_features)
            The training rows of the class.
        centroid, others : ndarray of shape (n_features,)
            Their mean, and that of all other training rows.
        """

    def _start_of(self, k, n_rows):
        """Return the start that the constraint of a class is measured from, or None."""
        return

    def _fit(self, X, y):
        y = check_labels(self, y)
        self.classes_ = np.unique(y)
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"`y` must hold at least two classes for {type(self).__name__}; got "
                f"{self.classes_.tolist()} alone."
            )
        self._size = max(abs(X).max(), np.finfo(float).tiny)
        self.centroids_ = np.array([_mean(X[y == label]) for label in self.classes_])
        self._members = []
        for k, label in enumerate(self.classes_):
            rows, others = X[y == label], _mean(X[y != label])
            self._members.append(self._fit_class(k, rows, self.centroids_[k], others))

    def _codes(self, y):
        """Return labels as positions among the classes."""
        codes = np.searchsorted(self.classes_, y)
        codes = np.minimum(codes, self.classes_.shape[0] - 1)
        unknown = self.classes_[codes] != y
        if unknown.any():
            raise ValueError(
                "`y` must hold labels of the training rows, which are "
                f"{self.classes_.tolist()}; got {y[unknown][0]!r}."
            )
        return codes

    def _split(self, y):
        """Yield the constraint of each class, the rows of it, and their start."""
        codes = self._codes(y)
        for k, member in enumerate(self._members):
            rows = np.flatnonzero(codes == k)
            if rows.size:
                yield member, rows, self._start_of(k, rows.size)

    def _by_class(self, method, X, y):
        """Return what a method of the constraints returns for the rows of each."""
        parts = [
            (rows, getattr(member, method)(X[rows], start, None))
            for member, rows, start in self._split(y)
        ]
        if not parts:
            return getattr(self._members[0], method)(X, self._start_of(0, 0), None)
        first = parts[0][1]
        found = np.empty((X.shape[0], *first.shape[1:]), dtype=first.dtype)
        for rows, part in parts:
            found[rows] = part
        return found

    def _project(self, X, start, y):
        return self._by_class("_project", X, y)

    def _contains(self, X, start, y):
        return self._by_class("_contains", X, y)

    def _maximise(self, direction, start, y):
        return self._by_class("_maximise", direction, y)

    def _excess(self, X, start, y):
        return self._by_class("_excess", X, y)

    def _path(self, X, rows, nearest, start, y):
        parts, place = [], np.empty(X.shape[0], dtype=int)
        owner = np.empty(X.shape[0], dtype=int)
        for member, members, home in self._split(y):
            place[members], owner[members] = np.arange(members.size), len(parts)

            def nearest_of_class(points, among, members=members):
                return nearest(points, members[among])

            parts.append(
                member._path(X[members], rows[members], nearest_of_class, home, None)
            )

        def combined(which, first, among, empty):
            for k in np.unique(owner[among]):
                chosen = owner[among] == k
                empty[chosen] = parts[k][which](first[chosen], place[among[chosen]])
            return empty

        def path(shares, among):
            return combined(0, shares, among, np.empty((among.size, X.shape[1])))

        def excess(rows, among):
            return combined(1, rows, among, np.empty(among.size))

        return path, excess

    def _maximise_within(self, direction, nearest, furthest, start, y):
        rows = np.empty(direction.shape)
        for member, members, home in self._split(y):
            rows[members] = member._maximise_within(
                direction[members],
                lambda points, among, members=members: nearest(points, members[among]),
                lambda turned, among, members=members: furthest(turned, members[among]),
                home,
                None,
            )
        return rows


class ClassBall(ClassConstraint):
    """Rows no further from the centroid of their class than most training rows.

    The sphere defence of [1]_ keeps these rows, so that an attacker who knows it stays
    among them.

    Parameters
    ----------
    quantile : float, default=0.95
        The share of the training rows of each class that are in its ball.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    centroids_ : ndarray of shape (n_classes, n_features)
        The mean of the training rows of each class.
    radii_ : ndarray of shape (n_classes,)
        The largest Euclidean distance from it.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    L2Ball : Is measured from where the attack starts.
    SphereSlab : The intersection with :class:`ClassSlab`.

    References
    ----------
    .. [1] J. Steinhardt, P. W. Koh, P. Liang, "Certified Defenses for Data Poisoning
       Attacks", NeurIPS 2017.

    Examples
    --------
    >>> from skpoison.feasible_sets import ClassBall
    >>> X, y = [[0, 0], [2, 0], [4, 6], [4, 8]], ["a", "a", "b", "b"]
    >>> ball = ClassBall(quantile=1.0).fit(X, y)
    >>> ball.centroids_, ball.radii_
    (array([[1., 0.],
           [4., 7.]]), array([1., 1.]))
    >>> ball.project([[4, 4], [4, 4]], y=["a", "b"])
    array([[1.6, 0.8],
           [4. , 6. ]])
    """

    def _fit(self, X, y):
        super()._fit(X, y)
        self.radii_ = np.array([member.radius for member in self._members])

    def _fit_class(self, k, rows, centroid, others):
        radius = smallest_bound(_distances(rows, centroid), self.quantile)
        radius = max(radius, SMALLEST * self._size)
        return L2Ball(radius).fit(centroid[np.newaxis])

    def _start_of(self, k, n_rows):
        return np.broadcast_to(self.centroids_[k], (n_rows, self.n_features_in_))


class ClassSlab(ClassConstraint):
    r"""Rows no further from their class towards the others than most training rows.

    The slab defence of [1]_: it bounds how far a row is from the centroid of its class
    in the direction of the centroid of all other rows, on either side.

    Parameters
    ----------
    quantile : float, default=0.95
        The share of the training rows of each class that are in its slab.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    centroids_ : ndarray of shape (n_classes, n_features)
        The mean of the training rows of each class.
    normals_ : ndarray of shape (n_classes, n_features)
        The centroid of each class minus the mean of all other rows.
    half_widths_ : ndarray of shape (n_classes,)
        The largest :math:`| \langle x - \mu, n \rangle |` for the centroid and the
        normal of the class. Infinite for a class whose centroid is that of the others.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    Slab : A slab that is given, for all labels.
    SphereSlab : The intersection with :class:`ClassBall`.

    References
    ----------
    .. [1] J. Steinhardt, P. W. Koh, P. Liang, "Certified Defenses for Data Poisoning
       Attacks", NeurIPS 2017.

    Examples
    --------
    >>> from skpoison.feasible_sets import ClassSlab
    >>> X, y = [[0, 0], [2, 0], [4, 0], [6, 0]], ["a", "a", "b", "b"]
    >>> slab = ClassSlab(quantile=1.0).fit(X, y)
    >>> slab.normals_, slab.half_widths_
    (array([[-4.,  0.],
           [ 4.,  0.]]), array([4., 4.]))
    >>> slab.project([[3, 9], [3, 9]], y=["a", "b"])
    array([[2., 9.],
           [4., 9.]])
    """

    def _fit(self, X, y):
        self._normals, self._half_widths = [], []
        super()._fit(X, y)
        self.normals_ = np.array(self._normals)
        self.half_widths_ = np.array(self._half_widths)
        del self._normals, self._half_widths

    def _fit_class(self, k, rows, centroid, others):
        normal = centroid - others
        # Rounding of means is no direction.
        if np.abs(normal).max() <= SMALLEST * self._size:
            normal, half_width = np.zeros(normal.shape), np.inf
            slab = Slab(np.ones(normal.shape), -np.inf, np.inf)
        else:
            middle = centroid @ normal
            half_width = smallest_bound(np.abs(rows @ normal - middle), self.quantile)
            slab = Slab(normal, middle - half_width, middle + half_width)
        self._normals.append(normal)
        self._half_widths.append(half_width)
        return slab.fit(rows)


def _mean(X):
    return np.asarray(X.mean(axis=0), dtype=float).ravel()


def smallest_bound(values, quantile):
    """Return the smallest value that at least this share of the values keeps to."""
    return float(np.quantile(values, quantile, method="inverted_cdf"))


def _distances(X, centre):
    """Return the distance of each row from a centre, without making all rows dense."""
    if not sparse.issparse(X):
        return np.linalg.norm(X - centre, axis=1)
    step = max(1, BLOCK // X.shape[1])
    return np.concatenate(
        [
            np.linalg.norm(X[i : i + step].toarray() - centre, axis=1)
            for i in range(0, X.shape[0], step)
        ]
    )
