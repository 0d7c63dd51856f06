r"""What the last, linear layer of a fitted estimator sees, and its gradients.

The last layer of a linear model sees the features, that of a neural network of
scikit-learn its last hidden layer; in a Pipeline, after the steps before. Its outputs
are scores z, and the gradient of the loss of a row in its weights is the outer product
of what it sees and of the gradient of the loss in z.
"""

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import ACTIVATIONS
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array

from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.defences._refits import LinearFit
from skpoison.defences._singular_scores import OuterProducts
from skpoison.surrogates import as_training_problem
from skpoison.utils._texts import shown


def last_layer_inputs(model, X):
    """Return what the last layer of a fitted estimator sees.

    Parameters
    ----------
    model : estimator
        The fitted estimator.
    X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    inputs : {ndarray, csr matrix} of shape (n_samples, n_inputs)
    """
    if isinstance(model, Pipeline):
        X = model[:-1].transform(X) if len(model) > 1 else X
        return last_layer_inputs(model[-1], X)
    X = check_array(X, accept_sparse="csr", dtype=np.float64)
    if not isinstance(model, MLPClassifier | MLPRegressor):
        return X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = np.asarray(X @ W + b)
        ACTIVATIONS[model.activation](X)
    return X


def last_layer_gradients(model, X, y):
    """Return the gradients of the losses of rows in the weights of the last layer.

    Parameters
    ----------
    model : estimator or LinearFit
        The fitted estimator: one with linear scores that
        :func:`~skpoison.surrogates.as_training_problem` knows, or a neural network of
        scikit-learn, or a Pipeline that ends with one. Of a LinearFit the gradients in
        the scores are known.
    X : {array-like, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels or responses.

    Returns
    -------
    gradients : OuterProducts

    Raises
    ------
    ValueError
        If the estimator is another one.
    """
    if isinstance(model, LinearFit):
        return OuterProducts(X, model.gradients, model.intercept)
    inputs = last_layer_inputs(model, X)
    last = model[-1] if isinstance(model, Pipeline) else model
    if isinstance(last, MLPClassifier | MLPRegressor):
        return OuterProducts(inputs, _network_gradients(model, last, X, y), 1.0)
    codes, n_classes = y, None
    if is_classifier(last):
        codes, n_classes = np.searchsorted(last.classes_, y), last.classes_.shape[0]
    try:
        problem = as_training_problem(last, n_classes)
    except TypeError as error:
        raise ValueError(_needs_gradients(last)) from error
    learner = problem.learner
    if not isinstance(learner, LinearLearner):
        raise ValueError(_needs_gradients(last))
    score = model.decision_function if is_classifier(last) else model.predict
    scores = np.asarray(score(X), dtype=np.float64).reshape(y.shape[0], -1)
    gradients = learner.loss.gradient(scores, problem.encode(codes))
    return OuterProducts(inputs, gradients, learner.intercept)


def _network_gradients(model, network, X, y):
    """Return the gradients of the losses of rows in a network's outputs."""
    if not is_classifier(network):
        return (
            np.asarray(model.predict(X), dtype=np.float64).reshape(-1, 1)
            - (y[:, np.newaxis])
        )
    probabilities = np.asarray(model.predict_proba(X), dtype=np.float64)
    targets = (y[:, np.newaxis] == network.classes_).astype(np.float64)
    gradients = probabilities - targets
    # Of two classes there is one output.
    return gradients[:, 1:] if network.n_outputs_ == 1 else gradients


def _needs_gradients(estimator):
    return (
        "estimator must be one whose gradients are known: a linear model, such as "
        "LogisticRegression, LinearSVC or Ridge, a neural network of scikit-learn, or "
        f"a Pipeline that ends with one; got {shown(estimator)}. Take "
        "TrimmedClassifier or TrimmedRegressor, which only need losses."
    )
