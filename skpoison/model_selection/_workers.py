"""Parallel calls whose warnings and errors come back to the caller."""

import os
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from threading import current_thread, main_thread
from time import perf_counter
from traceback import format_exc

from sklearn.utils.parallel import Parallel, delayed

from skpoison.utils._parallel import return_as
from skpoison.utils._threads import limit_all_threads
from skpoison.utils._warnings import collect_warnings, warning_kind


@dataclass(frozen=True)
class Failure:
    """The result of a call that raised an error.

    Parameters
    ----------
    error : str
        The error as text. An error need not survive the way between processes.
    traceback : str
        The traceback as text.
    """

    error: str
    traceback: str


class Workers:
    """Parallel calls whose warnings and errors come back to the caller.

    All warnings come back from other processes. In the process of the caller, whose
    threads share one display of warnings, those of other packages pass as they are
    raised.

    Parameters
    ----------
    n_jobs : int, default=None
        Number of jobs, as in joblib. There are never more jobs than calls.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of calls dispatched ahead.
    verbose : int, default=0
        Verbosity of joblib.
    single_threaded : bool, default=False
        Limit BLAS and OpenMP to one thread for each job.
    catch_errors : bool, default=False
        Return a :class:`Failure` for a call that raises an error, instead of raising.
    on_done : callable, default=None
        Called without arguments whenever a call has returned.

    Attributes
    ----------
    seconds : float
        How long all calls so far have taken, all jobs together.
    """

    def __init__(
        self,
        n_jobs=None,
        *,
        pre_dispatch="2*n_jobs",
        verbose=0,
        single_threaded=False,
        catch_errors=False,
        on_done=None,
    ):
        self.n_jobs = n_jobs
        self.pre_dispatch = pre_dispatch
        self.verbose = verbose
        self.single_threaded = single_threaded
        self.catch_errors = catch_errors
        self.on_done = on_done
        self.seconds = 0.0
        self._warnings = {}

    def map(self, function, arguments, cache=None):
        """Call a function once for each tuple of arguments.

        Parameters
        ----------
        function : callable
            The function.
        arguments : list of tuple
            The positional arguments of each call.
        cache : object, default=None
            Its ``get(i)`` returns the result of the i-th call and its seconds, or None
            if they are not there; ``put(i, result, seconds)`` keeps them.

        Returns
        -------
        results : list
            The results in the order of `arguments`.
        """
        results = {}
        for i in range(len(arguments) if cache is not None else 0):
            found = cache.get(i)
            if found is not None:
                results[i], seconds = found
                self._count(seconds)
        todo = [i for i in range(len(arguments)) if i not in results]
        for i, result, seconds in self._calls(function, arguments, todo):
            results[i] = result
            if cache is not None and not isinstance(result, Failure):
                cache.put(i, result, seconds)
            self._count(seconds)
        return [results[i] for i in range(len(arguments))]

    def _count(self, seconds):
        self.seconds += seconds
        if self.on_done is not None:
            self.on_done()

    def _calls(self, function, arguments, todo):
        """Yield position, result and seconds of each call, in order."""
        n_jobs = self.n_jobs
        if n_jobs is not None and n_jobs > 0:
            n_jobs = max(1, min(n_jobs, len(todo)))
        parallel = Parallel(
            n_jobs=n_jobs,
            pre_dispatch=self.pre_dispatch,
            verbose=self.verbose,
            return_as=return_as(),
        )
        options = self.single_threaded, self.catch_errors, os.getpid()
        outcomes = parallel(
            delayed(_call)(function, arguments[i], *options) for i in todo
        )
        for i, (result, raised, seconds) in zip(todo, outcomes, strict=True):
            for kind, warning in raised.items():
                self._warnings.setdefault(kind, warning)
            yield i, result, seconds

    def warn(self):
        """Issue the warnings that have come back so far, each one once.

        There may be a hundred of the same kind, one for each fit.
        """
        for message, category, filename, lineno in self._warnings.values():
            try:
                warnings.warn_explicit(message, category, filename, lineno)
            except TypeError:  # a category that cannot be made from a text alone
                text = f"{category.__name__}: {message}"
                warnings.warn_explicit(text, UserWarning, filename, lineno)
        self._warnings = {}


class Steps:
    """Count of the steps of a sweep, for a callback.

    Parameters
    ----------
    callback : callable or None
        Called as ``callback(n_done, n_steps, attack_name, estimator_name)``.
    n_steps : int
        How many steps there are.
    """

    def __init__(self, callback, n_steps):
        self.callback, self.n_steps, self.n_done = callback, n_steps, 0
        self.names = None, None

    def begin(self, attack_name, estimator_name):
        """Say what comes next."""
        self.names = attack_name, estimator_name
        self._tell()

    def step(self):
        """Count a step."""
        self.n_done += 1
        self._tell()

    def _tell(self):
        if self.callback is not None:
            self.callback(self.n_done, self.n_steps, *self.names)


def _call(function, arguments, single_threaded, catch_errors, caller):
    """Return the result of a call, the first warning of each kind, and its seconds."""
    begin = perf_counter()
    limits = limit_all_threads() if single_threaded else nullcontext()
    recorder = nullcontext([])
    if os.getpid() != caller and current_thread() is main_thread():
        # No other thread of this process minds. The filters in force decide which
        # warnings are recorded, or raised as errors.
        recorder = warnings.catch_warnings(record=True)
    with recorder as recorded, collect_warnings() as collected, limits:
        try:
            result = function(*arguments)
        except Exception as error:
            if not catch_errors:
                raise
            result = Failure(f"{type(error).__name__}: {error}", format_exc())
    caught = list(collected.values())
    for each in recorded:
        caught.append((str(each.message), each.category, each.filename, each.lineno))
    raised = {}
    for text, category, *place in caught:
        raised.setdefault(warning_kind(text, category), (text, category, *place))
    return result, raised, perf_counter() - begin
