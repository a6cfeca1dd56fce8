"""Examples show every estimator and display, and draw pictures.

The documentation's gallery runs all examples. Here only the one in README.md runs.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skrbm
from skrbm import distributed, plotting

FOLDER = Path(__file__).parent.parent / "examples"
GROUPS = "start", "generate", "features", "understand"
FIRST = FOLDER / "start" / "plot_digits_classification.py"
EXAMPLES = sorted(FOLDER.rglob("*.py"))

ESTIMATORS = {name for name in skrbm.__all__ if name[0].isupper()} - {"Checkpoint"}
SHOWN = sorted({*ESTIMATORS, *distributed.__all__, *plotting.__all__})


def calls(path):
    """Names of the functions, methods and classes that an example calls."""
    called = [x.func for x in ast.walk(ast.parse(path.read_text())) if isinstance(x, ast.Call)]
    return {name for x in called for name in ast.unparse(x).split(".")}


def test_first_example_runs(tmp_path):
    """Fails if the example in README.md raises, warns, or saves no picture."""
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "error::UserWarning"}
    subprocess.run([sys.executable, FIRST], cwd=tmp_path, env=environment, check=True)
    assert [path.stat().st_size > 10_000 for path in tmp_path.glob("*.png")] == [True]


@pytest.mark.parametrize("name", SHOWN)
def test_estimators_and_displays_occur(name):
    """Fails if no example calls a public estimator or display, or its class method."""
    assert any(name in calls(path) for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_in_the_gallery(path):
    """Fails if the gallery neither runs nor shows an example, or has no picture of it."""
    assert path.name.startswith("plot_")
    assert path.parent.name in GROUPS
    assert (path.parent / "GALLERY_HEADER.rst").exists()
    assert "savefig" in calls(path)
