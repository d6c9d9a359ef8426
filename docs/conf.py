import importlib
import inspect
import os
import pkgutil
import re
import sys
import warnings
from pathlib import Path

from sklearn.base import BaseEstimator

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
        for name, value in vars(importlib.import_module(module)).items()
        if inspect.isclass(value) and value.__module__.startswith("sklearn_ssl")
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


# The gallery: run by a full build only; `-D plot_gallery=0` lists the examples and runs none.
sys.path.insert(0, str(Path(__file__).parent))
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_[^/\\]*\.py$",
    "ignore_pattern": r"benchmarks|__init__\.py$",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("sklearn_ssl",),
    "download_all_examples": False,
    "remove_config_comments": True,
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
html_sidebars = {page: [] for page in ("index", "choosing", "extending", "glossary", "changelog", "contributing")}
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
