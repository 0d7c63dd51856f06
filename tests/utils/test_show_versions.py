import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import skpoison
from skpoison.utils import _show_versions

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_prints_what_a_bug_report_needs(capsys):
    skpoison.show_versions()
    printed = capsys.readouterr().out
    assert re.search(r"python: 3\.\d+", printed)
    assert f"skpoison: {skpoison.__version__}\n" in printed
    for package in _show_versions.REQUIRED:
        assert f"{package}: {version(package)}\n" in printed
    assert "user_api: blas" in printed


def test_package_that_is_not_installed(capsys, monkeypatch):
    def version_without_pandas(package):
        if package == "pandas":
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(_show_versions, "version", version_without_pandas)
    skpoison.show_versions()
    printed = capsys.readouterr().out
    assert " pandas: None\n" in printed
    assert " polars: 1.0\n" in printed


@pytest.mark.parametrize("extra", [None, "plot", "parquet"])
def test_lists_every_dependency(extra):
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    if extra is None:
        required, listed = project["dependencies"], _show_versions.REQUIRED
    else:
        required = project["optional-dependencies"][extra]
        listed = _show_versions.OPTIONAL
    assert {re.split("[<>=]", each)[0] for each in required} <= {*listed}
