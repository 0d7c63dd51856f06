import os
import subprocess
import sys
from pathlib import Path

import pytest

import skpoison


@pytest.mark.parametrize(
    ("option", "code", "out", "err"),
    [
        ("--version", 0, f"skpoison {skpoison.__version__}\n", ""),
        ("--nonsense", 2, "", "skpoison: unrecognized arguments: --nonsense. See"),
    ],
)
def test_command(option, code, out, err):
    root = str(Path(skpoison.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "skpoison", option],
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.returncode == code
    assert done.stdout == out
    assert done.stderr.startswith(err)
