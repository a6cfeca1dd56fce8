"""Whitening: a linear map of standardized columns that makes them uncorrelated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.utils import gen_batches

from skrbm._kernels.devices import Array, to_host
from skrbm._kernels.random import generator
from skrbm._kernels.threads import BLOCK_ROWS

_SHRINKAGES = np.geomspace(1e-4, 1.0, 17)  # smaller ones amplify rounding
_SMALLEST_SHARE = 1e-12
_ZERO = 1e-9  # relative to the largest eigenvalue
_MOST_INCOMPLETE = 1_000  # rows from which correlations are estimated if values are missing
_N_EM_STEPS = 10
_CORRELATED, _COLLINEAR = 0.3, 0.6  # nats per value
_FEW_COLUMNS = 32
_FLAT = -1.0  # excess kurtosis


@dataclass(frozen=True)
class Whitening:
    """A map that makes columns uncorrelated, and figures of their correlations.

    Parameters
    ----------
    matrix : ndarray of float64 of shape (n_columns, n_columns)
        T. Rows times T have columns with their longer tail on the right, so they depend neither on
        the order nor on the sign of the columns of the data.
    gain : float
        Gain over independent columns in the log-likelihood of rows left out, in nats per value. It
        is 0 if independent columns have the largest likelihood.
    kurtosis : float
        Excess kurtosis along the first principal direction: -2 for two points, 0 for a normal
        density.
    """

    matrix: Array
    gain: float
    kurtosis: float

    @property
    def explains_more(self) -> bool:
        """Whether the map explains correlations that hidden units would not explain equally well.

        Hidden units explain weak correlations, and are better features. They also explain the
        correlations of clusters, along which data are flatter than a uniform density.
        """
        enough = _CORRELATED if len(self.matrix) <= _FEW_COLUMNS else _COLLINEAR
        return self.kurtosis > _FLAT and self.gain > enough


def whitening(rows: Any, weights: Array, *, has_missing: bool) -> Whitening:
    """`T = U L^(-1/2)` for the eigenvectors U and eigenvalues L of shrunk correlations.

    The correlations R of standardized columns are shrunk to `(1 - a) R + a`. The shrinkage a
    maximises the likelihood of each row under the normal distribution that is
    estimated from all other rows [1]_. Rows multiplied by T are uncorrelated. If values are
    missing, R is estimated by expectation maximisation from up to 1,000 equally spaced rows, and
    the shrinkage from rows completed by draws.

    Parameters
    ----------
    rows : array, or object that supports slices of rows
        Columns with mean 0, and with variance 1 or 0; NaN marks a missing value.
    weights : ndarray of shape (n_rows,)
        A row of weight two counts as two rows.
    has_missing : bool
        Whether any value is missing.

    Returns
    -------
    Whitening

    References
    ----------
    .. [1] J. Theiler, "The incredible shrinking covariance estimator", SPIE 8391, 2012.
    """
    n = max(1.0, weights.sum())  # the reciprocal of a smaller one may overflow
    if has_missing:
        some = slice(None, None, -(-rows.shape[0] // _MOST_INCOMPLETE))
        rows, weights = to_host(rows[some]).astype(np.float64), weights[some]
        rows, covariance = _completed(rows, weights / weights.sum())
    weights = weights / weights.sum()
    if not has_missing:
        covariance = np.zeros((rows.shape[1],) * 2)
        for x, w in _blocks(rows, weights):
            covariance += (w[:, None] * x).T @ x
    variance, directions = _principal(covariance + np.diag(np.diag(covariance) == 0))
    shrunk = variance.clip(0) + _SHRINKAGES[:, None] * (1 - variance.clip(0))
    share, scores = (1 - _SHRINKAGES[:, None]) / n, -np.log(shrunk).sum(axis=1)
    third, fourth = np.zeros(len(variance)), 0.0
    for x, w in _blocks(rows, weights):
        along = x @ directions
        third += w @ along**3
        fourth += w @ along[:, -1] ** 4
        distance = (1 / shrunk) @ along.T**2
        left = (1 - share * distance).clip(_SMALLEST_SHARE)
        scores -= (distance / left + np.log(left)) @ w
    best = int(scores.argmax())
    gain = (scores[best] - scores[-1]) / 2 / len(variance)  # the largest shrinkage is the last
    matrix = np.where(third < -_ZERO, -directions, directions) * shrunk[best] ** -0.5
    return Whitening(matrix, float(gain), float(fourth / variance[-1] ** 2 - 3))


def _principal(covariance: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors; rounding does not affect the basis of the null space."""
    variance, directions = np.linalg.eigh(covariance)
    null = directions[:, variance < _ZERO * variance[-1]]
    if null.shape[1] > 1:
        directions[:, : null.shape[1]] = linalg.qr(null @ null.T, pivoting=True)[0][
            :, : null.shape[1]
        ]
    return variance, directions


def _blocks(rows: Any, weights: Array) -> Iterator[tuple[Array, Array]]:
    for block in gen_batches(rows.shape[0], BLOCK_ROWS):
        yield to_host(rows[block]).astype(np.float64), weights[block]


def _completed(x: Array, share: Array) -> tuple[Array, Array]:
    """Draws of missing values given the others, and the covariance of all, by EM.

    One row of independent columns with variance 1 is added, so that the covariance is regular.
    """
    n_rows, n_columns = x.shape
    patterns, pattern = np.unique(np.isnan(x), axis=0, return_inverse=True)
    groups = [(np.flatnonzero(pattern.ravel() == i), patterns[i]) for i in range(len(patterns))]
    groups = [(rows, gap) for rows, gap in groups if gap.any()]
    covariance, filled, rng = np.eye(n_columns), np.nan_to_num(x), generator(0)
    drawn = filled.copy()
    for step in range(_N_EM_STEPS):
        total = np.eye(n_columns) / n_rows
        for rows, gap in groups:
            slope = np.linalg.solve(covariance[~gap][:, ~gap], covariance[~gap][:, gap])
            left = covariance[gap][:, gap] - covariance[gap][:, ~gap] @ slope
            filled[np.ix_(rows, gap)] = x[np.ix_(rows, ~gap)] @ slope
            total[np.ix_(gap, gap)] += share[rows].sum() * left
            if step == _N_EM_STEPS - 1:
                root = np.linalg.cholesky(left + _SMALLEST_SHARE * np.eye(len(left)))
                drawn[np.ix_(rows, gap)] = filled[np.ix_(rows, gap)]
                drawn[np.ix_(rows, gap)] += rng.normal(size=(len(rows), len(left))) @ root.T
        covariance = (total + (share[:, None] * filled).T @ filled) / (1 + 1 / n_rows)
    return drawn, covariance
