"""The steps of a learner by gradient descent, without a call for each batch.

A call of `partial_fit` takes a millisecond and a half for a single row, nearly all of
it checks. Where the steps of the learner are known and its rows are plain numbers they
are taken in a loop of this package's, to the same numbers within rounding.
"""

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import r2_score

from skpoison.online._defended_victims import as_stream_learner


class LearnerSteps:
    """A learner on the rows of a stream, one batch after the other.

    Parameters
    ----------
    learner : SGDClassifier or SGDRegressor
        The learner, which has learnt some rows.
    state : SGDState
        Its steps, from where it stands.
    X : ndarray of shape (n_samples, n_features)
        The rows of the stream.
    y : ndarray of shape (n_samples,)
        Their labels, as positions among the classes, or responses.
    """

    def __init__(self, learner, state, X, y):
        self.learner, self.state, self.X, self.y = learner, state, X, y

    @classmethod
    def of(cls, learner, X, y, *, batch_size):
        """Return the steps of a learner, or None if they are not known.

        Parameters
        ----------
        learner : estimator
            The learner, which has learnt some rows.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows of the stream.
        y : ndarray of shape (n_samples,)
            Their labels or responses.
        batch_size : int
            The number of rows that are learnt at once.

        Returns
        -------
        steps : LearnerSteps or None
        """
        if type(learner) not in (SGDClassifier, SGDRegressor):
            return None
        has_order = not learner.shuffle or batch_size == 1
        is_plain = type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind in "biuf"
        if not has_order or not is_plain or learner.coef_.dtype != np.float64:
            return None
        rows = X.astype(np.float64, copy=False)
        if not np.isfinite(rows).all():
            return None
        classes = getattr(learner, "classes_", None)
        try:
            state = as_stream_learner(learner, rows.shape[1], classes)
        except ValueError:
            return None
        if classes is not None:
            y = np.searchsorted(classes, y)
        elif not np.isfinite(y).all():
            return None
        return cls(learner, state, rows, y)

    def score(self, rows):
        """Return the accuracy, or R2, for rows at some positions."""
        X, y, state = self.X[rows], self.y[rows], self.state
        scores = X @ state.coef.T + state.intercept
        if state.targets is None:
            return r2_score(y, scores[:, 0])
        if scores.shape[1] == 1:
            return np.mean((scores[:, 0] > 0) == y)
        return np.mean(scores.argmax(axis=1) == y)

    def learn(self, rows):
        """Learn from rows at some positions, as one call of `partial_fit`."""
        X, y, state = self.X[rows], self.y[rows], self.state
        with np.errstate(over="ignore", invalid="ignore"):
            if state.penalty * state.l1_ratio:
                state.partial_fit(X, y)
            else:
                state.learn_rows(X, y)
        if not (np.isfinite(state.coef).all() and np.isfinite(state.intercept).all()):
            # As scikit-learn after each call.
            raise ValueError(
                "`estimator` must take steps that stay finite; floating-point overflow "
                "occurred in them. Scale the features, for instance by StandardScaler, "
                "or lower its learning rate."
            )

    def finish(self):
        """Let the learner stand where the steps have led."""
        learner, state = self.learner, self.state
        learner.coef_[...] = state.coef.reshape(learner.coef_.shape)
        learner.intercept_[...] = state.intercept
        learner.t_ = state.t
