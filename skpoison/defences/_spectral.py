"""Spectral signatures: filters by what the rows look like to the estimator."""

import numpy as np

from skpoison.defences._last_layer import last_layer_inputs
from skpoison.defences._singular_filter import BaseSingularFilter
from skpoison.defences._singular_scores import OuterProducts


class SpectralFilteredClassifier(BaseSingularFilter):
    """Drop rows that deviate together from their class: spectral signatures.

    Rows that carry the mark of an attacker share a direction in what the classifier has
    learnt to see. In each round, the estimator is fitted; what its last layer sees of
    the rows of each class is centred; rows are scored by their squared deviation along
    the direction in which these vary most, the top singular vector; and those of the
    highest scores are left out.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left. The last layer of a neural network of
        scikit-learn sees its last hidden layer, that of any other classifier its
        features; in a Pipeline, after the steps before it.
    contamination : float or "auto", default="auto"
        Share of the rows of each class, the trusted ones included, that are poisoned:
        1.5 times as many are left out in all rounds together. "auto": a share is left
        out at first, and rows that the estimator fitted to the others does not
        contradict are taken back. With ten trusted rows or more, that share is the one
        among 0, 0.1, 0.2, 0.3 and 0.4 with the least loss on trusted rows, each half of
        which is left out of the fit once; without them it is 0.3.
    n_rounds : int, default=1
        Number of rounds, in each of which the same number of rows is left out.
    random_state : int, RandomState instance or None, default=None
        Seed of the singular vectors, of the halves of the trusted rows, and of
        `estimator` if it has none.

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
    SEVERClassifier : Scores rows by their gradients, which tell of their labels, too.
    OutlierFilteredClassifier : Compares rows with trusted ones of their class.

    Notes
    -----
    With a contamination that is given and one round, this is Algorithm 1 of [1]_, which
    leaves out 1.5 times as many rows as there may be poisoned ones. Scores depend on
    labels only by what the estimator has learnt, and on the scale of the features: put
    a scaler before.

    "auto" takes rows back, as TrimmedClassifier does, which is not in [1]_: a row is
    left out if it deviates and its label is contradicted by the estimator fitted to the
    others.

    References
    ----------
    .. [1] B. Tran, J. Li, A. Madry, "Spectral signatures in backdoor attacks", Advances
       in Neural Information Processing Systems 31, 2018.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.defences import SpectralFilteredClassifier
    >>> X, y = make_blobs(200, centers=2, random_state=1, cluster_std=0.5)
    >>> attack = RandomInsertion(budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> defence = SpectralFilteredClassifier(LogisticRegression(), random_state=0)
    >>> defence = defence.fit(X_poisoned, y_poisoned)
    >>> bool((defence.inlier_mask_ == ~attack.poison_mask_).all())
    True
    """

    _required_estimator_type = "classifier"
    _excess = 1.5

    def __init__(
        self, estimator, *, contamination="auto", n_rounds=1, random_state=None
    ):
        self.estimator = estimator
        self.contamination = contamination
        self.n_rounds = n_rounds
        self.random_state = random_state

    def _products(self, model, task):
        inputs = last_layer_inputs(model, task.X)
        return OuterProducts(inputs, np.ones((inputs.shape[0], 1)))
