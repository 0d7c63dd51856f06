import sys
import warnings
from time import sleep

import pytest

from skpoison.cli._terminal import Progress, capture_warnings, print_error


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


class Clock:
    """A clock that a test moves on."""

    now = 0.0

    def __call__(self):
        return self.now


def test_progress_on_a_terminal(capsys, terminal):
    terminal(80)
    clock = Clock()
    with Progress(clock) as progress:
        progress(0, 4, "flips", None)
        err = capsys.readouterr().err
        assert err == "0% done, flips"
        clock.now = 100
        progress(1, 4, "flips", "tree")
        err += capsys.readouterr().err
        assert screen(err) == "25% done, flips against tree, about 5 min left"
        assert progress.case == "flips against tree"
    assert screen(err + capsys.readouterr().err) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.1, "1 s"),
        (89, "89 s"),
        (91, "2 min"),
        (600, "10 min"),
        (5399, "90 min"),
        (5401, "2 h"),
        (36_000, "10 h"),
    ],
)
def test_time_left(capsys, terminal, seconds, words):
    terminal(80)
    clock = Clock()
    progress = Progress(clock)
    clock.now = seconds
    progress(5, 10, "flips", None)
    assert capsys.readouterr().err == f"50% done, flips, about {words} left"


def test_progress_on_a_terminal_is_not_too_fast(capsys, terminal):
    terminal(80)
    clock, shown = Clock(), []
    progress = Progress(clock)
    for i in range(40):
        clock.now += 0.03
        progress(i, 80, "flips", None if i < 20 else "tree")
        shown += [i] if capsys.readouterr().err else []
    assert shown == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]


def test_progress_is_wiped_after_an_error(capsys, terminal):
    terminal(80)

    def work():
        with Progress() as progress:
            progress(0, 2, "flips", None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    err = capsys.readouterr().err
    assert "0% done, flips" in err
    assert screen(err) == ""


def test_progress_does_not_wrap(capsys, terminal):
    terminal(20)
    with Progress() as progress:
        progress(0, 2, "x" * 100, None)
        assert capsys.readouterr().err == "0% done, " + "x" * 10
    assert capsys.readouterr().err == "\r" + " " * 19 + "\r"


def test_progress_without_a_line(capsys, terminal):
    terminal(80)
    with Progress():
        pass
    assert capsys.readouterr() == ("", "")


def test_progress_in_a_pipe_is_a_line_a_minute(capsys):
    clock, lines = Clock(), []
    with Progress(clock) as progress:
        for clock.now in range(0, 200, 10):
            progress(clock.now, 400, "flips", "tree")
            lines += capsys.readouterr().err.splitlines()
    assert lines == [
        "skpoison: 15% done, flips against tree, about 6 min left",
        "skpoison: 30% done, flips against tree, about 5 min left",
        "skpoison: 45% done, flips against tree, about 4 min left",
    ]
    assert capsys.readouterr() == ("", "")


def test_long_step_in_a_pipe(capsys, monkeypatch):
    monkeypatch.setattr("skpoison.cli._terminal.SECONDS_BETWEEN_LINES", 0.01)
    clock, err = Clock(), ""
    with Progress(clock) as progress:
        progress(0, 4, "flips", None)
        clock.now = 120
        while not err:
            sleep(0.01)
            err = capsys.readouterr().err
    assert err == "skpoison: 0% done, flips, about 2 min so far\n"
    sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_short_work_in_a_pipe_says_nothing(capsys):
    with Progress() as progress:
        for i in range(10):
            progress(i, 10, "flips", "tree")
    assert capsys.readouterr() == ("", "")


def test_progress_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    clock = Clock()
    with Progress(clock) as progress:
        clock.now = 1000
        progress(1, 2, "flips", None)
    assert progress.case == "flips"


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
