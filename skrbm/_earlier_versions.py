"""Refuse models saved by an earlier version, with one sentence of advice."""

from __future__ import annotations

import sys
from typing import Any

# Modules of the estimators in earlier versions. The module of Distributed has not moved, but the
# estimator in it is refused.
_NAMES = "dbn", "fine_tuned", "gaussian_rbm", "imputer", "outlier_detector", "rbm", "rbm_classifier"
_MODULES = {f"skrbm.{name}" for name in _NAMES}


class EarlierVersionError(ImportError):
    """Raised when loading a model that was saved by an earlier version of skrbm."""


class _Finder:
    """Refuses these modules, which unpickling imports first."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Refuse a module of an earlier version."""
        if name in _MODULES:
            msg = (
                f"{name} is a module of an earlier version of skrbm, whose saved models this "
                "version cannot load: fit the model again."
            )
            raise EarlierVersionError(msg, name=name)


sys.meta_path.append(_Finder)  # after all others: only for modules that they do not find
