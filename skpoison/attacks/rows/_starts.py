r"""Starts of attacks that optimise rows: clones, and clones pushed to the border.

A goal on errors has many local maxima, and an ascent finds one near its start. The
strongest simple attacks lie at the border of the feasible set, in the direction in
which the score of their label falls fastest. For scores that are linear in x, with
slopes :math:`w_c` for class c, a clone of a row of class a with the label b is pushed
along

.. math::

    w_a - w_b

by a share of the way to the border, in the features in which it gets furthest. (For a
margin loss the effect of a row on the weights depends on x through its score and its
direction alone, so that over a box the best row is such a corner.) For responses, a row
whose response is high is pushed to where predictions are low, and the reverse.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle

import numpy as np
from sklearn.linear_model import Ridge

from skpoison.attacks.rows._initial_rows import InitialRows, clones, rows_to_insert
from skpoison.optimizers._coordinates import PoisonRows

# Shares of the way to the border. The number of features pushed is all of them, a
# quarter, N_FEATURES or 1.
SHARES = (1.0, 0.3)
N_FEATURES = 10
# Shares of the way of starts that are drawn at random are uniform between these; where
# they are negative the clones are not pushed.
LEAST_SHARE, LARGEST_SHARE = -0.25, 1.0


@dataclass(frozen=True)
class Start:
    """Where an ascent begins.

    Parameters
    ----------
    initial : InitialRows
        The rows before they are pushed, from which penalties and some feasible sets
        measure.
    rows : PoisonRows
        The rows with which the ascent begins.
    """

    initial: InitialRows
    rows: PoisonRows


def linear_slopes(problem):
    """Return the slopes of the scores that a surrogate learns from clean rows.

    Surrogates that are not linear, or that stop early, are replaced by ridge
    regression on labels or responses, a linear proxy.

    Parameters
    ----------
    problem : BilevelProblem
        The surrogate and the rows.

    Returns
    -------
    slopes : ndarray of shape (n_features, n_classes), or (n_features, 1) for responses
        In the units of the features as the victim is given them.
    """
    n_classes = 1 if problem.classes is None else problem.classes.shape[0]
    n_features = problem.X.shape[1]
    if problem.engine.has_smooth_optimum and "coefficients" in problem.learner.supports:
        problem.evaluate(problem.rows(), slice(0, 1))
        slopes = problem.engine.optimum.W[:n_features]
    else:
        targets = problem.codes[:, np.newaxis]
        if n_classes > 2:
            targets = 1.0 * (targets == np.arange(n_classes))
        slopes = Ridge().fit(problem.X_scaled, targets).coef_.reshape(-1, n_features).T
    if n_classes == 2:
        slopes = np.column_stack([-slopes, slopes])
    scale = 1.0 if problem.scaling is None else problem.scaling.scale[:, np.newaxis]
    return slopes / scale


class Portfolio:
    """The starts of an attack, from the simplest on.

    Parameters
    ----------
    initial : InitialRows
        The first start.
    known : Known
        What the attacker knows.
    coordinates : Coordinates
        The coordinates and the feasible set.
    slopes : ndarray of shape (n_features, n_classes), or (n_features, 1) for responses
        The slopes of scores or predictions.
    given : ndarray of shape (n_known,) or None
        The label, as a position among the classes, or the response that the poison made
        from each row has. None: another label.
    label_map : dict or None
        The new label of each class among its keys; None for any other label.
    random_state : RandomState
        The only source of randomness.
    """

    def __init__(
        self, initial, known, coordinates, slopes, given, label_map, random_state
    ):
        self.initial, self.known, self.coordinates = initial, known, coordinates
        self.slopes, self.given, self.label_map = slopes, given, label_map
        self.random_state = random_state
        # Rows that are modified stay the same ones.
        is_fixed = initial.replaced.size > 0
        self.plans = [lambda: initial] if is_fixed else self._plans()

    def __iter__(self):
        """Yield the initial rows; then rows pushed in all ways; then at random."""
        yield Start(self.initial, self.initial.rows)
        d, plans, draw = self.slopes.shape[0], self.plans, self.random_state
        counts = dict.fromkeys([d, max(1, d // 4), min(N_FEATURES, d), 1])
        for share in SHARES:
            for n_pushed in counts:
                for plan in plans:
                    yield self._pushed(plan(), n_pushed, share)
        while True:
            n_pushed = round(np.exp(draw.uniform(0, np.log(d))))
            share = max(0.0, draw.uniform(LEAST_SHARE, LARGEST_SHARE))
            yield self._pushed(plans[draw.randint(len(plans))](), n_pushed, share)

    @cached_property
    def has_choice(self):
        """Whether some rows may have one of several labels, wherever they are."""
        if self.known.classes is None or self.coordinates.feasible_set.requires_labels:
            return False
        return self.pairs.sum(axis=1).max() > 1

    def labels(self, initial):
        """Return which labels rows may have.

        Parameters
        ----------
        initial : InitialRows
            The rows before they are pushed.

        Returns
        -------
        allowed : ndarray of shape (n_rows, n_classes) of bool
        """
        return self.pairs[self.known.codes[initial.origins]]

    @cached_property
    def pairs(self):
        """Which label a clone of a row of which class may have."""
        classes = range(self.known.classes.shape[0])
        return np.array([[self._may_become(a, b) for b in classes] for a in classes])

    def _plans(self):
        """Return what draws clones: of any labels, of one label, of one pair.

        Responses: any, high ones, low ones.
        """
        n_poison, given = len(self.initial.rows), self.given
        anything = partial(
            rows_to_insert,
            self.known,
            n_poison,
            self.label_map,
            given,
            self.random_state,
        )
        rows = np.arange(self.known.codes.shape[0])
        if self.known.classes is None:
            middle = np.median(given)
            groups = [rows[given > middle], rows[given < middle]]
            return [
                anything,
                *(partial(self._drawn, each, given) for each in groups if each.size),
            ]
        codes, draw = self.known.codes, self.random_state
        n_classes = self.known.classes.shape[0]
        pairs = [
            (a, b)
            for b in draw.permutation(n_classes)
            for a in draw.permutation(np.unique(codes))
            if self._may_become(a, b)
        ]

        def of_label(b):
            sources = [a for a, label in pairs if label == b]
            return rows[np.isin(codes, sources)], np.full(rows.shape, b)

        labels = list(dict.fromkeys(b for _, b in pairs))
        if n_classes == 2:
            return [anything, *(partial(self._drawn, *of_label(b)) for b in labels)]
        labels, order = cycle(labels), cycle(draw.permutation(len(pairs)))

        def of_next_pair():
            a, b = pairs[next(order)]
            return self._drawn(rows[codes == a], np.full(rows.shape, b))

        # There are more pairs than can be tried in all ways.
        one_label = lambda: self._drawn(*of_label(next(labels)))  # noqa: E731
        return [anything, one_label, of_next_pair, of_next_pair]

    def _may_become(self, a, b):
        """Return whether a clone of a row of class a may have the label b."""
        classes = self.known.classes.tolist()
        if self.given is not None:  # it keeps its label
            wanted = self.label_map is None or classes[b] in self.label_map.values()
            return a == b and wanted
        if self.label_map is None:
            return a != b
        return self.label_map.get(classes[a]) == classes[b]

    def _drawn(self, rows, y):
        """Return clones of some rows, all before any again."""
        rows = self.random_state.permutation(rows)
        rows = np.resize(rows, len(self.initial.rows))
        return clones(self.known, rows, y[rows])

    def _pushed(self, initial, n_pushed, share):
        """Return the start of rows that are pushed in some of their features."""
        X, y, among = initial.rows.X, initial.rows.y, self.coordinates
        directions, kinds = self._directions(initial)
        size = np.abs(directions) * among.width[: X.shape[1]]
        unpushed = np.argsort(-size, axis=1, kind="stable")[:, n_pushed:]
        np.put_along_axis(directions, unpushed, 0, axis=1)
        # In place: on large data it takes time to touch memory.
        moved = self._corners(X, directions, kinds)
        moved -= X
        moved *= share
        np.copyto(moved, 0, where=(directions == 0)[kinds])
        moved += X
        if among.moves_responses:
            ends = np.clip(
                [self.known.y.min(), self.known.y.max()], *among.response_range
            )
            y = ends[kinds]
        rows = among.project(PoisonRows(moved, y), initial.rows, for_ascent=True)
        return Start(initial, rows)

    def _directions(self, initial):
        """Return directions, and which of them each row is pushed along."""
        W, y = self.slopes.T, initial.rows.y
        if self.known.classes is None:
            return np.concatenate([W, -W]), (y > np.median(self.given)).astype(int)
        sources, n_classes = self.known.codes[initial.origins], W.shape[0]
        pairs, kinds = np.unique(sources * n_classes + y, return_inverse=True)
        a, b = np.divmod(pairs, n_classes)
        # Rows that keep their label are pushed towards all others.
        others = (W.sum(axis=0) - W) / (n_classes - 1)
        away = np.where((a == b)[:, np.newaxis], others[a], W[a])
        return away - W[b], kinds

    def _corners(self, X, directions, kinds):
        """Return where the feasible set ends in these directions."""
        among = self.coordinates.ascent_set
        if not (among.requires_start or among.requires_labels):
            try:
                return among.maximise(directions)[kinds]
            except ValueError:  # it is unbounded, or no linear oracle is known
                pass
        width = self.coordinates.width[: X.shape[1]]
        return X + np.sign(directions[kinds]) * width
