"""Likelihoods, all in nats: log Z, exact or estimated, and the pseudo-likelihood."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import Literal

from skrbm import samplers
from skrbm._kernels import arrays, devices, random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.annealing import (
    Effort,
    Path,
    bennett,
    disagreement,
    equal_divergence,
    log_weights,
    log_weights_of_both,
    mean_weight,
)
from skrbm.model import RBM
from skrbm.samplers import ParallelTempering
from skrbm.units import Layer

# Units of the smaller layer whose states form the inner half of the enumeration, and states of
# the outer half that make one task: the inner half stays in cache, a task is worth a thread.
_INNER_UNITS = 9
_OUTER_STATES = 64

_LOG2_EXACT_TERMS = 30  # about a second on two cores

METHODS = ("auto", "exact", "ais", "bracket", "tempering")
DEFAULT_EFFORT = Effort()
_SHARES = (256, 64, 16, 4, 1)  # of the temperatures, from run to run
_N_STEPS = 500  # of chains, before they are taken to be in equilibrium
_N_TEMPERED = 50  # tempered chains, where there are no others to start from
_N_STRETCHES = 10  # of a run of tempered chains, which tell its standard error
_STEPS_BETWEEN = 5  # of tempered chains, from one look at them to the next
_N_ERRORS = 3.0
_SMALLEST_SAMPLE = 5.0  # chains; with fewer neither a value nor its error means much
_LARGEST_ERROR = 0.2  # nats, of forward annealing: above, few chains carry most of the weight
_LARGEST_DISAGREEMENT = 2.0
_NARROW_BRACKET = 0.5  # nats
_WIDEST_BRACKET = 2.0


@dataclass(frozen=True)
class LogPartition:
    """Log Z in nats.

    Attributes
    ----------
    value : float
    std_error : float
        Standard error of the value, 0 where it is exact.
    lower, upper : float
        Where log Z lies, as far as the chains can tell. Nothing bounds it above for "ais", nor for
        "bracket" where the two directions contradict each other.
    effective_sample_size : float
        Chains that count in a mean weight, the fewer of both directions, or forward where these
        contradict each other; states for "tempering"; infinite where exact.
    method : {"exact", "ais", "bracket", "tempering"}
    """

    value: float
    std_error: float
    lower: float
    upper: float
    effective_sample_size: float
    method: Literal["exact", "ais", "bracket", "tempering"]

    def shifted(self, log_factor: float) -> LogPartition:
        """The same of `exp(log_factor) Z`."""
        return replace(
            self,
            value=self.value + log_factor,
            lower=self.lower + log_factor,
            upper=self.upper + log_factor,
        )

    @property
    def doubt(self) -> str:
        """What makes the value untrustworthy, in words; empty where nothing does."""
        if self.effective_sample_size < _SMALLEST_SAMPLE:
            return f"its effective sample size is {self.effective_sample_size:.1f} chains"
        if self.method == "ais":
            wide = self.std_error > _LARGEST_ERROR
            return f"its standard error is {self.std_error:.2f} nats" if wide else ""
        if math.isinf(self.upper):
            return "chains from the model and back contradict each other"
        if self.upper - self.lower > _WIDEST_BRACKET:
            return f"it may lie anywhere from {self.lower:.2f} to {self.upper:.2f}"
        return ""


def log_partition(
    path: Path,
    rng: Generator,
    method: str = "auto",
    effort: Effort = DEFAULT_EFFORT,
    chains: Array | None = None,
) -> LogPartition:
    """Log Z: exact where that takes about a second, from annealing in both directions elsewhere.

    Parameters
    ----------
    path : Path
        The model, and the independent units that annealing starts from.
    rng : Generator
    method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
        `exact_log_partition`, `annealed_log_partition`, `bracketed_log_partition`,
        `tempered_log_partition`; "auto" is the first or third of these by the size of the model.
    effort : Effort, optional
        Of which "exact" uses n_jobs alone and "tempering" n_chains alone.
    chains : ndarray of shape (n, n_visible), optional
        Visible states near the model's equilibrium; used by "bracket" alone.
    """
    rbm = path.rbm
    if method == "auto":
        mirror = _enumerable_hidden(rbm)
        log2_terms = mirror.hidden.log2_states + math.log2(mirror.visible.n_units)
        method = "exact" if log2_terms < _LOG2_EXACT_TERMS else "bracket"
    if method == "exact":
        return exact_log_partition(rbm, effort.n_jobs)
    if method == "ais":
        return annealed_log_partition(path, rng, effort)
    if method == "tempering":
        return tempered_log_partition(path, rng, replicas(path, effort.n_chains, rng))
    return bracketed_log_partition(path, rng, effort, chains)


def exact_log_partition(rbm: RBM, n_jobs: int | None = None) -> LogPartition:
    """Log Z by enumerating the smaller layer, in float64.

    `Z = sum_h exp(-hidden.energy(h) + visible.log_normalizer(W h))`. The hidden layer is split in
    two: the input `W h` of every state is the sum of two tabulated ones. The result does not
    depend on the number of threads, by default as many as matrix products take.
    """
    rbm = _enumerable_hidden(rbm).in_float64()
    n_inner = min(_INNER_UNITS, rbm.hidden.n_units // 2)
    inner = rbm.with_hidden(slice(n_inner)).swap()
    outer = rbm.with_hidden(slice(n_inner, None)).swap()
    inner_states = inner.visible.states()
    inner_input = inner.hidden_input(inner_states)
    inner_energy = inner.visible.energy(inner_states)

    n_outer = 2**outer.visible.n_units

    def log_sum(start: int) -> float:
        states = outer.visible.states(start, min(start + _OUTER_STATES, n_outer))
        energy = outer.visible.energy(states)[:, None] + inner_energy
        log_normalizer = rbm.visible.pairwise_log_normalizer(
            outer.hidden_input(states), inner_input
        )
        return arrays.log_sum_exp(log_normalizer - energy)

    starts = range(0, n_outer, _OUTER_STATES)
    log_sums = threads.in_threads(log_sum, starts, n_jobs=n_jobs)
    value = arrays.log_sum_exp(log_sums)
    return LogPartition(value, 0.0, value, value, math.inf, "exact")


def _enumerable_hidden(rbm: RBM) -> RBM:
    """The model, swapped where its hidden layer has more states than the visible one."""
    return rbm.swap() if rbm.hidden.log2_states > rbm.visible.log2_states else rbm


def annealed_log_partition(
    path: Path, rng: Generator, effort: Effort = DEFAULT_EFFORT
) -> LogPartition:
    """Log Z by annealed importance sampling, from independent units to the model.

    The weights average to Z over that of the independent units, so that on the scale of logarithms
    the estimate is more often too low than too high. A run with a tenth of the temperatures, which
    are equally spaced, tells where to put all of them: at equal divergence between neighbours.

    References
    ----------
    R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief networks", ICML
    2008. R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """

    def run(betas: Array) -> Array:
        v = samplers.independent(path.base, effort.n_chains, rng)
        return log_weights(path, v, betas, rng, effort)

    betas = arrays.linspace(0.0, 1.0, max(2, effort.n_temperatures // 10))
    betas = equal_divergence(betas, run(betas), None, effort.n_temperatures)
    ratio = mean_weight(run(betas).sum(axis=1))
    value = path.log_partition_at_zero + ratio.value
    lower = value - _N_ERRORS * ratio.std_error
    sample = ratio.effective_sample_size
    return LogPartition(value, ratio.std_error, lower, math.inf, sample, "ais")


def bracketed_log_partition(
    path: Path, rng: Generator, effort: Effort = DEFAULT_EFFORT, chains: Array | None = None
) -> LogPartition:
    """Log Z by annealing from independent units to the model and back, and Bennett's ratio.

    Forward the mean weight is more often too low, in reverse too high: so log Z lies between them,
    or within three standard errors of Bennett's estimate. Where the two directions contradict each
    other, because one found modes that the other did not, the forward one alone counts. The run is
    repeated with ever more temperatures, each time placed by the one before, until the bracket is
    narrow.

    Parameters
    ----------
    path : Path
    rng : Generator
    effort : Effort, optional
    chains : ndarray of shape (n, n_visible), optional
        Visible states near the model's equilibrium. The reverse direction starts from them after
        further Gibbs steps, or else from chains tempered between independent units and the model.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing", AISTATS 2015.
    """
    ends = _in_equilibrium(path, effort.n_chains, chains, rng)

    def run(betas: Array) -> tuple[Array, Array]:
        v = samplers.independent(path.base, effort.n_chains, rng)
        return log_weights_of_both(path, (v, ends), betas, rng, effort)

    betas = arrays.linspace(0.0, 1.0, max(2, effort.n_temperatures // _SHARES[0]))
    for share in _SHARES[1:]:
        increments = run(betas)
        result = _bracket(path, *(x.sum(axis=1) for x in increments))
        if not result.doubt and result.upper - result.lower < _NARROW_BRACKET:
            return result
        betas = equal_divergence(betas, *increments, max(2, effort.n_temperatures // share))
    return _bracket(path, *(x.sum(axis=1) for x in run(betas)))


def replicas(path: Path, n_chains: int, rng: Generator) -> ParallelTempering:
    """Chains that start as independent units, at temperatures all along the path."""
    v = samplers.independent(path.base, n_chains, rng)
    return ParallelTempering.start(path.rbm, path.base, v, samplers.N_REPLICAS, rng)


def _in_equilibrium(path: Path, n_chains: int, chains: Array | None, rng: Generator) -> Array:
    """Visible states of the model, from chains near its equilibrium or from nothing."""
    if chains is None:
        chains = replicas(path, _N_TEMPERED, rng).run(path.rbm, _N_STEPS, rng)
    order = rng.permutation(len(chains))
    start = chains[[order[i % len(order)] for i in range(n_chains)]]  # each as often as the others
    return samplers.gibbs_visible(path.rbm, start, rng, _N_STEPS)


def tempered_log_partition(
    path: Path, rng: Generator, tempering: ParallelTempering, n_steps: int = _N_STEPS
) -> LogPartition:
    """Log Z from tempered chains: the sum of Bennett's ratios between neighbouring temperatures.

    The chains move on, at temperatures that adapt no longer once their states count. The standard
    error comes from ten stretches of the run, so that it holds for chains that forget their past
    within a stretch; a mode that no chain finds does not show.

    Parameters
    ----------
    path : Path
    rng : Generator
    tempering : ParallelTempering
        Replicas of the model between it and the path's other end.
    n_steps : int
        Steps of a run, after as many that are not counted.

    References
    ----------
    M. R. Shirts and J. D. Chodera, "Statistically optimal analysis of samples from multiple
    equilibrium states", Journal of Chemical Physics 129, 2008.
    """
    tempering.run(path.rbm, n_steps, rng)
    tempering.adapting = False
    estimates, variances = [], []
    for _ in range(_N_STRETCHES):
        seen = []
        for _ in range(max(1, n_steps // (_N_STRETCHES * _STEPS_BETWEEN))):
            tempering.run(path.rbm, _STEPS_BETWEEN, rng)
            seen.append(tempering.log_weights(path.rbm, rng))
        to_colder, to_hotter = (arrays.concat([*x], axis=-1) for x in zip(*seen, strict=True))
        ratios = [bennett(*pair) for pair in zip(to_colder, to_hotter, strict=True)]
        estimates.append(sum(ratio for ratio, _ in ratios))
        variances.append(sum(error**2 for _, error in ratios))
    value = path.log_partition_at_zero + statistics.fmean(estimates)
    variance, expected = statistics.variance(estimates), statistics.fmean(variances)
    std_error = math.sqrt(variance / _N_STRETCHES)
    share = 1.0 if variance <= expected else expected / variance
    sample = _N_STRETCHES * to_colder.shape[1] * share if math.isfinite(expected) else 0.0
    margin = _N_ERRORS * std_error
    return LogPartition(value, std_error, value - margin, value + margin, sample, "tempering")


def _bracket(path: Path, forward: Array, reverse: Array) -> LogPartition:
    """Log Z from log-weights of all chains in both directions."""
    low, high = mean_weight(forward), mean_weight(reverse)
    value, std_error = bennett(forward, reverse)
    margin = _N_ERRORS * std_error if math.isfinite(std_error) else 0.0
    lower = min(low.value, value - margin)
    upper = max(-high.value, value + margin)
    sample = min(low.effective_sample_size, high.effective_sample_size)
    if disagreement(forward, reverse) > _LARGEST_DISAGREEMENT:
        value, std_error, sample = low
        lower, upper = value - _N_ERRORS * std_error, math.inf
    at_zero = path.log_partition_at_zero
    return LogPartition(
        at_zero + value, std_error, at_zero + lower, at_zero + upper, sample, "bracket"
    )


def pseudo_log_likelihood(
    rbm: RBM, v: Array, n_flips: int | None = None, rng: Generator | None = None
) -> Array:
    """`sum_i log p(v_i | all other units)` of every row, in float64.

    Each term takes other values of one unit, which change the hidden input by multiples of a row
    of W.

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
    total = devices.float64(arrays.zeros((n_rows,), x))
    for columns in random.column_choices(n_rows, n_visible, n_flips, rng):
        unit = rbm.visible.part(columns[:, None])
        state = arrays.take_columns(v, columns)
        total -= _log_total(rbm, unit, state, x, rbm.weights.rows(columns))
    return total * (n_visible / n_flips)


def _log_total(rbm: RBM, unit: Layer, state: Array, x: Array, weights: Array) -> Array:
    """`log sum_s p(s | others) / p(state | others)` of one visible unit a row.

    Another state changes the hidden input x by a multiple of the unit's weights.
    """
    here = rbm.hidden.log_normalizer(x) - unit.energy(state)

    def hidden_input(other: Array) -> Array:
        return x + rbm.scaled((other - state) * weights)

    def log_ratio(other: Array) -> Array:
        return rbm.hidden.log_normalizer(hidden_input(other)) - unit.energy(other) - here

    def mean_input(other: Array) -> Array:
        mean = rbm.hidden.mean(hidden_input(other))
        return rbm.scaled((weights * mean).sum(axis=1, keepdims=True))

    return unit.log_total(state, log_ratio, mean_input)
