"""Convergence diagnostics for a scalar that is recorded at every step of several chains."""

from __future__ import annotations

import math

import numpy as np

from skrbm._kernels.devices import Array

_WINDOW = 5  # width of the summation window, in autocorrelation times


def split_r_hat(x: Array) -> float:
    """Compute split R-hat, `sqrt(((n - 1) / n W + B / n) / W)`, which is about 1 if chains mix.

    Every chain is split into halves of n draws. W is the mean variance within halves, and B / n is
    the variance of their means. If the result exceeds a threshold, usually 1.01 or 1.1, the chains
    still depend on their starts.

    Parameters
    ----------
    x : array-like of shape (n_draws, n_chains)

    Returns
    -------
    r_hat : float

    References
    ----------
    A. Gelman et al., "Bayesian Data Analysis", third edition, section 11.4, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm.diagnostics import split_r_hat
    >>> x = np.random.default_rng(0).normal(size=(1000, 4))
    >>> round(split_r_hat(x), 2), round(split_r_hat(x + [0, 0, 0, 9]), 1)
    (1.0, 4.3)
    """
    x = np.asarray(x, dtype=np.float64)
    n = len(x) // 2
    halves = np.hstack([x[:n], x[n : 2 * n]])
    within = halves.var(axis=0, ddof=1).mean()
    between = halves.mean(axis=0).var(ddof=1)
    return math.sqrt((n - 1) / n + between / within)


def integrated_autocorrelation_time(x: Array, *, mean: float | None = None) -> float:
    """Compute `1 + 2 sum_t rho_t`: the number of steps that are worth one independent draw.

    The autocorrelations rho_t are averaged over the chains. They are summed over the shortest
    window that is at least five times the result.

    Parameters
    ----------
    x : array-like of shape (n_draws, n_chains)
    mean : float, optional
        Expected value of all draws, by default the mean of each chain. With a common mean, chains
        that stay in different places count as autocorrelated, however short they are.

    Returns
    -------
    time : float
        In steps. It is unreliable if it exceeds one fiftieth of the number of draws.

    References
    ----------
    A. Sokal, "Monte Carlo methods in statistical mechanics: foundations and new algorithms",
    in Functional Integration, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm.diagnostics import integrated_autocorrelation_time
    >>> x = np.random.default_rng(0).normal(size=(1000, 4))
    >>> 0.8 < integrated_autocorrelation_time(x) < 1.2
    True
    """
    x = np.asarray(x, dtype=np.float64)
    n = len(x)
    spectrum = np.fft.rfft(x - (x.mean(axis=0) if mean is None else mean), 2 * n, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:n].mean(axis=1)
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    wide_enough = np.arange(n) >= _WINDOW * times
    return float(times[np.argmax(wide_enough)] if wide_enough.any() else times[-1])
