"""Trimmed fits: TRIM, and iterative trimmed loss minimisation."""

from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval

from skpoison.defences._concentration import Trimming
from skpoison.defences._share_filter import BaseShareFilter, Judgement
from skpoison.utils._warnings import warn_user


class _BaseTrimmed(BaseShareFilter):
    """Base of the trimmed fits."""

    _parameter_constraints: dict = {
        **BaseShareFilter._parameter_constraints,
        "n_starts": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    # The largest share of the rows of which a random start consists.
    _start_share: float

    def _judge(self, task, shares, random_state, *, limits):
        trimming = Trimming(
            task.refits, task.weights, task.kept, task.movable, task.codes
        )
        n_features = getattr(self, "n_features_in_", 1)
        size = min(n_features + 1, int(self._start_share * task.codes.shape[0]))
        starts = trimming.starts(self.n_starts, max(size, 1), random_state)
        fitted = trimming.best(starts, shares[0], self.max_iter)
        judgements = []
        for share in shares:
            if share < shares[0]:
                fitted = trimming.at_share(fitted, share, self.max_iter)
            self.loss_path_ = np.array(fitted.path)
            self.n_iter_ = self.loss_path_.shape[0]
            judgements.append([])
            for limit in limits:
                last, thresholds = fitted, trimming.thresholds(fitted.losses, share)
                if limit is not None and share > 0:
                    last, thresholds = trimming.reweight(fitted, limit, self.max_iter)
                judged = Judgement(last.losses, thresholds, last.losses)
                judgements[-1].append(judged)
        if not fitted.is_settled:
            warn_user(
                f"{type(self).__name__} has not settled after max_iter={self.max_iter} "
                "steps. Raise max_iter.",
                ConvergenceWarning,
            )
        return judgements


class TrimmedRegressor(_BaseTrimmed):
    """Fit a regressor to the rows that fit best: TRIM, least trimmed squares.

    The estimator is fitted to some rows, then to those of the smallest residuals, and
    so on: the trimmed loss, the mean squared error of the rows that are left, falls
    with every step. It is a local minimum, so there are several starts, most of them
    from so few rows that some are free of poison.

    Parameters
    ----------
    estimator : regressor
        Fitted on the rows that are left. It is refitted often.
    contamination : float or "auto", default="auto"
        Share of the rows that are not trusted which is left out. "auto": a share is
        left out at first, and rows that the estimator fitted to the others does not
        contradict are taken back: those whose residual is below four robust standard
        deviations, three or two. With ten trusted rows or more, that share is one among
        0, 0.1, 0.2, 0.3 and 0.4: the weakest choice of share and limit whose loss on
        trusted rows, each half of which is left out of the fit once, is at most a tenth
        above the least. Without them the share is 0.3 or 0.4, or nothing is left out:
        the weakest choice with which the mean squared residual of the 60 % of the rows
        that fit best is at most twice the least.
    n_starts : int, default=50
        Number of starts: from all rows, from the trusted ones, and from random ones,
        one more than there are features, at most half of the rows.
    max_iter : int, default=100
        Largest number of concentration steps, and of fits that take rows back.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts, of the halves of the trusted rows, and of `estimator` if it
        has none.

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The squared residual of each row. NaN for rows of weight 0.
    threshold_ : float
        Squared residual from which on a row is left out.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used.
    overruled_share_ : float
        Share of the rows that is left out. `fit` warns if it is significantly more than
        one half.
    first_share_ : float
        The share that was left out at first: `contamination`, if it is a number.
    loss_path_ : ndarray of shape (n_steps,)
        The trimmed loss of the best start, and after each of its concentration steps:
        it falls. Of the last share, if several are tried.
    n_iter_ : int
        Number of fits on this path.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    TrimmedClassifier : The same for classification.
    SEVERRegressor : Scores rows by their gradients.
    OutlierFilteredRegressor : Compares rows with trusted ones.
    sklearn.linear_model.RANSACRegressor : Keeps the model with the most inliers.

    Notes
    -----
    With a contamination that is given, this is Algorithm 2 of [1]_, TRIM, and the
    concentration steps and starts are those of FAST-LTS [2]_: two steps from each
    start, then the best one to the end. The starts of [1]_ are random subsets as large
    as what is left; they are rarely free of poison, and where an attacker has chosen
    the rows, they lead to them.

    "auto" is the reweighting of [2]_: rows are taken back whose residual is below some
    robust standard deviations, 1.4826 times the median of all absolute residuals, and
    the estimator is fitted anew, until nothing changes. Genuine errors of heavy tails
    exceed three of them, and poison beside large errors does not: trusted rows tell.
    Without these, what harms a model shows on the rows that fit best: they fit worse.
    Genuine rows that are left out do not harm them as much.

    Sample weights are numbers of copies. An estimator that can fit any row, such as a
    deep tree, gives poison a small loss, and is not helped.

    It costs three fits for each start, and a few more; twice as many without trusted
    rows, three times to choose by them. Ridge and LinearRegression are fitted in closed
    form meanwhile.

    References
    ----------
    .. [1] M. Jagielski, A. Oprea, B. Biggio, C. Liu, C. Nita-Rotaru, B. Li,
       "Manipulating machine learning: poisoning attacks and countermeasures for
       regression learning", IEEE Symposium on Security and Privacy, 2018.
    .. [2] P. J. Rousseeuw, K. Van Driessen, "Computing LTS regression for large data
       sets", Data Mining and Knowledge Discovery 12, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.defences import TrimmedRegressor
    >>> X, y = make_regression(100, 3, noise=5.0, random_state=0)
    >>> y_poisoned = y.copy()
    >>> y_poisoned[80:] = 2 * y.max()
    >>> defence = TrimmedRegressor(Ridge(), random_state=0).fit(X, y_poisoned)
    >>> np.flatnonzero(~defence.inlier_mask_)
    array([80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96,
           97, 98, 99])
    """

    _required_estimator_type = "regressor"
    # Fewer rows are more often free of poison, and more easily fitted with some.
    _first_shares = (0.3, 0.4)
    _start_share = 0.5

    def __init__(
        self,
        estimator,
        *,
        contamination="auto",
        n_starts=50,
        max_iter=100,
        random_state=None,
    ):
        self.estimator = estimator
        self.contamination = contamination
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.random_state = random_state


class TrimmedClassifier(_BaseTrimmed):
    """Fit a classifier to the rows that fit best: iterative trimmed loss.

    The estimator is fitted to some rows, then to those of each class whose loss is
    smallest, and so on: the trimmed loss, the mean log loss of the rows that are left,
    falls with every step. It is a local minimum, so there are several starts.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left. It is refitted often, and needs
        `predict_proba` or `decision_function`.
    contamination : float or "auto", default="auto"
        Share of the rows of each class that are not trusted which is left out. "auto":
        a share is left out at first, and rows that the estimator fitted to the others
        does not contradict are taken back. With ten trusted rows or more, that share is
        the one among 0, 0.1, 0.2, 0.3 and 0.4 with the least loss on trusted rows, each
        half of which is left out of the fit once; without them it is 0.3.
    n_starts : int, default=10
        Number of starts: from all rows, from the trusted ones if every class is among
        them, and from random ones, one more than there are features, at most a quarter
        of the rows.
    max_iter : int, default=100
        Largest number of concentration steps, and of fits that take rows back.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts, of the halves of the trusted rows, and of `estimator` if it
        has none.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The log loss of each row: with decision values, of their sigmoid or softmax. NaN
        for rows of weight 0.
    threshold_ : ndarray of shape (n_classes,)
        Loss of each class from which on a row is left out.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is left out. `fit` warns if it is significantly more
        than one half.
    first_share_ : float
        The share that was left out at first: `contamination`, if it is a number.
    loss_path_ : ndarray of shape (n_steps,)
        The trimmed loss of the best start, and after each of its concentration steps:
        it falls. Of the last share, if several are tried.
    n_iter_ : int
        Number of fits on this path.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    TrimmedRegressor : The same for regression.
    SEVERClassifier : Scores rows by their gradients.
    ConfidentLearningClassifier : Judges rows by classifiers that have not seen them.

    Notes
    -----
    With a contamination that is given, this is Algorithm 1 of [1]_, but with a share of
    each class, so that a rare class is not lost, and with several starts.

    "auto" takes rows back, which is not in [1]_: those whose label is not contradicted.
    It is if its odds, by the estimator fitted to the others, are nine times lower than
    those of its class among all rows; of two classes of equal frequency, if it has a
    probability below 0.1. The estimator is fitted anew, until nothing changes.

    Sample weights are numbers of copies. An estimator that can learn any label, such as
    a deep tree, gives poison a small loss, and is not helped.

    It costs three fits for each start, and a few more; to choose the share by trusted
    rows, about three times as many.

    References
    ----------
    .. [1] Y. Shen, S. Sanghavi, "Learning with bad training data via iterative trimmed
       loss minimization", International Conference on Machine Learning, 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.defences import TrimmedClassifier
    >>> X, y = make_blobs(200, centers=2, random_state=1, cluster_std=0.5)
    >>> attack = RandomLabelFlip(budget=0.2, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = TrimmedClassifier(LogisticRegression(), random_state=0)
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> bool((defence.inlier_mask_ == ~attack.poison_mask_).all())
    True
    """

    _required_estimator_type = "classifier"
    _start_share = 0.25

    def __init__(
        self,
        estimator,
        *,
        contamination="auto",
        n_starts=10,
        max_iter=100,
        random_state=None,
    ):
        self.estimator = estimator
        self.contamination = contamination
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.random_state = random_state
