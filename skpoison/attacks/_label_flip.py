"""Which labels does an attacker flip who knows what the victim learns?

What attacks of that kind have in common is here, and the simplest of them: it sorts
the rows by their distance to the boundary.
"""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.model_selection import StratifiedKFold
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skpoison.attacks._class_map import allowed_flips, too_many
from skpoison.attacks._class_scores import class_scores, margins
from skpoison.attacks._own_rows import check_own_rows, check_together
from skpoison.attacks._problem import default_surrogate
from skpoison.base import BasePoisoner, Poison
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._warnings import deduplicate_warnings


class BaseLabelFlip(BasePoisoner):
    """Base class of attacks that flip labels by what a surrogate learns.

    A subclass implements one method, `_flip`, which chooses rows and their labels.
    """

    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "class_map": [dict, None],
    }

    def __init__(
        self, surrogate=None, budget=0.1, *, class_map=None, random_state=None
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.class_map = class_map

    def _poison(self, X, y, *, n_poison, trusted, random_state, **own_rows):
        X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        if self.surrogate is not None and not is_classifier(self.surrogate):
            raise ValueError(
                f"surrogate={self.surrogate!r} is no classifier, but the labels are "
                "classes."
            )
        codes = np.searchsorted(self.classes_, y)
        folds = self._folds(X, codes, n_poison, random_state, **own_rows)
        allowed = allowed_flips(self.class_map, self.classes_, codes, ~trusted)
        n_rows = int(allowed.any(axis=1).sum())
        if n_poison > n_rows:
            raise too_many(self.budget, n_poison, n_rows)
        with deduplicate_warnings(), limit_blas_threads(X):
            rows, new = self._flip(X, codes, allowed, n_poison, random_state, folds)
        labels = y.copy()
        labels[rows] = self.classes_[new]
        return Poison(y=labels)

    @abstractmethod
    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        """Choose rows, and a label for each.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows.
        codes : ndarray of shape (n_samples,) of int
            Their labels, as positions among the classes.
        allowed : ndarray of shape (n_samples, n_classes) of bool
            Which label each row may get.
        n_poison : int
            The number of rows to flip; so many may be.
        random_state : RandomState
            The only source of randomness.
        folds : list of tuple
            The positions of rows that a surrogate learns from, and rows to measure on
            with their codes. Empty where nothing is measured.

        Returns
        -------
        rows : ndarray of shape (n_poison,) of int
        new : ndarray of shape (n_poison,) of int
            Their labels, as positions among the classes.
        """

    def _folds(self, X, codes, n_poison, random_state):
        """Say where to learn and where to measure: nothing is measured."""
        return []

    def _surrogate_of(self, X):
        """Say what the victim is believed to learn."""
        return default_surrogate(X) if self.surrogate is None else self.surrogate

    def _fitted(self, X, codes):
        """Fit the surrogate."""
        return clone(self._surrogate_of(X)).fit(X, self.classes_[codes])


class BaseMeasuredLabelFlip(BaseLabelFlip):
    """Base class of those that measure what they reach, on rows of the attacker's."""

    _parameter_constraints: dict = {
        **BaseLabelFlip._parameter_constraints,
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "cv": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        class_map=None,
        sharpness=4.0,
        cv=3,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, class_map=class_map, random_state=random_state
        )
        self.sharpness = sharpness
        self.cv = cv

    @_fit_context(
        # The surrogate given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are neither written to nor changed.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows whose labels stay.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            Rows of the attacker's own, in the features of X, to measure the goal on.
            None: it is measured by cross-validation on the training rows. No step of a
            Pipeline before the attack transforms them.
        y_val : array-like of shape (n_val,), default=None
            Their labels.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples, n_features)
            The rows that came in.
        y_poisoned : of the type of y, of length n_samples
            Their labels, all of them among the labels seen.

        Raises
        ------
        ValueError
            If the data are not fit for classification, if one of `X_val` and `y_val`
            is missing or does not go with the training rows, or if fewer rows can be
            flipped than the budget asks for.
        """
        check_together(X_val, y_val)
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _folds(self, X, codes, n_poison, random_state, X_val, y_val):
        if X_val is not None:
            own = check_own_rows(self, X, X_val, y_val)
            return [(np.arange(codes.shape[0]), own)]
        if n_poison == 0:
            return []
        counts = np.bincount(codes)
        if counts.min() < self.cv:
            raise ValueError(
                f"cv={self.cv} folds need as many rows of each class, but y has only "
                f"{counts.min()} of {self.classes_.tolist()[counts.argmin()]!r}. Lower "
                "cv, or give X_val and y_val."
            )
        folds = StratifiedKFold(self.cv, shuffle=True, random_state=random_state)
        return [
            (train, (X[test], codes[test])) for train, test in folds.split(codes, codes)
        ]


class MarginLabelFlip(BaseLabelFlip):
    r"""Flip the labels of rows by their distance to the boundary.

    A surrogate learns from the clean rows. The margin of a row,

    .. math::

        m_i = f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i) ,

    says how far the score of its own class is above the best of the others; for a
    linear surrogate of two classes it is proportional to the distance to the
    hyperplane. Rows are flipped in the order of their margins. Those that the surrogate
    gets wrong come last in either order: to flip them would help the victim.

    Parameters
    ----------
    surrogate : classifier, default=None
        What the attacker believes that the victim learns: any classifier. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Share of the training rows to flip (float, n_p / n), or their number (int).
    order : {"furthest", "nearest"}, default="furthest"
        "furthest": the rows furthest from the boundary first, each to the least likely
        class. They do the harm. "nearest": the nearest first, each to the most likely
        of the other classes. They do little, and are hard to find.
    class_map : dict, default=None
        Wrong labels wanted, such as ``{8: 3}``: only rows of the classes among the
        keys are flipped, each to its value, and margins are those over that class.
        None: every row can be flipped.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of rows of the same margin.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples,) of bool
        Which rows have been flipped.
    contamination_ : float
        Their share.
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
    RandomLabelFlip : The baseline.
    GreedyLabelFlip : Flips what harms most.

    Notes
    -----
    For one seed the poison of a smaller budget is the beginning of that of a larger
    one. Both orders are baselines of [1]_.

    References
    ----------
    .. [1] H. Xiao, H. Xiao, C. Eckert, "Adversarial label flips attack on support
       vector machines", ECAI 2012.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import MarginLabelFlip
    >>> X, y = [[-3], [-2], [-1], [1], [2], [4]], [0, 0, 0, 1, 1, 1]
    >>> for order in ("furthest", "nearest"):
    ...     attack = MarginLabelFlip(LogisticRegression(), 1, order=order)
    ...     print(attack.fit_resample(X, y)[1])
    [0, 0, 0, 1, 1, 0]
    [0, 0, 0, 0, 1, 1]
    """

    _parameter_constraints: dict = {
        **BaseLabelFlip._parameter_constraints,
        "order": [StrOptions({"furthest", "nearest"})],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        order="furthest",
        class_map=None,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, class_map=class_map, random_state=random_state
        )
        self.order = order

    def _flip(self, X, codes, allowed, n_poison, random_state, folds):
        scores = class_scores(self._fitted(X, codes), X, self.classes_)
        below = margins(scores, codes)
        over_best = np.where(allowed, below, np.inf)
        margin = over_best.min(axis=1)
        if self.order == "nearest":
            new, distance = over_best.argmin(axis=1), np.abs(margin)
        else:
            new, distance = np.where(allowed, below, -np.inf).argmax(axis=1), -margin
        rows = random_state.permutation(np.flatnonzero(allowed.any(axis=1)))
        order = np.lexsort((distance[rows], margin[rows] < 0))
        rows = rows[order[:n_poison]]
        return rows, new[rows]
