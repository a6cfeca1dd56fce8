"""Annealing between independent units and a model: weights, temperatures, and ratios of Z."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from skrbm._kernels import arrays, devices, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.model import RBM
from skrbm.units import Layer

_CHAINS_A_PART = 100  # that share a thread: with fewer, matrix products are slow
_FEWEST_PARTS = 2  # all the same, for a second core
_LARGEST_GAP = 100.0  # between log-weights of two directions that say nothing about each other
_SAME_WORK = 1e-6  # nats: closer ones differ by rounding alone
_SMOOTHED_SHARE = 0.02  # of the intervals, over which their divergence is averaged


@dataclass(frozen=True)
class Path:
    """Models of energy `(1 - beta) E_0 + beta E`, from independent units at 0 to an RBM at 1.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        The visible layer at beta = 0. The hidden units there have no biases: that keeps the path
        clear of regions where most of them are off.
    """

    rbm: RBM
    base: Layer

    def at(self, beta: float) -> RBM:
        """The model at an inverse temperature."""
        return self.rbm.interpolate(self.base, self.rbm.hidden.neutral(), beta)

    @property
    def log_partition_at_zero(self) -> float:
        """Log Z of the independent units."""
        hidden = self.rbm.hidden.neutral()
        return float(self.base.log_normalizer(0.0) + hidden.log_normalizer(0.0))


@dataclass(frozen=True)
class Effort:
    """How much to spend on annealing.

    Parameters
    ----------
    n_chains : int, default=100
        Chains in each direction; a hundred share a thread.
    n_temperatures : int, default=8,000
        Temperatures at most; fewer are used where they suffice.
    n_jobs : int, optional
        Threads, by default as many as matrix products take. The result does not depend on them.
    spread : callable, optional
        What maps a function of a part of the chains, in place of threads.
    """

    n_chains: int = 100
    n_temperatures: int = 8_000
    n_jobs: int | None = None
    spread: Callable[..., list[Array]] | None = None

    def map(self, work: Callable[..., Array], *arguments: Iterable[Any]) -> list[Array]:
        """`work` of each tuple of arguments."""
        if self.spread is not None:
            return self.spread(work, *arguments)
        return threads.in_threads(work, *arguments, n_jobs=self.n_jobs)


_DEFAULT_EFFORT = Effort()


def log_weights(
    path: Path, v: Array, betas: Array, rng: Generator, effort: Effort = _DEFAULT_EFFORT
) -> Array:
    """Run chains along the path and return what each interval adds to their log-weights.

    Between two inverse temperatures the log-weight grows by the logarithm of the ratio of the
    unnormalised probabilities `p(v)`, and a Gibbs step at the second one follows.

    Parameters
    ----------
    path : Path
    v : ndarray of shape (n_chains, n_visible)
        Draws from the model at the first of the inverse temperatures.
    betas : ndarray of shape (n_temperatures,)
        Rising or falling.
    rng : Generator
    effort : Effort, optional
        Which threads, or what in their place, to use.

    Returns
    -------
    increments : ndarray of float64 of shape (n_chains, n_temperatures - 1)

    References
    ----------
    R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """
    return _runs(path, [(v, betas)], rng, effort)[0]


def log_weights_of_both(
    path: Path,
    ends: tuple[Array, Array],
    betas: Array,
    rng: Generator,
    effort: Effort = _DEFAULT_EFFORT,
) -> tuple[Array, Array]:
    """`log_weights` from chains at the first and from chains at the last of the temperatures."""
    forward, reverse = _runs(path, [(ends[0], betas), (ends[1], betas[::-1])], rng, effort)
    return forward, reverse


def _runs(
    path: Path, runs: list[tuple[Array, Array]], rng: Generator, effort: Effort
) -> list[Array]:
    """Log-weights of every run, all at once: each in parts of chains that share a thread."""
    n_parts = [max(-(-_FEWEST_PARTS // len(runs)), len(v) // _CHAINS_A_PART) for v, _ in runs]
    parts = [
        (v, betas)
        for (states, betas), n in zip(runs, n_parts, strict=True)
        for v in arrays.split(states, n)
    ]
    v, betas = zip(*parts, strict=True)
    done = effort.map(partial(_increments, path), v, betas, rng.spawn(len(parts)))
    results = []
    for n in n_parts:
        results.append(arrays.concat([*done[:n]]))
        done = done[n:]
    return results


def _increments(path: Path, v: Array, betas: Array, rng: Generator) -> Array:
    """What each interval adds to the log-weights of some of the chains."""
    return anneal(path, v, betas, rng)[0]


def anneal(
    path: Path,
    v: Array,
    betas: Array,
    rng: Generator,
    completed: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """`log_weights` in one thread, and where the chains end.

    Units that are given stay so where states are completed by them. At each temperature one product
    `v W` serves both free energies and the hidden states.
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
            v = completed(v)
    return devices.to_host(arrays.concat([*increments], axis=-1)), v


def equal_divergence(betas: Array, forward: Array, reverse: Array | None, n: int) -> Array:
    """Inverse temperatures at equal divergence between neighbours, from weights at others.

    The divergence of an interval is the variance of its increments, or where both directions lag
    behind the temperature more than that, the sum of their means with the sign changed.

    Parameters
    ----------
    betas : ndarray of shape (n_temperatures,)
        Inverse temperatures, rising.
    forward : ndarray of shape (n_chains, n_temperatures - 1)
        Increments of log-weights along them.
    reverse : ndarray of shape (n_chains, n_temperatures - 1), optional
        Increments in the other direction, in that order.
    n : int
        Number of the new ones.
    """
    divergence = forward.var(axis=0)
    if reverse is not None:
        reverse = reverse[:, ::-1]
        lag = -(forward.mean(axis=0) + reverse.mean(axis=0))
        divergence = arrays.maximum((divergence + reverse.var(axis=0)) / 2, lag)
    width = max(1, int(_SMOOTHED_SHARE * len(divergence)))
    divergence = arrays.moving_average(divergence, width)
    distance = (divergence + divergence.mean() / 100 + 1e-300) ** 0.5  # no interval grows too long
    travelled = arrays.concat([0 * distance[:1], distance.cumsum()])
    new = arrays.interpolate(arrays.linspace(0.0, travelled[-1], n), travelled, betas)
    return arrays.concat([betas[:1], new[1:-1], betas[-1:]])


class LogRatio(NamedTuple):
    """An estimate of the logarithm of a ratio of normalisers, from log-weights."""

    value: float
    std_error: float
    effective_sample_size: float


def mean_weight(log_weight: Array) -> LogRatio:
    """Logarithm of the mean weight: on average too low, and ever less so the less weights vary."""
    n_chains = len(log_weight)
    log_sum = arrays.log_sum_exp(log_weight)
    share = arrays.exp(log_weight - log_sum)
    variance = share.var() * n_chains**2 / max(1, n_chains - 1)
    error = float(variance**0.5)
    return LogRatio(log_sum - math.log(n_chains), error, float(1 / (share**2).sum()))


def bennett(forward: Array, reverse: Array) -> tuple[float, float]:
    """Bennett's estimate of a log-ratio from log-weights in both directions, and its error.

    With as many chains in each direction the log-ratio r solves `sum logistic(forward - r) = sum
    logistic(reverse + r)`; of all estimates from such weights it has the least variance. Where the
    two lie too far apart to tell, r is halfway between and the error infinite.

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
    ratio = arrays.root(excess, float(both.min()) - 1, float(both.max()) + 1)
    terms = arrays.logistic(-ratio, forward), arrays.logistic(ratio, reverse)
    variance = sum(float(x.var() / x.mean() ** 2) / len(x) for x in terms)
    return ratio, variance**0.5


def disagreement(forward: Array, reverse: Array) -> float:
    """How far two directions contradict each other, in multiples of what chance would do.

    Among chains in equilibrium, log-weights forward, each counted by its weight, have the
    distribution of those in reverse with the sign changed (Crooks' relation). This is the largest
    distance between the two distribution functions over its scale for that many chains: above 2
    once in a thousand times.

    References
    ----------
    G. E. Crooks, "Entropy production fluctuation theorem and the nonequilibrium work relation for
    free energy differences", Physical Review E 60, 1999.
    """
    share = arrays.exp(forward - arrays.log_sum_exp(forward))
    equal = arrays.equal_weights(len(reverse))
    works = (arrays.concat([forward, -reverse]) / _SAME_WORK).round()
    order = arrays.argsort(works)
    works, excess = works[order], arrays.concat([share, -equal])[order].cumsum()
    distance = abs(excess[:-1][works[1:] > works[:-1]]).max(initial=0.0)
    return float(distance / ((share**2).sum() + (equal**2).sum()) ** 0.5)
