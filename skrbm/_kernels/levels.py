"""Segments of columns for ordered levels, one column per step between two levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from skrbm._kernels.devices import Array


@dataclass(frozen=True)
class Levels:
    """Arrays that depend only on the numbers of levels of some units.

    Parameters
    ----------
    widths : tuple of int
        Number of columns of each unit.
    heights : ndarray of shape (n_columns,)
        Values of the columns above a step.
    steps : ndarray of int of shape (n_columns,)
        Index of each step within its unit.
    missing : ndarray of bool of shape (n_units, most_levels) or None
        Levels that a unit does not have; None if all have the same number.
    rising : ndarray of shape (most_levels - 1, most_levels)
        Whether each level is above each step. Products with it are faster than cumulative sums.
    """

    widths: tuple[int, ...]
    heights: Array
    steps: Array
    missing: Array | None
    rising: Array


@lru_cache(maxsize=64)
def levels_of(n_levels: tuple[int, ...]) -> Levels:
    """The columns of units with these numbers of levels."""
    n = np.array(n_levels, np.intp)
    widths = n - 1
    heights = np.repeat(np.sqrt(2 / n), widths)
    steps = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
    most = n.max(initial=1)
    missing = np.arange(most) >= n[:, None]
    rising = np.tri(most, most - 1, -1).T
    return Levels(
        tuple(widths.tolist()), heights, steps, missing if missing.any() else None, rising
    )
