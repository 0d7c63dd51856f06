import os
from threading import Event, Thread

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from skpoison.utils._threads import _LIMIT, limit_all_threads, limit_blas_threads


@pytest.fixture(autouse=True)
def two_threads():
    """Lift the limit of the test session: the number of threads is what is tested."""
    with threadpool_limits(2):
        yield


def blas_threads():
    return {m["num_threads"] for m in threadpool_info() if m["user_api"] == "blas"}


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_one_thread_where_rows_are_few(make):
    with limit_blas_threads(make(np.eye(10))):
        assert blas_threads() == {1}
    assert blas_threads() == {2}


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_as_many_as_there_are_where_rows_are_many(make):
    with limit_blas_threads(make(np.eye(10)), small=10):
        assert blas_threads() == {2}


@pytest.mark.parametrize("package", [pd, pl])
def test_dataframes_are_measured(package):
    with limit_blas_threads(package.DataFrame({"x": [1.0, 2.0]})):
        assert blas_threads() == {1}


@pytest.mark.parametrize(
    "limit", [lambda: limit_blas_threads(np.eye(9)), limit_all_threads]
)
def test_threads_share_the_limit(limit):
    """The first thread to leave does not lift it, and the last one does."""
    is_in, may_leave = Event(), Event()

    def other():
        with limit():
            is_in.set()
            may_leave.wait()

    thread = Thread(target=other)
    with limit():
        thread.start()
        is_in.wait()
        assert blas_threads() == {1}
    assert blas_threads() == {1}
    may_leave.set()
    thread.join()
    assert blas_threads() == {2}


def test_nested_limits():
    with limit_all_threads():
        with limit_blas_threads(np.eye(9)):
            pass
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert {pool["num_threads"] for pool in threadpool_info()} == {2}


def test_limit_is_lifted_by_an_error():
    with pytest.raises(ZeroDivisionError), limit_blas_threads(np.eye(9)):
        raise ZeroDivisionError
    assert blas_threads() == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows starts processes anew.")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded")
def test_forked_process_counts_anew():
    """Threads of the parent that hold the limit or the lock are not in the child."""
    with limit_blas_threads(np.eye(9)), _LIMIT._lock:
        child = os.fork()
        if child == 0:
            os._exit(_LIMIT._n_holders + _LIMIT._lock.locked())
    assert os.waitpid(child, 0)[1] == 0
