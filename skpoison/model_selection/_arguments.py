"""Checks of the arguments of curves and reports."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.base import is_classifier, is_regressor

from skpoison.utils._targets import check_labels
from skpoison.utils._texts import shown
from skpoison.utils._validation import check_instance
from skpoison.utils._warnings import warn_user

DEFAULT_BUDGETS = (0.0, 0.05, 0.1, 0.15, 0.2)


def check_attack(attack):
    """Raise an error if an object is not an attack."""
    check_instance(attack, "attack")
    if hasattr(attack, "fit_resample") and "budget" in attack.get_params():
        return
    hint = ""
    if hasattr(attack, "steps"):
        hint = (
            " Pass the attack alone: steps before it belong into its surrogate, steps "
            "after it into the estimator."
        )
    elif hasattr(attack, "predict"):
        hint = " It is an estimator, which comes first."
    raise ValueError(
        "attack must have a method fit_resample and a parameter budget, as the "
        f"attacks of skpoison.attacks have; got {shown(attack)}.{hint}"
    )


def by_name(objects, parameter):
    """Return a dict of objects by name, of a single one by the name of its class.

    Parameters
    ----------
    objects : object or dict of str to object
        The objects.
    parameter : str
        Its name, for errors.

    Returns
    -------
    objects : dict of str to object
    """
    if not isinstance(objects, dict):
        check_instance(objects, parameter)
        return {type(objects).__name__: objects}
    for name, each in objects.items():
        check_instance(each, f"{parameter}[{name!r}]")
    if not objects:
        raise ValueError(f"{parameter} must hold at least one item; got {objects!r}.")
    return objects


def check_victim(estimator, name="estimator"):
    """Raise an error if an object is not an estimator that can be scored.

    Parameters
    ----------
    estimator : object
        The object.
    name : str, default="estimator"
        What errors call it.
    """
    check_instance(estimator, name)
    if hasattr(estimator, "fit_resample") and not hasattr(estimator, "predict"):
        raise ValueError(
            f"{name} must be an estimator that predicts; got the attack "
            f"{shown(estimator)}. Pass it as the attack."
        )
    if not hasattr(estimator, "fit"):
        raise ValueError(
            f"{name} must be an estimator, with a method fit; got {shown(estimator)}."
        )


def check_same_task(estimators):
    """Raise an error if some estimators are for classes and others for responses.

    Parameters
    ----------
    estimators : dict of str to estimator
        The victims by name, whose scores are to be compared.
    """
    regressors = [name for name, each in estimators.items() if is_regressor(each)]
    classifiers = [name for name, each in estimators.items() if is_classifier(each)]
    if regressors and classifiers:
        raise ValueError(
            "estimators must be all classifiers or all regressors, whose scores can be "
            f"compared; got the classifier {classifiers[0]!r} and the regressor "
            f"{regressors[0]!r}. Make a report for each task."
        )


def check_settings(*, cv=None, n_jobs=None, params=None):
    """Raise an error if settings of a cross-validation are of the wrong type.

    Parameters
    ----------
    cv : object, default=None
        How folds are made: not a class.
    n_jobs : int, default=None
        Number of jobs.
    params : dict, default=None
        Parameters by name.
    """
    check_instance(cv, "cv")
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(
            "n_jobs must be None, a number of jobs, or -1 for all processors; got "
            f"{n_jobs!r}."
        )
    if params is not None and not isinstance(params, Mapping):
        raise ValueError(
            "params must be a dict from the name of a parameter to its value, such as "
            f"{{'trusted': mask}}; got {shown(params)}."
        )


def check_targets(y, *, attacks=(), estimators=()):
    """Raise an error if y is not what the attacks and the estimators take.

    It comes before a split into folds, which fails in its own words, and before many
    fits that fail alike.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels or responses of all rows.
    attacks : iterable of samplers, default=()
        The attacks. Those that are not derived from BasePoisoner check y themselves.
    estimators : iterable of estimators, default=()
        The victims. Those that are not classifiers check y themselves.
    """
    for attack in attacks:
        if hasattr(attack, "_check_y"):
            attack._check_y(y)
    for estimator in estimators:
        if is_classifier(estimator):
            check_labels(estimator, y)


def check_budgets(budgets):
    """Return budgets as an array of shares (floats) or of numbers of rows (ints).

    A zero of either type goes with both.

    Parameters
    ----------
    budgets : array-like of shape (n_budgets,) or None
        The budgets. None means `DEFAULT_BUDGETS`.

    Returns
    -------
    budgets : ndarray of shape (n_budgets,)
    """
    given = np.asarray(DEFAULT_BUDGETS if budgets is None else budgets, dtype=object)
    if (
        given.ndim != 1
        or not given.size
        or not all(isinstance(b, Real) and not isinstance(b, bool) for b in given)
    ):
        raise ValueError(
            "budgets must be a sequence of at least one number: shares of the training "
            f"rows (floats) or numbers of rows (ints); got {given.tolist()!r}."
        )
    numbers = [b for b in given if isinstance(b, Integral)]
    shares = [b for b in given if not isinstance(b, Integral)]
    # As an array [1, 0.1] would be two shares, of which the first is 100 %.
    if any(numbers) and any(shares):
        share, number = next(filter(None, shares)), next(filter(None, numbers))
        raise ValueError(
            "budgets must be all shares of the training rows (floats) or all numbers "
            f"of rows (ints); got the share {share} and the number {number}. A share "
            "of 100% is 1.0."
        )
    wrong = [b for b in numbers if b < 0] + [b for b in shares if not 0 <= b <= 1]
    if wrong:
        raise ValueError(
            "budgets must be shares between 0 and 1 (floats), or numbers of rows that "
            f"are not negative (ints); got {wrong[0]}."
        )
    kind = int if any(numbers) or not shares else float
    return np.array([kind(b) for b in given])


def warn_of_empty_budgets(budgets, folds):
    """Warn of shares so small that they stand for no row.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        The budgets.
    folds : list of (train, test)
        Positions of the training and the test rows of each fold.
    """
    if budgets.dtype.kind != "f":
        return
    n_train = min(len(train) for train, _ in folds)
    empty = [b for b in np.unique(budgets).tolist() if b and round(b * n_train) == 0]
    if empty:
        warn_user(
            f"budgets {', '.join(map(str, empty))}: that share of the {n_train} "
            "training rows of a fold rounds to 0 rows, so nothing is poisoned. Give a "
            f"larger share, at least {1 / n_train:.2g}, or a number of rows."
        )
