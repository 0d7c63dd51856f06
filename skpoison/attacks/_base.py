"""Base class of attacks with a surrogate, and what the attacker knows."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval

from skpoison.attacks._surrogate import default_surrogate
from skpoison.attacks._tuned import attack_tuned, is_search
from skpoison.attacks._validation_data import split_rows
from skpoison.base import BasePoisoner, Poison
from skpoison.goals import BaseGoal
from skpoison.surrogates._student import unwrap_student
from skpoison.utils._callbacks import CallbackSupportMixin, with_callbacks
from skpoison.utils._containers import is_frame, is_text, take_rows
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._validation import InstanceWith, any_features, check_squares
from skpoison.utils._warnings import deduplicate_warnings


@dataclass(frozen=True)
class Known:
    """What the attacker knows.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_known, n_features)
        The rows known, as float64. If only the surrogate reads them, a dataframe is one
        still, and an array can hold anything: booleans, words, missing values. Texts
        are an array or a series of shape (n_known,).
    y : ndarray of shape (n_known,)
        Their labels or responses.
    codes : ndarray of shape (n_known,)
        The labels, as positions among the classes, or the responses.
    trusted : ndarray of shape (n_known,) of bool
        Which of these rows must not be touched.
    n_samples : int
        Number of training rows, known or not.
    classes : ndarray of shape (n_classes,) or None
        The class labels; None for responses.
    surrogate : estimator
        What the victim is believed to learn, with all seeds set.
    goal : BaseGoal, default=None
        What the attacker wants; None for attacks without a goal.
    X_val : {ndarray, csr matrix} of shape (n_val, n_features), default=None
        The validation rows given to `fit_resample`.
    y_val : ndarray of shape (n_val,), default=None
        Their labels, as positions among the classes, or their responses.
    feature_names : ndarray of shape (n_features,), default=None
        The names of the features, if they have names.
    groups : ndarray of shape (n_known,), default=None
        The groups of the rows, if `validation` divides rows by them.
    """

    X: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    trusted: np.ndarray
    n_samples: int
    classes: np.ndarray | None
    surrogate: object
    goal: BaseGoal | None = None
    X_val: np.ndarray | None = None
    y_val: np.ndarray | None = None
    feature_names: np.ndarray | None = None
    groups: np.ndarray | None = None


class BaseSurrogateAttack(CallbackSupportMixin, BasePoisoner):
    """Base class of attacks that know, or guess, what the victim learns.

    A subclass implements `_attack`, which sees the rows that the attacker knows alone,
    and returns the poison in terms of them. It may override `_start`, which is called
    whatever the budget. If it needs class labels it sets `_needs_classifier` to True,
    and `_only_surrogate_reads` if it passes X on to the surrogate and does not compute
    with it itself: what the surrogate accepts is then accepted.
    """

    _needs_classifier = False
    _only_surrogate_reads = False
    # Whether victims learn from fewer rows.
    _deletes_rows = False
    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "surrogate": [InstanceWith(["fit", "predict"]), None],
        "known_fraction": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self, surrogate=None, budget=0.1, *, known_fraction=1.0, random_state=None
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.known_fraction = known_fraction

    @with_callbacks
    @_fit_context(
        # The surrogate given is validated too.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to. An attack that does not read
            them itself also takes a list, an array or a series of texts.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot touch, and that a defence in the surrogate
            trusts. None: they can touch all of them.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples_out, n_features)
            The rows that came in, first and in order; then inserted rows.
        y_poisoned : of the type of y, of length n_samples_out
            Their labels, all of them among the labels seen.

        Raises
        ------
        ValueError
            If the data are not fit for classification, if `trusted` is not a mask over
            the rows, or if the budget is larger than the number of rows to poison.
        """
        return self._fit_resample(X, y, trusted=trusted)

    def _validate_params(self):
        """Check the parameters: a budget in the place of the surrogate by its name."""
        if isinstance(self.surrogate, Real):
            name = type(self).__name__
            raise ValueError(
                f"The 'surrogate' parameter of {name} must be an estimator or None. "
                f"Got {self.surrogate!r} instead. If this is the budget, write "
                f"{name}(budget={self.surrogate!r})."
            )
        super()._validate_params()

    def _passes_features_on(self):
        """Return whether X is passed on to the surrogate as it is.

        The default surrogate is for numbers.
        """
        return self._only_surrogate_reads and self.surrogate is not None

    @property
    def _instead_of_labels(self):
        """What an error about responses in y suggests."""
        if self._needs_classifier:
            return super()._instead_of_labels
        return "For regression give a regressor: surrogate=Ridge()."

    @property
    def _instead_of_numbers(self):
        """What an error about words in X suggests besides numbers."""
        if self._only_surrogate_reads:
            return ", or give a `surrogate` that begins with such a step"
        if self._needs_classifier:
            return ", or take GreedyLabelFlip with a `surrogate` that begins with one"
        return ""

    def _check_features(self, X):
        """Return X as numbers, or as it is if the surrogate alone reads it."""
        if not self._passes_features_on():
            return super()._check_features(X)
        X = any_features(self, X)
        is_float = not (is_frame(X) or is_text(X)) and X.dtype.kind == "f"
        return X.astype(np.float64, copy=False) if is_float else X

    def _takes_responses(self):
        """Return whether y holds responses instead of labels."""
        return (
            not self._needs_classifier
            and self.surrogate is not None
            and is_regressor(self.surrogate)
        )

    def _poison(self, X, y, *, n_poison, trusted, random_state, **given):
        positions, known = self._know(X, y, trusted, random_state, **given)
        self._start(known)
        if n_poison == 0:
            return self._nothing()
        with deduplicate_warnings(), limit_blas_threads(known.X):
            if is_search(known.surrogate):
                poison = attack_tuned(self, known, n_poison, random_state)
            else:
                poison = self._attack(known, n_poison, random_state)
        return _for_all_rows(poison, positions, y, known.y)

    @abstractmethod
    def _attack(self, known, n_poison, random_state):
        """Compute the poison.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        n_poison : int
            The number of rows that the budget allows to poison, at least 1.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        poison : Poison
            In terms of the rows known: `y` has one entry for each of them, `modified`
            and `deleted` are positions among them.
        """

    def _start(self, known):
        """Check parameters and set attributes, whatever the budget."""

    def _nothing(self):
        """Return the poison of a budget of 0."""
        return Poison()

    def _know(self, X, y, trusted, random_state):
        """Return the positions of the rows that the attacker knows, and the knowledge.

        Returns
        -------
        positions : ndarray of shape (n_known,) of int
        known : Known
        """
        self._check_surrogate()
        if not (is_frame(X) or is_text(X)):
            check_squares(X)
        if not self._passes_features_on():
            X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        takes_responses = self._takes_responses()
        classes = None if takes_responses else self.classes_
        codes = y if takes_responses else np.searchsorted(classes, y)
        positions = np.arange(y.shape[0])
        if self.known_fraction < 1:
            drawn, _ = split_rows(
                "known_fraction",
                self.known_fraction,
                codes,
                positions,
                random_state,
                stratify=not takes_responses,
            )
            positions = np.sort(drawn)
        X, y = take_rows(X, positions), y[positions]
        surrogate = default_surrogate(X) if self.surrogate is None else self.surrogate
        surrogate, y = unwrap_student(set_missing_seeds(surrogate, random_state), X, y)
        codes = y if takes_responses else np.searchsorted(classes, y)
        known = Known(
            X,
            y,
            codes,
            trusted[positions],
            trusted.shape[0],
            classes,
            surrogate,
            feature_names=getattr(self, "feature_names_in_", None),
        )
        return positions, known

    def _check_surrogate(self):
        """Check that the surrogate is of the kind that y asks for."""
        if self.surrogate is None or self._takes_responses():
            return
        if not is_classifier(self.surrogate):
            raise ValueError(
                "`surrogate` must be a classifier "
                + (
                    f"for {type(self).__name__}"
                    if self._needs_classifier
                    else "if y holds class labels, or a regressor if y holds responses"
                )
                + f"; got {self.surrogate!r}. Take LogisticRegression(), for example."
            )

    def __sklearn_tags__(self):
        """Return the tags: missing values if the surrogate alone reads them."""
        tags = super().__sklearn_tags__()
        if self._passes_features_on():
            tags.input_tags.allow_nan = get_tags(self.surrogate).input_tags.allow_nan
        return tags


def _for_all_rows(poison, positions, y, y_known):
    """Return poison of the rows known in terms of all rows.

    The labels that a student has learnt are not theirs: only those change that the
    attack has changed.
    """
    labels = poison.y
    if labels is not None:
        changed = poison.y != y_known
        labels = y.astype(labels.dtype, copy=True)
        labels[positions[changed]] = poison.y[changed]
    rows = {
        name: positions[getattr(poison, name)]
        for name in ("modified", "deleted")
        if getattr(poison, name) is not None
    }
    if poison.X_inserted is not None and poison.X_inserted.ndim == 1:
        rows["X_inserted"] = positions[poison.X_inserted]
    return replace(poison, y=labels, **rows)
