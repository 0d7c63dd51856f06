"""Rows that a row filter accepts: the feasible set of an attacker who knows it."""

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.neighbors import NearestNeighbors

from skpoison.feasible_sets._base import BaseFeasibleSet
from skpoison.utils._validation import Described, InstanceWith


class AcceptedBy(BaseFeasibleSet):
    """Rows that a filter would keep.

    For attacks that evade a defence which the attacker knows. The filter is fitted to
    the training rows, all of them trusted, and then judges each row by itself, given
    its label. A row that it would drop is moved towards the nearest training row of its
    label that it keeps, as little as necessary. For the distance to the nearest trusted
    row (``detector="distance", n_neighbors=1``) this is the projection: the set is a
    union of balls. Otherwise nearer rows may exist.

    Parameters
    ----------
    defence : classifier
        A filter that scores rows against trusted ones:
        :class:`~skpoison.defences.OutlierFilteredClassifier`.

    Attributes
    ----------
    defence_ : classifier
        The filter, fitted to the training rows.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    SphereSlab : What the sphere and the slab defence keep, a convex set.

    Notes
    -----
    The victim of an attack fits the filter to the rows that they trust themselves. If
    the poison is among the rows that it is fitted to, it accepts more.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.defences import OutlierFilteredClassifier
    >>> from skpoison.feasible_sets import AcceptedBy
    >>> X, y = [[0], [1], [3], [10], [12], [13]], ["a", "a", "a", "b", "b", "b"]
    >>> defence = OutlierFilteredClassifier(
    ...     LogisticRegression(), detector="distance", n_neighbors=1
    ... )
    >>> kept = AcceptedBy(defence).fit(X, y)
    >>> kept.defence_.threshold_.round(6)
    array([2., 2.])
    >>> kept.contains([[4], [6]], y=["a", "a"])
    array([ True, False])
    >>> kept.project([[6]], y=["a"]).round(6)
    array([[5.]])
    """

    kind = "neither"
    requires_labels = True
    _parameter_constraints: dict = {
        "defence": [
            Described(
                InstanceWith(["fit", "_new_row_scorer"]),
                "a filter that scores rows against trusted ones, such as "
                "OutlierFilteredClassifier(LogisticRegression())",
            )
        ]
    }

    def __init__(self, defence):
        self.defence = defence

    def _fit(self, X, y):
        if not is_classifier(self.defence):
            raise ValueError(
                "`defence` must be a classifier for AcceptedBy, which depends on "
                f"labels; got {self.defence!r}. Take OutlierFilteredClassifier()."
            )
        everything = np.ones(X.shape[0], dtype=bool)
        self.defence_ = clone(self.defence).fit(X, y, trusted=everything)
        codes = self._codes(y)
        self._score = self.defence_._new_row_scorer(X, codes)
        accepted = self._accepts(X, codes)
        self._homes = []
        for k, label in enumerate(self.defence_.classes_):
            rows = X[accepted & (codes == k)]
            if not rows.shape[0]:
                raise ValueError(
                    "`defence` must keep some of the training rows of each class; got "
                    f"{self.defence!r}, which keeps none of class {label}. Raise its "
                    "quantile."
                )
            rows = rows.toarray() if sparse.issparse(rows) else np.array(rows)
            self._homes.append((rows, NearestNeighbors(n_neighbors=1).fit(rows)))

    def _codes(self, y):
        """Return labels as positions among the classes."""
        classes = self.defence_.classes_
        codes = np.minimum(np.searchsorted(classes, y), classes.shape[0] - 1)
        unknown = classes[codes] != y
        if unknown.any():
            raise ValueError(
                "`y` must hold labels of the training rows, which are "
                f"{classes.tolist()}; got {y[unknown][0]!r}."
            )
        return codes

    def _accepts(self, X, codes):
        """Return which rows the filter keeps."""
        thresholds = np.broadcast_to(
            self.defence_.threshold_, self.defence_.classes_.shape
        )[codes]
        return (self._score(X, codes) < thresholds) | np.isinf(thresholds)

    def _contains(self, X, start, y):
        return self._accepts(X, self._codes(y))

    def _project(self, X, start, y):
        codes, centre = self._codes(y), np.empty(X.shape)
        for k, (rows, index) in enumerate(self._homes):
            members = np.flatnonzero(codes == k)
            if members.size:
                nearest = index.kneighbors(X[members], return_distance=False)[:, 0]
                centre[members] = rows[nearest]
        return self._project_radially(X, centre, y=y)
