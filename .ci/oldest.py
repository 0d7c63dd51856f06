"""Print the oldest versions that pyproject.toml allows, as requirements for pip.

Run: ``python .ci/oldest.py [extra ...]``: of the dependencies, and of the extras named.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def oldest(requirements, extras):
    """Yield ``name==version`` for each ``name>=version``."""
    for requirement in requirements:
        bound = re.fullmatch(r"([\w.-]+)>=([\w.]+)(,<[\w.]+)?", requirement)
        own = re.fullmatch(r"skpoison\[([\w-]+)\]", requirement)
        if own:
            yield from oldest(extras[own[1]], extras)
        elif bound:
            yield f"{bound[1]}=={bound[2]}"
        else:
            raise SystemExit(f"{requirement!r} must be of the form 'name>=version'.")


def main():
    """Read pyproject.toml and print one requirement a line."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = list(project["dependencies"])
    for extra in sys.argv[1:]:
        requirements += extras[extra]
    print("\n".join(sorted({*oldest(requirements, extras)})))


if __name__ == "__main__":
    main()
