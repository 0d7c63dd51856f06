"""Summary of a robustness report, as text and as HTML."""

from html import escape

import numpy as np

from skpoison.model_selection._imbalance import BALANCED

DASH = "\N{EN DASH}"
DASH_LEGEND = (
    f"{DASH}: the poison costs no more than its standard deviation over the folds"
)


def format_text(
    curves,
    *,
    baseline,
    score_name,
    crafted_for,
    balanced_curves=None,
    all_curves=None,
    columns=(),
    notes=(),
):
    """Return the tables of a report and its conclusions as text.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.
    baseline : str
        Name of the undefended estimator.
    score_name : str
        Name of the score.
    crafted_for : dict of str to str
        For each attack the estimator that its poison is crafted for, if that is not the
        baseline.
    balanced_curves : dict of (str, str) to Bunch, default=None
        The curves of the balanced accuracy, if it is shown beside the score.
    all_curves : dict of (str, str) to Bunch, default=None
        The curves with those of attackers who know the defence, on which conclusions
        are drawn. None: there are no more.
    columns : list of Columns, default=()
        Further tables.
    notes : sequence of str, default=()
        Further lines.

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
    sections = sections_of(curves, score_name, balanced_curves)
    tables = {name: _tables(each, baseline) for name, each in sections.items()}
    if any(map(_has_dashes, tables.values())):
        lines.append(DASH_LEGEND)
    for name, each in tables.items():
        if len(tables) > 1:
            lines += ["", name]
        lines += _text_tables(each, budgets, crafted_for)
    for table in columns:
        lines += ["", table.caption, *_align([table.header, *table.texts()])]
    lines.append("")
    for name, each in sections.items():
        known = all_curves if name == score_name else None
        lines += conclusions(known or each, baseline, name)
    return "\n".join([*lines, *notes])


def sections_of(curves, score_name, balanced_curves):
    """Return the curves by the name of the score."""
    beside = {} if balanced_curves is None else {BALANCED: balanced_curves}
    return {score_name: curves, **beside}


def _align(rows):
    """Return the lines of a table, its columns below each other."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  "
        + "   ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _text_tables(tables, budgets, crafted_for):
    """Return the lines of the tables of one score."""
    rows = []
    for attack, table in tables.items():
        rows.append(
            [attack, *(describe_budget(budget) for budget in budgets), "regained"]
        )
        if crafted_for[attack]:
            rows.append([f"  crafted for {crafted_for[attack]}"])
        rows += [[f"  {name}", *cells] for name, *cells in table]
    indent = max(len(name) for name, *cells in rows if cells)
    width = max(len(cell) for _, *cells in rows for cell in cells) + 3
    lines = []
    for name, *cells in rows:
        if not name.startswith(" "):
            lines.append("")
        line = f"{name:<{indent}}" + "".join(f"{cell:>{width}}" for cell in cells)
        lines.append(line.rstrip())
    return lines


def format_html(
    curves,
    *,
    baseline,
    score_name,
    crafted_for,
    balanced_curves=None,
    all_curves=None,
    columns=(),
    notes=(),
):
    """Return the tables of a report and its conclusions as HTML.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.
    baseline : str
        Name of the undefended estimator.
    score_name : str
        Name of the score.
    crafted_for : dict of str to str
        For each attack the estimator that its poison is crafted for, if that is not the
        baseline.
    balanced_curves : dict of (str, str) to Bunch, default=None
        The curves of the balanced accuracy, if it is shown beside the score.
    all_curves : dict of (str, str) to Bunch, default=None
        The curves with those of attackers who know the defence, on which conclusions
        are drawn. None: there are no more.
    columns : list of Columns, default=()
        Further tables.
    notes : sequence of str, default=()
        Further lines.

    Returns
    -------
    html : str
    """
    budgets = next(iter(curves.values())).budgets
    unit = "n_p / n" if budgets.dtype.kind == "f" else "n_p"
    header = [*(describe_budget(budget) for budget in budgets), "regained"]
    html, found = [], []
    for score, each in sections_of(curves, score_name, balanced_curves).items():
        tables, rows = _tables(each, baseline), []
        for attack, table in tables.items():
            note = crafted_for[attack] and f", crafted for {crafted_for[attack]}"
            rows += [_html_row([attack + note, *header], "th")]
            rows += [_html_row(row, "td") for row in table]
        caption = escape(f"{score} by budget ({unit})")
        html.append(f"<table><caption>{caption}</caption>{''.join(rows)}</table>")
        found += [DASH_LEGEND] if _has_dashes(tables) else []
        known = all_curves if score == score_name else None
        found += conclusions(known or each, baseline, score)
    for table in columns:
        rows = [_html_row(table.header, "th")]
        rows += [_html_row(row, "td") for row in table.texts()]
        caption = escape(table.caption)
        html.append(f"<table><caption>{caption}</caption>{''.join(rows)}</table>")
    lines = [*dict.fromkeys(found), *notes]
    html += [f"<p>{escape(line)}</p>" for line in lines]
    return "".join(html)


def _html_row(cells, tag):
    name, *cells = map(escape, cells)
    cells = "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def describe_budget(budget):
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
        undefended = curves[attack, baseline].test_scores
        share = ""
        if name != baseline:
            share = regained(curve.test_scores, undefended)
        tables.setdefault(attack, []).append([name, *cells, share])
    return tables


def _has_dashes(tables):
    return any(row[-1] == DASH for table in tables.values() for row in table)


def _is_within_noise(differences):
    """Return whether a mean over the folds is no more than its standard error.

    The differences are those of the same folds, so what all scores of a fold have in
    common is not noise. A single fold has no standard error: every difference counts.
    """
    n_folds = differences.shape[0]
    error = differences.std(ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0.0
    return not differences.mean() > error


def regained(defended, undefended):
    """Return the share of the loss caused by the poison that a defence makes up for.

    Parameters
    ----------
    defended, undefended : ndarray of shape (n_budgets, n_folds)
        Scores with and without the defence, the first row those on clean data.

    Returns
    -------
    cell : str
        The share, or a dash if the loss is no more than its standard deviation over the
        folds: the share of nearly nothing can be any number. Beyond -100% and 200% the
        number itself says nothing more. "nan" if scores are missing.
    """
    if np.isnan(defended).any() or np.isnan(undefended).any():
        return "nan"
    losses = (undefended[0] - undefended[1:]).sum(axis=0)
    if not losses.mean() > (losses.std(ddof=1) if losses.shape[0] > 1 else 0.0):
        return DASH
    share = round((defended[1:] - undefended[1:]).sum() / losses.sum(), 2)
    if not -1 <= share <= 2:
        return "> 200%" if share > 0 else "< -100%"
    return f"{share + 0:.0%}"  # + 0 turns a negative zero into a positive one


def _cases(curves, name):
    """Return the cases of an estimator: budget of an attack, and scores of the folds.

    Returns
    -------
    cases : list of (float, str, ndarray, ndarray)
        Mean score, attack and budget in words, the scores of the folds, and those on
        clean data.
    """
    return [
        (
            scores.mean(),
            f"{attack} with budget {describe_budget(budget)}"
            if budget
            else "clean data",
            scores,
            curve.test_scores[0],
        )
        for (attack, each), curve in curves.items()
        if each == name
        for budget, scores in zip(curve.budgets, curve.test_scores, strict=True)
    ]


def worst_cases(curves):
    """Return the worst mean score of each estimator, over attacks and budgets.

    Parameters
    ----------
    curves : dict of (str, str) to Bunch
        What `robustness_curve` returns for each attack and estimator.

    Returns
    -------
    worst : dict of str to (float, str)
        The score, and the attack with its budget in words.
    """
    names = dict.fromkeys(name for _, name in curves)
    return {
        name: min(_cases(curves, name), key=lambda case: case[0])[:2] for name in names
    }


def conclusions(curves, baseline, score_name):
    """Return the worst case, and the defence whose own worst case is the best.

    What is within noise is not called harm, nor a better defence. Where scores are
    missing nothing is concluded.
    """
    missing = [
        f"{name} under {attack}"
        for (attack, name), curve in curves.items()
        if np.isnan(curve.test_scores).any()
    ]
    if missing:
        return [
            f"No conclusion on {score_name}: scores are missing (nan) of "
            f"{', '.join(missing)}. The scorer gave nan there, as on a fold without "
            "the rows that it looks at."
        ]
    harm = [
        case
        for case in _cases(curves, baseline)
        if not _is_within_noise(case[3] - case[2])
    ]
    if not harm:
        return [
            f"No attack here did harm: with {baseline}, no loss of {score_name} "
            "exceeds its standard error over the folds."
        ]
    undefended, case, scores, clean = min(harm, key=lambda case: case[0])
    lines = [
        f"Worst case with {baseline}: {case}: {score_name} {undefended:.3f}, "
        f"{clean.mean() - undefended:.3f} below clean data."
    ]
    names = dict.fromkeys(name for _, name in curves if name != baseline)
    worst = {
        name: min(_cases(curves, name), key=lambda case: case[0]) for name in names
    }
    better = [
        name for name, case in worst.items() if not _is_within_noise(case[2] - scores)
    ]
    if not better:
        return lines + bool(worst) * [
            "No defence has a worst case that is better by more than the standard "
            "error over the folds."
        ]
    best = max(better, key=lambda name: worst[name][0])
    equals = [
        name for name in worst if _is_within_noise(worst[best][2] - worst[name][2])
    ]
    if len(equals) > 1:  # The best is its own equal.
        *first, last = (f"{name} ({worst[name][0]:.3f})" for name in equals)
        lines.append(
            f"No single best defence: the worst cases of {', '.join(first)} and {last} "
            "differ by no more than the standard error over the folds."
        )
        return lines
    score, case, _, defended_clean = worst[best]
    lines.append(
        f"Best defence by its own worst case: {best}: {score_name} {score:.3f} "
        f"({case}); on clean data it changes {score_name} by "
        f"{defended_clean.mean() - clean.mean():+.3f}."
    )
    return lines
