"""Greedy choice of flips, one after the other or several in a round.

Every round tries some flips, given those before: the ones with the largest first-order
gain, or, for a surrogate without a gradient, flips drawn at random ("stochastic
greedy", Mirzasoleiman et al. 2015). The best of them are made.
"""

import numpy as np

# How many flips are tried in every round by default.
N_CANDIDATES = 20


class GreedyPath:
    """Flips, each the best one given those before.

    Parameters
    ----------
    state : FoldSearch
        The current labels.
    allowed : ndarray of shape (n_samples, n_classes) of bool
        Which labels each row may be given.
    n_candidates : int, "auto" or None
        How many flips are tried in every round. "auto": 20, or all if they cost
        little. None: all.
    random_state : RandomState
        Draws flips if there is no gradient.
    """

    def __init__(self, state, allowed, n_candidates, random_state):
        self.state, self.allowed = state, allowed.copy()
        self.n_candidates, self.random_state = n_candidates, random_state

    def follow(self, n_flips, n_rounds, search):
        """Flip labels.

        Parameters
        ----------
        n_flips : int
            The number of flips.
        n_rounds : int
            The most rounds.
        search : SetSearch
            Is told of each round.

        Returns
        -------
        found : list of ndarray of shape (n_samples,) of int
            The labels after all flips, and, if fewer flips will do, those of the best
            round.
        """
        state, best, highest = self.state, None, -np.inf
        n_rounds = min(n_rounds, n_flips)
        for n_left in range(n_rounds, 0, -1):
            n_next = -(-n_flips // n_left)
            rows, new, values = self._tried(n_next)
            made = self._made(rows, np.argsort(-values, kind="stable"), n_next)
            if not made:
                break
            for flip in made:
                state.flip(rows[flip], new[flip])
                self.allowed[rows[flip]] = False
            n_flips -= len(made)
            if search.may_be_fewer:
                value = values[made[0]] if len(made) == 1 else state.value()
                if value >= highest:
                    best, highest = state.codes.copy(), value
            search.note()
            if search.stopped:
                break
        found = [state.codes.copy()]
        if best is not None:
            found.append(best)
        return found

    def _tried(self, n_next):
        """Choose which flips to try; return their rows and labels, and the goals."""
        self.left = self.state.folds.smallest_class_counts(self.state.codes)
        is_free = self.allowed & (self.left > 1)[:, np.newaxis]
        rows, new = np.nonzero(is_free)
        if not rows.size:
            return rows, new, np.empty(0)
        most = self.n_candidates
        if most == "auto":
            most = None if self.state.exact_is_cheap else N_CANDIDATES
        if most is not None:
            most = max(most, 2 * n_next) if n_next > 1 else most
        if most is not None and most < rows.shape[0]:
            gains = self.state.first_order_gains()
            if gains is None:
                order = self.random_state.permutation(rows.shape[0])
                chosen = np.sort(order[:most])
            else:
                chosen = np.argsort(-gains[rows, new], kind="stable")[:most]
            rows, new = rows[chosen], new[chosen]
            if n_next > 1 and gains is not None and self.n_candidates == "auto":
                # To try each of many flips would cost more than it gains.
                return rows, new, gains[rows, new]
        return rows, new, self.state.values(rows, new)

    def _made(self, rows, order, n_next):
        """Return which flips are made: one a row, and one row of each class stays."""
        made, seen, gone = [], set(), {}
        for flip in order:
            if len(made) == n_next:
                break
            row = rows[flip]
            code = self.state.codes[row]
            if row in seen or gone.get(code, 0) >= self.left[row] - 1:
                continue
            seen.add(row)
            gone[code] = gone.get(code, 0) + 1
            made.append(flip)
        return made
