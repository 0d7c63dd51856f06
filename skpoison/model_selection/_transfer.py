"""Transfer of poison: crafted for one estimator, learnt by another."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, _safe_indexing, indexable

from skpoison.model_selection._arguments import (
    by_name,
    check_attack,
    check_budgets,
    check_same_task,
    check_settings,
    check_targets,
    check_victim,
    warn_of_empty_budgets,
)
from skpoison.model_selection._craft import PoisonedFold, craft_one
from skpoison.model_selection._input_gradients import alignment, loss_directions
from skpoison.model_selection._row_metadata import is_trusted_search, route_params
from skpoison.model_selection._score import fit_on_poison, score_fitted
from skpoison.model_selection._scoring import check_scoring_names
from skpoison.model_selection._workers import Workers
from skpoison.utils._texts import shown

# At so many test rows of a fold gradients are compared.
N_ROWS = 200


def transfer_matrix(
    victims,
    surrogates,
    X,
    y,
    *,
    attack,
    budget=0.1,
    cv=None,
    scoring=None,
    n_jobs=None,
    pre_dispatch="2*n_jobs",
    verbose=0,
    params=None,
):
    r"""Score victims on clean data after training on poison crafted for others.

    An attacker who does not know the victim crafts the poison for an estimator of
    their own, the surrogate. For each fold, the attack poisons the training rows once
    for each surrogate, and once without poison; a clone of each victim is fitted on
    each of these training sets, and scored on the test rows of the fold, which stay
    clean.

    Parameters
    ----------
    victims : estimator or dict of str to estimator
        The victims by name. Any estimator can be one: forests, neighbours, pipelines,
        defences. A search, such as a GridSearchCV, tunes its parameters on the poisoned
        rows, as the victim would.
    surrogates : estimator or dict of str to estimator
        The surrogates by name: what the attack can take as its `surrogate`.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Their labels or responses.
    attack : sampler
        The attack; its `surrogate` is set to each of `surrogates` in turn. Give it a
        `random_state` for a matrix that can be repeated.
    budget : float or int, default=0.1
        Its budget: a share of the training rows of a fold (float, n_p / n), or a number
        of rows (int).
    cv : int, cross-validation generator or iterable, default=None
        How folds are made, as in :func:`~sklearn.model_selection.cross_validate`.
    scoring : str or callable, default=None
        The score: one metric. None: the `score` method of the victims. With
        ``make_scorer(zero_one_loss, greater_is_better=False)``, say, the matrix holds
        errors, as negative numbers.
    n_jobs : int, default=None
        Number of jobs, over folds, surrogates and victims together.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs dispatched ahead.
    verbose : int, default=0
        Verbosity of joblib.
    params : dict, default=None
        Row metadata and other parameters of `fit`, as in :func:`robustness_curve`.

    Returns
    -------
    matrix : :class:`~sklearn.utils.Bunch`
        With the attributes

        victims : list of str, of length n_victims
            The names of the victims.
        surrogates : list of str, of length n_surrogates
            The names of the surrogates.
        budget : float or int
            The budget.
        clean_scores : ndarray of shape (n_victims, n_folds)
            Scores of each victim without poison.
        test_scores : ndarray of shape (n_surrogates, n_victims, n_folds)
            Scores of each victim on poison crafted for each surrogate.
        alignments : ndarray of shape (n_surrogates, n_victims, n_folds)
            The gradient alignment of each surrogate with each victim; NaN if one of
            them has no gradient.

    Raises
    ------
    ValueError
        If there are no victims or no surrogates, if the attack takes no surrogate, if
        `budget` is neither a share nor a number of rows, if victims are of several
        tasks, or if `scoring` is not one metric.
    TypeError
        If the attack needs the gradients of a surrogate that has none.

    Warns
    -----
    UserWarning
        If a share rounds to 0 rows.

    See Also
    --------
    TransferMatrixDisplay : Draws the matrix.
    robustness_curve : Several budgets, for one victim.
    skpoison.surrogates.as_student : A surrogate that learns what a victim predicts.

    Notes
    -----
    The gradient alignment [1]_ of a surrogate with a victim, both fitted on the clean
    training rows, is the mean over test rows (up to 200 of each fold) of the cosine
    between the gradients of their losses in the row,

    .. math::

        R(x, y) = \frac{\nabla_x \hat L(x, y)^\top \nabla_x L(x, y)}
        {\|\nabla_x \hat L(x, y)\| \, \|\nabla_x L(x, y)\|} .

    The losses are the log loss of the scores, and for regression the squared error.
    There are gradients of linear models, networks, and support vector machines with
    kernels and a single score; also behind scalers, in a search or in a defence.

    References
    ----------
    .. [1] A. Demontis, M. Melis, M. Pintor, M. Jagielski, B. Biggio, A. Oprea,
       C. Nita-Rotaru, F. Roli, "Why do adversarial attacks transfer? Explaining
       transferability of evasion and poisoning attacks", USENIX Security 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression, RidgeClassifier
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.attacks import MarginLabelFlip
    >>> from skpoison.model_selection import transfer_matrix
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> linear = {"logistic": LogisticRegression(), "ridge": RidgeClassifier()}
    >>> forest = {"forest": RandomForestClassifier(20, random_state=0)}
    >>> matrix = transfer_matrix(
    ...     linear | forest,
    ...     linear,
    ...     scale(X),
    ...     y,
    ...     attack=MarginLabelFlip(random_state=0),
    ...     budget=0.2,
    ...     cv=3,
    ... )
    >>> matrix.victims
    ['logistic', 'ridge', 'forest']
    >>> matrix.clean_scores.mean(axis=-1).round(2)
    array([0.98, 0.96, 0.96])
    >>> matrix.test_scores.mean(axis=-1).round(2)
    array([[0.71, 0.71, 0.8 ],
           [0.84, 0.84, 0.81]])
    >>> matrix.alignments.mean(axis=-1).round(2)
    array([[1.  , 0.38,  nan],
           [0.38, 1.  ,  nan]])
    """
    victims, surrogates = by_name(victims, "victims"), by_name(surrogates, "surrogates")
    for name, victim in victims.items():
        check_victim(victim, f"victims[{name!r}]")
    for name, surrogate in surrogates.items():
        check_victim(surrogate, f"surrogates[{name!r}]")
    check_same_task(victims)
    attacks = _with_surrogates(attack, surrogates)
    budget = check_budgets([budget])[0].item()
    check_settings(cv=cv, n_jobs=n_jobs, params=params)
    X, y = indexable(X, y)
    check_targets(y, attacks=attacks.values(), estimators=victims.values())
    scorers = {}
    for name, victim in victims.items():
        check_scoring_names(scoring, victim, y)
        scorers[name] = check_scoring(victim, scoring)
    cv = check_cv(cv, y, classifier=is_classifier(next(iter(victims.values()))))
    routed = route_params(
        params, splitter=cv, attacks=attacks, estimators=victims, scorers=scorers
    )
    folds = list(cv.split(X, y, **routed.split))
    warn_of_empty_budgets(np.array([budget]), folds)
    workers = Workers(n_jobs, pre_dispatch=pre_dispatch, verbose=verbose)

    # The attack of a budget of 0 gives the rows back as they are.
    sources = [(next(iter(attacks)), 0), *((name, budget) for name in attacks)]
    points = [(*source, *fold) for source in sources for fold in folds]
    crafted = workers.map(
        craft_one,
        [
            (attacks[name], amount, X, y, train, routed.fit_resample[name])
            for name, amount, train, _ in points
        ],
    )
    poisoned = [
        PoisonedFold(amount, train, test, *made)
        for (_, amount, train, test), made in zip(points, crafted, strict=True)
    ]
    outcomes = workers.map(
        _fit_and_score,
        [
            (victim, X, y, fold, scorers[name], routed.fit[name], routed.score[name])
            for name, victim in victims.items()
            for fold in poisoned
        ],
    )
    scores = np.array([score for score, _ in outcomes])
    scores = scores.reshape(len(victims), len(sources), len(folds))
    directions = {}
    for k, name in enumerate(victims):
        first = k * len(poisoned)
        directions[name] = [each for _, each in outcomes[first : first + len(folds)]]
    own = _of_surrogates(
        {
            name: (surrogate, _mask(surrogate, routed.fit_resample[name]))
            for name, surrogate in surrogates.items()
        },
        {id(victim): directions[name] for name, victim in victims.items()},
        X,
        y,
        poisoned[: len(folds)],
        workers,
    )
    workers.warn()
    return Bunch(
        victims=list(victims),
        surrogates=list(surrogates),
        budget=budget,
        clean_scores=scores[:, 0],
        test_scores=scores[:, 1:].swapaxes(0, 1),
        alignments=np.array(
            [
                [
                    [alignment(*pair) for pair in zip(one, other, strict=True)]
                    for other in directions.values()
                ]
                for one in own
            ]
        ),
    )


def _with_surrogates(attack, surrogates):
    """Return the attack with each surrogate, by the name of the surrogate."""
    check_attack(attack)
    if "surrogate" not in attack.get_params(deep=False):
        raise ValueError(
            "attack must have a parameter surrogate, as GradientInsertion has; got "
            f"{shown(attack)}. The poison of others is the same for all victims: pass "
            "it to robustness_curve."
        )
    return {
        name: clone(attack).set_params(surrogate=surrogate)
        for name, surrogate in surrogates.items()
    }


def _fit_and_score(victim, X, y, fold, scorer, fit_params, score_params):
    """Return the score of a victim, and the directions of its loss without poison."""
    fitted = fit_on_poison(victim, X, y, fold, fit_params)
    scores = score_fitted(fitted, X, y, fold, "test", scorer, score_params)
    if isinstance(scores, dict):
        raise ValueError(
            "scoring must return one number; got the scores "
            f"{list(scores)}. Make a matrix for each metric."
        )
    directions = None
    if fold.budget == 0:
        directions = _directions(fitted.estimator_, X, y, fold)
    return scores, directions


def _directions(fitted, X, y, fold):
    """Return the directions of the loss at some test rows."""
    n_test = len(fold.test)
    rows = np.unique(np.linspace(0, n_test - 1, min(n_test, N_ROWS)).astype(int))
    rows = np.asarray(fold.test)[rows]
    return loss_directions(fitted, _safe_indexing(X, rows), _safe_indexing(y, rows))


def _mask(surrogate, params):
    """Return the trusted rows for a search on them, of the parameters of the attack."""
    if not is_trusted_search(surrogate):
        return {}
    return {name: params[name] for name in ("trusted",) if name in params}


def _of_surrogates(surrogates, known, X, y, clean, workers):
    """Return the directions of each surrogate in each fold.

    Parameters
    ----------
    surrogates : dict of str to tuple (estimator, dict)
        The surrogates, and the parameters of their fits.
    known : dict of int to list of ndarray
        The directions of the victims, by their identity: a surrogate that is a victim
        too has been fitted already.
    X, y : object
        The rows and their labels.
    clean : list of PoisonedFold
        The folds without poison.
    workers : Workers
        Where surrogates are fitted.

    Returns
    -------
    directions : list of list of ndarray
    """
    todo = [each for each in surrogates.values() if id(each[0]) not in known]
    calls = [
        (surrogate, X, y, fold, params) for surrogate, params in todo for fold in clean
    ]
    found = iter(workers.map(_fit_surrogate, calls))
    own = {id(surrogate): [next(found) for _ in clean] for surrogate, _ in todo}
    return [(known | own)[id(surrogate)] for surrogate, _ in surrogates.values()]


def _fit_surrogate(surrogate, X, y, fold, params):
    fitted = fit_on_poison(surrogate, X, y, fold, params)
    return _directions(fitted.estimator_, X, y, fold)
