r"""Training problem of LinearRegression: least squares, of minimum norm.

With fewer rows than columns, or columns that depend on each other, the least squares
solution is not unique, and scikit-learn takes that of minimum norm. It is the limit of
ridge regression as the penalty :math:`\alpha` goes to 0 (Albert 1972, "Regression and
the Moore-Penrose pseudoinverse"), and differs from it by a relative
:math:`O(\alpha / \lambda_{\min})`, the smallest eigenvalue of the centred Gram matrix
that is not 0. So the learner is given a penalty that is negligible beside these
eigenvalues, and large enough for its linear systems to be solved accurately. Its
derivative is that of the minimum-norm solution, to the same order: also of what the
rows determine anew when poison rows leave the span of the clean ones.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from sklearn.linear_model import LinearRegression

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.bilevel.losses import Squared
from skpoison.surrogates._training_problem import (
    TrainingProblem,
    _refuse,
    _responses,
    as_training_problem,
)

# The penalty, relative to the mean eigenvalue of the Gram matrix that is not 0.
RELATIVE_PENALTY = 1e-7
# Least eigenvalue, relative to the largest, of a Gram matrix that counts as regular.
SINGULAR = 1e-12
# The largest Gram matrix whose eigenvalues are computed.
LARGEST = 2000


@dataclass(frozen=True)
class LeastSquaresProblem(TrainingProblem):
    """The training problem of least squares, of minimum norm if it is singular."""

    def for_rows(self, X, weight=1.0):
        """Return the training problem for rows like these, with poison beside them.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            Clean rows.
        weight : float, default=1.0
            The weight of each.

        Returns
        -------
        problem : LeastSquaresProblem
            Without a penalty if the solution is unique.
        """
        sum_of_squares, rank, is_singular = _spectrum(X, bool(self.learner.intercept))
        if not is_singular or not sum_of_squares:
            return self
        penalty = RELATIVE_PENALTY * weight * sum_of_squares / rank
        return replace(self, learner=replace(self.learner, penalty=penalty))


def _spectrum(X, centred):
    """Return the trace of a Gram matrix, its largest possible rank, and singularity."""
    n_samples, n_features = X.shape
    mean = np.asarray(X.mean(axis=0)).ravel() if centred else np.zeros(n_features)
    squares = X.multiply(X) if sparse.issparse(X) else X**2
    sum_of_squares = max(squares.sum() - n_samples * (mean**2).sum(), 0.0)
    rank = min(n_samples - centred, n_features)
    if rank < n_features:
        return sum_of_squares, max(rank, 1), True
    if n_features > LARGEST:
        return sum_of_squares, rank, False  # too large to tell
    gram = X.T @ X
    gram = gram.toarray() if sparse.issparse(gram) else gram
    eigenvalues = np.linalg.eigvalsh(gram - n_samples * np.outer(mean, mean))
    return sum_of_squares, rank, eigenvalues[0] <= SINGULAR * eigenvalues[-1]


@as_training_problem.register
def _(estimator: LinearRegression, n_classes=None):
    if estimator.positive:
        _refuse(estimator, "positive", "False")
    learner = LinearLearner(Squared(), 0.0, float(estimator.fit_intercept))
    return LeastSquaresProblem(learner, _responses)
