r"""Judgement of rows by what their steps do to rows known to be clean.

The rise of a row is by how much the mean log loss of trusted rows grows with the step
that a learner would take on it,

.. math::

    r(x, y) = \frac1m \sum_{i=1}^m \left[ \ell_i(w') - \ell_i(w) \right] .

Clean rows raise it now and then as well: those trusted rows that come with the stream
tell how far. A row whose rise is at most a quantile :math:`\tau \ge 0` of theirs is
learnt in full, another with the weight :math:`\tau / r`, which to first order in its
step makes the rise :math:`\tau`, or not at all. Nor is a row learnt with more than the
weight that its norm allows (:mod:`skpoison.online._leverage`).

For a linear learner by stochastic gradient descent all scores after a step follow from
those before it, and the rises of n rows on m cost :math:`O(n m d)`; any other learner
takes the step on a copy.
"""

from collections import deque
from copy import copy, deepcopy

import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from skpoison.online._leverage import squared_norms
from skpoison.online._passing_rows import best_passing_row, pulls_of
from skpoison.online._row_memory import SMALLEST
from skpoison.online._sgd import SGDState
from skpoison.online._stream_defence import learn
from skpoison.online._victims import as_stream_learner
from skpoison.utils._containers import as_numbers, take_rows

# How strongly the attacker holds a step off the loss of the trusted rows, relative to
# the goal, when they look for one that passes.
HOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 1.0, 1.05, 1.2, 2.0)
# How far such a row is drawn from the mean of the trusted rows of its label: a shorter
# step may pass where a longer one does not.
SHARES = np.array([1.0, 0.6, 0.3, 0.1])[:, np.newaxis]


class Tolerance:
    """How far the steps of clean rows raise the loss of trusted rows.

    Parameters
    ----------
    quantile : float
        The share of the trusted rows whose rise is tolerated.
    size : int
        How many rises are remembered, the newest.

    Attributes
    ----------
    value : float or None
        The tolerance; None as long as it is not known.
    """

    def __init__(self, quantile, size):
        self.quantile, self.value = quantile, None
        self._rises = deque(maxlen=size)

    def add(self, rises):
        """Take note of the rises of trusted rows."""
        if len(rises):
            self._rises.extend(rises)
            self._update()

    def adjust(self, quantile, size):
        """Tolerate another quantile, of another number of rises, from now on."""
        if (quantile, size) != (self.quantile, self._rises.maxlen):
            self.quantile, self._rises = quantile, deque(self._rises, maxlen=size)
            self._update()

    def _update(self):
        if self._rises:
            self.value = max(0.0, float(np.quantile(self._rises, self.quantile)))

    def weights(self, rises, *, is_hard):
        """Return the weights of rows with some rises.

        Parameters
        ----------
        rises : ndarray of shape (n_rows,)
            Their rises.
        is_hard : bool
            Whether rows that rise too far are not learnt at all.

        Returns
        -------
        weights : ndarray of shape (n_rows,)
        """
        if self.value is None:
            return np.ones(len(rises))
        passes = rises <= self.value
        if is_hard:
            return passes.astype(float)
        return np.where(passes, 1.0, self.value / np.where(passes, 1.0, rises))

    def copy(self):
        """Return an independent copy."""
        twin = copy(self)
        twin._rises = self._rises.copy()
        return twin


def own_rises(changes):
    """Return the rises of the newest trusted rows, each on all others.

    Parameters
    ----------
    changes : ndarray of shape (n_new, n_trusted)
        The changes of all losses by the steps on the newest rows, which are the last.

    Returns
    -------
    rises : ndarray of shape (n_new,), or empty if there is no other row
    """
    n_new, n_trusted = changes.shape
    if n_trusted == 1:
        return np.empty(0)
    own = changes[np.arange(n_new), n_trusted - n_new + np.arange(n_new)]
    return (changes.sum(axis=1) - own) / (n_trusted - 1)


def loss_changes(learner, X, y, memory):
    """Compute how the losses of trusted rows change with the step on each of some rows.

    Parameters
    ----------
    learner : classifier
        The learner, fitted.
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    memory : RowMemory
        The trusted rows.

    Returns
    -------
    changes : ndarray of shape (n_samples, n_trusted)
    """
    state = _as_state(learner, X)
    if state is not None:
        codes = np.searchsorted(learner.classes_, y)
        codes_trusted = np.searchsorted(learner.classes_, memory.y)
        return changes_by_steps(
            state, as_numbers(X), codes, as_numbers(memory.X), codes_trusted
        )
    before = np.log(memory.probabilities(learner))
    changes = np.empty((y.shape[0], before.shape[0]))
    for i in range(y.shape[0]):
        twin = deepcopy(learner)
        learn(twin, take_rows(X, np.array([i])), y[i : i + 1])
        changes[i] = before - np.log(memory.probabilities(twin))
    return changes


def _as_state(learner, X):
    """Return the steps of a learner if the changes have a closed form, or None."""
    if not isinstance(learner, SGDClassifier):
        return None
    try:
        state = as_stream_learner(
            learner, X.shape[1], learner.classes_, is_sparse=sparse.issparse(X)
        )
    except ValueError:
        return None
    return state if has_changes(state) else None


def has_changes(state):
    """Return whether the changes by steps have a closed form.

    Parameters
    ----------
    state : SGDState or DescentState
        The learner.

    Returns
    -------
    has_changes : bool
    """
    return (
        isinstance(state, SGDState)
        and hasattr(state.loss, "probability")
        and not state.passive_aggressive
        and not state.penalty * state.l1_ratio
    )


def changes_by_steps(state, X, codes, X_trusted, codes_trusted):
    """Compute how losses change with the steps of a learner by gradient descent.

    Parameters
    ----------
    state : SGDState
        The learner.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    X_trusted : {ndarray, csr matrix} of shape (n_trusted, n_features)
        The trusted rows.
    codes_trusted : ndarray of shape (n_trusted,) of int
        Their labels.

    Returns
    -------
    changes : ndarray of shape (n_samples, n_trusted)
    """
    decay = max(0.0, 1.0 - state.rate(state.t) * state.penalty)
    pulls = pulls_of(state, X, codes)
    products = X @ X_trusted.T
    if sparse.issparse(products):
        products = products.toarray()
    features = X_trusted @ state.coef.T
    reach = products + state.intercept_decay
    after = decay * features + pulls[:, np.newaxis] * reach[:, :, np.newaxis]
    losses = [
        -np.log(_probabilities(state, scores + state.intercept, codes_trusted))
        for scores in (after, features)
    ]
    return losses[0] - losses[1]


def _probabilities(state, scores, codes):
    """Return the probabilities of labels by scores, the last axis one an output."""
    p = state.loss.probability(scores)
    if p.shape[-1] == 1:
        chosen = np.where(codes == 1, p[..., 0], 1 - p[..., 0])
    else:
        total = p.sum(axis=-1)
        # As scikit-learn: if no class has a probability, all have the same.
        some = np.where(total > 0, total, 1.0)
        chosen = p[..., np.arange(codes.shape[0]), codes] / some
        chosen = np.where(total > 0, chosen, 1 / p.shape[-1])
    return np.maximum(chosen, SMALLEST)


class TrustedJudge:
    """The defence in the simulation of a learner, one row a call.

    Parameters
    ----------
    tolerance : Tolerance
        What is tolerated.
    size : int
        How many trusted rows are remembered.
    leverage : Leverage
        Weighs rows by how far out they lie.
    is_hard : bool, default=False
        Whether rows that rise too far are not learnt at all.
    X : ndarray of shape (n_trusted, n_features), default=None
        The trusted rows remembered so far.
    codes : ndarray of shape (n_trusted,) of int, default=None
        Their labels, as positions among the classes.
    is_first : bool, default=True
        Whether the learner has learnt nothing yet.
    """

    # Whether the weight of a row depends on its margin alone.
    of_margin = False

    def __init__(
        self,
        tolerance,
        size,
        leverage,
        *,
        is_hard=False,
        X=None,
        codes=None,
        is_first=True,
    ):
        self.tolerance, self.size, self.leverage = tolerance, size, leverage
        self.is_hard, self.X, self.codes = is_hard, X, codes
        self.is_first = is_first

    def peek_rows(self, state, X, codes):
        """Return the weight that each of some rows would get as the next one."""
        allowed = self.leverage.peek(squared_norms(X))
        if self.X is None or self.is_first:
            return allowed
        rises = changes_by_steps(state, X, codes, self.X, self.codes).mean(axis=1)
        weights = self.tolerance.weights(rises, is_hard=self.is_hard)
        return np.minimum(allowed, weights)

    def peek_row(self, state, x, y):
        """Return the weight of the next row, without remembering it."""
        return float(self.peek_rows(state, x[np.newaxis], np.array([y]))[0])

    def weigh_row(self, state, x, y, *, trusted=False):
        """Return the weight of the next row, and remember it if it is trusted."""
        weight = 1.0 if trusted else self.peek_row(state, x, y)
        self.leverage.weigh(float(1.0 + x @ x))
        if trusted:
            rows, codes = x[np.newaxis], np.array([y])
            if self.X is not None:
                rows = np.concatenate([self.X, rows])
                codes = np.concatenate([self.codes, codes])
            self.X, self.codes = rows[-self.size :], codes[-self.size :]
            if not self.is_first:
                changes = changes_by_steps(
                    state, x[np.newaxis], np.array([y]), self.X, self.codes
                )
                self.tolerance.add(own_rises(changes))
        self.is_first = False
        return weight

    def best_row(self, state, v, y, box, find):
        """Return the row that gains most to first order, among those that may pass.

        These are the exact rows for the goal held off the loss of the trusted rows more
        or less, rows between them and the mean of the trusted rows, and rows of norms
        that pass.

        Parameters
        ----------
        state : SGDState
            The learner, with one score.
        v : ndarray of shape (n_parameters, 1)
            The gradient of the goal in the weights after the step.
        y : int
            The label of the row, as a position among the classes.
        box : Box
            The box, fitted.
        find : callable
            Takes a gradient in the weights and a defence that judges by the margin
            alone or is None, and returns the exact rows for them.

        Returns
        -------
        row : ndarray of shape (n_features,)
        """
        ways = self._directions(state, v)
        found = [row for way in ways for row in find(way, None)]
        if self.X is not None and (self.codes == y).any():
            middle = self.X[self.codes == y].mean(axis=0)
            found = [each for row in found for each in middle + SHARES * (row - middle)]
        return best_passing_row(self, state, v, ways[::2], y, box, found, n_angles=3)

    def _directions(self, state, v):
        """Return the gradient of the goal, held off the loss of the trusted rows."""
        if self.X is None or self.tolerance.value is None:
            return [v]
        targets = state.targets[self.codes]
        scores = state.learner.scores(self.X, state.weights)
        slopes = state.loss.gradient(scores, targets) / len(targets)
        loss = state.learner.score_vjp(self.X, state.weights, slopes)
        size = np.vdot(loss, loss)
        if not size:
            return [v]
        # In units of what both have in common.
        loss = loss * (max(float(np.vdot(v, loss) / size), 0.0) or 1.0)
        return [v - hold * loss for hold in HOLDS]

    def copy(self):
        """Return an independent copy."""
        twin = copy(self)
        twin.tolerance = self.tolerance.copy()
        twin.leverage = self.leverage.copy()
        return twin
