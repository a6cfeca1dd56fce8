"""Conditional distributions of an RBM, given the states of some visible units.

The other visible units are free. They are summed out, averaged, drawn, or set to their most
probable states. The result is exact, by enumeration, if the free units or the hidden units have at
most `2^10` joint states. Otherwise it is estimated by block Gibbs chains that keep the given states
fixed. A unit is free if any of its columns is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from skrbm import samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.generators import by_part, repeated
from skrbm.annealing import AnnealingPath, anneal, mean_weights
from skrbm.model import RBM
from skrbm.units import Known, Layer

_LOG2_STATES = 10  # log2 of the largest number of joint states that are enumerated
_MOST_NUMBERS = 2**22  # limits the size of temporary arrays
_N_TEMPERATURES, _PER_FREE_UNIT = 500, 16
_N_CHAINS = 20  # per row
_LARGEST_ERROR = 0.1  # nats: rows with a larger one pass all temperatures


class Means(NamedTuple):
    """`E[v | given]` and `E[h | given]` for every row."""

    visible: Array
    hidden: Array


@dataclass(frozen=True)
class Given:
    """Rows of visible states of a model, in which some units are given and the others are free.

    Parameters
    ----------
    rbm : RBM
    known : Known
        The given units.
    """

    rbm: RBM
    known: Known

    @classmethod
    def rows(cls, rbm: RBM, v: Array) -> Given:
        """Return rows whose free units have NaN in some or all of their columns."""
        return cls(rbm, rbm.visible.known(v))

    @property
    def values(self) -> Array:
        """States of the given units, and zero for free units, shape (n_rows, n_visible)."""
        return self.known.values

    @property
    def free_units(self) -> Array:
        """Whether each unit is free, shape (n_rows, n_units)."""
        return self.rbm.visible.in_units(self.known.free)

    def part(self, rows: Array | slice) -> Given:
        """Return some of the rows."""
        return Given(self.rbm, self.known.rows(rows))

    def repeated(self, n: int) -> Given:
        """Return n copies of all rows; each copy follows the previous one as a block."""
        return Given(self.rbm, self.known.repeated(n))

    @cached_property
    def _completion(self) -> Callable[[Array], Array]:
        return self.rbm.visible.completion(self.known)

    def completed(self, v: Array) -> Array:
        """Condition draws of all visible units, or their means, on the given units.

        The given units get their values. Units that depend on them, even given the hidden units,
        change too.
        """
        return self._completion(v)


class _Mixture(NamedTuple):
    """`p(v, h | given)` for some rows, as a mixture over enumerated states.

    Parameters
    ----------
    log_weights : ndarray of float64 of shape (n_rows, n_states)
        `log p(given, state) + log Z`.
    visible, hidden : ndarray of shape (n_rows or 1, n_states, n_columns)
        One layer has the enumerated states, the other one its means given these states.
    """

    log_weights: Array
    visible: Array
    hidden: Array

    @property
    def means(self) -> Means:
        share = arrays.softmax(self.log_weights)
        return Means(*(arrays.mix(share, devices.float64(x)) for x in (self.visible, self.hidden)))

    def sample(self, layer: Layer, rng: Generator) -> Array:
        share = random.one_hot_choices(arrays.softmax(self.log_weights), rng)
        mean = arrays.mix(share, devices.float64(self.visible))
        return layer.map(lambda x: devices.with_device_of(x, mean)).sample(mean, rng)


def _enumerated(
    given: Given, rng: Generator
) -> Iterator[tuple[Array, Given, Generator, _Mixture | None]]:
    """Yield groups of rows with their exact mixture, or None if enumeration takes too long."""
    rbm = given.rbm
    if rbm.hidden.log2_states <= _LOG2_STATES:
        yield np.arange(len(given.values)), given, rng, _over_hidden(given)
        return
    rng_of = by_part(rng)
    few = are_enumerated(given)
    for rows, units in _alike(given, np.flatnonzero(few)):
        states = rbm.visible.part(units[0]).states()
        n_numbers = len(rows) * len(states) * sum(rbm.weights.shape)
        n_parts = min(len(rows), max(1, n_numbers // _MOST_NUMBERS))
        for some in np.array_split(np.arange(len(rows)), n_parts):
            part, columns = given.part(rows[some]), rbm.visible.columns_of(units[some])
            yield rows[some], part, rng_of(rows[some]), _over_free(part, columns, states)
    if not few.all():
        yield np.flatnonzero(~few), given.part(~few), rng_of(~few), None


def are_enumerated(given: Given) -> Array:
    """Whether the result for each row is exact, by enumeration of its free or hidden units."""
    free, rbm = devices.to_host(given.free_units), given.rbm
    if rbm.hidden.log2_states <= _LOG2_STATES:
        return np.ones(len(free), bool)
    log2_states = np.log2(rbm.visible.unit_states)
    of_free = free @ np.where(np.isfinite(log2_states), log2_states, _LOG2_STATES + 1)
    return (of_free <= _LOG2_STATES) & np.isfinite(log2_states).any()


def _alike(given: Given, rows: Array) -> Iterator[tuple[Array, Array]]:
    """Yield groups of rows whose free units have the same states and widths, and these units."""
    layer = given.rbm.visible
    kinds = np.unique([layer.unit_states, layer.widths], axis=1, return_inverse=True)[1].ravel()
    free = devices.to_host(given.free_units)[rows]
    count = free.sum(axis=1)
    units = np.argsort(~free, axis=1, kind="stable")[:, : count.max(initial=0)]
    if kinds.any():
        free_kinds = np.where(np.take_along_axis(free, units, axis=1), 1 + kinds[units], 0)
        pattern = np.unique(free_kinds, axis=0, return_inverse=True)[1].ravel()
    else:
        pattern = count
    for value in np.unique(pattern):
        some = np.flatnonzero(pattern == value)
        yield rows[some], units[some, : count[some[0]]]


def _over_hidden(given: Given) -> _Mixture:
    """Mixture over all hidden states, with the means of the visible units given each."""
    rbm = given.rbm.in_float64()
    hidden = rbm.hidden.states()
    x = rbm.swap().hidden_input(hidden)
    log_weights = rbm.visible.log_normalizer_given(given.known, x) - rbm.hidden.energy(hidden)
    return _Mixture(log_weights, rbm.visible.mean(x)[None], hidden[None])


def _over_free(given: Given, columns: Array, states: Array) -> _Mixture:
    """Mixture over all states of the free units, which have these columns, with E[h | v]."""
    rbm = given.rbm
    unit_vectors = arrays.identity(rbm.visible.n_columns, rbm.reference)
    visible = given.values[:, None] + states @ unit_vectors[columns]
    x = rbm.hidden_input(visible)
    return _Mixture(-rbm.free_energy(visible, x), visible, rbm.hidden.mean(x))


def log_marginal(rbm: RBM, base: Layer, v: Array, rng: Generator) -> Array:
    """`log p(given) + log Z` for every row, in nats and float64.

    If enumeration takes too long, 20 chains per row are annealed with the given units fixed. They
    start from free units that are independent of the hidden units, and pass 16 to 32 temperatures
    per free unit. If this is less than 500, and the standard error is above 0.1 nats, they pass 500
    temperatures. The estimate is too low on average.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Visible layer from which annealing starts.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator

    References
    ----------
    R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """
    given = Given.rows(rbm, v)
    result = devices.float64(arrays.zeros((len(v),), rbm.reference))
    for rows, some, own, mixture in _enumerated(given, rng):
        if mixture is None:
            result[rows] = _estimated(some, base, own)
        else:
            result[rows] = arrays.row_log_sum_exp(mixture.log_weights)
    return result


def _estimated(given: Given, base: Layer, rng: Generator) -> Array:
    """`log p(given) + log Z` from annealed chains: as many temperatures as each row needs."""
    n_free = devices.to_host(given.free_units).sum(axis=1).clip(1)
    few = (_PER_FREE_UNIT * 2 ** np.ceil(np.log2(n_free))).clip(max=_N_TEMPERATURES)
    rng_of, result = by_part(rng), devices.float64(arrays.zeros((len(few),), given.rbm.reference))

    def estimate(rows: Array, n_temperatures: int) -> Array:
        """Update the result of some rows; return the rows with a large standard error."""
        chains, draws = given.part(rows).repeated(_N_CHAINS), repeated(rng_of(rows), _N_CHAINS)
        _, log_weights = _annealed(chains, base, draws, n_temperatures)
        result[rows], error, _ = mean_weights(log_weights.reshape(_N_CHAINS, -1).T)
        return rows[devices.to_host(error) > _LARGEST_ERROR]

    for n in np.unique(few):
        doubtful = estimate(np.flatnonzero(few == n), int(n))
        if n < _N_TEMPERATURES and len(doubtful) > 0:
            estimate(doubtful, _N_TEMPERATURES)
    return result


def weighted_draws(
    rbm: RBM, base: Layer, v: Array, rng: Generator, n_draws: int
) -> tuple[Array, Array]:
    """Draw free units with importance weights w: `E[w f(v)] = sum_free exp(-F(v)) f(v)`.

    If enumeration is possible, the draws are from `p(v | given)`, and w is `p(given) Z`. Otherwise
    each draw is the end of a chain annealed through 500 temperatures, and w is its importance
    weight.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Visible layer from which annealing starts.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_draws : int
        Number of draws per row.

    Returns
    -------
    v : ndarray of shape (n_draws, n_rows, n_visible)
    log_weights : ndarray of float64 of shape (n_draws, n_rows)
    """
    given = Given.rows(rbm, v)
    states = arrays.stack([given.values] * n_draws)
    log_weights = devices.float64(arrays.zeros(states.shape[:2], states))
    for rows, some, own, mixture in _enumerated(given, rng):
        for i in range(n_draws):
            if mixture is None:
                drawn, log_weights[i, rows] = _annealed(some, base, own, _N_TEMPERATURES)
            else:
                drawn = some.completed(mixture.sample(rbm.visible, own))
                log_weights[i, rows] = arrays.row_log_sum_exp(mixture.log_weights)
            states[i, rows] = devices.like(drawn, states)
    return states, log_weights


def _annealed(
    chains: Given, base: Layer, rng: Generator, n_temperatures: int
) -> tuple[Array, Array]:
    """Anneal one chain per row and return its last state, and the logarithm of its weight.

    The hidden units receive the input of the given units from the start, and the mean input of the
    free ones, so that only the coupling of the free units grows.
    """
    rbm, known, completed = chains.rbm, chains.known, base.completion(chains.known)
    hidden = rbm.hidden.shift(rbm.hidden_input(completed(base.mean(0.0) + 0 * known.values)))
    v = completed(samplers.sample_independent(base, len(known.values), rng))
    path, betas = AnnealingPath(rbm, base, hidden), np.linspace(0.0, 1.0, n_temperatures)
    increments, v = anneal(path, v, betas, rng, lambda layer, v: layer.completion(known)(v))
    of_visible = base.log_normalizer_given(known, 0 * v[:1])[:, 0]
    at_zero = of_visible + hidden.log_normalizer(0.0)
    return v, at_zero + devices.with_device_of(increments.sum(axis=1), at_zero)


def means(rbm: RBM, base: Layer, v: Array, rng: Generator, n_steps: int) -> Means:
    """`E[v | given]` and `E[h | given]` for every row; given units keep their states.

    If enumeration takes too long, 20 block Gibbs chains per row make n_steps steps. The conditional
    means of one layer given the other one are averaged over the second half of the steps.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Free units of the chains start as draws from this layer.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains.
    """
    given = Given.rows(rbm, v)
    result = Means(*(arrays.zeros((len(v), n), rbm.reference) for n in rbm.weights.shape))
    for rows, some, own, mixture in _enumerated(given, rng):
        found = _averages(some, base, own, n_steps) if mixture is None else mixture.means
        result.visible[rows] = devices.like(some.completed(found.visible), rbm.reference)
        result.hidden[rows] = devices.like(found.hidden, rbm.reference)
    return result


def _averages(given: Given, base: Layer, rng: Generator, n_steps: int) -> Means:
    """Means averaged over chains; there are several per row because one may stay in one mode."""
    rbm, chains, rng = given.rbm, given.repeated(_N_CHAINS), repeated(rng, _N_CHAINS)
    v = chains.completed(samplers.sample_independent(base, len(chains.values), rng))
    n_rows, first = len(given.values), n_steps // 2
    totals = [arrays.zeros((n_rows, n), v) for n in rbm.weights.shape]
    for step in range(n_steps):
        hidden_mean = rbm.hidden_from_visible(v)
        visible_mean = rbm.visible_from_hidden(rbm.hidden.sample(hidden_mean, rng))
        if step >= first:
            for total, mean in zip(totals, (visible_mean, hidden_mean), strict=True):
                total += mean.reshape(_N_CHAINS, n_rows, -1).mean(axis=0)
        v = chains.completed(rbm.visible.sample(visible_mean, rng))
    return Means(*(total / (n_steps - first) for total in totals))


def draw(rbm: RBM, base: Layer, v: Array, rng: Generator, n_steps: int) -> Array:
    """Draw one state per row from `p(v | given)`.

    If enumeration takes too long, the draw is the end of a block Gibbs chain of n_steps steps.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Free units of the chains start as draws from this layer.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains.
    """
    given = Given.rows(rbm, v)
    result = 0 * given.values
    for rows, some, own, mixture in _enumerated(given, rng):
        if mixture is None:
            start = samplers.sample_independent(base, len(rows), own)
            result[rows] = gibbs(some, start, own, n_steps)
        else:
            drawn = some.completed(mixture.sample(rbm.visible, own))
            result[rows] = devices.like(drawn, result)
    return result


def gibbs(given: Given, v: Array, rng: Generator, n_steps: int) -> Array:
    """Run block Gibbs chains from v that keep the given units fixed."""
    v = given.completed(v)
    for _ in range(n_steps):
        v = given.completed(samplers.gibbs_visible(given.rbm, v, rng))
    return v


def mode(rbm: RBM, base: Layer, v: Array, rng: Generator, n_steps: int) -> Array:
    """Find a mode of `p(v | given)` for every row, by ascent from the most probable unit states.

    The ascent starts at the most probable state of each unit given `means`. Each step sets v to its
    most probable state given the given units and the means of the hidden units. A step cannot
    decrease `p(v)`: `log p(v) + visible.energy(v)` is convex in v and therefore lies above its
    tangents, and the step maximises the tangent minus the energy. For correlated real units, this
    maximum is their conditional mean.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Free units of the chains start as draws from this layer.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains that estimate the start, as for `means`.
    """
    given = Given.rows(rbm, v)

    def most_probable(mean: Array) -> Array:
        return given.completed(rbm.visible.most_probable(mean))

    def step(v: Array) -> Array:
        return most_probable(rbm.visible_from_hidden(rbm.hidden_from_visible(v)))

    return arrays.fixed_point(step, most_probable(means(rbm, base, v, rng, n_steps).visible))
