"""Diagnostics of chains whose autocorrelation is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from skrbm.diagnostics import integrated_autocorrelation_time, split_r_hat


def _autoregressive(coefficient, n_draws=50_000, n_chains=8):
    """Stationary chains `x_t = coefficient x_(t-1) + noise`."""
    noise = np.random.default_rng(0).normal(size=(n_draws, n_chains))
    noise[0] /= np.sqrt(1 - coefficient**2)
    return lfilter([1.0], [1.0, -coefficient], noise, axis=0)


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_autoregressive_chains(coefficient):
    """Fails if the sum is one-sided. It is (1 + a) / (1 - a), to ten per cent at this length."""
    time = integrated_autocorrelation_time(_autoregressive(coefficient))
    assert time == pytest.approx((1 + coefficient) / (1 - coefficient), rel=0.1)


def test_r_hat_detects_chains_that_differ_or_drift():
    """Fails if chains are not split: all drifting chains are alike."""
    x = _autoregressive(0.5)
    assert split_r_hat(x) == pytest.approx(1, abs=0.005)
    assert split_r_hat(x + np.arange(8)) > 1.5
    assert split_r_hat(x + np.linspace(0, 5, len(x))[:, None]) > 1.2


def test_r_hat_is_the_ratio_of_variances():
    """Fails if B is not divided by n. Between means of -1 and 1, around which chains vary by 1."""
    x = np.tile([[1.0], [-1.0]], (100, 4)) + np.array([1, -1, 1, -1])
    within, between = 100 / 99, 8 / 7
    assert split_r_hat(x) == pytest.approx(np.sqrt(99 / 100 + between / within))
