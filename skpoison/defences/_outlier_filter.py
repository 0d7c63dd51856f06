"""The base class of the outlier filters: detectors, groups of rows, thresholds."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.neighbors import LocalOutlierFactor
from sklearn.utils import InputTags, check_random_state, get_tags
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import BaseRowFilter
from skpoison.defences._joint_scores import GroupedScore, LargestScore, ViewedScore
from skpoison.defences._neighbors import METRICS
from skpoison.defences._outlier_scores import fit_detector, fit_distances
from skpoison.defences._reference_rows import sample_rows
from skpoison.utils._containers import take_rows
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith, check_default

# The detectors that have names.
DISTANCE, PREDICTION = "distance", "prediction"
# Scores that differ by less, relative to the largest of the reference rows, are equal:
# the same rows can have sums of the same numbers in another order.
ROUNDING = 1e-10


class BaseOutlierFilter(BaseRowFilter):
    """Base of the outlier filters: detectors, and one threshold for each group."""

    _keeps_booleans = True
    # What has been learnt from reference rows, for who judges many training sets.
    _memory = None

    _parameter_constraints: dict = {
        "estimator": BaseRowFilter._parameter_constraints["estimator"],
        "detector": [
            StrOptions({DISTANCE, PREDICTION}),
            InstanceWith(["fit"]),
            list,
            tuple,
            None,
        ],
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(METRICS), callable],
        "action": [StrOptions({"drop", "weigh"})],
        "max_reference": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    @abstractmethod
    def _groups(self, y):
        """Return the rows of each group that has a threshold: a list of positions."""

    @abstractmethod
    def _of_groups(self, values):
        """Return what has one value for each group as an attribute."""

    @abstractmethod
    def _fit_predictions(self, model, X, y):
        """Return the out-of-fold scores of labels or responses, and a function.

        None stands for the model behind "prediction".
        """

    @abstractmethod
    def _view(self, X, y):
        """Return a function of rows and labels: the columns that a detector sees."""

    def _fit_distances(self, X, random_state):
        """Return the distances of the reference rows of a group, and a function."""
        n_sampled = min(X.shape[0], self.max_reference or X.shape[0])
        return fit_distances(
            X,
            sample_rows(np.zeros(X.shape[0], dtype=int), n_sampled, random_state),
            n_neighbors=self.n_neighbors,
            metric=self.metric,
            n_jobs=self.n_jobs,
        )

    def _detectors(self):
        """Return the detectors in a list."""
        if self.detector is None:
            return [DISTANCE, PREDICTION]
        if isinstance(self.detector, list | tuple):
            return list(self.detector)
        return [self.detector]

    def _names(self):
        """Return those of the detectors that are names."""
        return [each for each in self._detectors() if isinstance(each, str)]

    def _is_model(self, detector):
        """Return whether a detector judges labels or responses by a prediction."""
        if isinstance(detector, str):
            return detector == PREDICTION
        return is_classifier(detector) or is_regressor(detector)

    def _check_detectors(self):
        detectors = self._detectors()
        names = StrOptions({DISTANCE, PREDICTION}), InstanceWith(["fit"])
        for each in detectors or [None]:
            if not any(option.is_satisfied_by(each) for option in names):
                raise ValueError(
                    "detector must be a list of one or more outlier detectors, "
                    f"{self._required_estimator_type}s, 'distance' or 'prediction'; "
                    f"got {shown(each if detectors else self.detector)} in it."
                )
            self._check_model(each)
        if DISTANCE not in self._names():
            reason = "if no detector is 'distance', the only one that it is for"
            check_default(
                self,
                reason,
                n_neighbors=5,
                metric="euclidean",
                max_reference=10_000,
                n_jobs=None,
            )

    def _check_model(self, detector):
        """Raise if a detector is a model for another task, or has no probabilities."""
        if isinstance(detector, str) or not self._is_model(detector):
            return
        fits = is_regressor(detector)
        if self._required_estimator_type == "classifier":
            fits = is_classifier(detector) and hasattr(detector, "predict_proba")
        if not fits:
            needed = "a regressor, such as Ridge()"
            if self._required_estimator_type == "classifier":
                needed = "a classifier with predict_proba, such as LogisticRegression()"
            raise ValueError(
                f"detector must be {needed}, if it predicts; got {shown(detector)}."
            )

    def _score_rows(self, X, y, *, trusted):
        self._check_detectors()
        is_reference = np.zeros(y.shape[0], dtype=bool)
        n_reference = []
        for rows in self._groups(y):
            reference = self._reference(rows, trusted)
            is_reference[reference] = True
            n_reference.append(self._n_compared(reference.shape[0]))
        reference, others = np.flatnonzero(is_reference), np.flatnonzero(~is_reference)
        own_scores, score = self._fit_scores(take_rows(X, reference), y[reference])
        self.n_reference_ = self._of_groups(n_reference)
        scores = np.empty(y.shape[0])
        scores[reference] = own_scores
        scores[others] = score(take_rows(X, others), y[others])
        return scores

    def _n_compared(self, n_reference):
        """Return with how many reference rows of a group its rows are compared."""
        if n_reference < self._fewest():
            return 0
        if DISTANCE in self._names() and self.max_reference is not None:
            return min(n_reference, self.max_reference)
        return n_reference

    def _new_row_scorer(self, X, y):
        """Return a function that scores new rows against rows known to be clean.

        What it returns is comparable with the threshold of a fit to these rows, all of
        them trusted. New rows are scored independently of each other.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The rows known to be clean.
        y : ndarray of shape (n_samples,)
            Their labels as positions in `classes_`, or their responses.

        Returns
        -------
        score : callable
            Takes rows and labels, as above, and returns the score of each row.
        """
        self._check_detectors()
        return self._fit_scores(X, y)[1]

    def _fit_scores(self, X, y):
        """Return the scores of reference rows, and a function that scores others."""
        if self._memory is None:
            return self._learn_scores(X, y)
        return self._memory.recall(X, y, self._learn_scores)

    def _learn_scores(self, X, y):
        random_state = check_random_state(self.random_state)
        groups = self._groups(y)
        found = [
            self._fit_in_groups(each, X, y, groups, random_state)
            for each in self._detectors()
        ]
        if len(found) == 1:
            return found[0]
        own_scores, parts = np.zeros(y.shape[0]), []
        for k, rows in enumerate(groups):
            parts.append(None)
            if rows.shape[0] >= self._fewest():
                own = [scores[rows] for scores, _ in found]
                parts[k] = LargestScore([score.parts[k] for _, score in found], own)
                own_scores[rows] = parts[k].join(own)
        return own_scores, GroupedScore(self._groups, parts)

    def _fit_in_groups(self, detector, X, y, groups, random_state):
        """Return what `_fit_scores` does, by one of the detectors."""
        is_named = isinstance(detector, str)
        if not is_named and self.random_state is not None:
            detector = set_missing_seeds(detector, random_state)
        own_scores, parts = np.zeros(y.shape[0]), []
        is_model = self._is_model(detector)
        if is_model and max(rows.shape[0] for rows in groups) >= self._fewest():
            model = None if is_named else detector
            # It compares groups, and learns from the rows of all of them at once.
            losses, loss = self._fit_predictions(model, X, y)
        for rows in groups:
            part = None
            if rows.shape[0] >= self._fewest() and is_model:
                own_scores[rows], part = losses[rows], loss
            elif rows.shape[0] >= self._fewest():
                members = take_rows(X, rows)
                view = self._view(members, y[rows])
                columns = view(members, y[rows])
                own_scores[rows], score = (
                    self._fit_distances(columns, random_state)
                    if is_named
                    else fit_detector(detector, columns)
                )
                part = ViewedScore(score, view)
            parts.append(part)
        return own_scores, GroupedScore(self._groups, parts)

    def _learn_threshold(self, scores, y, *, trusted):
        """Compute the quantile of the reference rows' own scores in each group.

        A row is dropped beyond the quantile and not at it, so the threshold is above
        it, by what rounding does not reach.
        """
        thresholds = []
        for rows in self._groups(y):
            own_scores = np.sort(scores[self._reference(rows, trusted)])
            # The quantile is one of the scores, so that the number of reference rows
            # beyond it is known exactly; rounding of the product must not change it.
            rank = np.ceil(
                np.round(float(self.quantile) * (own_scores.shape[0] - 1), 9)
            )
            quantile = own_scores[int(rank)]
            threshold = quantile + ROUNDING * np.abs(own_scores).max()
            is_known = own_scores.shape[0] >= self._fewest()
            thresholds.append(np.nextafter(threshold, np.inf) if is_known else np.inf)
        return self._of_groups(thresholds)

    def _fewest(self):
        """Return the least number of reference rows that detectors are fitted to."""
        return 2 if len(self._names()) == len(self._detectors()) else 3

    def _reference(self, rows, trusted):
        """Return the trusted ones among some rows, or all of them if they are few."""
        reference = rows[trusted[rows]]
        return reference if reference.shape[0] >= self._fewest() else rows

    def _how_to_overrule_less(self):
        return "Mark more rows known to be clean as trusted, or raise the quantile."

    def _instead_of_missing(self):
        return (
            "Or give a detector that takes missing values, such as "
            "make_pipeline(SimpleImputer(), IsolationForest()), if the estimator takes "
            "them, too."
        )

    def _reads_features(self):
        # Of a frame LocalOutlierFactor forgets the names when it scores, and warns.
        return any(
            isinstance(each, str | LocalOutlierFactor) for each in self._detectors()
        )

    def _filter_input_tags(self):
        # Anything else among the detectors is refused by `_score_rows`.
        given = [each for each in self._detectors() if hasattr(each, "get_params")]
        tags = [get_tags(each).input_tags for each in given]
        if len(tags) == len(self._detectors()) == 1:
            return tags[0]
        named = len(tags) < len(self._detectors())
        return InputTags(
            sparse=all(tag.sparse for tag in tags),
            allow_nan=not named and all(tag.allow_nan for tag in tags),
        )
