"""SEVER: filters by the gradients of the rows."""

from sklearn.utils._param_validation import StrOptions

from skpoison.defences._concentration import threshold_that_keeps
from skpoison.defences._last_layer import last_layer_gradients
from skpoison.defences._singular_filter import BaseSingularFilter


class _BaseSEVER(BaseSingularFilter):
    """Base of SEVER for both tasks."""

    _parameter_constraints: dict = {
        **BaseSingularFilter._parameter_constraints,
        "cutoff": [StrOptions({"fixed", "random"})],
    }

    def __init__(
        self,
        estimator,
        *,
        contamination="auto",
        n_rounds=4,
        cutoff="fixed",
        random_state=None,
    ):
        self.estimator = estimator
        self.contamination = contamination
        self.n_rounds = n_rounds
        self.cutoff = cutoff
        self.random_state = random_state

    def _products(self, model, task):
        return last_layer_gradients(model, task.X, task.y)

    def _threshold(self, deviations, weights, budget, n_rounds, random_state):
        if self.cutoff == "fixed":
            return super()._threshold(
                deviations, weights, budget, n_rounds, random_state
            )
        drawn = random_state.uniform() * deviations.max(initial=0)
        # No more than the budget.
        least = threshold_that_keeps(deviations, weights, weights.sum() - budget)
        return max(drawn, least)


class SEVERClassifier(_BaseSEVER):
    """Drop rows whose gradients deviate from their class together: SEVER.

    Poison changes a model by its gradients, and a few rows that change it much push in
    the same direction. In each round, the estimator is fitted; the gradients of the
    losses of the rows of each class are centred; rows are scored by their squared
    deviation along the direction in which these vary most, the top singular vector; and
    those of the highest scores are left out.

    Parameters
    ----------
    estimator : classifier
        A linear model that :func:`~skpoison.surrogates.as_training_problem` knows, or a
        neural network of scikit-learn, of which the gradients in the last layer are
        taken, or a Pipeline that ends with one. Fitted on the rows that are left.
    contamination : float or "auto", default="auto"
        Share of the rows of each class, the trusted ones included, that are left out in
        all rounds together. "auto": a share is left out at first, and rows that the
        estimator fitted to the others does not contradict are taken back. With ten
        trusted rows or more, that share is the one among 0, 0.1, 0.2, 0.3 and 0.4 with
        the least loss on trusted rows, each half of which is left out of the fit once;
        without them it is 0.3.
    n_rounds : int, default=4
        Number of rounds.
    cutoff : {"fixed", "random"}, default="fixed"
        How many rows are left out in a round. "fixed": the same number in each.
        "random": those whose score is at least a random share of the largest one, as in
        the algorithm that [1]_ analyses, but no more than the contamination allows.
    random_state : int, RandomState instance or None, default=None
        Seed of the random shares, of the singular vectors, of the halves of the trusted
        rows, and of `estimator` if it has none.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The score of each row in the round in which it was left out, or in the last
        one, divided by the threshold of that round. With ``contamination="auto"``, its
        loss divided by the largest one that is taken back, if that is lower. NaN for
        rows of weight 0.
    threshold_ : ndarray of shape (n_classes,)
        1 for each class.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is left out. `fit` warns if it is significantly more
        than one half.
    first_share_ : float
        The share that was left out at first: `contamination`, if it is a number.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    SEVERRegressor : The same for regression.
    SpectralFilteredClassifier : Scores rows by what the last layer sees.

    Notes
    -----
    The algorithm is that of [1]_, with the fixed cutoff of its experiments, where 1.7
    times the share of poison is left out in each of two rounds. Gradients are never
    formed: each is an outer product of two vectors that are known. So sparse rows stay
    sparse. Only as few rows as are linearly dependent can share a direction: poison
    that deviates in several directions takes several rounds.

    "auto" takes rows back as TrimmedClassifier does, which is not in [1]_: a row is
    left out if its gradient deviates and its label is contradicted by the estimator
    fitted to the others.

    Sample weights are numbers of copies. It costs one fit for each round, and a few
    more; to choose the share by trusted rows, about ten times as many.

    References
    ----------
    .. [1] I. Diakonikolas, G. Kamath, D. Kane, J. Li, J. Steinhardt, A. Stewart,
       "Sever: a robust meta-algorithm for stochastic optimization", International
       Conference on Machine Learning, 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.defences import SEVERClassifier
    >>> X, y = make_blobs(200, centers=2, random_state=1, cluster_std=0.5)
    >>> attack = RandomInsertion(budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = SEVERClassifier(LogisticRegression(), random_state=0)
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> bool((defence.inlier_mask_ == ~attack.poison_mask_).all())
    True
    """

    _required_estimator_type = "classifier"


class SEVERRegressor(_BaseSEVER):
    """Drop rows whose gradients deviate from the others together: SEVER.

    Poison changes a model by its gradients, and a few rows that change it much push in
    the same direction. In each round, the estimator is fitted; the gradients of the
    losses of the rows are centred; rows are scored by their squared deviation
    along the direction in which these vary most, the top singular vector; and those of
    the highest scores are left out.

    Parameters
    ----------
    estimator : regressor
        A linear model that :func:`~skpoison.surrogates.as_training_problem` knows, or a
        neural network of scikit-learn, of which the gradients in the last layer are
        taken, or a Pipeline that ends with one. Fitted on the rows that are left.
    contamination : float or "auto", default="auto"
        Share of the rows, the trusted ones included, that are left out in all rounds
        together. "auto": a share is left out at first, and rows that the estimator
        fitted to the others does not contradict are taken back: those whose residual is
        below four robust standard deviations, three or two. With ten trusted rows or
        more, that share is one among 0, 0.1, 0.2, 0.3 and 0.4: the weakest choice of
        share and limit whose loss on trusted rows, each half of which is left out of
        the fit once, is at most a tenth above the least. Without them the share is 0.3,
        or nothing is left out: the weakest choice with which the mean squared residual
        of the 60 % of the rows that fit best is at most twice the least.
    n_rounds : int, default=4
        Number of rounds.
    cutoff : {"fixed", "random"}, default="fixed"
        How many rows are left out in a round. "fixed": the same number in each.
        "random": those whose score is at least a random share of the largest one, as in
        the algorithm that [1]_ analyses, but no more than the contamination allows.
    random_state : int, RandomState instance or None, default=None
        Seed of the random shares, of the singular vectors, of the halves of the trusted
        rows, and of `estimator` if it has none.

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The score of each row in the round in which it was left out, or in the last
        one, divided by the threshold of that round. With ``contamination="auto"``, its
        loss divided by the largest one that is taken back, if that is lower. NaN for
        rows of weight 0.
    threshold_ : float
        1.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used.
    overruled_share_ : float
        Share of the rows that is left out. `fit` warns if it is significantly more than
        one half.
    first_share_ : float
        The share that was left out at first: `contamination`, if it is a number.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    SEVERClassifier : The same for classification.
    TrimmedRegressor : Leaves out the rows of the largest residuals.

    Notes
    -----
    The algorithm is that of [1]_, with the fixed cutoff of its experiments, where 1.7
    times the share of poison is left out in each of two rounds. Gradients are never
    formed: each is an outer product of two vectors that are known. So sparse rows stay
    sparse. Only as few rows as are linearly dependent can share a direction: poison
    that deviates in several directions takes several rounds.

    "auto" takes rows back as TrimmedRegressor does, which is not in [1]_: a row is
    left out if its gradient deviates and its response is contradicted by the estimator
    fitted to the others.

    Sample weights are numbers of copies. It costs one fit for each round, and a few
    more; to choose the share by trusted rows, about ten times as many.

    References
    ----------
    .. [1] I. Diakonikolas, G. Kamath, D. Kane, J. Li, J. Steinhardt, A. Stewart,
       "Sever: a robust meta-algorithm for stochastic optimization", International
       Conference on Machine Learning, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.defences import SEVERRegressor
    >>> X, y = make_regression(100, 3, noise=5.0, random_state=0)
    >>> y_poisoned = y.copy()
    >>> y_poisoned[90:] = 2 * y.max()
    >>> defence = SEVERRegressor(Ridge(), random_state=0).fit(X, y_poisoned)
    >>> np.flatnonzero(~defence.inlier_mask_)
    array([90, 91, 92, 93, 94, 95, 96, 97, 98, 99])
    """

    _required_estimator_type = "regressor"
