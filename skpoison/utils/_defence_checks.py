"""Checks of the contract that every defence keeps."""

import pickle
import warnings

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import DataConversionWarning
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils._testing import (
    assert_allclose,
    assert_array_equal,
    create_memmap_backed_data,
    raises,
)
from sklearn.utils.validation import has_fit_parameter

from skpoison.utils._check_data import (
    containers,
    make_data,
    run_in_two_threads,
    trust_some,
    values,
)
from skpoison.utils._containers import is_frame
from skpoison.utils._trusting import needs_trusted


def _poisoned_data(defence):
    """Return three classes, every fifth label flipped; for a regressor responses."""
    X, y = make_data()
    if is_regressor(defence):
        y = X.sum(axis=1) / 10
        y[::5] = y.max() + y.min() - y[::5]
        return X / 10, np.rint(y)
    y[::5] = np.roll([0, 3, 8], 1)[np.searchsorted([0, 3, 8], y[::5])]
    return X / 10, y


def check_inlier_mask(name, defence):
    """Check that the mask has an entry for each row, and the estimator every class."""
    X, y = _poisoned_data(defence)
    fitted = clone(defence).fit(X, y)
    assert fitted.inlier_mask_.dtype == bool
    assert fitted.inlier_mask_.shape == y.shape, (
        f"inlier_mask_ of {name} must have an entry for each row."
    )
    if is_classifier(defence):
        assert_array_equal(fitted.classes_, np.unique(y))
        if hasattr(fitted, "estimator_"):
            assert_array_equal(fitted.estimator_.classes_, np.unique(y))
    if hasattr(fitted, "y_sanitized_"):
        assert fitted.y_sanitized_.dtype == y.dtype
        assert np.isin(fitted.y_sanitized_, y).all(), f"{name} invents labels."
        kept = fitted.inlier_mask_
        assert_array_equal(fitted.y_sanitized_[kept], y[kept])


def check_overruled_share(name, defence):
    """Check that the share of each class that is overruled is that of the mask."""
    X, y = _poisoned_data(defence)
    fitted = clone(defence).fit(X, y)
    share = getattr(fitted, "overruled_share_", None)
    if share is None:
        return
    if not is_classifier(defence):
        assert np.ndim(share) == 0, f"overruled_share_ of {name} must be a number."
        y, share = np.zeros_like(y), np.atleast_1d(share)
    codes = np.unique(y, return_inverse=True)[1]
    counts = np.bincount(codes)
    assert share.shape == counts.shape, (
        f"overruled_share_ of {name} must have an entry for each class."
    )
    if hasattr(fitted, "sample_weight_"):
        expected = np.bincount(codes, 1 - fitted.sample_weight_) / counts
    elif hasattr(fitted, "sample_scores_"):
        expected = np.bincount(codes, ~fitted.inlier_mask_) / counts
    else:  # estimated, not counted
        expected = np.clip(share, 0, 1)
    assert_allclose(share, expected, err_msg=f"{name}: overruled_share_")


def check_sample_scores(name, defence):
    """Check that scores, threshold and mask of a filter say the same of every row.

    A row is an inlier if its score is below the threshold or it is trusted, and the
    rows of a class of which all are suspicious may be kept.
    """
    X, y = _poisoned_data(defence)
    weights = None
    absent = np.zeros(y.shape[0], dtype=bool)
    if has_fit_parameter(defence.estimator, "sample_weight"):
        absent[3::10] = True
        weights = np.where(absent, 0.0, 1.0)
    for trusted in (np.zeros(y.shape[0], dtype=bool), trust_some(y)):
        if needs_trusted(defence) and not trusted.any():
            continue
        fitted = clone(defence).fit(X, y, sample_weight=weights, trusted=trusted)
        if not hasattr(fitted, "sample_scores_"):
            return
        scores = np.asarray(fitted.sample_scores_)
        assert scores.shape == y.shape, (
            f"sample_scores_ of {name} must have an entry for each row of X, rows of "
            f"weight 0 included; got the shape {scores.shape}."
        )
        assert_array_equal(
            np.isnan(scores), absent, err_msg=f"{name}: NaN for rows of weight 0."
        )
        codes = np.unique(y, return_inverse=True)[1] if is_classifier(fitted) else None
        thresholds = fitted.threshold_
        if np.ndim(thresholds):
            assert np.shape(thresholds) == fitted.classes_.shape, (
                f"threshold_ of {name} must be a number, or one for each class."
            )
            thresholds = thresholds[codes]
        with np.errstate(invalid="ignore"):
            suspicious = (scores >= thresholds) & ~trusted
        inlier = fitted.inlier_mask_
        assert not inlier[absent].any()
        wrong = ~inlier & ~absent & ~suspicious
        assert not wrong.any(), f"{name} acts on rows that are not suspicious."
        groups = np.zeros(y.shape[0]) if codes is None else codes
        for group in np.unique(groups):
            rows = (groups == group) & ~absent
            if not suspicious[rows].all():
                wrong = suspicious & inlier & rows
                assert not wrong.any(), (
                    f"{name} does nothing with rows whose score reaches the threshold."
                )


def check_keeps_every_class(name, defence):
    """Check that a class is not lost, even if all its rows look wrong."""
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
        if hasattr(fitted, "sample_weight_"):
            kept = kept or fitted.sample_weight_[y == label].any()
        assert kept, f"{name} drops every row of class {label}."
    assert_array_equal(fitted.classes_, np.unique(y))


def check_keeps_trusted_rows(name, defence):
    """Check that trusted rows are kept, and that wrong masks are refused."""
    X, y = _poisoned_data(defence)
    trusted = trust_some(y)
    fitted = clone(defence).fit(X, y, trusted=trusted)
    assert fitted.inlier_mask_[trusted].all(), f"{name} touches trusted rows."
    everything = clone(defence).fit(X, y, trusted=np.ones(y.shape[0], dtype=bool))
    assert everything.inlier_mask_.all(), f"{name} touches trusted rows."
    if hasattr(everything, "estimator_"):
        # A defence inside is told the same.
        inside = has_fit_parameter(defence.estimator, "trusted")
        known = {"trusted": np.ones(y.shape[0], dtype=bool)} if inside else {}
        plain = clone(defence.estimator).fit(X, y, **known)
        assert_array_equal(everything.predict(X), plain.predict(X))
    for wrong in (trusted[:-1], np.full(y.shape[0], 2)):
        with raises(ValueError, match="trusted", err_msg=f"{name}, wrong trusted"):
            clone(defence).fit(X, y, trusted=wrong)


def check_zero_weight_is_absence(name, defence):
    """Check that rows of weight 0 change nothing, not even the scores."""
    if not has_fit_parameter(defence.estimator, "sample_weight"):
        return
    X, y = _poisoned_data(defence)
    rng = np.random.RandomState(0)
    absent = X.mean(axis=0) + rng.normal(size=(40, X.shape[1]))
    X_more = np.concatenate([X, absent])
    y_more = np.concatenate([y, rng.choice(y, 40)])
    weights = np.repeat([1.0, 0.0], [y.shape[0], 40])
    fitted = clone(defence).fit(X_more, y_more, sample_weight=weights)
    expected = clone(defence).fit(X, y, sample_weight=np.ones(y.shape[0]))
    assert_array_equal(fitted.inlier_mask_[: y.shape[0]], expected.inlier_mask_)
    assert not fitted.inlier_mask_[y.shape[0] :].any()
    if hasattr(expected, "sample_scores_"):
        assert_array_equal(fitted.sample_scores_[: y.shape[0]], expected.sample_scores_)
    assert_array_equal(fitted.predict(X), expected.predict(X))


def check_copies_for_weights(name, defence):
    """Check that weights that the estimator does not take are numbers of copies.

    So a defence can stand in BaggingClassifier, which draws rows by weights.
    """
    if "estimator" not in defence.get_params(deep=False):
        return  # it has several
    X, y = _poisoned_data(defence)
    without = clone(defence).set_params(estimator=make_pipeline(defence.estimator))
    try:
        without.fit(X, y)
    except ValueError:
        return  # the defence needs an estimator with weights, or of some kind
    counts = np.random.RandomState(0).poisson(1, y.shape[0])
    fitted = clone(without).fit(X, y, sample_weight=counts)
    assert not fitted.inlier_mask_[counts == 0].any()
    if not has_fit_parameter(defence.estimator, "sample_weight"):
        return
    expected = clone(defence).fit(X, y, sample_weight=counts)
    assert_array_equal(fitted.inlier_mask_, expected.inlier_mask_)
    same = np.isclose(fitted.predict(X), expected.predict(X), rtol=1e-3)
    assert same.mean() > 0.95, f"{name} ignores weights that its estimator lacks."


def check_class_of_one_row(name, defence):
    """Check that a class of a single row does not switch the defence off."""
    X, y = _poisoned_data(defence)
    found = (~clone(defence).fit(X, y).inlier_mask_).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it may say that it keeps the row
        fitted = clone(defence).fit(np.r_[X, X.max() + X[:1]], np.r_[y, 9])
    still_found = (~fitted.inlier_mask_[:-1]).sum()
    assert still_found >= found / 2, (
        f"{name} finds {found} suspicious rows, but {still_found} of them if there is "
        "one more row, of a class of its own."
    )


def check_defence_containers(name, defence):
    """Check that the container of the data makes no difference."""
    X, y = _poisoned_data(defence)
    X = np.rint(10 * X)
    expected = clone(defence).fit(X, y)
    has_labels = is_classifier(defence)
    for case, X_in, y_in in containers(X, y, are_labels=has_labels):
        if sparse.issparse(X_in) and not get_tags(defence).input_tags.sparse:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)  # y in a column
            fitted = clone(defence).fit(X_in, y_in)
        if not has_labels:  # responses are not the same in all containers
            responses = values(y_in).astype(float).ravel()
            expected = clone(defence).fit(X, responses)
        assert_array_equal(
            fitted.inlier_mask_,
            expected.inlier_mask_,
            err_msg=f"{name} has another inlier_mask_ for {case}.",
        )
        predicted = fitted.predict(X_in)
        if has_labels:
            assert np.isin(predicted, np.unique(values(y_in))).all()
        if is_frame(X_in):
            assert list(fitted.feature_names_in_) == list(X_in.columns)
            inner = getattr(fitted, "estimator_", fitted)
            assert list(inner.feature_names_in_) == list(X_in.columns), (
                f"{name} must fit its estimator on the dataframe ({case})."
            )


def check_defence_input_not_written(name, defence):
    """Check that the user's arrays are not written to."""
    X, y = _poisoned_data(defence)
    trusted = trust_some(y)
    read_only = create_memmap_backed_data([X, y, trusted])
    fitted = clone(defence).fit(read_only[0], read_only[1], trusted=read_only[2])
    expected = clone(defence).fit(X, y, trusted=trusted)
    assert_array_equal(fitted.inlier_mask_, expected.inlier_mask_)


def check_defence_pickles(name, defence):
    """Check that a defence is deterministic and survives pickling and cloning."""
    X, y = _poisoned_data(defence)
    fitted = clone(defence).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    refitted = clone(fitted).fit(X, y)
    for copy in (again, refitted):
        assert_array_equal(copy.inlier_mask_, fitted.inlier_mask_)
        assert_array_equal(copy.predict(X), fitted.predict(X))
    assert not hasattr(fitted.estimator, "classes_"), (
        f"{name} must fit a clone, and not the estimator given."
    )


def check_defence_jobs(name, defence):
    """Check that two jobs give what one gives."""
    if "n_jobs" not in defence.get_params(deep=False):
        return
    X, y = _poisoned_data(defence)
    one, two = (clone(defence).set_params(n_jobs=n).fit(X, y) for n in (1, 2))
    assert_array_equal(one.inlier_mask_, two.inlier_mask_)
    assert_array_equal(one.predict(X), two.predict(X))


def check_defence_threads(name, defence):
    """Check that two threads do not disturb each other, or leave anything behind."""
    X, y = _poisoned_data(defence)
    one = clone(defence).fit(X, y)
    for fitted in run_in_two_threads(name, lambda: clone(defence).fit(X, y)):
        assert_array_equal(fitted.inlier_mask_, one.inlier_mask_)
        assert_array_equal(fitted.predict(X), one.predict(X))


def check_defence_floating_point(name, defence):
    """Check that a defence goes through, and alike, where NumPy raises errors."""
    X, y = _poisoned_data(defence)
    one = clone(defence).fit(X, y)
    with np.errstate(all="raise"):
        fitted = clone(defence).fit(X, y)
    assert_array_equal(fitted.inlier_mask_, one.inlier_mask_)
    assert_array_equal(fitted.predict(X), one.predict(X))


DEFENCE_CHECKS = (
    check_inlier_mask,
    check_overruled_share,
    check_sample_scores,
    check_keeps_every_class,
    check_keeps_trusted_rows,
    check_zero_weight_is_absence,
    check_copies_for_weights,
    check_class_of_one_row,
    check_defence_containers,
    check_defence_input_not_written,
    check_defence_pickles,
    check_defence_jobs,
    check_defence_threads,
    check_defence_floating_point,
)

# Those that make sense for classification alone.
CLASSIFIER_CHECKS = (check_keeps_every_class, check_class_of_one_row)
