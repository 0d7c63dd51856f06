"""Exchange of flips for others, several at once, screened to first order.

The gradient of the goal in the labels says how much each further flip would gain, and
each flip that is taken back. The flips that are missed least are exchanged for the best
others: as many as promise anything at first, and half as many whenever the goal does
not rise, as in a backtracking line search. Of several classes, rows that are flipped
already can also be given another wrong label.
"""

from dataclasses import dataclass

import numpy as np


def exchange(search, start, n_sets):
    """Exchange flips for better ones while the goal rises.

    Parameters
    ----------
    search : SetSearch
        The search, which keeps the best set.
    start : FlipSet
        The flips to begin with.
    n_sets : int
        The largest number of sets that are measured.

    Returns
    -------
    found : FlipSet
        The flips in the end.
    """
    current, seen = start, {start.codes.tobytes()}
    size = search.n_flips
    while not search.stopped:
        gradient = search.goal.gradient(np.eye(search.allowed.shape[1])[current.codes])
        if gradient is None:
            return current
        moves = _moves(search, current.codes, gradient)
        size = min(size, moves.n_gainful)
        while True:
            if size < 1 or n_sets < 1 or search.stopped:
                return current
            codes = moves.apply(current.codes, search.codes, size)
            if codes.tobytes() not in seen:
                seen.add(codes.tobytes())
                n_sets -= 1
                found = search.measure(codes)
                if found is not None and search.rank(found) > search.rank(current):
                    break
            size //= 2
        current, size = found, 2 * size
    return current


@dataclass(frozen=True)
class _Moves:
    """Changes of a set of flips, those that gain most first.

    Parameters
    ----------
    off : ndarray of shape (n_moves,) of int
        The row whose flip is taken back; -1 for none.
    on : ndarray of shape (n_moves,) of int
        The row that is flipped; -1 for none.
    new : ndarray of shape (n_moves,) of int
        Its new label.
    n_gainful : int
        How many of them promise a gain.
    """

    off: np.ndarray
    on: np.ndarray
    new: np.ndarray
    n_gainful: int

    def apply(self, codes, clean, size):
        """Return labels after the first moves."""
        codes = codes.copy()
        is_on = self.on[:size] >= 0
        codes[self.on[:size][is_on]] = self.new[:size][is_on]
        # A row that is relabelled and taken back is taken back, so that the number of
        # flips stays what it is.
        off = self.off[:size]
        codes[off[off >= 0]] = clean[off[off >= 0]]
        return codes


def _moves(search, codes, gradient):
    """Return what can be changed, the largest first-order gains first."""
    rows = np.arange(codes.shape[0])
    gains = gradient - gradient[rows, codes][:, np.newaxis]
    back = gains[rows, search.codes]
    others = np.where(search.allowed, gains, -np.inf)
    others[rows, codes] = -np.inf
    new = others.argmax(axis=1)
    best = others[rows, new]
    is_flipped = codes != search.codes
    off = _largest(np.where(is_flipped, back, -np.inf))
    on = _largest(np.where(is_flipped, -np.inf, best))
    again = _largest(np.where(is_flipped, best, -np.inf))
    n_swaps = min(off.shape[0], on.shape[0])
    kinds = [
        (off[:n_swaps], on[:n_swaps], back[off[:n_swaps]] + best[on[:n_swaps]]),
        (np.full(again.shape, -1), again, best[again]),
    ]
    if search.may_be_fewer:
        n_free = search.n_flips - int(is_flipped.sum())
        kinds.append((off, np.full(off.shape, -1), back[off]))
        kinds.append((np.full(on[:n_free].shape, -1), on[:n_free], best[on[:n_free]]))
    off, on, gain = (np.concatenate(each) for each in zip(*kinds, strict=True))
    order = np.argsort(-gain, kind="stable")
    n_gainful = int((gain > 0).sum())
    return _Moves(off[order], on[order], new[on[order]], n_gainful)


def _largest(gains):
    """Return the rows whose gain is known, the largest first."""
    order = np.argsort(-gains, kind="stable")
    return order[np.isfinite(gains[order])]
