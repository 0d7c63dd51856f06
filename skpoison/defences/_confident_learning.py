r"""Do classifiers that have not seen a row believe its label?

Out-of-fold probabilities :math:`\hat p_k(x_i)`, each from a judge fitted on other rows,
are compared with what the judge thinks of rows that bear the label :math:`k`,

.. math::

    t_k = \frac{1}{K} + \eta \Bigl( \frac{1}{n_k} \sum_{i : y_i = k} \hat p_k(x_i)
        - \frac{1}{K} \Bigr) ,

a threshold of each class's own, so that neither the calibration of the judge nor its
leaning towards a class matters much. Of the classes with :math:`\hat p_k(x_i) \ge t_k`
the most probable one overrules the label of the row, if it is more probable than that.
"""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import InputTags, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed

from skpoison.base import BaseSanitizedClassifier

# Inverse penalties of the judges, for rows of mean squared length 1 and losses averaged
# over the rows: from one whose weights are hardly more than the difference of the means
# of the classes, to one that follows the rows.
PATH = (10.0, 100.0, 1000.0)


class ConfidentLearningClassifier(BaseSanitizedClassifier):
    """Drop or relabel the rows whose label judges that have not seen it disbelieve.

    A judge is fitted on some of the rows and says what it thinks of the others, by
    cross-validation. Where it is confident that a row is of another class than its
    label says, the row is disbelieved. The next judge learns from the rows believed so
    far, and judges all rows anew. After the last judge disbelieved rows are dropped, or
    get the label that the judge believes in, and a clone of `estimator` is fitted.

    By default the judges go from coarse to fine. The first is penalised so strongly
    that a few rows, however they are chosen, hardly turn it. The later ones learn from
    what it has left, and take back rows for which it was too coarse.

    Parameters
    ----------
    estimator : classifier
        What is fitted on the sanitised training set.
    judges : list of classifiers, default=None
        Those asked, one after the other; each has `predict_proba`. None: three
        logistic regressions, the classes balanced, each penalised ten times less than
        the one before. Their penalties are relative to the spread of the rows and to
        their number, so that neither the unit of X nor its size matters. Columns
        should be of comparable scale: put a scaler before the defence.
    threshold : float, default=0.5
        How confident a judge has to be of another class, in [0, 1]: 0 for no more than
        a guess, 1 for as confident as it is on average of rows that bear that label.
    action : {"remove", "relabel"}, default="remove"
        What happens to a row that is disbelieved.
    cv : int, default=5
        Number of folds; at most the number of rows of the smallest class.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds.
    n_jobs : int, default=None
        Number of folds in which judges are fitted at once.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the sanitised training set.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are believed.
    y_sanitized_ : ndarray of shape (n_samples,)
        The labels after sanitising; only with ``action="relabel"``.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    KNNSanitizedClassifier : Asks the neighbours of a row instead.
    NoisyLabelClassifier : Believes no row entirely, and drops none.

    Notes
    -----
    With a single judge, ``threshold=1`` and ``action="remove"`` the rows dropped are
    those off the diagonal of the confident joint of [1]_. A single judge holds against
    flips at random. Flips that are chosen to turn the estimator turn a judge like it as
    well: hence the path from coarse to fine, and the lower threshold. Both are ours.

    Judging costs `cv` fits of each judge. Rows are judged whatever their weight.

    It is evaded where rows that lie together are flipped in such number that even a
    coarse classifier learns them.

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

    _parameter_constraints: dict = {
        **BaseSanitizedClassifier._parameter_constraints,
        "judges": [list, tuple, None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "action": [StrOptions({"remove", "relabel"})],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        judges=None,
        threshold=0.5,
        action="remove",
        cv=5,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.judges = judges
        self.threshold = threshold
        self.action = action
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def _relabels(self):
        return self.action == "relabel"

    def _judge(self, X, y, *, trusted):
        able = [hasattr(judge, "predict_proba") for judge in self.judges or []]
        if self.judges is not None and not (able and all(able)):
            raise ValueError(
                "judges must be classifiers with predict_proba, one or more; got "
                f"{self.judges!r}."
            )
        smallest = np.bincount(y).min()
        if smallest < 2 or self.classes_.shape[0] < 2:
            return y  # Nothing to compare a label with.
        judges = self.judges
        if judges is None:
            X = _of_unit_length(X)
            judges = [_logistic(strength, y.shape[0]) for strength in PATH]
        folds = StratifiedKFold(
            min(self.cv, smallest), shuffle=True, random_state=self.random_state
        )
        folds = list(folds.split(X, y))
        belief = y
        for judge in judges:
            belief = self._ask(judge, X, y, belief == y, folds)
            belief = np.where(trusted, y, belief)
        return belief if self._relabels else np.where(belief == y, y, -1)

    def _ask(self, judge, X, y, believed, folds):
        """Ask a judge, who learns from believed rows, for the labels of all."""
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_probabilities)(clone(judge), X, y, believed, train, test)
            for train, test in folds
        )
        n_classes = self.classes_.shape[0]
        probabilities = np.zeros((y.shape[0], n_classes))
        for (_, test), (classes, part) in zip(folds, parts, strict=True):
            probabilities[test[:, np.newaxis], classes] = part
        own = probabilities[np.arange(y.shape[0]), y]
        known = _with_every_class(y, believed)
        means = np.bincount(y[known], own[known]) / np.bincount(y[known])
        thresholds = 1 / n_classes + self.threshold * (means - 1 / n_classes)
        confident = np.where(probabilities >= thresholds, probabilities, 0)
        overruled = confident.max(axis=1) > own
        return np.where(overruled, confident.argmax(axis=1), y)

    def _judge_input_tags(self):
        judges = self.judges if isinstance(self.judges, (list, tuple)) else []
        # What is no judge is refused where it is asked.
        judges = [judge for judge in judges if hasattr(judge, "predict_proba")]
        if not judges:
            return InputTags(sparse=True)
        tags = [get_tags(judge).input_tags for judge in judges]
        return InputTags(
            sparse=all(tag.sparse for tag in tags),
            allow_nan=all(tag.allow_nan for tag in tags),
        )


def _of_unit_length(X):
    """Shift and scale rows to a mean squared length of 1; sparse ones stay in place."""
    X = X.astype(np.float64)
    mean = X.mean(axis=0)
    if sparse.issparse(X):
        square = X.multiply(X).sum() / X.shape[0] - np.square(mean).sum()
    else:
        X = X - mean
        square = np.square(X).sum() / X.shape[0]
    return X / np.sqrt(square) if square > 0 else X


def _logistic(strength, n_samples):
    """Make a judge whose penalty is relative to the mean loss of the rows."""
    return LogisticRegression(
        C=strength / n_samples, class_weight="balanced", max_iter=1000
    )


def _probabilities(judge, X, y, believed, train, test):
    """Fit a judge on the believed rows of a fold, and ask for the others.

    Returns the classes that it knows, and their probabilities.
    """
    train = train[_with_every_class(y[train], believed[train])]
    judge.fit(X[train], y[train])
    return judge.classes_, judge.predict_proba(X[test])


def _with_every_class(y, believed):
    """Believe once more in the rows of classes of which no row is believed."""
    return believed | np.isin(y, np.setdiff1d(y, y[believed]))
