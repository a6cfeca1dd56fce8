"""Correlations of the columns of weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, to_host

_MOST_ROWS, _MOST_VALUES = 1_000, 2**17
_FEWEST_ROWS = 100
_SMALLEST_VARIANCE = 1e-20


def mean_square_correlation(rows: Any, weights: Array) -> float:
    """Mean of `r_ij^2` over pairs of columns that vary, minus its value by chance; at least 0.

    It is estimated from up to 1,000 equally spaced rows. n rows of independent columns have a mean
    of `1 / n` by chance.

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
    z, seen = _standardized(to_host(to_dense(rows[some])), weights / n)
    if z.shape[1] < 2:
        return 0.0
    products = z.T @ z if z.shape[1] <= len(z) else z @ z.T  # the sums of their squares are equal
    of_pairs = (products**2).sum() - ((z**2).sum(axis=0) ** 2).sum()
    n_pairs = z.shape[1] * (z.shape[1] - 1)
    by_chance = (1 / seen.mean()) ** 2 / n
    return max(0.0, float(of_pairs / n_pairs - by_chance))


def _standardized(x: Array, share: Array) -> tuple[Array, Array]:
    """Columns that vary, so that their products are correlations, and their observed shares.

    Missing values count as the mean; the columns are scaled up for it.
    """
    x = x.astype(np.float64)
    missing = np.isnan(x)
    seen = share @ ~missing
    x[missing] = 0
    x -= share @ x / np.where(seen > 0, seen, 1)
    x[missing] = 0
    variance = share @ x**2
    varies = variance > _SMALLEST_VARIANCE * (x**2).max(axis=0)
    z = np.sqrt(share)[:, None] * x[:, varies] / np.sqrt(variance[varies] * seen[varies])
    return z, seen[varies]
