"""`FitState`: a fit in progress, from which it can continue after an interruption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skrbm._kernels.devices import Array
from skrbm.learning.early_stopping import BestSoFar
from skrbm.learning.loop import Plan
from skrbm.learning.train_state import Record

# Called after every epoch with its record; returns True to stop the training.
Hook = Callable[[Record], bool]


@dataclass
class FitState:
    """Position of a fit between two epochs, in addition to the training state.

    Parameters
    ----------
    plan : Plan
    n_rows : int
        Number of rows to train on.
    seed : int
        Seed of the validation set and its scores.
    n_done : int
        Number of finished epochs.
    best : BestSoFar
        Best parameters so far, for early stopping.
    completions : ndarray, optional
        States of the chains for missing values.
    """

    plan: Plan
    n_rows: int
    seed: int
    n_done: int = 0
    best: BestSoFar = field(default_factory=BestSoFar)
    completions: Array | None = None


def asked_to_stop(estimator: Any, callbacks: Any, iteration: int) -> bool:
    """Call a callback, a list of callbacks or None; return whether any asks to stop."""
    asked = False
    for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        try:
            if callback is not None:
                callback(estimator, iteration)
        except StopIteration:
            asked = True
    return asked
