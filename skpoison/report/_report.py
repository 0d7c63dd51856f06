"""What do attacks do to an estimator, and what do defences help?"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import Bunch
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skpoison.model_selection import robustness_curve
from skpoison.report._choices import (
    assemble,
    check_scoring,
    find_attack,
    find_defence,
    find_estimator,
)
from skpoison.report._errors import ReportError, reason
from skpoison.report._terminal import progress, recorded

PLAIN = "no defence"


@dataclass(frozen=True)
class Report:
    """The curves of several attacks against an estimator, plain and defended.

    Parameters
    ----------
    title : str
        What was attacked.
    protocol : str
        How it was measured.
    scoring : str
        The score.
    curves : dict of (str, str) to Bunch
        For each pair of attack and defence what `robustness_curve` returns.
    warnings : list of str
        What attacks, defences and estimators have warned of, each warning once.
    """

    title: str
    protocol: str
    scoring: str
    curves: dict
    warnings: list


def make_report(
    X, y, *, data, estimator, attacks, defences, budgets, cv, scoring, n_jobs, seed
):
    """Measure every attack against the plain and the defended estimator.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    data : str
        What they are called.
    estimator : str
        Name of the estimator.
    attacks : list of str
        Names of attacks.
    defences : list of str
        Names of defences.
    budgets : ndarray of shape (n_budgets,)
        Budgets of the attacks, 0 the first of them.
    cv : int
        Number of folds.
    scoring : str
        Name of a scorer.
    n_jobs : int
        Number of jobs.
    seed : int
        Seed of folds, attacks, defences and estimator.

    Returns
    -------
    report : Report

    Raises
    ------
    ReportError
        If a name means nothing, if there are too few rows for the folds or for the
        budgets, or if an attack, a defence, the estimator or the score fails.
    """
    folds = _folds(X, y, cv, seed)
    n_train = min(train.shape[0] for train, _ in folds)
    if budgets.max() > n_train:
        raise ReportError(
            f"--budgets {budgets.max()}: those are more rows than the {n_train} "
            "training rows of a fold. Give fewer, or shares."
        )
    victim = find_estimator(estimator)
    makers = {PLAIN: None} | {name: find_defence(name) for name in defences}
    pipelines = {
        arm: assemble(victim, maker, seed=seed, is_sparse=sparse.issparse(X))
        for arm, maker in makers.items()
    }
    for pipeline in pipelines.values():
        check_scoring(scoring, pipeline.steps[-1][1])
    found = {name: find_attack(name, seed) for name in attacks}

    curves, told = {}, {}
    n_all = len(found) * len(pipelines)
    for name, attack in found.items():
        for arm, pipeline in pipelines.items():
            case = f"{name} against {arm}"
            with progress(f"[{len(curves) + 1}/{n_all}] {case}"):
                try:
                    curve, warned = _curve(
                        pipeline, X, y, attack, budgets, folds, scoring, n_jobs
                    )
                # Whatever the user's own attack, defence or estimator may raise.
                except Exception as error:
                    raise ReportError(f"{case}: {reason(error)}.") from error
            curves[name, arm] = curve
            told = warned | told

    classes, counts = np.unique(y, return_counts=True)
    steps = [step for _, step in pipelines[PLAIN].steps if hasattr(step, "fit")]
    return Report(
        title=f"{data} ({X.shape[0]} rows, {X.shape[1]} columns, {classes.shape[0]} "
        f"classes, the largest {counts.max() / y.shape[0]:.1%}), "
        + " -> ".join(type(step).__name__ for step in steps),
        protocol=f"{cv}-fold cross-validation, seed {seed}; training rows poisoned, "
        "test rows clean",
        scoring=scoring,
        curves=curves,
        warnings=list(dict.fromkeys(told.values())),
    )


def _folds(X, y, cv, seed):
    """Split rows into folds that all have rows of every class."""
    classes, counts = np.unique(y, return_counts=True)
    rarest, n_rarest = classes.tolist()[counts.argmin()], counts.min()
    if n_rarest < cv:
        raise ReportError(
            f"The class {rarest!r} has too few rows for {cv} folds: {n_rarest}. "
            + ("Lower --cv, or drop it." if n_rarest > 1 else "Drop it.")
        )
    return list(StratifiedKFold(cv, shuffle=True, random_state=seed).split(X, y))


def _curve(pipeline, X, y, attack, budgets, folds, scoring, n_jobs):
    """Compute a robustness curve, and the warnings given on the way.

    It goes by single points: only so do warnings come back from other processes.
    """
    n_points = budgets.shape[0] * len(folds)
    points = Parallel(n_jobs=min(n_jobs, n_points))(
        delayed(_point)(
            pipeline,
            X,
            y,
            attack=attack,
            budgets=[budget],
            cv=[fold],
            scoring=scoring,
            error_score="raise",
        )
        for budget in budgets.tolist()
        for fold in folds
    )
    told = {}
    for _, warned in points:
        told = warned | told
    curve = Bunch(budgets=budgets)
    for part in ("train_scores", "test_scores"):
        scores = np.array([point[part] for point, _ in points])
        curve[part] = scores.reshape(budgets.shape[0], len(folds))
    return curve, told


def _point(*args, **kwargs):
    # A job is a processor. Threads below it wait for each other on a busy machine, ten
    # times as long as they work, and they add up numbers in another order.
    with threadpool_limits(1):
        return recorded(robustness_curve, *args, **kwargs)
