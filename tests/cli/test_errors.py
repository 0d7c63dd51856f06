import pytest

from skpoison.cli._errors import listed, near_misses, reason


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("so it is."), "so it is"),
        (ImportError("no module\n"), "no module"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
        (KeyError("size"), "KeyError: 'size'"),
        (RuntimeError("why."), "RuntimeError: why"),
        (ValueError(), "ValueError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_reason(error, expected):
    assert reason(error) == expected


def test_listed():
    assert listed(["a", 1]) == "a, 1"
    assert listed(range(10), most=3) == "0, 1, 2 and 7 more"
    assert listed(["x" * 50]) == "x" * 40 + "..."


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Label", " Did you mean 'label'?"),
        ("random-forest", " Did you mean 'random_forest'?"),
        ("adress", " Did you mean 'Address'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_near_misses(name, near):
    assert near_misses(name, ["label", "random_forest", "Address"]) == near
