"""Base class of defences that score training rows and act on the suspicious ones."""

from abc import abstractmethod
from numbers import Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_method_params

from skpoison.base._defence import BaseDefence
from skpoison.base._delegation import PredictsByEstimatorMixin
from skpoison.base._missing_values import explain_missing
from skpoison.base._overruled_share import overruled_share
from skpoison.utils._containers import is_frame, take_rows
from skpoison.utils._texts import listed, shown
from skpoison.utils._validation import check_squares, numeric_features
from skpoison.utils._warnings import warn_user
from skpoison.utils._weights import without_weights

# The verdict on a row that is dropped, among labels as positions in `classes_`.
DROPPED = -1
# What can be done about suspicious rows.
ACTIONS = ("drop", "relabel", "weigh")


class BaseRowFilter(PredictsByEstimatorMixin, BaseDefence):
    """Base class of defences that score the training rows.

    A subclass implements `_score_rows`. Rows whose score reaches the threshold are
    suspicious: they are dropped, and a clone of `estimator` is fitted on the others.
    The base class keeps trusted rows as they are, and the rows of a class of which
    every row is suspicious.

    A subclass can do something else with suspicious rows. It then has a parameter
    `action` in its constructor: "drop", "relabel" (`_score_rows` also returns labels)
    or "weigh" (they get sample weights below 1). It can also learn its threshold, by
    `_learn_threshold`.

    Parameters
    ----------
    estimator : classifier or regressor
        Fitted on the rows that are left.
    threshold : float, default=0.0
        Score from which on a row is suspicious.

    Attributes
    ----------
    estimator_ : classifier or regressor
        The fitted clone of `estimator`.
    sample_scores_ : ndarray of shape (n_samples,)
        Scores of the rows: higher is more suspicious. NaN for rows of weight 0, which
        are not scored.
    threshold_ : float or ndarray of shape (n_classes,)
        Score from which on a row, or a row of each class, is suspicious. A threshold
        of infinity is never reached.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are: not dropped, relabelled or weighted down.
    overruled_share_ : ndarray of shape (n_classes,) or float
        Share of each class that is not used as it is. A row that is weighted down
        counts as the part of its weight that it loses. A number for regression.
        `fit` warns if it is significantly more than one half.
    y_sanitized_ : ndarray of shape (n_samples,)
        The labels after relabelling. Only with ``action="relabel"``.
    sample_weight_ : ndarray of shape (n_samples,)
        The weights of the rows in the fit of `estimator_`. Only with
        ``action="weigh"``.
    classes_ : ndarray of shape (n_classes,)
        The class labels of the rows whose weight is not 0. Only for classification.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    skpoison.inspection.SampleScoresDisplay : Draws the scores and the threshold.

    Examples
    --------
    A filter for any task: the score of a row is its largest feature.

    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.base import BaseRowFilter
    >>> class LargestFeatureFilter(BaseRowFilter):
    ...     def _score_rows(self, X, y, *, trusted):
    ...         return np.abs(X).max(axis=1)
    >>> X, y = np.array([[0.0], [1.0], [2.0], [90.0]]), np.array([0.0, 1.0, 2.0, 0.0])
    >>> defence = LargestFeatureFilter(Ridge(), threshold=10.0).fit(X, y)
    >>> defence.sample_scores_
    array([ 0.,  1.,  2., 90.])
    >>> defence.inlier_mask_
    array([ True,  True,  True, False])
    """

    action = "drop"
    # Whether `_score_rows` takes rows of booleans as they are, for metrics of booleans.
    _keeps_booleans = False

    _parameter_constraints: dict = {
        **BaseDefence._parameter_constraints,
        "threshold": [Interval(Real, None, None, closed="neither")],
    }

    # Whether a share of the rows that are not trusted is left out, whatever they are.
    _leaves_out_a_share = False

    def __init__(self, estimator, *, threshold=0.0):
        self.estimator = estimator
        self.threshold = threshold

    @abstractmethod
    def _score_rows(self, X, y, *, trusted):
        """Compute how suspicious each row is.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows whose weight is not 0, of dtype float64 or float32. If
            `_reads_features` returns False, of any dtype or a dataframe.
        y : ndarray of shape (n_samples,)
            Their labels as positions in `classes_`, or their responses.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean. They are kept, whatever their score.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The scores; higher is more suspicious. A subclass that relabels returns a
            pair: the scores, and the label that each row gets if it is suspicious, as
            a position in `classes_`.
        """

    def _learn_threshold(self, scores, y, *, trusted):
        """Return the threshold: the parameter, unless a subclass learns it.

        Parameters
        ----------
        scores, y, trusted : ndarray of shape (n_samples,)
            The scores of the rows whose weight is not 0, their labels (as positions
            in `classes_`) or responses, and which of them are trusted.

        Returns
        -------
        threshold : float or ndarray of shape (n_classes,)
        """
        return self.threshold

    def _fit_estimator(self, X, y, *, present, trusted, params):
        """Score the rows, decide on each, and fit the estimator accordingly."""
        kept, y, params = self._decide(
            X, y, present=present, trusted=trusted, params=params
        )
        self.estimator_ = self._fit_clone(
            _rows_of(X, kept),
            y[kept],
            _check_method_params(X, params, indices=np.flatnonzero(kept)),
        )

    def _verdict(self, X, y, *, trusted):
        """Decide on each row as `fit` does, and fit no estimator.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows.
        y : ndarray of shape (n_samples,)
            Their labels or responses.
        trusted : ndarray of shape (n_samples,) of bool
            Rows known to be clean.

        Returns
        -------
        weights : ndarray of shape (n_samples,)
            The weight of each row in the fit of the estimator; 0 if it is dropped.
        y : ndarray of shape (n_samples,)
            The labels that the estimator is given.
        """
        rows = self._check_rows(X, y, trusted=trusted)
        try:
            kept, y, params = self._decide(
                rows.X, rows.y, present=rows.present, trusted=rows.trusted, params={}
            )
        finally:
            self._end_fit()
        return kept * np.asarray(params.get("sample_weight", 1.0)), y

    def _decide(self, X, y, *, present, trusted, params):
        """Score the rows and decide on each.

        Parameters
        ----------
        X, y, present, trusted, params
            As in `_fit_estimator`.

        Returns
        -------
        kept : ndarray of shape (n_samples,) of bool
            Which rows the estimator is fitted to.
        y : ndarray of shape (n_samples,)
            Their labels after relabelling.
        params : dict
            Metadata for its `fit`, with an entry for every row of X.
        """
        self._check_action()
        trusted = trusted[present]
        # For regression all rows are of one class.
        codes = np.zeros(trusted.shape[0], dtype=int)
        if is_classifier(self):
            codes = target = np.searchsorted(self.classes_, y[present])
        else:
            target = y[present]
        scores, labels = self._checked_scores(X, present, target, trusted)
        self.threshold_ = self._checked_threshold(
            self._learn_threshold(scores, target, trusted=trusted)
        )
        thresholds = self.threshold_
        if np.ndim(thresholds):
            thresholds = thresholds[codes]
        suspicious = (scores >= thresholds) & (thresholds < np.inf) & ~trusted
        self.sample_scores_ = _spread(scores, present, np.nan)
        if self.action == "weigh":
            factors = self._factors(scores, thresholds, suspicious)
            suspicious &= ~self._rescued(codes, np.where(factors > 0, codes, DROPPED))
            factors[~suspicious] = 1.0
            lost = 1 - factors
            verdict = codes
            params = self._weighted_params(params, _spread(factors, present, 0.0))
        else:
            verdict = np.where(suspicious, DROPPED if labels is None else labels, codes)
            rescued = self._rescued(codes, verdict)
            verdict[rescued] = codes[rescued]
            lost = suspicious = verdict != codes
        self.inlier_mask_ = _spread(~suspicious, present, False)
        self.overruled_share_ = overruled_share(self, codes, lost)
        verdict = _spread(verdict, present, DROPPED)
        kept = verdict != DROPPED
        if self.action == "relabel":
            y = y.copy()
            y[kept] = self.classes_[verdict[kept]]
            self.y_sanitized_ = y
        self._row_codes = _spread(codes, present, DROPPED)
        return kept, y, params

    def _checked_scores(self, X, present, target, trusted):
        """Return the scores, and the labels for relabelling or None."""
        result = self._score_rows(
            self._rows_to_score(X, present), target, trusted=trusted
        )
        scores, labels = result if isinstance(result, tuple) else (result, None)
        n_samples = trusted.shape[0]
        try:
            scores = np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{type(self).__name__}._score_rows must return an array with a number "
                f"for each of the {n_samples} rows that it is given; got "
                f"{type(scores).__name__}."
            ) from error
        if scores.shape != trusted.shape or np.isnan(scores).any():
            raise ValueError(
                f"{type(self).__name__}._score_rows must return a number for each of "
                f"the {n_samples} rows that it is given; got an array of shape "
                f"{scores.shape} with {np.isnan(scores).sum()} NaN."
            )
        if self.action != "relabel":
            return scores, None
        codes = np.arange(self.classes_.shape[0])
        if np.shape(labels) != trusted.shape or not np.isin(labels, codes).all():
            raise ValueError(
                f"{type(self).__name__}._score_rows must return a pair of scores and "
                f"labels for action='relabel', with a position in classes_, from 0 to "
                f"{codes[-1]}, for each of the {n_samples} rows; got {shown(labels)} "
                "for the labels."
            )
        return scores, np.asarray(labels)

    def _checked_threshold(self, threshold):
        """Return the threshold, as an array if there is one for each class."""
        values = np.asarray(threshold, dtype=np.float64)
        shapes = [(), self.classes_.shape] if is_classifier(self) else [()]
        if values.shape not in shapes or np.isnan(values).any():
            raise ValueError(
                f"{type(self).__name__}._learn_threshold must return a number"
                f"{', or one for each class' * is_classifier(self)}; got "
                f"{shown(threshold)}."
            )
        return values if values.ndim else threshold

    def _check_action(self):
        """Raise if the action is unknown, or if it is not one for this task."""
        if self.action not in ACTIONS:
            raise ValueError(
                f"action must be one of {', '.join(map(repr, ACTIONS))}; got "
                f"{self.action!r}."
            )
        if self.action == "relabel" and not is_classifier(self):
            raise ValueError(
                "action='relabel' needs a classifier, because responses are not "
                f"relabelled; got {shown(self.estimator)}. Use action='drop' or "
                "'weigh'."
            )

    def _rows_to_score(self, X, present):
        """Return the rows of a mask as numbers; arrays have been checked before."""
        rows = _rows_of(X, present)
        if not self._reads_features():
            return rows
        dtypes = [np.float64, np.float32, *[np.bool_] * self._keeps_booleans]
        if is_frame(X):
            with explain_missing(self):
                rows = numeric_features(
                    self,
                    rows,
                    accept_sparse="csr",
                    dtype=dtypes,
                    ensure_all_finite=self._ensure_all_finite(),
                )
        elif rows.dtype not in dtypes:
            rows = rows.astype(np.float64)
        check_squares(rows)
        return rows

    def _rescued(self, codes, verdict):
        """Find the rows to keep so that no class is lost, and warn if there are any.

        Parameters
        ----------
        codes, verdict : ndarray of shape (n_samples,) of int
            The class of each row before and after the filter, or -1 after it.

        Returns
        -------
        rescued : ndarray of shape (n_samples,) of bool
        """
        verdict = verdict.copy()
        rescued = np.zeros_like(codes, dtype=bool)
        # To give the rows of one class back can take another its last ones.
        while (lost := np.setdiff1d(codes, verdict)).size:
            rescued |= np.isin(codes, lost)
            verdict[rescued] = codes[rescued]
        if rescued.any():
            which = "it finds every row suspicious"
            if is_classifier(self):
                classes = listed(self.classes_[np.unique(codes[rescued])])
                which = f"otherwise no row of {classes} would be left"
            warn_user(
                f"{type(self).__name__} keeps suspicious rows as they are: {which}. "
                f"{self._how_to_overrule_less()}"
            )
        return rescued

    def _how_to_overrule_less(self):
        """Return what to do if clean rows are overruled, as a sentence."""
        return "Mark rows known to be clean as trusted, or raise the threshold."

    def _factors(self, scores, thresholds, suspicious):
        """Compute the factors of the sample weights.

        They are 1 below the threshold and (threshold / score)² from it on: the weights
        of Mallows' generalised M-estimators for squared distances (Simpson, Ruppert,
        Carroll 1992).
        """
        thresholds = np.broadcast_to(thresholds, scores.shape)[suspicious]
        if (thresholds <= 0).any():
            raise ValueError(
                "action='weigh' needs a positive threshold, because the weight of a "
                f"suspicious row is (threshold / score)²; got {thresholds.min():.3g}. "
                "Use scores that are distances, or action='drop'."
            )
        factors = np.ones(scores.shape[0])
        factors[suspicious] = (thresholds / scores[suspicious]) ** 2
        return factors

    def _weighted_params(self, params, factors):
        """Return the parameters of fit, with the sample weights multiplied."""
        if not self._estimator_takes_weights():
            raise ValueError(
                f"action='weigh' needs an estimator that takes sample_weight in its "
                f"fit; {type(self.estimator).__name__} does not. Use action='drop'"
                f"{without_weights(self.estimator)}."
            )
        self.sample_weight_ = factors * params.get("sample_weight", 1.0)
        if (self.sample_weight_ == 1).all():
            return params  # exactly the estimator without a defence
        return params | {"sample_weight": self.sample_weight_}


def _spread(values, present, fill):
    """Return an entry for each row: of `values` if it is present, `fill` if not."""
    spread = np.full(present.shape[0], fill, dtype=values.dtype)
    spread[present] = values
    return spread


def _rows_of(X, mask):
    """Return the rows in a mask: X itself, and no copy, if these are all rows."""
    return X if mask.all() else take_rows(X, np.flatnonzero(mask))
