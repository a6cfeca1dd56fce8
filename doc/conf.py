"""How the documentation is built: `python -m sphinx -W --keep-going -b html doc doc/_build/html`."""

import shutil
from pathlib import Path

import skrbm

DOC = Path(__file__).parent
EXAMPLES = DOC / "_build" / "examples"  # a copy, which the pictures that examples save fall into
shutil.copytree(DOC.parent / "examples", EXAMPLES, dirs_exist_ok=True)

project = "skrbm"
author = "The skrbm developers"
version = release = skrbm.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
default_role = "code"  # a single backtick, as in the docstrings

html_theme = "pydata_sphinx_theme"
html_title = "skrbm"
html_copy_source = html_show_sourcelink = False
html_theme_options = {"secondary_sidebar_items": ["page-toc"], "show_prev_next": True}

autodoc_typehints = "none"  # the docstrings say what is taken and returned
autosummary_generate = True
numpydoc_show_class_members = False  # the templates of autosummary list them
numpydoc_validation_checks = {"PR02", "PR03", "PR04", "YD01"}

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    "doc_module": ("skrbm",),
    "backreferences_dir": "gallery/backreferences",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "parallel": 2,
}
