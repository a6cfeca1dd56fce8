"""Set up before anything is imported: what scipy reads, and the engine that computes."""

import os

# scipy reads it once, on import; without it one of scikit-learn's checks skips itself.
os.environ.setdefault("SCIPY_ARRAY_API", "1")


def pytest_addoption(parser):
    """The engine is an option: a run with numpy has nothing of torch in it."""
    parser.addoption("--engine", choices=["numpy", "torch"], default="numpy")


def pytest_configure(config):
    """Before any test module is imported."""
    if config.getoption("--engine") == "torch":
        import engines

        engines.use_torch()
