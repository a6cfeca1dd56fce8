"""Likelihoods, all in nats: log Z, exact or estimated, and the pseudo-likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from joblib import Parallel, delayed

from skrbm import _kernels, samplers
from skrbm._kernels import Array, Generator
from skrbm.model import RBM
from skrbm.units import Layer

# Units of the smaller layer whose states form the inner half of the enumeration, and states of
# the outer half that make one task: the inner half stays in cache, a task is worth a thread.
_INNER_UNITS = 9
_OUTER_STATES = 64

_EXACT_TERMS = 2**30  # about a second on two cores


@dataclass(frozen=True)
class LogPartition:
    """log Z in nats.

    Attributes
    ----------
    value : float
    std_error : float
        Standard error of the value, 0 where it is exact.
    method : {"exact", "ais"}
    """

    value: float
    std_error: float
    method: Literal["exact", "ais"]


def log_partition(rbm: RBM, base: Layer, rng: Generator) -> LogPartition:
    """Log Z: exact where that takes about a second, by annealed importance sampling elsewhere.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        The visible layer that annealing starts from.
    rng : Generator
    """
    small, large = sorted((rbm.visible.n_units, rbm.hidden.n_units))
    if small < math.log2(_EXACT_TERMS / large):
        return exact_log_partition(rbm)
    return annealed_log_partition(rbm, base, rng)


def exact_log_partition(rbm: RBM) -> LogPartition:
    """Log Z by enumerating the smaller layer, in float64.

    `Z = sum_h exp(-hidden.energy(h) + visible.log_normalizer(W h))`. The hidden layer is split in
    two, so that the input `W h` of every state is the sum of two tabulated ones. Tasks run on all
    cores; the result does not depend on their number.
    """
    if rbm.hidden.n_units > rbm.visible.n_units:
        rbm = rbm.swap()
    rbm = rbm.astype("float64")
    n_inner = min(_INNER_UNITS, rbm.hidden.n_units // 2)
    inner = rbm.with_hidden(slice(n_inner)).swap()
    outer = rbm.with_hidden(slice(n_inner, None)).swap()
    inner_states = inner.visible.states()
    inner_input = inner.hidden_input(inner_states)
    inner_energy = inner.visible.energy(inner_states)

    def log_sum(start: int, stop: int) -> float:
        states = outer.visible.states(start, stop)
        energy = outer.visible.energy(states)[:, None] + inner_energy
        log_normalizer = rbm.visible.pairwise_log_normalizer(
            outer.hidden_input(states), inner_input
        )
        return _kernels.log_sum_exp(log_normalizer - energy)

    n_outer = 2**outer.visible.n_units
    starts = range(0, n_outer, _OUTER_STATES)
    parallel = Parallel(n_jobs=-1 if len(starts) > 1 else 1, require="sharedmem")
    log_sums = parallel(delayed(log_sum)(i, min(i + _OUTER_STATES, n_outer)) for i in starts)
    return LogPartition(_kernels.log_sum_exp(log_sums), 0.0, "exact")


def annealed_log_partition(
    rbm: RBM, base: Layer, rng: Generator, n_chains: int = 100, n_temperatures: int = 1000
) -> LogPartition:
    """Log Z by annealed importance sampling, from independent units to the model.

    The chains start in the layer `base` beside hidden units without biases, uncoupled, and move to
    the model in equal steps of inverse temperature. The weights average to Z over Z_base, so that
    on the scale of logarithms the estimate is more often too low than too high.

    References
    ----------
    R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief networks", ICML
    2008. R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """
    betas = _kernels.linspace(0.0, 1.0, n_temperatures)
    v = samplers.independent(base, n_chains, rng)
    log_ratio, std_error = _mean_weight(_anneal(rbm, base, v, betas, rng))
    return LogPartition(_log_base(rbm, base) + log_ratio, std_error, "ais")


def reverse_log_partition(
    rbm: RBM, base: Layer, v: Array, rng: Generator, n_temperatures: int = 1000
) -> LogPartition:
    """Log Z by annealing in reverse, from samples v of the model to independent units.

    The weights average to Z_base over Z, so that the estimate is more often too high than too low.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing", AISTATS 2015.
    """
    betas = _kernels.linspace(1.0, 0.0, n_temperatures)
    log_ratio, std_error = _mean_weight(_anneal(rbm, base, v, betas, rng))
    return LogPartition(_log_base(rbm, base) - log_ratio, std_error, "ais")


def _log_base(rbm: RBM, base: Layer) -> float:
    return float(base.log_normalizer(0.0) + rbm.hidden.neutral().log_normalizer(0.0))


def _anneal(rbm: RBM, base: Layer, v: Array, betas: Array, rng: Generator) -> Array:
    """Log-weights of chains that start at v, drawn at the first of the inverse temperatures.

    At every temperature one product `v W` serves both free energies and the next hidden states.
    """
    path = [rbm.interpolate(base, rbm.hidden.neutral(), float(beta)) for beta in betas]
    log_weight = _kernels.zeros((len(v),), "float64")
    for previous, current in pairwise(path):
        coupling = rbm.hidden_input(v)
        x = current.scaled(coupling)
        log_weight += previous.free_energy(v, previous.scaled(coupling))
        log_weight -= current.free_energy(v, x)
        v = current.sample_visible(current.hidden.draw(x, rng), rng)
    return log_weight


def _mean_weight(log_weight: Array) -> tuple[float, float]:
    """Logarithm of the mean weight, and its standard error."""
    n_chains = len(log_weight)
    log_mean = _kernels.log_sum_exp(log_weight) - math.log(n_chains)
    relative_weight = _kernels.exp(log_weight - log_mean)
    return log_mean, float(relative_weight.std(ddof=1) / math.sqrt(n_chains))


def pseudo_log_likelihood(
    rbm: RBM, v: Array, n_flips: int | None = None, rng: Generator | None = None
) -> Array:
    """`sum_i log p(v_i | all other units)` of every row, in float64.

    Each term takes one other value of one unit, which changes the hidden input by a row of W.

    Parameters
    ----------
    rbm : RBM
    v : ndarray of shape (n_rows, n_visible)
    n_flips : int, optional
        Number of columns a row, drawn at random: an unbiased estimate. All of them by default.
    rng : Generator, optional
        Draws the columns; needed with n_flips.
    """
    n_rows, n_visible = v.shape
    n_flips = n_flips or n_visible
    x = rbm.hidden_input(v)
    log_normalizer = rbm.hidden.log_normalizer(x)
    total = _kernels.zeros((n_rows,), "float64")
    for columns in _kernels.column_choices(n_rows, n_visible, n_flips, rng):
        unit = rbm.visible.part(columns[:, None])
        value = _kernels.take_columns(v, columns)
        other = unit.alternative(value)
        change = (other - value) * rbm.weights[columns]
        gap = log_normalizer - rbm.hidden.log_normalizer(x + rbm.scaled(change))
        gap += unit.energy(other) - unit.energy(value)
        total -= _kernels.softplus(-gap)
    return total * (n_visible / n_flips)
