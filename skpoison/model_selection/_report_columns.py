"""Columns of a report beside its curves: other learners, and worst cases."""

from dataclasses import dataclass

import numpy as np

from skpoison.model_selection._arguments import check_victim
from skpoison.model_selection._report_sweep import case_name, takes_surrogate
from skpoison.model_selection._summary import describe_budget, worst_cases


@dataclass(frozen=True)
class Columns:
    """A table of scores.

    Parameters
    ----------
    caption : str
        What it shows.
    header : list of str
        The columns.
    rows : list of list
        The cells: a name, then scores of shape (n_folds,), or texts.
    """

    caption: str
    header: list
    rows: list

    def texts(self):
        """Return the cells as texts."""
        return [[cell_text(cell) for cell in row] for row in self.rows]


def check_columns(estimators, attacks, learners, adaptive):
    """Check the parameters `learners` and `adaptive` of a report.

    Parameters
    ----------
    estimators : dict of str to estimator
        The victims of the curves.
    attacks : dict of str to sampler
        The attacks.
    learners : dict of str to estimator or None
        Victims that no attack is aimed at.
    adaptive : sequence of str
        Names of attacks.

    Returns
    -------
    learners : dict of str to estimator

    Raises
    ------
    ValueError
        If a learner has the name of an estimator, or if an attack is not there, has no
        surrogate or no defence to know, or is called as one that knows a defence.
    """
    learners = {} if learners is None else learners
    for name, each in learners.items():
        check_victim(each, f"learners[{name!r}]")
    twice = sorted(map(str, set(learners) & set(estimators)))
    if twice:
        raise ValueError(
            f"learners must have other names than estimators; got {', '.join(twice)} "
            "in both."
        )
    if isinstance(adaptive, str):
        raise ValueError(
            f"adaptive must be a list of names of attacks; got {adaptive!r}. Write "
            f"[{adaptive!r}]."
        )
    able = [name for name, each in attacks.items() if takes_surrogate(each)]
    unable = [name for name in adaptive if name not in able]
    if unable:
        raise ValueError(
            "adaptive must name attacks that have a surrogate, which a defence can be: "
            f"{', '.join(map(str, able)) or 'none of these has one'}; got "
            f"{unable[0]!r}."
        )
    _, *defences = estimators
    if len(adaptive) and not defences:
        raise ValueError(
            "adaptive is for attackers who know a defence, and estimators has no more "
            f"than one item, the baseline; got {list(adaptive)}. Add defences to "
            "estimators, or leave adaptive empty."
        )
    cases = [case_name(a, b) for a in dict.fromkeys(adaptive) for b in defences]
    names = [*map(str, attacks), *cases]
    twice = [name for name in dict.fromkeys(cases) if names.count(name) > 1]
    if twice:
        raise ValueError(
            "attacks must have other names than those that know a defence, by "
            f"adaptive; got {twice[0]!r} twice. Rename one of attacks."
        )
    return learners


def with_adaptive(report):
    """Return the curves of a report together with those of attackers who know more.

    Parameters
    ----------
    report : RobustnessReport
        The fitted report.

    Returns
    -------
    curves : dict of (str, str) to Bunch
    """
    adaptive = {
        (case_name(attack, name), name): curve
        for (attack, name), curve in report.adaptive_.items()
    }
    return report.curves_ | adaptive


def describe_columns(report):
    """Return the tables of a report beside its curves.

    Parameters
    ----------
    report : RobustnessReport
        The fitted report.

    Returns
    -------
    tables : list of Columns
        Other learners under the same poison, if there are any; worst cases of all.
    """
    curves, baseline = report.curves_, report.baseline_
    attacks = list(dict.fromkeys(attack for attack, _ in curves))
    most = describe_budget(curves[attacks[0], baseline].budgets[-1])
    tables = []
    names = list(dict.fromkeys(name for _, name in report.transfer_))
    if names:
        known = curves | report.transfer_
        rows = [
            [
                name,
                known[attacks[0], name].test_scores[0],
                *(known[attack, name].test_scores[-1] for attack in attacks),
            ]
            for name in [baseline, *names]
        ]
        tables.append(
            Columns(
                f"Other victims under the same poison, by attack, with budget {most}",
                ["victim", "clean", *attacks],
                rows,
            )
        )
    knows = bool(report.adaptive_)
    worst = worst_cases(with_adaptive(report) | report.transfer_)
    rows = []
    for name in [*dict.fromkeys(name for _, name in curves), *names]:
        curve = (curves | report.transfer_)[attacks[0], name]
        score, case = worst[name]
        row = [name, curve.test_scores[0], np.array([score]), case]
        if knows:
            adapted = [
                each.test_scores[-1]
                for (_, defence), each in report.adaptive_.items()
                if defence == name
            ]
            row.insert(3, min(adapted, key=np.mean) if adapted else "")
        rows.append(row)
    header = ["estimator", "clean", "worst case", "under"]
    caption = "Worst cases over attacks and budgets"
    if knows:
        header.insert(3, "defence known")
        named = ", ".join(dict.fromkeys(attack for attack, _ in report.adaptive_))
        caption += f"; defence known: crafted for the defence by {named}, {most}"
    return [*tables, Columns(caption, header, rows)]


def to_records(report):
    """Return the scores of all folds as the rows of a table.

    Parameters
    ----------
    report : RobustnessReport
        The fitted report.

    Returns
    -------
    columns : list of str
        The names of the columns.
    records : list of list
        A row for each attack, estimator, budget and fold.
    """
    balanced = report.balanced_curves_
    columns = ["attack", "estimator", "budget", "fold", "train_score", "test_score"]
    columns += [] if balanced is None else ["test_balanced_accuracy"]
    records = []
    for case, curve in (with_adaptive(report) | report.transfer_).items():
        for i, fold in np.ndindex(curve.test_scores.shape):
            scores = [curve.train_scores[i, fold], curve.test_scores[i, fold]]
            if balanced is not None:
                also = balanced.get(case)
                scores.append(np.nan if also is None else also.test_scores[i, fold])
            records.append([*case, curve.budgets[i], fold, *scores])
    return columns, records


def cell_text(cell):
    """Return a cell as text: mean and standard deviation over the folds of scores."""
    if isinstance(cell, str):
        return cell
    if cell.shape[0] == 1:
        return f"{cell[0]:.3f}"
    return f"{cell.mean():.3f} ± {cell.std():.3f}"
