"""Imports of the benchmarks."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name
)
def test_imports(path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    names = runpy.run_path(str(path), run_name="imported")
    assert callable(names["split" if path.stem == "protocol" else "main"])
