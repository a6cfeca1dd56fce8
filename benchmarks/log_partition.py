"""Exact log Z: `python -m benchmarks.log_partition` times it and compares it with enumeration."""

from __future__ import annotations

import time

import numpy as np
from scipy.special import logsumexp

from skrbm import _kernels
from skrbm.likelihood import exact_log_partition
from skrbm.model import RBM
from skrbm.units import Bernoulli


def random_rbm(n_visible: int, n_hidden: int, scale: float) -> RBM:
    """Draw a model with normal parameters, in float32 as after training on such data."""
    rng = np.random.default_rng(0)
    b, c, w = (
        rng.normal(scale=scale, size=s) for s in (n_visible, n_hidden, (n_visible, n_hidden))
    )
    return RBM(Bernoulli(b), Bernoulli(c), w).astype(np.float32)


def plain_log_partition(rbm: RBM) -> float:
    """Sum over all hidden states as the formula says, in float64."""
    rbm = rbm.astype(np.float64)
    h = _kernels.binary_states(rbm.hidden.n_units)
    total = np.logaddexp(0, h @ rbm.weights.T + rbm.visible.bias).sum(axis=1)
    return float(logsumexp(h @ rbm.hidden.bias + total))


def main() -> None:
    """Print sizes, seconds, and the relative error where plain enumeration is feasible."""
    for n_visible, n_hidden, scale in [
        (784, 12, 0.3),
        (20, 14, 1.0),
        (20, 14, 100.0),
        (784, 20, 0.3),
        (784, 20, 30.0),
        (784, 25, 0.3),
    ]:
        rbm = random_rbm(n_visible, n_hidden, scale)
        begin = time.perf_counter()
        value = exact_log_partition(rbm).value
        line = f"{n_visible:4d} x {n_hidden:2d}, weights of {scale:g}: log Z = {value:.6f}"
        line += f" in {time.perf_counter() - begin:.2f} s"
        if n_hidden <= 14:
            expected = plain_log_partition(rbm)
            line += f", relative error {abs(value / expected - 1):.1e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
