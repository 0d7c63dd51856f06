"""Label flips by the conditional gradient method in relaxed labels."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.attacks.labels._goal_flip import BaseGoalFlip
from skpoison.attacks.labels._starting_flips import flipped


class RelaxedLabelFlip(BaseGoalFlip):
    r"""Flip labels by the gradient of the goal in soft labels, and round.

    Let row i have the share :math:`Q_{ic}` of the label c. The attacker maximises their
    goal for the surrogate that learns from these shares,

    .. math::

        \max_Q A(W^*(Q)), \qquad \sum_i (1 - Q_{i y_i}) \le n_p, \qquad
        Q_{i \cdot} \in \text{simplex} ,

    by the conditional gradient method of Frank and Wolfe [1]_. Each step needs one
    linear system, which gives the gradient in all shares, and the best flips for a
    linear goal, which are a sort. After each step the :math:`n_p` rows that have given
    up most of their label are flipped.

    These sets of flips compete with those of all attacks that measure nothing
    (:class:`MarginLabelFlip`, :class:`ALFA`, :class:`RandomLabelFlip`), with the same
    seed, and with sets of flips of a single class. Flips of the best sets are then
    exchanged for others while the goal rises: those that are missed least for those
    that promise most to first order, many at once and fewer if that does not help. The
    best set is kept: the one with the largest goal; of a goal on errors, on validation
    rows of its own, the one with most errors, and among equals that with the largest
    goal.

    All flips are chosen together. That takes about as many fits as steps, however large
    the budget.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns; one that
        :mod:`skpoison.surrogates` can differentiate, or a defence around one, or a
        search, which tunes one on the poisoned rows.
        None: LogisticRegression after a StandardScaler.
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
    max_iter : int, default=60
        Maximum number of steps.
    random_state : int, RandomState instance or None, default=None
        Seed of the validation rows, of the rows known, of random flips and of a
        surrogate without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are flipped.
    contamination_ : float
        Their share.
    error_path_ : ndarray of shape (n_sets + 1,)
        As `goal_path_`, with errors counted instead of smoothed; the same for goals
        that smooth no error.
    goal_path_ : ndarray of shape (n_sets + 1,)
        The goal without flips; then that of the best set of flips met, after each set
        that is measured; at last that of the set returned.
    n_iter_ : int
        Number of steps of the conditional gradient method.
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
    GreedyLabelFlip : One flip after the other, for any surrogate.
    GradientInsertion : Moves the features of inserted rows instead.

    Notes
    -----
    Kernel machines that follow their rows closely, such as an SVC with a large C, have
    gradients that hold for the smallest steps only: against these GreedyLabelFlip is
    stronger.

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

    The gradient is that of [2]_, Equation 8, in the labels instead of the features.
    Relaxing labels and rounding them is the continuous relaxation of [3]_, which
    maximises the loss of a support vector machine.

    References
    ----------
    .. [1] M. Frank, P. Wolfe, "An algorithm for quadratic programming", Naval Research
       Logistics Quarterly 3, 1956.
    .. [2] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.
    .. [3] H. Xiao, B. Biggio, B. Nelson, H. Xiao, C. Eckert, F. Roli, "Support vector
       machines under adversarial label contamination", Neurocomputing 160, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.attacks import RandomLabelFlip, RelaxedLabelFlip
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> victim = make_pipeline(StandardScaler(), LogisticRegression())
    >>> for attack in (RandomLabelFlip, RelaxedLabelFlip):
    ...     X_out, y_out = attack(budget=0.1, random_state=0).fit_resample(X, y)
    ...     print(victim.fit(X_out, y_out).score(X_test, y_test) > 0.9)
    True
    False
    """

    _counts_errors = True
    _parameter_constraints: dict = {
        **BaseGoalFlip._parameter_constraints,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
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
        max_iter=60,
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
        self.max_iter = max_iter

    def _start(self, known):
        super()._start(known)
        self.error_path_, self.n_iter_ = np.empty(0), 0

    def _set_path(self, path):
        super()._set_path(path)
        self.error_path_ = np.array([measured.error for measured in path])

    def _n_own_sets(self, n_poison):
        return self.max_iter * n_poison.bit_length()

    def _own_sets(self, search, random_state, *, is_own):
        """Follow the conditional gradient, and round after each step."""
        codes, allowed, n_flips = search.codes, search.allowed, search.n_flips
        clean = np.eye(allowed.shape[1])[codes]
        shares, best = clean, None
        for step in range(self.max_iter):
            if search.stopped:
                break
            gains = search.goal.gradient(shares)
            gains -= np.take_along_axis(gains, codes[:, np.newaxis], axis=1)
            gains[~allowed] = -np.inf
            vertex = clean.copy()
            rows, new = _largest(gains, n_flips)
            is_gain = gains[rows, new] > 0
            vertex[rows[is_gain]] = np.eye(clean.shape[1])[new[is_gain]]
            if (vertex == shares).all():
                break
            shares = shares + 2 / (step + 2) * (vertex - shares)
            self.n_iter_ = step + 1
            rows, new = _round(shares, gains, codes, allowed, n_flips)
            # Errors grow with the flips, but coefficients can be overshot: fewer flips
            # are tried too.
            sizes = {n_flips}
            if search.may_be_fewer:
                sizes.update(2**k for k in range(n_flips.bit_length()))
            for size in sorted(sizes):
                some = flipped(codes, rows[:size], new[:size])
                found = search.measure(some)
                if found and (best is None or search.rank(found) > search.rank(best)):
                    best = found
        return [best]


def _round(shares, gains, codes, allowed, n_poison):
    """Flip the rows that have given up most of their label, to their largest share."""
    others = np.where(allowed, shares, -1.0)
    kept = shares[np.arange(codes.shape[0]), codes]
    # If a row has given up nothing, the gain decides.
    new = np.lexsort((gains, others), axis=1)[:, -1]
    gain = np.take_along_axis(gains, new[:, np.newaxis], axis=1)[:, 0]
    is_free = allowed.any(axis=1)
    rows = np.lexsort((-gain, kept, ~is_free))[:n_poison]
    return rows, new[rows]


def _largest(gains, n_rows):
    """Return the rows of the largest gains, and the labels that these are for."""
    new = gains.argmax(axis=1)
    largest = np.take_along_axis(gains, new[:, np.newaxis], axis=1)[:, 0]
    rows = np.argsort(-largest, kind="stable")[:n_rows]
    return rows, new[rows]
