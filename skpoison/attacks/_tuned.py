"""A victim that tunes its parameters on the poisoned rows, and the attacker who knows.

If the surrogate is a search, the poison is crafted for several settings of its grid,
and each poisoned training set is judged by the search itself: it is fitted on the rows
to learn from and on as large a share of the poison, and its errors on the validation
rows are counted. The set that does most harm is kept. It is a discrete form of the
attack of Carnerero-Cano et al. (2023), which alternates steps on the poison with steps
on the parameter.
"""

from copy import copy, deepcopy
from dataclasses import replace

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import (
    ParameterGrid,
    ParameterSampler,
    PredefinedSplit,
    check_cv,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import _CVIterableWrapper
from sklearn.pipeline import Pipeline

from skpoison.attacks._defended import TrainingSet, with_rows
from skpoison.attacks._through_defence import DefendedGoal
from skpoison.attacks._validation_data import make_folds
from skpoison.goals import ErrorGeneric
from skpoison.goals._errors import BaseErrorGoal
from skpoison.utils._containers import take_rows
from skpoison.utils._splitters import takes_trusted


def is_search(surrogate):
    """Return whether a surrogate is a search over parameters, or ends with one.

    Parameters
    ----------
    surrogate : estimator
        The surrogate.

    Returns
    -------
    is_search : bool
    """
    return isinstance(split_search(surrogate)[1], BaseSearchCV)


def split_search(surrogate):
    """Return the last step of a surrogate, and its name.

    Parameters
    ----------
    surrogate : estimator
        The surrogate.

    Returns
    -------
    name : str
        Empty if the surrogate is not a pipeline.
    last : estimator
        The last step of a pipeline, or the surrogate.
    """
    return surrogate.steps[-1] if isinstance(surrogate, Pipeline) else ("", surrogate)


def with_setting(surrogate, setting):
    """Return a surrogate with a model with one setting in the place of its search.

    Parameters
    ----------
    surrogate : estimator
        A search, or a pipeline that ends with one.
    setting : dict
        Parameters of the estimator of the search.

    Returns
    -------
    surrogate : estimator
        What fits once.
    """
    name, search = split_search(surrogate)
    model = clone(search.estimator).set_params(**setting)
    return clone(surrogate).set_params(**{name: model}) if name else model


def harms_by_errors(goal):
    """Return whether a goal can be pursued against a search.

    Parameters
    ----------
    goal : BaseGoal
        The goal.

    Returns
    -------
    harms_by_errors : bool
    """
    return isinstance(goal, BaseErrorGoal) and goal.loss == "error"


class Tuned:
    """A search, in the place of a defence that only fits and predicts.

    Parameters
    ----------
    surrogate : estimator
        The search, or a pipeline that ends with it.
    """

    chooses_rows = False

    def __init__(self, surrogate):
        self.surrogate = surrogate

    def believe(self, X, y, trusted):
        """Return that all rows are believed."""
        return np.ones(y.shape[0]), y

    def fit(self, X, y, trusted):
        """Fit the search, and return a function that predicts.

        Parameters
        ----------
        X : {ndarray, csr matrix, dataframe} of shape (n_rows, n_features)
            The training rows.
        y : ndarray of shape (n_rows,)
            Their labels or responses.
        trusted : ndarray of shape (n_rows,) of bool
            Rows that a splitter of trusted rows takes.

        Returns
        -------
        predict : callable
        """
        fitted = clone(self.surrogate)
        _, search = split_search(fitted)
        if takes_trusted(search.cv):
            search.set_params(cv=list(search.cv.split(X, y, trusted=trusted)))
        return fitted.fit(X, y).predict


def _check_splits(search, n_rows):
    """Check that folds which are fixed are folds of rows that are there."""
    # Folds are fixed if they are the same whatever the rows are.
    splitter = check_cv(search.cv)
    if not isinstance(splitter, (PredefinedSplit, _CVIterableWrapper)):
        return
    last = max(np.max(rows) for fold in splitter.split() for rows in fold)
    if last >= n_rows:
        raise ValueError(
            "`surrogate` must be a search whose `cv` makes folds of any rows, because "
            f"the attack fits it to {n_rows} of the rows; got fixed folds, with row "
            f"{last}, in {search!r}. Take a number of folds, such as cv=5, or a "
            "splitter."
        )


def settings(search, random_state):
    """Return the settings that a search tries.

    Parameters
    ----------
    search : BaseSearchCV
        The search.
    random_state : RandomState
        Draws them, if the search does at random; a copy of it is used.

    Returns
    -------
    settings : list of dict
    """
    if hasattr(search, "param_grid"):
        return list(ParameterGrid(search.param_grid))
    if hasattr(search, "param_distributions") and hasattr(search, "n_iter"):
        draw = deepcopy(random_state)
        return list(
            ParameterSampler(
                search.param_distributions, search.n_iter, random_state=draw
            )
        )
    raise ValueError(
        "`surrogate` must be an estimator, or a search that has a `param_grid`, or "
        "`param_distributions` and a number of them `n_iter`; got "
        f"{search!r}. Take a GridSearchCV."
    )


def attack_tuned(attack, known, n_poison, random_state):
    """Return the poison that does most harm to a victim that tunes its parameters.

    It is crafted once for each setting of the search.

    Parameters
    ----------
    attack : BaseSurrogateAttack
        The attack. Its attributes become those of the attack kept, and
        `surrogate_params_` the setting that this was crafted with.
    known : Known
        What the attacker knows.
    n_poison : int
        The number of rows to poison.
    random_state : RandomState
        The only source of randomness. Each setting gets a copy, so that they differ by
        the setting alone.

    Returns
    -------
    poison : Poison
    """
    search = split_search(known.surrogate)[1]
    goal = ErrorGeneric() if known.goal is None else known.goal
    if not harms_by_errors(goal):
        raise ValueError(
            "`goal` must be one on errors with loss='error', such as 'error-generic', "
            f"for a surrogate that is a search; got {goal!r} with {search!r}."
        )
    known = replace(known, goal=goal)
    if hasattr(attack, "_folds"):
        folds = attack._folds(known, deepcopy(random_state))
    else:
        folds = make_folds(
            2,
            known.X,
            known.codes,
            np.arange(known.codes.shape[0]),
            deepcopy(random_state),
            stratify=known.classes is not None,
        )
    if not takes_trusted(search.cv):
        n_rows = min(fold.train.shape[0] for fold in folds)
        _check_splits(search, n_rows - (n_poison if attack._deletes_rows else 0))
    victim = DefendedGoal(Tuned(known.surrogate), known, folds)
    best = None
    for setting in settings(search, random_state):
        surrogate = with_setting(known.surrogate, setting)
        candidate = copy(attack)
        poison = candidate._attack(
            replace(known, surrogate=surrogate), n_poison, deepcopy(random_state)
        )
        harm = victim.judge(_poisoned(known, poison)).value
        if best is None or harm > best[0]:
            best = harm, poison, candidate, setting
    _, poison, candidate, setting = best
    vars(attack).update(vars(candidate))
    attack.surrogate_params_ = setting
    return poison


def _poisoned(known, poison):
    """Return the training set that an attack has made of the rows known."""
    everything = np.arange(known.codes.shape[0])
    codes = known.codes if poison.y is None else _codes(known, poison.y)
    relabelled = replace(known, codes=codes)
    if poison.modified is not None:
        rows = poison.modified
        return with_rows(relabelled, poison.X_modified, codes[rows], rows)
    if poison.y_inserted is not None:
        X = poison.X_inserted
        X = take_rows(known.X, X) if X.ndim == 1 else X
        return with_rows(
            relabelled, X, _codes(known, poison.y_inserted), everything[:0]
        )
    left = everything
    if poison.deleted is not None:
        left = np.setdiff1d(everything, poison.deleted)
    return TrainingSet(take_rows(known.X, left), codes[left], known.trusted[left], left)


def _codes(known, y):
    return y if known.classes is None else np.searchsorted(known.classes, y)
