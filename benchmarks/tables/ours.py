"""`TabularRBM` with its defaults, or with some parameters."""

from __future__ import annotations

from typing import Any

import skrbm

NAME = "TabularRBM"


def is_there() -> bool:
    """Whether this version of skrbm has it."""
    return hasattr(skrbm, NAME)


def fresh(seed: int, parameters: dict[str, Any] | None = None) -> Any:
    """An estimator that is not fitted."""
    return getattr(skrbm, NAME)(random_state=seed, **(parameters or {}))
