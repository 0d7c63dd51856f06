"""Change of labels in a stream."""

from collections import deque

import numpy as np

from skpoison.attacks._class_map import budget_error
from skpoison.base import Poison
from skpoison.online._attacker import dense_row
from skpoison.online._base import BaseStreamAttack

# How many rows before it a row is compared with.
N_COMPARED = 300


class OnlineLabelFlip(BaseStreamAttack):
    r"""Change labels of rows of a stream, where that harms the learner most.

    A weaker attacker than :class:`OnlineInsertion`: they can change labels of rows that
    come by, and nothing else. They follow the learner, and compute for each row what
    the goal gains if it is learnt with another label instead of its own,

    .. math::

        \max_{y' \ne y} A(w'(x, y')) - A(w'(x, y)) .

    They do not know what is still to come. A row is changed if its gain is among the
    share of the largest of the rows before it that spends what is left of the budget on
    the rows that are left.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the victim is believed to be, as for :class:`OnlineInsertion`. None:
        SGDClassifier with the log loss at a constant rate of 0.05.
    budget : float or int, default=0.1
        Number of labels to change, as a share of the rows of the stream (float), or as
        it is (int).
    goal : BaseGoal or dict, default=None
        What the attacker wants: a goal of :mod:`skpoison.goals`, or a dict, which
        stands for :class:`~skpoison.goals.ErrorSpecific`. None:
        ``ErrorGeneric("surrogate")``, a large loss.
    look_ahead : int, default=1
        The number of steps after which the goal counts, that on the row first. The
        others are on rows drawn from those on which the goal is measured.
    window : int, default=None
        On how many of the rows seen last the goal is measured, if no rows are given to
        `fit_resample`. None: 300 there.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are looked ahead, and of a surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which labels are changed.
    contamination_ : float
        Their share.
    gains_ : ndarray of shape (n_poison,)
        What each change gained, in the order of the stream.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X is a dataframe.

    See Also
    --------
    OnlineInsertion : Inserts rows of any features.
    skpoison.attacks.GreedyLabelFlip : Changes labels of a whole training set.

    Notes
    -----
    Scale the features before the attack: scalers are not part of the surrogate.

    References
    ----------
    .. [1] Y. Wang, K. Chaudhuri, "Data poisoning attacks against online learning",
       arXiv:1808.08994, 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.online import OnlineLabelFlip
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(scale(X), y, random_state=0)
    >>> learner = SGDClassifier(
    ...     "log_loss", learning_rate="constant", eta0=0.5, shuffle=False
    ... )
    >>> attack = OnlineLabelFlip(learner, budget=0.1)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> print(attack.poison_mask_.sum())
    43
    >>> for labels in (y, y_poisoned):
    ...     accuracy = learner.partial_fit(X, labels, classes=[0, 1]).score(
    ...         X_test, y_test
    ...     )
    ...     print(accuracy > 0.9)
    True
    False
    """

    _instead_of_labels = "Responses have no other label: take OnlineInsertion."

    def _takes_responses(self):
        return False

    def _attack_stream(self, attacker, stream, n_poison, trusted):
        can_be = ~trusted
        if n_poison > can_be.sum():
            raise budget_error(self.budget, n_poison, can_be.sum(), trusted=trusted)
        y, gains = stream.y.copy(), []
        left, seen = int(can_be.sum()), deque(maxlen=N_COMPARED)
        for i in range(y.shape[0]):
            x, budget = dense_row(stream.X, i), n_poison - len(gains)
            if can_be[i] and budget:
                gain, code = self._best_change(attacker, stream, x, i)
                if budget == left or (
                    seen and gain >= np.quantile(seen, 1 - budget / left)
                ):
                    y[i] = code
                    gains.append(gain)
                seen.append(gain)
                left -= 1
            attacker.state.learn(x, y[i], trusted=trusted[i])
        self.gains_ = np.array(gains)
        return Poison(y=self.classes_[y])

    def _best_change(self, attacker, stream, x, i):
        """Return the largest gain of another label of a row, and that label."""
        attacker.aim(*stream.known(max(i, 1)))  # of the first row, itself
        values = [attacker.direction(x, code)[0] for code in range(len(self.classes_))]
        own = stream.y[i]
        gains = np.array(values) - values[own]
        gains[own] = -np.inf
        return float(gains.max()), int(gains.argmax())
