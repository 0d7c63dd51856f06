"""Training-data poisoning for scikit-learn.

An attack is an imbalanced-learn resampler with ``fit_resample(X, y)``, a defence is a
scikit-learn meta-estimator around the user's own estimator. A Pipeline of both is a
threat model, and its cross-validated score measures robustness.
"""

from importlib import import_module

__version__ = "0.1.0"

_SUBMODULES = [
    "attacks",
    "base",
    "bilevel",
    "cli",
    "datasets",
    "defences",
    "feasible_sets",
    "goals",
    "inspection",
    "metrics",
    "model_selection",
    "optimizers",
    "penalties",
    "surrogates",
    "utils",
]
__all__ = [*_SUBMODULES, "show_versions"]


def __getattr__(name):
    """Import a subpackage when it is first asked for, as scikit-learn does.

    For a name of a subpackage, raise an error that says which one it is.
    """
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name == "show_versions":
        return import_module(f"{__name__}.utils._show_versions").show_versions
    if not name.startswith("_"):
        for module in [*_SUBMODULES, "utils.estimator_checks"]:
            path = f"{__name__}.{module}"
            if name in getattr(import_module(path), "__all__", ()):
                # `from skpoison import ...` hides the message of an AttributeError.
                raise ImportError(
                    f"cannot import name {name!r} from {__name__!r}. Write: from "
                    f"{path} import {name}",
                    name=path,
                )
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__():
    return sorted({*globals(), *__all__})
