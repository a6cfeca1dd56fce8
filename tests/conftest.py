"""Set up before anything is imported, and the engine that a test runs with."""

import os
from importlib.util import find_spec

# scipy reads it once, on import; without it one of scikit-learn's checks skips itself.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest

from skrbm import device

NUMPY, TORCH = None, "cpu"


def pytest_addoption(parser):
    parser.addoption("--engine", default="numpy")


@pytest.fixture(autouse=True)
def engine(request, monkeypatch):
    """Where estimators compute that have no device of their own."""
    where = "cpu" if request.config.getoption("--engine") == "torch" else None
    monkeypatch.setattr(device, "DEFAULT_DEVICE", where)
    return where
