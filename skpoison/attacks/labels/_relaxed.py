"""Which labels do the most harm together, if they could be flipped in part?"""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.attacks.labels._base import BaseMeasuredLabelFlip
from skpoison.attacks.labels._label_problem import CrossValidatedProblem

# How many sets of flips at random are tried.
N_AT_RANDOM = 10


class RelaxedLabelFlip(BaseMeasuredLabelFlip):
    r"""Flip labels by the gradient of the goal in soft labels, and round.

    Let row i have the share :math:`Q_{ic}` of the label c. The attacker climbs what the
    surrogate then gets wrong on other rows of his,

    .. math::

        \max_Q A(W^*(Q)), \qquad \sum_i (1 - Q_{i y_i}) \le n_p, \qquad
        Q_{i \cdot} \in \text{simplex} ,

    by the conditional gradient method of Frank and Wolfe [1]_. Its every step needs one
    linear system, which gives the gradient in all shares, and the best flips for a
    linear goal, which are a sort. After each the :math:`n_p` rows that have given up
    most of their label are flipped. Of these sets of flips the one is kept that makes
    most errors, and among equals the one of the largest goal.

    All flips are chosen together. That takes as many fits as steps, however large the
    budget, and does about as much harm as to choose one after the other; more, where
    rows are many.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns; one that
        :class:`GradientPoisoner` takes. None: LogisticRegression after a
        StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value. None: every row can be flipped, to any
        other class.
    sharpness : float, default=4.0
        How closely the goal, a smoothed error, follows the error itself: what scores of
        unit scale are multiplied with.
    cv : int, default=3
        Number of folds of the training rows, where the attacker is given no rows to
        measure the goal on: it is then measured on each of them, with its clean
        labels, for a surrogate that has learnt from the others.
    max_iter : int, default=60
        The most steps.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, and of the flips at random that are tried as well.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have been flipped.
    contamination_ : float
        Their share.
    error_path_ : ndarray of shape (`n_iter_` + 1,)
        The share of errors on the rows to measure on, without flips and for the flips
        after each step.
    goal_path_ : ndarray of shape (`n_iter_` + 1,)
        The goal, likewise.
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
    GreedyLabelFlip : One flip after the other, for any surrogate.
    GradientPoisoner : Climbs in features instead.

    Notes
    -----
    Machines with a kernel that follow their rows closely, as an SVC of a large C does,
    have gradients that hold for the smallest steps only: against these GreedyLabelFlip
    is stronger. Ten sets of flips at random are tried as well, so that by the
    attacker's own measure it is never weaker than the best of them.

    The gradient is that of [2]_, Equation 8, in the labels instead of the features. To
    relax labels and round them is the idea of the continuous relaxation of [3]_, which
    climbs the loss of a support vector machine.

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

    _parameter_constraints: dict = {
        **BaseMeasuredLabelFlip._parameter_constraints,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        class_map=None,
        sharpness=4.0,
        cv=3,
        max_iter=60,
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
        self.max_iter = max_iter

    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        self.error_path_, self.goal_path_, self.n_iter_ = *np.empty((2, 0)), 0
        if n_poison == 0:
            return np.empty((2, 0), dtype=int)
        surrogate = self._surrogate_of(X)
        problem = CrossValidatedProblem(
            surrogate, X, codes, folds, self.classes_, self.sharpness
        )
        clean = np.eye(self.classes_.shape[0])[codes]
        shares, path = clean, [problem.reached(codes)]
        best = self._best_at_random(problem, codes, allowed, n_poison, random_state)
        for step in range(self.max_iter):
            gains = problem.gains(shares)
            gains -= np.take_along_axis(gains, codes[:, np.newaxis], axis=1)
            gains[~allowed] = -np.inf
            vertex = clean.copy()
            rows, new = _largest(gains, n_poison)
            worth = gains[rows, new] > 0
            vertex[rows[worth]] = np.eye(clean.shape[1])[new[worth]]
            if (vertex == shares).all():
                break
            shares = shares + 2 / (step + 2) * (vertex - shares)
            rows, new = self._round(shares, gains, codes, allowed, n_poison)
            flipped = codes.copy()
            flipped[rows] = new
            path.append(problem.reached(flipped))
            if path[-1] > best[0]:
                best = path[-1], rows, new
        self.error_path_, self.goal_path_ = np.array(path).T
        self.n_iter_ = len(path) - 1
        return best[1], best[2]

    def _best_at_random(self, problem, codes, allowed, n_poison, random_state):
        """Find the best of some sets of flips at random, and what it reaches."""
        free, best = np.flatnonzero(allowed.any(axis=1)), None
        for _ in range(N_AT_RANDOM):
            rows = random_state.permutation(free)[:n_poison]
            draws = random_state.uniform(size=allowed[rows].shape)
            new = np.where(allowed[rows], draws, -1).argmax(axis=1)
            flipped = codes.copy()
            flipped[rows] = new
            measured = problem.reached(flipped)
            if best is None or measured > best[0]:
                best = measured, rows, new
        return best

    def _round(self, shares, gains, codes, allowed, n_poison):
        """Flip the rows that have given up most of their label, to what has most."""
        others = np.where(allowed, shares, -1.0)
        kept = shares[np.arange(codes.shape[0]), codes]
        # Where none has been given up, the gain decides.
        new = np.lexsort((gains, others), axis=1)[:, -1]
        gain = np.take_along_axis(gains, new[:, np.newaxis], axis=1)[:, 0]
        free = allowed.any(axis=1)
        rows = np.lexsort((-gain, kept, ~free))[:n_poison]
        return rows, new[rows]


def _largest(gains, n_rows):
    """Find the rows of the largest gains, and for which label."""
    new = gains.argmax(axis=1)
    largest = np.take_along_axis(gains, new[:, np.newaxis], axis=1)[:, 0]
    rows = np.argsort(-largest, kind="stable")[:n_rows]
    return rows, new[rows]
