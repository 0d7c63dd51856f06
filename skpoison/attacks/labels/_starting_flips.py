"""Sets of flips from which a search starts, none of which needs the goal.

These are the attacks of this package that measure nothing, with the seed that the
search was given, so that it meets the very flips that they would make; and one-sided
sets: as many labels of one class as possible are flipped. Against many victims these
do more harm than flips of both classes, because they move the boundary instead of
turning it.
"""

from copy import deepcopy

import numpy as np

from skpoison.attacks._class_map import draw_wrong_labels
from skpoison.attacks.labels._alfa import ALFA
from skpoison.attacks.labels._margin import MarginLabelFlip

# The most classes whose rows are flipped alone.
MOST_CLASSES = 10
# Random sets of each kind.
N_AT_RANDOM = 3
# Rows of a class that are left to the surrogate in one-sided sets.
N_LEFT = 2


def starting_flips(known, allowed, n_flips, class_map, random_state):
    """Yield labels after flips, the most promising ones first.

    Parameters
    ----------
    known : Known
        What the attacker knows.
    allowed : ndarray of shape (n_known, n_classes) of bool
        Which labels each row may be given.
    n_flips : int
        The number of flips.
    class_map : dict or None
        Which labels may become which.
    random_state : RandomState
        Draws random flips. Its state at the beginning is that of each attack.

    Yields
    ------
    codes : ndarray of shape (n_known,) of int
        The labels after n_flips flips, as positions among the classes.
    """
    codes, begin = known.codes, deepcopy(random_state)

    def attacked(attack, allowed, n_flips):
        return flipped(codes, *attack._flip(known, allowed, n_flips, deepcopy(begin)))

    furthest = MarginLabelFlip()
    yield attacked(ALFA(), allowed, n_flips)
    far = attacked(furthest, allowed, n_flips)
    yield far
    yield attacked(MarginLabelFlip(order="nearest"), allowed, n_flips)
    # The random attack draws from all rows, and lets the budget decide.
    rows, labels = draw_wrong_labels(
        class_map, known.classes, known.y, np.flatnonzero(~known.trusted), begin
    )
    yield flipped(
        codes, rows[:n_flips], np.searchsorted(known.classes, labels[:n_flips])
    )
    # What fills a set up if its class has too few rows: all rows, the furthest first.
    everything = furthest._flip(known, allowed, codes.shape[0], deepcopy(begin))
    sources = np.unique(codes[allowed.any(axis=1)])
    for source in random_state.permutation(sources)[:MOST_CLASSES]:
        own = allowed & (codes == source)[:, np.newaxis]
        n_own = min(n_flips, int(own.any(axis=1).sum()) - N_LEFT)
        if n_own < 1:
            continue
        for attack in (ALFA(), furthest):
            some = attacked(attack, own, n_own)
            yield filled_up(some, codes, everything, n_flips)
        for _ in range(N_AT_RANDOM):
            # All of them get the same label.
            target = random_state.choice(np.flatnonzero(own.any(axis=0)))
            rows = random_state.permutation(np.flatnonzero(own[:, target]))[:n_own]
            some = flipped(codes, rows, target)
            yield filled_up(some, codes, everything, n_flips)
    is_free = np.flatnonzero(allowed.any(axis=1))
    for _ in range(N_AT_RANDOM):
        rows = random_state.permutation(is_free)[:n_flips]
        draws = random_state.uniform(size=allowed[rows].shape)
        yield flipped(codes, rows, np.where(allowed[rows], draws, -1).argmax(axis=1))


def flipped(codes, rows, new):
    """Return labels after flips.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        The labels.
    rows : ndarray of shape (n_flips,) of int
        The rows flipped.
    new : ndarray of shape (n_flips,) of int, or int
        Their new labels.

    Returns
    -------
    codes : ndarray of shape (n_samples,) of int
    """
    codes = codes.copy()
    codes[rows] = new
    return codes


def filled_up(some, codes, order, n_flips):
    """Flip further rows until there are enough flips.

    Parameters
    ----------
    some : ndarray of shape (n_samples,) of int
        The labels after at most n_flips flips.
    codes : ndarray of shape (n_samples,) of int
        The clean labels.
    order : tuple of two ndarrays of int
        Further rows, the best first, and their new labels.
    n_flips : int
        The number of flips wanted.

    Returns
    -------
    codes : ndarray of shape (n_samples,) of int
    """
    rows, new = order
    is_free = (some == codes)[rows]
    n_missing = n_flips - int((some != codes).sum())
    return flipped(some, rows[is_free][:n_missing], new[is_free][:n_missing])
