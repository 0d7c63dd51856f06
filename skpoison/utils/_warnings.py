"""Warnings: each one once, and shown at the user's own line."""

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import imblearn
import joblib
import sklearn

# No line in these packages is the one that the user can change.
_PACKAGES = (
    str(Path(__file__).parents[1]),
    *(str(Path(package.__file__).parent) for package in (sklearn, imblearn, joblib)),
)


@contextmanager
def deduplicate_warnings():
    """Let every warning pass once, no matter how often it is raised.

    Two warnings are the same if they come from the same line, whatever numbers they
    name. If an error is raised inside, it says enough, and the warnings are dropped.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    seen = set()
    for each in caught:
        place = each.category, each.filename, each.lineno
        if place not in seen:
            seen.add(place)
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno
            )


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
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)
