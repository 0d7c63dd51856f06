"""Settings of the whole test session, doctests included.

The data of the tests are small: a second BLAS thread only costs time, and rounding
would depend on the number of cores.
"""

import os

import sklearn.linear_model  # noqa: F401  # loads every library to be limited
from threadpoolctl import threadpool_limits

THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def pytest_configure():
    """Limit BLAS and OpenMP to one thread, here and in processes that tests start."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    threadpool_limits(1)
