"""A surrogate that learns what another estimator predicts."""

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import validate_params

from skpoison.surrogates._inner import PredictsByInnerMixin
from skpoison.utils._texts import listed
from skpoison.utils._validation import InstanceWith

LEARNERS = [InstanceWith(["fit", "predict"])]


class Student(PredictsByInnerMixin, MetaEstimatorMixin, BaseEstimator):
    """A learner of the predictions of a victim, as `as_student` makes it.

    Parameters
    ----------
    victim : estimator
        Whose predictions are learnt.
    surrogate : estimator
        What learns them.

    Attributes
    ----------
    surrogate_ : estimator
        The surrogate, fitted.
    classes_ : ndarray of shape (n_classes,)
        The class labels, for a classifier.
    n_features_in_ : int
        Number of features seen.
    """

    _inner = "surrogate"

    def __init__(self, victim, surrogate):
        self.victim = victim
        self.surrogate = surrogate

    def label(self, X, y):
        """Return what the victim predicts for its training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : ndarray of shape (n_samples,)
            Their labels or responses.

        Returns
        -------
        predicted : ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            If the victim never predicts one of the classes, so that a surrogate could
            not learn it.
        """
        predicted = np.asarray(clone(self.victim).fit(X, y).predict(X))
        if get_tags(self.victim).estimator_type == "regressor":
            return predicted
        missing = np.setdiff1d(y, predicted)
        if missing.size:
            raise ValueError(
                "`victim` must predict every class for some row that the attacker "
                f"knows; {self.victim!r} never predicts {listed(missing)}. Give the "
                "attack the surrogate itself, which then learns the labels."
            )
        return predicted

    def fit(self, X, y):
        """Fit the surrogate to what the victim predicts.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,)
            Their labels or responses, which the victim learns.

        Returns
        -------
        self : object
        """
        labels = self.label(X, np.asarray(y))
        self.surrogate_ = clone(self.surrogate).fit(X, labels)
        return self

    def __sklearn_tags__(self):
        """Return the tags of the surrogate."""
        return get_tags(self.surrogate)


@validate_params(
    {"victim": LEARNERS, "surrogate": LEARNERS}, prefer_skip_nested_validation=True
)
def as_student(victim, surrogate):
    """Make a surrogate of a victim whose predictions alone are known.

    An attacker who can query the victim, but does not know what it is (a black box),
    trains an estimator of their own on its predictions, and crafts the poison for that
    [1]_. The attack then sees the predictions in place of the labels of the rows that
    it knows, those of its validation rows included, unless `X_val` and `y_val` are
    given.

    Parameters
    ----------
    victim : estimator
        The victim. It is fitted on the rows that the attacker knows; a victim that has
        been fitted, and is only to be asked, is given as a
        :class:`~sklearn.frozen.FrozenEstimator`.
    surrogate : estimator
        What learns the predictions: an estimator that the attack takes as its
        `surrogate`.

    Returns
    -------
    student : estimator
        It can be the `surrogate` of any attack.

    See Also
    --------
    skpoison.model_selection.transfer_matrix : Compares surrogates, this one too.

    References
    ----------
    .. [1] N. Papernot, P. McDaniel, I. Goodfellow, "Transferability in machine
       learning: from phenomena to black-box attacks using adversarial samples",
       arXiv:1605.07277, 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from skpoison.attacks import MarginLabelFlip
    >>> from skpoison.surrogates import as_student
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> student = as_student(forest, LogisticRegression())
    >>> attack = MarginLabelFlip(student, budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(scale(X), y)
    >>> int((y_poisoned != y).sum())
    20
    """
    return Student(victim, surrogate)


def is_student(surrogate):
    """Return whether a surrogate learns what another estimator predicts.

    Parameters
    ----------
    surrogate : estimator
        The surrogate.

    Returns
    -------
    is_student : bool
    """
    return hasattr(surrogate, "victim")


def unwrap_student(surrogate, X, y):
    """Return what is behind a student, and the labels that it learns.

    Parameters
    ----------
    surrogate : estimator
        The surrogate; a student or not.
    X : {ndarray, sparse matrix, dataframe} of shape (n_known, n_features)
        The rows that the attacker knows.
    y : ndarray of shape (n_known,)
        Their labels or responses.

    Returns
    -------
    surrogate : estimator
        What learns.
    y : ndarray of shape (n_known,)
        What it learns.
    """
    if not is_student(surrogate):
        return surrogate, y
    return surrogate.surrogate, surrogate.label(X, y)
