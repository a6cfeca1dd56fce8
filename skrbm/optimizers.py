"""Optimizers: what a step does with the two phases of a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from skrbm import _kernels
from skrbm._kernels import Array
from skrbm.gradients import Phases, Rows
from skrbm.model import RBM

_VANISHED = 1e-20

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

        With `x_r = rate weights_r (h_r - k)` the weights grow by `sum_r (v_r - m) x_r`, and the
        biases by what the centred ones do, less what the weights' growth makes of the offsets.
        """
        m, k = self.visible_offset, self.hidden_offset
        *sparse, dense = phases.parts
        v = dense.visible - m
        x, of_visible = _factors(dense, k, rate)
        for rows in sparse:  # which stay so: a row -m, with all their factors, is added for them
            sparse_x, of_sparse = _factors(rows, k, rate)
            _add(rbm, rows.visible, sparse_x, of_sparse, -(rows.visible @ m))
            v = _kernels.rows(v, -m[None])
            x = _kernels.rows(x, sparse_x.sum(axis=0, keepdims=True))
            of_visible = _kernels.rows(of_visible, of_sparse.sum(keepdims=True))
        _add(rbm, v, x, of_visible, 1 - v @ m)
        data_v, data_h = _data_means(phases)
        self.visible_offset = self._moved(m, data_v)
        self.hidden_offset = self._moved(k, data_h)

    def _moved(self, offset: Array, mean: Array) -> Array:
        """The moving average; exactly 0 where it vanishes, since subnormal numbers are slow."""
        offset = offset + self.sliding_factor * (mean - offset)
        return offset * (abs(offset) > _VANISHED)


def _factors(rows: Rows, k: Array, rate: float) -> tuple[Array, Array]:
    """What every row is multiplied with: in the weights' step, and in the visible biases'."""
    weights = rate * rows.weights
    x = rows.hidden - k
    x *= weights[:, None]
    return x, weights - x @ k


def _add(rbm: RBM, v: Array, x: Array, of_visible: Array, of_hidden: Array) -> None:
    """Add `sum_r v_r x_r` to the weights, `sum_r of_visible_r v_r` to the visible biases, ..."""
    b, c = rbm.visible.bias, rbm.hidden.bias
    b += of_visible @ v
    c += of_hidden @ x
    _kernels.addmm(rbm.weights, v, x)


def _data_means(phases: Phases) -> tuple[Array, Array]:
    """Weighted means of the data's rows."""
    v, h, weights = phases.parts[0]
    n_data = phases.n_data
    return weights[:n_data] @ v[:n_data], weights[:n_data] @ h[:n_data]
