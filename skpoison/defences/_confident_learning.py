r"""Confident learning: labels compared with out-of-fold probabilities.

Let :math:`\hat p_k(x_i)` be the probability of class :math:`k` from a classifier that
was fitted on other rows, and :math:`m_k` its mean over the rows labelled :math:`k`,

.. math::

    m_k = \frac{1}{n_k} \sum_{i : y_i = k} \hat p_k(x_i) .

How confident the classifier is that row :math:`i` is of class :math:`k` is measured
between a guess (0) and its usual confidence about that class (1),

.. math::

    c_k(x_i) = \frac{\hat p_k(x_i) - 1/K}{m_k - 1/K} ,

so that neither its calibration nor a bias towards a class matters much. The score of a
row is the largest :math:`c_k(x_i)` among the classes that are more probable than its
label.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import InputTags, check_random_state, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed

from skpoison.base import BaseRowFilter
from skpoison.defences._folds import classes_to_judge
from skpoison.defences._out_of_fold import JudgesOutOfFoldMixin
from skpoison.defences._robust_scale import standardize
from skpoison.utils._callbacks import Progress
from skpoison.utils._containers import take_rows
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import shown

# Inverse penalties of the default classifiers, for rows of mean squared length 1 and
# the mean loss of the rows. The first allows weights that are hardly more than the
# difference of the class means, the last lets them follow the rows.
REGULARIZATION_PATH = (10.0, 100.0, 1000.0)
# The least difference between a mean probability and a guess. A classifier that is no
# better than a guess about a class overrules towards it from a guess on.
TINY = np.finfo(np.float64).tiny


class ConfidentLearningClassifier(JudgesOutOfFoldMixin, BaseRowFilter):
    """Drop or relabel rows whose label classifiers fitted on other rows contradict.

    Cross-validation gives each row class probabilities from a classifier that has not
    seen it. If the classifier is confident that the row is of another class than its
    label says, the row is suspicious. The next classifier is fitted on the rows that
    are not, and judges all rows anew. After the last one, suspicious rows are dropped,
    or relabelled with the class that it is confident of, and a clone of `estimator` is
    fitted.

    By default the classifiers go from coarse to fine. The first is regularised so
    strongly that a few rows, however they are chosen, hardly change it. The later ones
    are fitted on what it has left, and take back rows for which it was too coarse.

    Parameters
    ----------
    estimator : classifier
        Fitted on the sanitised training set.
    classifiers : list of classifiers, default=None
        The classifiers, in turn; each has `predict_proba`. None: three logistic
        regressions with balanced classes, each regularised ten times less than the one
        before. Their penalties are relative to the spread and the number of the rows,
        so that neither the unit of X nor its size matters, and rows far from all others
        are pulled in. Columns should be of comparable scale: put a scaler before the
        defence. Classifiers that are given see X as it is: a dataframe with its names,
        missing values too if they accept them.
    threshold : float, default=0.5
        Score, in [0, 1], from which on a row is suspicious: 0 means that another class
        is as probable as a guess, 1 that it is as probable as the classifier finds it,
        on average, for rows with that label.
    action : {"drop", "relabel"}, default="drop"
        What to do with suspicious rows.
    cv : int or splitter, default=5
        Number of stratified folds; at most the number of rows of the largest class. Or
        a splitter of scikit-learn: one that keeps groups together
        (:class:`~sklearn.model_selection.GroupKFold`; give
        ``fit(X, y, groups=groups)``), or rows in order of time
        (:class:`~sklearn.model_selection.TimeSeriesSplit`). A row that is left
        out several times is judged by the mean of its probabilities. A row that no fold
        leaves out, or only folds in which nothing is known of its class, is believed.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, and of `cv` and `classifiers` that have none.
    n_jobs : int, default=None
        Number of folds whose classifiers are fitted in parallel.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    sample_scores_ : ndarray of shape (n_samples,)
        How confident the last classifier is of a class other than the label, in units
        of `threshold`. Negative if the label is the most probable class, -1 if it is
        believed, NaN for rows of weight 0.
    threshold_ : float
        The parameter `threshold`.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows keep their label.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that does not keep its label. `fit` warns if it is
        significantly more than one half.
    y_sanitized_ : ndarray of shape (n_samples,)
        The labels after sanitising. Only with ``action="relabel"``.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    KNNSanitizedClassifier : Compares labels with those of the neighbours.
    NoisyLabelClassifier : Keeps every row and corrects the loss instead.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    With a single classifier, ``threshold=1`` and ``action="drop"``, the dropped rows
    are those off the diagonal of the confident joint of [1]_. A single classifier
    withstands random flips. Flips chosen to mislead the estimator also mislead a
    classifier like it, hence the path from coarse to fine and the lower threshold,
    which are not in the paper.

    It costs `cv` fits of each classifier. Sample weights do not change the scores. The
    only row of a class keeps its label, with a warning: no classifier can know its
    class without it. The other rows are judged as if it were not there.

    An attacker evades it by flipping so many rows that lie together that even a coarse
    classifier learns them.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident learning: estimating
       uncertainty in dataset labels", Journal of Artificial Intelligence Research 70,
       2021, section 3.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import ConfidentLearningClassifier
    >>> X, y = make_blobs(centers=2, random_state=0, cluster_std=0.5)
    >>> attack = RandomLabelFlip(budget=0.2, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = ConfidentLearningClassifier(LogisticRegression(), random_state=0)
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> bool((defence.inlier_mask_ == ~attack.poison_mask_).all())
    True
    """

    _required_estimator_type = "classifier"

    _instead_of_numbers = ", or give `classifiers` that begin with such a step"

    _parameter_constraints: dict = {
        **BaseRowFilter._parameter_constraints,
        "classifiers": [list, tuple, None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "action": [StrOptions({"drop", "relabel"})],
        "cv": [*JudgesOutOfFoldMixin._cv_constraints],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        classifiers=None,
        threshold=0.5,
        action="drop",
        cv=5,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.classifiers = classifiers
        self.threshold = threshold
        self.action = action
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _score_rows(self, X, y, *, trusted):
        able = [hasattr(each, "predict_proba") for each in self.classifiers or []]
        if self.classifiers is not None and not (able and all(able)):
            raise ValueError(
                "classifiers must be a list of one or more classifiers with "
                f"predict_proba; got {shown(self.classifiers)}. Put "
                "CalibratedClassifierCV around one without probabilities."
            )
        judged = classes_to_judge(self, y)
        rows = np.flatnonzero(judged[y])
        # The labels of the other rows are believed.
        scores, labels = np.full(y.shape[0], -1.0), y.copy()
        if rows.shape[0]:
            codes = np.cumsum(judged) - 1
            X = X if judged.all() else take_rows(X, rows)
            codes = codes[y[rows]]
            folds = self._folds(X, codes, rows)
            scores[rows], found = self._judge(X, codes, trusted[rows], folds)
            labels[rows] = np.flatnonzero(judged)[found]
        return scores, labels

    def _judge(self, X, y, trusted, folds):
        """Return the scores and labels of rows of two classes or more."""
        classifiers = self.classifiers
        if classifiers is None:
            X = standardize(X)
            classifiers = [_logistic(C, y.shape[0]) for C in REGULARIZATION_PATH]
        if self.random_state is not None:
            stream = check_random_state(self.random_state)
            classifiers = [set_missing_seeds(each, stream) for each in classifiers]
        labels = y
        progress = Progress(self, "classifiers", len(classifiers), every=0)
        for classifier in classifiers:
            used = labels == y
            probabilities, judged = self._predict_out_of_fold(
                classifier, X, y, used, folds
            )
            used = _with_every_class(y, used) & judged
            scores, labels = self._compare(probabilities, y, used)
            scores[~judged] = -1.0
            labels = np.where(trusted | ~judged, y, labels)
            if progress(np.mean(labels != y)):
                break
        progress.end()
        return scores, labels

    def _predict_out_of_fold(self, classifier, X, y, used, folds):
        """Return class probabilities of all rows, fitting on the used rows alone.

        Also returns which rows are judged: those that a fold leaves out, and whose
        class its classifier knows.
        """
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(clone(classifier), X, y, used, train, test)
            for train, test in folds
        )
        sums = np.zeros((y.shape[0], y.max() + 1))
        counts = np.zeros(y.shape[0], dtype=int)
        for (_, test), (classes, part) in zip(folds, parts, strict=True):
            known = np.isin(y[test], classes)
            sums[test[known, np.newaxis], classes] += part[known]
            counts[test[known]] += 1
        return sums / np.maximum(counts, 1)[:, np.newaxis], counts > 0

    def _compare(self, probabilities, y, used):
        """Return the scores, and the labels of which the classifier is confident."""
        n_samples, n_classes = probabilities.shape
        own = probabilities[np.arange(n_samples), y]
        counts = np.bincount(y[used], minlength=n_classes)
        means = np.bincount(y[used], own[used], n_classes) / np.maximum(counts, 1)
        means[counts == 0] = 1.0  # no row has shown how confident it usually is
        guess = 1 / n_classes
        with np.errstate(over="ignore"):  # about a class of which nothing is known
            confidence = (probabilities - guess) / np.maximum(means - guess, TINY)
        contradicts = probabilities > own[:, np.newaxis]
        scores = np.where(contradicts, confidence, -np.inf).max(axis=1)
        agrees = ~contradicts.any(axis=1)
        # Lower than the score of any contradicted row, and higher if it was close.
        scores[agrees] = np.sort(probabilities[agrees], axis=1)[:, -2] - 1
        confident = contradicts & (confidence >= self.threshold)
        best = np.where(confident, probabilities, -1).argmax(axis=1)
        return scores, np.where(confident.any(axis=1), best, y)

    def _instead_of_missing(self):
        return (
            "Or give classifiers that take missing values, such as "
            "classifiers=[HistGradientBoostingClassifier()], if the estimator takes "
            "them, too."
        )

    def _reads_features(self):
        return self.classifiers is None

    def _filter_input_tags(self):
        classifiers = self.classifiers
        if not isinstance(classifiers, list | tuple):
            classifiers = []
        # Anything else among them is refused by `_score_rows`.
        able = [each for each in classifiers if hasattr(each, "predict_proba")]
        if not able:
            return InputTags(sparse=True)
        tags = [get_tags(each).input_tags for each in able]
        return InputTags(
            sparse=all(tag.sparse for tag in tags),
            allow_nan=all(tag.allow_nan for tag in tags),
        )


def _logistic(C, n_samples):
    """Return a logistic regression with a penalty relative to the mean loss."""
    return LogisticRegression(C=C / n_samples, class_weight="balanced", max_iter=1000)


def _fit_and_predict(classifier, X, y, used, train, test):
    """Fit on the used rows of a fold and predict the others.

    Returns the classes that the classifier knows, and their probabilities. It knows
    none if all rows are of one class: there is nothing to learn.
    """
    if np.unique(y[train]).shape[0] < 2:
        return np.empty(0, dtype=int), np.empty((test.shape[0], 0))
    train = train[_with_every_class(y[train], used[train])]
    classifier.fit(take_rows(X, train), y[train])
    return classifier.classes_, classifier.predict_proba(take_rows(X, test))


def _with_every_class(y, used):
    """Add all rows of the classes of which no row is used."""
    return used | np.isin(y, np.setdiff1d(y, y[used]))
