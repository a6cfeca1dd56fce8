"""Versions of all software that may affect a result or its speed."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from threadpoolctl import threadpool_info

from skrbm.learning import compiled

_REQUIRED = "numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"
_OPTIONAL = "dask", "distributed", "matplotlib", "tqdm", "torch", "pandas"


def _packages() -> Iterator[str]:
    for name in _REQUIRED + _OPTIONAL:
        try:
            yield f"{name}: {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue


def _blas() -> Iterator[str]:
    for library in threadpool_info():
        if library["user_api"] == "blas":
            file = Path(library["filepath"]).name
            threads = library["num_threads"]
            name = f"{library['internal_api']} {library['version']}"
            yield f"BLAS: {name} (threads: {threads}, {file})"


def show_versions() -> None:
    """Print versions of Python and of packages, the BLAS, and whether updates are compiled.

    Packages that are not installed are omitted. Without the compiled update, numpy computes the
    same fits more slowly.

    Examples
    --------
    >>> from skrbm import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    platform: ...
    python: 3...
    compiled update: ...
    """
    from skrbm import __version__

    update = "yes" if compiled.is_available() else "no: the formulas are computed by numpy"
    print(
        f"platform: {platform.platform()}",
        f"python: {platform.python_version()}",
        f"skrbm: {__version__}",
        *_packages(),
        *_blas(),
        f"compiled update: {update}",
        sep="\n",
    )
