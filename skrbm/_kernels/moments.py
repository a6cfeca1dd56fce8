"""Moments of the columns of data, by numpy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array, to_host
from skrbm._kernels.threads import in_threads

_BLOCK = 2**17  # elements looked at at once, which stay in cache


def column_moments(x: Any, weights: Array) -> tuple[Array, Array, Array]:
    """Mean, variance and third central moment of every column of weighted rows, in float64.

    Of the rows that have a value there, and not NaN. x is an array, or what slices of rows can be
    taken from. In one pass over blocks of rows, a quarter of the time of scikit-learn's two: powers
    are summed around a block's own mean, and its distance from the mean of all is accounted for
    afterwards. Columns are taken relative to their first value: so the variance of a constant one
    is zero.
    """
    n = max(1, _BLOCK // x.shape[1])
    starts = range(0, x.shape[0], n)
    first = _first_values((to_host(x[start : start + n]) for start in starts), x.shape[1])
    shares = weights / weights.sum()

    def of_block(start: int) -> tuple[Array, Array, Array, Array]:
        share = shares[start : start + n]
        u = np.subtract(to_host(x[start : start + n]), first, dtype=np.float64)
        total, mean = np.full(u.shape[1], share.sum()), share @ u
        missing = np.isnan(u) if np.isnan(mean).any() else None
        if missing is not None:
            u[missing] = 0
            total, mean = share @ ~missing, share @ u
        mean /= np.where(total > 0, total, 1)
        u -= mean
        if missing is not None:
            u[missing] = 0
        power = u * u
        second = share @ power
        power *= u
        return total, mean, second, share @ power

    of_blocks = in_threads(of_block, starts)
    total, means, second, third = map(np.stack, zip(*of_blocks, strict=True))
    seen = total.sum(axis=0)
    seen[seen == 0] = 1
    mean = (total * means).sum(axis=0) / seen
    distance = means - mean
    spread = total * distance**2
    third += distance * (3 * second + spread)
    return first + mean, (second + spread).sum(axis=0) / seen, third.sum(axis=0) / seen


def _first_values(blocks: Iterable[Array], n_columns: int) -> Array:
    """The first value of every column that is not NaN, in float64; 0 where there is none."""
    values = np.full(n_columns, np.nan)
    for x in blocks:
        missing = np.isnan(values)
        if not missing.any():
            break
        x = x[:, missing]
        first = np.isnan(x).argmin(axis=0)
        values[missing] = np.take_along_axis(x, first[None], axis=0)[0]
    return np.nan_to_num(values)
