"""Base class of attacks on a stream."""

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone, is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.utils._param_validation import Interval

from skpoison.attacks._validation_data import check_validation_data
from skpoison.base import BasePoisoner
from skpoison.goals import BaseGoal, ErrorGeneric, ErrorSpecific
from skpoison.goals._base import check_rows_given
from skpoison.online._attacker import Attacker
from skpoison.online._combined_state import CombinedState
from skpoison.online._defended_victims import as_stream_learner
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import listed, shown
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._trusting import needs_trusted
from skpoison.utils._validation import (
    Described,
    InstanceWith,
    check_default,
    check_squares,
)

# Rows of a sparse stream that are made dense at once.
CHUNK = 1000
# Rows on which the goal is measured if the parameter is not set.
WINDOW = 300


@dataclass(frozen=True)
class Stream:
    """The rows of a stream, and what the attacker measures the goal on.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels, as positions among the classes, or responses.
    X_val : {ndarray, csr matrix} of shape (n_val, n_features), default=None
        The attacker's own rows.
    y_val : ndarray of shape (n_val,), default=None
        Their labels or responses.
    window : int, default=300
        The number of rows seen last that stand for the attacker's own, if there are
        none.
    trusted : ndarray of shape (n_samples,) of bool, default=None
        Which rows the victim knows to be clean. None: none of them.
    """

    X: object
    y: np.ndarray
    X_val: object = None
    y_val: np.ndarray | None = None
    window: int = WINDOW
    trusted: np.ndarray | None = None

    def known(self, n_seen):
        """Return the rows on which the goal is measured after some rows.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
        y : ndarray of shape (n_rows,)
        """
        if self.X_val is not None:
            return self.X_val, self.y_val
        rows = slice(max(0, n_seen - self.window), n_seen)
        return self.X[rows], self.y[rows]

    def pass_by(self, state, first, last):
        """Let a learner learn from the rows between two positions."""
        for start in range(first, last, CHUNK):
            rows = slice(start, min(start + CHUNK, last))
            X = self.X[rows]
            X = X.toarray() if sparse.issparse(X) else X
            trusted = None if self.trusted is None else self.trusted[rows]
            state.learn_rows(X, self.y[rows], trusted)


class BaseStreamAttack(BasePoisoner):
    """Base class of attacks on a learner from a stream.

    A subclass implements `_attack_stream`.
    """

    _instead_of_labels = "For regression give a regressor: surrogate=SGDRegressor()."
    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "surrogate": [InstanceWith(["partial_fit", "predict"]), None],
        "goal": [
            Described(dict, "a dict from class to class such as {8: 3}"),
            Described(
                BaseGoal,
                "a goal of skpoison.goals (an instance: Name(...), not the class Name)",
            ),
            None,
        ],
        "look_ahead": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal=None,
        look_ahead=1,
        window=None,
        random_state=None,
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.goal = goal
        self.look_ahead = look_ahead
        self.window = window

    @_fit_context(
        # The surrogate and the feasible set given are validated too.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None):
        """Poison a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows in the order in which they come. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels; responses if the surrogate is a regressor.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot touch, and of which a victim with a defence
            knows that they are clean. None: there are no such rows.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            The attacker's own rows, on which the goal is measured. None: the rows that
            have come by, the last `window` of them.
        y_val : array-like of shape (n_val,), default=None
            Their labels or responses; for :class:`~skpoison.goals.TargetLabels` those
            wanted.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples_out, n_features)
            The whole stream in its order.
        y_poisoned : of the type of y, of length n_samples_out
            Its labels or responses.

        Raises
        ------
        ValueError
            If the data are not fit for the surrogate, if only one of `X_val` and
            `y_val` is given or they do not go with the other parameters, or if the
            budget is larger than the number of rows to poison.
        TypeError
            If the steps of the surrogate are not known.
        """
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _takes_responses(self):
        """Return whether y holds responses instead of labels."""
        return self.surrogate is not None and is_regressor(self.surrogate)

    def _passes_features_on(self):
        return False

    def _poison(self, X, y, *, n_poison, trusted, random_state, X_val, y_val):
        goal = self._resolved_goal()
        self._check_rows_given(goal, X_val, y_val)
        X_val, y_val = check_validation_data(self, X, X_val, y_val)
        X, y = self._as_numbers(X, y)
        self._check_victim_trusts(trusted)
        stream = Stream(X, y, X_val, y_val, self.window or WINDOW, trusted)
        attacker = self._attacker(goal, X, random_state)
        with limit_blas_threads(X):
            return self._attack_stream(attacker, stream, n_poison, trusted)

    @abstractmethod
    def _attack_stream(self, attacker, stream, n_poison, trusted):
        """Let the stream pass by, and poison it.

        Parameters
        ----------
        attacker : Attacker
            The attacker, before the first row.
        stream : Stream
            The rows.
        n_poison : int
            The number of rows that the budget allows to poison.
        trusted : ndarray of shape (n_samples,) of bool
            Rows that must stay as they are.

        Returns
        -------
        poison : Poison
        """

    def _resolved_goal(self):
        """Return the goal, checked."""
        goal = self.goal
        if goal is None:
            goal = ErrorGeneric("surrogate")
        elif isinstance(goal, dict):
            goal = ErrorSpecific(goal)
        goal.check(None if self._takes_responses() else self.classes_)
        if goal.kind == "features":
            raise ValueError(
                "`goal` must be a function of the weights or of errors for "
                f"{type(self).__name__}, whose learners select no features; got "
                f"{goal!r}. Take TargetCoefficients."
            )
        return goal

    def _check_rows_given(self, goal, X_val, y_val):
        """Check that neither the attacker's rows nor `window` would be ignored."""
        is_given = X_val is not None or y_val is not None
        check_rows_given(goal, is_given)
        if not goal.needs_validation and self.look_ahead == 1:
            check_default(self, f"for {goal!r}, which reads no rows", window=None)
        if is_given:
            check_default(self, "if `X_val` and `y_val` are given", window=None)

    def _check_row(self, pair):
        """Return a row of a live stream, its label, and it as numbers, checked."""
        try:
            x, label = pair
            is_sparse = sparse.issparse(x)
            row = np.asarray(x.toarray() if is_sparse else x, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                "`rows` must hold pairs of an array of numbers and a label; got "
                f"{shown(pair)}. Give zip(X, y), and of dicts the values in the order "
                "of the columns of `X_known`."
            ) from None
        if is_sparse and row.shape == (1, self.n_features_in_):
            row = row[0]  # that of a sparse matrix; that of an array has one axis
        if row.shape != (self.n_features_in_,):
            raise ValueError(
                f"`rows` must hold rows of shape ({self.n_features_in_},), as wide as "
                f"`X_known`; got one of shape {row.shape}."
            )
        if not np.isfinite(row).all():
            column = int(np.flatnonzero(~np.isfinite(row))[0])
            raise ValueError(
                f"`rows` must hold finite numbers; got {row[column]} in column "
                f"{column}. Fill it in, or leave the row out."
            )
        if self._takes_responses():
            if not np.isfinite(label):
                raise ValueError(
                    f"`rows` must hold finite responses; got {label}. Leave the row "
                    "out."
                )
        elif not np.isin(label, self.classes_).all():
            raise ValueError(
                f"`rows` must hold labels of `y_known`, {listed(self.classes_)}; got "
                f"{shown(label)}. Add a known row of this class, or leave the row out."
            )
        return x, label, row

    def _check_victim_trusts(self, trusted):
        """Raise if the victim's defence asks trusted rows, and knows of none."""
        surrogate = self.surrogate
        if isinstance(surrogate, FrozenEstimator):
            surrogate = surrogate.estimator
        if needs_trusted(surrogate) and not (
            np.any(trusted) or hasattr(surrogate, "_memory")
        ):
            raise ValueError(
                "`trusted` must mark rows that the victim knows to be clean for a "
                f"{type(surrogate).__name__} as the surrogate, which asks them; got "
                "none. Give fit_resample(X, y, trusted=mask), or a fitted defence in a "
                "FrozenEstimator."
            )

    def _check_frozen(self, surrogate, X, classes):
        """Raise if a fitted surrogate does not know rows and labels like these."""
        if not isinstance(surrogate, FrozenEstimator):
            return
        fitted = surrogate.estimator
        n_features = getattr(fitted, "n_features_in_", X.shape[1])
        if n_features != X.shape[1]:
            raise ValueError(
                f"`surrogate` must be fitted to rows of {X.shape[1]} features, as the "
                f"stream has them; got {n_features} features. Fit it to such rows, or "
                "give it unfitted."
            )
        known = getattr(fitted, "classes_", classes)
        if classes is not None and not np.array_equal(known, classes):
            raise ValueError(
                "`surrogate` must be fitted to the labels of the stream, "
                f"{listed(classes)}; got {listed(known)}. Give its first call "
                "of partial_fit these as `classes`, or give it unfitted."
            )

    def _as_numbers(self, X, y):
        """Return rows as float64, and labels as positions among the classes."""
        check_squares(X)
        X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        if self._takes_responses():
            return X, y.astype(np.float64)
        return X, np.searchsorted(self.classes_, y)

    def _attacker(self, goal, X, random_state):
        """Return the attacker at the beginning of a stream of rows like X."""
        surrogate = self.surrogate
        if surrogate is None:
            surrogate = SGDClassifier("log_loss", learning_rate="constant", eta0=0.05)
        elif not (self._takes_responses() or is_classifier(surrogate)):
            raise ValueError(
                "`surrogate` must be a classifier if y holds class labels; got "
                f"{shown(surrogate)}. Take SGDClassifier(loss='log_loss')."
            )
        classes = None if self._takes_responses() else self.classes_
        self._check_frozen(surrogate, X, classes)
        state = as_stream_learner(
            set_missing_seeds(clone(surrogate), random_state),
            X.shape[1],
            classes,
            is_sparse=sparse.issparse(X),
        )
        if isinstance(state, CombinedState) and not goal.needs_validation:
            raise ValueError(
                "`goal` must be a goal of errors for a combination, whose learners "
                f"have coefficients of their own; got {goal!r}. Take ErrorGeneric()."
            )
        if self.look_ahead > 1 and state.has_memory:
            raise ValueError(
                "`look_ahead` must be 1 for a surrogate whose steps depend on the "
                f"steps before, as momentum does; got {self.look_ahead}. Or take one "
                "with solver='sgd' and momentum=0."
            )
        return Attacker(
            state,
            goal,
            classes,
            random_state,
            look_ahead=self.look_ahead,
            feature_names=getattr(self, "feature_names_in_", None),
        )
