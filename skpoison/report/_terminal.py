"""What does the user see beside the report itself?"""

import sys
import warnings
from contextlib import contextmanager
from shutil import get_terminal_size


def say(message):
    """Say something on stderr, in one line whatever is in it.

    Parameters
    ----------
    message : str or Exception
        What to say.
    """
    # Names of files and columns can hold anything, commands to a terminal too.
    text = "".join(c if c.isprintable() else " " for c in str(message))
    print(f"skpoison: {' '.join(text.split())}", file=sys.stderr)


@contextmanager
def progress(line):
    """Show a line on the terminal while something runs; nothing where nobody watches.

    Parameters
    ----------
    line : str
        The line.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    # A line that the terminal had to wrap could not be wiped out again.
    line = line[: get_terminal_size().columns - 1]
    print(line, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)


def recorded(function, *args, **kwargs):
    """Call a function and keep the warnings back that it gives.

    Parameters
    ----------
    function : callable
        The function.
    *args, **kwargs
        Passed on to it.

    Returns
    -------
    result : object
        What it returns.
    told : dict of (str, int) to str
        For each place in a source file that warned its first warning. There may be a
        hundred of them, one for each fit, in other processes too.
    """
    with warnings.catch_warnings(record=True) as caught:
        result = function(*args, **kwargs)
    told = {}
    for each in caught:
        text = f"{each.category.__name__}: {each.message}"
        told.setdefault((each.filename, each.lineno), text)
    return result, told
