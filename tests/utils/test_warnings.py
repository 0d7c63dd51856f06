import warnings

import pytest
from sklearn.base import BaseEstimator, _fit_context

from skpoison.utils import _warnings
from skpoison.utils._warnings import deduplicate_warnings, warn_user


def say(number):
    warnings.warn(f"It is {number}.", UserWarning, stacklevel=2)


def test_every_place_speaks_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with deduplicate_warnings():
            for number in range(5):
                say(number)
                warnings.warn(f"Not {number}.", RuntimeWarning, stacklevel=1)
                say(number + 10)
    told = [(str(each.message), each.category) for each in caught]
    assert told == [
        ("It is 0.", UserWarning),
        ("Not 0.", RuntimeWarning),
        ("It is 10.", UserWarning),
    ]
    assert all(each.filename == __file__ for each in caught)


def test_every_time_anew():
    """Also where a filter shows what comes from one place once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number in range(3):
            with deduplicate_warnings():
                say(number)
                say(number)
    assert len(caught) == 6


def test_filters_outside_count():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with deduplicate_warnings():
            say(1)
    with pytest.raises(UserWarning, match="It is 2"), deduplicate_warnings():
        say(2)


def test_filters_are_put_back():
    before = list(warnings.filters)
    with pytest.raises(ZeroDivisionError), deduplicate_warnings():
        raise ZeroDivisionError
    assert warnings.filters == before


def test_silence_stays_silent():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with deduplicate_warnings():
            pass
    assert not caught


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
