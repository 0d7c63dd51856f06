"""Lazy import of subpackages after `import skpoison`."""

import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import skpoison

SUBMODULES = {
    module.name
    for module in pkgutil.iter_modules(skpoison.__path__)
    if not module.name.startswith("_")
}


def run(code):
    """Run code in a new interpreter and return what it prints as JSON."""
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(printed)


def test_every_submodule_is_public():
    assert {*skpoison.__all__} == SUBMODULES | {"show_versions"}
    assert {*skpoison.__all__} < {*dir(skpoison)}


def test_everything_is_reachable_from_the_package():
    kinds = run(
        "import json, skpoison\n"
        "print(json.dumps({name: type(getattr(skpoison, name)).__name__"
        " for name in skpoison.__all__}))"
    )
    assert kinds == {
        **dict.fromkeys(SUBMODULES, "module"),
        "show_versions": "function",
    }


PUBLIC = [
    (module, name)
    for module in sorted([*SUBMODULES, "utils.estimator_checks"])
    for name in getattr(import_module(f"skpoison.{module}"), "__all__", [])
]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_name_of_a_subpackage(module, name):
    """The error says from where to import it, and that works."""
    way_out = f"from skpoison.{module} import {name}"
    with pytest.raises(AttributeError, match=f"Write: {way_out}$"):
        getattr(skpoison, name)
    assert getattr(skpoison, name, None) is None
    with pytest.raises(ImportError, match=f"^cannot import .* Write: {way_out}$"):
        exec(f"from skpoison import {name}", {})
    found = {}
    exec(way_out, found)
    assert found[name].__name__ == name


def test_unknown_names():
    assert not hasattr(skpoison, "RandomForest")
    assert not hasattr(skpoison, "__wrapped__")
    with pytest.raises(ImportError, match="cannot import name 'Nothing' from 'skpois"):
        exec("from skpoison import Nothing", {})


def test_import_loads_nothing_else():
    loaded = run("import json, skpoison, sys; print(json.dumps([*sys.modules]))")
    assert {"skpoison"} == {
        name for name in loaded if name.startswith(("skpoison", "sklearn", "numpy"))
    }


def test_version_is_that_of_the_citation():
    citation = Path(__file__).parents[1] / "CITATION.cff"
    lines = citation.read_text(encoding="utf-8").splitlines()
    assert f"version: {skpoison.__version__}" in lines


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'attack'; it has attacks, "):
        skpoison.attack  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'attack'"):
        from skpoison import attack  # noqa: F401
