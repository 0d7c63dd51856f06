"""Errors about missing values that a defence does not take, with what to do instead.

scikit-learn recommends HistGradientBoostingClassifier, whatever the estimator that
refuses them. Around a defence that is no help: it computes with X itself.
"""

from contextlib import contextmanager


@contextmanager
def explain_missing(defence):
    """Turn scikit-learn's error about missing values into one that leads out.

    Parameters
    ----------
    defence : estimator
        The defence that checks X. Its method `_instead_of_missing` returns what to do
        but to fill them in, as a sentence that may be empty.
    """
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Input X contains NaN"):
            raise
        raise ValueError(
            f"Input X contains NaN, and {type(defence).__name__} computes with every "
            "value of X. Fill them in by a step before it, such as SimpleImputer(). "
            f"{defence._instead_of_missing()}".strip()
        ) from error
