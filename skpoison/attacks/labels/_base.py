"""Base classes of label flips that know what the victim learns."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.model_selection import StratifiedKFold
from sklearn.utils._param_validation import HasMethods, Interval

from skpoison.attacks._class_map import allowed_flips, budget_error
from skpoison.attacks._own_rows import check_own_rows, check_together
from skpoison.attacks._surrogate import default_surrogate
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
            raise budget_error(self.budget, n_poison, n_rows)
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
