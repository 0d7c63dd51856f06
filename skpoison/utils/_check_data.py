"""Data for the checks of attacks and defences."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral, Real
from threading import Barrier

import numpy as np
from numpy.exceptions import ComplexWarning
from scipy import sparse
from scipy.linalg import LinAlgWarning
from sklearn.datasets import make_classification
from threadpoolctl import threadpool_info

from skpoison.utils._optional import import_optional


def make_data(n_samples=150):
    """Make three classes, of integer features and labels with a gap."""
    X, codes = make_classification(
        n_samples=n_samples,
        n_features=6,
        n_informative=4,
        n_classes=3,
        class_sep=2.0,
        random_state=0,
    )
    return np.rint(10 * X), np.array([0, 3, 8])[codes]


def frame_packages():
    """Import what makes the dataframes of the checks."""
    return (
        import_optional(package, extra="test", user="Checking an estimator")
        for package in ("pandas", "polars")
    )


def containers(X, y, *, are_labels=True):
    """Yield a name and the data in every container that an attack gives back.

    Labels are words in some of them; responses are numbers in all.
    """
    pd, pl = frame_packages()
    names = [f"x{j}" for j in range(X.shape[1])]
    words, dtype = y / 2, "Float64"
    if are_labels:
        words = np.array(["ham", "spam", "eggs", "x", "y", "z", "u", "v", "w"])[y]
        dtype = "category"
    yield "ndarray", X, y
    yield "float32", X.astype(np.float32), y.astype(np.int8)
    yield "Fortran order", np.asfortranarray(X), y
    yield "integers", X.astype(np.int32), y.astype(float)
    yield "list", X.tolist(), words.tolist()
    yield "csr_matrix", sparse.csr_matrix(X), words
    yield "csc_matrix", sparse.csc_matrix(X), words.astype(object)
    yield "csr_array", sparse.csr_array(X), y
    yield "csc_array", sparse.csc_array(X), y
    index = np.arange(X.shape[0])[::-1]
    yield (
        "pandas",
        pd.DataFrame(X, columns=names, index=index).astype({"x0": int, "x1": "f4"}),
        pd.Series(words, name="class", index=index, dtype=dtype),
    )
    sparse_type = pd.SparseDtype(float, 0)
    yield (
        "pandas, sparse columns",
        pd.DataFrame(X, columns=names, dtype=sparse_type),
        pd.DataFrame({"class": words}),
    )
    yield (
        "polars",
        pl.DataFrame(X, schema=names).with_columns(pl.col("x0").cast(pl.Int64)),
        pl.Series("class", words),
    )


def unusual_containers(X, y):
    """Yield a name and the data in containers that are easily taken for others."""
    pd, _ = frame_packages()
    yield "big-endian", X.astype(">f4"), y.astype(">i2")
    yield "tuple of lists", tuple(X.tolist()), tuple(y.tolist())
    yield "list of arrays", list(X.astype(np.float32)), list(y)
    frame, series = (
        type(f"Own{kind.__name__}", (kind,), {}) for kind in (pd.DataFrame, pd.Series)
    )
    yield (
        "subclasses of pandas",
        frame(X, columns=list("abcdef")),
        series(y, name="class"),
    )


def with_repeated_entries(X):
    """Return an array as a sparse one with two entries a cell, in reverse order."""
    rows, columns = np.nonzero(X)
    rows, columns = np.repeat(rows, 2), np.repeat(columns, 2)
    order = np.lexsort((-columns, rows))
    entries = X[rows, columns] * np.tile([2, -1], rows.shape[0] // 2)
    ends = np.cumsum(np.bincount(rows, minlength=X.shape[0]))
    return sparse.csr_array(
        (entries[order], columns[order], np.append(0, ends)), X.shape
    )


def numpy_scalars(estimator):
    """Return the numbers among the parameters as numpy's, and the same as Python's.

    Parameters of estimators inside are left out: they are their own business.
    """
    params = estimator.get_params(deep=True)
    as_numpy = {}
    for key, value in params.items():
        owner = key.rpartition("__")[0]
        if owner and hasattr(params[owner], "fit"):
            continue
        if isinstance(value, bool):
            as_numpy[key] = np.bool_(value)
        elif isinstance(value, Integral):
            as_numpy[key] = np.min_scalar_type(value).type(value)
        elif isinstance(value, Real):
            as_numpy[key] = np.float32(value)
    return as_numpy, {key: value.item() for key, value in as_numpy.items()}


def values(X):
    """Turn any container into an array of objects that compare by value."""
    if sparse.issparse(X):
        X = X.toarray()
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    return np.asarray(X, dtype=object)


def trust_some(y):
    return np.random.RandomState(0).rand(y.shape[0]) < 0.4


def run_in_two_threads(name, work):
    """Run something in two threads at once, and check what all threads share.

    Parameters
    ----------
    name : str
        The name of the estimator, for messages.
    work : callable
        Takes no arguments.

    Returns
    -------
    results : list of two objects
    """
    start = Barrier(2)

    def wait_and_work(_):
        start.wait()
        return work()

    before = _shared_state()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(wait_and_work, range(2)))
    display, filters, n_threads = _shared_state()
    assert display == before[0], f"{name} in two threads changes how warnings show."
    # These are left behind by check_array and newton-cholesky of scikit-learn.
    known = {("error", ComplexWarning), ("error", LinAlgWarning)}
    left = filters - before[1] - known
    assert not left, f"{name} in two threads leaves filters of warnings behind: {left}."
    assert n_threads == before[2], (
        f"{name} in two threads leaves limits of threads behind: {n_threads}."
    )
    return results


def _shared_state():
    """Return the display and the filters of warnings, and numbers of threads."""
    display = warnings.showwarning, getattr(warnings, "_showwarnmsg_impl", None)
    n_threads = {each["filepath"]: each["num_threads"] for each in threadpool_info()}
    # Calls of scikit-learn in parallel write the same filters in other words.
    filters = {(action, category) for action, _, category, *_ in warnings.filters}
    return display, filters, n_threads
