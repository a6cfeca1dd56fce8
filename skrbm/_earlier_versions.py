"""Models that an earlier version saved: refused with one sentence that says what to do."""

from __future__ import annotations

import sys
from typing import Any

# Modules whose estimators earlier versions saved. That of Distributed is where it was, and the
# estimator in it is refused.
_NAMES = "dbn", "fine_tuned", "gaussian_rbm", "imputer", "outlier_detector", "rbm", "rbm_classifier"
_MODULES = {f"skrbm.{name}" for name in _NAMES}


class EarlierVersionError(ImportError):
    """Raised when a model is loaded that an earlier version of skrbm saved."""


class _Finder:
    """Finds none of these modules, for which unpickling asks first."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Refuse a module of an earlier version."""
        if name in _MODULES:
            msg = (
                f"{name} is a module of an earlier version of skrbm, whose saved models this "
                "version cannot load: fit the model again."
            )
            raise EarlierVersionError(msg, name=name)


sys.meta_path.append(_Finder)  # behind all others: asked only for modules that are not there
