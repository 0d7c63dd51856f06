"""Imports of packages that need not be installed."""

from importlib import import_module


def import_optional(module, *, extra=None, user):
    """Import a module, or raise an error that says how to install it.

    Parameters
    ----------
    module : str
        The module to import.
    extra : str, default=None
        The extra of this package that installs it. None: it is not in any extra.
    user : str
        What needs it, for the error.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        requirement = package if extra is None else f"'skpoison[{extra}]'"
        raise ImportError(
            f"{user} needs {package}, which is not installed: "
            f"python -m pip install {requirement}"
        ) from error
