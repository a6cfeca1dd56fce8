"""Notebooks of the examples that run in a browser, by JupyterLite."""

import re
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

ROOT = Path(__file__).parent.parent
WHEEL = "Wheel-Version: 1.0\nGenerator: skrbm\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
NOT_IN_BROWSER = ["plot_cluster"]  # a browser cannot start processes
BUTTON = r"\n *\.\. container:: lite-badge\n\n *\.\. image:: .*\n( +:.*\n)+"


def pure_wheel(folder):
    """Write a wheel without compiled code, and return its path."""
    installed = distribution("skrbm")
    name = f"skrbm-{installed.version}"
    folder.mkdir(parents=True, exist_ok=True)
    with ZipFile(folder / f"{name}-py3-none-any.whl", "w", ZIP_DEFLATED) as wheel:
        for file in sorted((ROOT / "skrbm").rglob("*.py")):
            wheel.write(file, file.relative_to(ROOT))
        wheel.writestr(f"{name}.dist-info/METADATA", installed.read_text("METADATA"))
        wheel.writestr(f"{name}.dist-info/WHEEL", WHEEL)
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    return folder / f"{name}-py3-none-any.whl"


def install(notebook, _):
    """Insert a cell that installs the package from the site, and show roles as code.

    Pyodide has the tests of scikit-learn, with their data, in a package of its own.
    """
    packages = "skrbm"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = [
                re.sub(r":[\w:]+:`~?[\w.]*?(\w+)`", r"`\1`", text) for text in cell["source"]
            ]
        elif "sklearn.datasets.tests" in "".join(cell["source"]):
            packages = "skrbm scikit-learn-tests"
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    notebook["cells"].insert(0, cell | {"source": [f"%pip install -q {packages}"]})


def setup(app):
    """Leave out some buttons, and the font that JupyterLite loads from another site."""
    app.connect("source-read", _without_button)
    app.connect("html-page-context", _without_fonts)


def _without_button(app, page, source):
    if Path(page).name in NOT_IN_BROWSER:
        text = source[0].replace(" or to run this example in your browser via JupyterLite", "")
        source[0] = re.sub(BUTTON, "\n", text)


def _without_fonts(app, page, template, context, doctree):
    context["css_files"][:] = [
        file for file in context["css_files"] if "fonts.googleapis" not in str(file.filename)
    ]
