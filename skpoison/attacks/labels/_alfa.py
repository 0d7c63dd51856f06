r"""Which labels would a tainted victim find right, and a clean one wrong?

Xiao, Xiao and Eckert (2012) double the training set: every row stands there with its
label and with each other one. A set of flips is a choice q of one of these for each
row. With :math:`\xi` the losses of all of them under the classifier trained on the
clean rows and :math:`\varepsilon` those under the one trained on the tainted rows, the
attacker minimises

.. math::

    \sum_j q_j \, (\varepsilon_j - \xi_j)

in turn over the tainted classifier and over q. The latter is a linear programme,

.. math::

    \min_{0 \le q \le 1} \langle q, \varepsilon - \xi \rangle , \qquad
    \sum_{c} q_{ic} = 1, \qquad \sum_{i, c \neq y_i} q_{ic} = n_p ,

whose solution is a sort: what a flip of row i to the class c adds is
:math:`(\varepsilon - \xi)_{ic} - (\varepsilon - \xi)_{i y_i}`, and the rows flipped are
those where the best of the other classes adds least.
"""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._class_scores import class_scores, margins


class ALFA(BaseLabelFlip):
    r"""Flip labels that a tainted classifier finds right and a clean one wrong.

    The adversarial label flip attack of [1]_. It alternates between a fit of the
    surrogate to the tainted rows and a choice of flips: those for which the hinge loss
    under the tainted classifier is smallest, compared with that under the clean one.
    The choice is a linear programme that a sort solves, so that a step costs one fit.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier, best one with
        a `decision_function`. None: LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value. None: every row can be flipped, to any
        other class.
    max_iter : int, default=50
        The most steps.
    random_state : int, RandomState instance or None, default=None
        Seed of the losses under the tainted classifier at the first step, where there
        is none yet.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have been flipped.
    contamination_ : float
        Their share.
    goal_path_ : ndarray of shape (`n_iter_` + 1,)
        By how much the loss of the tainted labels under the clean classifier exceeds
        that under the tainted one, on average: for the flips at the start and after
        each step. The best ones are kept.
    n_iter_ : int
        Number of steps.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    sampling_strategy_ : dict
        Always empty; imbalanced-learn asks every sampler for it.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    RelaxedLabelFlip : Climbs what the victim gets wrong on other rows.
    MarginLabelFlip : Where it most often ends up close to, in a single fit.

    Notes
    -----
    The hinge loss is :math:`\max(0, 1 - m)`, where m is by how much the score of a
    class is above the best other one: for two classes what [1]_ has. The attack does
    not see by how much it harms, and asks for no rows beside the training rows.

    References
    ----------
    .. [1] H. Xiao, H. Xiao, C. Eckert, "Adversarial label flips attack on support
       vector machines", ECAI 2012.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.svm import SVC
    >>> from skpoison.attacks import ALFA, RandomLabelFlip
    >>> X, y = make_classification(300, class_sep=2, random_state=0)
    >>> victim = SVC(kernel="linear")
    >>> for attack in (RandomLabelFlip(0.2, random_state=0), ALFA(victim, 0.2)):
    ...     print(victim.fit(*attack.fit_resample(X, y)).score(X, y) > 0.9)
    True
    False
    """

    _parameter_constraints: dict = {
        **BaseLabelFlip._parameter_constraints,
        "max_iter": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        class_map=None,
        max_iter=50,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, class_map=class_map, random_state=random_state
        )
        self.max_iter = max_iter

    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        self.goal_path_, self.n_iter_ = np.empty(0), 0
        if n_poison == 0:
            return np.empty((2, 0), dtype=int)
        clean = self._losses(X, codes)
        tainted = random_state.uniform(size=clean.shape)
        path, best, seen = [], None, set()
        for _ in range(1 + self.max_iter):
            rows, new = cheapest_flips(tainted - clean, codes, allowed, n_poison)
            flipped = codes.copy()
            flipped[rows] = new
            if flipped.tobytes() in seen:
                break
            seen.add(flipped.tobytes())
            tainted = self._losses(X, flipped)
            gap = np.take_along_axis(clean - tainted, flipped[:, np.newaxis], axis=1)
            path.append(gap.mean())
            if path[-1] == max(path):
                best = rows, new
        self.goal_path_, self.n_iter_ = np.array(path), len(path) - 1
        return best

    def _losses(self, X, codes):
        """Fit the surrogate, and compute the loss of each row for each label."""
        if (codes == codes[0]).all():
            # Nothing to fit: the victim can only say the class that is left.
            scores = np.where(np.arange(self.classes_.shape[0]) == codes[:1], 1.0, -1.0)
            scores = np.repeat(scores[np.newaxis], codes.shape[0], axis=0)
        else:
            scores = class_scores(self._fitted(X, codes), X, self.classes_)
        losses = np.empty_like(scores)
        for code in range(scores.shape[1]):
            over = margins(scores, np.full(scores.shape[0], code))
            over[:, code] = np.inf
            losses[:, code] = np.maximum(0, 1 - over.min(axis=1))
        return losses


def cheapest_flips(costs, codes, allowed, n_flips):
    """Solve the linear programme: which flips cost least?

    Parameters
    ----------
    costs : ndarray of shape (n_samples, n_classes)
        What each label of each row costs.
    codes : ndarray of shape (n_samples,) of int
        The labels that the rows have.
    allowed : ndarray of shape (n_samples, n_classes) of bool
        The labels that they may get instead.
    n_flips : int
        The number of rows to flip.

    Returns
    -------
    rows : ndarray of shape (n_flips,) of int
    new : ndarray of shape (n_flips,) of int
        Their labels.
    """
    added = costs - np.take_along_axis(costs, codes[:, np.newaxis], axis=1)
    added = np.where(allowed, added, np.inf)
    new = added.argmin(axis=1)
    least = np.take_along_axis(added, new[:, np.newaxis], axis=1)[:, 0]
    rows = np.argsort(least, kind="stable")[:n_flips]
    return rows, new[rows]
