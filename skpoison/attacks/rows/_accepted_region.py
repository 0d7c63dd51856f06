"""Rows that a fitted defence accepts, where it judges each row by itself.

A row that it throws out is led back towards the nearest training row of its label that
it accepts, by bisection of the way.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skpoison.feasible_sets import BaseFeasibleSet
from skpoison.feasible_sets._base import take
from skpoison.feasible_sets._level_set import lead_below
from skpoison.optimizers._coordinates import Coordinates
from skpoison.utils._containers import take_rows

# Halvings of the way back.
N_HALVINGS = 8


class AcceptedRegion(BaseFeasibleSet):
    """The part of a feasible set that a judge accepts.

    Parameters
    ----------
    feasible_set : BaseFeasibleSet
        The set; fitted.
    judge : RowJudge
        The judge.
    classes : ndarray of shape (n_classes,)
        The class labels.
    X : {ndarray, csr matrix} of shape (n_rows, n_features)
        Rows to lead others back to.
    codes : ndarray of shape (n_rows,) of int
        Their labels, as positions among the classes.
    """

    requires_labels = True

    def __init__(self, feasible_set, judge, classes, X, codes):
        self.feasible_set, self.judge, self.classes = feasible_set, judge, classes
        self.requires_start = feasible_set.requires_start
        is_discrete = feasible_set.kind == "discrete"
        self.kind = "discrete" if is_discrete else "neither"
        self.X, self.codes = X, codes
        self._homes = {}
        if feasible_set.requires_start:
            return
        accepted = judge.accepts(X, codes)
        for code in np.unique(codes):
            rows = take_rows(X, np.flatnonzero(accepted & (codes == code)))
            rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
            if rows.shape[0]:
                labels = np.full(rows.shape[0], classes[code])
                rows = rows[feasible_set._contains(rows, None, labels)]
            if rows.shape[0]:
                index = NearestNeighbors(n_neighbors=1).fit(judge.transform(rows))
                self._homes[code] = rows, index

    def relaxed(self):
        """Return where an optimizer moves."""
        if self.feasible_set.kind != "discrete":
            return self
        relaxed = self.feasible_set.relax()
        return AcceptedRegion(relaxed, self.judge, self.classes, self.X, self.codes)

    def _contains(self, X, start, y):
        accepted = self.judge.accepts(X, np.searchsorted(self.classes, y))
        return accepted & self.feasible_set._contains(X, start, y)

    def _project(self, X, start, y):
        rows = self.feasible_set._project_checked(X, start, y)
        codes, left = np.searchsorted(self.classes, y), np.arange(y.shape[0])
        if self.judge.has_gradient:
            rows, left = lead_below(
                rows,
                self.judge.thresholds(codes),
                lambda X, among: self.judge.score.with_gradients(X, codes[among]),
                self.feasible_set._project_checked,
                start,
                y,
            )
        left = left[~self.judge.accepts(rows[left], codes[left])]
        home = self._nearest_homes(rows[left], take(start, left), codes[left])
        # A row that has no way back stays where it is.
        led = ~np.isnan(home).any(axis=1)
        left, home = left[led], home[led]
        if not left.size:
            return rows
        away = rows[left] - home
        rows[left] = home
        low, high = np.zeros((left.size, 1)), np.ones((left.size, 1))
        for _ in range(N_HALVINGS):
            share = (low + high) / 2
            trial = self.feasible_set._project_checked(
                home + share * away, take(start, left), y[left]
            )
            inside = self.judge.accepts(trial, codes[left])
            rows[left[inside]] = trial[inside]
            low = np.where(inside[:, np.newaxis], share, low)
            high = np.where(inside[:, np.newaxis], high, share)
        return rows

    def _nearest_homes(self, X, start, codes):
        """Return where rows are led back to; NaN for those that have no such place."""
        home = np.full(X.shape, np.nan)
        if self.requires_start:
            at_start = self.judge.accepts(start, codes) if X.shape[0] else []
            home[at_start] = start[at_start]
            return home
        for code, (rows, index) in self._homes.items():
            members = np.flatnonzero(codes == code)
            if members.size:
                behind = self.judge.transform(X[members])
                nearest = index.kneighbors(behind, return_distance=False)[:, 0]
                home[members] = rows[nearest]
        return home


def within(coordinates, judge, given):
    """Return coordinates whose feasible set is what a judge accepts of it.

    Parameters
    ----------
    coordinates : Coordinates
        The coordinates.
    judge : RowJudge or None
        The judge.
    given : TrainingSet
        The training set, to whose rows others are led back.

    Returns
    -------
    coordinates : Coordinates
        The same if there is no judge.
    """
    if judge is None:
        return coordinates
    known = np.flatnonzero(given.origins >= 0)
    region = AcceptedRegion(
        coordinates.feasible_set,
        judge,
        coordinates.classes,
        take_rows(given.X, known),
        given.codes[known],
    )
    return Coordinates(
        region,
        region.relaxed(),
        coordinates.low,
        coordinates.width,
        coordinates.response_range,
        coordinates.classes,
    )
