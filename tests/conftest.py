"""Settings before any import, choice of the engine, and a fresh global seed for each test."""

import os

# scipy reads it on import; without it, one of scikit-learn's checks is skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# The suite runs in one process per core, so more threads would only slow it down. Tests of threads
# set their own number.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from importlib.util import find_spec

import pytest
from sklearn.utils import check_random_state

# Skip tests of torch if it is not installed.
collect_ignore = [] if find_spec("torch") else ["simulated.py", "test_torch.py"]


def pytest_addoption(parser):
    """Add the option `engine`: with numpy, no formula uses torch."""
    parser.addoption("--engine", choices=["numpy", "torch"], default="numpy")


def pytest_configure(config):
    """Choose the engine before any test module is imported."""
    if config.getoption("--engine") == "torch":
        import engines

        engines.use_torch()


def pytest_collection_modifyitems(items):
    """Mark a slow doctest, which starts a cluster; doctests cannot carry marks."""
    for item in items:
        if item.name == "skrbm.distributed.estimator.Distributed":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _start_of_global_draws():
    """Make draws without a random_state the same in every run, in any process and order."""
    check_random_state(None).seed(0)
