"""List of what the command knows by name, with one line on each."""

from functools import partial
from inspect import getdoc, isclass
from textwrap import fill

from skpoison.cli._data import FETCHED, LOADERS
from skpoison.cli._tasks import ATTACKS, DEFENCES, ESTIMATORS, REGRESSION


def format_list():
    """Return attacks, defences, estimators and data sets, with one line on each.

    Returns
    -------
    text : str
    """
    sections = {
        "--attack": {
            name: _first_line(each) + _also(name, REGRESSION.attacks)
            for name, each in ATTACKS.items()
        },
        "--defence": {
            name: _first_line(each) + _also(name, REGRESSION.defences)
            for name, each in DEFENCES.items()
        },
        "--estimator, --surrogate, --transfer": {
            name: f"{type(each).__name__} of scikit-learn."
            for name, each in ESTIMATORS.items()
        },
        "--data": {
            name: "Downloaded." if name in FETCHED else "Comes with scikit-learn."
            for name in LOADERS
        },
    }
    lines = []
    for option, described in sections.items():
        lines += [option, *(_entry(*each) for each in described.items()), ""]
    return "\n".join(lines[:-1])


def _also(name, for_regression):
    """Return a remark on what is for regression, too."""
    return " For regression, too." if name in for_regression else ""


def _first_line(found):
    """Return the first line of a docstring, and what differs from the class."""
    keywords = {}
    if isinstance(found, partial):
        found, keywords = found.func, found.keywords
    text = (getdoc(found) or "").partition("\n")[0]
    name = found.__name__ if isclass(found) else type(found).__name__
    values = ", ".join(f"{key}={value!r}" for key, value in keywords.items())
    return f"{text} {name}({values})"


def _entry(name, text):
    return fill(
        text,
        width=88,
        initial_indent=f"  {name:<22} ",
        subsequent_indent=" " * 25,
        break_long_words=False,
    )
