"""The report as a text, a table and a picture."""

import csv
from io import BytesIO, StringIO
from textwrap import fill

from skpoison.model_selection._html import (
    Number,
    make_code,
    make_list,
    make_page,
    make_paragraph,
    make_section,
    make_table,
)
from skpoison.model_selection._page import report_parts
from skpoison.model_selection._report_columns import to_records
from skpoison.utils._optional import import_optional

ROWS_OF_YOURS = "Rows of your own data that contradict the others most"


def format_report(named_report):
    """Return the report as text.

    Parameters
    ----------
    named_report : NamedReport
        The report.

    Returns
    -------
    text : str
        Tables of means and standard deviations, and the worst case.
    """
    return "\n".join(
        [
            named_report.title,
            *named_report.protocol,
            named_report.report.summary(),
            *_format_rows(named_report.rows),
        ]
    )


def _format_rows(rows, most=5):
    """Return the first of the rows that contradict the others."""
    if not rows:
        return []
    return [
        "",
        f"{ROWS_OF_YOURS}, counted from 0:",
        *(f"  row {i}: {reason}" for i, _, reason in rows[:most]),
    ]


def to_page(named_report, recipe):
    """Return the report as a page that holds everything it needs.

    Parameters
    ----------
    named_report : NamedReport
        The report.
    recipe : list of str
        How it can be made again.

    Returns
    -------
    content : bytes
    """
    report = named_report.report
    described, *parts = report_parts(report)
    rows = [
        [Number(str(i), i), Number(f"{value:.3f}", value), reason]
        for i, value, reason in named_report.rows
    ]
    if rows:
        parts.append(
            make_section(
                ROWS_OF_YOURS,
                make_paragraph(
                    "Poison is among such rows, and so are mistakes and rare but "
                    "correct rows: look at them before you delete any. Rows are "
                    "counted from 0."
                ),
                make_table(
                    "Rows by how much they contradict the others",
                    ["Row", "Contradiction", "Reason"],
                    rows,
                ),
            )
        )
    measured = [*named_report.protocol, *named_report.warnings_seen]
    page = make_page(
        "Robustness report",
        make_paragraph(named_report.title),
        described,
        *parts,
        make_section("How it was measured", make_list(measured)),
        make_section("How to make it again", make_code("\n".join(recipe))),
    )
    return page.encode()


def to_csv(named_report):
    """Return the score of every attack, defence, budget and fold as CSV.

    Parameters
    ----------
    named_report : NamedReport
        The report.

    Returns
    -------
    content : bytes
    """
    report = named_report.report
    file = StringIO(newline="")
    writer = csv.writer(file)
    header = "attack", "defence", "budget", "fold", "score", "train", "test"
    columns, records = to_records(report)
    writer.writerow([*header, *columns[6:], "crafted_for"])
    for attack, name, budget, fold, *scores in records:
        known = report.crafted_for_.get(attack, name)
        row = [attack, name, budget, fold, report.score_name_, *scores]
        writer.writerow([*row, known])
    return file.getvalue().encode()


def draw(named_report):
    """Draw the robustness curves, one axis for each attack.

    Parameters
    ----------
    named_report : NamedReport
        The report.

    Returns
    -------
    figure : matplotlib Figure
    """
    # Not by pyplot: no window is opened, whatever the backend.
    module = import_optional("matplotlib.figure", extra="plot", user="The picture")
    n_attacks = len({attack for attack, _ in named_report.report.curves_})
    figure = module.Figure(figsize=(1 + 4.5 * n_attacks, 4.2), layout="constrained")
    named_report.report.plot(figure=figure)
    title = fill(named_report.title, 80 * n_attacks, break_long_words=False)
    # File names can have dollars in them.
    figure.suptitle(title, fontsize="small", parse_math=False)
    return figure


def to_png(named_report):
    """Draw the report as a picture in PNG.

    Parameters
    ----------
    named_report : NamedReport
        The report.

    Returns
    -------
    content : bytes
    """
    file = BytesIO()
    draw(named_report).savefig(file, format="png", dpi=150)
    return file.getvalue()
