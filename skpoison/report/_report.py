"""What does the report say, and where does it write it?"""

import csv
import sys
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.model_selection import StratifiedKFold

from skpoison.model_selection import RobustnessCurveDisplay, robustness_curve
from skpoison.report._choices import assemble, find_attack, find_defence, find_estimator
from skpoison.report._errors import ReportError
from skpoison.utils._optional import import_optional

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
    """

    title: str
    protocol: str
    scoring: str
    curves: dict


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
        Seed of folds, attacks and estimator.

    Returns
    -------
    report : Report
    """
    classes, counts = np.unique(y, return_counts=True)
    if classes.shape[0] < 2:
        raise ReportError(
            f"{data} has rows of one class only, {classes[0]!r}: there is nothing to "
            "learn. Take another --target."
        )
    if counts.min() < cv:
        raise ReportError(
            f"The class {classes[counts.argmin()]!r} has {counts.min()} rows, too few "
            f"for {cv} folds. Drop it, or lower --cv."
        )
    victim = find_estimator(estimator, seed)
    arms = {PLAIN: None} | {name: find_defence(name) for name in defences}
    found = {name: find_attack(name, seed) for name in attacks}
    folds = StratifiedKFold(cv, shuffle=True, random_state=seed)
    curves = {}
    for attack_name, attack in found.items():
        for arm, defence in arms.items():
            pipeline = assemble(victim, defence, is_sparse=sparse.issparse(X))
            n_done, n_all = len(curves), len(found) * len(arms)
            with _Progress(f"[{n_done + 1}/{n_all}] {attack_name} against {arm}"):
                curves[attack_name, arm] = robustness_curve(
                    pipeline,
                    X,
                    y,
                    attack=attack,
                    budgets=budgets,
                    cv=folds,
                    scoring=scoring,
                    n_jobs=n_jobs,
                    error_score="raise",
                )
    pipeline = " -> ".join(
        type(step).__name__
        for _, step in assemble(victim, is_sparse=sparse.issparse(X)).steps
    )
    return Report(
        title=f"{data} ({X.shape[0]} rows, {X.shape[1]} columns, {classes.shape[0]} "
        f"classes, the largest {counts.max() / y.shape[0]:.1%}), {pipeline}",
        protocol=f"{cv}-fold cross-validation, seed {seed}; training rows poisoned, "
        "test rows clean",
        scoring=scoring,
        curves=curves,
    )


class _Progress:
    """A line on the terminal while something runs; nothing where nobody watches."""

    def __init__(self, line):
        self.line = line if sys.stderr.isatty() else ""

    def __enter__(self):
        sys.stderr.write(self.line)
        sys.stderr.flush()

    def __exit__(self, *_):
        blank = " " * len(self.line)
        sys.stderr.write(f"\r{blank}\r" if blank else "")
        sys.stderr.flush()


def format_report(report):
    """Write the report as text.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    text : str
        Tables of means and standard deviations, and the worst case.
    """
    budgets = next(iter(report.curves.values())).budgets
    is_share = budgets.dtype.kind == "f"
    lines = [
        report.title,
        report.protocol,
        f"{report.scoring}, mean ± standard deviation over the folds, by budget: "
        f"poisoned rows{' / clean training rows (n_p / n)' if is_share else ' (n_p)'}",
        "regained: share of what the poison costs, over all budgets, that a defence "
        "makes good",
    ]
    width = max(len(arm) for _, arm in report.curves) + 2
    previous = None
    for (attack, arm), curve in report.curves.items():
        if attack != previous:
            head = "".join(f"{budget:>16g}" for budget in budgets)
            lines += ["", f"{attack:<{width + 2}}{head}{'regained':>12}"]
            previous = attack
        mean, std = curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True)]
        undefended = report.curves[attack, PLAIN].test_scores.mean(axis=1)
        cells_wide = "".join(f"{cell:>16}" for cell in cells)
        lines.append(f"  {arm:<{width}}{cells_wide}{_regained(mean, undefended):>12}")
    return "\n".join([*lines, "", *_worst_case(report)])


def _regained(mean, undefended):
    """Say which share of what the poison costs a defence makes good."""
    lost = (undefended[0] - undefended[1:]).sum()
    if lost <= 0 or np.array_equal(mean, undefended):
        return ""
    return f"{(mean[1:] - undefended[1:]).sum() / lost:.0%}"


def _worst_case(report):
    """Name the worst case, and the defence whose own worst case is best."""
    budgets = next(iter(report.curves.values())).budgets
    worst = {}
    for (attack, arm), curve in report.curves.items():
        mean = curve.test_scores.mean(axis=1)
        case = mean.min(), f"{attack} with budget {budgets[mean.argmin()]:g}", mean[0]
        worst[arm] = min(worst.get(arm, case), case)
    score, case, clean = worst.pop(PLAIN)
    lines = [
        f"Worst case: {case}: {report.scoring} {score:.3f}, {clean - score:.3f} below "
        "clean data."
    ]
    if worst:
        arm = max(worst, key=worst.get)
        score, case, defended_clean = worst[arm]
        lines.append(
            f"Best defence by its own worst case: {arm}: {report.scoring} {score:.3f} "
            f"({case}); on clean data it changes {report.scoring} by "
            f"{defended_clean - clean:+.3f}."
        )
    return lines


def write_csv(report, path):
    """Write the score of every attack, defence, budget and fold as a CSV file.

    Parameters
    ----------
    report : Report
        The report.
    path : path-like
        Where to write.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["attack", "defence", "budget", "fold", "score", "train", "test"]
        )
        for (attack, arm), curve in report.curves.items():
            for i, k in np.ndindex(curve.test_scores.shape):
                scores = curve.train_scores[i, k], curve.test_scores[i, k]
                row = [attack, arm, curve.budgets[i], k, report.scoring]
                writer.writerow([*row, *map("{:.6g}".format, scores)])


def draw(report, path):
    """Draw the robustness curves, an axis for each attack.

    Parameters
    ----------
    report : Report
        The report.
    path : path-like
        Where to write the picture.
    """
    figure = import_optional("matplotlib.figure", extra="plot", user="The picture")
    attacks = list(dict.fromkeys(attack for attack, _ in report.curves))
    fig = figure.Figure(figsize=(1 + 4.5 * len(attacks), 4.2), layout="constrained")
    axes = dict(
        zip(
            attacks,
            fig.subplots(1, len(attacks), sharey=True, squeeze=False)[0],
            strict=True,
        )
    )
    for (attack, arm), curve in report.curves.items():
        RobustnessCurveDisplay(
            **curve, name=arm, score_name=report.scoring.replace("_", " ").capitalize()
        ).plot(axes[attack], line_kw={"color": "black"} if arm == PLAIN else None)
    for attack, ax in axes.items():
        ax.set_title(attack)
        ax.label_outer()
        ax.grid(alpha=0.3)
        if ax is not axes[attacks[0]]:
            ax.get_legend().remove()
    fig.suptitle(report.title, fontsize="small")
    fig.savefig(path, dpi=150)
