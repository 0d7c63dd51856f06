"""A victim that learns its penalty."""

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils._param_validation import validate_params

from skpoison.surrogates._inner import PredictsByInnerMixin
from skpoison.utils._validation import InstanceWith

# The penalty is between these multiples of that of the estimator given.
SMALLEST, LARGEST = 1e-4, 1e4


class PenaltyLearner(PredictsByInnerMixin, MetaEstimatorMixin, BaseEstimator):
    """A linear model that learns its penalty, as `as_penalty_learner` makes it.

    Parameters
    ----------
    estimator : estimator
        The model, or a Pipeline that ends with it.

    Attributes
    ----------
    estimator_ : estimator
        The model, fitted.
    factor_ : float
        What its penalty has been multiplied by.
    classes_ : ndarray of shape (n_classes,)
        The class labels, for a classifier.
    n_features_in_ : int
        Number of features seen.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def with_factor(self, factor):
        """Return the estimator with a multiple of its penalty.

        Parameters
        ----------
        factor : float
            The multiple.

        Returns
        -------
        estimator : estimator
        """
        name, model = _last(self.estimator)
        params = model.get_params(deep=False)
        if "C" in params:
            changed = {f"{name}C": params["C"] / factor}
        else:
            changed = {f"{name}alpha": params["alpha"] * factor}
        return clone(self.estimator).set_params(**changed)

    def fit(self, X, y):
        """Fit the model with the penalty that has the least loss in 3-fold validation.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,)
            Their labels or responses.

        Returns
        -------
        self : object
        """
        loss = "neg_log_loss" if is_classifier(self) else "neg_mean_squared_error"

        def validation_loss(s):
            estimator = self.with_factor(np.exp(s))
            return -cross_val_score(estimator, X, y, cv=3, scoring=loss).mean()

        bounds = np.log([SMALLEST, LARGEST])
        found = minimize_scalar(validation_loss, bounds=bounds)
        self.factor_ = float(np.exp(found.x))
        self.estimator_ = self.with_factor(self.factor_).fit(X, y)
        return self

    def __sklearn_tags__(self):
        """Return the tags of the model."""
        return get_tags(self.estimator)


def _last(estimator):
    """Return the prefix of the names of the parameters of a model, and the model."""
    if isinstance(estimator, Pipeline):
        name, model = estimator.steps[-1]
        return f"{name}__", model
    return "", estimator


@validate_params(
    {"estimator": [InstanceWith(["fit", "predict"])]},
    prefer_skip_nested_validation=True,
)
def as_penalty_learner(estimator):
    r"""Make a victim that learns its penalty on validation data.

    As a victim, it minimises the loss in 3-fold cross-validation over the multiples of
    the penalty of the estimator, from 1e-4 to 1e4. As the surrogate of
    :class:`~skpoison.attacks.GradientInsertion` or
    :class:`~skpoison.attacks.GradientModification` it is an attacker who knows that.
    The poison :math:`D_p` and the penalty :math:`\lambda` are then moved in turn, as in
    [1]_: the poison by steps of ascent on the goal A with the penalty fixed,

    .. math::

        D_p \leftarrow \Pi\left( D_p + \eta \nabla_{D_p}
        A\left( w^*(D_p, \lambda) \right) \right) ,

    and the penalty by descent on the validation loss with the poison fixed, here to its
    minimum,

    .. math::

        \frac{d L_{val}}{d \log \lambda} =
        - \lambda \left\langle V, w^*(D_p, \lambda) \right\rangle , \qquad
        H V = \nabla L_{val} ,

    with the Hessian H of the training objective; the intercept is not penalised. The
    poison of the round is kept after which the goal, with the penalty learnt anew, is
    highest.

    Parameters
    ----------
    estimator : estimator
        A LogisticRegression or a Ridge with a squared penalty, or a Pipeline of scalers
        before one.

    Returns
    -------
    learner : estimator
        With the methods `fit` and `score`, and those that predict.

    Raises
    ------
    ValueError
        If the estimator has no penalty to be learnt, or no loss to learn it by.

    See Also
    --------
    skpoison.model_selection.transfer_matrix : Its victims may tune by a search.

    References
    ----------
    .. [1] J. Carnerero-Cano, L. Muñoz-González, P. Spencer, E. C. Lupu,
       "Hyperparameter learning under data poisoning: analysis of the influence of
       regularization via multiobjective bilevel optimization", IEEE Transactions on
       Neural Networks and Learning Systems, 2023.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.optimizers import ProjectedAscent
    >>> from skpoison.surrogates import as_penalty_learner
    >>> X, y = make_classification(flip_y=0.2, random_state=0)
    >>> victim = as_penalty_learner(LogisticRegression())
    >>> attack = GradientInsertion(
    ...     victim, 20, optimizer=ProjectedAscent(max_iter=10), random_state=0
    ... )
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> victim.fit(X, y).factor_ < victim.fit(X_poisoned, y_poisoned).factor_
    True
    """
    params = _last(estimator)[1].get_params(deep=False)
    has_loss = not is_classifier(estimator) or hasattr(estimator, "predict_proba")
    if not {"C", "alpha"} & params.keys() or not has_loss:
        raise ValueError(
            "`estimator` must have a penalty C or alpha, and probabilities if it is a "
            f"classifier; got {estimator!r}. Take LogisticRegression() or Ridge()."
        )
    return PenaltyLearner(estimator)
