"""Docstrings of everything public, in numpydoc's format."""

import inspect

import pytest
from numpydoc.validate import validate

import skpoison
from skpoison import (
    attacks,
    base,
    datasets,
    defences,
    feasible_sets,
    goals,
    inspection,
    metrics,
    model_selection,
    online,
    optimizers,
    penalties,
    surrogates,
)
from skpoison.utils import estimator_checks

MODULES = {
    attacks: attacks.__all__,
    base: base.__all__,
    datasets: datasets.__all__,
    defences: defences.__all__,
    estimator_checks: [
        "check_estimator",
        "estimator_checks_generator",
        "parametrize_with_checks",
    ],
    feasible_sets: feasible_sets.__all__,
    goals: goals.__all__,
    inspection: inspection.__all__,
    metrics: metrics.__all__,
    model_selection: model_selection.__all__,
    online: online.__all__,
    optimizers: optimizers.__all__,
    penalties: penalties.__all__,
    skpoison: ["show_versions"],
    surrogates: surrogates.__all__,
}
# Methods that a class inherits from scikit-learn or imbalanced-learn are theirs.
OWN_METHODS = [
    f"{module.__name__}.{name}.{method}"
    for module, names in MODULES.items()
    for name in names
    if inspect.isclass(getattr(module, name))
    for method, function in inspect.getmembers(getattr(module, name), callable)
    if not method.startswith("_")
    and inspect.unwrap(function).__module__.startswith("skpoison")
]
OBJECTS = [f"{m.__name__}.{name}" for m, names in MODULES.items() for name in names]

IGNORED = {
    "ES01",  # an extended summary where the summary says all
    "EX01",  # examples stand in classes and functions, checked below
    "GL01",  # the summary begins on the line of the quotes, as ruff has it
    "SA01",  # "see also" only where there is something to see
    "SA04",
    "RT02",  # a single return value may have a name, as in scikit-learn
    "RT03",  # "self : object" needs no description
    "RT05",
    "YD01",
}


@pytest.mark.parametrize("name", OBJECTS + OWN_METHODS)
def test_numpydoc(name):
    errors = [
        f"{code}: {text}"
        for code, text in validate(name)["errors"]
        if code not in IGNORED
    ]
    assert not errors


@pytest.mark.parametrize("name", OBJECTS)
def test_has_an_example(name):
    module, _, attribute = name.rpartition(".")
    found = next(m for m in MODULES if m.__name__ == module)
    exempt = (
        "AscentResult",
        "GoalContext",
        "Poison",
        "as_training_problem",
        "estimator_checks_generator",
    )
    assert attribute in exempt or ">>>" in getattr(found, attribute).__doc__
