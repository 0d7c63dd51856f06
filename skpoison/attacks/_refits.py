"""Choice between poisoned training sets by what the victim itself learns from them.

Stochastic gradient descent stops near the optimum of its objective, and further from it
the more a few extreme rows pull. Attacks follow the gradient at the optimum, which
transfers to it, but how much harm each of several poisoned sets does is another order.
A few fits of the estimator itself tell: on each fold of the training rows in turn, with
several seeds, because the victim's order of the rows is a matter of chance. Where all
rows are learnt from, and the estimator has a seed, nothing is left to chance: the very
training set that the victim will be given is fitted, in its order and with that seed.
"""

from copy import deepcopy
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skpoison.goals._errors import BaseErrorGoal

# Fits with different seeds of each fold.
N_SEEDS = 2


def make_refits(known, folds, training_problem, random_state):
    """Return the error of the surrogate itself, if its optimum does not tell it.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    folds : list of Fold
        The validation rows, and the rows to learn from.
    training_problem : TrainingProblem
        That of the surrogate.
    random_state : RandomState
        The source of the seeds; a copy of it is used.

    Returns
    -------
    refits : Refits or None
        None if the surrogate reaches its optimum or takes the very steps that are
        differentiated, or if the goal is not the error.
    """
    goal = known.goal
    if not training_problem.is_stochastic:
        return None
    if not isinstance(goal, BaseErrorGoal) or goal.loss != "error":
        return None
    if _is_seeded(known.surrogate) and all(
        fold.train.shape[0] == known.n_samples for fold in folds
    ):
        return Refits(known, folds, [None])
    seeds = deepcopy(random_state).randint(np.iinfo(np.int32).max, size=N_SEEDS)
    return Refits(known, folds, seeds.tolist())


def _is_seeded(surrogate):
    """Return whether a surrogate learns the same whenever it is fitted."""
    params = surrogate.get_params()
    return all(isinstance(params[name], Integral) for name in _seeds_of(params))


def _seeds_of(params):
    return [name for name in params if name.split("__")[-1] == "random_state"]


class Refits:
    """The error of the surrogate itself, fitted on poisoned training sets.

    In each fold the rows learnt from are shuffled, and repeated until they are as many
    as all clean rows are, so that poison has the share that it will have, and descent
    takes as many steps.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    folds : list of Fold
        The validation rows, and the rows to learn from.
    seeds : list of int or None
        The seeds of the fits of each fold. None: that of the surrogate, with the rows
        in the order in which the victim is given them.
    """

    def __init__(self, known, folds, seeds):
        self.known, self.folds, self.seeds = known, folds, seeds

    def of_rows(self, X, y, replaced=()):
        """Return the error of each row with poison rows, a mean over seeds.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_poison, n_features)
            The poison rows.
        y : ndarray of shape (n_poison,)
            Their labels, as positions among the classes, or their responses.
        replaced : ndarray of shape (n_replaced,) of int, default=()
            The training rows that they take the place of; not validation rows.

        Returns
        -------
        values : ndarray of shape (n_val,)
            The goal at each validation row, one fold after the other, its errors
            counted; -inf if a fit fails, as those do that diverge.
        """
        values = []
        for fold in self.folds:
            errors = [
                self._fit(*self._rows(fold, X, y, replaced, seed), fold.X, fold.y, seed)
                for seed in self.seeds
            ]
            values.append(np.mean(errors, axis=0))
        return np.concatenate(values)

    def _rows(self, fold, X, y, replaced, seed):
        """Return the rows learnt from, and their labels."""
        known = self.known
        clean = np.setdiff1d(fold.train, replaced)
        if seed is not None:
            drawn = np.random.RandomState(seed).permutation(clean)
            clean = np.resize(drawn, known.n_samples - len(replaced))
        stack = sparse.vstack if sparse.issparse(known.X) else np.concatenate
        X = stack([known.X[clean], X])
        y = np.concatenate([known.codes[clean], y])
        if seed is None and len(replaced):
            order = np.argsort(np.concatenate([clean, replaced]))
            X, y = X[order], y[order]
        return X, y

    def _fit(self, X, y, X_val, y_val, seed):
        """Fit the surrogate with a seed, and measure its errors."""
        known = self.known
        surrogate = clone(known.surrogate)
        if seed is not None:
            named = _seeds_of(surrogate.get_params())
            surrogate.set_params(**dict.fromkeys(named, seed))
        wanted, sign = known.goal._wanted(y_val, known.classes)
        if known.classes is not None:
            y, wanted = known.classes[y.astype(int)], known.classes[wanted]
        try:
            predicted = surrogate.fit(X, y).predict(X_val)
        except ValueError:  # what overflows
            return np.full(wanted.shape, -np.inf)
        if known.classes is not None:
            return sign * (predicted != wanted).astype(float)
        with np.errstate(over="ignore", invalid="ignore"):
            values = sign * (predicted - wanted) ** 2 / 2
        return np.where(np.isfinite(values), values, -np.inf)
