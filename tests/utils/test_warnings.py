import warnings
from threading import Event, Thread

import pytest
from sklearn.base import BaseEstimator, _fit_context

from skpoison.utils import _warnings
from skpoison.utils._warnings import (
    collect_warnings,
    deduplicate_warnings,
    raise_warnings,
    warn_user,
    warning_kind,
)


def say(number):
    warn_user(f"It is {number}.")


def shown(caught):
    return [(str(each.message), each.category) for each in caught]


def test_every_place_speaks_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with deduplicate_warnings():
            for number in range(5):
                say(number)
                warn_user(f"Not {number}.", RuntimeWarning)
    assert shown(caught) == [("It is 0.", UserWarning), ("Not 0.", RuntimeWarning)]
    assert all(each.filename == __file__ for each in caught)


def test_every_time_anew():
    """Also where a filter shows what comes from one place once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number in range(3):
            with deduplicate_warnings():
                say(number)
                say(number)
    assert len(caught) == 3


def test_nested_deduplication():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with deduplicate_warnings():
            for number in range(3):
                with deduplicate_warnings():
                    say(number)
    assert shown(caught) == [("It is 0.", UserWarning)]


def test_filters_outside_count():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with deduplicate_warnings():
            say(1)
    with pytest.raises(UserWarning, match="It is 2"), deduplicate_warnings():
        say(2)


def test_an_error_says_enough():
    with pytest.raises(ZeroDivisionError), deduplicate_warnings():
        raise ZeroDivisionError(say(1))


def test_silence_stays_silent():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with deduplicate_warnings():
            pass
    assert not caught


def test_warnings_of_others_pass_as_they_are_raised():
    with deduplicate_warnings(), pytest.warns(UserWarning, match="of others"):
        warnings.warn("of others", stacklevel=1)


def test_collected_warnings():
    with collect_warnings() as collected:
        say(3)
        say(4)
    [warning] = collected.values()
    line = say.__code__.co_firstlineno + 1
    assert warning == ("It is 3.", UserWarning, __file__, line)


def test_warnings_raised_as_errors():
    with raise_warnings(RuntimeWarning):
        with raise_warnings(FutureWarning):
            with pytest.raises(RuntimeWarning, match="outer"):
                warn_user("outer", RuntimeWarning)
            with pytest.raises(FutureWarning, match="inner"):
                warn_user("inner", FutureWarning)
        with pytest.warns(FutureWarning, match="outside"):
            warn_user("outside", FutureWarning)


@pytest.mark.parametrize(
    "context", [deduplicate_warnings, lambda: raise_warnings(UserWarning)]
)
def test_threads_do_not_see_each_other(context):
    """Of two threads that overlap, neither changes the warnings of the other."""
    before = warnings.showwarning, list(warnings.filters)
    is_in, may_leave = Event(), Event()

    def other():
        with context():
            is_in.set()
            may_leave.wait()

    thread = Thread(target=other)
    with context():
        thread.start()
        is_in.wait()
        assert (warnings.showwarning, list(warnings.filters)) == before
    with pytest.warns(UserWarning, match="It is 1"):
        say(1)
    may_leave.set()
    thread.join()
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_kinds_differ_by_more_than_numbers():
    kind = warning_kind("loss 0.5 after 10 steps", UserWarning)
    assert warning_kind("loss 2e-3 after 7 steps", UserWarning) == kind
    assert warning_kind("loss nan after 10 steps", UserWarning) != kind
    assert warning_kind("loss 0.5 after 10 steps", RuntimeWarning) != kind


class Warner(BaseEstimator):
    """Warns from deep within a method that scikit-learn wraps."""

    _parameter_constraints = {}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        return self._fit(depth=3)

    def _fit(self, depth):
        return self._fit(depth - 1) if depth else self._warn()

    def _warn(self):
        warn_user("Deep down.", FutureWarning)
        return self


def test_warning_points_to_the_caller_of_this_module():
    with pytest.warns(FutureWarning, match="Deep down") as caught:
        warn_user("Deep down.", FutureWarning)
    assert caught[0].filename == __file__


def test_frames_of_the_package_are_skipped(monkeypatch):
    """As if this file were one of the package, and the caller the user's."""
    source = "def call(function): return function()"
    user = {}
    exec(compile(source, "users_own.py", "exec"), user)
    ours = (*_warnings._PACKAGES, __file__)
    monkeypatch.setattr(_warnings, "_PACKAGES", ours)
    with pytest.warns(FutureWarning) as caught:
        user["call"](lambda: Warner().fit(None, None))
    assert caught[0].filename == "users_own.py"


def test_nothing_but_skipped_frames(monkeypatch):
    """The outermost frame is pointed to if all of them are to be skipped."""
    monkeypatch.setattr(_warnings, "_PACKAGES", ("",))
    with pytest.warns(FutureWarning, match="Deep down"):
        warn_user("Deep down.", FutureWarning)
