"""Terminal output besides the report: errors, warnings and progress, on stderr."""

import sys
import warnings
from shutil import get_terminal_size
from threading import Event, Thread
from time import monotonic

from skpoison.utils._warnings import warning_kind

SECONDS_BETWEEN_LINES = 60
SECONDS_BETWEEN_UPDATES = 0.1


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


class Progress:
    """How far the report is, and how long it will take, on stderr.

    On a terminal it is a line that is overwritten, ten times a second at most.
    Elsewhere it is a new line every minute, also during a long step: work that takes
    less leaves none. Used as a context manager, it wipes the line of the terminal at
    the end.

    Parameters
    ----------
    clock : callable, default=time.monotonic
        Returns the time in seconds.

    Attributes
    ----------
    case : str
        What is being done.
    """

    def __init__(self, clock=monotonic):
        self.case = ""
        self._clock = clock
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._width = 0
        self._begin = self._last = clock()
        self._line_of = None
        self._text = ""
        self._is_over = Event()

    def __enter__(self):
        if not self._is_terminal and sys.stderr is not None:
            Thread(target=self._repeat, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self._is_over.set()
        self._clear()

    def _repeat(self):
        """Say in a long step that it goes on."""
        while not self._is_over.wait(SECONDS_BETWEEN_LINES):
            now = self._clock()
            if self._text and now - self._last >= SECONDS_BETWEEN_LINES:
                self._last = now
                print_error(f"{self._text}, {_duration(now - self._begin)} so far")

    def __call__(self, n_done, n_steps, attack, estimator):
        """Show how far the report is.

        Parameters
        ----------
        n_done, n_steps : int
            How many steps of the work are done, and how many there are.
        attack : str
            Name of the attack.
        estimator : str or None
            Name of the estimator that is fitted; None while the attack is computed.
        """
        self.case = attack if estimator is None else f"{attack} against {estimator}"
        now = self._clock()
        self._text = text = f"{n_done / n_steps:.0%} done, {self.case}"
        if n_done:
            text += f", {_duration((now - self._begin) * (n_steps / n_done - 1))} left"
        pause = SECONDS_BETWEEN_UPDATES if self._is_terminal else SECONDS_BETWEEN_LINES
        is_due = now - self._last >= pause
        if self._is_terminal and (is_due or self.case != self._line_of):
            self._line_of, self._last = self.case, now
            self._overwrite(text)
        elif not self._is_terminal and is_due and sys.stderr is not None:
            self._last = now
            print_error(text)

    def _overwrite(self, line):
        self._clear()
        # A line that the terminal had to wrap could not be wiped.
        line = line[: get_terminal_size().columns - 1]
        print(line, end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def _clear(self):
        if self._width:
            blank = " " * self._width
            print(f"\r{blank}\r", end="", file=sys.stderr, flush=True)
        self._width = 0


def _duration(seconds):
    """Return a duration as a rough estimate in words."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"about {round(seconds / length)} {unit}"
    return f"about {max(1, round(seconds))} s"


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
