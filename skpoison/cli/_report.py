"""The robustness report of estimators, attacks and defences given by name."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import StratifiedKFold

from skpoison.cli._errors import CommandError, reason
from skpoison.cli._names import (
    assemble,
    check_scoring,
    find_attack,
    find_defence,
    find_estimator,
)
from skpoison.cli._terminal import ProgressLine, capture_warnings
from skpoison.model_selection import RobustnessReport

PLAIN = "no defence"


@dataclass(frozen=True)
class NamedReport:
    """A report with the texts that explain it.

    Parameters
    ----------
    title : str
        Data and estimator.
    protocol : str
        How the scores were computed.
    report : RobustnessReport
        The fitted report.
    warnings_seen : list of str
        Warnings of attacks, defences and estimators, each one once.
    """

    title: str
    protocol: str
    report: RobustnessReport
    warnings_seen: list


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
        Name of the data.
    estimator : str
        Name of the estimator.
    attacks : list of str
        Names of attacks.
    defences : list of str
        Names of defences.
    budgets : ndarray of shape (n_budgets,)
        Budgets of the attacks.
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
    named_report : NamedReport

    Raises
    ------
    CommandError
        If a name is unknown, if there are too few rows for the folds or for the
        budgets, or if an attack, a defence, the estimator or the score fails.
    """
    folds = _folds(X, y, cv, seed)
    n_train = min(train.shape[0] for train, _ in folds)
    if budgets.max() > n_train:
        raise CommandError(
            f"--budgets {budgets.max()}: a fold has only {n_train} training rows. Give "
            "fewer, or shares."
        )
    victim = find_estimator(estimator)
    wrappers = {PLAIN: None} | {name: find_defence(name) for name in defences}
    pipelines = {
        name: assemble(victim, wrapper, seed=seed, is_sparse=sparse.issparse(X))
        for name, wrapper in wrappers.items()
    }
    for pipeline in pipelines.values():
        check_scoring(scoring, pipeline.steps[-1][1])

    case = ""
    with ProgressLine() as line:

        def show_progress(i, n_curves, attack, name):
            nonlocal case
            case = f"{attack} against {name}"
            line.show(f"[{i}/{n_curves}] {case}")

        report = RobustnessReport(
            pipelines,
            {name: find_attack(name, seed) for name in attacks},
            budgets=budgets,
            cv=folds,
            scoring=scoring,
            n_jobs=n_jobs,
            callback=show_progress,
        )
        try:
            _, warnings_seen = capture_warnings(report.fit, X, y)
        # The user's own attack, defence or estimator may raise anything.
        except Exception as error:
            raise CommandError(f"{case}: {reason(error)}.") from error

    classes, counts = np.unique(y, return_counts=True)
    steps = [step for _, step in pipelines[PLAIN].steps if hasattr(step, "fit")]
    return NamedReport(
        title=f"{data} ({X.shape[0]} rows, {X.shape[1]} columns, {classes.shape[0]} "
        f"classes, the largest {counts.max() / y.shape[0]:.1%}), "
        + " -> ".join(type(step).__name__ for step in steps),
        protocol=f"{cv}-fold cross-validation, seed {seed}; training rows poisoned, "
        "test rows clean",
        report=report,
        warnings_seen=warnings_seen,
    )


def _folds(X, y, cv, seed):
    """Return folds that all have rows of every class."""
    classes, counts = np.unique(y, return_counts=True)
    rarest, n_rarest = classes.tolist()[counts.argmin()], counts.min()
    if n_rarest < cv:
        raise CommandError(
            f"The class {rarest!r} has too few rows for {cv} folds: {n_rarest}. "
            + ("Lower --cv, or drop it." if n_rarest > 1 else "Drop it.")
        )
    return list(StratifiedKFold(cv, shuffle=True, random_state=seed).split(X, y))
