"""What is wrong with what the user asked for?"""


class ReportError(Exception):
    """What is wrong and what to do about it, in one line for the user."""


def reason(error):
    """Say why something failed, in words for the middle of a sentence.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    reason : str
        Its message; with its type, where the message alone says little.
    """
    message = str(error).strip().rstrip(".")
    if message and isinstance(error, ImportError | OSError | TypeError | ValueError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
