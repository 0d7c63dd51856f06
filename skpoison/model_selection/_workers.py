"""Parallel calls whose warnings and errors come back to the caller."""

import re
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from traceback import format_exc

from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

NUMBER = re.compile(r"\d+(?:\.\d*)?(?:e[-+]?\d+)?", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """The result of a call that raised an error.

    Parameters
    ----------
    traceback : str
        The traceback as text. An error need not survive the way between processes.
    """

    traceback: str


class Workers:
    """Parallel calls whose warnings and errors come back to the caller.

    Parameters
    ----------
    n_jobs : int, default=None
        Number of jobs, as in joblib. There are never more jobs than calls.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of calls dispatched ahead.
    verbose : int, default=0
        Verbosity of joblib.
    n_blas_threads : int, default=None
        Limit on the number of BLAS and OpenMP threads of each job. None: no limit.
    catch_errors : bool, default=False
        Return a :class:`Failure` for a call that raises an error, instead of raising.
    """

    def __init__(
        self,
        n_jobs=None,
        *,
        pre_dispatch="2*n_jobs",
        verbose=0,
        n_blas_threads=None,
        catch_errors=False,
    ):
        self.n_jobs = n_jobs
        self.pre_dispatch = pre_dispatch
        self.verbose = verbose
        self.n_blas_threads = n_blas_threads
        self.catch_errors = catch_errors
        self._warnings = {}

    def map(self, function, arguments):
        """Call a function once for each tuple of arguments.

        Parameters
        ----------
        function : callable
            The function.
        arguments : list of tuple
            The positional arguments of each call.

        Returns
        -------
        results : list
            The results in the order of `arguments`.
        """
        n_jobs = self.n_jobs
        if n_jobs is not None and n_jobs > 0:
            n_jobs = max(1, min(n_jobs, len(arguments)))
        parallel = Parallel(
            n_jobs=n_jobs, pre_dispatch=self.pre_dispatch, verbose=self.verbose
        )
        outcomes = parallel(
            delayed(_call)(function, each, self.n_blas_threads, self.catch_errors)
            for each in arguments
        )
        for _, raised in outcomes:
            for kind, warning in raised.items():
                self._warnings.setdefault(kind, warning)
        return [result for result, _ in outcomes]

    def warn(self):
        """Issue the warnings of all calls so far in this process, each one once.

        There may be a hundred of the same kind, one for each fit.
        """
        for message, category, filename, lineno in self._warnings.values():
            try:
                warnings.warn_explicit(message, category, filename, lineno)
            except TypeError:  # a category that cannot be made from a text alone
                text = f"{category.__name__}: {message}"
                warnings.warn_explicit(text, UserWarning, filename, lineno)
        self._warnings = {}


def _call(function, arguments, n_blas_threads, catch_errors):
    """Return the result of a call, and the first warning of each kind."""
    limits = nullcontext()
    if n_blas_threads is not None:
        limits = threadpool_limits(n_blas_threads)
    # The filters in force decide which warnings are recorded, or raised as errors.
    with warnings.catch_warnings(record=True) as caught, limits:
        try:
            result = function(*arguments)
        except Exception:
            if not catch_errors:
                raise
            result = Failure(format_exc())
    raised = {}
    for each in caught:
        text = str(each.message)
        # Two warnings are of the same kind if their texts differ only in numbers.
        kind = each.category, NUMBER.sub("", text)
        raised.setdefault(kind, (text, each.category, each.filename, each.lineno))
    return result, raised
