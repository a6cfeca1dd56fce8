"""The output of show_versions."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

import skrbm
from skrbm.learning import compiled

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NAMES = [re.match(r"[\w-]+", requirement)[0] for requirement in PROJECT["dependencies"]] + [
    re.match(r"[\w-]+", requirement)[0]
    for extra in ("dask", "plot", "progress", "torch")
    for requirement in EXTRAS[extra]
]


def shown(capsys):
    """Pairs of a name and a value, as printed."""
    skrbm.show_versions()
    return [tuple(line.split(": ", 1)) for line in capsys.readouterr().out.splitlines()]


def test_shows_every_dependency_of_the_project(capsys):
    """Fails if a new dependency is not shown, or the version of another package."""
    lines = shown(capsys)
    assert ("skrbm", skrbm.__version__) in lines
    installed = {name: found.version for found in metadata.distributions() if (name := found.name)}
    for name in NAMES:
        assert [value for key, value in lines if key == name] == (
            [installed[name]] if name in installed else []
        )


def test_omits_packages_that_are_not_installed(capsys, monkeypatch):
    """Fails if a missing optional package is an error."""
    version = metadata.version

    def without_tqdm(name):
        if name == "tqdm":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    before = shown(capsys)
    monkeypatch.setattr(metadata, "version", without_tqdm)
    assert shown(capsys) == [line for line in before if line[0] != "tqdm"]


@pytest.mark.parametrize("threads", [1, 2])
def test_shows_threads_of_the_blas(capsys, threads):
    """Fails if the number is not the one that products use."""
    with threadpool_limits(threads, user_api="blas"):
        libraries = [value for key, value in shown(capsys) if key == "BLAS"]
    assert libraries
    assert all(f"(threads: {threads}, " in library for library in libraries)


@pytest.mark.parametrize("available", [True, False])
def test_shows_whether_updates_are_compiled(capsys, monkeypatch, available):
    """Fails if it shows the build instead of the current setting."""
    monkeypatch.setattr(compiled, "is_available", lambda: available)
    value = "yes" if available else "no: the formulas are computed by numpy"
    assert shown(capsys)[-1] == ("compiled update", value)
