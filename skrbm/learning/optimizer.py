"""The optimizer: from the two phases of a gradient to a change of the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.learning.gradients import Gradient, Phases, Rows
from skrbm.learning.step_statistics import FactoredGrowth, Growth, Probes, Statistics
from skrbm.learning.train_state import TrainState
from skrbm.learning.variance import VarianceGradient
from skrbm.model import RBM

PRIOR_WIDTH = 0.5  # smaller weights are shrunk in proportion to their size, larger ones less
# Shrinkage of several updates is applied at once, since it takes a pass over all weights.
SMALLEST_SHRINKAGE = 0.01


class Pace(NamedTuple):
    """Size and limits of an update.

    Parameters
    ----------
    rate : float
        Step size.
    variance_share : float
        Share of the unexplained variance that counts.
    penalty : float
        Strength of the prior on weights, per row of data.
    variance_floor : float
        Smallest variance given the hidden units, as a share of the variance in the data.
    """

    rate: float
    variance_share: float = 1.0
    penalty: float = 0.0
    variance_floor: float = 1.0


# A training step, which changes the state in place: (state, mini-batch, row weights, pace).
Update = Callable[[Any, Any, Array, Pace], None]


@dataclass(frozen=True)
class CentredOptimizer:
    """Gradient ascent on `E(v, h) = -(v - m)' b - (h - k)' c - (v - m)' W (h - k)`.

    The offsets m and k are close to the means of the data. So the gradient of the weights is a
    covariance, which does not change the biases, and flipping every bit of the data has no effect.
    The offsets are moving averages of *data* means; with model means they diverge. A step in the
    centred parameters is written here as the equivalent step in the ordinary ones.

    Parameters
    ----------
    sliding_factor : float
        Weight of the newest mini-batch in the moving averages.
    largest_step : float
        Maximum Kullback-Leibler divergence, in nats, between the models before and after a step, to
        second order. Longer steps are shortened. No limit by default.
    variance : VarianceGradient, optional
        Learns the variances of Gaussian visible units.

    References
    ----------
    S. Amari, "Natural gradient works efficiently in learning", Neural Computation 10(2), 1998. J.
    Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines", Journal of Machine
    Learning Research 17(99), 2016.
    """

    sliding_factor: float = 0.01
    largest_step: float = math.inf
    variance: VarianceGradient | None = None

    def step(self, state: TrainState, phases: Phases, pace: Pace) -> None:
        """Move the parameters and offsets, in place, along the gradient of the two phases."""
        statistics = self.statistics(state, phases, pace.rate)
        if self._is_limited or self.variance is not None:  # these need the growth of the weights
            statistics = statistics.formed()
        self.apply(state, statistics, pace)

    def statistics(self, state: TrainState, phases: Phases, rate: float) -> Statistics:
        """The sums for a step, with the current parameters and offsets.

        With `x_r = rate weights_r (h_r - k)` the weights grow by `sum_r (v_r - m) x_r`. The biases
        grow by the growth of the centred biases, minus the product of the weights' growth and the
        offsets. Each layer divides its side by the Fisher information of its biases. If weights
        have a structure, only their growth within it counts: it must be formed first.
        """
        rbm, m, k = state.model, state.visible_offset, state.hidden_offset
        in_biases = (m, k) if rbm.weights.is_complete else (0 * m, 0 * k)
        rate = 1.0 if self._is_limited else rate
        *sparse, dense = phases.parts
        v = dense.visible - m
        x, of_visible = _factors(rbm, dense, k, in_biases[1], rate)
        growths = []
        for rows in sparse:  # they stay sparse: the offset enters as one extra row -m
            sparse_x, of_sparse = _factors(rbm, rows, k, in_biases[1], rate)
            of_hidden = -(rows.visible @ in_biases[0])
            growths.append(_growth(rbm, rows.visible, sparse_x, of_sparse, of_hidden))
            v = arrays.concat([v, -m[None]])
            x = arrays.concat([x, sparse_x.sum(axis=0, keepdims=True)])
            of_visible = arrays.concat([of_visible, of_sparse.sum(keepdims=True)])
        scaled = rbm.visible.preconditioned(v)
        growths.append(_growth(rbm, scaled, x, of_visible, 1 - scaled @ in_biases[0]))
        moments = None if self.variance is None else (dense.weights @ v, dense.weights @ (v * v))
        probes = Probes.of(phases) if self._is_limited else None
        growth: Growth | FactoredGrowth = reduce(add, growths)
        if not rbm.weights.is_complete:
            growth = growth.formed().absorbed(m, k)
        return Statistics(rate, growth, _data_means(phases), moments, probes, phases.of_means)

    def apply(self, state: TrainState, statistics: Statistics, pace: Pace) -> None:
        """Change the parameters and offsets in place, by the step of these statistics."""
        rbm, m, k = state.model, state.visible_offset, state.hidden_offset
        rate = pace.rate
        if self._is_limited:
            rate = min(rate, (self.largest_step / statistics.divergence(rbm)) ** 0.5)
        growth = statistics.growth
        if rate != statistics.rate:
            growth = growth.formed() * (rate / statistics.rate)
        growth.add_to(rbm)
        state.shrinkage_due += rate * pace.penalty
        if state.shrinkage_due >= SMALLEST_SHRINKAGE:
            _shrink(rbm, min(1.0, state.shrinkage_due), m, k)
            state.shrinkage_due = 0.0
        if self.variance is not None and state.column_variance is not None:
            explained = rbm.weights.row_dots(growth.formed().weights) / rate
            excess = self.variance.excess(rbm, statistics, (m, k), explained)
            excess = pace.variance_share * (1 + excess) - 1
            floor = pace.variance_floor * state.column_variance
            self.variance.step(rbm, floor, m, excess, rate)
        data_v, data_h = statistics.data_means
        state.visible_offset = rbm.weights.offset(arrays.lerp(m, data_v, self.sliding_factor))
        state.hidden_offset = arrays.lerp(k, data_h, self.sliding_factor)

    @property
    def _is_limited(self) -> bool:
        return self.largest_step < math.inf


def rbm_update(gradient: Gradient, optimizer: CentredOptimizer) -> Update:
    """The training step of an RBM, from the formulas."""

    def update(state: TrainState, v: Any, weights: Array, pace: Pace) -> None:
        optimizer.step(state, gradient.phases(state, v, weights), pace)

    return update


def _shrink(rbm: RBM, share: float, m: Array, k: Array) -> None:
    """Shrink the weights, in place; inputs at the offsets m and k do not change."""
    precision = rbm.visible.preconditioned(0 * m + 1)
    change = rbm.weights.map_by_row(
        lambda w, width: -share * w / (1 + w**2 / width), PRIOR_WIDTH**2 * precision
    )
    rbm.visible.add_to_bias(-change.T.input(k))
    rbm.hidden.add_to_bias(-change.input(m))
    rbm.weights.add(change)


def _factors(
    rbm: RBM, rows: Rows, k: Array, k_in_biases: Array, rate: float
) -> tuple[Array, Array]:
    """Factors of every row, for the step of the weights and of the visible biases."""
    weights = rate * rows.weights
    x = rbm.hidden.preconditioned(rows.hidden - k)
    x *= weights[:, None]
    return x, weights - x @ k_in_biases


def _growth(rbm: RBM, v: Any, x: Array, of_visible: Array, of_hidden: Array) -> FactoredGrowth:
    """Growth of the weights `sum_r v_r x_r`, and of the biases with the other two factors."""
    return FactoredGrowth(rbm.weights, ((v, x),), of_visible @ v, of_hidden @ x)


def _data_means(phases: Phases) -> tuple[Array, Array]:
    """Weighted means of the rows of the data."""
    v, h, weights = phases.parts[0]
    n_data = phases.n_data
    return weights[:n_data] @ v[:n_data], weights[:n_data] @ h[:n_data]
