r"""Adversarial label flips (ALFA) by alternating minimisation.

Xiao, Xiao and Eckert (2012) double the training set: every row appears with its own
label and with each other one. A set of flips is a choice q of one of these for each
row. With :math:`\xi` the losses of all of them under the classifier trained on the
clean rows and :math:`\varepsilon` those under the one trained on the tainted rows, the
attacker minimises

.. math::

    \sum_j q_j \, (\varepsilon_j - \xi_j)

alternately over the tainted classifier and over q. The latter is a linear programme,

.. math::

    \min_{0 \le q \le 1} \langle q, \varepsilon - \xi \rangle , \qquad
    \sum_{c} q_{ic} = 1, \qquad \sum_{i, c \neq y_i} q_{ic} = n_p ,

whose solution is a sort: a flip of row i to the class c adds
:math:`(\varepsilon - \xi)_{ic} - (\varepsilon - \xi)_{i y_i}`, and the rows flipped are
those for which the best of the other classes adds least.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from skpoison.attacks.labels._base import BaseLabelFlip
from skpoison.attacks.labels._class_scores import class_scores, margins
from skpoison.utils._callbacks import Progress


class ALFA(BaseLabelFlip):
    r"""Flip labels that a tainted classifier fits well and a clean one badly.

    The adversarial label flip attack (ALFA) of [1]_. It alternates between fitting the
    surrogate to the tainted rows and choosing flips: those for which the hinge loss
    under the tainted classifier is smallest, compared with that under the clean one.
    The choice is a linear programme that a sort solves, so that a step costs one fit.

    The attack has no `goal` and needs no validation set: what it optimises, losses on
    the training rows themselves, is fixed by [1]_. `class_map` makes it error-specific.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier, preferably
        one with a `decision_function`, or a defence around one, or a
        search, which tunes one on the poisoned rows. None:
        LogisticRegression after a StandardScaler.
        It sees X as it is: a dataframe with its names, missing values too if it accepts
        them.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are flipped, each to its value. None: any label may become any
        other.
    max_iter : int, default=50
        Maximum number of steps.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are flipped.
    random_state : int, RandomState instance or None, default=None
        Seed of the losses under the tainted classifier at the first step, when there is
        none yet, of the rows known, and of a surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are flipped.
    contamination_ : float
        Their share.
    goal_path_ : ndarray of shape (`n_iter_` + 1,)
        The loss of the tainted labels under the clean classifier minus that under the
        tainted one, averaged over the rows: for the initial flips and after each step.
        The best flips are kept.
    n_iter_ : int
        Number of steps.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.
    surrogate_params_ : dict
        If the surrogate is a search: the setting that the poison was crafted for.

    See Also
    --------
    RelaxedLabelFlip : Maximises a goal on a validation set.
    MarginLabelFlip : Often ends up with similar flips, with a single fit.

    Notes
    -----
    The hinge loss is :math:`\max(0, 1 - m)`, with m the score of a class minus the best
    other one: for two classes that of [1]_. The attack does not measure the harm that
    it does.

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

    _only_surrogate_reads = True
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
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.class_map = class_map
        self.max_iter = max_iter

    def _start(self, known):
        super()._start(known)
        self.goal_path_, self.n_iter_ = np.empty(0), 0

    def _flip(self, known, allowed, n_poison, random_state):
        codes = known.codes
        clean = _losses(known, codes)
        tainted = random_state.uniform(size=clean.shape)
        path, best, seen = [], None, set()
        progress = Progress(self, "steps", 1 + self.max_iter, every=0)
        for _ in range(1 + self.max_iter):
            rows, new = cheapest_flips(tainted - clean, codes, allowed, n_poison)
            flipped = codes.copy()
            flipped[rows] = new
            # Flips that have been tried before would be tried again for ever.
            if flipped.tobytes() in seen:
                break
            seen.add(flipped.tobytes())
            tainted = _losses(known, flipped)
            gap = np.take_along_axis(clean - tainted, flipped[:, np.newaxis], axis=1)
            path.append(gap.mean())
            if path[-1] == max(path):
                best = rows, new
            if progress(path[-1]):
                break
        progress.end()
        self.goal_path_, self.n_iter_ = np.array(path), len(path) - 1
        return best


def _losses(known, codes):
    """Fit the surrogate; return the loss of each row for each label."""
    n_samples, n_classes = codes.shape[0], known.classes.shape[0]
    if (codes == codes[0]).all():
        # Nothing to fit: the victim can predict only the class that is left.
        scores = np.where(np.arange(n_classes) == codes[:1], 1.0, -1.0)
        scores = np.repeat(scores[np.newaxis], n_samples, axis=0)
    else:
        fitted = clone(known.surrogate).fit(known.X, known.classes[codes])
        scores = class_scores(fitted, known.X, known.classes)
    losses = np.empty_like(scores)
    for code in range(n_classes):
        over = margins(scores, np.full(n_samples, code))
        over[:, code] = np.inf
        losses[:, code] = np.maximum(0, 1 - over.min(axis=1))
    return losses


def cheapest_flips(costs, codes, allowed, n_flips):
    """Return the flips of least cost, the solution of the linear programme.

    Parameters
    ----------
    costs : ndarray of shape (n_samples, n_classes)
        The cost of each label of each row.
    codes : ndarray of shape (n_samples,) of int
        The current labels of the rows.
    allowed : ndarray of shape (n_samples, n_classes) of bool
        The labels that they may be given instead.
    n_flips : int
        The number of rows to flip.

    Returns
    -------
    rows : ndarray of shape (n_flips,) of int
        The rows.
    new : ndarray of shape (n_flips,) of int
        Their labels.
    """
    added = costs - np.take_along_axis(costs, codes[:, np.newaxis], axis=1)
    added = np.where(allowed, added, np.inf)
    new = added.argmin(axis=1)
    least = np.take_along_axis(added, new[:, np.newaxis], axis=1)[:, 0]
    rows = np.argsort(least, kind="stable")[:n_flips]
    return rows, new[rows]
