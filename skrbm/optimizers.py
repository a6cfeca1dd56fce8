"""Optimizers: what a step does with the two phases of a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from skrbm import _kernels
from skrbm._kernels import Array
from skrbm.gradients import SPARE_ROWS, Phases, Rows
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
        m, k = self.visible_offset, self.hidden_offset
        dv, dh, centring_v, centring_h = (0 * x for x in (m, k, m, k))
        for v, h, weights in map(_states, phases.parts):
            dv += weights @ v
            dh += weights @ h
            centring_v += (weights * (h @ k)) @ v
            centring_h += (weights * (v @ m)) @ h
        data_v, data_h = _data_means(phases)
        rbm.visible.bias[...] += rate * ((1 + k @ k) * dv + (dh @ k) * m - centring_v)
        rbm.hidden.bias[...] += rate * ((1 + m @ m) * dh + (dv @ m) * k - centring_h)
        *sparse, last = phases.parts
        for rows in sparse:
            weighted = _kernels.weighted_rows(rows.hidden, rate * rows.weights, n_spare=0)
            _kernels.addmm(rbm.weights, rows.visible, weighted)
        weighted = _kernels.weighted_rows(last.hidden, rate * last.weights, n_spare=SPARE_ROWS)
        last.visible[-2], weighted[-2] = dv, -rate * k
        last.visible[-1], weighted[-1] = m, -rate * dh
        _kernels.addmm(rbm.weights, last.visible, weighted)
        self.visible_offset = m + self.sliding_factor * (data_v - m)
        self.hidden_offset = k + self.sliding_factor * (data_h - k)


def _states(rows: Rows) -> Rows:
    """The rows without the room below them."""
    return rows._replace(visible=rows.visible[: len(rows.weights)])


def _data_means(phases: Phases) -> tuple[Array, Array]:
    """Weighted means of the data's rows."""
    v, h, weights = phases.parts[0]
    n_data = phases.n_data
    return weights[:n_data] @ v[:n_data], weights[:n_data] @ h[:n_data]
