"""What to do with an estimator that one way of `NoisyLabelClassifier` does not take."""

from sklearn.pipeline import Pipeline

from skpoison.surrogates import as_training_problem
from skpoison.utils._weights import takes_weights


def correctable(estimator, n_classes):
    """Return the training problem of an estimator if its loss can be corrected.

    Parameters
    ----------
    estimator : classifier
        The estimator.
    n_classes : int
        Number of classes.

    Returns
    -------
    problem : TrainingProblem or None
        None if it does not minimise a loss that is linear in the targets until it
        converges.
    """
    try:
        problem = as_training_problem(estimator, n_classes=n_classes)
    except TypeError:
        return None
    loss = getattr(problem.learner, "loss", None)
    if getattr(loss, "linear_in_targets", False) and problem.n_steps is None:
        return problem
    return None


def way_out(estimator, n_classes):
    """Return how labels can be corrected with an estimator, as a sentence.

    Parameters
    ----------
    estimator : classifier
        The estimator.
    n_classes : int
        Number of classes.

    Returns
    -------
    sentence : str
    """
    has_probabilities = hasattr(estimator, "predict_proba")
    if isinstance(estimator, Pipeline):
        return (
            "Put the defence within the Pipeline, around its last step: "
            "make_pipeline(StandardScaler(), NoisyLabelClassifier(...))."
        )
    if correctable(estimator, n_classes) is not None:
        rates = "" if has_probabilities else ", and give the rates as noise"
        return f"Set method='unbiased'{rates}."
    if n_classes == 2 and takes_weights(estimator):
        rates = "noise='anchors' or the rates" if has_probabilities else "the rates"
        return f"Set method='weighted', and {rates} as noise."
    return "Take ConfidentLearningClassifier, which can be put around any classifier."
