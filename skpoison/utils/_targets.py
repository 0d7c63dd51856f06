"""Validation of targets: class labels and responses."""

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skpoison.utils._containers import is_frame
from skpoison.utils._validation import check_squares, is_missing, refused_na

# Numbers are responses, and not classes, if there are more different ones than this,
N_CLASSES = 20
# and fewer rows than this for each of them: few enough that the training rows of a fold
# are seldom taken for responses if all rows are taken for classes.
N_ROWS_OF_A_CLASS = 3


def check_labels(estimator, y, *, training=True):
    """Return class labels in any container as an array.

    Parameters
    ----------
    estimator : estimator
        The estimator that errors name. Its attribute `_instead_of_labels` says what to
        do on a regression task.
    y : array-like, series or dataframe of shape (n_samples,) or (n_samples, n_outputs)
        The labels.
    training : bool, default=True
        Whether they are those of the training rows, all classes among them. Numbers of
        which almost every row has another one are then responses.

    Returns
    -------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If y is None, if labels are missing, or if they are not classes.
    """
    y = _array_of(estimator, y)
    if isinstance(y, list | tuple):
        # In an array of words NaN would be the word "nan".
        _check_none_missing(np.asarray(y, dtype=object))
    y = check_array(
        y, dtype=None, ensure_2d=False, ensure_all_finite=False, input_name="y"
    )
    _check_none_missing(y)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    _check_one_type(y)
    if training:
        _refuse_responses(estimator, y)
    check_classification_targets(y)
    if type_of_target(y) == "multiclass-multioutput":
        raise ValueError("Multilabel and multioutput targets are not supported.")
    return y


def _refuse_responses(estimator, y):
    """Raise if what should be labels looks like the responses of a regression task."""
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim == 2 and type_of_target(y) == "continuous-multioutput":
        raise ValueError(
            "Unknown label type: continuous-multioutput. y must hold one class label "
            f"for each row; got numbers of shape {y.shape}. Are X and y swapped?"
        )
    if y.ndim != 1 or y.dtype.kind not in "iuf":
        return
    n_values = np.unique(y).shape[0]
    are_fractions = y.dtype.kind == "f" and (y != np.rint(y)).any()
    are_many = n_values > max(N_CLASSES, y.shape[0] / N_ROWS_OF_A_CLASS)
    if not (are_fractions or are_many):
        return
    instead = getattr(
        estimator,
        "_instead_of_labels",
        "For regression take a regressor, such as Ridge().",
    )
    # The first words are those of scikit-learn.
    raise ValueError(
        f"Unknown label type: continuous. y must hold class labels for "
        f"{type(estimator).__name__}, but it holds {n_values} different numbers in "
        f"{y.shape[0]} rows, as responses of a regression task do. {instead} If they "
        "are classes, pass them as strings: np.asarray(y).astype(str)."
    )


def _refuse_words(estimator, y):
    """Raise if what should be responses holds words."""
    y = np.asarray(y)
    if y.dtype.kind not in "OSTU":
        return
    word = next(filter(_is_word, y.ravel().tolist()), None)
    if word is None:
        return
    if hasattr(estimator, "surrogate"):
        raise ValueError(
            f"`surrogate` must be a classifier if y holds class labels, such as "
            f"{word!r}; got {estimator.surrogate!r}. Take LogisticRegression(), for "
            "example."
        )
    raise ValueError(
        f"y must hold numbers for {type(estimator).__name__}; got {word!r}. If it "
        "holds class labels, take a classifier."
    )


def _is_word(value):
    if not isinstance(value, str | bytes):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def _check_one_type(y):
    """Raise if labels are of types that cannot be sorted together."""
    if y.dtype.kind != "O":
        return
    types = set(map(type, y.ravel()))
    if len(types) == 1:
        return
    try:
        np.unique(y)
    except TypeError as error:
        types = sorted(each.__name__ for each in types)
        raise ValueError(
            f"y must hold labels of one type; got {' and '.join(types)}. Make all of "
            "them strings: [str(label) for label in y]."
        ) from error


def _check_none_missing(y):
    """Raise if labels or responses are missing."""
    missing = is_missing(y)
    if missing.any():
        value = y[missing][0]
        raise ValueError(
            f"Input y contains {'NaN' if isinstance(value, float) else repr(value)}: "
            "give every row a label, or drop it."
        )


def _array_of(estimator, y):
    """Return y, out of a dataframe or a series if it is in one."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is "
            "None."
        )
    if is_frame(y):
        return nw.from_native(y, eager_only=True).to_numpy()
    if nw.dependencies.is_into_series(y):
        return nw.from_native(y, series_only=True).to_numpy()
    return y


def check_responses(estimator, y, *, warn=False):
    """Return responses in any container as an array of floats.

    Parameters
    ----------
    estimator : estimator
        The estimator that errors name.
    y : array-like, series or dataframe of shape (n_samples,) or (n_samples, 1)
        The responses.
    warn : bool, default=False
        Whether to warn if y is a column instead of one-dimensional.

    Returns
    -------
    y : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If y is None, if responses are missing, not numbers or too large, or if there
        are several for each row.
    """
    y = _array_of(estimator, y)
    _refuse_words(estimator, y)
    with refused_na("y"):
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    check_squares(y, "y")
    return column_or_1d(y, warn=warn)
