"""Cross-validation splitters: whether they take groups, or a mask of trusted rows."""

from inspect import signature


def takes_groups(splitter):
    """Return whether a splitter makes use of groups, as far as is known.

    Parameters
    ----------
    splitter : object
        A splitter of scikit-learn, or another object with a method `split`. Anything
        else, such as a number of folds, takes no groups.

    Returns
    -------
    takes_groups : bool
    """
    if hasattr(splitter, "get_metadata_routing"):
        return needs_groups(splitter)
    if isinstance(splitter, str) or not hasattr(splitter, "split"):
        return False
    return "groups" in signature(splitter.split).parameters


def needs_groups(splitter):
    """Return whether a splitter cannot do without groups.

    Parameters
    ----------
    splitter : object
        As for :func:`takes_groups`.

    Returns
    -------
    needs_groups : bool
        False if it does not say: splitters of other packages may take groups.
    """
    if not hasattr(splitter, "get_metadata_routing"):
        return False
    return splitter.get_metadata_routing().split.requests.get("groups") is True


def takes_trusted(splitter):
    """Return whether a splitter is told which rows are trusted.

    Parameters
    ----------
    splitter : object
        As for :func:`takes_groups`.

    Returns
    -------
    takes_trusted : bool
    """
    if isinstance(splitter, str) or not hasattr(splitter, "split"):
        return False
    return "trusted" in signature(splitter.split).parameters
