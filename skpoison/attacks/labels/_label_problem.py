r"""What does the attacker reach with given labels, and how does that move?

Labels are relaxed to shares: row i has the share :math:`Q_{ic}` of the label c, and the
surrogate minimises

.. math::

    C(W; Q) = \sum_i a_i \sum_c Q_{ic} \, \varphi(W^\top \tilde x_i, e_c)
        + \tfrac12 \langle W, \Lambda W \rangle ,

where :math:`e_c` is the target of the class c. For losses that are linear in the
target, up to what W does not depend on (logistic, multinomial, squared), that is the
loss of the target :math:`\sum_c Q_{ic} e_c`; for others each row stands for n_classes
rows with the weights :math:`a_i Q_{ic}`. One adjoint solve gives the gradient of the
goal in all shares at once, by the targets or by the weights.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.bilevel.differentiation.engines import ImplicitDifferentiation
from skpoison.bilevel.goals import OnRows
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.l1 import L1Learner
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Logistic, Multinomial, Squared
from skpoison.bilevel.solvers.newton import minimise

# Sharpness of the smoothed error at which it is the error.
SHARP = 1e9


class LabelProblem(BilevelProblem):
    """A goal as a function of the labels of training rows.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        What the attacker believes that the victim learns.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    train : ndarray of shape (n_train,) of int
        Positions of those that the surrogate learns from.
    classes : ndarray of shape (n_classes,)
        The classes.
    own : tuple of {ndarray, csr matrix} and ndarray
        Rows of the attacker's own, and their labels as positions among the classes.
    sharpness : float
        Of the smoothed error.
    """

    def __init__(self, surrogate, X, codes, train, classes, own, sharpness):
        super().__init__(surrogate, "auto", X, codes, train, 1.0, classes)
        self.aim("error-generic", "error", sharpness, *own)
        self._reduce()
        self.encoded = self.surrogate.encode(np.arange(classes.shape[0]))
        self.rows = self.surrogate.rows(self.X, self.codes, classes=classes)
        loss = getattr(self.learner, "loss", None)
        self.linear = isinstance(loss, (Logistic, Multinomial, Squared))

    def _reduce(self):
        """Turn features into coordinates among the rows, where these are fewer.

        Penalties are the same in all directions, and weights lie in the span of the
        rows: scores stay what they are.
        """
        n_samples, n_features = self.X.shape
        linear = isinstance(self.learner, LinearLearner)
        # Absolute values of weights are not the same in all directions.
        linear = linear and not isinstance(self.learner, L1Learner)
        if linear and n_samples < n_features and isinstance(self.X, np.ndarray):
            basis, coordinates = np.linalg.qr(self.X.T)
            self.X = coordinates.T
            self.goal = OnRows(self.goal.X @ basis, self.goal.measure)

    def rows_of(self, codes):
        """Make the rows with other labels.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        rows : Rows
        """
        rows = self.surrogate.rows(self.X, codes, classes=self.classes)
        # What is computed of the features for one set of labels serves the next.
        self.rows = self.rows.with_targets(rows.targets, rows.weights)
        return self.rows

    def value(self, codes):
        """Compute the goal.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        value : float
        """
        return self.reached(codes)[1]

    def reached(self, codes):
        """Compute the error on the attacker's rows, and the goal.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        error, value : float
        """
        smooth, rows = self.goal.measure, self.rows_of(codes)
        measures = replace(smooth, sharpness=SHARP), smooth
        engine = self.engine
        if isinstance(engine, ImplicitDifferentiation):
            engine.optimum = minimise(
                self.learner, rows, engine.optimum, tol=engine.tol
            )
            scores = self.learner.scores(self.goal.X, engine.optimum.W)
            return tuple(measure.value(scores) for measure in measures)
        goals = [OnRows(self.goal.X, measure) for measure in measures]
        return tuple(engine(rows, goal, slice(0, 1))[0] for goal in goals)

    def gains(self, shares):
        """Compute the goal, and differentiate it in shares of labels.

        Parameters
        ----------
        shares : ndarray of shape (n_train, n_classes)
            The share that each row has of each label; they sum to 1.

        Returns
        -------
        value : float
            The goal.
        gains : ndarray of shape (n_train, n_classes)
            Its gradient.
        """
        rows = self.rows_of(shares.argmax(axis=1))
        if self.linear:
            rows = rows.with_targets(shares @ self.encoded)
            value, gradient = self.engine(rows, self.goal, slice(None))
            return value, gradient.targets @ self.encoded.T
        n_samples, n_classes = shares.shape
        stack = sparse.vstack if sparse.issparse(self.X) else np.concatenate
        weights = rows.weights[:, np.newaxis] * shares
        stacked = Rows(
            stack([self.X] * n_classes),
            np.repeat(self.encoded, n_samples, axis=0),
            weights.T.ravel(),
        )
        value, gradient = self.engine(stacked, self.goal, slice(None))
        gains = gradient.weights.reshape(n_classes, n_samples).T
        return value, rows.weights[:, np.newaxis] * gains


class CrossValidatedProblem:
    """The mean of goals, each of a surrogate that learns from some of the rows.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        What the attacker believes that the victim learns.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    folds : list of tuple of ndarray of int and tuple
        The positions of the rows to learn from, and rows to measure on with their
        labels as positions among the classes.
    classes : ndarray of shape (n_classes,)
        The classes.
    sharpness : float
        Of the smoothed error.
    """

    def __init__(self, surrogate, X, codes, folds, classes, sharpness):
        self.trains = [train for train, _ in folds]
        self.problems = [
            LabelProblem(surrogate, X, codes, train, classes, own, sharpness)
            for train, own in folds
        ]

    def reached(self, codes):
        """Compute the mean error on the attacker's rows, and the goal.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels, as positions among the classes.

        Returns
        -------
        error, value : float
        """
        pairs = zip(self.problems, self.trains, strict=True)
        each = [problem.reached(codes[train]) for problem, train in pairs]
        return tuple(float(part) for part in np.mean(each, axis=0))

    def gains(self, shares):
        """Differentiate the goal in shares of labels.

        Parameters
        ----------
        shares : ndarray of shape (n_samples, n_classes)
            The share that each row has of each label; they sum to 1.

        Returns
        -------
        gains : ndarray of shape (n_samples, n_classes)
        """
        total = np.zeros_like(shares)
        for problem, train in zip(self.problems, self.trains, strict=True):
            total[train] += problem.gains(shares[train])[1]
        return total / len(self.problems)
