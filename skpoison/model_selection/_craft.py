"""Poison of every fold and budget, crafted once and stored as edits."""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params, _num_samples

from skpoison.model_selection._arguments import (
    check_attack,
    check_budgets,
    check_settings,
    check_targets,
    warn_of_empty_budgets,
)
from skpoison.model_selection._row_metadata import route_params
from skpoison.model_selection._workers import Failure, Workers


@dataclass(frozen=True)
class PoisonedFold:
    """The poison of the training rows of one fold, at one budget.

    Parameters
    ----------
    budget : float or int
        The budget of the attack.
    train : ndarray of shape (n_train,) of int
        Positions of the training rows of the fold.
    test : ndarray of shape (n_test,) of int
        Positions of its test rows. They are never poisoned.
    attack : sampler
        The fitted attack, with `poison_mask_` and whatever else it sets.
    output : tuple of (X_poisoned, y_poisoned), default=None
        What the attack returned. None for the attacks of this package, which store
        their poison as edits in `poison_`.

    See Also
    --------
    craft : Makes these.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.model_selection import craft
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> crafted = craft(RandomInsertion(random_state=0), X, y, budgets=[10], cv=3)
    >>> fold = next(iter(crafted))
    >>> fold.train.shape, fold.test.shape
    ((379,), (190,))
    >>> X_poisoned, y_poisoned = fold.apply(X, y)
    >>> X_poisoned.shape
    (389, 30)
    """

    budget: float
    train: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    attack: Any
    output: tuple | None = field(default=None, repr=False)

    def apply(self, X, y):
        """Return the poisoned training set of the fold.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows that were passed to :func:`craft`, those of all folds.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        X_poisoned : same type as X, of shape (n_train_out, n_features)
            The poisoned training rows.
        y_poisoned : same type as y, of length n_train_out
            Their labels.
        """
        X, y = indexable(X, y)
        return self.apply_to_train(
            _safe_indexing(X, self.train), _safe_indexing(y, self.train)
        )

    def apply_to_train(self, X_train, y_train):
        """Return the poisoned training set, given the training rows of the fold.

        Parameters
        ----------
        X_train : {array-like, sparse matrix, dataframe} of shape \
                (n_train, n_features)
            The training rows of the fold.
        y_train : array-like of shape (n_train,)
            Their labels.

        Returns
        -------
        X_poisoned : same type as X_train, of shape (n_train_out, n_features)
            The poisoned training rows.
        y_poisoned : same type as y_train, of length n_train_out
            Their labels.
        """
        if self.output is not None:
            return self.output
        return self.attack.apply_poison(X_train, y_train)


@dataclass(frozen=True)
class CraftedPoison:
    """The poison of every budget and fold, as :func:`craft` returns it.

    Iterating over it yields the folds: those of the first budget, then those of the
    second one, and so on.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        The budgets: shares of the training rows (floats) or numbers of rows (ints).
    poisoned_folds : list of PoisonedFold
        The poison of every budget and fold, of length n_budgets * n_folds.
    n_samples : int
        Number of rows of all folds together, to detect other rows than these.

    See Also
    --------
    robustness_curve : Scores an estimator on it.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.model_selection import craft
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> crafted = craft(RandomLabelFlip(random_state=0), X, y, budgets=[5, 9], cv=2)
    >>> [int(fold.attack.poison_mask_.sum()) for fold in crafted]
    [5, 5, 9, 9]
    """

    budgets: np.ndarray
    poisoned_folds: list = field(repr=False)
    n_samples: int

    def __len__(self):
        return len(self.poisoned_folds)

    def __iter__(self):
        return iter(self.poisoned_folds)


def craft(
    attack,
    X,
    y,
    *,
    budgets=None,
    cv=None,
    n_jobs=None,
    pre_dispatch="2*n_jobs",
    verbose=0,
    params=None,
):
    """Poison the training rows of every fold, once for each budget.

    The result can be scored as often as you like: on several estimators, plain and
    defended, or with several metrics. It stores what the attack changed, not a copy of
    the data for each budget and fold.

    Parameters
    ----------
    attack : sampler
        The attack; its `budget` is set to each of `budgets` in turn.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels.
    budgets : array-like of shape (n_budgets,), default=None
        Budgets of the attack: shares of the training rows of a fold (floats,
        n_p / n), or numbers of rows (ints). None: 0, 0.05, 0.1, 0.15 and 0.2.
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_validate`.
        Folds are stratified by class, unless the attack is on a regression task.
    n_jobs : int, default=None
        Number of jobs, over folds and budgets together.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs dispatched ahead.
    verbose : int, default=0
        Verbosity of joblib.
    params : dict, default=None
        `groups` goes to the splitters that take groups: `cv`, and the `validation` of
        the attack. `trusted`, a boolean for each row, goes to the attack, which cannot
        touch those rows. With metadata routing enabled all parameters are routed as
        requested.

    Returns
    -------
    crafted : CraftedPoison
        The poison of every budget and fold.

    Raises
    ------
    ValueError
        If `attack` is not an attack, if `budgets` is not a sequence of shares or of
        numbers of rows, or mixes them, or if the attack refuses the data or a budget.

    Warns
    -----
    UserWarning
        If a share among `budgets` rounds to 0 rows.

    See Also
    --------
    robustness_curve : Crafts and scores, or scores what is crafted.
    RobustnessReport : Several attacks against several estimators.

    Examples
    --------
    Two estimators on the same poison, crafted once:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import craft, robustness_curve
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> crafted = craft(RandomLabelFlip(random_state=0), X, y, budgets=[0.0, 0.2])
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> for estimator in (tree, KNNSanitizedClassifier(tree)):
    ...     curve = robustness_curve(estimator, X, y, attack=crafted)
    ...     print(curve.test_scores.mean(axis=1).round(2))
    [0.92 0.72]
    [0.92 0.91]
    """
    check_attack(attack)
    budgets = check_budgets(budgets)
    check_settings(cv=cv, n_jobs=n_jobs, params=params)
    X, y = indexable(X, y)
    check_targets(y, attacks=[attack])
    cv = check_cv(cv, y, classifier=not _takes_responses(attack))
    routed = route_params(params, splitter=cv, attacks={"attack": attack})
    folds = list(cv.split(X, y, **routed.split))
    warn_of_empty_budgets(budgets, folds)
    workers = Workers(n_jobs, pre_dispatch=pre_dispatch, verbose=verbose)
    crafted = craft_folds(
        attack,
        X,
        y,
        budgets=budgets,
        folds=folds,
        params=routed.fit_resample["attack"],
        workers=workers,
    )
    workers.warn()
    return crafted


def craft_folds(attack, X, y, *, budgets, folds, params, workers, cache=None):
    """Poison the training rows of given folds, once for each budget.

    Parameters
    ----------
    attack : sampler
        The attack.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels.
    budgets : ndarray of shape (n_budgets,)
        The budgets.
    folds : list of (train, test)
        Positions of the training and the test rows of each fold.
    params : dict
        Parameters of `fit_resample`.
    workers : Workers
        Where the attacks run. If it catches errors, a failed attack has a
        :class:`Failure` in place of the fitted attack.
    cache : object, default=None
        What keeps the poison of each budget and fold, as in :meth:`Workers.map`.

    Returns
    -------
    crafted : CraftedPoison
    """
    points = list(product(budgets.tolist(), folds))
    outcomes = workers.map(
        craft_one,
        [(attack, budget, X, y, train, params) for budget, (train, _) in points],
        cache,
    )
    return CraftedPoison(
        budgets,
        [
            PoisonedFold(budget, train, test, outcome, None)
            if isinstance(outcome, Failure)
            else PoisonedFold(budget, train, test, *outcome)
            for (budget, (train, test)), outcome in zip(points, outcomes, strict=True)
        ],
        _num_samples(X),
    )


def craft_one(attack, budget, X, y, train, params):
    """Poison one training set.

    Parameters
    ----------
    attack : sampler
        The attack.
    budget : float or int
        Its budget.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows of all folds.
    y : array-like of shape (n_samples,)
        Their labels.
    train : ndarray of int
        The training rows.
    params : dict
        Parameters of `fit_resample`, with row metadata of all rows.

    Returns
    -------
    fitted : sampler
        The fitted attack.
    output : tuple or None
        What it returned, if it has no edits to store.
    """
    fitted = clone(attack).set_params(budget=budget)
    output = fitted.fit_resample(
        _safe_indexing(X, train),
        _safe_indexing(y, train),
        **_check_method_params(X, params, indices=train),
    )
    # An attack that is not derived from BasePoisoner stores none.
    return fitted, None if hasattr(fitted, "poison_") else output


def _takes_responses(attack):
    """Return whether an attack is on a regression task."""
    return getattr(attack, "_takes_responses", bool)()
