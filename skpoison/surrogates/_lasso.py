"""Training problems of the Lasso and the elastic net.

Both divide the losses by the number of rows, and scale the weights of rows to a mean of
1: together that is division by the sum of these weights.
"""

from sklearn.linear_model import ElasticNet, MultiTaskElasticNet

from skpoison.bilevel.losses import Squared
from skpoison.surrogates._training_problem import (
    TrainingProblem,
    _elastic_net,
    _refuse,
    _responses,
    as_training_problem,
)


@as_training_problem.register
def _(estimator: ElasticNet, n_classes=None):  # and the Lasso, which is one
    if isinstance(estimator, MultiTaskElasticNet):
        # Its penalty is on the norms of the weights of a feature in all tasks.
        return as_training_problem.dispatch(object)(estimator, n_classes)
    if estimator.positive:
        _refuse(estimator, "positive", "False")
    learner = _elastic_net(
        Squared(), estimator.alpha, estimator.l1_ratio, float(estimator.fit_intercept)
    )
    return TrainingProblem(learner, _responses, "weight")
