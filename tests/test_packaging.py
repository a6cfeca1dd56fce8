"""Packages that messages advise users to install."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_messages_advise_packages_that_can_be_installed():
    """Fails if a message names an extra of skrbm, which no package index has, or an old package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    packages = {x.split(">=")[0] for name in ("dask", "plot", "torch") for x in extras[name]}
    advised = set()
    for path in (ROOT / "skrbm").rglob("*.py"):
        for command in re.findall(r"pip install ([^\".]+)\.", path.read_text()):
            advised |= set(command.replace("'", "").split())
    assert advised == packages
