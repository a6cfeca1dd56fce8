"""Optimizers: what a step does with the two phases of a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from skrbm import _kernels
from skrbm._kernels import Array
from skrbm.gradients import SPARE_ROWS, Phases
from skrbm.model import RBM

# From the fraction of the training that is done, in [0, 1), to a step size.
Schedule = Callable[[float], float]


def constant(rate: float) -> Schedule:
    """The rate throughout: for training whose end is not known."""
    return lambda progress: rate


def linear_decay(rate: float) -> Schedule:
    """From the rate down to zero: the noise of the last steps averages out."""
    return lambda progress: rate * (1 - progress)


@dataclass
class CentredGradient:
    """Gradient ascent on `E(v, h) = -(v - m)' b - (h - k)' c - (v - m)' W (h - k)`.

    With the offsets m and k near the data's means, the weights' gradient is a covariance and no
    longer drives the biases, and flipping every bit of the data changes nothing. The offsets are
    moving averages of *data* means; with the model's own they diverge. A step in the centred
    parameters is written here as the step of the ordinary ones that it amounts to.

    Parameters
    ----------
    visible_offset : ndarray of shape (n_visible,)
    hidden_offset : ndarray of shape (n_hidden,)
    sliding_factor : float
        Weight of the newest mini-batch in the moving averages.

    References
    ----------
    J. Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines", Journal of
    Machine Learning Research 17(99), 2016.
    """

    visible_offset: Array
    hidden_offset: Array
    sliding_factor: float = 0.01

    def step(self, rbm: RBM, phases: Phases, rate: float) -> None:
        """Move the parameters of rbm, in place, along the gradient of the two phases.

        As the weights of all rows sum to zero, the weights' gradient is
        `sum_r weights_r v_r h_r - dv k - m dh`, where dv and dh are the uncentred gradients of the
        biases: one product of the states with two rows added.
        """
        n_rows = len(phases.weights)
        v, h = phases.visible[:n_rows], phases.hidden
        m, k = self.visible_offset, self.hidden_offset
        weights = rate * phases.weights
        dv, dh = weights @ v, weights @ h
        data = slice(phases.n_data)
        data_v, data_h = phases.weights[data] @ v[data], phases.weights[data] @ h[data]
        rbm.visible.bias[...] += (1 + k @ k) * dv + (dh @ k) * m - (weights * (h @ k)) @ v
        rbm.hidden.bias[...] += (1 + m @ m) * dh + (dv @ m) * k - (weights * (v @ m)) @ h
        weighted = _kernels.weighted_rows(h, weights, n_spare=SPARE_ROWS)
        phases.visible[n_rows], weighted[n_rows] = dv, -k
        phases.visible[n_rows + 1], weighted[n_rows + 1] = m, -dh
        _kernels.addmm(rbm.weights, phases.visible, weighted)
        self.visible_offset = m + self.sliding_factor * (data_v - m)
        self.hidden_offset = k + self.sliding_factor * (data_h - k)
