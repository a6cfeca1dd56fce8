"""Every example runs, offline, and saves its picture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from laws import quick

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = quick(sorted(FOLDER.glob("plot_*.py")), FOLDER / "plot_clique_potentials.py")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, tmp_path):
    """Fails if an example raises, warns or forgets its picture."""
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "error::UserWarning"}
    subprocess.run([sys.executable, example], cwd=tmp_path, env=environment, check=True)
    assert [path.stat().st_size > 10_000 for path in tmp_path.glob("*.png")] == [True]
