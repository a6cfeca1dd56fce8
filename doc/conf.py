"""How Sphinx builds the documentation; the command is in CONTRIBUTING.md."""

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
    "matplotlib.sphinxext.figmpl_directive",
    "matplotlib.sphinxext.plot_directive",
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

html_theme = "pydata_sphinx_theme"
html_title = "skrbm"
html_copy_source = html_show_sourcelink = False
html_sidebars = dict.fromkeys(
    ["index", "sklearn", "choosing", "measured", "architecture", "changelog"], []
)
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": {"measured": ["page-toc"]},  # elsewhere code needs the room
}

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
}
