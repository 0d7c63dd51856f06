"""Greedy label flips."""

from dataclasses import replace
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks.labels._flip_goal import FitPart
from skpoison.attacks.labels._flip_search import flip_search
from skpoison.attacks.labels._fold_search import FoldSearch
from skpoison.attacks.labels._goal_flip import BaseGoalFlip
from skpoison.attacks.labels._greedy_path import GreedyPath
from skpoison.utils._validation import numeric_features

# The most rounds. With a larger budget several labels are flipped in each.
N_ROUNDS = 100
# The same if the goal is measured on the rows that are flipped: there the finest choice
# suits these rows alone.
N_ROUNDS_OWN = 20


class GreedyLabelFlip(BaseGoalFlip):
    r"""Flip the labels that raise the goal most, one by one, then exchange them.

    A surrogate learns from the training rows, and the goal, for example its error, is
    measured on validation rows. Every step flips the label that raises the goal most,
    given the flips before [1]_. A larger budget than 100 flips (20 without validation
    rows of their own) is spent in as many steps, each of several flips.

    These flips compete with those of all attacks that measure nothing
    (:class:`MarginLabelFlip`, :class:`ALFA`, :class:`RandomLabelFlip`), with the same
    seed, and with sets of flips of a single class. Flips of the best sets are then
    exchanged for others while the goal rises: those that are missed least for those
    that promise most to first order, many at once and fewer if that does not help.

    Trying all flips at every step takes one fit for each row and step. Three things
    make that fast. For the squared loss no fit is needed: the scores are linear in the
    labels, and all flips are tried exactly. Other linear surrogates start from the
    current optimum, many flips at once. And `n_candidates` limits how many flips are
    tried: those with the largest first-order gain, for which the gradient of the goal
    takes one linear system for all flips; for classifiers without a gradient, such as
    trees, flips drawn at random [2]_.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier for goals that
        count errors, otherwise one that :mod:`skpoison.surrogates` can differentiate;
        or a defence around one, or a search, which tunes one on the poisoned rows.
        None: LogisticRegression after a StandardScaler.
        It sees X as it is: a dataframe with its names, missing values too if it accepts
        them.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int). For
        goals other than :class:`~skpoison.goals.ErrorGeneric` it is the maximum: fewer
        flips are made if they reach a higher goal.
    goal : "error-generic", dict or goal object, default="error-generic"
        What the attacker wants: "error-generic" for
        :class:`~skpoison.goals.ErrorGeneric`, a dict such as ``{8: 3}`` for
        :class:`~skpoison.goals.ErrorSpecific` (validation rows of the class 8 are to be
        taken for 3), or any object of :mod:`skpoison.goals`.
    class_map : dict, default=None
        Which labels may become which, such as ``{8: 3}``: only rows of the classes
        among the keys are flipped, each to its value. None: any label may become any
        other.
    validation : float, int, splitter or None, default=None
        How training rows become the attacker's validation rows, on which the goal is
        measured: a share of them is set aside (float), or each of several folds is in
        turn (int or splitter), and the goal is the mean over folds. The surrogate
        learns from the other rows. None: `X_val` and `y_val` if they are given;
        otherwise the training rows, all of which the surrogate learns from, and rows
        mixed of them, which it does not (see Notes); for rows that are not numbers 5
        folds, or fewer if a class has fewer rows.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are flipped.
    n_candidates : int, "auto" or None, default="auto"
        How many flips are tried at every step. "auto": 20, or all if they cost little,
        as for RidgeClassifier on some thousands of rows with validation rows that are
        given; none if several are made at a step, those of the largest first-order
        gains. None: all.
    n_jobs : int, default=None
        Number of fits at once, for surrogates that are fitted for each flip tried.
    random_state : int, RandomState instance or None, default=None
        Seed of the validation rows, of the rows known, of flips drawn at random and of
        a surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are flipped.
    contamination_ : float
        Their share.
    goal_path_ : ndarray of shape (n_steps + 1,)
        The goal without flips; then that of the best set of flips met, after each set
        that is measured and each greedy step; at last that of the set returned.
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
    RelaxedLabelFlip : Chooses all flips together, by gradients.
    MarginLabelFlip : Needs a single fit.
    RandomLabelFlip : The baseline.
    skpoison.defences.KNNSanitizedClassifier : A defence against it.

    Notes
    -----
    A single flip rarely changes the error itself; that is why a smoothed error is
    maximised. Breaking ties of the error by the loss instead does less harm in
    ``benchmarks/labels.py``.

    Without validation rows of their own, the attacker estimates the error on test rows
    by that of the victim that has learnt all rows, on two kinds of rows, each of which
    counts one half: on the training rows, with their clean labels, and on three times
    as many (at most 3000) that are mixed of them: each feature is that of a row or of
    one of its five nearest neighbours, the label that of the row of which there are
    more features. With few rows the label of one near the boundary is chance. So it is
    counted half as what it is, half as what the clean surrogate believes; and scores
    are scaled by their median size, which a few large ones do not move. A goal with a
    `sharpness`, or another loss than the error, is measured as it is, on the same rows.

    The fit of stochastic gradient descent can be repeated, seed and all: it is measured
    by its own fits.

    The last row of a class that a surrogate learns from is never flipped.

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

    _only_surrogate_reads = True
    _parameter_constraints: dict = {
        **BaseGoalFlip._parameter_constraints,
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
        goal="error-generic",
        class_map=None,
        validation=None,
        known_fraction=1.0,
        n_candidates="auto",
        n_jobs=None,
        random_state=None,
    ):
        super().__init__(
            surrogate,
            budget,
            goal=goal,
            validation=validation,
            known_fraction=known_fraction,
            random_state=random_state,
        )
        self.class_map = class_map
        self.n_candidates = n_candidates
        self.n_jobs = n_jobs

    def _n_own_sets(self, n_poison):
        return min(n_poison, N_ROUNDS) + 1

    def _own_sets(self, search, random_state, *, is_own):
        """Flip the labels that raise the goal most, one by one or in rounds."""
        if search.stopped:
            return []
        folds = search.goal.folds
        searches = [flip_search(part) for part in folds.parts]
        n_samples = search.codes.shape[0]
        state = FoldSearch(FoldMean(searches, folds.trains, n_samples), search.codes)
        path = GreedyPath(state, search.allowed, self.n_candidates, random_state)
        n_rounds = N_ROUNDS_OWN if is_own else N_ROUNDS
        found = path.follow(search.n_flips, n_rounds, search)
        return [search.measure(codes) for codes in found]

    def _part(self, known, fold):
        """Return the goal for the surrogate that learns from one fold."""
        try:
            return super()._part(*self._as_numbers(known, fold))
        except (TypeError, ValueError) as error:
            # It cannot be differentiated. Errors can be counted all the same; if the
            # surrogate is invalid altogether, its fit raises an error.
            refit = self._refit(known, fold)
            if refit is not None:
                return FitPart(refit, None)
            if isinstance(error, TypeError):
                raise ValueError(
                    "`goal` must be one on errors with loss='error', such as "
                    "'error-generic', for a surrogate whose training cannot be "
                    f"differentiated; got {self.goal!r}. {error}"
                ) from error
            raise

    def _as_numbers(self, known, fold):
        """Return what the attacker knows, and a fold, as a gradient needs them."""
        if not self._passes_features_on():
            return known, fold
        X, X_val = (
            X
            if X is None
            else numeric_features(self, X, accept_sparse="csr", dtype=np.float64)
            for X in (known.X, fold.X)
        )
        return replace(known, X=X), replace(fold, X=X_val)
