"""Rows that a row filter accepts: the feasible set of an attacker who knows it."""

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.neighbors import NearestNeighbors

from skpoison.feasible_sets._base import BaseFeasibleSet, take
from skpoison.feasible_sets._level_set import lead_below, nearest_below
from skpoison.utils._validation import Described, InstanceWith

# Of a filter that judges rows beside all others, so many training rows of each class
# are looked at for where others may be led back to.
N_HOMES = 20


class RowsInTurn:
    """Margins of rows by a filter that judges each of them beside all training rows.

    Parameters
    ----------
    defence : classifier
        The filter.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The training rows: all of them trusted, but beside a filter that leaves out a
        share of what is not trusted, of which one row alone would never be left out.
    y : ndarray of shape (n_samples,)
        Their labels.
    """

    def __init__(self, defence, X, y):
        self.defence, self.X, self.y = defence, X, y

    def __call__(self, X, y):
        """Return how far the score of each row, added alone, is below the threshold.

        Infinite where the filter keeps it in spite of its score.
        """
        stack = sparse.vstack if sparse.issparse(self.X) else np.concatenate
        trusted = np.arange(self.y.shape[0] + 1) < self.y.shape[0]
        trusted &= not self.defence._leaves_out_a_share
        margins = np.empty(y.shape[0])
        for i in range(y.shape[0]):
            row = X[i : i + 1]
            row = sparse.csr_array(row) if sparse.issparse(self.X) else row
            judged, labels = clone(self.defence), np.append(self.y, y[i : i + 1])
            judged._verdict(stack([self.X, row]), labels, trusted=trusted)
            k = np.searchsorted(judged.classes_, y[i])
            threshold = np.broadcast_to(judged.threshold_, judged.classes_.shape)[k]
            margins[i] = threshold - judged.sample_scores_[-1]
            if judged.inlier_mask_[-1] and margins[i] <= 0:
                margins[i] = np.inf
            elif not judged.inlier_mask_[-1]:
                margins[i] = min(margins[i], 0)
        return margins


class AcceptedBy(BaseFeasibleSet):
    """Rows that a filter would keep.

    For attacks that evade a defence which the attacker knows. The filter is fitted to
    the training rows, all of them trusted, and then judges each row by itself, given
    its label. A filter that leaves out a share of the rows that are not trusted is told
    to trust none: one row alone is never left out.

    A row that it would drop is moved to where its score is below the threshold by the
    gradient of the score, as little as necessary. That is known for the distances and
    predictions of :class:`~skpoison.defences.OutlierFilteredClassifier`, by logistic
    regression. For the loss of a prediction, and for the distance to the nearest
    trusted row (``n_neighbors=1``), it is the nearest row, otherwise nearer ones may
    exist. Where no gradient is known, or it does not lead there, a row is moved on the
    straight way towards the row that it started from, if that is given and kept, or to
    the nearest training row of its label that is kept.

    Parameters
    ----------
    defence : classifier
        A filter of :mod:`skpoison.defences` that scores rows. Those but
        OutlierFilteredClassifier judge a row beside all others: it is added to the
        training rows alone, and the filter fitted to all of them, which takes as long
        as that for each row and each of up to 50 points on its way.

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
                InstanceWith(["fit", "_verdict"]),
                "a filter that scores rows, such as "
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
        trusted = np.full(X.shape[0], not self.defence._leaves_out_a_share)
        self.defence_ = clone(self.defence).fit(X, y, trusted=trusted)
        codes = self._codes(y)
        self._score = None
        if hasattr(self.defence_, "_new_row_scorer"):
            self._score = self.defence_._new_row_scorer(X, codes)
        else:
            self._in_turn = RowsInTurn(self.defence_, X, np.asarray(y))
        self._has_gradient = getattr(self._score, "has_gradient", False)
        self._homes = []
        for k, label in enumerate(self.defence_.classes_):
            members = np.flatnonzero(codes == k)
            if self._score is None:
                n_homes = min(N_HOMES, members.size)
                places = np.linspace(0, members.size, n_homes, endpoint=False)
                members = members[places.astype(int)]
            rows = X[members]
            rows = rows[self._margins(rows, codes[members]) > 0]
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

    def _thresholds(self, codes):
        """Return the score from which on the filter drops each row."""
        thresholds = self.defence_.threshold_
        return np.broadcast_to(thresholds, self.defence_.classes_.shape)[codes]

    def _margins(self, X, codes):
        """Return how far each row is below the threshold; above 0 if it is kept."""
        if self._score is None:
            return self._in_turn(X, self.defence_.classes_[codes])
        return self._thresholds(codes) - self._score(X, codes)

    def _contains(self, X, start, y):
        return self._margins(X, self._codes(y)) > 0

    def _project(self, X, start, y):
        rows, codes = X.copy(), self._codes(y)
        left = np.flatnonzero(~self._contains(X, start, y))
        if left.size and self._has_gradient:
            rows[left] = self._moved(nearest_below, X[left], codes[left])
            left = left[~self._contains(rows[left], take(start, left), y[left])]
        if not left.size:
            return rows
        rows[left] = self._project_radially(
            X[left], self._centres(X, start, codes, left), y=y[left]
        )
        return rows

    def _centres(self, X, start, codes, left):
        """Return rows that are kept, towards which those that are left are moved."""
        centre = np.empty((left.size, X.shape[1]))
        for k, (homes, index) in enumerate(self._homes):
            members = np.flatnonzero(codes[left] == k)
            if members.size:
                nearest = index.kneighbors(X[left[members]], return_distance=False)
                centre[members] = homes[nearest[:, 0]]
        if start is not None:
            kept = self._margins(start[left], codes[left]) > 0
            centre[kept] = start[left[kept]]
        if self._has_gradient:
            led, _ = self._moved(lead_below, X[left], codes[left])
            kept = self._margins(led, codes[left]) > 0
            centre[kept] = led[kept]
        return centre

    def _moved(self, move, X, codes):
        """Return rows moved by the gradient of the score."""
        thresholds = self._thresholds(codes)
        return move(
            X, thresholds, lambda rows, i: self._score.with_gradients(rows, codes[i])
        )
