"""How Sphinx builds the documentation; the command is in CONTRIBUTING.md."""

import functools
import importlib.util
import shutil
import sys
import tomllib
from pathlib import Path

from numpydoc.docscrape_sphinx import SphinxDocString
from sphinx.util.nodes import make_refnode

import skrbm

DOC = Path(__file__).parent
EXAMPLES = DOC / "_build" / "examples"  # a copy, which the pictures that examples save fall into
shutil.rmtree(EXAMPLES, ignore_errors=True)
shutil.copytree(DOC.parent / "examples", EXAMPLES)
PROJECT = tomllib.loads((DOC.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
URLS = PROJECT["urls"]

project = "skrbm"
author = "The skrbm developers"
copyright = author
version = release = skrbm.__version__
extensions = [
    "matplotlib.sphinxext.figmpl_directive",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "_inventories"]
smartquotes = False  # quoted values of parameters stay code
default_role = "py:obj"  # a single backtick: a link if it is the name of an object, else code
rst_prolog = ".. currentmodule:: skrbm\n"

plot_srcset = ["2x"]  # pictures of the guide, at double resolution
plot_html_show_formats = plot_html_show_source_link = False
plot_rcparams = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "legend.frameon": False,
    "savefig.bbox": "tight",
}
plot_apply_rcparams = True
plot_pre_code = "import matplotlib.pyplot as plt\nimport numpy as np"

toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = f"skrbm {version}"
html_favicon = "_static/logo.svg"
html_css_files = ["skrbm.css"]
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_context = {"default_mode": "auto"}  # light or dark, as the browser
html_baseurl = URLS["Documentation"]
html_sidebars = dict.fromkeys(["index", "install", "quickstart"], [])
html_theme_options = {
    "logo": {"text": "skrbm", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "navbar_align": "left",
    "navbar_end": ["version", "theme-switcher", "navbar-icon-links"],
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "icon_links": [
        {"name": "GitHub", "url": URLS["Homepage"], "icon": "fa-brands fa-github"},
    ],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}

# One file with all fonts, so that formulas are drawn without a network.
MATHJAX = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
html_static_path = ["_static", str(MATHJAX / "tex-svg.js")]
mathjax_path = "tex-svg.js"

# Plain lists of the names that the pages use: a build needs no network, and is the same with one.
intersphinx_mapping = {
    name: (f"https://{address}/", f"_inventories/{name}.txt")
    for name, address in {
        "dask": "docs.dask.org/en/stable",
        "distributed": "distributed.dask.org/en/stable",
        "joblib": "joblib.readthedocs.io/en/stable",
        "matplotlib": "matplotlib.org/stable",
        "numpy": "numpy.org/doc/stable",
        "pandas": "pandas.pydata.org/docs",
        "polars": "docs.pola.rs/api/python/stable",
        "scipy": "docs.scipy.org/doc/scipy",
        "sklearn": "scikit-learn.org/stable",
        "torch": "docs.pytorch.org/docs/stable",
    }.items()
}

autodoc_typehints = "none"  # the docstrings have the types
autosummary_generate = True
numpydoc_show_class_members = False  # the templates of autosummary list them
numpydoc_validation_checks = {"PR02", "PR03", "PR04", "YD01"}

# Otherwise the first line of a property's docstring replaces the description in the class's.
SphinxDocString._process_param = functools.partialmethod(
    lambda self, process, param, desc, _: process(self, param, desc, fake_autosummary=False),
    SphinxDocString._process_param,
)

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    "subsection_order": [
        f"_build/examples/{name}" for name in ("start", "generate", "features", "understand")
    ],
    "within_subsection_order": "FileNameSortKey",
    "image_srcset": ["2x"],
    "doc_module": ("skrbm",),
    "backreferences_dir": "gallery/backreferences",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}
if importlib.util.find_spec("jupyterlite_pyodide_kernel"):  # notebooks in a browser
    sys.path.append(str(DOC))
    import notebooks

    extensions += ["jupyterlite_sphinx", "notebooks"]
    exclude_patterns.append("_contents")
    jupyterlite_dir = str(DOC / "_build" / "lite")
    jupyterlite_content_dir = "_build/notebooks"
    jupyterlite_build_command_options = {
        "extra-ignore-contents": rf"/({'|'.join(notebooks.NOT_IN_BROWSER)})\.",
        "piplite-wheels": str(notebooks.pure_wheel(DOC / "_build" / "lite")),
    }
    sphinx_gallery_conf["jupyterlite"] = {
        "jupyterlite_contents": "_build/notebooks",
        "notebook_modification_function": "notebooks.install",
    }


def link_class(app, env, node, content):
    """Link the name of a class without its module, if only one class has it."""
    objects = env.domains["py"].objects
    found = [
        (name, entry)
        for name, entry in objects.items()
        if name.endswith("." + node["reftarget"]) and entry.objtype == "class"
    ]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    (name, entry), source = found[0], node.get("refdoc", env.docname)
    return make_refnode(app.builder, source, entry.docname, entry.node_id, content, name)


def setup(app):
    """Register the extensions defined here."""
    app.connect("missing-reference", link_class)
