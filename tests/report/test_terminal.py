import sys
import warnings

import pytest

from skpoison.report._terminal import progress, recorded, say


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Make a terminal of stderr, of some width."""

    def terminal(columns):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))

    return terminal


def screen(written):
    """Show what a terminal shows after all that was written to it."""
    line = ""
    for part in written.split("\r"):
        line = part + line[len(part) :]
    return line.rstrip()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("all well", "all well"),
        ("two\nlines\r\n and\ttabs  ", "two lines and tabs"),
        ("\0a\x1b[31mred\x07\u2028", "a [31mred"),
        ("lone \udc80 byte", "lone byte"),
        ("größe 体积", "größe 体积"),
        (ValueError("so it\nis"), "so it is"),
    ],
)
def test_say(capsys, message, expected):
    say(message)
    assert capsys.readouterr() == ("", f"skpoison: {expected}\n")


def test_progress_on_a_terminal(capsys, terminal):
    terminal(80)
    with progress("[1/2] working"):
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "[1/2] working"
    assert screen(err + capsys.readouterr().err) == ""


def test_progress_is_wiped_out_after_an_error(capsys, terminal):
    terminal(80)
    with pytest.raises(KeyboardInterrupt), progress("[1/2] working"):
        raise KeyboardInterrupt
    err = capsys.readouterr().err
    assert "[1/2] working" in err
    assert screen(err) == ""


def test_progress_does_not_wrap(capsys, terminal):
    terminal(20)
    with progress("x" * 100):
        assert capsys.readouterr().err == "x" * 19
    assert capsys.readouterr().err == "\r" + " " * 19 + "\r"


def test_progress_in_a_pipe(capsys):
    with progress("[1/2] working"):
        pass
    assert capsys.readouterr() == ("", "")


def test_progress_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    went_on = False
    with progress("[1/2] working"):
        went_on = True
    assert went_on


def warn(*texts, category=UserWarning):
    for text in texts:
        warnings.warn(text, category, stacklevel=1)
    return len(texts)


@pytest.mark.filterwarnings("always")
def test_recorded():
    result, told = recorded(warn, "first", "second", category=RuntimeWarning)
    assert result == 2
    ((filename, line), text) = next(iter(told.items()))
    assert len(told) == 1
    assert filename == __file__
    assert line == warn.__code__.co_firstlineno + 2
    assert text == "RuntimeWarning: first"


def test_recorded_without_warnings():
    assert recorded(warn) == (0, {})


@pytest.mark.filterwarnings("ignore")
def test_recorded_listens_to_filters():
    assert recorded(warn, "first") == (1, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="first"):
            recorded(warn, "first")
