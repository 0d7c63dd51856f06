"""A robustness report as a page: conclusions, scores, curves and threat models."""

import numpy as np

from skpoison.model_selection._html import (
    Number,
    make_list,
    make_pictures,
    make_section,
    make_table,
)
from skpoison.model_selection._imbalance import describe_defences
from skpoison.model_selection._report_columns import (
    cell_text,
    describe_columns,
    with_adaptive,
)
from skpoison.model_selection._summary import (
    DASH,
    conclusions,
    describe_budget,
    regained,
    sections_of,
    worst_cases,
)
from skpoison.model_selection._svg import draw_curves, marker
from skpoison.model_selection._threat_model import TAXONOMIES


def report_parts(report):
    """Return the sections of the page of a fitted report.

    Parameters
    ----------
    report : RobustnessReport
        The report.

    Returns
    -------
    parts : list of str
        HTML.
    """
    sections = sections_of(report.curves_, report.score_name_, report.balanced_curves_)
    found = []
    for score_name, curves in sections.items():
        known = with_adaptive(report) if score_name == report.score_name_ else curves
        found += conclusions(known, report.baseline_, score_name)
    found += describe_defences(report.overruled_, report.sampled_)
    parts = [make_section("What was found", make_list(dict.fromkeys(found)))]
    for score_name, curves in sections.items():
        parts.append(
            make_section(
                f"Robustness, by {score_name}",
                _cases(curves, report, score_name),
                _pictures(curves, report, score_name),
                _scores(curves, report, score_name),
            )
        )
    # The last one of the further tables, of worst cases, is above already.
    others = [_further(each) for each in describe_columns(report)[:-1]]
    if others:
        parts.append(make_section("Other victims", *others))
    return [*parts, _threats(report), _seconds(report)]


def _further(table):
    """Return a further table of the report."""
    rows = [
        [
            cell if isinstance(cell, str) else Number(cell_text(cell), cell.mean())
            for cell in row
        ]
        for row in table.rows
    ]
    first, second, *attacks = table.header
    header = [first.capitalize(), second.capitalize(), *attacks]
    return make_table(table.caption, header, rows)


def _cases(curves, report, score_name):
    """Return a table of the estimators: their scores on clean data and at worst."""
    is_all = score_name == report.score_name_
    adaptive = report.adaptive_ if is_all else {}
    rows, worst = [], worst_cases(with_adaptive(report) if is_all else curves)
    names = list(worst)
    first = next(attack for attack, _ in curves)
    plain = curves[first, report.baseline_].test_scores[0].mean()
    for name in names:
        clean = curves[first, name].test_scores[0].mean()
        score, case = worst[name]
        rows.append(
            [
                name,
                Number(f"{clean:.3f}", clean),
                Number(f"{plain - clean:+.3f}", plain - clean),
                Number(f"{score:.3f}", score),
                case,
            ]
        )
        if adaptive:
            rows[-1].append(_known(adaptive, name))
    header = ["Estimator", "On clean data", "Its cost there", "At worst", "Under"]
    caption = f"{score_name}: what each estimator costs, and what it withstands"
    if adaptive:
        header.append("Defence known")
        named = ", ".join(dict.fromkeys(attack for attack, _ in adaptive))
        budget = describe_budget(next(iter(curves.values())).budgets[-1])
        caption += f"; defence known: {named}, crafted for the defence, {budget}"
    return make_table(caption, header, rows)


def _known(adaptive, name):
    """Return the worst score of a defence under attackers who know it, as a cell."""
    scores = [
        curve.test_scores[-1].mean()
        for (_, defence), curve in adaptive.items()
        if defence == name
    ]
    if not scores:
        return Number(DASH, np.nan)
    return Number(f"{min(scores):.3f}", min(scores))


def _pictures(curves, report, score_name):
    names = list(dict.fromkeys(name for _, name in curves))
    pictures = {}
    for attack in dict.fromkeys(attack for attack, _ in curves):
        of_attack = {name: curves[attack, name] for name in names}
        note = report.crafted_for_[attack]
        pictures[f"{attack}, crafted for {note}" if note else attack] = draw_curves(
            of_attack,
            title=f"{score_name} by the budget of {attack}, one line for each "
            "estimator; the table below holds the numbers",
            score_name=score_name,
        )
    legend = [(marker(i, 0, 0), name) for i, name in enumerate(names)]
    return make_pictures(pictures, legend)


def _scores(curves, report, score_name):
    """Return a table of all scores, which are means over the folds."""
    budgets = next(iter(curves.values())).budgets
    rows = []
    for (attack, name), curve in curves.items():
        mean, std = curve.test_scores.mean(axis=1), curve.test_scores.std(axis=1)
        cells = [
            Number(f"{m:.3f} ± {s:.3f}", m) for m, s in zip(mean, std, strict=True)
        ]
        undefended = curves[attack, report.baseline_].test_scores
        share = Number("", np.nan)
        if name != report.baseline_:
            share = _share(regained(curve.test_scores, undefended))
        rows.append([attack, name, *cells, share])
    unit = "n_p / n" if budgets.dtype.kind == "f" else "n_p"
    caption = (
        f"{score_name} by budget ({unit}), mean ± standard deviation over the folds; "
        "regained: the share of the loss that a defence makes up for, "
        f"{DASH} if the loss is no more than its standard deviation"
    )
    header = ["Attack", "Estimator", *map(describe_budget, budgets), "Regained"]
    return make_table(caption, header, rows)


def _share(text):
    """Return a share as a cell: those beyond the last number that is written, last."""
    if text == DASH:
        return Number(text, np.nan)
    beyond = {">": 0.01, "<": -0.01}.get(text[0], 0.0)
    return Number(text, float(text.strip("<>% ")) / 100 + beyond)


def _threats(report):
    threats = report._threats
    header = ["Attack", *next(iter(threats.values()))]
    rows = [[name, *threat.values()] for name, threat in threats.items()]
    links = ", ".join(f'<a href="{url}">{name}</a>' for name, url in TAXONOMIES.items())
    return make_section(
        "Threat model",
        "<p>Test rows are never poisoned, nor shown to an attack; no defence is told "
        f"which rows are poisoned. Terms are those of {links}.</p>",
        make_table("What each attacker knows, can do and wants", header, rows),
    )


def _seconds(report):
    rows = [
        [
            attack,
            "crafting" if name is None else name,
            Number(f"{seconds:.2f}", seconds),
        ]
        for (attack, name), seconds in report.seconds_.items()
    ]
    caption = "Seconds of computation, all jobs together"
    return make_section(
        "Time",
        make_table(caption, ["Attack", "Crafting, or estimator", "Seconds"], rows),
    )
