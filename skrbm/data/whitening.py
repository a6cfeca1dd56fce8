"""Whitening: a linear map of standardized columns that makes them uncorrelated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skrbm._kernels.devices import Array, to_host
from skrbm._kernels.threads import BLOCK_ROWS

_SMALLEST_SHARE = 1e-12
_SHRINKAGES = np.geomspace(1e-6, 1.0, 25)


def whitening(rows: Any, weights: Array) -> Array | None:
    """`T = ((1 - a) R + a)^(-1/2)` for the correlations R of standardized columns.

    The shrinkage a maximises the likelihood of each row under the normal distribution that is
    estimated from all other rows. Rows multiplied by T are uncorrelated.

    Parameters
    ----------
    rows : array, or object that supports slices of rows
        Columns with mean 0, and with variance 1 or 0.
    weights : ndarray of shape (n_rows,)
        A row of weight two counts as two rows.

    Returns
    -------
    T : ndarray of float64 of shape (n_columns, n_columns), or None
        None if independent columns have the largest likelihood. T is symmetric, so the map depends
        neither on the order nor on the sign of columns.

    References
    ----------
    J. Theiler, "The incredible shrinking covariance estimator", SPIE 8391, 2012.
    """
    n, covariance = weights.sum(), np.zeros((rows.shape[1],) * 2)
    weights = weights / n
    for x, w in _blocks(rows, weights):
        covariance = covariance + (w[:, None] * x).T @ x
    variance, directions = np.linalg.eigh(covariance + np.diag(np.diag(covariance) == 0))
    shrunk = variance.clip(0) + _SHRINKAGES[:, None] * (1 - variance.clip(0))
    share, scores = (1 - _SHRINKAGES[:, None]) / n, np.zeros(len(_SHRINKAGES))
    for x, w in _blocks(rows, weights):
        distance = (1 / shrunk) @ (x @ directions).T ** 2
        left = (1 - share * distance).clip(_SMALLEST_SHARE)
        scores -= (distance / left + np.log(left)) @ w
    scores -= np.log(shrunk).sum(axis=1)
    best = int(scores.argmax())
    if _SHRINKAGES[best] == 1:
        return None
    return (directions * shrunk[best] ** -0.5) @ directions.T


def _blocks(rows: Any, weights: Array) -> Iterator[tuple[Array, Array]]:
    for block in gen_batches(rows.shape[0], BLOCK_ROWS):
        yield to_host(rows[block]).astype(np.float64), weights[block]
