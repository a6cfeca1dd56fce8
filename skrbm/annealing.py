"""Annealing between independent units and a model: log-weights, temperatures, log-ratios of Z."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from skrbm._kernels import arrays, devices, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.model import RBM
from skrbm.samplers import equal_weights
from skrbm.units import Layer

_CHAINS_A_PART = 100  # chains per thread: with fewer, matrix products are slow
_FEWEST_PARTS = 2  # even for few chains, to use a second core
_LARGEST_GAP = 100.0  # nats between two directions beyond which their overlap is useless
_SAME_WORK = 1e-6  # nats: smaller differences are rounding errors
_SMOOTHED_SHARE = 0.02  # width of the moving average, as a share of all intervals


@dataclass(frozen=True)
class AnnealingPath:
    """Models with energy `(1 - beta) E_0 + beta E`, from independent units (0) to an RBM (1).

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Visible layer at beta = 0.
    hidden : Layer, optional
        Hidden layer at beta = 0. By default its units have no biases, so the path avoids models in
        which most hidden units are off.
    """

    rbm: RBM
    base: Layer
    hidden: Layer | None = None

    def at(self, beta: float) -> RBM:
        """Return the model at an inverse temperature."""
        return self.rbm.interpolate(self.base, self.hidden_at_zero, beta)

    @property
    def hidden_at_zero(self) -> Layer:
        """Hidden layer at beta = 0."""
        return self.rbm.hidden.neutral() if self.hidden is None else self.hidden

    @property
    def log_partition_at_zero(self) -> float:
        """Log Z of the independent units at beta = 0, in nats."""
        return float(self.base.log_normalizer(0.0) + self.hidden_at_zero.log_normalizer(0.0))


@dataclass(frozen=True)
class AnnealingBudget:
    """Number of chains, temperatures and threads for annealing.

    Parameters
    ----------
    n_chains : int, default=100
        Number of chains in each direction, about 100 per thread.
    n_temperatures : int, default=8,000
        Largest number of temperatures; fewer are used if they suffice.
    n_jobs : int, optional
        Number of threads, by default as many as matrix products use. The result does not depend
        on it.
    spread : callable, optional
        Replaces threads: it maps a function over parts of the chains.
    """

    n_chains: int = 100
    n_temperatures: int = 8_000
    n_jobs: int | None = None
    spread: Callable[..., list[Array]] | None = None

    def map(self, work: Callable[..., Array], *arguments: Iterable[Any]) -> list[Array]:
        """Call `work` with each tuple of arguments, in parallel."""
        if self.spread is not None:
            return self.spread(work, *arguments)
        return threads.in_threads(work, *arguments, n_jobs=self.n_jobs)


DEFAULT_BUDGET = AnnealingBudget()


def log_weights(
    path: AnnealingPath,
    v: Array,
    betas: Array,
    rng: Generator,
    budget: AnnealingBudget = DEFAULT_BUDGET,
) -> Array:
    """Run chains along the path and return the increment of their log-weights per interval.

    The increment between two inverse temperatures is the logarithm of the ratio of the
    unnormalised probabilities `p(v)`. A Gibbs step at the second temperature follows.

    Parameters
    ----------
    path : AnnealingPath
    v : ndarray of shape (n_chains, n_visible)
        Draws from the model at the first inverse temperature.
    betas : ndarray of shape (n_temperatures,)
        Increasing or decreasing inverse temperatures.
    rng : Generator
    budget : AnnealingBudget, optional
        Only `n_jobs` and `spread` are used.

    Returns
    -------
    increments : ndarray of float64 of shape (n_chains, n_temperatures - 1)

    References
    ----------
    R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """
    return _runs(path, [(v, betas)], rng, budget)[0]


def log_weights_of_both(
    path: AnnealingPath,
    ends: tuple[Array, Array],
    betas: Array,
    rng: Generator,
    budget: AnnealingBudget = DEFAULT_BUDGET,
) -> tuple[Array, Array]:
    """`log_weights` of chains from the first to the last temperature, and of chains back.

    `ends` are draws from the models at the first and at the last temperature.
    """
    forward, reverse = _runs(path, [(ends[0], betas), (ends[1], betas[::-1])], rng, budget)
    return forward, reverse


def _runs(
    path: AnnealingPath, runs: list[tuple[Array, Array]], rng: Generator, budget: AnnealingBudget
) -> list[Array]:
    """Log-weights of all runs in parallel; each run is split into parts, one part per thread."""
    fewest = -(-_FEWEST_PARTS // len(runs))
    parts = [arrays.split(v, max(fewest, len(v) // _CHAINS_A_PART)) for v, _ in runs]
    betas = [own for (_, own), of_run in zip(runs, parts, strict=True) for _ in of_run]
    v = [part for of_run in parts for part in of_run]
    done = iter(budget.map(partial(_increments, path), v, betas, rng.spawn(len(v))))
    return [arrays.concat([*islice(done, len(of_run))]) for of_run in parts]


def _increments(path: AnnealingPath, v: Array, betas: Array, rng: Generator) -> Array:
    """Increments of the log-weights of some of the chains."""
    return anneal(path, v, betas, rng)[0]


def anneal(
    path: AnnealingPath,
    v: Array,
    betas: Array,
    rng: Generator,
    completed: Callable[[Layer, Array], Array] | None = None,
) -> tuple[Array, Array]:
    """`log_weights` in one thread, and the last visible states of the chains.

    `completed` is applied to the visible layer and its states after each Gibbs step; it can reset
    given units. At each temperature, one product `v W` is used for both free energies and for the
    hidden states.
    """
    increments = []
    models = (path.at(float(beta)) for beta in betas)
    for previous, current in pairwise(models):
        coupling = path.rbm.hidden_input(v)
        x = current.scaled(coupling)
        before = previous.free_energy(v, previous.scaled(coupling))
        increments.append((before - current.free_energy(v, x))[:, None])
        v = current.sample_visible(current.hidden.draw(x, rng), rng)
        if completed is not None:
            v = completed(current.visible, v)
    return devices.to_host(arrays.concat([*increments], axis=-1)), v


def equal_divergence(betas: Array, forward: Array, reverse: Array | None, n: int) -> Array:
    """Inverse temperatures at equal divergence between neighbours, from log-weights of a run.

    The divergence of an interval is the variance of its increments. With both directions it is the
    mean of the two variances or the lag, whichever is larger. The lag is minus the sum of the two
    mean increments: it is large if chains do not follow the temperature.

    Parameters
    ----------
    betas : ndarray of shape (n_temperatures,)
        Increasing inverse temperatures of the run.
    forward : ndarray of shape (n_chains, n_temperatures - 1)
        Increments of the log-weights along them.
    reverse : ndarray of shape (n_chains, n_temperatures - 1), optional
        Increments in the reverse direction, in the order of that run.
    n : int
        Number of new temperatures.
    """
    divergence = forward.var(axis=0)
    if reverse is not None:
        reverse = reverse[:, ::-1]
        lag = -(forward.mean(axis=0) + reverse.mean(axis=0))
        divergence = arrays.maximum((divergence + reverse.var(axis=0)) / 2, lag)
    divergence = _moving_average(divergence, max(1, int(_SMOOTHED_SHARE * len(divergence))))
    # The added terms keep intervals with hardly any divergence from becoming too long.
    distance = (divergence + divergence.mean() / 100 + 1e-300) ** 0.5
    travelled = arrays.concat([0 * distance[:1], distance.cumsum()])
    new = np.interp(np.linspace(0.0, travelled[-1], n), travelled, betas)
    return arrays.concat([betas[:1], new[1:-1], betas[-1:]])


def _moving_average(x: Array, width: int) -> Array:
    """Moving average over `width` elements, or over fewer at the ends."""
    window = np.ones(width)
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


class LogRatio(NamedTuple):
    """Estimate of the logarithm of a ratio of normalisers, in nats."""

    value: float
    std_error: float
    effective_sample_size: float


def mean_weight(log_weight: Array) -> LogRatio:
    """Logarithm of the mean weight; its bias is negative and vanishes if all weights are equal."""
    (value,), (error,), (size,) = mean_weights(log_weight[None])
    return LogRatio(float(value), float(error), float(size))


def mean_weights(log_weights: Array) -> tuple[Array, Array, Array]:
    """Logarithm of the mean weight of each row, its standard error and effective sample size."""
    n_chains = log_weights.shape[1]
    log_sum = arrays.row_log_sum_exp(log_weights)
    share = arrays.exp(log_weights - log_sum[:, None])
    square = ((share - 1 / n_chains) ** 2).sum(axis=1) * n_chains / max(1, n_chains - 1)
    return log_sum - math.log(n_chains), square**0.5, 1 / (share**2).sum(axis=1)


def bennett(forward: Array, reverse: Array) -> tuple[float, float]:
    """Bennett's estimate of a log-ratio from log-weights in both directions, and its error.

    With equally many chains in each direction, the log-ratio r solves
    `sum logistic(forward - r) = sum logistic(reverse + r)`. Of all estimates from such weights it
    has the smallest variance. If even the closest log-weights of the two directions are more than
    100 nats apart, r is halfway between them and its error is infinite.

    References
    ----------
    C. H. Bennett, "Efficient estimation of free energy differences from Monte Carlo data", Journal
    of Computational Physics 22, 1976. M. R. Shirts and J. D. Chodera, "Statistically optimal
    analysis of samples from multiple equilibrium states", Journal of Chemical Physics 129, 2008.
    """

    def excess(ratio: float) -> float:
        towards, back = arrays.logistic(-ratio, forward), arrays.logistic(ratio, reverse)
        return float(towards.sum() - back.sum())

    highest, lowest = float(forward.max()), -float(reverse.max())
    if lowest - highest > _LARGEST_GAP:
        return (highest + lowest) / 2, math.inf
    both = arrays.concat([forward, -reverse])
    ratio = brentq(excess, float(both.min()) - 1, float(both.max()) + 1)
    terms = arrays.logistic(-ratio, forward), arrays.logistic(ratio, reverse)
    variance = sum(float(x.var() / x.mean() ** 2) / len(x) for x in terms)
    return ratio, variance**0.5


def disagreement(forward: Array, reverse: Array) -> float:
    """Distance between the log-weights of two directions, relative to random fluctuations.

    If chains start in equilibrium, the forward log-weights, weighted by their weights, have the
    same distribution as the reverse log-weights with the sign changed (Crooks' relation). The
    result is the largest difference between the two distribution functions, divided by its scale
    for this number of chains. Chance makes it exceed 2 in only one of a thousand cases.

    References
    ----------
    G. E. Crooks, "Entropy production fluctuation theorem and the nonequilibrium work relation for
    free energy differences", Physical Review E 60, 1999.
    """
    share = arrays.exp(forward - arrays.log_sum_exp(forward))
    equal = equal_weights(len(reverse))
    works = (arrays.concat([forward, -reverse]) / _SAME_WORK).round()
    order = works.argsort(kind="stable")
    works, excess = works[order], arrays.concat([share, -equal])[order].cumsum()
    distance = abs(excess[:-1][works[1:] > works[:-1]]).max(initial=0.0)
    return float(distance / ((share**2).sum() + (equal**2).sum()) ** 0.5)
