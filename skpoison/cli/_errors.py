"""Errors of the command: one line for the user."""

from difflib import get_close_matches


class CommandError(Exception):
    """What is wrong and what to do about it, in one line for the user."""


def reason(error):
    """Return why something failed, in words for the middle of a sentence.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    reason : str
        Its message, preceded by its type if the message alone says little.
    """
    message = str(error).strip().rstrip(".")
    if message and isinstance(error, ImportError | OSError | TypeError | ValueError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def listed(names, most=8):
    """Return the first of many names, as words for a sentence.

    Parameters
    ----------
    names : iterable of object
        The names.
    most : int, default=8
        How many of them are written.

    Returns
    -------
    text : str
    """
    names = [name if len(name) <= 40 else f"{name[:40]}..." for name in map(str, names)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def near_misses(name, names):
    """Return a question that names what somebody may have meant.

    Parameters
    ----------
    name : str
        What they wrote.
    names : iterable of str
        What there is.

    Returns
    -------
    question : str
        Such as " Did you mean 'forest'?"; empty if nothing is similar.
    """
    by_folded = {_folded(each): each for each in names}
    # Of logistic_regression, logistic is the beginning.
    near = [each for each in by_folded if _folded(name).startswith(f"{each}_")]
    near = near or get_close_matches(_folded(name), by_folded, n=2, cutoff=0.55)
    if not near:
        return ""
    return f" Did you mean {' or '.join(repr(by_folded[each]) for each in near)}?"


def _folded(name):
    return name.casefold().replace("-", "_").replace(" ", "_")
