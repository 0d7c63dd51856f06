"""A learner behind a defence, and the goal of an attacker who knows the defence.

If the surrogate is a defence around a learner, then the victim learns from what the
defence believes: from some of the rows, with weights, with other labels. The defence
judges the whole training set, as it will do at the victim. The learner behind it is
then trained on the rows believed, without those of a fold of the validation data at a
time, on which the goal is measured. A defence that does not only choose rows is fitted
as a whole on each fold instead.

How a verdict changes as a row moves is not differentiated: attacks climb by the
gradient of the learner on the rows believed, and choose through the defence.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from skpoison.attacks._problem import BilevelProblem
from skpoison.base import BaseDefence, BaseRowFilter
from skpoison.goals._errors import BaseErrorGoal
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import split_scalers
from skpoison.utils._containers import is_frame, is_text, take_rows
from skpoison.utils._warnings import collect_warnings


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


@dataclass(frozen=True)
class Judged:
    """A training set through the eyes of a defence.

    Parameters
    ----------
    value : float
        The goal of the attacker; -inf if the defence or the learner cannot be fitted.
    belief : Belief or None
        What the defence believes; None if it cannot be fitted.
    """

    value: float
    belief: Belief | None


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
        defence = clone(self.defence)
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


class DefendedGoal:
    """The goal of an attacker through a defence.

    Parameters
    ----------
    defended : Defended
        The surrogate.
    known : Known
        What the attacker knows.
    folds : list of Fold
        The validation rows, and the rows to learn from.
    hypergradient : str or Unrolled, default="auto"
        How the learner is trained.
    """

    def __init__(self, defended, known, folds, hypergradient="auto"):
        self.defended, self.known, self.folds = defended, known, folds
        self.hypergradient = hypergradient
        self.by_fits = not (defended.chooses_rows and self._is_differentiable())
        goal = known.goal
        if not self.by_fits or (
            isinstance(goal, BaseErrorGoal) and goal.loss == "error"
        ):
            return
        raise ValueError(
            "`goal` must be one on errors with loss='error', such as 'error-generic', "
            "for a surrogate that is a defence other than a row filter, or around an "
            f"estimator whose training cannot be differentiated; got {goal!r} with "
            f"{defended.surrogate!r}."
        )

    def _is_differentiable(self):
        """Return whether the learner behind the defence can be trained here."""
        X, classes = self.known.X, self.known.classes
        if is_frame(X) or is_text(X):
            return False
        try:
            learner = split_scalers(self.defended.learner)[1]
            as_training_problem(learner, None if classes is None else classes.shape[0])
        except TypeError:
            return False
        return True

    def judge(self, given):
        """Compute the goal after an attack.

        Parameters
        ----------
        given : TrainingSet
            The training set.

        Returns
        -------
        judged : Judged
        """
        # What is tried out here is not what the victim fits, nor do warnings about it
        # concern the user.
        with collect_warnings():
            belief = self.believe(given)
            if belief is None:
                return Judged(-np.inf, None)
            of_fold = self._fitted if self.by_fits else self._believed
            try:
                values = [of_fold(fold, given, belief) for fold in self.folds]
            except ValueError:  # a class is lost, or the fit overflows
                return Judged(-np.inf, belief)
        value = float(np.mean(values))
        return Judged(value if np.isfinite(value) else -np.inf, belief)

    def believe(self, given):
        """Return what the defence believes.

        Parameters
        ----------
        given : TrainingSet
            The training set.

        Returns
        -------
        belief : Belief or None
            None if the defence cannot be fitted.
        """
        classes = self.known.classes
        y = given.codes if classes is None else classes[given.codes]
        try:
            weights, believed = self.defended.believe(given.X, y, given.trusted)
        except ValueError:
            return None
        codes = believed if classes is None else np.searchsorted(classes, believed)
        return Belief(weights, codes, (weights == 1) & (codes == given.codes))

    def _split(self, fold, given):
        """Return the rows to learn from, and those to validate on, of a fold."""
        is_made = given.origins < 0
        learnt = is_made | np.isin(given.origins, fold.train)
        if fold.X is None:
            return learnt, None
        if fold.rows is None:
            return learnt, np.arange(len(fold.y))
        # A row that is modified is no longer a clean validation row; one that is
        # deleted still is.
        modified = given.X.shape[0] == self.known.codes.shape[0] and is_made.any()
        kept = np.isin(fold.rows, given.origins) | (not modified)
        return learnt, np.flatnonzero(kept)

    def _believed(self, fold, given, belief):
        """Compute the goal of the learner that is trained on the rows believed."""
        known, learner = self.known, self.defended.learner
        learnt, valid = self._split(fold, given)
        original = given.origins >= 0
        # The rows learnt from stand for all rows, and those the attacker has made for
        # themselves.
        share = original.sum() / max((learnt & original).sum(), 1)
        share *= known.n_samples / known.codes.shape[0]
        rows = np.flatnonzero(learnt & (belief.weights > 0))
        multiplicity = np.where(original, share, 1.0)[rows]
        problem = BilevelProblem(
            learner,
            known.goal,
            take_rows(given.X, rows),
            belief.codes[rows],
            classes=known.classes,
            X_val=None if valid is None else fold.X[valid],
            y_val=None if valid is None else fold.y[valid],
            # Scalers before the defence see the rows that it drops.
            X_scaler=given.X if self.defended.steps else None,
            feature_names=known.feature_names,
            weight=share,
            hypergradient=self.hypergradient,
        )
        if self.defended.steps:
            X, goal = problem.X_scaled, problem.resolved_goal
        else:
            _, goal, scaling = problem.rescaled(multiplicity)
            X = problem.X if scaling is None else scaling.transform(problem.X)
        trained_on = problem.training_problem.rows(
            X,
            problem.codes,
            sample_weight=belief.weights[rows],
            classes=known.classes,
            multiplicity=multiplicity,
        )
        return problem.evaluate(trained_on, slice(0, 1), goal=goal)[0]

    def _fitted(self, fold, given, belief):
        """Compute the error of the whole surrogate, fitted on a fold.

        Of the rows that the attacker has made as large a share is taken as of the
        others.
        """
        known = self.known
        learnt, valid = self._split(fold, given)
        original = given.origins >= 0
        made = np.flatnonzero(~original)
        share = (learnt & original).sum() / max(original.sum(), 1)
        places = np.linspace(0, made.size, round(share * made.size), endpoint=False)
        taken = made[places.astype(int)]
        learnt[~original] = False
        learnt[taken] = True
        rows = np.flatnonzero(learnt)
        X_val, y_val = take_rows(fold.X, valid), fold.y[valid]
        wanted, sign = known.goal._wanted(y_val, known.classes)
        y = given.codes[rows]
        if known.classes is not None:
            y, wanted = known.classes[y], known.classes[wanted]
        predict = self.defended.fit(take_rows(given.X, rows), y, given.trusted[rows])
        predicted = predict(X_val)
        if known.classes is not None:
            return sign * float((predicted != wanted).mean())
        return sign * float(((predicted - wanted) ** 2).mean() / 2)


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
