"""Terminal output besides the report: errors, warnings and progress, on stderr."""

import sys
import warnings
from shutil import get_terminal_size

from skpoison.utils._warnings import warning_kind


def print_error(message):
    """Print a message on stderr, in one line whatever is in it.

    Parameters
    ----------
    message : str or Exception
        The message.
    """
    # File and column names can hold anything, including commands to a terminal.
    text = "".join(c if c.isprintable() else " " for c in str(message))
    print(f"skpoison: {' '.join(text.split())}", file=sys.stderr)


class ProgressLine:
    """A line on the terminal that is overwritten as the work goes on.

    Nothing is shown if stderr is not a terminal. Used as a context manager, it wipes
    the line at the end.
    """

    def __init__(self):
        self._is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._width = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.clear()

    def show(self, line):
        """Show a line instead of the previous one.

        Parameters
        ----------
        line : str
            The line.
        """
        self.clear()
        if not self._is_shown:
            return
        # A line that the terminal had to wrap could not be wiped.
        line = line[: get_terminal_size().columns - 1]
        print(line, end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def clear(self):
        """Wipe the line."""
        if self._width:
            blank = " " * self._width
            print(f"\r{blank}\r", end="", file=sys.stderr, flush=True)
        self._width = 0


def capture_warnings(function, *args, **kwargs):
    """Call a function and return its warnings beside its result.

    Parameters
    ----------
    function : callable
        The function.
    *args, **kwargs
        Passed to it.

    Returns
    -------
    result : object
        What it returns.
    warnings_seen : list of str
        Category and text of each warning, the first of each kind.
    """
    with warnings.catch_warnings(record=True) as caught:
        result = function(*args, **kwargs)
    texts = {}
    for each in caught:
        kind = warning_kind(str(each.message), each.category)
        texts.setdefault(kind, f"{each.category.__name__}: {each.message}")
    return result, list(texts.values())
