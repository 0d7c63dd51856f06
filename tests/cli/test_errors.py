import pytest

from skpoison.cli._errors import reason


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
