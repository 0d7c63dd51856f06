import warnings
from threading import get_ident

import pytest
from joblib import parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from skpoison.model_selection._workers import Failure, Workers
from skpoison.utils._warnings import warn_user


class NeedsTwo(UserWarning):
    """A category that cannot be made from a text."""

    def __init__(self, text, number):
        super().__init__(text)
        self.number = number


def double(x):
    return 2 * x


def warn(text, category=RuntimeWarning):
    warnings.warn(text, category, stacklevel=1)
    return text


def warn_as_we(text, category=RuntimeWarning):
    warn_user(text, category)
    return text


def warn_of_two():
    warnings.warn(NeedsTwo("it is odd", 3), stacklevel=1)


def fail(x):
    if x == 1:
        raise ValueError("no luck with 1")
    return x


def n_threads():
    return {pool["num_threads"] for pool in threadpool_info()}


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_results_are_in_order(n_jobs):
    assert Workers(n_jobs).map(double, [(i,) for i in range(5)]) == [0, 2, 4, 6, 8]


def test_backend_that_returns_all_results_at_the_end():
    done = []
    with parallel_config("multiprocessing"):
        workers = Workers(2, on_done=lambda: done.append(1))
        assert workers.map(double, [(i,) for i in range(5)]) == [0, 2, 4, 6, 8]
    assert len(done) == 5


def test_no_calls():
    assert Workers(2).map(double, []) == []


def test_one_job_runs_in_this_thread():
    assert Workers(1).map(get_ident, [()]) == [get_ident()]


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(1, 1), (5, 5), (99, 6), (-1, -1), (None, None)]
)
def test_no_more_jobs_than_calls(monkeypatch, n_jobs, expected):
    asked = []

    def parallel(n_jobs, **options):
        asked.append((n_jobs, options))
        return list

    monkeypatch.setattr("skpoison.model_selection._workers.Parallel", parallel)
    monkeypatch.setattr(
        "skpoison.model_selection._workers.delayed",
        lambda call: lambda *args: call(*args),
    )
    workers = Workers(n_jobs, pre_dispatch="all", verbose=3)
    assert workers.map(double, [(i,) for i in range(6)]) == [0, 2, 4, 6, 8, 10]
    (given,) = asked
    assert given[0] == expected
    assert given[1] == {"pre_dispatch": "all", "verbose": 3, "return_as": "generator"}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_calls_are_counted_as_they_return(n_jobs):
    counted = []
    workers = Workers(n_jobs, on_done=lambda: counted.append(len(counted)))
    assert workers.map(double, [(i,) for i in range(3)]) == [0, 2, 4]
    assert counted == [0, 1, 2]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_errors_are_raised(n_jobs):
    with pytest.raises(ValueError, match="no luck with 1"):
        Workers(n_jobs).map(fail, [(0,), (1,), (2,)])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_errors_are_caught(n_jobs):
    first, failure, last = Workers(n_jobs, catch_errors=True).map(
        fail, [(0,), (1,), (2,)]
    )
    assert (first, last) == (0, 2)
    assert isinstance(failure, Failure)
    assert failure.error == "ValueError: no luck with 1"
    assert failure.traceback.startswith("Traceback (most recent call last)")
    assert failure.traceback.endswith("ValueError: no luck with 1\n")


def test_interrupts_are_never_caught():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Workers(catch_errors=True).map(interrupt, [()])


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize(
    ("n_jobs", "warn"), [(1, warn_as_we), (2, warn_as_we), (2, warn)]
)
def test_warnings_come_back_once_for_each_kind(recwarn, n_jobs, warn):
    workers = Workers(n_jobs)
    workers.map(warn, [("loss 0.5 after 10 steps",), ("loss 2e-3 after 7 steps",)])
    workers.map(warn, [("loss nan after 10 steps",), ("loss 1 after 10 steps",)])
    workers.map(
        warn, [("loss 1 after 10 steps", UserWarning), ("loss 2 after 10 steps",)]
    )
    assert not recwarn.list
    workers.warn()
    assert [(each.category, str(each.message)) for each in recwarn] == [
        (RuntimeWarning, "loss 0.5 after 10 steps"),
        (RuntimeWarning, "loss nan after 10 steps"),
        (UserWarning, "loss 1 after 10 steps"),
    ]
    recwarn.clear()
    workers.warn()
    assert not recwarn.list


def test_warnings_of_others_pass_in_the_same_process():
    """Its threads share one display of warnings, which cannot be recorded for one."""
    workers, shows = Workers(1), []

    def look():
        shows.append(warnings.showwarning)
        warn("at once")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        workers.map(look, [()])
        assert shows == [warnings.showwarning]
        workers.warn()
    assert [str(each.message) for each in caught] == ["at once"]


def test_filters_are_obeyed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Workers(1).map(warn, [("ignored",)])
        workers = Workers(1)
        workers.map(warn_as_we, [("ignored",)])
        workers.warn()
    with pytest.raises(RuntimeWarning, match="an error"):
        workers.map(warn, [("an error",)])


@pytest.mark.filterwarnings("always")
def test_category_that_cannot_be_made_from_a_text():
    workers = Workers(2)
    workers.map(warn_of_two, [(), ()])
    with pytest.warns(UserWarning, match="NeedsTwo: it is odd"):
        workers.warn()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_blas_threads(n_jobs):
    with threadpool_limits(2):
        before = n_threads()
        assert (
            Workers(n_jobs, single_threaded=True).map(n_threads, [(), ()]) == [{1}] * 2
        )
        assert n_threads() == before
        assert Workers(1).map(n_threads, [()]) == [before]
