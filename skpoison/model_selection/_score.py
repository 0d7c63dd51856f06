"""Scores on clean data after training on crafted poison."""

from collections import Counter
from dataclasses import dataclass, field
from numbers import Number

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, _safe_indexing, get_tags
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from skpoison.model_selection._row_metadata import align_params, fit_with_params
from skpoison.model_selection._workers import Failure
from skpoison.utils._warnings import warn_user


class PoisonedEstimator:
    """A fitted estimator beside the attack on its training rows, for scorers.

    It has every attribute and method of the estimator.

    Parameters
    ----------
    estimator_ : estimator
        The estimator, fitted on the poisoned rows.
    attack_ : sampler
        The fitted attack.
    """

    def __init__(self, estimator_, attack_):
        self.estimator_ = estimator_
        self.attack_ = attack_

    def __getattr__(self, name):
        # Copying and pickling ask for special methods, before there is an estimator.
        if name.startswith("__") or "estimator_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        return getattr(self.estimator_, name)

    def __sklearn_tags__(self):
        return get_tags(self.estimator_)


def score_folds(
    estimator,
    X,
    y,
    crafted,
    *,
    scorer,
    fit_params,
    score_params,
    error_score,
    workers,
    cache=None,
):
    """Fit an estimator on each poisoned training set and score it on clean rows.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The clean rows.
    y : array-like of shape (n_samples,)
        Their labels.
    crafted : CraftedPoison
        The poison.
    scorer : callable
        Returns a score, or a dict of scores.
    fit_params, score_params : dict
        Parameters of the estimator's fit and of the scorer, with row metadata of all
        rows.
    error_score : "raise" or numeric
        The score if a fit fails.
    workers : Workers
        Where estimators are fitted.
    cache : object, default=None
        What keeps the scores of each budget and fold, as in :meth:`Workers.map`, if no
        attack fails.

    Returns
    -------
    curve : Bunch
        As :func:`robustness_curve` returns it.
    defence : DefenceOnCleanRows
        What a defence does on the clean training rows, if 0 is among the budgets.
    """
    failures = {
        i: fold.attack
        for i, fold in enumerate(crafted)
        if isinstance(fold.attack, Failure)
    }
    todo = [i for i in range(len(crafted)) if i not in failures]
    outcomes = workers.map(
        _fit_and_score,
        [
            (
                estimator,
                X,
                y,
                crafted.poisoned_folds[i],
                scorer,
                fit_params,
                score_params,
                error_score,
            )
            for i in todo
        ],
        cache,
    )
    outcomes = failures | dict(zip(todo, outcomes, strict=True))
    _report_failures(
        [each for each in outcomes.values() if isinstance(each, Failure)],
        len(crafted),
        error_score,
    )
    defence = _over_folds(
        [
            outcomes[i]["defence"]
            for i, fold in enumerate(crafted)
            if fold.budget == 0 and isinstance(outcomes[i], dict)
        ]
    )
    curve = Bunch(budgets=crafted.budgets)
    shape = crafted.budgets.shape[0], -1
    for part in ("train", "test"):
        scores = [
            error_score if isinstance(outcomes[i], Failure) else outcomes[i][part]
            for i in range(len(crafted))
        ]
        metrics = next((list(each) for each in scores if isinstance(each, dict)), None)
        if metrics is None:
            curve[f"{part}_scores"] = np.array(scores, dtype=float).reshape(shape)
            continue
        # A failed fit or a scorer that raised an error has a number, not a dict.
        scores = [
            each if isinstance(each, dict) else dict.fromkeys(metrics, each)
            for each in scores
        ]
        curve[f"{part}_scores"] = {
            metric: np.array([each[metric] for each in scores], float).reshape(shape)
            for metric in metrics
        }
    return curve, defence


def fit_on_poison(estimator, X, y, fold, fit_params):
    """Fit a clone of an estimator on one poisoned training set.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The clean rows of all folds.
    y : array-like of shape (n_samples,)
        Their labels.
    fold : PoisonedFold
        The poison.
    fit_params : dict
        Parameters of its fit, with row metadata of all rows.

    Returns
    -------
    fitted : PoisonedEstimator
    """
    X_train, y_train = _safe_split(estimator, X, y, fold.train)
    X_poisoned, y_poisoned = fold.apply_to_train(X_train, y_train)
    fit_params = align_params(
        _check_method_params(X, fit_params, indices=fold.train),
        fold.attack,
        _num_samples(X_train),
        _num_samples(X_poisoned),
    )
    fitted = fit_with_params(clone(estimator), X_poisoned, y_poisoned, fit_params)
    return PoisonedEstimator(fitted, fold.attack)


def _fit_and_score(
    estimator, X, y, fold, scorer, fit_params, score_params, error_score
):
    """Return the scores of one budget and fold, and what a defence overrules."""
    fitted = fit_on_poison(estimator, X, y, fold, fit_params)
    scores = {
        part: score_fitted(fitted, X, y, fold, part, scorer, score_params, error_score)
        for part in ("test", "train")
    }
    if fold.budget == 0:
        y_train = _safe_indexing(y, fold.train)
        scores["defence"] = _on_clean_rows(fitted.estimator_, y_train)
    return scores


def score_fitted(fitted, X, y, fold, part, scorer, score_params, error_score="raise"):
    """Score a fitted estimator on clean rows of a fold.

    Parameters
    ----------
    fitted : PoisonedEstimator
        The fitted estimator.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The clean rows of all folds.
    y : array-like of shape (n_samples,)
        Their labels.
    fold : PoisonedFold
        The fold.
    part : {"train", "test"}
        Which of its rows.
    scorer : callable
        Returns a score, or a dict of scores.
    score_params : dict
        Parameters of the scorer, with row metadata of all rows.
    error_score : "raise" or numeric, default="raise"
        The score if the scorer fails.

    Returns
    -------
    score : float, or dict of str to float
    """
    train = None if part == "train" else fold.train
    rows = getattr(fold, part)
    X_part, y_part = _safe_split(fitted.estimator_, X, y, rows, train)
    params = _check_method_params(X, score_params, indices=rows)
    return _score(scorer, fitted, X_part, y_part, params, error_score)


@dataclass(frozen=True)
class DefenceOnCleanRows:
    """What a defence does on clean training rows.

    Parameters
    ----------
    overruled : dict of object to float, default=empty
        Which share of the rows of each class it overrules; empty if it does not say.
    sample : tuple of int, default=None
        How many rows it compares all rows with, and how many there are. None: with all
        of them, or with none.
    """

    overruled: dict = field(default_factory=dict)
    sample: tuple | None = None


def _on_clean_rows(estimator, y):
    """Return what the defence in an estimator did when it was fitted to clean rows."""
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    n_samples, overruled, sample = _num_samples(y), {}, None
    share = getattr(estimator, "overruled_share_", None)
    if np.ndim(share) == 1 and is_classifier(estimator):
        classes = estimator.classes_.tolist()
        overruled = dict(zip(classes, share.tolist(), strict=True))
    # Fewer rows than the limit are all that there are to compare with.
    n_reference = int(np.max(getattr(estimator, "n_reference_", 0)))
    limit = getattr(estimator, "max_reference", None)
    if n_reference and n_reference == limit < n_samples:
        sample = n_reference, n_samples
    return DefenceOnCleanRows(overruled, sample)


def _over_folds(defences):
    """Return the mean over the folds of what a defence overrules."""
    labels = dict.fromkeys(label for each in defences for label in each.overruled)
    overruled = {
        label: float(
            np.mean([d.overruled[label] for d in defences if label in d.overruled])
        )
        for label in labels
    }
    samples = [each.sample for each in defences if each.sample is not None]
    return DefenceOnCleanRows(overruled, samples[0] if samples else None)


def _score(scorer, fitted, X, y, params, error_score):
    """Return a score or a dict of scores, with `error_score` for scores that fail."""
    try:
        scores = scorer(fitted, X, y, **params)
    except Exception as error:
        if error_score == "raise":
            raise
        return _failed_score(error, error_score)
    if not isinstance(scores, dict):
        return _as_float(scores, scorer)
    return {
        # A scorer of several metrics returns tracebacks for those that fail.
        name: _failed_score(score, error_score)
        if isinstance(score, str) and error_score != "raise"
        else _as_float(score, scorer)
        for name, score in scores.items()
    }


def _failed_score(error, error_score):
    warn_user(f"Scoring failed, the score is set to {error_score}: {error}")
    return error_score


def _as_float(score, scorer):
    score = score.item() if hasattr(score, "item") and np.size(score) == 1 else score
    if not isinstance(score, Number):
        raise ValueError(
            f"scoring must return a number or a dict of numbers; {scorer!r} returned "
            f"{score!r}."
        )
    return float(score)


def _report_failures(failures, n_fits, error_score):
    """Warn of fits that failed, or raise an error if all of them did."""
    if not failures:
        return
    tracebacks = "\n".join(
        f"{'-' * 80}\nError of {count} fit{'s' * (count > 1)}:\n{traceback}"
        for traceback, count in Counter(each.traceback for each in failures).items()
    )
    (error, _), *others = Counter(each.error for each in failures).most_common()
    which = "with" if not others else "most often with"
    if len(failures) == n_fits:
        raise ValueError(
            f"All {n_fits} fits failed, {which} {error}\nSet error_score='raise' to "
            f"debug them.\n{tracebacks}"
        )
    warn_user(
        f"{len(failures)} of {n_fits} fits failed, {which} {error}\nTheir scores are "
        f"set to {error_score}. Set error_score='raise' to debug them.\n{tracebacks}",
        FitFailedWarning,
    )
