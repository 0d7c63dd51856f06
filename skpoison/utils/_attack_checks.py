"""Checks of the contract of attacks."""

import pickle
import tempfile

import numpy as np
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils._testing import (
    assert_allclose_dense_sparse,
    assert_array_equal,
    create_memmap_backed_data,
    raises,
)

from skpoison.utils._check_data import (
    containers,
    frame_packages,
    make_data,
    run_in_two_threads,
    trust_some,
    unusual_containers,
    values,
)
from skpoison.utils._containers import is_frame, take_rows

BUDGETS = (1, 0.1, 0.25)


def takes_responses(attack):
    """Return whether an attack takes responses instead of labels."""
    return getattr(attack, "_takes_responses", bool)()


def _containers_of_anything(X, y):
    """Yield frames and arrays that hold more than numbers, and texts."""
    pd, pl = frame_packages()
    cities = np.array(["Rome", "Oslo", "Bern"])[(X[:, 0] > 0).astype(int)]
    missing = np.where(X[:, 1] > 5, np.nan, X[:, 1])
    frame = pd.DataFrame({"number": missing, "word": cities})
    frame["category"] = frame["word"].astype("category")
    yield "pandas, mixed", frame, pd.Series(y)
    yield (
        "polars, mixed",
        pl.DataFrame({"number": missing, "word": cities}).with_columns(
            category=pl.col("word").cast(pl.Categorical)
        ),
        pl.Series("class", y),
    )
    yield "objects", np.column_stack([cities, missing]).astype(object), y
    yield "list of texts", cities.tolist(), y
    yield "array of texts", cities, y
    yield "pandas, texts", frame["word"], pd.Series(y)
    yield "polars, texts", pl.Series("word", cities), y


def _resample(attack, X, y, budget=None, **params):
    attack = clone(attack)
    if budget is not None:
        attack.set_params(budget=budget)
    X_out, y_out = attack.fit_resample(X, y, **params)
    if hasattr(attack, "source_indices_"):
        return attack, *_inserted_last(attack, X_out, y_out)
    return attack, X_out, y_out


def _inserted_last(attack, X_out, y_out):
    """Return what an attack on a stream gives as other attacks give it.

    Its inserted rows stand among the others; the checks ask for them at the end.
    """
    source = attack.source_indices_
    order = np.argsort(source < 0, kind="stable")
    attack.poison_mask_ = attack.poison_mask_[order]
    return take_rows(X_out, order), take_rows(y_out, order)


def _n_rows(X):
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _equal(left, right):
    """Compare two arrays of objects; missing values are equal."""
    missing = (left != left) & (right != right)
    return (left == right) | missing


def _schema(X):
    """Return all properties of a container except its values and its length."""
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        return type(X), list(X.columns), [str(dtype) for dtype in X.dtypes]
    if isinstance(X, list | tuple):
        row = X[0]
        return type(X), type(row), str(getattr(row, "dtype", ""))
    names = getattr(X, "name", None), getattr(X, "format", None)
    return type(X), str(X.dtype), *names


def _n_poison(budget, n_samples):
    return budget if isinstance(budget, int) else round(budget * n_samples)


def _left(name, attack, y, y_out):
    """Find the rows that came in and are still there: all, but of a deletion."""
    n = len(y)
    deleted = getattr(attack, "deletion_mask_", np.zeros(n, dtype=bool))
    assert deleted.dtype == bool
    assert deleted.shape == (n,), f"deletion_mask_ of {name}: one entry a row of X."
    left = np.flatnonzero(~deleted)
    assert _n_rows(y_out) >= left.shape[0], (
        f"{name} deletes rows that are not in its deletion_mask_."
    )
    return left


def check_budget_zero(name, attack):
    """Check that a budget of 0 gives the data back unchanged."""
    X, y = make_data()
    for budget in (0, 0.0):
        attack_, X_out, y_out = _resample(attack, X, y, budget)
        message = f"{name} changes the data with budget={budget!r}."
        assert X_out.shape == X.shape, message
        assert _left(name, attack_, y, y_out).shape == y.shape, message
        assert_array_equal(X_out, X, err_msg=message)
        assert_array_equal(y_out, y, err_msg=message)
        assert not attack_.poison_mask_.any()
        assert attack_.contamination_ == 0


def check_budget(name, attack):
    """Check that never more rows are poisoned than the budget allows."""
    X, y = make_data()
    for budget in BUDGETS:
        allowed = _n_poison(budget, y.shape[0])
        attack_, X_out, y_out = _resample(attack, X, y, budget)
        left = _left(name, attack_, y, y_out)
        n = left.shape[0]
        touched = (X_out[:n] != X[left]).any(axis=1) | (y_out[:n] != y[left])
        n_deleted, n_inserted = y.shape[0] - n, y_out.shape[0] - n
        poisoned = touched.sum() + n_deleted + n_inserted
        assert poisoned <= allowed, (
            f"{name} poisons {poisoned} rows with budget={budget}, which allows "
            f"{allowed}."
        )
        assert poisoned > 0, f"{name} does nothing with budget={budget}."


def check_poison_mask(name, attack):
    """Check that clean rows stand first and in order, and the masks tell which."""
    X, y = make_data()
    for budget in BUDGETS:
        attack_, X_out, y_out = _resample(attack, X, y, budget)
        mask, left = attack_.poison_mask_, _left(name, attack_, y, y_out)
        n, X_left, y_left = left.shape[0], X[left], y[left]
        assert mask.dtype == bool
        assert mask.shape == y_out.shape, f"poison_mask_ of {name}: one entry a row."
        clean = ~mask[:n]
        assert_array_equal(
            X_out[:n][clean],
            X_left[clean],
            err_msg=f"{name} moves rows not in its mask.",
        )
        assert_array_equal(
            y_out[:n][clean],
            y_left[clean],
            err_msg=f"{name} flips rows not in its mask.",
        )
        changed = (X_out[:n] != X_left).any(axis=1) | (y_out[:n] != y_left)
        assert_array_equal(
            mask[:n], changed, err_msg=f"{name} marks rows that it did not change."
        )
        assert mask[n:].all(), f"{name} does not mark all the rows that it inserts."
        assert np.isclose(attack_.contamination_, mask.mean())


def check_stream_order(name, attack):
    """Check that rows keep their order in a stream, and the rows inserted are marked.

    Attacks that append what they insert have no `source_indices_`, and nothing to
    check.
    """
    X, y = make_data()
    for budget in BUDGETS:
        attack_ = clone(attack).set_params(budget=budget)
        X_out, y_out = attack_.fit_resample(X, y)
        if not hasattr(attack_, "source_indices_"):
            return
        source = attack_.source_indices_
        assert source.shape == y_out.shape, f"source_indices_ of {name}: one a row."
        assert_array_equal(
            source[source >= 0],
            np.arange(y.shape[0]),
            err_msg=f"{name} changes the order of the rows.",
        )
        assert_array_equal(X_out[source >= 0], X)
        assert_array_equal(y_out[source >= 0], y)
        assert_array_equal(attack_.poison_mask_, source < 0)
        X_again, y_again = attack_.apply_poison(X, y)
        assert_array_equal(X_again, X_out)
        assert_array_equal(y_again, y_out)


def check_trusted_untouched(name, attack):
    """Check that trusted rows come out as they went in, and bad masks are refused."""
    X, y = make_data()
    trusted = trust_some(y)
    attack_, X_out, y_out = _resample(attack, X, y, 0.2, trusted=trusted)
    left = _left(name, attack_, y, y_out)
    stayed = trusted[left]
    assert stayed.sum() == trusted.sum(), f"{name} deletes trusted rows."
    n = left.shape[0]
    assert_array_equal(
        X_out[:n][stayed], X[trusted], err_msg=f"{name} moves trusted rows."
    )
    assert_array_equal(
        y_out[:n][stayed], y[trusted], err_msg=f"{name} flips trusted rows."
    )
    for wrong in (trusted[:-1], np.full(y.shape[0], 2)):
        with raises(ValueError, match="trusted", err_msg=f"{name}, wrong trusted"):
            _resample(attack, X, y, 0.2, trusted=wrong)


def check_labels_seen(name, attack):
    """Check that every label is among those seen."""
    X, y = make_data()
    for labels in (y, np.array(list("abcdefghi"))[y]):
        _, _, y_out = _resample(attack, X, labels, 0.25)
        assert np.isin(y_out, labels).all(), f"{name} invents labels."


def check_same_seed_same_poison(name, attack):
    """Check that an attack is deterministic, and does not read the global generator."""
    X, y = make_data()
    outputs = []
    for _ in range(2):
        np.random.random()  # noqa: NPY002  the second time it is in another state
        outputs.append(_resample(attack, X, y, 0.25)[1:])
    for left, right in zip(*outputs, strict=True):
        assert_array_equal(
            left,
            right,
            err_msg=f"{name} is not deterministic. Check it with a random_state.",
        )


def check_containers(name, attack):
    """Check that containers, dtypes and names come back, and values with them."""
    X, y = make_data(60)
    cases = list(containers(X, y, are_labels=not takes_responses(attack)))
    cases.extend(unusual_containers(X, y))
    if get_tags(attack).input_tags.string:
        cases.extend(_containers_of_anything(X, y))
    for case, X_in, y_in in cases:
        attack_, X_out, y_out = _resample(attack, X_in, y_in, 0.2)
        left = _left(name, attack_, y, y_out)
        for before, after in ((X_in, X_out), (y_in, y_out)):
            assert _schema(after) == _schema(before), (
                f"{name} turns {_schema(before)} into {_schema(after)} ({case})."
            )
            assert _n_rows(after) == attack_.poison_mask_.shape[0]
            untouched = ~attack_.poison_mask_[: left.shape[0]]
            same = _equal(
                values(after)[: left.shape[0]][untouched],
                values(before)[left][untouched],
            )
            assert np.all(same), f"{name} changes values of clean rows ({case})."
        if is_frame(X_in):
            assert list(attack_.feature_names_in_) == list(X_in.columns)


def check_index(name, attack):
    """Check that rows keep their labels in a pandas index, and new ones get others."""
    pd, _ = frame_packages()
    X, y = make_data(60)
    days = pd.date_range("2020-01-01", periods=60, freq="D", name="day")
    repeated = pd.Index(np.arange(60) // 2, name="customer")
    pairs = pd.MultiIndex.from_arrays([repeated, np.arange(60) % 2], names=["a", "b"])
    words = pd.Index([f"row {i}" for i in range(60)])
    for index, index_y in ((days, days), (repeated, words), (words, pairs)):
        X_in, y_in = pd.DataFrame(X, index), pd.Series(y, index_y)
        attack_, X_out, y_out = _resample(attack, X_in, y_in, 0.2)
        left = _left(name, attack_, y, y_out)
        n = left.shape[0]
        for before, after in ((X_in.index, X_out.index), (y_in.index, y_out.index)):
            assert after.names == before.names, f"{name} renames the index."
            assert after[:n].equals(before[left]), (
                f"{name} does not keep the labels of rows in the index."
            )
            new = after[n:]
            assert new.is_unique, f"{name} gives inserted rows the same label."
            assert not new.isin(before).any(), (
                f"{name} gives inserted rows labels of other rows."
            )
        if index is index_y:
            assert X_out.index.equals(y_out.index), (
                f"{name} labels the rows of X and of y differently."
            )
        assert X_in.index.equals(index), f"{name} writes to the index."
        assert y_in.index.equals(index_y), f"{name} writes to the index."


def check_one_hot_labels(name, attack):
    """Check that one-hot labels come out one-hot, and mean the same."""
    X, y = make_data()
    codes = np.searchsorted(np.unique(y), y)
    _, X_plain, y_plain = _resample(attack, X, codes, 0.2)
    _, X_out, y_out = _resample(attack, X, np.eye(3, dtype=int)[codes], 0.2)
    assert_array_equal(X_out, X_plain)
    assert_array_equal(y_out, np.eye(3, dtype=int)[y_plain])


def check_input_not_written(name, attack):
    """Check that the user's arrays are neither written to nor given out."""
    X, y = make_data()
    X_read_only, y_read_only = create_memmap_backed_data([X, y])
    _resample(attack, X_read_only, y_read_only, 0.2)
    for budget in (0, 0.2):
        X_in, y_in = X.copy(), y.copy()
        _, X_out, y_out = _resample(attack, X_in, y_in, budget)
        X_out[:], y_out[:] = -1, -1
        assert_array_equal(X_in, X, err_msg=f"{name} gives out the user's X.")
        assert_array_equal(y_in, y, err_msg=f"{name} gives out the user's y.")
        rows = list(X_in)
        _, X_out, _ = _resample(attack, rows, y_in, budget)
        for row in X_out:
            row[:] = -1
        assert_array_equal(rows, X, err_msg=f"{name} gives out the rows of a list.")


def check_sparse_as_dense(name, attack):
    """Check that sparse data get the poison that dense data get."""
    X, y = make_data()
    _, X_dense, y_dense = _resample(attack, X, y, 0.2)
    _, X_sparse, y_sparse = _resample(attack, sparse.csr_array(X), y, 0.2)
    assert_allclose_dense_sparse(X_sparse, sparse.csr_array(X_dense), rtol=1e-5)
    assert_array_equal(y_sparse, y_dense)


def check_attack_pickles(name, attack):
    """Check that an attack survives pickling and cloning, fitted and not."""
    X, y = make_data()
    fitted = clone(attack)
    X_out, y_out = fitted.fit_resample(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.poison_mask_, fitted.poison_mask_)
    for copy in (again, clone(fitted), pickle.loads(pickle.dumps(attack))):
        X_again, y_again = copy.fit_resample(X, y)
        assert_array_equal(X_again, X_out)
        assert_array_equal(y_again, y_out)


def check_attack_in_pipeline(name, attack):
    """Check that a pipeline with a cache predicts as one without, and never poisons."""
    X, y = make_data()
    victim = LogisticRegression(max_iter=1000)
    X_out, y_out = clone(attack).fit_resample(X / 10, y)
    expected = clone(victim).fit(X_out, y_out).predict(X / 10)
    with tempfile.TemporaryDirectory() as memory:
        for cache in (None, memory, memory):
            pipeline = make_pipeline(clone(attack), clone(victim), memory=cache)
            assert_array_equal(pipeline.fit(X / 10, y).predict(X / 10), expected)


def check_attack_jobs(name, attack):
    """Check that two jobs give what one gives."""
    if "n_jobs" not in attack.get_params():
        return
    X, y = make_data()
    _, X_one, y_one = _resample(clone(attack).set_params(n_jobs=1), X, y)
    _, X_two, y_two = _resample(clone(attack).set_params(n_jobs=2), X, y)
    assert_array_equal(X_one, X_two)
    assert_array_equal(y_one, y_two)


def check_attack_threads(name, attack):
    """Check that two threads do not disturb each other, or leave anything behind."""
    X, y = make_data(60)
    _, X_one, y_one = _resample(attack, X, y)
    for _, X_out, y_out in run_in_two_threads(name, lambda: _resample(attack, X, y)):
        assert_array_equal(X_out, X_one)
        assert_array_equal(y_out, y_one)


def check_attack_floating_point(name, attack):
    """Check that an attack goes through, and alike, where NumPy raises errors."""
    X, y = make_data(60)
    _, X_one, y_one = _resample(attack, X, y)
    with np.errstate(all="raise"):
        _, X_out, y_out = _resample(attack, X, y)
    assert_array_equal(X_out, X_one)
    assert_array_equal(y_out, y_one)


ATTACK_CHECKS = (
    check_budget_zero,
    check_budget,
    check_poison_mask,
    check_stream_order,
    check_trusted_untouched,
    check_labels_seen,
    check_same_seed_same_poison,
    check_containers,
    check_index,
    check_one_hot_labels,
    check_input_not_written,
    check_sparse_as_dense,
    check_attack_pickles,
    check_attack_in_pipeline,
    check_attack_jobs,
    check_attack_threads,
    check_attack_floating_point,
)
# Those that speak of labels, and not of responses.
LABEL_CHECKS = (check_labels_seen, check_one_hot_labels)
