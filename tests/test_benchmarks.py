"""Imports of the benchmarks."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
# What the others import from files that are not run.
HELPERS = {
    "protocol": "split",
    "simple_attacks": "best_insertion",
    "strength_data": "load",
    "two_sets": "parse_options",
}


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name
)
def test_imports(path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    names = runpy.run_path(str(path), run_name="imported")
    assert callable(names[HELPERS.get(path.stem, "main")])
