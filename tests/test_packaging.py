"""Contents of distributions, and packages that messages advise users to install."""

import re
import runpy
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

import skrbm

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


def targets(description):
    """Return all targets of links and pictures, in Markdown and in HTML."""
    found = re.findall(r"\]\(([^)]*)\)|(?:href|src)=\"([^\"]*)\"", description)
    return [markdown or html for markdown, html in found]


def test_links_of_the_description_are_absolute_and_lead_to_files():
    """Fails if a package index shows README.md with a link or a picture that it does not have."""
    pytest.importorskip("setuptools")
    description = runpy.run_path(str(ROOT / "setup.py"))["long_description"]()
    own = re.compile(rf"https://github.com/skrbm/skrbm/(raw|blob)/v{skrbm.__version__}/(.+)")
    found = {kind: [] for kind in ("raw", "blob")}
    for target in targets(description):
        assert re.match("https://|#", target)
        if match := own.match(target):
            assert (ROOT / match[2]).exists()
            found[match[1]].append(match[2])
    assert all(file.endswith(".png") for file in found["raw"])
    assert {"CONTRIBUTING.md", "examples"} <= set(found["blob"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(targets(description)) == len(targets(readme))
    assert readme.count("\n") == description.count("\n")


def test_metadata_of_the_installed_package_have_absolute_links():
    """Fails if the build takes README.md as it is."""
    installed = metadata("skrbm")
    if installed["Version"] != skrbm.__version__:
        pytest.skip("the installed package is another version: repeat `pip install -e .`")
    description = installed["Description"]
    assert targets(description)
    assert all(re.match("https://|#", target) for target in targets(description))
    assert installed["Description-Content-Type"] == "text/markdown"
    assert any(url.startswith("Documentation, ") for url in installed.get_all("Project-URL"))


def test_files_of_a_release_have_the_same_version_and_date():
    """Fails if a release forgets the changelog or the citation."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## (\d\S+) - (\S+)$", changelog, re.MULTILINE).groups()
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert version == skrbm.__version__
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation


def test_every_python_of_the_classifiers_is_tested():
    """Fails if a version of Python is claimed, but is not in the matrix of the workflow."""
    path = ROOT / ".github" / "workflows" / "tests.yml"
    if not path.exists():
        pytest.skip("a source distribution has no workflows")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    matrix = re.search(r"python: \[(.*)\]", path.read_text(encoding="utf-8"))[1]
    assert re.findall(r"3\.\d+", matrix) == claimed
