"""Which label does the most harm if it is flipped next?"""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.attacks.labels._base import BaseMeasuredLabelFlip
from skpoison.attacks.labels._fold_mean import cross_validated

# How many flips are tried at every step where nothing else is said.
N_CANDIDATES = 20


class GreedyLabelFlip(BaseMeasuredLabelFlip):
    r"""Flip one label after the other, each time the one that harms most.

    A surrogate learns from the training rows, and what it then gets wrong is measured
    on other rows of the attacker's. Every step flips the label that raises this goal
    most, given the flips before [1]_.

    To try all flips at every step takes as many fits as rows for each. Three things
    make that fast. For the squared loss no fit is needed: the scores are linear in the
    labels, and all flips are tried exactly. Other linear surrogates set out from the
    current optimum, many flips at once. And `n_candidates` limits how many are tried:
    those of which the gradient of the goal, one linear system for all flips, promises
    most; for classifiers that have no gradient, such as trees, flips drawn at random
    [2]_.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value. None: every row can be flipped, to any
        other class.
    n_candidates : int, "auto" or None, default="auto"
        How many flips are tried at every step. "auto": 20, or all where that costs
        nothing, as for RidgeClassifier. None: all.
    sharpness : float, default=4.0
        How closely the goal, a smoothed error, follows the error itself: what scores of
        unit scale are multiplied with.
    cv : int, default=3
        Number of folds of the training rows, where the attacker is given no rows to
        measure the goal on: it is then measured on each of them, with its clean
        labels, for a surrogate that has learnt from the others.
    n_jobs : int, default=None
        Number of fits at once, where the surrogate is fitted for each flip tried.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, and of flips drawn at random.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have been flipped.
    contamination_ : float
        Their share.
    goal_path_ : ndarray of shape (n_flips + 1,)
        The goal before the first flip and after each.
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
    RelaxedLabelFlip : Chooses all flips together, by gradients.
    MarginLabelFlip : Needs a single fit.
    RandomLabelFlip : The baseline.
    skpoison.defences.KNNSanitizedClassifier : A defence against it.

    Notes
    -----
    The goal is the smoothed error of :class:`GradientPoisoner`. Of the error itself a
    single flip most often changes nothing; to break ties by the loss does less harm in
    ``benchmarks/labels.py``.

    For one seed the poison of a smaller budget is the beginning of that of a larger
    one. The last row of a class that a surrogate learns from is never flipped.

    References
    ----------
    .. [1] A. Paudice, L. Muñoz-González, E. C. Lupu, "Label sanitization against label
       flipping poisoning attacks", ECML PKDD 2018 Workshops.
    .. [2] B. Mirzasoleiman, A. Badanidiyuru, A. Karbasi, J. Vondrák, A. Krause,
       "Lazier than lazy greedy", AAAI 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.attacks import GreedyLabelFlip, RandomLabelFlip
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> victim = make_pipeline(StandardScaler(), LogisticRegression())
    >>> for attack in (RandomLabelFlip, GreedyLabelFlip):
    ...     X_out, y_out = attack(budget=0.1, random_state=0).fit_resample(X, y)
    ...     print(victim.fit(X_out, y_out).score(X_test, y_test) > 0.9)
    True
    False
    """

    _parameter_constraints: dict = {
        **BaseMeasuredLabelFlip._parameter_constraints,
        "n_candidates": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        class_map=None,
        n_candidates="auto",
        sharpness=4.0,
        cv=3,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__(
            surrogate,
            budget,
            class_map=class_map,
            sharpness=sharpness,
            cv=cv,
            random_state=random_state,
        )
        self.n_candidates = n_candidates
        self.n_jobs = n_jobs

    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        flips = np.empty((n_poison, 2), dtype=int)
        self.goal_path_ = np.empty(n_poison and n_poison + 1)
        if n_poison == 0:
            return flips.T
        surrogate = self._surrogate_of(X)
        settings = self.classes_, self.sharpness, self.n_jobs
        state = cross_validated(surrogate, X, codes, folds, *settings)
        self.goal_path_[0] = state.value()
        for step in range(n_poison):
            free = allowed & ~state.last_of_class()[:, np.newaxis]
            if not free.any():
                raise ValueError(
                    f"budget={self.budget!r} asks for {n_poison} flips, but after "
                    f"{step} of them each row that is left to flip is the last of its "
                    "class that a surrogate learns from. Lower the budget."
                )
            rows, new = self._candidates(state, *np.nonzero(free), random_state)
            values = state.values(rows, new)
            best = int(values.argmax())
            state.flip(rows[best], new[best])
            allowed[rows[best]] = False
            flips[step] = rows[best], new[best]
            self.goal_path_[step + 1] = values[best]
        return flips.T

    def _candidates(self, state, rows, new, random_state):
        """Choose which flips to try."""
        most = self.n_candidates
        if most == "auto":
            most = None if state.free else N_CANDIDATES
        if most is None or most >= rows.shape[0]:
            return rows, new
        promises = state.promises()
        if promises is None:
            chosen = np.sort(random_state.permutation(rows.shape[0])[:most])
        else:
            chosen = np.argsort(-promises[rows, new], kind="stable")[:most]
        return rows[chosen], new[chosen]
