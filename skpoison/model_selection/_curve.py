"""How does a score fall as the attacker's budget grows?"""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted, has_fit_parameter

from skpoison.utils._delegation import PredictsByEstimatorMixin, estimator_has

DEFAULT_BUDGETS = (0.0, 0.05, 0.1, 0.15, 0.2)

# What an inserted row is given where the other rows have a value of their own.
PADDING = {"trusted": False, "sample_weight": 1.0}

ALIAS = "fit__"


def robustness_curve(
    estimator,
    X,
    y,
    *,
    attack,
    budgets=DEFAULT_BUDGETS,
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
    clone of the estimator is fitted on what comes out, and is scored on the rows of the
    fold as they were before. Rows to be tested are never poisoned, nor shown to the
    attack.

    It is :func:`~sklearn.model_selection.validation_curve` over the budget of an attack
    in a pipeline with the estimator, and gives the same scores. Beyond it, several
    metrics can be computed at once, and facts about rows go along with an attack that
    inserts rows.

    Parameters
    ----------
    estimator : estimator
        What is attacked: a plain estimator, a defence around one, a Pipeline.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels.
    attack : sampler
        The attack; its `budget` is set to each of `budgets` in turn. Give it a
        `random_state` for a curve that can be repeated.
    budgets : array-like of shape (n_budgets,), default=(0, 0.05, 0.1, 0.15, 0.2)
        Budgets of the attack: shares of the training rows of a fold (floats,
        n_p / n), or numbers of rows (ints). With 0 among them the curve begins at the
        score on clean data.
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_validate`.
    scoring : str, callable, list, tuple or dict, default=None
        One metric or several, as in :func:`~sklearn.model_selection.cross_validate`. A
        callable sees the fitted estimator and reads `poison_mask_` of the attack from
        its `attack_`, and everything of the estimator's own from its `estimator_`.
    n_jobs : int, default=None
        Number of jobs, over folds and budgets together.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs dispatched ahead.
    verbose : int, default=0
        Verbosity, as in :class:`~sklearn.model_selection.GridSearchCV`.
    error_score : "raise" or numeric, default=np.nan
        Score where a fit fails, with a FitFailedWarning; "raise" raises the error.
    params : dict, default=None
        Facts about the rows, each with an entry a row, and other parameters of `fit`.
        `sample_weight` goes to the estimator. `trusted` goes to the attack, which
        cannot touch those rows, and to the estimator where it takes it; of a Pipeline,
        to the last step. For other steps use names like ``step__sample_weight``. With
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
            dict by the name of the metric, where there are several.
        test_scores : ndarray of shape (n_budgets, n_folds), or dict of such
            Scores on the test rows of a fold.

    Raises
    ------
    ValueError
        If `budgets` is empty, if `attack` is none, if the fit of the estimator does
        not take one of `params`, or if a fact about the rows is none of those that can
        be padded and the attack inserts rows.

    See Also
    --------
    RobustnessCurveDisplay : Draws the curve.

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
    budgets = np.asarray(budgets)
    if budgets.ndim != 1 or not budgets.size or budgets.dtype.kind not in "iuf":
        raise ValueError(
            "budgets must be a sequence of at least one number: shares of the training "
            f"rows (floats) or numbers of rows (ints); got {budgets.tolist()!r}."
        )
    if not hasattr(attack, "fit_resample") or "budget" not in attack.get_params():
        raise ValueError(
            f"attack={attack!r} is no attack: it needs fit_resample and a parameter "
            "named budget. See skpoison.attacks."
        )
    params = {} if params is None else params
    if not _routing_enabled():
        _split({key: params[key] for key in params if key != "groups"}, estimator)
    search = GridSearchCV(
        _PoisonedEstimator(estimator, attack),
        {"budget": budgets.tolist()},
        cv=cv,
        scoring=scoring,
        n_jobs=n_jobs,
        pre_dispatch=pre_dispatch,
        verbose=verbose,
        error_score=error_score,
        return_train_score=True,
        refit=False,
    ).fit(X, y, **_for_fit_alone(params))
    results, n_folds = search.cv_results_, search.n_splits_

    def scores(part, metric):
        folds = [results[f"split{k}_{part}_{metric}"] for k in range(n_folds)]
        return np.column_stack(folds)

    metrics = [key[10:] for key in results if key.startswith("mean_test_")]
    curve = Bunch(budgets=budgets)
    for part in ("train", "test"):
        of_metric = {metric: scores(part, metric) for metric in metrics}
        curve[f"{part}_scores"] = (
            of_metric if search.multimetric_ else of_metric["score"]
        )
    return curve


class _PoisonedEstimator(PredictsByEstimatorMixin, MetaEstimatorMixin, BaseEstimator):
    """An estimator that learns from a training set that an attack has poisoned.

    It differs from a Pipeline of both in what becomes of facts about the rows: they
    are padded for the rows that the attack inserts.
    """

    def __init__(self, estimator, attack, budget=None):
        self.estimator = estimator
        self.attack = attack
        self.budget = budget

    def fit(self, X, y, **params):
        """Poison the rows, then fit the estimator."""
        if _routing_enabled():
            routed = process_routing(self, "fit", **params)
            for_attack = routed["attack"]["fit_resample"]
            for_estimator = routed["estimator"]["fit"]
        else:
            params = {key.removeprefix(ALIAS): params[key] for key in params}
            for_attack, for_estimator = _split(params, self.estimator)
        n_samples = _num_samples(X)
        self.attack_ = clone(self.attack).set_params(budget=self.budget)
        X, y = self.attack_.fit_resample(X, y, **for_attack)
        for_estimator = {
            key: _pad(key, value, n_samples, _num_samples(X))
            for key, value in for_estimator.items()
        }
        self.estimator_ = clone(self.estimator).fit(X, y, **for_estimator)
        return self

    @available_if(estimator_has("score"))
    def score(self, X, y, **params):
        """Score the fitted estimator."""
        check_is_fitted(self)
        if _routing_enabled():
            params = process_routing(self, "score", **params)["estimator"]["score"]
        return self.estimator_.score(X, y, **params)

    @property
    def classes_(self):
        """The classes seen."""
        return self.estimator_.classes_

    def get_metadata_routing(self):
        """Say where metadata go."""
        return (
            MetadataRouter(owner=self)
            .add(
                attack=self.attack,
                method_mapping=MethodMapping().add(caller="fit", callee="fit_resample"),
            )
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping()
                .add(caller="fit", callee="fit")
                .add(caller="score", callee="score"),
            )
        )

    def __sklearn_tags__(self):
        """Be what the estimator is."""
        return get_tags(self.estimator)


def _for_fit_alone(params):
    """Keep GridSearchCV from weighting scores, which `validation_curve` does not.

    Since scikit-learn 1.9 it hands a `sample_weight` on to the scorer even where
    metadata routing is not enabled. Under another name it leaves it to the fit.
    """
    if _routing_enabled():
        return params
    return {key if key == "groups" else ALIAS + key: params[key] for key in params}


def _split(params, estimator):
    """Split parameters of fit into the attack's and the estimator's."""
    for_attack, for_estimator = {}, {}
    for key, value in params.items():
        name = key.rpartition("__")[2]
        if name == "trusted" and value is not None:
            for_attack["trusted"] = value
        taker = _taker(key, estimator)
        if taker is not None:
            for_estimator[taker] = value
        elif key != "trusted":
            raise ValueError(
                f"params has {key!r}, which the fit of {estimator!r} does not take. "
                "For a step of a Pipeline, write step__name, or enable metadata "
                "routing."
            )
    return for_attack, for_estimator


def _taker(key, estimator):
    """Say under which name the fit of the estimator takes a parameter, if it does."""
    if isinstance(estimator, Pipeline):
        if "__" in key:
            return key
        last_name, last_step = estimator.steps[-1]
        return f"{last_name}__{key}" if has_fit_parameter(last_step, key) else None
    return key if has_fit_parameter(estimator, key) else None


def _pad(key, value, n_samples, n_out):
    """Give a fact about n_samples rows an entry for each inserted row, too."""
    is_fact = not isinstance(value, str | Mapping) and hasattr(value, "__len__")
    if n_out == n_samples or not is_fact or len(value) != n_samples:
        return value
    name = key.rpartition("__")[2]
    if name not in PADDING:
        raise ValueError(
            f"params has {key!r} with an entry a row, but the attack inserts rows, and "
            f"what they should be given is known for {' and '.join(PADDING)} alone."
        )
    return np.append(np.asarray(value), np.full(n_out - n_samples, PADDING[name]))
