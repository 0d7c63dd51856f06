"""Settings of the whole test session, doctests included.

The data of the tests are small: a second BLAS thread only costs time, and rounding
would depend on the number of cores. What draws without a `random_state` draws the same
in each run, and in whatever order the tests run.
"""

import os

import numpy as np
import sklearn.linear_model  # noqa: F401  # loads every library to be limited
from threadpoolctl import threadpool_limits

THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def pytest_configure():
    """Limit BLAS and OpenMP to one thread, here and in processes that tests start."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    threadpool_limits(1)


def pytest_runtest_setup():
    """Seed the generator from which scikit-learn draws where no seed is given."""
    np.random.seed(0)  # noqa: NPY002
