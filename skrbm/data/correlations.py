"""Variances and correlations of the columns of weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, to_host

_MOST_ROWS, _MOST_VALUES = 1_000, 2**17
_FEWEST_ROWS = 100
_SMALLEST_VARIANCE = 1e-20


def variance_and_square_correlation(rows: Any, weights: Array) -> tuple[float, float]:
    """Sum of the variances of all columns, and mean of `r_ij^2` over pairs that vary.

    The mean is at least 0, after subtracting its value by chance: n rows of independent columns
    have a mean of `1 / n`. Both are estimated from up to 1,000 equally spaced rows.

    Parameters
    ----------
    rows : {array, CSR matrix, object that supports slices of rows}
        NaN marks a missing value.
    weights : ndarray of shape (n_rows,)
    """
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_VALUES // rows.shape[1]))
    some = slice(None, None, -(-rows.shape[0] // most))
    weights = weights[some]
    n = weights.sum()
    z, seen, variance = _standardized(to_host(to_dense(rows[some])), weights / n)
    if z.shape[1] < 2:
        return variance, 0.0
    products = z.T @ z if z.shape[1] <= len(z) else z @ z.T  # the sums of their squares are equal
    of_pairs = (products**2).sum() - ((z**2).sum(axis=0) ** 2).sum()
    n_pairs = z.shape[1] * (z.shape[1] - 1)
    by_chance = (1 / seen.mean()) ** 2 / n
    return variance, max(0.0, float(of_pairs / n_pairs - by_chance))


def _standardized(x: Array, share: Array) -> tuple[Array, Array, float]:
    """Columns that vary, so that their products are correlations, and their observed shares.

    Missing values count as the mean; the columns are scaled up to compensate. The last result is
    the sum of the variances.
    """
    x = x.astype(np.float64)
    missing = np.isnan(x)
    seen = share @ ~missing
    x[missing] = 0
    smallest = _SMALLEST_VARIANCE * (x**2).max(axis=0)  # larger than the rounding of a mean
    x -= share @ x / np.where(seen > 0, seen, 1)
    x[missing] = 0
    variance = share @ x**2
    varies = variance > smallest
    z = np.sqrt(share)[:, None] * x[:, varies] / np.sqrt(variance[varies] * seen[varies])
    return z, seen[varies], float((variance[varies] / seen[varies]).sum())
