"""Robustness curves as SVG, for pages that have no other picture."""

from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 12, 46
N_STYLES = 8  # of the style sheet in _html
MARKERS = "circle", "square", "triangle", "diamond"


def draw_curves(curves, *, title, score_name):
    """Draw the curves of several estimators under one attack.

    Parameters
    ----------
    curves : dict of str to Bunch
        What `robustness_curve` returns, by the name of the estimator.
    title : str
        What is drawn, for those who cannot see it.
    score_name : str
        Name of the score.

    Returns
    -------
    svg : str
        A picture without colours of its own: those are in the style sheet of the page.
    """
    budgets = next(iter(curves.values())).budgets
    is_share = budgets.dtype.kind == "f"
    x = budgets * 100 if is_share else budgets
    means = {name: each.test_scores.mean(axis=1) for name, each in curves.items()}
    stds = {name: each.test_scores.std(axis=1) for name, each in curves.items()}
    ends = np.array(
        [means[name] + sign * stds[name] for name in curves for sign in (-1, 1)]
    )
    ends = ends[np.isfinite(ends)]
    ticks = _ticks(ends.min(), ends.max()) if ends.size else np.array([0.0, 1.0])
    low, high = (ends.min(), ends.max()) if ends.size else (0.0, 1.0)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def place(a, b):
        across = LEFT + (WIDTH - LEFT - RIGHT) * (a - x[0]) / max(np.ptp(x), 1e-300)
        up = (HEIGHT - TOP - BOTTOM) * (b - low) / max(high - low, 1e-300)
        return round(float(across), 1), round(float(HEIGHT - BOTTOM - up), 1)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
    ]
    for tick in ticks:
        _, y = place(x[0], tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end"))
    for each in x:
        a, _ = place(each, low)
        label = f"{each:g}%" if is_share else f"{each:g}"
        parts.append(_text(a, HEIGHT - BOTTOM + 18, label, "middle"))
    unit = "poison / clean training rows (n_p / n)" if is_share else "poison rows (n_p)"
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, unit, "middle"))
    parts.append(
        f'<text transform="translate(12 {(HEIGHT - BOTTOM) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(score_name)}</text>'
    )
    for i, name in enumerate(curves):
        mean, std, style = means[name], stds[name], f"s{i % N_STYLES}"
        # A line ends where a score is not a number, and begins anew behind it.
        for run in np.ma.clump_unmasked(np.ma.masked_invalid(mean + std)):
            at, middle, width = x[run], mean[run], std[run]
            upper = [place(*each) for each in zip(at, middle + width, strict=True)]
            lower = [place(*each) for each in zip(at, middle - width, strict=True)]
            points = [place(*each) for each in zip(at, middle, strict=True)]
            band = _path([*upper, *lower[::-1]])
            parts.append(f'<path class="band {style}" d="{band}Z"/>')
            parts.append(f'<path class="line {style}" d="{_path(points)}"/>')
            parts += [marker(i, *point) for point in points]
    return "".join([*parts, "</svg>"])


def marker(i, x, y, size=4):
    """Return the mark of the i-th curve, which tells it from others without colour.

    Parameters
    ----------
    i : int
        Position of the curve.
    x, y : float
        Where it stands.
    size : float, default=4
        Half its width.

    Returns
    -------
    svg : str
    """
    # When the colours begin anew, the shapes are those of other colours.
    shape, s = MARKERS[(i + i // N_STYLES) % len(MARKERS)], size
    corners = {
        "square": f"M{x - s} {y - s}h{2 * s}v{2 * s}h{-2 * s}Z",
        "triangle": f"M{x} {y - s}l{s} {2 * s}h{-2 * s}Z",
        "diamond": f"M{x} {y - s}l{s} {s}l{-s} {s}l{-s} {-s}Z",
    }
    style = f'class="mark s{i % N_STYLES}"'
    if shape == "circle":
        return f'<circle {style} cx="{x}" cy="{y}" r="{s}"/>'
    return f'<path {style} d="{corners[shape]}"/>'


def _path(points):
    return "M" + "L".join(f"{a} {b}" for a, b in points)


def _text(x, y, words, anchor):
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _ticks(low, high):
    """Return round numbers that cover a range: steps of 1, 2 or 5 times a power."""
    span = high - low if high > low else max(abs(high), 1.0)
    power = 10.0 ** np.floor(np.log10(span / 4))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span / 5)
    first, last = np.floor(low / step), np.ceil(high / step)
    return np.round(np.arange(first, last + 1) * step, 12)
