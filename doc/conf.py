"""How is the documentation built?

    python -m sphinx -b html -W --keep-going doc doc/_build/html

Nothing is fetched from the internet, unless DOC_INTERSPHINX is set in the environment:
then references to other packages become links.
"""

import os
import subprocess
import sys
from pathlib import Path

import skpoison

HERE = Path(__file__).parent
GENERATED = HERE / "generated"

project = "skpoison"
author = "The skpoison developers"
copyright = author
version = release = skpoison.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build", "generated/backreferences"]
templates_path = ["_templates"]
default_role = "literal"
add_function_parentheses = False

# Classes are documented by the template in _templates.
numpydoc_show_class_members = False
autosummary_generate = True
autodoc_typehints = "none"

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "label"

if os.environ.get("DOC_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "imblearn": ("https://imbalanced-learn.org/stable", None),
    }

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skpoison",),
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"skpoison {version}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"whats_new": [], "install": [], "references": []}

REPORT_OPTIONS = ["--estimator", "tree", "--budgets", "0.1", "0.2", "0.4"]


def write_report(_):
    """Run the commands whose output the user guide shows."""
    GENERATED.mkdir(exist_ok=True)
    for name, options in {"report": REPORT_OPTIONS, "help": ["--help"]}.items():
        command = ["-m", "skpoison", *options]
        output = subprocess.run(
            [sys.executable, *command],
            cwd=GENERATED,
            env={
                **os.environ,
                "COLUMNS": "80",
                "NO_COLOR": "1",
                "PYTHONIOENCODING": "utf-8",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        ).stdout
        text = f"$ python {' '.join(command)}\n{output}"
        (GENERATED / f"{name}.txt").write_text(text, encoding="utf-8")


def setup(app):
    """Write what is generated before it is read."""
    app.connect("builder-inited", write_report)
