"""The robustness report of estimators, attacks and defences given by name."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.cli._defaults import (
    cannot_write,
    choose_adaptive,
    choose_attacks,
    choose_defences,
    choose_learners,
    describe_left_out,
    describe_responses,
    describe_time,
)
from skpoison.cli._encoding import is_mostly_zero, make_frame
from skpoison.cli._errors import CommandError, reason
from skpoison.cli._learners import make_learners
from skpoison.cli._names import assemble, find_attack, find_defence, find_estimator
from skpoison.cli._scoring import check_scoring
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION
from skpoison.cli._terminal import Progress, capture_warnings, print_error
from skpoison.feasible_sets import ResponseRange
from skpoison.model_selection import RobustnessReport, harmful_rows
from skpoison.model_selection._encoded import EncodedAttack
from skpoison.model_selection._harmful_rows import describe_rows
from skpoison.model_selection._imbalance import BALANCED
from skpoison.model_selection._report_sweep import takes_surrogate
from skpoison.model_selection._surrogates import (
    inform,
    is_differentiable,
    refits,
    split_encoder,
)
from skpoison.surrogates._scalers import split_scalers

PLAIN = "no defence"
# How many rows of the data are worth a look.
MOST_ROWS = 50
# Attacks that write numbers into the features.
NEED_NUMBERS = GradientInsertion, GradientModification


@dataclass(frozen=True)
class NamedReport:
    """A report with the texts that explain it.

    Parameters
    ----------
    title : str
        Data and estimator.
    protocol : list of str
        How the scores were computed, and what was done to the columns.
    report : RobustnessReport
        The fitted report.
    warnings_seen : list of str
        Warnings of attacks, defences and estimators, each one once.
    estimator : str
        Name of the estimator.
    rows : list of (int, float, str)
        Position, contradiction and reason of the rows that contradict the others most.
    """

    title: str
    protocol: list
    report: RobustnessReport
    warnings_seen: list
    estimator: str
    rows: list


def make_report(
    data,
    *,
    name,
    estimator,
    surrogate,
    attacks,
    defences,
    budgets,
    cv,
    scoring,
    n_jobs,
    seed,
    folder=None,
    learners=(),
    adaptive=(),
):
    """Measure every attack against the plain and the defended estimator.

    Parameters
    ----------
    data : Data
        Rows and labels.
    name : str
        Name of the data.
    estimator : str or None
        Name of the estimator. None: the default for such targets.
    surrogate : str or None
        Name of what the attacker believes that the victim learns. None: the estimator.
    attacks : list of str or None
        Names of attacks. None: the strongest that fit the time of a report.
    defences : list of str or None
        Names of defences. None: those that withstand most.
    budgets : ndarray of shape (n_budgets,)
        Budgets of the attacks.
    cv : int
        Number of folds.
    scoring : str or None
        Name of a scorer. None: accuracy, or R2.
    n_jobs : int
        Number of jobs.
    seed : int
        Seed of folds, attacks, defences and estimator.
    folder : str, default=None
        Where results are kept as they come. None: nowhere.
    learners : list of str or None, default=()
        Names of other victims of the same poison. None: those that fit the time.
    adaptive : list of str or None, default=()
        Names of attacks that are also crafted by attackers who know the defence. None:
        those that fit the time.

    Returns
    -------
    named_report : NamedReport

    Raises
    ------
    CommandError
        If a name is unknown, if there are too few rows for the folds or for the
        budgets, or if an attack, a defence, the estimator or the score fails.
    """
    X, y, layout, task = data.X, data.y, data.layout, data.task
    folds = _folds(X, y, cv, seed, task)
    n_train = min(train.shape[0] for train, _ in folds)
    if budgets.max() > n_train:
        raise CommandError(
            f"--budgets {budgets.max()}: a fold has only {n_train} training rows. Give "
            "fewer, or shares."
        )
    estimator = estimator or task.default_estimator
    victim = find_estimator(estimator, tasks=[task])
    notes = [*data.notes]
    if layout is not None and not isinstance(victim, Pipeline):
        if layout.words or layout.n_missing:
            notes.insert(0, layout.describe())
        elif is_mostly_zero(X) and get_tags(victim).input_tags.sparse:
            X, layout = sparse.csr_matrix(X), None
            notes.append(
                f"{1 - X.nnz / np.prod(X.shape):.1%} of the numbers are 0: they are "
                "kept as a sparse matrix, and scaled without being centred"
            )
    settings = {"seed": seed, "layout": layout, "is_sparse": sparse.issparse(X)}
    if defences is None:
        defences = choose_defences(task, victim, data.trusted, X.shape[0])
    scoring = scoring or task.scoring
    wrappers = {PLAIN: None} | {each: find_defence(each, task) for each in defences}
    pipelines = {
        each: assemble(victim, wrapper, **settings)
        for each, wrapper in wrappers.items()
    }
    for pipeline in pipelines.values():
        check_scoring(scoring, pipeline.steps[-1][1], y)
    believed = surrogate
    if surrogate is not None:
        believed = find_estimator(surrogate, "surrogate", tasks=[task])
        believed = assemble(believed, **settings)
    responses = _responses(pipelines[PLAIN], believed, layout, task)
    if attacks is None:
        n_crafts = np.count_nonzero(budgets) * cv
        attacks, left_out = choose_attacks(
            X,
            task=task,
            n_classes=_n_classes(y, task),
            n_crafts=n_crafts,
            words=() if layout is None else layout.words,
            has_responses=responses is not None,
        )
        notes += left_out
        if task is REGRESSION:
            n_columns = X.shape[1] if layout is None else layout.n_encoded
            for each in describe_time(attacks, X.shape[0] * n_columns, n_crafts):
                print_error(each)
    named_attacks = {each: find_attack(each, seed, believed, task) for each in attacks}
    if responses is not None:
        notes += _choose_responses(named_attacks, layout, responses)
    notes += _leave_out(named_attacks, layout)
    is_asked = learners is not None
    if learners is None:
        learners = choose_learners(task, estimator, X.shape[0])
    learners = make_learners(
        learners,
        pipelines[PLAIN],
        task=task,
        scoring=scoring,
        is_asked=is_asked,
        n_rows=_fewest_rows(n_train, budgets),
        **settings,
    )
    if adaptive is None:
        adaptive = choose_adaptive(task, named_attacks, defences, X.shape[0])
    adaptive = _check_adaptive(adaptive, attacks, named_attacks, defences)
    if layout is not None and isinstance(victim, Pipeline):
        frame = make_frame(layout)
        X = X if frame is None else frame

    for each in _slow(named_attacks, pipelines[PLAIN], y):
        print_error(each)
    params = {} if data.trusted is None else {"trusted": data.trusted}
    with Progress() as progress:
        report = RobustnessReport(
            pipelines,
            named_attacks,
            learners=learners,
            adaptive=adaptive,
            budgets=budgets,
            cv=folds,
            scoring=scoring,
            n_jobs=n_jobs,
            callback=progress,
            folder=folder,
        )
        try:
            _, warnings_seen = capture_warnings(report.fit, X, y, **params)
        # The user's own attack, defence or estimator may raise anything.
        except Exception as error:
            case = f"{progress.case}: " if progress.case else ""
            text = reason(error).replace("folder must", f"--resume {folder} must")
            raise CommandError(f"{case}{text}.") from error

    rows = _doubtful_rows(pipelines[PLAIN], X, data, folds)
    steps = [step for _, step in pipelines[PLAIN].steps if hasattr(step, "fit")]
    n_trusted = 0 if data.trusted is None else data.trusted.sum()
    trusted = f", {n_trusted} trusted" if n_trusted else ""
    n_columns = X.shape[1]
    return NamedReport(
        title=f"{name} ({y.shape[0]} rows{trusted}, {n_columns} "
        f"column{'' if n_columns == 1 else 's'}, {_describe_target(y, task)}), "
        + " -> ".join(type(step).__name__ for step in steps),
        protocol=[
            f"{cv}-fold cross-validation, seed {seed}; training rows poisoned, test "
            "rows clean",
            *notes,
            *_knowledge(report),
        ],
        report=report,
        warnings_seen=[
            # The option instead of the parameter.
            each.replace(f"scoring={BALANCED!r}", f"--scoring {BALANCED}")
            for each in warnings_seen
        ],
        estimator=estimator,
        rows=rows,
    )


def _doubtful_rows(victim, X, data, folds):
    """Return the rows of the data themselves that contradict the others most."""
    try:
        # A fit for each fold, in this process: others show their warnings themselves.
        ranked, _ = capture_warnings(harmful_rows, victim, X, data.y, cv=folds)
        return describe_rows(ranked, data.y, n_rows=MOST_ROWS, skip=data.trusted)
    except ValueError:  # The estimator of the user only predicts.
        return []
    # The work is done: nothing that fails here must lose it.
    except Exception as error:
        print_error(f"the rows of the data are not ranked: {reason(error)}")
        return []


def _fewest_rows(n_train, budgets):
    """Return how many rows a victim has to learn from, if an attack deletes some."""
    most = budgets.max()
    return n_train - int(most if budgets.dtype.kind != "f" else np.ceil(most * n_train))


def _n_classes(y, task):
    return np.unique(y).shape[0] if task is CLASSIFICATION else 1


def _describe_target(y, task):
    """Return what the targets are, in words."""
    if task is not CLASSIFICATION:
        return f"the target from {y.min():g} to {y.max():g}"
    classes, counts = np.unique(y, return_counts=True)
    return f"{classes.shape[0]} classes, the largest {counts.max() / y.shape[0]:.1%}"


def _folds(X, y, cv, seed, task):
    """Return folds, which all have rows of every class."""
    if task is not CLASSIFICATION:
        if y.shape[0] < cv:
            raise CommandError(
                f"There are too few rows for {cv} folds: {y.shape[0]}. Lower --cv."
            )
        return list(KFold(cv, shuffle=True, random_state=seed).split(X, y))
    classes, counts = np.unique(y, return_counts=True)
    rarest, n_rarest = classes.tolist()[counts.argmin()], counts.min()
    if n_rarest < cv:
        raise CommandError(
            f"The class {rarest!r} has too few rows for {cv} folds: {n_rarest}. "
            + (
                f"Lower --cv to {n_rarest}, or delete its rows."
                if n_rarest > 1
                else "Delete it, or merge it with another class."
            )
        )
    return list(StratifiedKFold(cv, shuffle=True, random_state=seed).split(X, y))


def _leave_out(named_attacks, layout):
    """Remove attacks that cannot write into words; return a line on each."""
    if layout is None or not layout.words:
        return []
    left_out = [
        name for name, each in named_attacks.items() if isinstance(each, NEED_NUMBERS)
    ]
    if not left_out:
        return []
    if len(left_out) == len(named_attacks):
        raise CommandError(
            f"--attack {' '.join(left_out)} cannot be used: "
            f"{cannot_write(layout.words)}. Leave those columns out by --drop, or take "
            "another attack, such as greedy_label_flip for classes or greedy_deletion "
            "for quantities."
        )
    for name in left_out:
        del named_attacks[name]
    return [describe_left_out(left_out, layout.words)]


def _responses(victim, believed, layout, task):
    """Return encoder and estimator behind it, if the attacker can choose responses.

    That is where features cannot be written, and the estimator has gradients.
    """
    if (
        layout is None
        or not layout.categories
        or layout.texts
        or task is not REGRESSION
    ):
        return None
    encoder, rest = split_encoder(victim if believed is None else believed)
    if encoder is None or not is_differentiable(split_scalers(rest)[1], None):
        return None
    return encoder, rest


def _choose_responses(named_attacks, layout, responses):
    """Put attacks that write numbers behind the encoder; return a line on them."""
    encoder, rest = responses
    able = [
        name
        for name, each in named_attacks.items()
        if isinstance(each, NEED_NUMBERS) and each.feasible_set is None
    ]
    for name in able:
        attack = named_attacks[name].set_params(
            surrogate=rest, poison_labels=ResponseRange()
        )
        named_attacks[name] = EncodedAttack(attack, encoder, keep_features=True)
    return [describe_responses(able, layout.words)] if able else []


def _check_adaptive(adaptive, attacks, named_attacks, defences):
    """Return which attacks of the report are also crafted through the defences."""
    if adaptive and not defences:
        raise CommandError(
            f"--adaptive {' '.join(adaptive)} is for attackers who know a defence, and "
            "there is none. Name some by --defence, or leave --adaptive out."
        )
    unknown = [name for name in adaptive if name not in attacks]
    if unknown:
        raise CommandError(
            f"--adaptive {' '.join(unknown)} is not among the attacks of the report: "
            f"{', '.join(attacks)}. Name some of these, or add it to --attack."
        )
    kept = [name for name in dict.fromkeys(adaptive) if name in named_attacks]
    unable = [name for name in kept if not takes_surrogate(named_attacks[name])]
    if unable:
        raise CommandError(
            f"--adaptive {' '.join(unable)} cannot know a defence: it has no surrogate."
            " Leave it out."
        )
    return kept


def _slow(named_attacks, victim, y):
    """Return a line on each attack that fits the estimator thousands of times."""
    return [
        f"{name} fits the estimator anew for every change that it tries, which can "
        "take hours. Take --surrogate logistic if that is too long."
        for name, attack in named_attacks.items()
        if refits(inform(attack, victim, y).attack, y)
    ]


def _knowledge(report):
    """Return what the attacks with a surrogate know about the victim."""
    notes = [
        f"{attack} is crafted for {other}, not for the estimator"
        for attack, other in report.crafted_for_.items()
        if other
    ]
    if any(
        not report.crafted_for_[name]
        and (isinstance(attack, EncodedAttack) or "surrogate" in attack.get_params())
        for name, attack in report.attacks.items()
    ):
        notes.append("the attacker knows the estimator, but not the defence")
    if report.adaptive:
        notes.append(
            f"{', '.join(report.adaptive)} through a defence: the attacker knows it, "
            "too"
        )
    return notes
