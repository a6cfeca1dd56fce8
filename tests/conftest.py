"""Set up before anything is imported, the engine that computes, and before each test."""

import os

# scipy reads it once, on import; without it one of scikit-learn's checks skips itself.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# The suite runs in a process a core: a second thread each would only be in the way. Tests of
# threads ask for more of them by themselves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from importlib.util import find_spec

import pytest
from sklearn.utils import check_random_state

# Where torch is not installed, nothing is said of it.
collect_ignore = [] if find_spec("torch") else ["simulated.py", "test_torch.py"]


def pytest_addoption(parser):
    """The engine is an option: a run with numpy has nothing of torch in its formulas."""
    parser.addoption("--engine", choices=["numpy", "torch"], default="numpy")


def pytest_configure(config):
    """Before any test module is imported."""
    if config.getoption("--engine") == "torch":
        import engines

        engines.use_torch()


def pytest_collection_modifyitems(items):
    """Doctests cannot carry a mark: this one starts a cluster."""
    for item in items:
        if item.name == "skrbm.distributed.estimator.Distributed":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _start_of_global_draws():
    """What has no random_state draws the same numbers in every run, in any process and order."""
    check_random_state(None).seed(0)
