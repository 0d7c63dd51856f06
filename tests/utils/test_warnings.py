import warnings

import pytest

from skpoison.utils._warnings import once


def say(number):
    warnings.warn(f"It is {number}.", UserWarning, stacklevel=2)


def test_every_place_speaks_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with once():
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
            with once():
                say(number)
                say(number)
    assert len(caught) == 6


def test_filters_outside_count():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with once():
            say(1)
    with pytest.raises(UserWarning, match="It is 2"), once():
        say(2)


def test_filters_are_put_back():
    before = list(warnings.filters)
    with pytest.raises(ZeroDivisionError), once():
        raise ZeroDivisionError
    assert warnings.filters == before


def test_silence_stays_silent():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with once():
            pass
    assert not caught
