import sys
import warnings

import pytest

from skpoison.cli._terminal import ProgressLine, capture_warnings, print_error


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
def test_print_error(capsys, message, expected):
    print_error(message)
    assert capsys.readouterr() == ("", f"skpoison: {expected}\n")


def test_progress_on_a_terminal(capsys, terminal):
    terminal(80)
    with ProgressLine() as line:
        line.show("[1/2] working")
        err = capsys.readouterr().err
        assert err == "[1/2] working"
        line.show("[2/2] on")
        err += capsys.readouterr().err
        assert screen(err) == "[2/2] on"
    assert screen(err + capsys.readouterr().err) == ""


def test_progress_is_wiped_after_an_error(capsys, terminal):
    terminal(80)

    def work():
        with ProgressLine() as line:
            line.show("[1/2] working")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    err = capsys.readouterr().err
    assert "[1/2] working" in err
    assert screen(err) == ""


def test_progress_does_not_wrap(capsys, terminal):
    terminal(20)
    with ProgressLine() as line:
        line.show("x" * 100)
        assert capsys.readouterr().err == "x" * 19
    assert capsys.readouterr().err == "\r" + " " * 19 + "\r"


def test_progress_without_a_line(capsys, terminal):
    terminal(80)
    with ProgressLine():
        pass
    assert capsys.readouterr() == ("", "")


def test_progress_in_a_pipe(capsys):
    with ProgressLine() as line:
        line.show("[1/2] working")
    assert capsys.readouterr() == ("", "")


def test_progress_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    went_on = False
    with ProgressLine() as line:
        line.show("[1/2] working")
        went_on = True
    assert went_on


def warn(*texts, category=UserWarning):
    for text in texts:
        warnings.warn(text, category, stacklevel=1)
    return len(texts)


@pytest.mark.filterwarnings("always")
def test_capture_warnings():
    result, warnings_seen = capture_warnings(
        warn, "first 1", "second", "first 2", category=RuntimeWarning
    )
    assert result == 3
    assert warnings_seen == ["RuntimeWarning: first 1", "RuntimeWarning: second"]


def test_capture_warnings_without_warnings():
    assert capture_warnings(warn) == (0, [])


@pytest.mark.filterwarnings("ignore")
def test_capture_warnings_obeys_filters():
    assert capture_warnings(warn, "first") == (1, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="first"):
            capture_warnings(warn, "first")
