"""Sphinx extension: lists of public names, made from `__all__`.

``.. public-names:: skpoison.attacks`` is a table of the names in the `__all__` of a
module, with the first line of each docstring. With the option ``:toctree:`` the names
link to pages of their own, which are generated, as by autosummary.
"""

from importlib import import_module
from pathlib import Path

from docutils.statemachine import StringList
from sphinx.ext.autosummary import Autosummary
from sphinx.ext.autosummary.generate import generate_autosummary_docs

HERE = Path(__file__).parent


class PublicNames(Autosummary):
    """An autosummary of the names in the `__all__` of a module."""

    required_arguments = 1
    has_content = False

    def run(self):
        """Return the table."""
        module = self.arguments[0]
        names = sorted(import_module(module).__all__, key=str.lower)
        self.env.ref_context["py:module"] = module
        self.content = StringList(names, source=module)
        return super().run()


def modules_of(page):
    """Return the modules whose names a page lists."""
    directive = ".. public-names:: "
    lines = page.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(directive) for line in lines if directive in line]


def write_pages(app):
    """Write the page of each name that the page on the API lists."""
    generated = HERE / "generated"
    generated.mkdir(exist_ok=True)
    listing = generated / "public_names.txt"
    lines = []
    for module in modules_of(HERE / "api.rst"):
        lines += [
            f".. currentmodule:: {module}",
            ".. autosummary::",
            "   :toctree: .",
            "",
        ]
        lines += [f"   {name}" for name in import_module(module).__all__]
        lines += [""]
    listing.write_text("\n".join(lines), encoding="utf-8")
    generate_autosummary_docs([str(listing)], app=app)


def setup(app):
    """Register the directive, and generate the pages before sources are read."""
    app.setup_extension("sphinx.ext.autosummary")
    app.add_directive("public-names", PublicNames)
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
