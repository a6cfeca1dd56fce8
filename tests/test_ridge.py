"""The ridge regression of output layers, and the units of targets."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from skrbm.data.targets import TargetScale
from skrbm.learning.ridge import ridge


def _rows(n, d, noise, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * rng.uniform(0.1, 2, d) + 3
    return X, X @ rng.normal(size=(d, 2)) + noise * rng.normal(size=(n, 2)) - 5


def _log_evidence(X, y, penalty):
    """Of centred data, with the most probable noise, by the density of all targets at once.

    The mean takes one of the n directions.
    """
    n = len(y)
    X, y = X - X.mean(axis=0), y - y.mean()
    covariance = np.eye(n) + X @ X.T / penalty
    noise = y @ np.linalg.solve(covariance, y) / n
    return multivariate_normal(np.zeros(n), noise * covariance).logpdf(y)


@pytest.mark.parametrize("noise", [0.01, 1, 100])
def test_penalty_maximises_the_evidence(noise):
    """Against the density of the targets. Fails if a factor or a term of the evidence is wrong."""
    X, Y = _rows(40, 6, noise)
    coefficients, intercepts = ridge(X, Y, np.ones(40))
    for k in range(2):
        grid = np.logspace(-3, 5, 33)
        best = grid[np.argmax([_log_evidence(X, Y[:, k], penalty) for penalty in grid])]
        centred = X - X.mean(axis=0)
        expected = np.linalg.solve(
            centred.T @ centred + best * np.eye(6), centred.T @ (Y[:, k] - Y[:, k].mean())
        )
        np.testing.assert_allclose(coefficients[:, k], expected, rtol=1e-6, atol=1e-9)
        assert np.isclose(Y[:, k].mean(), X.mean(axis=0) @ expected + intercepts[k])


def test_a_weight_is_a_number_of_rows():
    """Fails if the evidence counts rows instead of their weights."""
    X, Y = _rows(15, 4, 3)
    weights = np.random.default_rng(0).integers(1, 5, 15)
    repeated = (np.repeat(part, weights, axis=0) for part in (X, Y, np.ones(15)))
    for of_weights, of_copies in zip(ridge(X, Y, weights), ridge(*repeated), strict=True):
        np.testing.assert_allclose(of_weights, of_copies, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e-50, 1, 1e300])
def test_extreme_weights_and_degenerate_rows_are_finite(scale):
    """Fails with a warning if a logarithm or a quotient is not finite."""
    X, Y = _rows(3, 5, 1)
    for rows in (X, np.zeros_like(X)):
        for targets in (Y, np.zeros_like(Y)):
            for n in (1, 3):
                for part in ridge(rows[:n], targets[:n], np.full(n, scale)):
                    assert np.isfinite(part).all()


@pytest.mark.parametrize("factor", [1e-300, 1, 1e307])
def test_targets_have_mean_zero_and_variance_one(factor):
    """With weights. Fails if squares overflow, or weights are left out."""
    y = np.array([[1.0, 7], [2, 7], [4, 7]]) * factor
    weights = np.array([1.0, 2, 1])
    scale, z = TargetScale.standardized(y, weights)
    np.testing.assert_allclose(weights @ z, 0, atol=1e-12)
    np.testing.assert_allclose(weights @ z**2 / 4, [1, 0], atol=1e-12)
    np.testing.assert_allclose(scale.to_data(z), y, rtol=1e-12)
    np.testing.assert_allclose(scale.scale[0], np.sqrt(1.1875) * factor, rtol=1e-12)
    assert scale.scale[1] == 1


def test_predictions_have_the_precision_of_the_targets():
    """Fails if float32 predictions lose digits of float64 targets, or float32 ones gain some."""
    for dtype, expected in ((np.float32, np.float32), (np.float64, np.float64), (int, np.float64)):
        scale, z = TargetScale.standardized(np.array([1, 2, 4], dtype), np.ones(3))
        assert scale.to_data(z.astype(np.float32)).dtype == expected
