"""The attacker's goal after a set of flips.

It is measured on validation rows, by a surrogate that learns from the training rows:
by its engine (:class:`ProblemPart`), or by fits of any classifier (:class:`FitPart`).
With several folds each of them is a part, and :class:`FlipGoal` is the mean over parts.
"""

import numpy as np
from sklearn.base import clone

from skpoison.attacks.labels._class_scores import class_scores
from skpoison.attacks.labels._label_problem import Measured, measure_scores


class FlipGoal:
    """The mean over parts of a goal as a function of labels.

    Parameters
    ----------
    folds : FoldMean
        For each fold an object with the methods `measured` and `gradient`.
    codes : ndarray of shape (n_samples,) of int
        The clean labels, as positions among the classes.
    """

    def __init__(self, folds, codes):
        self.folds = folds
        self._present = [np.unique(codes[train]) for train in folds.trains]

    def measured(self, codes):
        """Measure the goal.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,) of int
            The labels, as positions among the classes.

        Returns
        -------
        measured : Measured or None
            None if one of the surrogates would lose the last row of a class.
        """
        for present, train in zip(self._present, self.folds.trains, strict=True):
            if not np.isin(present, codes[train]).all():
                return None
        parts = [
            part.measured(codes[train])
            for part, train in zip(self.folds.parts, self.folds.trains, strict=True)
        ]
        value = float(np.mean([part.value for part in parts]))
        error = float(np.mean([part.error for part in parts]))
        return Measured(value, error)

    def gradient(self, shares):
        """Differentiate the mean over folds in the shares of labels.

        Parameters
        ----------
        shares : ndarray of shape (n_samples, n_classes)
            The share that each row has of each label; they sum to 1.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_classes), or None
            None for a surrogate that cannot be differentiated.
        """
        return self.folds.scatter_mean(lambda part, train: part.gradient(shares[train]))


class ProblemPart:
    """A goal by the engine of the surrogate.

    Parameters
    ----------
    problem : LabelProblem
        The goal.
    """

    def __init__(self, problem):
        self.problem = problem

    def measured(self, codes):
        """Measure the goal for some labels."""
        return self.problem.measured(codes)

    def scores(self, codes):
        """Return the scores of the validation rows for some labels."""
        return self.problem.scores(codes)

    def measure_by(self, measure):
        """Set what is measured of the scores of the validation rows."""
        self.problem.measure_by(measure)

    def gradient(self, shares):
        """Differentiate the goal in the shares of labels."""
        return self.problem.gradient(shares)[1]


class FitPart:
    """A goal by fits of the surrogate itself.

    Parameters
    ----------
    refit : Refit
        The goal by fits.
    problem : LabelProblem or None
        The goal by the engine of the surrogate, which has a gradient; None for a
        classifier that cannot be differentiated.
    """

    def __init__(self, refit, problem):
        self.refit, self.problem = refit, problem

    def measured(self, codes):
        """Measure the goal for some labels."""
        return self.refit.measured(codes)

    def scores(self, codes):
        """Return the scores of the validation rows for some labels."""
        return self.refit.scores(codes)

    def measure_by(self, measure):
        """Set what is measured of the scores of the validation rows."""
        self.refit.measure = measure
        if self.problem is not None:
            self.problem.measure_by(measure)

    def gradient(self, shares):
        """Differentiate the goal in the shares of labels, if that is possible."""
        return None if self.problem is None else self.problem.gradient(shares)[1]


class Refit:
    """A goal on scores, by fits of the surrogate itself.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        The surrogate.
    X : {ndarray, csr matrix} of shape (n_train, n_features)
        The rows that it learns from.
    codes : ndarray of shape (n_train,) of int
        Their labels, as positions among the classes.
    classes : ndarray of shape (n_classes,)
        The classes.
    X_val : {ndarray, csr matrix} of shape (n_val, n_features)
        The validation rows.
    measure : Measure
        What is measured of their scores.
    n_jobs : int, default=None
        Number of fits at once.
    """

    def __init__(self, surrogate, X, codes, classes, X_val, measure, n_jobs=None):
        self.surrogate, self.X, self.codes = surrogate, X, codes
        self.classes, self.X_val, self.measure = classes, X_val, measure
        self.n_jobs = n_jobs

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
        return self.measure.value(self.scores(codes))

    def measured(self, codes):
        """Measure the goal, row by row.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        measured : Measured
        """
        return measure_scores(self.measure, self.scores(codes))

    def scores(self, codes):
        """Return the scores of the validation rows.

        Parameters
        ----------
        codes : ndarray of shape (n_train,) of int
            The labels, as positions among the classes.

        Returns
        -------
        scores : ndarray of shape (n_val, n_outputs)
            Of two classes one output.
        """
        fitted = clone(self.surrogate).fit(self.X, self.classes[codes])
        scores = class_scores(fitted, self.X_val, self.classes)
        if self.classes.shape[0] == 2:
            scores = scores[:, 1:] - scores[:, :1]
        return scores
