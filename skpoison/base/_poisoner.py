"""What is an attack?"""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from imblearn.base import BaseSampler
from imblearn.utils import check_target_type
from sklearn.base import (
    _fit_context,
)
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt
from sklearn.utils.validation import (
    check_consistent_length,
    validate_data,
)

from skpoison.utils._containers import (
    append_responses,
    append_rows,
    is_frame,
    take_rows,
)
from skpoison.utils._validation import (
    check_labels,
    check_responses,
    check_trusted,
    numeric_features,
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
        The rows inserted: their features, or, of one dimension, the positions of the
        training rows of which they are clones.
    y_inserted : ndarray of shape (n_inserted,), default=None
        The labels of the rows inserted.
    modified : ndarray of shape (n_modified,) of int, default=None
        The positions of training rows whose features are replaced.
    X_modified : {ndarray, sparse matrix} of shape (n_modified, n_features), \
            default=None
        The features that they get.
    deleted : ndarray of shape (n_deleted,) of int, default=None
        The positions of training rows that are taken out.
    """

    y: np.ndarray | None = None
    X_inserted: np.ndarray | None = None
    y_inserted: np.ndarray | None = None
    modified: np.ndarray | None = None
    X_modified: np.ndarray | None = None
    deleted: np.ndarray | None = None


class BasePoisoner(BaseSampler, metaclass=ABCMeta):
    """Base class of all attacks.

    A subclass implements one method, `_poison`, which says by a :class:`Poison` what
    the attack does. The base class checks the data, turns the budget into a number of
    rows, gives every row back in the container in which it came, and sets the
    attributes below. A subclass with parameters of its own has the two below among
    them.

    A subclass whose attack never looks at the values of X sets the class attribute
    `_reads_features` to False: then any X passes through, with strings, categories and
    missing values. One whose `_takes_responses` returns True is given responses
    instead of labels, and has no `classes_`.

    Parameters
    ----------
    budget : float or int, default=0.1
        Share of the training rows to poison (float, n_p / n), or their number (int).
    random_state : int, RandomState instance or None, default=None
        Seed of everything random.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned. The rows that came in stand first and in
        order, but for those deleted; inserted rows are appended.
    deletion_mask_ : ndarray of shape (n_samples,) of bool
        Which of the rows that came in are deleted, where the attack deletes rows.
    contamination_ : float
        Poisoned share of the rows that come out: n_p / (n + n_p) for inserted rows.
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
    skpoison.utils.estimator_checks.check_estimator : The checks that every attack
        passes, for an attack of one's own in one line.

    Examples
    --------
    An attack that inserts copies of the mean of all rows, with a random label:

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

    _parameter_constraints: dict = {
        "budget": [
            Interval(RealNotInt, 0, 1, closed="both"),
            Interval(Integral, 0, None, closed="left"),
        ],
        "random_state": ["random_state"],
    }

    def __init__(self, budget=0.1, *, random_state=None):
        self.budget = budget
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check the data; an attack acts in `fit_resample`.

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
        self._check_data(X, y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, trusted=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot touch. None: he can touch all of them.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples_out, n_features)
            The rows that came in, first and in order; then inserted rows.
        y_poisoned : of the type of y, of length n_samples_out
            Their labels, all of them among the labels seen.

        Raises
        ------
        ValueError
            If the data are not fit for classification, if `trusted` is no mask over
            the rows, or if the budget asks for more rows than there are to poison.
        """
        return self._fit_resample(X, y, trusted=trusted)

    def _fit_resample(self, X, y, *, trusted, **for_hook):
        X_checked, y_checked = self._check_data(X, y)
        n_samples = y_checked.shape[0]
        poison = self._poison(
            X_checked,
            y_checked,
            n_poison=self._n_poison(n_samples),
            trusted=check_trusted(trusted, X),
            random_state=check_random_state(self.random_state),
            **for_hook,
        )
        return self._apply(poison, X, y, y_checked)

    @abstractmethod
    def _poison(self, X, y, *, n_poison, trusted, random_state):
        """Say what the attack does.

        Parameters
        ----------
        X : {ndarray, csr or csc matrix} of shape (n_samples, n_features)
            The training rows, checked and of dtype float64 or float32; where
            `_reads_features` is False, X as the user gave it.
        y : ndarray of shape (n_samples,)
            Their labels.
        n_poison : int
            The number of rows that the budget allows to insert or to change.
        trusted : ndarray of shape (n_samples,) of bool
            Rows that must stay as they are.
        random_state : RandomState
            The only source of randomness.

        Returns
        -------
        poison : Poison
        """

    def _check_data(self, X, y):
        """Check X and y, and set the attributes that speak of them."""
        takes_responses = self._takes_responses()
        if takes_responses:
            y_checked = check_responses(self, y)
        else:
            y_checked = check_target_type(check_labels(self, y))
        if self._reads_features:
            X_checked = numeric_features(
                self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
            )
        else:
            X_checked = X
        if is_frame(X):
            validate_data(self, X, skip_check_array=True)
        else:
            validate_data(
                self, X, accept_sparse=True, dtype=None, ensure_all_finite=False
            )
        check_consistent_length(X, y_checked)
        self.sampling_strategy_ = {}
        if takes_responses:
            if hasattr(self, "classes_"):
                del self.classes_  # of a call with other parameters
            return X_checked, y_checked
        self.classes_ = np.unique(y_checked)
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, but y "
                f"holds only one class: {self.classes_.tolist()[0]!r}."
            )
        return X_checked, y_checked

    def _takes_responses(self):
        """Say whether y holds responses, and no labels."""
        return False

    def _n_poison(self, n_samples):
        """Turn the budget into a number of rows."""
        if isinstance(self.budget, Integral):
            return int(self.budget)
        return round(self.budget * n_samples)

    def _apply(self, poison, X, y, y_checked):
        """Apply the poison to the user's own containers."""
        n_samples = y_checked.shape[0]
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
        rows = np.arange(n_samples)
        if poison.modified is not None:
            replaced = rows.copy()
            replaced[poison.modified] = n_samples + np.arange(len(poison.modified))
            X = take_rows(append_rows(X, poison.X_modified), replaced)
        if n_inserted and np.ndim(poison.X_inserted) == 1:
            X_out = take_rows(X, np.concatenate([rows, poison.X_inserted]))
        elif n_inserted:
            X_out = append_rows(X, poison.X_inserted)
        else:
            X_out = take_rows(X, rows)
        self.poison_mask_ = np.concatenate([changed, np.ones(n_inserted, dtype=bool)])
        self.contamination_ = float(self.poison_mask_.mean())
        donors = np.concatenate([rows, np.empty(n_inserted, dtype=int)])
        given = labels[self.poison_mask_]
        if self._takes_responses():
            donors[self.poison_mask_] = n_samples + np.arange(given.shape[0])
            return X_out, take_rows(append_responses(y, given), donors)
        # A label is taken from a row that bears it: so its container, dtype and
        # categories stay what they are, whatever they are.
        donors[self.poison_mask_] = self._donors(y_checked, given)
        return X_out, take_rows(y, donors)

    def _donors(self, y, labels):
        """Find for each label a row of y that bears it."""
        classes, first_rows = np.unique(y, return_index=True)
        codes = np.searchsorted(classes, labels).clip(max=classes.shape[0] - 1)
        if (classes[codes] != labels).any():
            raise ValueError(
                f"{type(self).__name__} gives labels that are not among those seen: "
                f"{np.setdiff1d(labels, classes).tolist()}; seen: {classes.tolist()}."
            )
        return first_rows[codes]

    def __sklearn_tags__(self):
        """Any X passes through an attack that does not read features."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = not self._reads_features
        tags.input_tags.string = not self._reads_features
        return tags
