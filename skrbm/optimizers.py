"""Optimizers: what a step does with the two phases of a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from skrbm import _kernels
from skrbm._kernels import Array
from skrbm.gradients import Phase
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
    """Gradient ascent on `E(v, h) = -(v - m)' b - (h - l)' c - (v - m)' W (h - l)`.

    With the offsets m and l near the data's means, the weights' gradient is a covariance and no
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

    def step(self, rbm: RBM, data: Phase, model: Phase, rate: float) -> None:
        """Move the parameters of rbm, in place, along the gradient of the two phases."""
        self.visible_offset = self._slide(self.visible_offset, data.weights @ data.visible)
        self.hidden_offset = self._slide(self.hidden_offset, data.weights @ data.hidden)
        for phase, step in ((data, rate), (model, -rate)):
            v = phase.visible - self.visible_offset
            h = phase.hidden - self.hidden_offset
            h *= phase.weights[:, None]
            _kernels.addmm(rbm.weights, v, h, step)
            rbm.visible.bias[...] += step * ((phase.weights - h @ self.hidden_offset) @ v)
            rbm.hidden.bias[...] += step * ((1 - v @ self.visible_offset) @ h)

    def _slide(self, offset: Array, mean: Array) -> Array:
        return offset + self.sliding_factor * (mean - offset)
