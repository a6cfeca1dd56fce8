"""Ridge regression whose penalty maximises the evidence, for many targets at once."""

from __future__ import annotations

import numpy as np

from skrbm._kernels.devices import Array

_PENALTIES = np.logspace(-3, 5, 33)
_LEAST_SHARE = 1e-9  # of the squares that a fit may leave, so that its logarithm is finite


def ridge(X: Array, Y: Array, weights: Array) -> tuple[Array, Array]:
    r"""Coefficients and intercepts of the posterior mean of linear regressions.

    .. math::

        y \sim N(X u + a, s^2), \qquad u \sim N(0, s^2 / \alpha), \qquad
        \log p(y | \alpha) = -\frac n 2 \log R(\alpha)
        - \frac 1 2 \sum_i \log(1 + e_i / \alpha) + c.

    R is the smallest value of :math:`|y - X u - a|^2 + \alpha |u|^2`, and :math:`e_i` are the
    eigenvalues of X'X. The penalty with the largest :math:`\log p(y | \alpha)` is chosen for each
    target. A row of weight two counts as two rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    Y : ndarray of shape (n_rows, n_targets)
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    coefficients : ndarray of float64 of shape (n_columns, n_targets)
    intercepts : ndarray of float64 of shape (n_targets,)
    """
    n, shares = weights.sum(), weights / weights.sum()
    mean_X, mean_Y = shares @ X, shares @ Y
    X, Y = X - mean_X, Y - mean_Y
    weighted = (X * shares[:, None]).T  # sums of squares per unit of weight
    eigenvalues, vectors = np.linalg.eigh(weighted @ X)
    eigenvalues, product = eigenvalues.clip(0), vectors.T @ (weighted @ Y)
    penalties = _PENALTIES[:, None] / n
    total = shares @ Y**2
    explained = (1 / (eigenvalues + penalties)) @ product**2
    left = np.maximum(total - explained, _LEAST_SHARE * total + np.finfo(total.dtype).tiny)
    volume = np.log1p(eigenvalues / penalties).sum(axis=1)
    best = np.argmax(-n * np.log(left) - volume[:, None], axis=0)
    coefficients = vectors @ (product / (eigenvalues[:, None] + penalties[best, 0]))
    return coefficients, mean_Y - mean_X @ coefficients
