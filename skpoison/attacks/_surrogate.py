"""The default surrogate of an attack."""

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# A column is centred if its mean is more than so many standard deviations from 0.
FAR = 1000


def default_surrogate(X):
    """Return the surrogate of an attack that is given none.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The training rows.

    Returns
    -------
    surrogate : Pipeline
        LogisticRegression after a StandardScaler.
    """
    # Centring only shifts the intercept, and would make sparse data dense. But columns
    # far from 0 lose digits without it.
    far = not sparse.issparse(X) and (np.abs(X.mean(axis=0)) > FAR * X.std(axis=0))
    scaler = StandardScaler(with_mean=bool(np.any(far)))
    # Frames, as the user's configuration may ask for, cannot hold scaled sparse rows.
    scaler.set_output(transform="default")
    return make_pipeline(scaler, LogisticRegression(max_iter=1000))
