"""What all label flips with a surrogate have in common."""

from abc import abstractmethod
from functools import partial

from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.attacks._class_map import allowed_flips, budget_error
from skpoison.attacks._defended import is_defended
from skpoison.attacks.labels._through_defence import flip_through_defence
from skpoison.base import Poison


class BaseLabelFlip(BaseSurrogateAttack):
    """Base class of attacks that flip labels by what a surrogate learns.

    A subclass implements one method, `_flip`, which chooses rows and their labels.
    """

    _needs_classifier = True
    _parameter_constraints: dict = {
        **BaseSurrogateAttack._parameter_constraints,
        "class_map": [dict, None],
    }

    def _start(self, known):
        # A class map is checked whatever the budget.
        self._allowed(known)

    def _attack(self, known, n_poison, random_state):
        allowed = self._allowed(known)
        n_rows = int(allowed.any(axis=1).sum())
        if n_poison > n_rows:
            raise budget_error(
                self.budget,
                n_poison,
                n_rows,
                class_map=self.class_map,
                trusted=known.trusted,
                known_fraction=self.known_fraction,
            )
        flip = self._flip
        if is_defended(known.surrogate):
            flip = partial(flip_through_defence, self)
        rows, new = flip(known, allowed, n_poison, random_state)
        labels = known.y.copy()
        labels[rows] = known.classes[new]
        return Poison(y=labels)

    def _allowed(self, known):
        return allowed_flips(self.class_map, known.classes, known.codes, ~known.trusted)

    @abstractmethod
    def _flip(self, known, allowed, n_poison, random_state):
        """Choose rows, and a label for each.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        allowed : ndarray of shape (n_known, n_classes) of bool
            Which labels each row may be given.
        n_poison : int
            The number of rows to flip; at least as many may be flipped.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        rows : ndarray of shape (n_flips,) of int
            At most n_poison rows.
        new : ndarray of shape (n_flips,) of int
            Their labels, as positions among the classes.
        """
