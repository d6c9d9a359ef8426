import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import sys
import warnings
from pathlib import Path

from sklearn.base import BaseEstimator
from sphinx.util.fileutil import copy_asset

import sklearn_ssl

project = "sklearn_ssl"
author = "The sklearn_ssl developers"
copyright = "The sklearn_ssl developers"
version = release = sklearn_ssl.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "api/generated/backreferences"]
default_role = "py:obj"

# A misspelt class, function or label is an error. Names in single backquotes are often parameters, which have no page.
# Private bases and the classes of other projects have none either.
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    ("py:class", r"Module|(abc|sklearn|skorch|torch)\..*|sklearn_ssl\..*\._.*|sklearn_ssl\.base\.[a-z_]+\.\w+"),
    ("py:mod", r"sklearn\..*"),
]

# Inventories of other projects need the network, so a build fetches them only when told to.
if os.environ.get("SKLEARN_SSL_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "aeon": ("https://www.aeon-toolkit.org/en/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "python": ("https://docs.python.org/3/", None),
        "sklearn": ("https://scikit-learn.org/stable/", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable/", None),
        "torch": ("https://docs.pytorch.org/docs/stable/", None),
    }

# The reference is written by autosummary into api/generated: a page for every public module, class and function.
autosummary_ignore_module_all = False
autodoc_typehints = "none"
numpydoc_show_class_members = False


def public_classes():
    """Return the classes of this package by every public name they have."""
    names = [found.name for found in pkgutil.walk_packages(sklearn_ssl.__path__, "sklearn_ssl.")]
    public = ["sklearn_ssl", *(name for name in names if "._" not in name)]
    return {
        f"{module}.{name}": value
        for module in public
        for name, value in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if value.__module__.startswith("sklearn_ssl")
    }


def methods_of(cls):
    """Return the names of a class's public methods: those that this package defines, and scikit-learn's others."""
    own = {name for parent in cls.__mro__ if parent.__module__.startswith("sklearn_ssl") for name in vars(parent)}
    own = {name for name in own if not re.fullmatch(r"set_\w+_request", name)}  # scikit-learn writes these into classes
    names = [name for name, _ in inspect.getmembers(cls, callable)]
    here = [name for name in names if name in own and (not name.startswith("_") or name == "__call__")]
    others = [name for name in names if name not in own and not name.startswith("_")]
    return {"here": here, "elsewhere": others if issubclass(cls, BaseEstimator) else []}


autosummary_context = {"methods_of": {name: methods_of(cls) for name, cls in public_classes().items()}}


def escape_shapes(app, what, name, obj, options, lines):
    """Escape the last underscore of attributes in shapes, such as (n_features_in_,), which would be a link."""
    lines[:] = [re.sub(r"_(?=[,)])", r"\\_", line) if " of shape (" in line else line for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)  # before numpydoc
    app.connect("build-finished", copy_mathjax)


# The gallery: run by a full build only; `-D plot_gallery=0` lists the examples and runs none.
sys.path.insert(0, str(Path(__file__).parent))
SECTIONS = ("first_steps", "messy_data", "few_labels", "time_steps", "methods", "judge")
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": [f"../examples/{name}" for name in SECTIONS],
    "filename_pattern": r"plot_[^/\\]*\.py$",
    "ignore_pattern": r"benchmarks|__init__\.py$",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("sklearn_ssl",),
    "download_all_examples": False,
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),  # tables, and not what a last call on an axis returns
    "show_memory": False,
    "reset_modules": ("matplotlib", "seaborn", "gallery_threads.as_at_the_start"),
    "min_reported_time": 1,
}
# Figures of examples are saved, not shown.
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive", category=UserWarning)

# Figures of guide pages: a build runs the scripts of `figures`, which take seconds.
plot_formats = ["png"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = False
exclude_patterns += ["figures"]

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_ssl {release}"
html_copy_source = False
html_show_sourcelink = False
html_css_files = ["narrow.css"]
html_static_path = ["_static"]
html_sidebars = {page: [] for page in ("index", "choosing", "methods", "faq", "glossary", "changelog", "maintaining")}
html_theme_options = {
    "header_links_before_dropdown": 5,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"*": ["page-toc"], "[!r]*/**": ["page-toc"]},  # none in records: tables need the room
    "show_prev_next": True,
    "show_version_warning_banner": False,
}

# Formulas are drawn by MathJax, which the package sphinx-mathjax-offline has. Its own extension copies all variants of
# it, 24 MB; a page needs one of them and the fonts. Without the package pages load MathJax from the network.
mathjax_package = importlib.util.find_spec("sphinx-mathjax-offline")
if mathjax_package:
    mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app, exception):
    """Copy what pages need of MathJax into the build."""
    if mathjax_package and exception is None and app.builder.format == "html":
        source = Path(mathjax_package.origin).parent / "static" / "mathjax"
        target = Path(app.outdir) / "_static" / "mathjax"
        copy_asset(source / "tex-chtml.js", target)
        copy_asset(source / "output" / "chtml" / "fonts", target / "output" / "chtml" / "fonts")
