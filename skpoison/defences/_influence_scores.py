r"""Influence of training rows on the loss of trusted rows.

Let :math:`W` be what a learner makes of its training rows, of weights :math:`a_i`, and
:math:`L(W)` the mean loss of the trusted rows. The influence of a row is the loss
with it minus the loss without it,

.. math::

    s_i = L(W) - L(W_{-i}) \approx a_i \frac{dL}{da_i}
        = -a_i \, \nabla_W \ell_i(W)^\top H^{-1} \nabla L(W) ,

or :math:`L(W_{+i}) - L(W)` if it is not among the rows that are learnt from. Three ways
to find it differ in what they cost. The derivative on the right needs one linear system
for all rows (Koh and Liang 2017). A Newton step for each row, from one factorisation,
gives :math:`W_{\mp i}`: exactly for the squared loss
(:mod:`skpoison.bilevel.differentiation.leave_one_out`). Or the learner is trained anew
for each row (Nelson et al. 2008).
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed

from skpoison.bilevel.differentiation.leave_one_out import leave_one_out
from skpoison.bilevel.goals import MeanLoss, OnRows, SmoothedError
from skpoison.bilevel.solvers.newton import minimise
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import split_scalers

# How many numbers derivatives in features, or weights of many models, may take.
BLOCK_SIZE = 10_000_000
# How exactly the optimum is found.
TOL = 1e-10


@dataclass
class InfluenceProblem:
    """A differentiable learner, and rows that it may learn from.

    Parameters
    ----------
    estimator : estimator or Pipeline
        The learner, perhaps behind scalers, which are fitted to the rows that are
        learnt from.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        All rows.
    y : ndarray of shape (n_samples,)
        Their labels as positions among the classes, or their responses.
    learnt : ndarray of shape (n_samples,) of bool
        The rows that are learnt from.
    classes : ndarray of shape (n_classes,), default=None
        The class labels; None for responses.
    """

    estimator: object
    X: np.ndarray
    y: np.ndarray
    learnt: np.ndarray
    classes: np.ndarray | None = None

    def __post_init__(self):
        scalers, estimator = split_scalers(self.estimator)
        rows = np.flatnonzero(self.learnt)
        for scaler in scalers:
            scaler.fit(self.X[rows])
            self.X = scaler.transform(self.X)
        n_classes = None if self.classes is None else self.classes.shape[0]
        problem = as_training_problem(estimator, n_classes).for_rows(self.X[rows])
        self.problem, self.learner = problem, problem.learner
        self.rows = self._rows(self.learnt.astype(float))
        # What each row weighs if it is learnt from.
        unit = self._rows(np.ones(self.y.shape[0])).weights
        total = self.rows.weights.sum() / unit[rows].sum()
        self.unit = np.where(self.learnt, self.rows.weights, unit * total)
        self.engine = problem.engine(shape=self.X[rows].shape)
        self.engine.tol = TOL

    def _rows(self, multiplicity):
        return self.problem.rows(
            self.X, self.y, classes=self.classes, multiplicity=multiplicity
        )

    def goal(self, tests):
        """Return the mean loss of some rows as a function of what is learnt.

        Parameters
        ----------
        tests : ndarray of int
            The positions of the rows.

        Returns
        -------
        goal : OnRows
        """
        loss = getattr(self.learner, "loss", None)
        if loss is None:
            measure = SmoothedError(self.y[tests])
        else:
            measure = MeanLoss(loss, self.problem.encode(self.y[tests]))
        return OnRows(self.X[tests], measure)

    def by_adjoint(self, tests):
        """Compute influences to first order, by one linear system.

        Parameters
        ----------
        tests : ndarray of int
            The positions of the trusted rows.

        Returns
        -------
        influences : ndarray of shape (n_samples,)
        """
        goal, parts = self.goal(tests), []
        # The gradient in the features comes with that in the weights.
        per_block = max(1, BLOCK_SIZE // self.X.shape[1])
        for block in gen_batches(self.y.shape[0], per_block):
            parts.append(self.engine(self.rows, goal, block)[1].weights)
        return self.unit * np.concatenate(parts)

    def by_newton(self, tests):
        """Compute influences by one Newton step for each row.

        Parameters
        ----------
        tests : ndarray of int
            The positions of the trusted rows.

        Returns
        -------
        influences : ndarray of shape (n_samples,)
            NaN for a row without which the weights are not determined.

        Raises
        ------
        ValueError
            If the learner does not support it.
        """
        if "leave_one_out" not in self.learner.supports:
            raise ValueError(
                "method='newton' needs a surrogate with a linear model and a smooth "
                "penalty, such as LogisticRegression or Ridge; got "
                f"{self.estimator!r}. Take method='adjoint', or 'retrain'."
            )
        point = minimise(self.learner, self.rows, tol=TOL).point
        goal, sign = self.goal(tests), np.where(self.learnt, 1.0, -1.0)
        before = goal.measure.value(self.learner.scores(goal.X, point.W))
        influences = np.empty(self.y.shape[0])
        per_block = max(1, BLOCK_SIZE // (point.W.size + tests.shape[0]))
        for block in gen_batches(influences.shape[0], per_block):
            indices = np.arange(block.start, block.stop)
            W = leave_one_out(point, indices, (sign * self.unit)[block])
            many = W.swapaxes(0, 1).reshape(W.shape[1], -1)
            scores = self.learner.scores(goal.X, many)
            scores = scores.reshape(tests.shape[0], *W.shape[::2])
            influences[block] = sign[block] * (before - goal.measure.values(scores))
        return influences


def retrained_influences(estimator, X, y, learnt, rows, scores_of, n_jobs=None):
    """Compute influences by training anew for each row.

    Parameters
    ----------
    estimator : estimator
        The learner; it is cloned.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        All rows.
    y : ndarray of shape (n_samples,)
        Their labels as positions among the classes, or their responses.
    learnt : ndarray of shape (n_samples,) of bool
        The rows that are learnt from.
    rows : ndarray of shape (n_rows,) of int
        The rows in question.
    scores_of : callable
        Takes a fitted estimator, and returns scores, of shape (n_scores,); higher is
        better.
    n_jobs : int, default=None
        Number of jobs.

    Returns
    -------
    influences : ndarray of shape (n_rows, n_scores)
        How much worse the scores are with each row; NaN for one without which a class
        has no rows.
    """
    known = np.unique(y[learnt]) if is_classifier(estimator) else None

    def scores_from(mask):
        if known is not None and not np.isin(known, y[mask]).all():
            return None
        chosen = np.flatnonzero(mask)
        return scores_of(clone(estimator).fit(X[chosen], y[chosen]))

    def changed(row):
        mask = learnt.copy()
        mask[row] = not learnt[row]
        return scores_from(mask)

    base = scores_from(learnt)
    found = Parallel(n_jobs=n_jobs)(delayed(changed)(row) for row in rows)
    lost = np.full_like(base, np.nan)
    others = np.array([lost if each is None else each for each in found])
    sign = np.where(learnt[rows], 1.0, -1.0)[:, np.newaxis]
    return sign * (others.reshape(-1, base.shape[0]) - base)
