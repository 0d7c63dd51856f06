r"""A goal as a function of the labels of the training rows.

Labels are relaxed to shares: row i has the share :math:`Q_{ic}` of the label c, and the
surrogate minimises

.. math::

    C(W; Q) = \sum_i a_i \sum_c Q_{ic} \, \varphi(W^\top \tilde x_i, e_c)
        + \tfrac12 \langle W, \Lambda W \rangle ,

with :math:`e_c` the target of the class c. For losses that are linear in the target, up
to terms that do not depend on W (logistic, multinomial, squared), this is the loss for
the target :math:`\sum_c Q_{ic} e_c`. For other losses each row is replaced by n_classes
rows with the weights :math:`a_i Q_{ic}`. One adjoint solve then gives the gradient of
the goal in all shares at once, by the targets or by the weights.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skpoison.attacks.labels._believed_error import BelievedError
from skpoison.bilevel.differentiation.hypergradients import implicit
from skpoison.bilevel.differentiation.row_span import row_span
from skpoison.bilevel.goals import COUNTED, Measure, OnRows, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.solvers.newton import minimise

# Goals that smooth an error.
SMOOTHED = SmoothedError, BelievedError


@dataclass(frozen=True)
class Measured:
    """What the attacker measures for some labels.

    Parameters
    ----------
    value : float
        The goal.
    error : float
        The goal with errors counted instead of smoothed; the same for goals that smooth
        no error.
    """

    value: float
    error: float


def measure_scores(measure, scores):
    """Measure the goal for some scores.

    Parameters
    ----------
    measure : Measure
        The goal.
    scores : ndarray of shape (n_val, n_outputs)
        The scores of the validation rows.

    Returns
    -------
    measured : Measured
    """
    value = measure.value(scores)
    if not isinstance(measure, SMOOTHED):
        return Measured(value, value)
    return Measured(value, replace(measure, sharpness=COUNTED).value(scores))


class LabelProblem:
    """The attacker's goal as a function of the labels of the training rows.

    Parameters
    ----------
    problem : BilevelProblem
        The surrogate, the rows that it learns from and the goal.

    Attributes
    ----------
    X : {ndarray, csr matrix} of shape (n_train, n_columns)
        The rows, in coordinates of their span if these are fewer than the features.
    goal : goal
        The goal, in the same coordinates.
    encoded : ndarray of shape (n_classes, n_outputs)
        The target of each class.
    """

    def __init__(self, problem):
        self.training_problem = problem.training_problem
        self.learner, self.engine = problem.learner, problem.engine
        self.codes, self.classes = problem.codes, problem.classes
        self.X, self.goal = _in_row_span(problem)
        self.encoded = self.training_problem.encode(np.arange(self.classes.shape[0]))
        # The surrogate of a fold has fewer rows than the victim. If each of them stands
        # for as many more, its penalty weighs as much as the victim's.
        self._multiplicity = np.full(self.codes.shape[0], float(problem.weight))
        self._rows = self._make_rows(self.codes)
        self._optimum, self._key = None, None
        loss = getattr(self.learner, "loss", None)
        self.is_linear_in_targets = getattr(loss, "linear_in_targets", False)

    def measure_by(self, measure):
        """Set what is measured of the scores of the validation rows.

        Parameters
        ----------
        measure : Measure
            What takes the place of the measure of the goal, which is one on scores.
        """
        self.goal = replace(self.goal, measure=measure)

    def rows(self, codes):
        """Return the training rows with other labels.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        rows : Rows
        """
        rows = self._make_rows(codes)
        # What has been computed of the features for one set of labels (their Gram
        # matrix) serves the next.
        self._rows = self._rows.with_targets(rows.targets, rows.weights)
        return self._rows

    def _make_rows(self, codes):
        return self.training_problem.rows(
            self.X, codes, classes=self.classes, multiplicity=self._multiplicity
        )

    def soft_rows(self, shares):
        """Return the training rows with shares of labels.

        Parameters
        ----------
        shares : ndarray of shape (n_train, n_classes)
            The share that each row has of each label; they sum to 1.

        Returns
        -------
        rows : Rows
            Of n_train rows, or, if the loss is not linear in the target, of
            n_classes * n_train.
        """
        rows = self.rows(shares.argmax(axis=1))
        if self.is_linear_in_targets:
            return rows.with_targets(shares @ self.encoded)
        n_samples, n_classes = shares.shape
        stack = sparse.vstack if sparse.issparse(self.X) else np.concatenate
        return Rows(
            stack([self.X] * n_classes),
            np.repeat(self.encoded, n_samples, axis=0),
            (rows.weights[:, np.newaxis] * shares).T.ravel(),
        )

    def optimum(self, codes):
        """Return the optimum, from that of the labels asked about before.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        optimum : Optimum
        """
        key = codes.tobytes()
        if key != self._key:
            self._optimum, self._key = self.minimise(codes, self._optimum), key
        return self._optimum

    def minimise(self, codes, start=None, *, tol=None):
        """Return the optimum of a surrogate that goes to its optimum.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.
        start : Optimum, default=None
            The optimum for similar labels.
        tol : float, default=None
            Relative norm of the gradient; None for that of the engine.

        Returns
        -------
        optimum : Optimum
        """
        return self.minimise_rows(self.rows(codes), start, tol=tol)

    def minimise_rows(self, rows, start=None, *, tol=None):
        """Return the optimum for training rows with any targets and weights.

        Parameters
        ----------
        rows : Rows
            The rows.
        start : Optimum, default=None
            The optimum for similar rows.
        tol : float, default=None
            Relative norm of the gradient; None for that of the engine.

        Returns
        -------
        optimum : Optimum
        """
        tol = self.engine.tol if tol is None else tol
        return minimise(self.learner, rows, start, tol=tol)

    def evaluate(self, codes):
        """Compute the goal, with the smoothed error and with the error itself.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        error, value : float
            The goal with errors counted instead of smoothed, and the goal; the same for
            goals that do not smooth an error.
        """
        measured = self.measured(codes)
        return measured.error, measured.value

    def measured(self, codes):
        """Measure the goal.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        measured : Measured
        """
        measure = getattr(self.goal, "measure", None)
        if not isinstance(measure, SMOOTHED):
            value = self._value(codes, self.goal)
            return Measured(value, value)
        # One training serves all of it.
        return measure_scores(measure, self.scores(codes))

    def scores(self, codes):
        """Return the scores of the validation rows, for a goal that is an error.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        scores : ndarray of shape (n_val, n_outputs)
        """
        recorder = _ScoreRecorder(self.goal.measure)
        self._value(codes, OnRows(self.goal.X, recorder))
        return recorder.scores

    def gradient(self, shares, optimum=None):
        """Compute the goal and its gradient in the shares of labels.

        Parameters
        ----------
        shares : ndarray of shape (n_train, n_classes)
            The share that each row has of each label; they sum to 1.
        optimum : Optimum, default=None
            The optimum for these shares, if it is known.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_train, n_classes)
            Its gradient.
        """
        rows = self.soft_rows(shares)
        codes = shares.argmax(axis=1)
        if codes.tobytes() == self._key and (shares.max(axis=1) == 1).all():
            optimum = self._optimum
        if optimum is None:
            value, hypergradient = self.engine(rows, self.goal, slice(None))
        else:
            if not self.is_linear_in_targets:
                # The same optimum, as one of the rows with shares.
                optimum = minimise(self.learner, rows, optimum, tol=self.engine.tol)
            value, b = self.goal.at(self.learner, optimum.W)
            hypergradient = implicit(optimum, b, slice(None), tol=self.engine.tol)
        if self.is_linear_in_targets:
            return value, hypergradient.targets @ self.encoded.T
        n_samples, n_classes = shares.shape
        gradient = hypergradient.weights.reshape(n_classes, n_samples).T
        return value, self._rows.weights[:, np.newaxis] * gradient

    def _value(self, codes, goal):
        """Train, and compute a goal without its gradient if that is possible."""
        if not self.engine.has_smooth_optimum:
            return self.engine(self.rows(codes), goal, slice(0, 1))[0]
        optimum = self.optimum(codes)
        if goal.kind != "scores":
            return goal.at(self.learner, optimum.W)[0]
        return goal.measure.value(self.learner.scores(goal.X, optimum.W))


def _in_row_span(problem):
    """Return the rows and the goal in coordinates of the span of the rows.

    An l2 penalty is the same in all directions, so that the weights lie in the span of
    the rows, and scores stay what they are. An l1 penalty is not, and other goals than
    those on scores speak of the features themselves.
    """
    X, goal = problem.X_scaled, problem.resolved_goal
    n_samples, n_features = X.shape
    is_rotatable = (
        problem.learner.supports >= {"row_span", "smooth"}
        and goal.kind == "scores"
        and isinstance(X, np.ndarray)
    )
    if not is_rotatable or n_samples >= n_features:
        return X, goal
    basis, coordinates, _ = row_span(X)
    return coordinates, OnRows(goal.X @ basis, goal.measure)


@dataclass
class _ScoreRecorder(Measure):
    """A measure that remembers the scores that it was last asked about."""

    measure: Measure
    scores: np.ndarray | None = None

    def values(self, scores):
        """Compute the goal for many scores at once."""
        self.scores = scores[:, -1]
        return self.measure.values(scores)

    def gradient(self, scores):
        """Differentiate the goal in the scores."""
        return self.measure.gradient(scores)
