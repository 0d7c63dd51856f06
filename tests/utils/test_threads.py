import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_info

from skpoison.utils import _threads
from skpoison.utils._threads import few_threads


def blas_threads():
    return {m["num_threads"] for m in threadpool_info() if m["user_api"] == "blas"}


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_one_thread_where_rows_are_few(make):
    before = blas_threads()
    with few_threads(make(np.eye(10))):
        assert blas_threads() == {1}
    assert blas_threads() == before


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_as_many_as_there_are_where_rows_are_many(make, monkeypatch):
    monkeypatch.setattr(_threads, "SMALL", 10)
    before = blas_threads()
    with few_threads(make(np.eye(10))):
        assert blas_threads() == before
