"""Training problem of a support vector machine with a kernel.

It is that of :class:`~sklearn.svm.SVC`: its own solution, made exact, is
differentiated. `gamma` is determined by the first training rows and then stays the
same.
"""

import numpy as np
from sklearn.svm import SVC

from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.surrogates._training_problem import (
    TrainingProblem,
    _plus_or_minus,
    _refuse,
    as_training_problem,
)

KERNELS = "linear", "rbf", "poly", "sigmoid"


@as_training_problem.register
def _(estimator: SVC, n_classes=None):
    if estimator.kernel not in KERNELS:
        _refuse(estimator, "kernel", " or ".join(map(repr, KERNELS)))
    if not np.isfinite(estimator.C):
        _refuse(estimator, "C", "a finite number")
    learner = SVMLearner(
        estimator.kernel,
        estimator.C,
        estimator.gamma,
        estimator.degree,
        estimator.coef0,
    )
    return TrainingProblem(
        learner,
        _plus_or_minus(n_classes),
        class_weight=estimator.class_weight,
    )
