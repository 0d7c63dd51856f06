"""Summary of a robustness report, as text and as HTML."""

from html import escape

import numpy as np


def format_text(curves, *, baseline, score_name):
    """Return the tables of a report and its worst cases as text.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.
    baseline : str
        Name of the undefended estimator.
    score_name : str
        Name of the score.

    Returns
    -------
    text : str
    """
    budgets = next(iter(curves.values())).budgets
    is_share = budgets.dtype.kind == "f"
    lines = [
        f"{score_name}, mean ± standard deviation over the folds, by budget: "
        f"poisoned rows{' / clean training rows (n_p / n)' if is_share else ' (n_p)'}",
        "regained: share of the loss caused by the poison, over all budgets, that a "
        "defence makes up for",
    ]
    rows = []
    for attack, table in _tables(curves, baseline).items():
        rows.append([attack, *(_label(budget) for budget in budgets), "regained"])
        rows += [[f"  {name}", *cells] for name, *cells in table]
    indent = max(len(name) for name, *_ in rows)
    width = max(len(cell) for _, *cells in rows for cell in cells) + 3
    for name, *cells in rows:
        if not name.startswith(" "):
            lines.append("")
        lines.append(
            f"{name:<{indent}}" + "".join(f"{cell:>{width}}" for cell in cells)
        )
    lines = map(str.rstrip, lines)
    return "\n".join([*lines, "", *_worst_cases(curves, baseline, score_name)])


def format_html(curves, *, baseline, score_name):
    """Return the tables of a report and its worst cases as HTML.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.
    baseline : str
        Name of the undefended estimator.
    score_name : str
        Name of the score.

    Returns
    -------
    html : str
    """
    budgets = next(iter(curves.values())).budgets
    unit = "n_p / n" if budgets.dtype.kind == "f" else "n_p"
    header = ["", *(_label(budget) for budget in budgets), "regained"]
    rows = []
    for attack, table in _tables(curves, baseline).items():
        rows += [_html_row([attack, *header[1:]], "th")]
        rows += [_html_row(row, "td") for row in table]
    caption = escape(f"{score_name} by budget ({unit})")
    worst = "".join(
        f"<p>{escape(line)}</p>" for line in _worst_cases(curves, baseline, score_name)
    )
    return f"<table><caption>{caption}</caption>{''.join(rows)}</table>{worst}"


def _html_row(cells, tag):
    name, *cells = map(escape, cells)
    cells = "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _label(budget):
    """Return a budget as text: a share as 10%, a number of rows as 10 rows."""
    if isinstance(budget, np.floating):
        return f"{100 * budget:g}%"
    return f"{budget} row{'' if budget == 1 else 's'}"


def _tables(curves, baseline):
    """Return, for each attack, a row of cells for each estimator."""
    tables = {}
    for (attack, name), curve in curves.items():
        mean, std = curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True)]
        undefended = curves[attack, baseline].test_scores.mean(axis=1)
        regained = "" if name == baseline else _regained(mean, undefended)
        tables.setdefault(attack, []).append([name, *cells, regained])
    return tables


def _regained(mean, undefended):
    """Return the share of the loss caused by the poison that a defence makes up for."""
    lost = (undefended[0] - undefended[1:]).sum()
    if lost <= 0:
        return ""
    share = (mean[1:] - undefended[1:]).sum() / lost
    return f"{round(share, 2) + 0:.0%}"  # + 0 turns a negative zero into a positive one


def _worst_cases(curves, baseline, score_name):
    """Return the worst case, and the defence whose own worst case is the best."""
    worst = {}
    for (attack, name), curve in curves.items():
        mean = curve.test_scores.mean(axis=1)
        budget = curve.budgets[mean.argmin()]
        case = mean.min(), f"{attack} with budget {_label(budget)}", mean[0]
        worst[name] = min(worst.get(name, case), case)
    undefended, case, clean = worst.pop(baseline)
    lines = [
        f"Worst case with {baseline}: {case}: {score_name} {undefended:.3f}, "
        f"{clean - undefended:.3f} below clean data."
    ]
    best = max(worst, key=worst.get, default=None)
    if best is not None and worst[best][0] <= undefended:
        lines.append("No defence has a better worst case.")
    elif best is not None:
        score, case, defended_clean = worst[best]
        lines.append(
            f"Best defence by its own worst case: {best}: {score_name} {score:.3f} "
            f"({case}); on clean data it changes {score_name} by "
            f"{defended_clean - clean:+.3f}."
        )
    return lines
