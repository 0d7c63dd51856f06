"""What is needed that may not be installed?"""

from importlib import import_module


def import_optional(module, *, extra, user):
    """Import a module, or say which extra of this package brings it.

    Parameters
    ----------
    module : str
        The module to import.
    extra : str
        The extra that brings it.
    user : str
        What needs it.

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
        raise ImportError(
            f"{user} needs {package}, which is not installed: "
            f"python -m pip install 'skpoison[{extra}]'"
        ) from error
