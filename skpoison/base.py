"""What is an attack, what is a defence?

An attack is an imbalanced-learn sampler, :class:`BasePoisoner`: a training set goes in,
a poisoned training set comes out. A defence is a scikit-learn meta-estimator,
:class:`BaseDefence`: it fits a clone of the user's estimator, on its guard. Most derive
from :class:`BaseSanitizedClassifier`: they judge the rows of a training set and fit the
clone on what they believe. Each leaves its subclasses a single hook that sees checked
arrays; containers, budgets, metadata and contracts are dealt with here, once.
"""

import warnings
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from imblearn.base import BaseSampler
from imblearn.utils import check_target_type
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
    clone,
    is_classifier,
)
from sklearn.utils import InputTags, check_random_state, column_or_1d, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    check_consistent_length,
    has_fit_parameter,
    validate_data,
)

from skpoison.utils._containers import (
    append_responses,
    append_rows,
    is_frame,
    take_rows,
)
from skpoison.utils._delegation import PredictsByEstimatorMixin
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


class BaseDefence(
    PredictsByEstimatorMixin,
    ClassifierMixin,
    MetaEstimatorMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of all defences.

    A subclass has `estimator` as the first parameter of its constructor and implements
    one method, `_fit_estimator`. The base class checks the data, leaves out rows of
    weight 0, routes metadata, and predicts by the clone that the subclass has fitted.
    A defence that drops or relabels rows derives from :class:`BaseSanitizedClassifier`.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are believed as they are: neither dropped nor relabelled.
    classes_ : ndarray of shape (n_classes,)
        The labels seen, of rows whose weight is not 0.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    Examples
    --------
    A defence that fits a clone on the trusted rows alone, where there are some:

    >>> import numpy as np
    >>> from sklearn.base import clone
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.base import BaseDefence
    >>> class TrustedOnly(BaseDefence):
    ...     def __init__(self, estimator):
    ...         self.estimator = estimator
    ...
    ...     def _fit_estimator(self, X, y, *, present, trusted, params):
    ...         used = trusted if trusted.any() else present
    ...         self.estimator_ = clone(self.estimator).fit(X[used], y[used])
    ...         self.inlier_mask_ = used
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 0])
    >>> defence = TrustedOnly(LogisticRegression(C=100))
    >>> defence.fit(X, y, trusted=[True, True, True, False]).predict([[3.0]])
    array([1])
    """

    _parameter_constraints: dict = {"estimator": [HasMethods(["fit", "predict"])]}

    @_fit_context(
        # The estimator given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, sample_weight=None, *, trusted=None, **fit_params):
        """Fit a clone of the estimator, on its guard against poison.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. A dataframe reaches the estimator as a dataframe.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, passed on to the estimator. A row of weight 0 counts
            as absent: it is not judged, and it is no inlier.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows known to be clean. They are never dropped nor relabelled.
        **fit_params : dict
            Passed on to the `fit` of the estimator by metadata routing.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If `trusted` is no mask over the rows, if the estimator is no classifier,
            or if it takes no sample weights where some are given.
        """
        _raise_for_params(fit_params, self, "fit")
        X, y = self._check_data(X, y)
        mask = check_trusted(trusted, X)
        present = np.ones(y.shape[0], dtype=bool)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            present = sample_weight != 0
            if not present.any():
                raise ValueError("sample_weight is 0 for every row: nothing to fit.")
        self.classes_ = np.unique(y[present])
        params = self._fit_params(fit_params, sample_weight, trusted)
        self._fit_estimator(X, y, present=present, trusted=mask, params=params)
        return self

    @abstractmethod
    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Set `estimator_` and `inlier_mask_`.

        Parameters
        ----------
        X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : ndarray of shape (n_samples,)
            Their labels.
        present : ndarray of shape (n_samples,) of bool
            Rows that count; those of weight 0 do not.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.
        params : dict
            What the fit of the estimator gets beside X and y, of all rows.
        """

    def _check_data(self, X, y):
        """Check X and y, and set the attributes that speak of them."""
        if not is_classifier(self.estimator):
            raise ValueError(
                f"{type(self).__name__} needs a classifier as its estimator, got "
                f"{self.estimator!r}."
            )
        if is_frame(X):
            validate_data(self, X, skip_check_array=True)
        else:
            X = validate_data(
                self, X, accept_sparse="csr", ensure_all_finite=self._finite()
            )
        y = check_labels(self, y)
        if type_of_target(y).startswith("multilabel"):
            raise ValueError("Multilabel and multioutput targets are not supported.")
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        return X, y

    def _finite(self):
        return "allow-nan" if get_tags(self).input_tags.allow_nan else True

    def _judge_input_tags(self):
        """Say what the judgement itself accepts as X: here, what everybody does."""
        return InputTags(sparse=True)

    def _fit_params(self, fit_params, sample_weight, trusted):
        """Collect what the fit of the estimator gets beside X and y."""
        if _routing_enabled():
            own = {"sample_weight": sample_weight, "trusted": trusted}
            fit_params |= {k: v for k, v in own.items() if v is not None}
            return process_routing(self, "fit", **fit_params)["estimator"]["fit"]
        if sample_weight is None:
            return {}
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"{type(self.estimator).__name__} takes no sample_weight in its fit. "
                "Fit without weights; in a Pipeline, enable metadata routing."
            )
        return {"sample_weight": sample_weight}

    def get_metadata_routing(self):
        """Say where metadata go.

        Returns
        -------
        routing : MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self):
        """Accept what both the estimator and the judgement accept."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        judge = self._judge_input_tags()
        for kind in ("sparse", "allow_nan"):
            both = getattr(inner.input_tags, kind) and getattr(judge, kind)
            setattr(tags.input_tags, kind, both)
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        return tags


class BaseSanitizedClassifier(BaseDefence):
    """Base class of all defences that judge the rows of a training set.

    A subclass has `estimator` as the first parameter of its constructor and implements
    one method, `_judge`. The base class checks the data, sees to it that no trusted row
    is touched and no class is lost, and fits a clone of the estimator on the rows
    that are left.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are believed as they are: neither dropped nor relabelled.
    classes_ : ndarray of shape (n_classes,)
        The labels seen, of rows whose weight is not 0.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.
    """

    _relabels = False

    @abstractmethod
    def _judge(self, X, y, *, trusted):
        """Say for each row which label to believe.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows, numeric.
        y : ndarray of shape (n_samples,) of int
            Their labels as positions in `classes_`.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.

        Returns
        -------
        verdict : ndarray of shape (n_samples,) of int
            The label believed, or -1 for a row to be dropped. What it says of trusted
            rows is not listened to.
        """

    def _verdict(self, X, codes, trusted):
        """Judge the rows, and keep what every defence must keep."""
        numbers = numeric_features(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite=self._finite(),
        )
        verdict = np.where(trusted, codes, self._judge(numbers, codes, trusted=trusted))
        rescued = np.zeros_like(codes, dtype=bool)
        # To rescue the rows of one class can take another its last ones.
        while (lost := np.setdiff1d(codes, verdict)).size:
            rescued |= np.isin(codes, lost)
            verdict[rescued] = codes[rescued]
        if rescued.any():
            classes = self.classes_[np.unique(codes[rescued])].tolist()
            warnings.warn(
                f"{type(self).__name__} finds no row to believe in of {classes}; so "
                "that no class is lost, their rows are kept as they are. Mark some of "
                "them as trusted.",
                UserWarning,
                stacklevel=5,
            )
        return verdict

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Judge the rows, then fit the estimator on what is believed."""
        codes = np.searchsorted(self.classes_, y[present])
        verdict = np.full(y.shape[0], -1)
        verdict[present] = self._verdict(_rows_of(X, present), codes, trusted[present])
        self.inlier_mask_ = np.zeros(y.shape[0], dtype=bool)
        self.inlier_mask_[present] = verdict[present] == codes
        kept = verdict >= 0
        y_sanitized = y.copy()
        y_sanitized[kept] = self.classes_[verdict[kept]]
        if self._relabels:
            self.y_sanitized_ = y_sanitized
        elif hasattr(self, "y_sanitized_"):
            del self.y_sanitized_  # of a fit with other parameters
        self.estimator_ = clone(self.estimator).fit(
            _rows_of(X, kept),
            y_sanitized[kept],
            **_check_method_params(X, params, indices=np.flatnonzero(kept)),
        )


def _rows_of(X, mask):
    """Take the rows in a mask; X itself, and no copy of it, where that is all."""
    return X if mask.all() else take_rows(X, np.flatnonzero(mask))
