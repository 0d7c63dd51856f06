"""Limits on the number of BLAS threads: one is the fastest for small problems.

BLAS has one number of threads for the whole process. Python threads that limit it at
the same time therefore share one limit: the first one sets it, the last one restores
what the first one found.
"""

import os
from contextlib import contextmanager, nullcontext
from functools import cache
from math import prod
from threading import Lock

from scipy import linalg, sparse  # noqa: F401  (loads the BLAS of scipy)
from threadpoolctl import ThreadpoolController, threadpool_limits

# Below this number of stored values, starting the threads costs more than they save.
SMALL = 1_000_000


def limit_blas_threads(X, *, small=SMALL):
    """Limit BLAS to one thread if X is small.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows that the computation is about.
    small : int, default=1_000_000
        Number of stored values from which BLAS keeps its threads.

    Returns
    -------
    limits : context manager
    """
    n_stored = X.nnz if sparse.issparse(X) else prod(X.shape)
    return _LIMIT.hold() if n_stored < small else nullcontext()


@contextmanager
def limit_all_threads():
    """Limit BLAS and OpenMP to one thread."""
    # OpenMP has a number of threads for each thread that starts some.
    with _LIMIT.hold(), threadpool_limits(1, user_api="openmp"):
        yield


class _SharedLimit:
    """A limit of one BLAS thread, in force while at least one thread holds it."""

    def __init__(self):
        self.reset()

    def reset(self):
        self._lock, self._n_holders, self._found = Lock(), 0, {}

    @contextmanager
    def hold(self):
        with self._lock:
            self._n_holders += 1
            if self._n_holders == 1:
                self._set()
        try:
            yield
        finally:
            with self._lock:
                self._n_holders -= 1
                if self._n_holders == 0:
                    self._restore()

    def _set(self):
        self._found = {}
        for library in _blas_libraries():
            n_threads = library.get_num_threads()
            # A limit of one that is there already is for others to lift.
            if n_threads > 1:
                library.set_num_threads(1)
                if library.get_num_threads() == 1:
                    self._found[library] = n_threads

    def _restore(self):
        for library, n_threads in self._found.items():
            # threadpoolctl (from 3.8 on) lets only the thread change the number that
            # was the first to do so, which may not be the last one here.
            release = getattr(library, "clear_controlling_thread", _no_op)
            release(force=True)
            library.set_num_threads(n_threads)
            release()


def _no_op(force=False):
    """Stand for what older versions of threadpoolctl do not need."""


@cache
def _blas_libraries():
    """Look for BLAS once: it takes longer than a small fit."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


_LIMIT = _SharedLimit()
if hasattr(os, "register_at_fork"):
    # Threads that hold the limit, or the lock, do not live on in a forked process.
    os.register_at_fork(after_in_child=_LIMIT.reset)
