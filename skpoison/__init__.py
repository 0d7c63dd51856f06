"""Training-data poisoning for scikit-learn.

An attack is an imbalanced-learn resampler with ``fit_resample(X, y)``, a defence is a
scikit-learn meta-estimator around the user's own estimator. A Pipeline of both is a
threat model, and its cross-validated score measures robustness.
"""

import sys
from importlib import import_module
from opcode import opmap

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
    "online",
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
    module = None if name.startswith("_") else _module_of(name)
    if module is None:
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}; it has "
            f"{', '.join(__all__)}"
        )
    hint = f"Write: from {module} import {name}"
    # `from skpoison import ...` hides the message of an AttributeError, but `hasattr`
    # and `getattr` with a default need one.
    if _is_import_from(sys._getframe(1)):
        message = f"cannot import name {name!r} from {__name__!r}. {hint}"
        raise ImportError(message, name=module)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {hint}")


def _module_of(name):
    """Return the module that a public name is in; None if there is none."""
    for module in [*_SUBMODULES, "utils.estimator_checks"]:
        path = f"{__name__}.{module}"
        if name in getattr(import_module(path), "__all__", ()):
            return path
    return None


def _is_import_from(frame):
    """Return whether a frame is at a `from ... import ...`."""
    return frame.f_code.co_code[frame.f_lasti] == opmap.get("IMPORT_FROM")


def __dir__():
    return sorted({*globals(), *__all__})
