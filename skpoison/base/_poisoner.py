"""Base class of all attacks."""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass

import numpy as np
from imblearn.base import BaseSampler
from imblearn.utils import check_target_type
from sklearn.base import (
    _fit_context,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skpoison.base._budget import BUDGET, n_rows_of
from skpoison.utils._containers import (
    append_responses,
    append_rows,
    is_frame,
    is_text,
    label_rows,
    take_rows,
)
from skpoison.utils._targets import check_labels, check_responses
from skpoison.utils._texts import listed
from skpoison.utils._validation import (
    check_is_collected,
    check_trusted,
    forget_fit,
    numeric_features,
    record_features,
)


@dataclass(frozen=True, kw_only=True)
class Poison:
    """What an attack does to a training set of n_samples rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), default=None
        The labels of the training rows after the attack. None leaves them alone.
    X_inserted : {ndarray, sparse matrix} of shape (n_inserted, n_features), \
            or ndarray of shape (n_inserted,) of int, default=None
        The inserted rows: their features, or, if it has one dimension, the positions
        of the training rows that are cloned.
    y_inserted : ndarray of shape (n_inserted,), default=None
        The labels of the inserted rows.
    modified : ndarray of shape (n_modified,) of int, default=None
        The positions of training rows whose features are replaced.
    X_modified : {ndarray, sparse matrix} of shape (n_modified, n_features), \
            default=None
        Their new features.
    deleted : ndarray of shape (n_deleted,) of int, default=None
        The positions of training rows that are deleted.
    positions : ndarray of shape (n_inserted,) of int, default=None
        Where the inserted rows come in, in ascending order: before which training row,
        or the number of these for the end. None: all of them at the end.
    """

    y: np.ndarray | None = None
    X_inserted: np.ndarray | None = None
    y_inserted: np.ndarray | None = None
    modified: np.ndarray | None = None
    X_modified: np.ndarray | None = None
    deleted: np.ndarray | None = None
    positions: np.ndarray | None = None


class BasePoisoner(BaseSampler, metaclass=ABCMeta):
    """Base class of all attacks.

    A subclass implements one method, `_poison`, which returns a :class:`Poison`. The
    base class checks the data, turns the budget into a number of rows, returns the rows
    in the container in which they came, and sets the attributes below. If a subclass
    has its own parameters, its constructor also takes the two below.

    An attack that never reads the values of X sets the class attribute
    `_reads_features` to False: X is then passed through unchecked, including strings,
    categories and missing values, or one-dimensional texts. For an attack on a
    regression task `_takes_responses` returns True: y then holds responses instead of
    class labels, and there is no `classes_`.

    Parameters
    ----------
    budget : float or int, default=0.1
        Share of the training rows to poison (float, n_p / n), or their number (int).
    random_state : int, RandomState instance or None, default=None
        Seed of everything random.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned. The input rows that are not deleted come
        first, in their order; inserted rows are appended.
    source_indices_ : ndarray of shape (n_samples_out,) of int
        The position of each row of the output among the input rows, -1 for inserted
        rows. Only for attacks on a stream, whose inserted rows stand among the others.
    deletion_mask_ : ndarray of shape (n_samples,) of bool
        Which of the input rows are deleted. Only for attacks that delete rows.
    contamination_ : float
        Poisoned share of the output rows: n_p / (n + n_p) for inserted rows.
    poison_ : Poison
        The poison itself: what was inserted, modified, relabelled or deleted.
    classes_ : ndarray of shape (n_classes,)
        The class labels. Not for attacks on regression.
    n_features_in_ : int
        Number of features seen during `fit_resample`; not for texts.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    skpoison.utils.estimator_checks.check_estimator : Run the checks that every attack
        passes on your own attack.

    Examples
    --------
    An attack that inserts copies of the mean of all rows with a random label:

    >>> import numpy as np
    >>> from skpoison.base import BasePoisoner, Poison
    >>> class MeanInsertion(BasePoisoner):
    ...     def _poison(self, X, y, *, n_poison, trusted, random_state):
    ...         rows = np.repeat(X.mean(axis=0).reshape(1, -1), n_poison, axis=0)
    ...         labels = random_state.choice(self.classes_, n_poison)
    ...         return Poison(X_inserted=rows, y_inserted=labels)
    >>> X, y = [[0.0], [1.0], [2.0], [5.0]], ["ham", "ham", "spam", "spam"]
    >>> MeanInsertion(budget=1, random_state=0).fit_resample(X, y)
    ([[0.0], [1.0], [2.0], [5.0], [2.0]], ['ham', 'ham', 'spam', 'spam', 'ham'])
    """

    _sampling_type = "bypass"
    sampling_strategy = None
    _reads_features = True
    # What an error about responses in y suggests.
    _instead_of_labels = (
        "For regression take an attack with a regressor, such as "
        "GradientInsertion(surrogate=Ridge())."
    )

    _parameter_constraints: dict = {
        "budget": BUDGET,
        "random_state": ["random_state"],
    }

    def __init__(self, budget=0.1, *, random_state=None):
        self.budget = budget
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check the data. The attack itself happens in `fit_resample`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        self : object
        """
        forget_fit(self)
        self._check_data(X, y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
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
            Rows that the attacker cannot touch. None: they can touch every row.

        Returns
        -------
        X_poisoned : same type as X, of shape (n_samples_out, n_features)
            The input rows in their order, then the inserted rows. In a pandas index
            rows keep their labels; inserted rows get labels that no row of X has.
        y_poisoned : same type as y, of length n_samples_out
            Their labels. No class is new.

        Raises
        ------
        ValueError
            If X or y is invalid, if `trusted` is not a boolean mask over the rows, or
            if the budget is larger than the number of rows that can be poisoned.
        """
        return self._fit_resample(X, y, trusted=trusted)

    def _fit_resample(self, X, y, *, trusted, **for_hook):
        forget_fit(self)
        X_checked, y_checked = self._check_data(X, y)
        n_samples = self._n_samples = y_checked.shape[0]
        with np.errstate(under="ignore"):  # numbers that small are 0
            self.poison_ = self._poison(
                X_checked,
                y_checked,
                n_poison=self._n_poison(n_samples),
                trusted=check_trusted(trusted, X),
                random_state=check_random_state(self.random_state),
                **for_hook,
            )
        return self._apply(self.poison_, X, y, y_checked)

    def apply_poison(self, X, y):
        """Apply the poison of the last `fit_resample` to its training set again.

        Nothing is computed anew, so one poison can be stored compactly and used for
        many estimators.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows that were passed to `fit_resample`.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.

        Returns
        -------
        X_poisoned : same type as X, of shape (n_samples_out, n_features)
            What `fit_resample` returned.
        y_poisoned : same type as y, of length n_samples_out
            What `fit_resample` returned.

        Raises
        ------
        ValueError
            If there are other rows or other classes than in `fit_resample`.
        """
        check_is_fitted(self, "poison_")
        y_checked = self._check_y(y)
        for name, n_samples in (("X", _num_samples(X)), ("y", y_checked.shape[0])):
            if n_samples != self._n_samples:
                raise ValueError(
                    f"{name} must be the {self._n_samples} rows that were passed to "
                    f"fit_resample; got {n_samples} rows."
                )
        if not self._takes_responses():
            classes = np.unique(y_checked)
            if classes.tolist() != self.classes_.tolist():
                raise ValueError(
                    "y must be the labels that were passed to fit_resample, of the "
                    f"classes {listed(self.classes_)}; got {listed(classes)}."
                )
        return self._apply(self.poison_, X, y, y_checked)

    @abstractmethod
    def _poison(self, X, y, *, n_poison, trusted, random_state):
        """Compute the poison.

        Parameters
        ----------
        X : {ndarray, csr or csc matrix} of shape (n_samples, n_features)
            The training rows, checked, of dtype float64 or float32. If
            `_reads_features` is False, X as the user passed it.
        y : ndarray of shape (n_samples,)
            Their labels or responses.
        n_poison : int
            Number of rows that the budget allows the attack to insert, change or
            delete.
        trusted : ndarray of shape (n_samples,) of bool
            Rows that must stay as they are.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        poison : Poison
        """

    def _check_data(self, X, y):
        """Check X and y and set the attributes that describe them."""
        check_is_collected(X)
        y_checked = self._check_y(y)
        X_checked = self._check_features(X) if self._reads_features else X
        # It has been validated, or cannot be.
        if self._reads_features or is_frame(X) or is_text(X):
            record_features(self, X)
        else:
            validate_data(
                self, X, accept_sparse=True, dtype=None, ensure_all_finite=False
            )
        check_consistent_length(X, y_checked)
        if self._takes_responses():
            return X_checked, y_checked
        self.classes_ = np.unique(y_checked)
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"y must hold at least two classes for {type(self).__name__}, but y "
                f"holds only one class: {self.classes_.tolist()[0]!r}."
            )
        return X_checked, y_checked

    def _check_features(self, X):
        """Return X as `_poison` is given it, if the attack reads features."""
        return numeric_features(
            self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
        )

    def _check_y(self, y):
        """Return y as an array of class labels or responses."""
        if self._takes_responses():
            return check_responses(self, y)
        return check_target_type(check_labels(self, y))

    @property
    def sampling_strategy_(self):
        """Nothing: imbalanced-learn expects every fitted sampler to have this."""
        return {}

    def _takes_responses(self):
        """Return whether y holds responses instead of class labels."""
        return False

    def _n_poison(self, n_samples):
        """Return the number of rows that the budget stands for."""
        return n_rows_of(self.budget, n_samples)

    def _apply(self, poison, X, y, y_checked):
        """Apply the poison to the user's own containers."""
        n_samples = y_checked.shape[0]
        kept = np.arange(n_samples)
        if poison.deleted is not None:
            self.deletion_mask_ = np.zeros(n_samples, dtype=bool)
            self.deletion_mask_[poison.deleted] = True
            kept = np.flatnonzero(~self.deletion_mask_)
            self.poison_mask_ = np.zeros(kept.shape[0], dtype=bool)
            self.contamination_ = 0.0
            return take_rows(X, kept), take_rows(y, kept)
        labels = y_checked if poison.y is None else poison.y
        changed = labels != y_checked
        if poison.modified is not None:
            changed[poison.modified] = True
        if poison.y_inserted is not None:
            labels = np.concatenate([labels, poison.y_inserted])
        n_inserted = labels.shape[0] - n_samples
        self.poison_mask_ = np.concatenate([changed, np.ones(n_inserted, dtype=bool)])
        self.contamination_ = float(self.poison_mask_.mean())
        X_out = self._poisoned_features(poison, X, n_samples)
        y_out = self._poisoned_targets(y, y_checked, labels)
        X_out, y_out = label_rows(X_out, X, kept), label_rows(y_out, y, kept)
        if poison.positions is None:
            return X_out, y_out
        # Inserted rows come before the row whose position they have.
        places = np.concatenate([kept, poison.positions - 0.5])
        order = np.argsort(places, kind="stable")
        self.poison_mask_ = self.poison_mask_[order]
        self.source_indices_ = np.where(order < n_samples, order, -1)
        return take_rows(X_out, order), take_rows(y_out, order)

    def _poisoned_features(self, poison, X, n_samples):
        """Return the features after an attack that deletes no row."""
        rows = np.arange(n_samples)
        if poison.modified is not None:
            replaced = rows.copy()
            replaced[poison.modified] = n_samples + np.arange(len(poison.modified))
            X = take_rows(append_rows(X, poison.X_modified), replaced)
        if not self.poison_mask_.shape[0] > n_samples:
            return take_rows(X, rows)
        if np.ndim(poison.X_inserted) == 1:
            return take_rows(X, np.concatenate([rows, poison.X_inserted]))
        return append_rows(X, poison.X_inserted)

    def _poisoned_targets(self, y, y_checked, labels):
        """Return y after the attack, given the labels or responses of all rows."""
        donors = np.empty(labels.shape[0], dtype=int)
        donors[: y_checked.shape[0]] = np.arange(y_checked.shape[0])
        new_labels = labels[self.poison_mask_]
        if self._takes_responses():
            donors[self.poison_mask_] = y_checked.shape[0] + np.arange(len(new_labels))
            return take_rows(append_responses(y, new_labels), donors)
        # New labels are copied from rows of y that have them: this preserves the
        # container, the dtype and the categories without knowing any of them.
        donors[self.poison_mask_] = self._donors(y_checked, new_labels)
        return take_rows(y, donors)

    def _donors(self, y, labels):
        """Return, for each label, the position of a row of y that has it."""
        classes, first_rows = np.unique(y, return_index=True)
        codes = np.searchsorted(classes, labels).clip(max=classes.shape[0] - 1)
        if (classes[codes] != labels).any():
            raise ValueError(
                f"{type(self).__name__} must not invent labels: it returned "
                f"{np.setdiff1d(labels, classes).tolist()}, but y has only "
                f"{classes.tolist()}."
            )
        return first_rows[codes]

    def __sklearn_tags__(self):
        """Return the tags: an attack that does not read features accepts any X."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = not self._reads_features
        tags.input_tags.string = not self._reads_features
        return tags
