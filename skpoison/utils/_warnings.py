"""Warnings: each one once, and shown at the user's own line.

The filters and the display of warnings belong to the whole process, and
:class:`warnings.catch_warnings` changes them for all of its threads: of two threads
that use it at the same time, the last to leave can put back what the other had set. So
this package never uses it in a process that it shares. What is to happen with the
package's own warnings stands in a context variable, of which each thread has its own.
"""

import re
import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import imblearn
import joblib
import sklearn

# No line in these packages is the one that the user can change.
_PACKAGES = (
    str(Path(__file__).parents[1]),
    *(str(Path(package.__file__).parent) for package in (sklearn, imblearn, joblib)),
)
NUMBER = re.compile(r"\d+(?:\.\d*)?(?:e[-+]?\d+)?", flags=re.IGNORECASE)
# Warnings to be issued later, by category and the line that raised them.
_collected = ContextVar("collected", default=None)
# The categories of warnings that are raised as errors.
_errors = ContextVar("errors", default=())


@contextmanager
def deduplicate_warnings():
    """Let every warning of this package pass once, no matter how often it is raised.

    Two warnings are the same if they come from the same line, whatever numbers they
    name. They are issued at the end. If an error is raised inside, it says enough, and
    they are dropped. Warnings of other packages pass as they are raised.
    """
    with collect_warnings() as collected:
        yield
    outer = _collected.get()
    for place, warning in collected.items():
        if outer is None:
            warnings.warn_explicit(*warning)
        else:
            outer.setdefault(place, warning)


@contextmanager
def collect_warnings():
    """Collect warnings of this package instead of issuing them.

    Yields
    ------
    collected : dict
        The arguments of :func:`warnings.warn_explicit` for the first warning from each
        line, of each category.
    """
    collected = {}
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


@contextmanager
def raise_warnings(category):
    """Raise warnings of this package as errors.

    Parameters
    ----------
    category : type of Warning
        The category.
    """
    token = _errors.set((*_errors.get(), category))
    try:
        yield
    finally:
        _errors.reset(token)


def warning_kind(message, category):
    """Return what two warnings of the same kind share: all but numbers.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning
        The category.

    Returns
    -------
    kind : tuple
    """
    return category, NUMBER.sub("", message)


def warn_user(message, category=UserWarning):
    """Issue a warning that points to the user's code, however deep it is raised.

    The `skip_file_prefixes` of :func:`warnings.warn`, which Python has from 3.12 on:
    frames of this package and of the libraries that call it are skipped.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning, default=UserWarning
        The category.
    """
    if issubclass(category, _errors.get()):
        raise category(message)
    caller = frame = sys._getframe(1)
    stacklevel = 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame, stacklevel = frame.f_back, stacklevel + 1
    collected = _collected.get()
    if collected is None:
        warnings.warn(message, category, stacklevel=stacklevel)
        return
    place = category, caller.f_code.co_filename, caller.f_lineno
    where = frame.f_code.co_filename, frame.f_lineno
    collected.setdefault(place, (message, category, *where))
