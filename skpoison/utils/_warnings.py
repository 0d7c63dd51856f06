"""How often does a loop that runs hundreds of times say the same?"""

import warnings
from contextlib import contextmanager


@contextmanager
def once():
    """Let every warning pass once, however often it is given.

    Warnings are the same if they come from the same place, whatever numbers they name.
    Where an error ends the work it says enough, and warnings are dropped.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = set()
    for each in caught:
        place = each.category, each.filename, each.lineno
        if place not in told:
            told.add(place)
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno
            )
