"""What does every defence obey?"""

import pickle
import warnings

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import get_tags
from sklearn.utils._testing import (
    assert_array_equal,
    create_memmap_backed_data,
    raises,
)
from sklearn.utils.validation import has_fit_parameter

from skpoison.utils._check_data import containers, make_data, trust_some, values
from skpoison.utils._containers import is_frame


def _poisoned_data():
    """Make three classes, every fifth label flipped."""
    X, y = make_data()
    y[::5] = np.roll([0, 3, 8], 1)[np.searchsorted([0, 3, 8], y[::5])]
    return X / 10, y


def check_inlier_mask(name, defence):
    """Check that the mask has an entry a row and the estimator every class."""
    X, y = _poisoned_data()
    fitted = clone(defence).fit(X, y)
    assert fitted.inlier_mask_.dtype == bool
    assert fitted.inlier_mask_.shape == y.shape, f"inlier_mask_ of {name}: a row each."
    assert_array_equal(fitted.classes_, np.unique(y))
    assert_array_equal(fitted.estimator_.classes_, np.unique(y))
    if hasattr(fitted, "y_sanitized_"):
        assert fitted.y_sanitized_.dtype == y.dtype
        assert np.isin(fitted.y_sanitized_, y).all(), f"{name} invents labels."
        believed = fitted.inlier_mask_
        assert_array_equal(fitted.y_sanitized_[believed], y[believed])


def check_keeps_every_class(name, defence):
    """Check that a class is not lost, even where all its rows look wrong."""
    X, y = make_data()
    X, y = X / 10, np.where(y == 8, 3, y)
    y[np.flatnonzero(y == 0)[:2]] = 8  # two rows amid another class
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a defence may say what it did
        fitted = clone(defence).fit(X, y)
    for label in np.unique(y):
        kept = fitted.inlier_mask_[y == label].any()
        if hasattr(fitted, "y_sanitized_"):
            kept = kept or (fitted.y_sanitized_ == label).any()
        assert kept, f"{name} drops every row of class {label}."
    assert_array_equal(fitted.estimator_.classes_, np.unique(y))


def check_keeps_trusted_rows(name, defence):
    """Check that trusted rows are kept, and that bad masks are refused."""
    X, y = _poisoned_data()
    trusted = trust_some(y)
    fitted = clone(defence).fit(X, y, trusted=trusted)
    assert fitted.inlier_mask_[trusted].all(), f"{name} touches trusted rows."
    everything = clone(defence).fit(X, y, trusted=np.ones(y.shape[0], dtype=bool))
    assert everything.inlier_mask_.all(), f"{name} touches trusted rows."
    plain = clone(defence.estimator).fit(X, y)
    assert_array_equal(everything.predict(X), plain.predict(X))
    for wrong in (trusted[:-1], np.full(y.shape[0], 2)):
        with raises(ValueError, match="trusted", err_msg=f"{name}, wrong trusted"):
            clone(defence).fit(X, y, trusted=wrong)


def check_zero_weight_is_absence(name, defence):
    """Check that rows of weight 0 count for nothing, not even in the judgement."""
    if not has_fit_parameter(defence.estimator, "sample_weight"):
        return
    X, y = _poisoned_data()
    rng = np.random.RandomState(0)
    absent = X.mean(axis=0) + rng.normal(size=(40, X.shape[1]))
    X_more = np.concatenate([X, absent])
    y_more = np.concatenate([y, rng.choice(y, 40)])
    weights = np.repeat([1.0, 0.0], [y.shape[0], 40])
    fitted = clone(defence).fit(X_more, y_more, sample_weight=weights)
    expected = clone(defence).fit(X, y, sample_weight=np.ones(y.shape[0]))
    assert_array_equal(fitted.inlier_mask_[: y.shape[0]], expected.inlier_mask_)
    assert not fitted.inlier_mask_[y.shape[0] :].any()
    assert_array_equal(fitted.predict(X), expected.predict(X))


def check_defence_containers(name, defence):
    """Check that every container is judged as an array of its values is."""
    X, y = _poisoned_data()
    X = np.rint(10 * X)
    expected = clone(defence).fit(X, y)
    for case, X_in, y_in in containers(X, y):
        if sparse.issparse(X_in) and not get_tags(defence).input_tags.sparse:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)  # y in a column
            fitted = clone(defence).fit(X_in, y_in)
        assert_array_equal(
            fitted.inlier_mask_,
            expected.inlier_mask_,
            err_msg=f"{name} judges otherwise by {case}.",
        )
        assert np.isin(fitted.predict(X_in), np.unique(values(y_in))).all()
        if is_frame(X_in):
            assert list(fitted.feature_names_in_) == list(X_in.columns)
            assert list(fitted.estimator_.feature_names_in_) == list(X_in.columns), (
                f"{name} hides a dataframe from its estimator ({case})."
            )


def check_defence_input_not_written(name, defence):
    """Check that the user's arrays are not written to."""
    X, y = _poisoned_data()
    trusted = trust_some(y)
    read_only = create_memmap_backed_data([X, y, trusted])
    fitted = clone(defence).fit(read_only[0], read_only[1], trusted=read_only[2])
    expected = clone(defence).fit(X, y, trusted=trusted)
    assert_array_equal(fitted.inlier_mask_, expected.inlier_mask_)


def check_defence_pickles(name, defence):
    """Check that a defence is deterministic and survives pickling and cloning."""
    X, y = _poisoned_data()
    fitted = clone(defence).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    refitted = clone(fitted).fit(X, y)
    for copy in (again, refitted):
        assert_array_equal(copy.inlier_mask_, fitted.inlier_mask_)
        assert_array_equal(copy.predict(X), fitted.predict(X))
    assert not hasattr(fitted.estimator, "classes_"), (
        f"{name} fits the estimator given, and not a clone of it."
    )


def check_defence_jobs(name, defence):
    """Check that two jobs give what one gives."""
    if "n_jobs" not in defence.get_params(deep=False):
        return
    X, y = _poisoned_data()
    one, two = (clone(defence).set_params(n_jobs=n).fit(X, y) for n in (1, 2))
    assert_array_equal(one.inlier_mask_, two.inlier_mask_)
    assert_array_equal(one.predict(X), two.predict(X))


DEFENCE_CHECKS = (
    check_inlier_mask,
    check_keeps_every_class,
    check_keeps_trusted_rows,
    check_zero_weight_is_absence,
    check_defence_containers,
    check_defence_input_not_written,
    check_defence_pickles,
    check_defence_jobs,
)
