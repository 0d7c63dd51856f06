"""Errors of the command: one line for the user."""


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
