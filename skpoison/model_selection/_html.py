"""Parts of a page that holds everything it needs: tables, pictures, style, script."""

from dataclasses import dataclass
from html import escape

import numpy as np

# Colours of the palette of Okabe and Ito; those of dark pages are lighter.
STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--page:#fff;--line:#c9c9c9;--soft:#f3f3f3;
--s0:#1b1b1b;--s1:#0072b2;--s2:#b34700;--s3:#00785a;--s4:#a0407a;--s5:#7a5b00;--s6:#2f6f9f;
--s7:#555}
@media (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--page:#161616;--line:#4a4a4a;
--soft:#242424;--s0:#f0f0f0;--s1:#56b4e9;--s2:#ff9a52;--s3:#3fcfa3;--s4:#e79ac6;
--s5:#f0e442;--s6:#9cc9ea;--s7:#b5b5b5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;color:var(--ink);background:var(--page);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2.2rem}
a{color:var(--s1)}
.scroll{overflow-x:auto}.scroll:focus-visible,button:focus-visible{outline:2px solid
var(--s1);outline-offset:2px}
table{border-collapse:collapse;margin:.5rem 0 1rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.3rem 0}
caption span{display:block;position:sticky;left:0;
max-width:calc(min(100vw,70rem) - 3rem)}
td:not(.number){min-width:7rem}
th,td{padding:.3rem .45rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top;overflow-wrap:normal}
td.number,th.number{text-align:right;white-space:nowrap}thead th{background:var(--soft)}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;
text-align:left}
th button::after{content:" \\2195";opacity:.6}
th[aria-sort=ascending] button::after{content:" \\2191";opacity:1}
th[aria-sort=descending] button::after{content:" \\2193";opacity:1}
.pictures{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
figure{margin:0;max-width:34rem}figcaption{font-weight:600}
svg text{font-size:12px;fill:var(--ink)}.grid{stroke:var(--line);fill:none}
.line{fill:none;stroke-width:2}.band{opacity:.14;stroke:none}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
.legend svg{width:1.2em;height:1.2em;vertical-align:-.2em}
pre{white-space:pre-wrap;background:var(--soft);padding:.7rem;border-radius:.3rem}
""" + "".join(
    f".line.s{i}{{stroke:var(--s{i})}}.band.s{i},.mark.s{i}{{fill:var(--s{i})}}"
    for i in range(8)
)

# Rows are put in the order of a column: as numbers where cells have a value.
SCRIPT = """
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), row = head.parentNode;
    const column = [...row.children].indexOf(head);
    const body = head.closest("table").tBodies[0];
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const each of row.children) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const key = (line) => {
      const cell = line.children[column];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
    };
    const compare = (a, b) => typeof a === "number" && typeof b === "number"
      ? a - b : String(a).localeCompare(String(b));
    [...body.rows].sort((a, b) => sign * compare(key(a), key(b)))
      .forEach((line) => body.append(line));
  });
}
"""


@dataclass(frozen=True)
class Number:
    """A cell that holds a number.

    Parameters
    ----------
    text : str
        What is shown.
    value : float
        What decides on the order.
    """

    text: str
    value: float


def make_page(title, *parts):
    """Return a page that holds everything it needs.

    Parameters
    ----------
    title : str
        Its title, as plain text.
    *parts : str
        HTML, of the functions below.

    Returns
    -------
    html : str

    Raises
    ------
    ValueError
        If the title is not a string.
    """
    if not isinstance(title, str):
        raise ValueError(f"`title` must be a string; got {title!r}.")
    title = escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n" + "\n".join(parts) + "\n</main>\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def make_section(heading, *parts):
    """Return a section with a heading; plain text in, and HTML of its parts."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "</section>"


def make_paragraph(text):
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def make_list(lines):
    """Return a list of lines of plain text."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def make_code(text):
    """Return plain text as code."""
    return f"<pre><code>{escape(text)}</code></pre>"


def make_table(caption, header, rows):
    """Return a table whose rows can be put in the order of any column.

    Parameters
    ----------
    caption : str
        What it shows.
    header : sequence of str
        The columns.
    rows : list of sequences of str or Number
        The cells; the first one of a row is its heading.

    Returns
    -------
    html : str
    """
    heads = "".join(
        f'<th scope="col"{_kind(column)}><button type="button">{escape(name)}</button>'
        "</th>"
        for name, column in zip(header, zip(*rows, strict=True), strict=True)
    )
    body = "".join(
        f"<tr>{_cell(row[0], 'th')}{''.join(map(_cell, row[1:]))}</tr>" for row in rows
    )
    # A table that is wider than the page scrolls by itself, by keyboard too.
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" '
        'tabindex="0">'
        f"<table><caption><span>{escape(caption)}</span></caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _kind(column):
    """Return the class of the heading of a column: numbers are below each other."""
    return ' class="number"' if isinstance(column[-1], Number) else ""


def _cell(cell, tag="td"):
    scope = ' scope="row"' if tag == "th" else ""
    if isinstance(cell, Number):
        # What is not a number comes before all numbers; scripts cannot order a NaN.
        number = "-Infinity" if np.isnan(cell.value) else f"{float(cell.value):.10g}"
        value = f' data-value="{number}"'
        kind = ' class="number"' if tag == "td" else ""
        return f"<{tag}{scope}{kind}{value}>{escape(cell.text)}</{tag}>"
    return f"<{tag}{scope}>{escape(str(cell))}</{tag}>"


def make_pictures(pictures, legend):
    """Return pictures side by side, below what their lines mean.

    Parameters
    ----------
    pictures : dict of str to str
        SVG by caption.
    legend : list of (str, str)
        The mark of each line, as SVG around the origin, and its name.

    Returns
    -------
    html : str
    """
    lines = "".join(
        f'<li><svg viewBox="-6 -6 12 12" aria-hidden="true">{mark}</svg> '
        f"{escape(name)}</li>"
        for mark, name in legend
    )
    figures = "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"
        for caption, svg in pictures.items()
    )
    return f'<ul class="legend">{lines}</ul><div class="pictures">{figures}</div>'
