"""Checks of the contract of feasible sets."""

import pickle

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils._testing import assert_allclose, assert_array_equal, raises

from skpoison.utils._check_data import numpy_scalars, with_repeated_entries

# Distances between rows that count as rounding.
ATOL = 1e-8


def make_rows(n_rows=60, random_state=0):
    """Make training rows, rows to be projected, and labels.

    Columns 0 and 1 are one-hot, 2 and 3 are counts, 4 and 5 are real numbers.

    Returns
    -------
    start : ndarray of shape (n_rows, 6)
        Rows of two classes, read-only.
    X : ndarray of shape (n_rows, 6)
        The same rows, moved, read-only.
    y : ndarray of shape (n_rows,)
        Their labels, read-only.
    """
    rng = np.random.RandomState(random_state)
    y = np.repeat(["a", "b"], n_rows // 2)
    hot = rng.randint(2, size=n_rows)
    counts = rng.randint(6, size=(n_rows, 2))
    values = rng.normal(size=(n_rows, 2)) + (y == "b")[:, np.newaxis]
    start = np.column_stack([hot, 1 - hot, counts, values]).astype(float)
    X = start + rng.normal(scale=1.5, size=start.shape)
    for array in (start, X, y):
        array.flags.writeable = False
    return start, X, y


def _fitted(feasible_set):
    start, X, y = make_rows()
    return clone(feasible_set).fit(start, y), X, {"start": start, "y": y}


def _between(rows, others):
    """Return rows on the way from some rows to others."""
    shares = np.random.RandomState(2).uniform(size=(rows.shape[0], 1))
    return shares * rows + (1 - shares) * others


def _two_projections(feasible_set, scale=10):
    """Return two rows of the set for each start, the first ones nearest to X."""
    fitted, X, given = _fitted(feasible_set)
    other = np.random.RandomState(1).normal(given["start"], scale)
    return fitted, X, fitted.project(X, **given), fitted.project(other, **given), given


def check_set_fit(name, feasible_set):
    """Check that `fit` returns the set and leaves the parameters alone."""
    start, _, y = make_rows()
    unfitted = clone(feasible_set)
    params = repr(unfitted.get_params())
    assert unfitted.fit(start, y) is unfitted, f"{name}.fit does not return self."
    assert unfitted.n_features_in_ == start.shape[1], (
        f"{name}: n_features_in_ is wrong."
    )
    assert repr(unfitted.get_params()) == params, f"{name}.fit changes parameters."
    if feasible_set.requires_labels:
        with raises(
            ValueError,
            match=r"\by\b",
            err_msg=f"{name}.requires_labels is True, but y=None raises no ValueError.",
        ):
            clone(feasible_set).fit(start)
    else:
        clone(feasible_set).fit(start)


def check_set_requirements(name, feasible_set):
    """Check that the set needs a start and labels if it says so, and only then."""
    fitted, X, given = _fitted(feasible_set)
    for key, required in (
        ("start", feasible_set.requires_start),
        ("y", feasible_set.requires_labels),
    ):
        for method in (fitted.project, fitted.contains):
            fewer = {**given, key: None}
            if required:
                with raises(
                    ValueError,
                    match=rf"\b{key}\b",
                    err_msg=f"{name} requires {key}, but {key}=None raises no error.",
                ):
                    method(X, **fewer)
            elif key == "y":
                assert_array_equal(
                    method(X, **fewer),
                    method(X, **given),
                    f"{name} depends on labels: set requires_labels = True.",
                )


def check_set_inputs(name, feasible_set):
    """Check that arguments are not written to, and not returned."""
    fitted, X, given = _fitted(feasible_set)  # all of these are read-only
    assert not np.shares_memory(fitted.project(X, **given), X)
    inside = fitted.project(X, **given)
    inside.flags.writeable = False
    again = fitted.project(inside, **given)
    assert not np.shares_memory(again, inside), f"{name}.project returns its input."
    fitted.contains(X, **given)


def check_set_projection(name, feasible_set):
    """Check that projected rows lie in the set and stay where they are."""
    fitted, X, given = _fitted(feasible_set)
    rows = fitted.project(X, **given)
    assert rows.shape == X.shape, f"{name}.project returns another shape."
    assert rows.dtype == np.float64, f"{name}.project does not return float64."
    inside = fitted.contains(rows, **given)
    assert inside.shape == X.shape[:1], f"{name}.contains returns another shape."
    assert inside.dtype == bool, f"{name}.contains does not return bool."
    assert inside.all(), f"{name}.contains rejects what {name}.project returns."
    assert_allclose(
        fitted.project(rows, **given),
        rows,
        rtol=0,
        atol=1e-10,
        err_msg=f"{name}.project moves rows that it has returned.",
    )


def check_set_rows_are_independent(name, feasible_set):
    """Check that the projection of a row does not depend on the other rows."""
    fitted, X, given = _fitted(feasible_set)
    order = np.random.RandomState(0).permutation(X.shape[0])[:20]
    for method in (fitted.project, fitted.contains):
        some = method(X[order], **{key: value[order] for key, value in given.items()})
        assert_allclose(
            some,
            method(X, **given)[order],
            atol=ATOL,
            err_msg=f"{name}.{method.__name__} depends on the other rows.",
        )


def check_set_kind(name, feasible_set):
    """Check that a set declared convex is so, and projects to the nearest row."""
    if feasible_set.kind != "convex":
        return
    for scale in (0.3, 10):  # nearby, and on the other side of the set
        fitted, X, rows, others, given = _two_projections(feasible_set, scale)
        assert fitted.contains(_between(rows, others), **given).all(), (
            f"{name}.kind is 'convex', but a row between two rows of the set is not "
            "in it."
        )
        # A row is the nearest if, and only if, no row of the set lies beyond the plane
        # through it that is orthogonal to the way to X.
        way, beside = X - rows, others - rows
        size = np.linalg.norm(way, axis=1) * np.linalg.norm(beside, axis=1)
        assert ((way * beside).sum(axis=1) <= 1e-7 * (1 + size)).all(), (
            f"{name}.kind is 'convex', but {name}.project does not return nearest rows."
        )


def check_set_relaxation(name, feasible_set):
    """Check that the relaxation is convex and contains the set."""
    fitted, _, rows, others, given = _two_projections(feasible_set)
    relaxed = fitted.relax()
    assert relaxed.kind == "convex", f"{name}.relax() is not convex."
    assert relaxed.relax() is relaxed, f"{name}.relax() is not its own relaxation."
    assert (relaxed is fitted) == (fitted.kind == "convex"), (
        f"{name}.relax() must be the set itself if, and only if, it is convex."
    )
    for inside in (rows, others, _between(rows, others)):
        assert relaxed.contains(inside, **given).all(), (
            f"{name}.relax() does not contain the set and the rows between its rows."
        )


def check_set_linear_oracle(name, feasible_set):
    """Check that no row of the set goes further than `maximise`."""
    fitted, _, rows, others, given = _two_projections(feasible_set)
    for random_state in range(3):
        direction = np.random.RandomState(random_state).normal(size=rows.shape)
        try:
            found = fitted.maximise(direction, **given)
        except ValueError:
            continue  # it is unbounded, or has no linear oracle
        assert fitted.contains(found, **given).all(), (
            f"{name}.maximise returns rows outside of the set."
        )
        reached = (direction * found).sum(axis=1)
        for other in (rows, others, fitted.project(found + direction, **given)):
            assert (reached >= (direction * other).sum(axis=1) - ATOL).all(), (
                f"{name}.maximise returns rows that others of the set exceed."
            )


def check_set_sparse_rows(name, feasible_set):
    """Check that training rows can be sparse, with entries repeated or in any order."""
    start, X, y = make_rows()
    given = {"start": start, "y": y}
    expected = clone(feasible_set).fit(start, y).project(X, **given)
    for rows in (sparse.csr_array(start), with_repeated_entries(start)):
        assert_allclose(
            clone(feasible_set).fit(rows, y).project(X, **given),
            expected,
            atol=ATOL,
            err_msg=f"{name} is another set if it is fitted to sparse rows.",
        )


def check_set_called_again(name, feasible_set):
    """Check that numbers of numpy do as parameters, and that no old fit is left."""
    start, X, y = make_rows()
    given = {"start": start, "y": y}
    as_numpy, as_python = numpy_scalars(feasible_set)
    fitted = clone(feasible_set).set_params(**as_python).fit(start, y)
    expected = fitted.project(X, **given)
    fitted.set_params(**as_numpy).fit(start[::-1], y).fit(start, y)
    assert_array_equal(
        fitted.project(X, **given),
        expected,
        f"{name} is another set when it is fitted again, or with {as_numpy}.",
    )


def check_set_pickling(name, feasible_set):
    """Check that a fitted set survives pickling, and that its clone is not fitted."""
    fitted, X, given = _fitted(feasible_set)
    expected = fitted.project(X, **given)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.project(X, **given), expected)
    assert not hasattr(clone(fitted), "n_features_in_"), f"A clone of {name} is fitted."


SET_CHECKS = [
    check_set_fit,
    check_set_requirements,
    check_set_inputs,
    check_set_projection,
    check_set_rows_are_independent,
    check_set_kind,
    check_set_relaxation,
    check_set_linear_oracle,
    check_set_sparse_rows,
    check_set_called_again,
    check_set_pickling,
]
