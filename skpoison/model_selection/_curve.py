"""Robustness curve: a score against the budget of an attack."""

from numbers import Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.validation import _num_samples

from skpoison.model_selection._arguments import (
    check_attack,
    check_budgets,
    check_settings,
    check_targets,
    check_victim,
    warn_of_empty_budgets,
)
from skpoison.model_selection._craft import CraftedPoison, craft_folds
from skpoison.model_selection._row_metadata import route_params
from skpoison.model_selection._score import score_folds
from skpoison.model_selection._scoring import check_scoring_names
from skpoison.model_selection._workers import Workers


def robustness_curve(
    estimator,
    X,
    y,
    *,
    attack,
    budgets=None,
    cv=None,
    scoring=None,
    n_jobs=None,
    pre_dispatch="2*n_jobs",
    verbose=0,
    error_score=np.nan,
    params=None,
):
    """Score an estimator on clean data after training on poisoned data.

    For each fold and each budget the attack poisons the training rows of the fold, a
    clone of the estimator is fitted on the result, and is scored on the rows of the
    fold as they were before the attack. Test rows are never poisoned, nor shown to the
    attack.

    The scores are those of :func:`~sklearn.model_selection.validation_curve` over the
    budget of an attack in a pipeline with the estimator. In addition, several metrics
    can be computed at once, row metadata are padded for inserted rows, and poison that
    has been crafted once can be used for several estimators.

    Parameters
    ----------
    estimator : estimator
        The victim: a plain estimator, a defence around one, a Pipeline, a search. A
        search tunes its parameters on the poisoned rows of each fold.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels.
    attack : sampler or CraftedPoison
        The attack; its `budget` is set to each of `budgets` in turn. Give it a
        `random_state` for a curve that can be repeated. Or the poison that
        :func:`craft` returned for the same X and y: it has budgets and folds of its
        own.
    budgets : array-like of shape (n_budgets,), default=None
        Budgets of the attack: shares of the training rows of a fold (floats,
        n_p / n), or numbers of rows (ints). If 0 is among them, the curve begins at the
        score on clean data. None: 0, 0.05, 0.1, 0.15 and 0.2.
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_validate`.
    scoring : str, callable, list, tuple or dict, default=None
        One metric or several, as in :func:`~sklearn.model_selection.cross_validate`. A
        callable is passed the fitted estimator, whose `attack_` is the fitted attack
        with its `poison_mask_`, and whose `estimator_` is the estimator itself.
    n_jobs : int, default=None
        Number of jobs, over folds and budgets together.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs dispatched ahead.
    verbose : int, default=0
        Verbosity of joblib.
    error_score : "raise" or numeric, default=np.nan
        Score if the attack or the fit fails, with a FitFailedWarning; "raise" raises
        the error.
    params : dict, default=None
        Row metadata, with one entry a row, and other parameters of `fit`.
        `sample_weight` goes to the estimator. `trusted` goes to the attack, which
        cannot touch those rows, and to the estimator if it takes it; of a Pipeline, to
        the last step; of a search whose `cv` is a :class:`TrustedKFold`, to that. For
        other steps use names like ``step__sample_weight``. `groups` goes to the
        splitters that take groups: `cv`, and the `validation` of the attack. With
        metadata routing enabled all of them are routed as requested. For inserted rows
        `trusted` is padded with False, `sample_weight` with 1. Scores are not weighted,
        unless routing takes weights to the scorer.

    Returns
    -------
    curve : :class:`~sklearn.utils.Bunch`
        With the attributes

        budgets : ndarray of shape (n_budgets,)
            The budgets.
        train_scores : ndarray of shape (n_budgets, n_folds), or dict of such
            Scores on the training rows of a fold as they were before the attack. A
            dict by the name of the metric, if there are several.
        test_scores : ndarray of shape (n_budgets, n_folds), or dict of such
            Scores on the test rows of a fold.

    Raises
    ------
    ValueError
        If `budgets` is not a sequence of shares or of numbers of rows, or mixes them,
        if `attack` is not an attack, if `budgets` or `cv` is given beside crafted
        poison, if this was crafted for another number of rows, if the fit of the
        estimator does not take one of `params`, if row metadata cannot be padded for
        inserted rows, or if all fits fail.

    Warns
    -----
    UserWarning
        If a share among `budgets` rounds to 0 rows.

    See Also
    --------
    craft : Crafts poison for several curves.
    RobustnessCurveDisplay : Draws the curve.
    RobustnessReport : Curves of several attacks and estimators.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import KNNSanitizedClassifier
    >>> from skpoison.model_selection import robustness_curve
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0)
    >>> defended = make_pipeline(StandardScaler(), KNNSanitizedClassifier(tree))
    >>> attack = RandomLabelFlip(random_state=0)
    >>> for estimator in (tree, defended):
    ...     curve = robustness_curve(estimator, X, y, attack=attack, budgets=[0.0, 0.2])
    ...     print(curve.test_scores.mean(axis=1).round(2))
    [0.92 0.72]
    [0.94 0.91]
    """
    if error_score != "raise" and not isinstance(error_score, Real):
        raise ValueError(
            f"error_score must be 'raise' or a number; got {error_score!r}."
        )
    check_victim(estimator)
    check_settings(cv=cv, n_jobs=n_jobs, params=params)
    X, y = indexable(X, y)
    check_scoring_names(scoring, estimator, y)
    scorer = check_scoring(estimator, scoring, raise_exc=error_score == "raise")
    workers = Workers(
        n_jobs,
        pre_dispatch=pre_dispatch,
        verbose=verbose,
        catch_errors=error_score != "raise",
    )
    consumers = {"estimators": {"victim": estimator}, "scorers": {"victim": scorer}}
    if isinstance(attack, CraftedPoison):
        _check_not_given(budgets=budgets, cv=cv)
        _check_same_rows(attack, X)
        crafted, routed = attack, route_params(params, **consumers)
    else:
        check_attack(attack)
        budgets = check_budgets(budgets)
        check_targets(y, attacks=[attack], estimators=[estimator])
        cv = check_cv(cv, y, classifier=is_classifier(estimator))
        routed = route_params(
            params, splitter=cv, attacks={"attack": attack}, **consumers
        )
        folds = list(cv.split(X, y, **routed.split))
        warn_of_empty_budgets(budgets, folds)
        crafted = craft_folds(
            attack,
            X,
            y,
            budgets=budgets,
            folds=folds,
            params=routed.fit_resample["attack"],
            workers=workers,
        )
    curve, _ = score_folds(
        estimator,
        X,
        y,
        crafted,
        scorer=scorer,
        fit_params=routed.fit["victim"],
        score_params=routed.score["victim"],
        error_score=error_score,
        workers=workers,
    )
    workers.warn()
    return curve


def _check_same_rows(crafted, X):
    n_samples = _num_samples(X)
    if n_samples != crafted.n_samples:
        raise ValueError(
            f"X must be the rows that the poison was crafted for, {crafted.n_samples} "
            f"rows; got {n_samples} rows."
        )


def _check_not_given(**parameters):
    for name, value in parameters.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None if attack is crafted poison, which has its own; "
                f"got {value!r}. Pass {name} to craft."
            )
