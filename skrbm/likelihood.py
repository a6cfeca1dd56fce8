"""The log-partition function, exact or estimated, and the pseudo-likelihood, in nats."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, islice
from typing import Literal

import numpy as np

from skrbm import annealing, samplers
from skrbm._kernels import arrays, devices, random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.annealing import DEFAULT_BUDGET, AnnealingBudget, AnnealingPath
from skrbm.model import RBM
from skrbm.samplers import ParallelTempering
from skrbm.units import Layer

# The enumeration has an inner loop, small enough for the cache, and an outer loop whose states are
# grouped into tasks that are large enough for a thread. Many units of the other layer are summed
# over in blocks.
_LOG2_INNER_STATES = 9
_OUTER_STATES = 64
_BLOCK_UNITS = 512

# Nanoseconds on one core, measured with 13 to 20,000 visible units: per term of an enumeration, and
# per unit and per weight of an annealing step of one chain. "auto" compares costs computed from
# these numbers, not measured times, so its choice is reproducible.
_EXACT_TERM, _STEP_UNIT, _STEP_WEIGHT = 0.6, 10.0, 0.1
_CHEAP = 1e9  # cost below which the exact value is always worth it

METHODS = ("auto", "exact", "ais", "bracket", "tempering", "trajectory")
_SHARES = (256, 64, 16, 4, 1)  # divisors of the number of temperatures in successive runs
_N_STEPS = 500  # after which chains count as equilibrated
_N_TEMPERED = 50  # chains per temperature, if no chains are given
_N_STRETCHES = 10  # segments of a tempered run, for its standard error
_STEPS_BETWEEN = 5  # between measurements of tempered chains
_N_ERRORS = 3.0
_AT_ONCE = 2**16  # hidden inputs of columns or states that one array operation computes
_SMALLEST_SAMPLE = 5.0  # chains; with fewer, neither the value nor its error is reliable
_LARGEST_ERROR = 0.2  # nats; with larger errors, few chains carry most of the weight
_LARGEST_DISAGREEMENT = 2.0
_NARROW_BRACKET = 0.5  # nats
_WIDEST_BRACKET = 2.0


@dataclass(frozen=True)
class LogPartition:
    """Log Z in nats, with its error and bounds.

    Attributes
    ----------
    value : float
    std_error : float
        Standard error of the value; 0 if it is exact.
    lower, upper : float
        Bounds on log Z, if the chains visited all modes. The upper bound is infinite for "ais",
        and for "bracket" if the two directions contradict each other.
    effective_sample_size : float
        Effective number of chains in a mean weight. For "bracket", the smaller number of both
        directions; if these contradict each other, the number of forward chains. For "tempering"
        and "trajectory", the effective number of states. Infinite for "exact".
    method : {"exact", "ais", "bracket", "tempering", "trajectory"}
    """

    value: float
    std_error: float
    lower: float
    upper: float
    effective_sample_size: float
    method: Literal["exact", "ais", "bracket", "tempering", "trajectory"]

    def shifted(self, log_factor: float) -> LogPartition:
        """Return the logarithm of `exp(log_factor) Z`, with the same error."""
        value, lower, upper = (x + log_factor for x in (self.value, self.lower, self.upper))
        return replace(self, value=value, lower=lower, upper=upper)

    @property
    def doubt(self) -> str:
        """Reason why the value may be wrong, as a clause for a warning; empty if there is none."""
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
    path: AnnealingPath,
    rng: Generator,
    method: str = "auto",
    budget: AnnealingBudget = DEFAULT_BUDGET,
    chains: Array | None = None,
) -> LogPartition:
    """Compute log Z by one of four methods.

    Parameters
    ----------
    path : AnnealingPath
        The model, and the independent units from which annealing starts.
    rng : Generator
    method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
        Function to call:

        - "exact": `exact_log_partition`.
        - "ais": `annealed_log_partition`.
        - "bracket": `bracketed_log_partition`.
        - "tempering": `tempered_log_partition`.
        - "auto": "exact" if it takes about a second or less time than "bracket", otherwise
          "bracket".
    budget : AnnealingBudget, optional
        "exact" uses only its `n_jobs`, "tempering" only its `n_chains`.
    chains : ndarray of shape (n, n_visible), optional
        Visible states near the equilibrium of the model. Only "bracket" uses them.

    Returns
    -------
    log_partition : LogPartition
    """
    rbm = path.rbm
    if method == "auto":
        most = max(_CHEAP, bracket_cost(rbm, budget))
        method = "exact" if exact_cost(rbm) <= most else "bracket"
    if method == "exact":
        return exact_log_partition(rbm, budget.n_jobs)
    if method == "ais":
        return annealed_log_partition(path, rng, budget)
    if method == "tempering":
        return tempered_log_partition(path, rng, replicas(path, budget.n_chains, rng))
    return bracketed_log_partition(path, rng, budget, chains)


def exact_cost(rbm: RBM) -> float:
    """Approximate cost of `exact_log_partition`, in nanoseconds on one core."""
    rbm = _enumerable_hidden(rbm)
    log2_terms = rbm.hidden.log2_states + math.log2(max(1, rbm.visible.n_columns))
    return _EXACT_TERM * 2.0 ** min(log2_terms, 1000)


def bracket_cost(rbm: RBM, budget: AnnealingBudget = DEFAULT_BUDGET) -> float:
    """Approximate cost of `bracketed_log_partition`, in nanoseconds on one core.

    This is the cost of its first four runs. Easy models need three, which take a quarter of the
    time; hard ones five, which take four times as long.
    """
    n_steps = 2 * budget.n_chains * sum(budget.n_temperatures // share for share in _SHARES[:4])
    n_visible, n_hidden = rbm.weights.shape
    of_step = _STEP_UNIT * (n_visible + n_hidden) + _STEP_WEIGHT * n_visible * n_hidden
    return n_steps * of_step


def exact_log_partition(rbm: RBM, n_jobs: int | None = None) -> LogPartition:
    """Compute log Z by enumeration of the smaller layer, in float64.

    `Z = sum_h exp(-hidden.energy(h) + visible.log_normalizer(W h))`. The enumerated layer is split
    into two parts, and the input `W h` of a state is the sum of one tabulated input per part. The
    number of threads is n_jobs, by default as many as matrix products use. The result does not
    depend on it.
    """
    rbm = _enumerable_hidden(rbm).in_float64()
    n_inner, mirror = _n_inner(rbm.hidden), rbm.swap()
    starts = range(0, rbm.visible.n_units, _BLOCK_UNITS)
    blocks = [mirror.with_hidden(slice(i, i + _BLOCK_UNITS)).swap() for i in starts]
    inner = [block.with_hidden(slice(n_inner)).swap() for block in blocks]
    outer = [block.with_hidden(slice(n_inner, None)).swap() for block in blocks]
    inner_layer, outer_layer = (x.visible for x in (inner[0], outer[0]))
    inner_states, n_outer = inner_layer.states(), int(outer_layer.n_states)
    inner_energy = inner_layer.energy(inner_states)

    def log_sum(start: int) -> float:
        states = outer_layer.states(start, min(start + _OUTER_STATES, n_outer))
        total = -outer_layer.energy(states)[:, None] - inner_energy
        for one, other in zip(outer, inner, strict=True):
            x, y = one.hidden_input(states), other.hidden_input(inner_states)
            total += one.hidden.pairwise_log_normalizer(x, y)
        return arrays.log_sum_exp(total)

    tasks = range(0, n_outer, _OUTER_STATES)
    value = arrays.log_sum_exp(threads.in_threads(log_sum, tasks, n_jobs=n_jobs))
    return LogPartition(value, 0.0, value, value, math.inf, "exact")


def _n_inner(layer: Layer) -> int:
    """Number of leading units with at most `2^9` joint states, or the square root of all states."""
    most = min(_LOG2_INNER_STATES, layer.log2_states / 2)
    log2_states = accumulate(map(math.log2, layer.unit_states))
    return sum(log2 <= most for log2 in log2_states)


def _enumerable_hidden(rbm: RBM) -> RBM:
    """Return the model, swapped if its hidden layer has more states than the visible layer."""
    return rbm.swap() if rbm.hidden.log2_states > rbm.visible.log2_states else rbm


def annealed_log_partition(
    path: AnnealingPath, rng: Generator, budget: AnnealingBudget = DEFAULT_BUDGET
) -> LogPartition:
    """Estimate log Z by annealed importance sampling, from independent units to the model.

    The mean weight is an unbiased estimate of `Z / Z_0`, with Z_0 for the independent units. Its
    logarithm is therefore too low on average. A first run uses a tenth of the temperatures, equally
    spaced. From this run, all temperatures are placed at equal divergence between neighbours.

    References
    ----------
    R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief networks", ICML
    2008. R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """

    def run(betas: Array) -> Array:
        v = samplers.sample_independent(path.base, budget.n_chains, rng)
        return annealing.log_weights(path, v, betas, rng, budget)

    betas = np.linspace(0.0, 1.0, max(2, budget.n_temperatures // 10))
    betas = annealing.equal_divergence(betas, run(betas), None, budget.n_temperatures)
    ratio = annealing.mean_weight(run(betas).sum(axis=1))
    value = path.log_partition_at_zero + ratio.value
    lower = value - _N_ERRORS * ratio.std_error
    sample = ratio.effective_sample_size
    return LogPartition(value, ratio.std_error, lower, math.inf, sample, "ais")


def bracketed_log_partition(
    path: AnnealingPath,
    rng: Generator,
    budget: AnnealingBudget = DEFAULT_BUDGET,
    chains: Array | None = None,
) -> LogPartition:
    """Estimate log Z by annealing in both directions, with Bennett's ratio and bounds.

    The mean weight of the forward direction, from independent units to the model, is usually too
    low. The estimate from the reverse direction is usually too high. The bounds are these two
    estimates, or three standard errors around Bennett's estimate if that is wider. If the two
    directions contradict each other, because only one of them visited some mode, only the forward
    direction is used. The run is repeated with four times as many temperatures, placed according
    to the previous run, until the bounds are less than half a nat apart or the budget is used up.

    Parameters
    ----------
    path : AnnealingPath
    rng : Generator
    budget : AnnealingBudget, optional
    chains : ndarray of shape (n, n_visible), optional
        Visible states near the equilibrium of the model. The reverse direction starts from them
        after further Gibbs steps. By default they come from parallel tempering.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of MRF
    log-likelihood using reverse annealing", AISTATS 2015.
    """
    ends = _in_equilibrium(path, budget.n_chains, chains, rng)

    def run(betas: Array) -> tuple[Array, Array]:
        v = samplers.sample_independent(path.base, budget.n_chains, rng)
        return annealing.log_weights_of_both(path, (v, ends), betas, rng, budget)

    betas = np.linspace(0.0, 1.0, max(2, budget.n_temperatures // _SHARES[0]))
    for share in _SHARES[1:]:
        increments = run(betas)
        result = _bracket(path, *(x.sum(axis=1) for x in increments))
        if not result.doubt and result.upper - result.lower < _NARROW_BRACKET:
            return result
        n = max(2, budget.n_temperatures // share)
        betas = annealing.equal_divergence(betas, *increments, n)
    return _bracket(path, *(x.sum(axis=1) for x in run(betas)))


def replicas(path: AnnealingPath, n_chains: int, rng: Generator) -> ParallelTempering:
    """Start tempered chains at temperatures along the path, from draws of independent units."""
    v = samplers.sample_independent(path.base, n_chains, rng)
    return ParallelTempering.start(path.rbm, path.base, v, samplers.N_REPLICAS, rng)


def _in_equilibrium(
    path: AnnealingPath, n_chains: int, chains: Array | None, rng: Generator
) -> Array:
    """Draw visible states of the model, from chains near its equilibrium or by tempering."""
    if chains is None:
        chains = replicas(path, _N_TEMPERED, rng).run(path.rbm, _N_STEPS, rng)
    start = chains[np.resize(rng.permutation(len(chains)), n_chains)]  # all chains equally often
    return samplers.gibbs_visible(path.rbm, start, rng, _N_STEPS)


def tempered_log_partition(
    path: AnnealingPath, rng: Generator, tempering: ParallelTempering, n_steps: int = _N_STEPS
) -> LogPartition:
    """Estimate log Z from tempered chains, as the sum of Bennett's ratios between temperatures.

    The chains continue in place. The temperatures adapt only in the first n_steps steps, which are
    not measured. The standard error is computed from ten segments of the run. It is correct only if
    the autocorrelation time is shorter than a segment, and if some chain visits each mode.

    Parameters
    ----------
    path : AnnealingPath
    rng : Generator
    tempering : ParallelTempering
        Replicas of the model at temperatures along the path.
    n_steps : int
        Number of measured steps, and of steps before them.

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
        ratios = [annealing.bennett(*pair) for pair in zip(to_colder, to_hotter, strict=True)]
        estimates.append(sum(ratio for ratio, _ in ratios))
        variances.append(sum(error**2 for _, error in ratios))
    result = from_stretches(estimates, variances, to_colder.shape[1], "tempering")
    return result.shifted(path.log_partition_at_zero)


def from_stretches(
    estimates: list[float],
    variances: list[float],
    n_states: int,
    method: Literal["tempering", "trajectory"],
) -> LogPartition:
    """Log Z from the estimates of stretches of one run, whose scatter gives the standard error.

    Parameters
    ----------
    estimates : list of float
    variances : list of float
        Squared standard error of every estimate, if its states were independent.
    n_states : int
        Number of states per model in each stretch.
    method : {"tempering", "trajectory"}
    """
    n, value = len(estimates), statistics.fmean(estimates)
    variance, expected = statistics.variance(estimates), statistics.fmean(variances)
    # By chance, the scatter of a few stretches is too small: it is at least the expected one.
    least = expected if math.isfinite(expected) else 0.0
    std_error = math.sqrt(max(variance, least) / n)
    share = 1.0 if variance <= expected else expected / variance
    sample = n * n_states * share if math.isfinite(expected) else 0.0
    return around(value, std_error, sample, method)


def around(
    value: float, std_error: float, sample: float, method: Literal["tempering", "trajectory"]
) -> LogPartition:
    """Log Z with bounds three standard errors away."""
    margin = _N_ERRORS * std_error
    return LogPartition(value, std_error, value - margin, value + margin, sample, method)


def _bracket(path: AnnealingPath, forward: Array, reverse: Array) -> LogPartition:
    """Compute log Z from the log-weights of all chains in both directions."""
    low, high = annealing.mean_weight(forward), annealing.mean_weight(reverse)
    value, std_error = annealing.bennett(forward, reverse)
    margin = _N_ERRORS * std_error if math.isfinite(std_error) else 0.0
    lower = min(low.value, value - margin)
    upper = max(-high.value, value + margin)
    sample = min(low.effective_sample_size, high.effective_sample_size)
    if annealing.disagreement(forward, reverse) > _LARGEST_DISAGREEMENT:
        value, std_error, sample = low
        lower, upper = value - _N_ERRORS * std_error, math.inf
    ratio = LogPartition(value, std_error, lower, upper, sample, "bracket")
    return ratio.shifted(path.log_partition_at_zero)


def pseudo_log_likelihood(
    rbm: RBM,
    v: Array,
    n_flips: int | None = None,
    rng: Generator | None = None,
    n_units: int | None = None,
) -> Array:
    """`sum_i log p(v_i | all other units)` for every row, in nats and float64.

    Each term compares the states of one unit. A change of its state changes the hidden input only
    by the rows of W for that unit.

    Parameters
    ----------
    rbm : RBM
    v : ndarray of shape (n_rows, n_visible)
    n_flips : int, optional
        Number of units per row, drawn at random, for an unbiased estimate of the sum. By default
        all units are used.
    rng : Generator, optional
        Draws the units; required with n_flips.
    n_units : int, optional
        Number of units in the sum, the first ones; by default all visible units.
    """
    n_units = rbm.visible.n_units if n_units is None else n_units
    n_flips = n_flips or n_units
    choices = random.column_choices(len(v), n_units, n_flips, rng)
    total = reduce(operator.add, (x.sum(0) for x in _conditional_terms(rbm, v, choices)))
    return total * (n_units / n_flips)


def conditional_log_likelihoods(rbm: RBM, v: Array) -> Array:
    """`log p(v_i | all other units)` for every row and unit i, in nats and float64."""
    units = random.column_choices(len(v), rbm.visible.n_units, rbm.visible.n_units, None)
    return arrays.concat([*_conditional_terms(rbm, v, units)]).T


def _conditional_terms(rbm: RBM, v: Array, choices: Iterator[Array]) -> Iterator[Array]:
    """Yield `log p(v_i | all other units)` of every row, in blocks of several units per row."""
    layer, n_rows = rbm.visible, len(v)
    x, given_others = rbm.hidden_input(v), layer.conditionals(v)
    size = _n_at_once(x)
    while block := list(islice(choices, size)):
        terms = devices.float64(arrays.zeros((len(block) * n_rows,), x))
        row = np.tile(np.arange(n_rows), len(block))
        for pairs, some in layer.alike(np.concatenate(block)):
            columns, rows = layer.columns_of(some), row[pairs]
            state = v[rows[:, None], columns]
            weights = rbm.weights.rows(columns)
            terms[pairs] = -_log_total(rbm, given_others(some, rows), state, x[rows], weights)
        yield terms.reshape(len(block), n_rows)


def _n_at_once(x: Array) -> int:
    """Number of arrays like x that fit into the cache together."""
    n_rows, n_columns = x.shape
    return max(1, _AT_ONCE // (max(1, n_rows) * max(16, n_columns)))  # all rows take some memory


def _log_total(rbm: RBM, unit: Layer, state: Array, x: Array, weights: Array) -> Array:
    """`log sum_s p(s | others) / p(state | others)` for one visible unit per row.

    Parameters
    ----------
    rbm : RBM
    unit : Layer
        One unit per row, with biases per row.
    state : ndarray of shape (n_rows, n_columns of the unit)
    x : ndarray of shape (n_rows, n_hidden)
        Hidden input of the rows.
    weights : ndarray of shape (n_rows, n_columns of the unit, n_hidden)
    """
    here = rbm.hidden.log_normalizer(x) - unit.energy(state)
    size = _n_at_once(x)

    def hidden_input(other: Array) -> Array:
        return x + rbm.scaled(arrays.mix(other - state, weights))

    def log_ratio(others: Array) -> Array:
        blocks = [others[i : i + size] for i in range(0, len(others), size)]
        log_normalizer = [rbm.hidden.log_normalizer(hidden_input(block)) for block in blocks]
        return arrays.concat(log_normalizer) - unit.energy(others) - here

    def mean_input(others: Array) -> Array:
        mean = rbm.hidden.mean(hidden_input(others))
        return rbm.scaled((weights * mean[..., None, :]).sum(axis=-1))

    return unit.log_total(state, log_ratio, mean_input)
