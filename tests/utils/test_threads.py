import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from skpoison.utils._threads import limit_blas_threads


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
