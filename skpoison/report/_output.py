"""How is a report read: as a text, a table and a picture?"""

import csv
from io import BytesIO, StringIO
from textwrap import fill

import numpy as np

from skpoison.model_selection import RobustnessCurveDisplay
from skpoison.report._report import PLAIN
from skpoison.utils._optional import import_optional


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
    rows = []
    for (attack, arm), curve in report.curves.items():
        mean, std = curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1)
        if arm == PLAIN:
            rows.append([attack, *(f"{budget:g}" for budget in budgets), "regained"])
            undefended = mean
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True)]
        regained = "" if arm == PLAIN else _regained(mean, undefended)
        rows.append([f"  {arm}", *cells, regained])
    indent = max(len(name) for name, *_ in rows)
    width = max(len(cell) for _, *cells in rows for cell in cells) + 3
    for name, *cells in rows:
        if not name.startswith(" "):
            lines.append("")
        lines.append(
            f"{name:<{indent}}" + "".join(f"{cell:>{width}}" for cell in cells)
        )
    return "\n".join([*map(str.rstrip, lines), "", *_worst_case(report)])


def _regained(mean, undefended):
    """Say which share of what the poison costs a defence makes good."""
    lost = (undefended[0] - undefended[1:]).sum()
    if lost <= 0:
        return ""
    share = (mean[1:] - undefended[1:]).sum() / lost
    return f"{round(share, 2) + 0:.0%}"  # + 0 makes a positive zero


def _worst_case(report):
    """Name the worst case, and the defence whose own worst case is best."""
    budgets = next(iter(report.curves.values())).budgets
    worst = {}
    for (attack, arm), curve in report.curves.items():
        mean = curve.test_scores.mean(axis=1)
        case = mean.min(), f"{attack} with budget {budgets[mean.argmin()]:g}", mean[0]
        worst[arm] = min(worst.get(arm, case), case)
    undefended, case, clean = worst.pop(PLAIN)
    lines = [
        f"Worst case without defence: {case}: {report.scoring} {undefended:.3f}, "
        f"{clean - undefended:.3f} below clean data."
    ]
    arm = max(worst, key=worst.get, default=None)
    if arm is not None and worst[arm][0] <= undefended:
        lines.append("No defence here has a better worst case.")
    elif arm is not None:
        score, case, defended_clean = worst[arm]
        lines.append(
            f"Best defence by its own worst case: {arm}: {report.scoring} {score:.3f} "
            f"({case}); on clean data it changes {report.scoring} by "
            f"{defended_clean - clean:+.3f}."
        )
    return lines


def to_csv(report):
    """Write the score of every attack, defence, budget and fold as CSV.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    content : bytes
    """
    file = StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["attack", "defence", "budget", "fold", "score", "train", "test"])
    for (attack, arm), curve in report.curves.items():
        for i, k in np.ndindex(curve.test_scores.shape):
            scores = curve.train_scores[i, k], curve.test_scores[i, k]
            writer.writerow([attack, arm, curve.budgets[i], k, report.scoring, *scores])
    return file.getvalue().encode()


def draw(report):
    """Draw the robustness curves, an axis for each attack.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    figure : matplotlib Figure
    """
    figure = import_optional("matplotlib.figure", extra="plot", user="The picture")
    attacks = list(dict.fromkeys(attack for attack, _ in report.curves))
    fig = figure.Figure(figsize=(1 + 4.5 * len(attacks), 4.2), layout="constrained")
    axes = fig.subplots(1, len(attacks), sharey=True, squeeze=False)[0]
    axes = dict(zip(attacks, axes, strict=True))
    score_name = report.scoring.replace("_", " ").capitalize()
    for (attack, arm), curve in report.curves.items():
        RobustnessCurveDisplay(**curve, name=arm, score_name=score_name).plot(
            axes[attack], line_kw={"color": "black"} if arm == PLAIN else None
        )
    for attack, ax in axes.items():
        ax.set_title(attack)
        ax.label_outer()
        ax.grid(alpha=0.3)
        if ax is not axes[attacks[0]]:
            ax.get_legend().remove()
    title = fill(report.title, 80 * len(attacks), break_long_words=False)
    # File names can have dollars in them.
    fig.suptitle(title, fontsize="small", parse_math=False)
    return fig


def to_png(report):
    """Draw the report as a picture in PNG.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    content : bytes
    """
    file = BytesIO()
    draw(report).savefig(file, format="png", dpi=150)
    return file.getvalue()
