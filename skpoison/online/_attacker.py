r"""The attacker of a stream, between two of its rows.

The learner stands at the weights :math:`w`, the attacker's goal is :math:`A`. To first
order a poisoned step :math:`w' = w + \Delta` gains
:math:`\langle v, \Delta \rangle`, where v is the gradient of the goal: at once, or
after k - 1 further steps on rows like those seen, from which it is pulled back step by
step (:mod:`skpoison.online._sgd`). That costs :math:`O((m + 2k) d)` for m rows on which
the goal is measured.

For a learner with one score and a box the best row is found exactly
(:mod:`skpoison.online._best_row`), and again with the gradient v where its step leads,
as long as the goal rises: a conditional gradient method with an exact oracle, which
never falls if the goal is convex in the weights, as a loss is. Otherwise the goal
itself, :math:`A(w'(x))`, is climbed by projected gradient ascent in the row.
"""

from operator import itemgetter

import numpy as np

from skpoison.bilevel.learners.base import Rows
from skpoison.feasible_sets import Box
from skpoison.goals import GoalContext
from skpoison.online._best_row import Pull, best_row
from skpoison.online._combined_state import CombinedState
from skpoison.online._losses import ResidualLoss
from skpoison.online._sgd import SGDState
from skpoison.optimizers import ProjectedAscent

# Steps of the ascent if none is given, relative to the ranges of the features.
ASCENT = ProjectedAscent(step_size=0.5, decay=0.9, max_iter=20, tol=None)
# How often the exact row is computed: with the gradient where the last one leads.
N_ROUNDS = 3


class StreamProblem:
    """What a goal asks of the training problem of a learner from a stream.

    Parameters
    ----------
    state : SGDState or DescentState
        The learner.
    """

    def __init__(self, state):
        self.learner, self.state = state.learner, state

    def encode(self, y):
        """Return the targets of labels, as positions among the classes, or responses.

        Returns
        -------
        targets : ndarray of shape (n_samples, n_outputs)
        """
        return self.state.encode(y)

    def rows(self, X, y, classes=None):
        """Return rows as the learner sees them, of weights that sum to 1.

        Returns
        -------
        rows : Rows
        """
        return Rows(X, self.encode(y), np.full(y.shape[0], 1 / y.shape[0]))


class Attacker:
    """Crafts rows for a learner, as it stands.

    Parameters
    ----------
    state : SGDState or DescentState
        The learner; it is moved by `learn` and by `see`.
    goal : BaseGoal
        The goal.
    classes : ndarray of shape (n_classes,) or None
        The class labels; None for responses.
    look_ahead : int, default=1
        The number of steps after which the goal counts, the poisoned one first.
    random_state : RandomState
        Draws the rows of the steps that are looked ahead.
    feature_names : ndarray of shape (n_features,), default=None
        The names of the features.
    """

    def __init__(
        self, state, goal, classes, random_state, *, look_ahead=1, feature_names=None
    ):
        self.state, self.goal, self.classes = state, goal, classes
        self.look_ahead, self.random_state = look_ahead, random_state
        self.feature_names = feature_names

    def aim(self, X, y):
        """Measure the goal on rows, and draw those that are looked ahead.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
            The rows.
        y : ndarray of shape (n_rows,)
            Their labels, as positions among the classes, or responses.
        """
        if not np.isfinite(self.state.weights).all():
            raise _diverged()
        needs_rows = self.goal.needs_validation
        context = GoalContext(
            StreamProblem(self.state),
            X.shape[1],
            self.state.n_outputs,
            self.feature_names,
            self.classes,
            X if needs_rows else None,
            y if needs_rows else None,
        )
        self._resolved = self.goal.resolve(context)
        drawn = self.random_state.randint(len(y), size=self.look_ahead - 1)
        self._future = [(dense_row(X, i), y[i]) for i in drawn]

    def value(self, state=None):
        """Return the goal at the weights of a state, by default the learner's."""
        state = self.state if state is None else state
        return self._resolved.at(state.learner, state.weights)[0]

    def direction(self, x=None, y=None):
        """Return the goal, and its gradient in the weights after the next step.

        Parameters
        ----------
        x : ndarray of shape (n_features,), default=None
            The row of that step. None: the gradient is taken where the learner stands.
        y : int or float, default=None
            Its label, as a position among the classes, or its response.

        Returns
        -------
        value : float
            The goal.
        v : ndarray of shape (n_parameters, n_outputs)
            The gradient.
        """
        twin = self.state
        if x is not None or self._future:
            twin = twin.copy()
        if x is not None:
            twin.learn_rows(x[np.newaxis], np.array([y]))
        steps = [twin.learn(*row) for row in self._future]
        value, v = self._resolved.at(twin.learner, twin.weights)
        if not np.isfinite(value):
            raise _diverged()
        for step in reversed(steps):
            v, _ = twin.pull_back(step, v)
        return value, v

    def value_and_gradient(self, x, y, n_repeats):
        """Return the goal after poisoned steps and those looked ahead.

        Parameters
        ----------
        x : ndarray of shape (n_features,)
            The poison row.
        y : int or float
            Its label, as a position among the classes, or response.
        n_repeats : int
            How often it is learnt from.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_features,)
            Its gradient in the row.
        """
        twin = self.state.copy()
        poisoned = [twin.learn(x, y) for _ in range(n_repeats)]
        steps = [twin.learn(*row) for row in self._future]
        value, v = self._resolved.at(twin.learner, twin.weights)
        for step in reversed(steps):
            v, _ = twin.pull_back(step, v)
        gradient = np.zeros(x.shape[0])
        for step in reversed(poisoned):
            v, by_row = twin.pull_back(step, v)
            gradient += by_row
        return value, gradient


def _diverged():
    return ValueError(
        "`surrogate` must take steps after which its weights and the goal are finite; "
        "floating-point overflow occurred. Scale the features, or lower its learning "
        "rate."
    )


def has_sorted_rows(state, feasible_set):
    """Return whether rows are found by sorts for a learner and a set.

    Parameters
    ----------
    state : SGDState, CombinedState or DescentState
        The learner.
    feasible_set : BaseFeasibleSet
        The set, fitted.

    Returns
    -------
    has_sorted_rows : bool
    """
    if isinstance(state, CombinedState):
        return all(has_sorted_rows(each, feasible_set) for each in state.members)
    return (
        isinstance(state, SGDState)
        and state.n_outputs == 1
        and not state.passive_aggressive
        and not state.penalty * state.l1_ratio
        and type(feasible_set) is Box
        and bool(np.isfinite([feasible_set.lower_, feasible_set.upper_]).all())
    )


def is_proven(state):
    """Return whether the rows found by sorts are the best to first order.

    They are not against trusted rows, which ask for more than the margin of a row, and
    for several learners at once: then they are the best for one of several gradients.

    Parameters
    ----------
    state : SGDState or CombinedState
        The learner.

    Returns
    -------
    is_proven : bool
    """
    judge = getattr(state, "judge", None)
    return isinstance(state, SGDState) and (judge is None or judge.of_margin)


def best_step(attacker, v, labels, box):
    """Return the row of a box that raises the goal most, by exact linear steps.

    One step for each label; then the best of these rows is improved with the gradient
    where its step leads, as long as the goal rises.

    Parameters
    ----------
    attacker : Attacker
        The attacker of a learner with one score, or of a combination of such.
    v : ndarray of shape (n_parameters, 1)
        The gradient of the goal in the weights, where the learner stands.
    labels : iterable of int or float
        The labels to choose from, as positions among the classes, or the responses.
    box : Box
        The box, fitted.

    Returns
    -------
    row : ndarray of shape (n_features,)
        The row.
    label : int or float
        Its label, or response.
    value : float
        The goal after its step.
    """
    best, value = None, -np.inf
    for _ in range(N_ROUNDS):
        found = [
            (*attacker.direction(row, y), row, y)
            for y in labels
            for row in _candidates(attacker.state, v, y, box)
        ]
        reached, v, row, y = max(found, key=itemgetter(0))
        if not reached > value:
            break
        best, value, labels = (row, y), reached, [y]
    return *best, value


def _candidates(state, v, y, box):
    """Return the exact row against each member of a combination, or the only one."""
    if not isinstance(state, CombinedState):
        return [exact_row(state, v, y, box)]
    parts = zip(state.members, state.split(v), strict=True)
    return [exact_row(each, part, y, box) for each, part in parts]


def exact_row(state, v, y, box):
    """Return the row of a box that gains most to first order.

    Parameters
    ----------
    state : SGDState
        The learner, with one score.
    v : ndarray of shape (n_parameters, 1)
        The gradient of the goal in the weights after the step.
    y : int or float
        The label of the row, as a position among the classes, or its response.
    box : Box
        The box, fitted.

    Returns
    -------
    row : ndarray of shape (n_features,)
    """
    judge, judges = state.judge, [None]
    if judge is not None and not judge.of_margin:
        return judge.best_row(
            state, v, y, box, lambda way, each: _exact_rows(state, way, y, box, [each])
        )
    if judge is not None and not judge.is_open:
        # The cap may let a row pass that the threshold would not.
        judges.append(judge)
    found = _exact_rows(state, v, y, box, judges)
    if len(found) == 1:
        return found[0]
    gains = [first_order_gain(state, v, row, y) for row in found]
    return found[int(np.argmax(gains))]


def _exact_rows(state, v, y, box, judges):
    """Return the best rows for some defences, and for both signs of a slope."""
    n_features = box.lower_.shape[0]
    sign = 1.0 if state.loss.of_residual else state.target(y)[0]
    u, direction = sign * state.coef[0], sign * v[:n_features, 0]
    a0 = state.loss.argument(state.intercept[0], state.target(y)[0])
    b0 = sign * state.intercept_decay * v[-1, 0] if state.intercept_decay else 0.0
    bounds, found = (box.lower_, box.upper_), []
    for judge in judges:
        pull = Pull(state.loss, judge)
        found.append(best_row(pull, u, direction, a0, b0, *bounds)[0])
        if isinstance(state.loss, ResidualLoss):
            pull = Pull(state.loss, judge, mirrored=True)
            found.append(best_row(pull, -u, -direction, -a0, -b0, *bounds)[0])
    return found


def first_order_gain(state, v, x, y):
    """Return what a step on a row gains to first order, as the learner would take it.

    Parameters
    ----------
    state : SGDState
        The learner.
    v : ndarray of shape (n_parameters, n_outputs)
        The gradient of the goal in the weights after the step.
    x : ndarray of shape (n_features,)
        The row.
    y : int or float
        Its label, as a position among the classes, or response.

    Returns
    -------
    gain : float
    """
    weight = 1.0
    if state.judge is not None:
        weight = state.judge.peek_row(state, x, y)
    return float(state.step(x, y, weight).pull @ state.responses(x, v))


def climb(attacker, y, start, feasible_set, label, scale, optimizer, n_repeats):
    """Climb the goal in a row by projected gradient ascent.

    Parameters
    ----------
    attacker : Attacker
        Computes the goal.
    y : int or float
        The label of the row, as a position among the classes, or its response.
    start : ndarray of shape (n_features,)
        Where to start.
    feasible_set : BaseFeasibleSet
        The feasible set, fitted.
    label : object
        The label itself.
    scale : ndarray of shape (n_features,)
        The ranges of the features, in which steps are measured.
    optimizer : BaseOptimizer
        The optimizer.
    n_repeats : int
        How often the row is learnt from before the goal counts.

    Returns
    -------
    row : ndarray of shape (n_features,)
        The best row met.
    value : float
        The goal there.
    """
    given = start[np.newaxis], np.array([label])
    relaxed = feasible_set.relax() if feasible_set.kind == "discrete" else feasible_set

    def project(z):
        return relaxed._project(z * scale, *given) / scale

    def value_and_gradient(z):
        value, gradient = attacker.value_and_gradient(z[0] * scale, y, n_repeats)
        return value, (gradient * scale)[np.newaxis]

    found = optimizer.maximise(value_and_gradient, (start / scale)[np.newaxis], project)
    row = feasible_set._project(found.x * scale, *given)[0]
    return row, attacker.value_and_gradient(row, y, n_repeats)[0]


def dense_row(X, i):
    """Return a row as an array."""
    row = X[[i]]
    return row[0] if isinstance(row, np.ndarray) else row.toarray()[0]
