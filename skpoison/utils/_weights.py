"""Sample weights for estimators that may not take any."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import has_fit_parameter

from skpoison.utils._containers import take_rows


def takes_weights(estimator):
    """Return whether an estimator accepts `sample_weight`, as far as is known.

    With metadata routing a Pipeline accepts weights without a parameter of that name,
    and raises itself if none of its steps asks for them.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    takes_weights : bool
    """
    return _routing_enabled() or has_fit_parameter(estimator, "sample_weight")


def without_weights(estimator):
    """Return what else can be done with an estimator that takes no weights.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    text : str
        Empty but for a Pipeline, whose steps may take weights.
    """
    if not isinstance(estimator, Pipeline):
        return ""
    return (
        ", or put the defence within the Pipeline, around its last step (or enable "
        "metadata routing, and let the last step request them: "
        "set_fit_request(sample_weight=True))"
    )


def fit_weighted(estimator, X, y, params):
    """Fit an estimator; if it takes no weights, to as many copies of each row.

    Ensembles such as :class:`~sklearn.ensemble.BaggingClassifier` draw rows by such
    weights. Copies are what an estimator without weights would be given by them.

    Parameters
    ----------
    estimator : estimator
        It is fitted itself.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels or responses.
    params : dict
        Metadata for its fit, with an entry for each row. `sample_weight` must hold
        whole numbers if the estimator takes no weights.

    Returns
    -------
    estimator : estimator
        The fitted estimator.
    """
    if "sample_weight" not in params or takes_weights(estimator):
        return estimator.fit(X, y, **params)
    counts = np.asarray(params["sample_weight"]).astype(int)
    rows = np.repeat(np.arange(counts.shape[0]), counts)
    return estimator.fit(take_rows(X, rows), y[rows])
