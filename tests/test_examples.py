"""Every example runs, offline, and saves its picture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, tmp_path):
    """Fails if an example raises, warns or forgets its picture."""
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "error::UserWarning"}
    subprocess.run([sys.executable, example], cwd=tmp_path, env=environment, check=True)
    assert [path.stat().st_size > 10_000 for path in tmp_path.glob("*.png")] == [True]
