"""Versions of the interpreter and of the packages that skpoison works with."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from skpoison import __version__

REQUIRED = (
    "numpy",
    "scipy",
    "scikit-learn",
    "imbalanced-learn",
    "narwhals",
    "array-api-compat",
    "threadpoolctl",
)
OPTIONAL = ("joblib", "pandas", "polars", "matplotlib", "pyod", "pip")


def _system():
    """Return facts about the interpreter and the machine."""
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
    }


def _versions():
    """Return the version of each package, None if it is not installed."""
    versions = {"skpoison": __version__}
    for package in REQUIRED + OPTIONAL:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions


def describe_versions():
    """Return the versions on which numbers depend, in a line.

    Returns
    -------
    text : str
        Those of skpoison, of what it always needs, and of Python.
    """
    versions = _versions()
    numeric = ("skpoison", "scikit-learn", "imbalanced-learn", "numpy", "scipy")
    named = [f"{name} {versions[name]}" for name in numeric]
    return ", ".join([*named, f"Python {platform.python_version()}"])


def show_versions():
    """Print the versions of skpoison, Python and the packages that skpoison works with.

    A bug report should contain the output, as it should for scikit-learn.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

    Examples
    --------
    >>> import skpoison
    >>> skpoison.show_versions()
    <BLANKLINE>
    System:
    ...
    Python dependencies:
             skpoison: ...
                numpy: ...
    """
    print("\nSystem:")
    for name, value in _system().items():
        print(f"{name:>10}: {value}")
    print("\nPython dependencies:")
    for name, value in _versions().items():
        print(f"{name:>17}: {value}")
    print("\nthreadpoolctl info:")
    for pool in threadpool_info():
        print()
        for name, value in pool.items():
            print(f"{name:>17}: {value}")
