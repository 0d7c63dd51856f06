"""Completeness of the documentation, and the components that the guide adds.

What the pages of the guide print is checked where its doctests run:
``python -m pytest --doctest-glob="*.rst" doc``.
"""

import ast
import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import skpoison
from skpoison.attacks import GradientInsertion
from skpoison.bilevel.solvers.newton import minimise
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent
from skpoison.surrogates import as_training_problem

DOC = Path(__file__).parents[1] / "doc"
GUIDE = DOC / "user_guide"

# Modules that are not public API as a whole: their parts are documented elsewhere.
NOT_IN_API = {"bilevel", "cli", "utils"}

# Pages of the guide, and the modules all of whose names they mention.
PAGES = {
    "attacks": ["skpoison.attacks"],
    "gradients": ["skpoison.goals", "skpoison.optimizers", "skpoison.penalties"],
    "defences": ["skpoison.defences"],
    "feasible_sets": ["skpoison.feasible_sets"],
    "curves": ["skpoison.model_selection"],
    "datasets": ["skpoison.datasets"],
    "online": ["skpoison.online"],
    "extending": ["skpoison.base", "skpoison.utils.estimator_checks"],
}
# What a page need not mention: base classes, which the page on extending has, and what
# other names return or take.
ELSEWHERE = {
    "AscentResult",
    "CraftedPoison",
    "GoalContext",
    "PoisonedFold",
    "ResponseRange",
    "RobustnessReport",
    "make_intersection",
}


@pytest.fixture
def guide(monkeypatch):
    """Return a function that imports a module of the guide, as its user would."""
    monkeypatch.syspath_prepend(str(GUIDE))
    return import_module


def n_lines(path, names=None):
    """Count the lines of code of a file or of some of its classes and functions.

    Docstrings and blank lines are no code.
    """
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = (
        [node for node in tree.body if getattr(node, "name", None) in names]
        if (names)
        else [tree]
    )
    code, lines = set(), text.splitlines()
    for node in nodes:
        first = getattr(node, "lineno", 1)
        code |= set(range(first, getattr(node, "end_lineno", len(lines)) + 1))
        for inner in ast.walk(node):
            has_docstring = isinstance(
                inner, ast.Module | ast.ClassDef | ast.FunctionDef
            )
            if has_docstring and ast.get_docstring(inner):
                docstring = inner.body[0]
                code -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return sum(bool(lines[number - 1].strip()) for number in code)


@pytest.mark.parametrize(
    ("file", "names", "limit"),
    [
        ("own_attack.py", None, 20),
        ("own_filter.py", None, 15),
        ("own_learner.py", None, 12),
        ("own_goal.py", None, 12),
        ("own_feasible_set.py", ["ClassSphere"], 10),
        ("own_feasible_set.py", ["AcceptedRows"], 10),
    ],
)
def test_custom_components_are_short(file, names, limit):
    assert n_lines(GUIDE / file, names) <= limit


def test_all_of_the_api_is_documented():
    documented = set()
    for line in (DOC / "api.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. public-names:: "):
            documented.add(line.split()[-1])
    public = {
        f"skpoison.{name}" for name in skpoison._SUBMODULES if name not in NOT_IN_API
    }
    assert documented == public | {"skpoison.utils.estimator_checks"}
    for module in documented:
        assert import_module(module).__all__


@pytest.mark.parametrize("page", PAGES)
def test_page_of_the_guide_mentions_all(page):
    text = (GUIDE / f"{page}.rst").read_text(encoding="utf-8")
    for module in PAGES[page]:
        for name in set(import_module(module).__all__) - ELSEWHERE:
            is_base = name.startswith("Base") and page != "extending"
            assert is_base or re.search(rf"\b{name}\b", text), f"{page} lacks {name}"


@pytest.mark.parametrize("module", sorted(NOT_IN_API))
def test_what_is_not_api_is_a_package(module):
    assert inspect.ismodule(import_module(f"skpoison.{module}"))


def counts(n_samples=100):
    """Draw rows with counts as responses, and weights."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, 4))
    y = rng.poisson(np.exp(X @ [0.3, -0.5, 0.2, 0.0] + 0.4)).astype(float)
    return X, y, rng.uniform(0.5, 2, n_samples)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.1, 1.0])
def test_optimum_of_custom_learner_is_that_of_the_estimator(
    guide, alpha, fit_intercept
):
    guide("own_learner")
    X, y, sample_weight = counts()
    estimator = PoissonRegressor(
        alpha=alpha, fit_intercept=fit_intercept, tol=1e-10, max_iter=10_000
    ).fit(X, y, sample_weight)
    problem = as_training_problem(estimator)
    rows = problem.rows(X, y, sample_weight=sample_weight)
    W = minimise(problem.learner, rows).W[:, 0]
    np.testing.assert_allclose(W[:4], estimator.coef_, rtol=0, atol=1e-7)
    np.testing.assert_allclose(W[4:].sum(), estimator.intercept_, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "goal",
    [
        ErrorGeneric(),
        ErrorGeneric("surrogate"),
        ErrorGeneric("objective"),
        TargetCoefficients({0: 3.0}),
    ],
    ids=str,
)
def test_hypergradient_of_custom_learner(guide, goal):
    guide("own_learner")
    X, y, _ = counts()
    attack = GradientInsertion(
        PoissonRegressor(alpha=0.1),
        goal=goal,
        optimizer=ProjectedAscent(max_iter=2),
        random_state=0,
    )
    check = check_hypergradient(attack, X, y, random_state=0)
    np.testing.assert_allclose(check.analytic, check.numerical, rtol=1e-6)


def test_hypergradient_of_nearest_centroids(guide):
    guide("own_centroids")
    X, y = load_wine(return_X_y=True)
    attack = GradientInsertion(
        NearestCentroid(), optimizer=ProjectedAscent(max_iter=2), random_state=0
    )
    check = check_hypergradient(attack, scale(X), y, random_state=0)
    np.testing.assert_allclose(check.analytic, check.numerical, rtol=1e-6)


@pytest.mark.parametrize(
    "surrogate", [Ridge(), make_pipeline(StandardScaler(), Ridge())], ids=str
)
def test_custom_goal(guide, surrogate):
    goal = guide("own_goal").HighPredictions()
    X, y = load_diabetes(return_X_y=True)
    attack = GradientInsertion(
        surrogate, goal=goal, optimizer=ProjectedAscent(max_iter=5), random_state=0
    )
    X_poisoned, y_poisoned = attack.fit_resample(X, y)
    poisoned = surrogate.fit(X_poisoned, y_poisoned).predict(X).mean()
    assert poisoned > surrogate.fit(X, y).predict(X).mean() + 1
    check = check_hypergradient(attack, X, y, random_state=0)
    np.testing.assert_allclose(check.analytic, check.numerical, rtol=1e-6)


def recipes():
    """Return the recipes that the guide runs, and those that its tables describe."""
    text = (GUIDE / "recipes.rst").read_text(encoding="utf-8")
    names = {}
    for example in doctest.DocTestParser().get_examples(text):
        exec(example.source, names)
        if "recipes" in names:
            break
    described = []
    for row in re.split(r"\n   \* - ", text)[1:]:
        cells = re.split(r"\n     -", row.partition("\n\n")[0])
        if not cells[0][0].isdigit():
            continue  # the header
        attack, surrogate, parameters = (
            re.findall("``(.*?)``", cell) for cell in cells[1:]
        )
        arguments = surrogate + parameters
        described.append(eval(f"{attack[0]}({', '.join(arguments)})", names))
    return names["recipes"], described


def test_tables_of_recipes_are_what_runs():
    ran, described = recipes()
    assert len(ran) == 34
    assert [repr(attack) for attack in described] == [repr(attack) for attack in ran]


def test_every_attack_has_a_recipe():
    ran, _ = recipes()
    assert {type(attack).__name__ for attack in ran} == set(skpoison.attacks.__all__)
