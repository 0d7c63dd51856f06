"""A learner behind a defence, and training sets that the defence judges.

If the surrogate is a defence around a learner, then the victim learns from what the
defence believes: from some of the rows, with weights, with other labels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from skpoison.base import BaseDefence, BaseRowFilter
from skpoison.utils._containers import take_rows
from skpoison.utils._last_fit import LastFit


@dataclass(frozen=True)
class TrainingSet:
    """A training set after an attack, in terms of the rows that the attacker knows.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_rows, n_features)
        Its rows.
    codes : ndarray of shape (n_rows,)
        Their labels, as positions among the classes, or their responses.
    trusted : ndarray of shape (n_rows,) of bool
        Rows that the defence knows to be clean.
    origins : ndarray of shape (n_rows,) of int
        Which of the rows known each of them is, whatever its label; -1 for a row whose
        features the attacker has made.
    """

    X: object
    codes: np.ndarray
    trusted: np.ndarray
    origins: np.ndarray


@dataclass(frozen=True)
class Belief:
    """What a defence believes of a training set.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,)
        The weight of each row in the fit of the learner; 0 if it is dropped.
    codes : ndarray of shape (n_rows,)
        The label that the learner is given, as a position among the classes, or the
        response.
    as_given : ndarray of shape (n_rows,) of bool
        Which rows are believed as they are.
    """

    weights: np.ndarray
    codes: np.ndarray
    as_given: np.ndarray


def with_rows(known, X, codes, replaced):
    """Return the training set with rows that the attacker has made.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    X : ndarray of shape (n_poison, n_features)
        The rows made.
    codes : ndarray of shape (n_poison,)
        Their labels or responses.
    replaced : ndarray of shape (n_replaced,) of int
        The rows known that they take the place of; empty if they are inserted.

    Returns
    -------
    given : TrainingSet
    """
    n_samples, n_made = known.codes.shape[0], codes.shape[0]
    everything, of_made = np.arange(n_samples), n_samples + np.arange(n_made)
    # Rows that are modified stay in their places.
    order = np.append(everything, of_made[len(replaced) :])
    order[replaced] = of_made[: len(replaced)]
    if sparse.issparse(known.X):
        rows = sparse.vstack([known.X, sparse.csr_array(X)], format="csr")
    else:
        rows = np.concatenate([known.X, X])
    return TrainingSet(
        rows[order],
        np.concatenate([known.codes, codes])[order],
        np.append(known.trusted, np.zeros(n_made, dtype=bool))[order],
        np.append(everything, np.full(n_made, -1))[order],
    )


def as_steps(estimator):
    """Return the steps of a pipeline but the last one, and the last one."""
    if not isinstance(estimator, Pipeline):
        return [], estimator
    *steps, last = (step for _, step in estimator.steps)
    return [step for step in steps if step not in ("passthrough", None)], last


def is_defended(surrogate):
    """Return whether a surrogate is a defence, or ends with one.

    Parameters
    ----------
    surrogate : estimator
        The surrogate.

    Returns
    -------
    is_defended : bool
    """
    return isinstance(as_steps(surrogate)[1], BaseDefence)


class Defended:
    """A surrogate that is a defence around a learner.

    Parameters
    ----------
    surrogate : estimator
        A defence, or a Pipeline that ends with one.

    Attributes
    ----------
    steps : list of transformer
        The steps before the defence.
    defence : BaseDefence
        The defence.
    learner : estimator
        What is behind it: the surrogate without its defences.
    """

    def __init__(self, surrogate):
        self.surrogate = surrogate
        self.steps, self.defence = as_steps(surrogate)
        inner = self.defence.estimator
        self.inner = Defended(inner) if is_defended(inner) else None
        inner_steps, last = as_steps(
            inner if self.inner is None else self.inner.learner
        )
        steps = [*self.steps, *inner_steps]
        self._memory = LastFit()
        self.learner = make_pipeline(*steps, last) if steps else last

    @cached_property
    def chooses_rows(self):
        """Whether all that the defence does is to choose and weight rows and labels."""
        is_filter = isinstance(self.defence, BaseRowFilter)
        return is_filter and (self.inner is None or self.inner.chooses_rows)

    def transformed(self, X, y):
        """Return the steps before the defence, fitted, and the rows behind them."""
        fitted = [clone(step) for step in self.steps]
        for step in fitted:
            X = step.fit_transform(X, y)
        return fitted, X

    def cloned_defence(self):
        """Return a clone of the defence, which need not learn the same twice."""
        defence = clone(self.defence)
        if hasattr(defence, "_memory"):
            defence._memory = self._memory
        return defence

    def believe(self, X, y, trusted):
        """Return what the defence believes.

        Parameters
        ----------
        X : {ndarray, csr matrix, dataframe} of shape (n_rows, n_features)
            The training rows.
        y : ndarray of shape (n_rows,)
            Their labels or responses.
        trusted : ndarray of shape (n_rows,) of bool
            Rows that the defence knows to be clean.

        Returns
        -------
        weights : ndarray of shape (n_rows,)
            The weight of each row in the fit of the learner.
        y : ndarray of shape (n_rows,)
            The labels that the learner is given.
        """
        _, X = self.transformed(X, y)
        defence = self.cloned_defence()
        if isinstance(defence, BaseRowFilter):
            weights, y = defence._verdict(X, y, trusted=trusted)
        else:
            defence.fit(X, y, trusted=trusted)
            weights = 1.0 * defence.inlier_mask_
        if self.inner is not None:
            # The defence behind it is not told which rows are trusted.
            rows = np.flatnonzero(weights)
            nothing = np.zeros(rows.shape[0], dtype=bool)
            inner, labels = self.inner.believe(take_rows(X, rows), y[rows], nothing)
            weights, y = weights.copy(), y.copy()
            weights[rows] *= inner
            y[rows] = labels
        return weights, y

    def fit(self, X, y, trusted):
        """Fit the surrogate, and return a function that predicts.

        Parameters
        ----------
        X, y, trusted
            As above.

        Returns
        -------
        predict : callable
        """
        fitted, X = self.transformed(X, y)
        defence = clone(self.defence).fit(X, y, trusted=trusted)

        def predict(X):
            for step in fitted:
                X = step.transform(X)
            return defence.predict(X)

        return predict
