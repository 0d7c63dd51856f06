"""Architecture of the package.

Imports go downwards only, and in no circle; files are short, and each has its tests.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skpoison

ROOT = Path(skpoison.__file__).parent
# From the ground up: a file imports from storeys below its own, or from its own folder.
STOREYS = [
    "utils",
    "bilevel",
    "base surrogates feasible_sets goals metrics optimizers penalties",
    "attacks defences datasets",
    "online",
    "inspection model_selection",
    "cli",
    "__main__",
]
STOREY = {name: i for i, names in enumerate(STOREYS) for name in names.split()}
MOST_LINES = 450
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def place(path):
    """Name the folder or the file directly below the package in which a file is."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path):
    """Yield the places from which a file imports, and names imported from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skpoison"):
            _, *parts = node.module.split(".")
            yield from [parts[0]] if parts else [alias.name for alias in node.names]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards(path):
    own = place(path)
    for other in set(imported(path)) - {own, "__version__"}:
        assert STOREY[other] < STOREY[own], f"{own} imports from {other}"


def modules_imported(path):
    """Yield the names of the modules of this package that a file imports, anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skpoison"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from [name if name in MODULES else node.module for name in inner]
        elif isinstance(node, ast.Import):
            yield from [name.name for name in node.names if name.name in MODULES]


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def test_no_circle_of_imports():
    graph = {name: {*modules_imported(path)} for name, path in MODULES.items()}
    # The package itself imports nothing before it is asked to.
    graph["skpoison"] = set()
    # Raises CycleError, which names the modules of the circle.
    assert {*TopologicalSorter(graph).static_order()} == {*graph}


def bilevel_rooms():
    """Map the folders and files directly below bilevel/ to those that they import."""
    rooms = {}
    for name, path in MODULES.items():
        _, *parts = name.split(".")
        if parts[0] == "bilevel" and len(parts) > 1:
            others = [other.split(".")[1:] for other in modules_imported(path)]
            own = rooms.setdefault(parts[1], set())
            own |= {other[1] for other in others if other[0] == "bilevel"} - {parts[1]}
    return rooms


def test_bilevel_has_four_floors():
    """Learners stand below solvers, and these below differentiation."""
    rooms, floor = bilevel_rooms(), {}
    # Raises CycleError if rooms import each other.
    for room in TopologicalSorter(rooms).static_order():
        floor[room] = 1 + max((floor[other] for other in rooms[room]), default=0)
    assert floor["learners"] < floor["solvers"] < floor["differentiation"] <= 4
    assert max(floor.values()) == floor["differentiation"]


# What all threads of a process share, and functions that change it.
SHARED = {
    "catch_warnings",
    "filterwarnings",
    "resetwarnings",
    "simplefilter",
    "showwarning",
    "seterr",
    "set_num_threads",
    "threadpool_limits",
}
# These work in a process of their own, or share a count.
MAY_CHANGE_IT = {
    "cli/_terminal.py",
    "model_selection/_workers.py",
    "utils/_check_data.py",
    "utils/_defence_checks.py",
    "utils/_input_checks.py",
    "utils/_threads.py",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_threads_are_left_in_peace(path):
    if path.relative_to(ROOT).as_posix() in MAY_CHANGE_IT:
        return
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not names & SHARED


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_mirrored_by_tests(path):
    relative = path.relative_to(ROOT)
    if relative.name == "__init__.py":
        return
    tests = Path(__file__).parent / relative.parent
    name = relative.name.strip("_").removesuffix(".py").strip("_")
    tested_by = {
        # Each check is tested where all of them come together.
        "attack_checks": "estimator_checks",
        "defence_checks": "estimator_checks",
        "check_data": "estimator_checks",
        "report/errors": "report",
    }
    name = tested_by.get(f"{relative.parent}/{name}", tested_by.get(name, name))
    assert (tests / f"test_{name}.py").is_file()
