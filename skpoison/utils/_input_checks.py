"""Checks of unusual input and surroundings, for attacks and defences alike."""

import warnings

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils._testing import assert_allclose, raises

from skpoison.utils._check_data import (
    frame_packages,
    make_data,
    numpy_scalars,
    with_repeated_entries,
)

HUGE = 1e200


def _data():
    X, y = make_data(60)
    return X / 10, y


def _outcome(estimator, X, y, **params):
    """Fit a clone, and return it with arrays that describe what it has done."""
    fitted = clone(estimator)
    if hasattr(fitted, "fit_resample"):
        X_out, y_out = fitted.fit_resample(X, y, **params)
        return fitted, [X_out, y_out, fitted.poison_mask_]
    fitted.fit(X, y, **params)
    scores = getattr(fitted, "sample_scores_", 0.0)
    return fitted, [fitted.inlier_mask_, scores, fitted.predict(X)]


def _assert_same(left, right, message):
    for one, other in zip(left, right, strict=True):
        assert np.shape(one) == np.shape(other), message
        one, other = (
            each.toarray() if sparse.issparse(each) else np.asarray(each, dtype=float)
            for each in (one, other)
        )
        assert_allclose(one, other, rtol=1e-5, atol=1e-8, err_msg=message)


def _public_attributes(estimator):
    """Return the names of what a fit has set."""
    return {name for name in vars(estimator) if name.endswith("_")}


def check_output_configuration(name, estimator):
    """Check that it does not matter what transformers are configured to put out."""
    X, y = _data()
    rows = {"pandas": X}
    if get_tags(estimator).input_tags.sparse:
        rows["polars"] = sparse.csr_array(X)
    for output, X_in in rows.items():
        _, expected = _outcome(estimator, X_in, y)
        with sklearn.config_context(transform_output=output):
            _, found = _outcome(estimator, X_in, y)
        message = f"{name} does something else with transform_output={output!r}."
        _assert_same(found, expected, message)


def check_missing_entries(name, estimator):
    """Check that missing labels and missing entries of `trusted` are named as such."""
    pd, pl = frame_packages()
    X, y = _data()
    holes = np.arange(y.shape[0]) == 5
    masks = [holes.astype(object), pl.Series(np.where(holes, None, True).tolist())]
    masks[0][7] = pd.NA
    masks.append(pd.Series(masks[0], dtype="boolean"))
    for trusted in (*masks, masks[0].tolist()):
        with raises(ValueError, match="trusted", err_msg=f"{name}, NA in trusted"):
            _outcome(estimator, X, y, trusted=trusted)
    number = y.astype(object)
    number[7] = pd.NA
    targets = [number, number.tolist(), pd.Series(number, dtype="Int64")]
    targets.append(pd.Series(number, dtype="Float64"))
    if not _takes_numbers(estimator):
        days = np.array(["2020-01-01", "2021-01-01", "NaT"], dtype="datetime64[s]")
        days = days[np.where(holes, 2, y > 0)]
        words = pd.Series(np.where(y > 0, "spam", "ham")).astype(object)
        words[7] = pd.NA
        targets += [days, pd.Series(days), words, words.astype("string")]
        targets.append(words.fillna(np.nan).tolist())
        targets.append(pd.Series(y > 0, dtype="boolean").where(~holes))
    for target in targets:
        with raises(ValueError, match="Input y", err_msg=f"{name}, missing labels"):
            _outcome(estimator, X, target)


def _takes_numbers(estimator):
    """Return whether y holds responses and not labels."""
    takes_responses = getattr(estimator, "_takes_responses", bool)()
    return takes_responses or get_tags(estimator).estimator_type == "regressor"


def check_numpy_scalars(name, estimator):
    """Check that numbers of numpy as parameters do what Python's own do."""
    X, y = _data()
    as_numpy, as_python = numpy_scalars(estimator)
    _, expected = _outcome(clone(estimator).set_params(**as_python), X, y)
    try:
        _, found = _outcome(clone(estimator).set_params(**as_numpy), X, y)
    except (ValueError, TypeError, OverflowError) as error:
        raise AssertionError(
            f"{name} does not take parameters that are numbers of numpy: {as_numpy}."
        ) from error
    message = f"{name} does something else with numbers of numpy: {as_numpy}."
    _assert_same(found, expected, message)


def check_large_numbers(name, estimator):
    """Check that numbers whose squares overflow are refused by name, if at all."""
    X, y = _data()
    try:
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an inner estimator may not converge
            _outcome(estimator, HUGE * X, y)
    except (ValueError, ArithmeticError, LookupError) as error:
        if not isinstance(error, ValueError) or "X must" not in str(error):
            raise AssertionError(
                f"{name} must refuse X by a ValueError that says what X must be, if "
                "its numbers are too large."
            ) from error


def check_called_again(name, estimator):
    """Check that nothing is left of an earlier call with other parameters."""
    X, y = _data()
    if hasattr(estimator, "fit_resample"):
        changes = [{"budget": 0.2}, {"budget": 0}]
    elif "action" in estimator.get_params(deep=False):
        constraint = estimator._parameter_constraints["action"][0]
        changes = [{"action": action} for action in sorted(constraint.options)]
        changes.append(changes[0])
    else:
        return
    fitted = clone(estimator)
    for change in changes:
        fitted.set_params(**change)
        getattr(fitted, "fit_resample", fitted.fit)(X, y)
        fresh, _ = _outcome(fitted, X, y)
        left = _public_attributes(fitted) - _public_attributes(fresh)
        assert not left, f"{name} keeps {left} of an earlier call."


def check_repeated_entries(name, estimator):
    """Check that sparse rows mean the same with repeated entries, in any order."""
    if not get_tags(estimator).input_tags.sparse:
        return
    X, y = _data()
    _, expected = _outcome(estimator, sparse.csr_array(X), y)
    rows = with_repeated_entries(X)
    before = rows.copy()
    _, found = _outcome(estimator, rows, y)
    _assert_same(found, expected, f"{name} does not add up repeated entries of X.")
    assert rows.nnz == before.nnz, f"{name} writes to X."
    assert (rows.data == before.data).all(), f"{name} writes to X."


INPUT_CHECKS = (
    check_output_configuration,
    check_missing_entries,
    check_numpy_scalars,
    check_large_numbers,
    check_called_again,
    check_repeated_entries,
)
