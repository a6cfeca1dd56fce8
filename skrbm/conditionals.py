"""What a model says about visible units where some of them are given, and the others free.

Free units are summed out, averaged over, drawn, or set to what is most probable. Where they, or
the hidden units, have few joint states, all is exact, by enumeration. Elsewhere block Gibbs chains
tell, in which the given units stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from skrbm import samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.annealing import Path, anneal
from skrbm.model import RBM
from skrbm.units import Layer

_LOG2_STATES = 10  # of the hidden units, or of a row's free ones, that are enumerated
_MOST_NUMBERS = 2**22  # that are looked at at once
_N_TEMPERATURES = 500
_N_CHAINS = 20  # a row, that are annealed or averaged over
_MOST_STEPS = 100  # of the ascent to a mode


class Means(NamedTuple):
    """`E[v | given]` and `E[h | given]` of every row."""

    visible: Array
    hidden: Array


@dataclass(frozen=True)
class Given:
    """Rows of visible states of which some units are given.

    Parameters
    ----------
    rbm : RBM
    values : ndarray of shape (n_rows, n_visible)
        Zero where a unit is free.
    free : ndarray of bool of shape (n_rows, n_visible)
    """

    rbm: RBM
    values: Array
    free: Array

    @classmethod
    def rows(cls, rbm: RBM, v: Array) -> Given:
        """Rows that hold NaN where a unit is free."""
        free = arrays.is_nan(v)
        return cls(rbm, arrays.where(free, 0 * rbm.visible.bias[0], v), free)

    def part(self, rows: Array | slice) -> Given:
        """Some of the rows."""
        return Given(self.rbm, self.values[rows], self.free[rows])

    def repeated(self, n: int) -> Given:
        """All rows n times, one repetition below the other."""
        n_units = self.rbm.visible.n_units
        return Given(
            self.rbm,
            *(arrays.repeat(x, n).reshape(-1, n_units) for x in (self.values, self.free)),
        )

    def completed(self, v: Array) -> Array:
        """The states v, but for the units that are given."""
        return arrays.where(self.free, v, devices.with_device_of(self.values, v))

    def given_energy(self, layer: Layer) -> Array:
        """The visible layer's energy, or another one's, of the given units of every row."""
        values = devices.with_device_of(self.values, layer.parameters[0])
        return arrays.sum_float64(arrays.where(self.free, 0.0, layer.energies(values)))


class _Mixture(NamedTuple):
    """`p(v, h | given)` of some rows, as a mixture over enumerated states.

    Parameters
    ----------
    log_weights : ndarray of float64 of shape (n_rows, n_states)
        `log p(given, state) + log Z`.
    visible, hidden : ndarray of shape (n_rows or 1, n_states, n_units)
        Of the two layers one is enumerated, and this the means of the other one.
    """

    log_weights: Array
    visible: Array
    hidden: Array

    @property
    def log_total(self) -> Array:
        return arrays.row_log_sum_exp(self.log_weights)

    @property
    def means(self) -> Means:
        share = arrays.softmax(self.log_weights)
        return Means(_mix(share, self.visible), _mix(share, self.hidden))

    def sample(self, layer: Layer, rng: Generator) -> Array:
        share = random.one_hot_choices(arrays.softmax(self.log_weights), rng)
        return layer.sample(_mix(share, self.visible), rng)


def _mix(share: Array, states: Array) -> Array:
    """`sum_s share_rs states_rs` of every row r."""
    states = devices.float64(states)
    if len(states) == 1:
        return share @ states[0]
    return (share[:, None] @ states)[:, 0]


def _enumerated(given: Given) -> Iterator[tuple[Array, _Mixture | None]]:
    """Rows, and what is exact of them; None where neither layer has few enough free states."""
    rbm, count = given.rbm, given.free.sum(axis=1)
    if rbm.hidden.log2_states <= _LOG2_STATES:
        yield arrays.nonzero(count >= 0), _over_hidden(given)
        return
    few = are_enumerated(given)
    for n_free in range(_LOG2_STATES + 1):
        rows = arrays.nonzero(few & (count == n_free))
        n_numbers = len(rows) * 2**n_free * sum(rbm.weights.shape)
        for some in arrays.split(rows, max(1, n_numbers // _MOST_NUMBERS)):
            if len(some):
                yield some, _over_free(given.part(some), n_free)
    if not few.all():
        yield arrays.nonzero(~few), None


def are_enumerated(given: Given) -> Array:
    """Whether all is exact of every row: its free units, or the hidden ones, have few states."""
    if given.rbm.hidden.log2_states <= _LOG2_STATES:
        return given.free.sum(axis=1) >= 0
    return (given.free.sum(axis=1) <= _LOG2_STATES) & (given.rbm.visible.log2_states < math.inf)


def _over_hidden(given: Given) -> _Mixture:
    """All hidden states, and for each the means of the visible units."""
    rbm = given.rbm.in_float64()
    hidden = rbm.hidden.states()
    x = rbm.swap().hidden_input(hidden)
    free = devices.like(given.free, x)
    log_weights = devices.float64(given.values) @ x.T + free @ rbm.visible.log_normalizers(x).T
    log_weights -= rbm.hidden.energy(hidden) + given.given_energy(rbm.visible)[:, None]
    return _Mixture(log_weights, rbm.visible.mean(x)[None], hidden[None])


def _over_free(given: Given, n_free: int) -> _Mixture:
    """All states of the free units, which are as many in every row, and for each E[h | v]."""
    rbm = given.rbm
    columns = arrays.argsort(~given.free)[:, :n_free]
    states = rbm.visible.part(slice(n_free)).states()
    unit_vectors = arrays.identity(rbm.visible.n_units, rbm.reference)
    visible = given.values[:, None] + states @ unit_vectors[columns]
    x = rbm.hidden_input(visible)
    return _Mixture(-rbm.free_energy(visible, x), visible, rbm.hidden.mean(x))


def log_marginal(rbm: RBM, base: Layer, v: Array, rng: Generator) -> Array:
    """`log p(given) + log Z` of every row, in float64.

    Where it is not exact, it is from 20 chains a row, annealed through 500 temperatures from
    independent units, with the given ones as they are: on average too low.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        The visible layer that annealing starts from.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator

    References
    ----------
    R. M. Neal, "Annealed importance sampling", Statistics and Computing 11, 2001.
    """
    given = Given.rows(rbm, v)
    result = devices.float64(arrays.zeros((len(v),), rbm.reference))
    for rows, mixture in _enumerated(given):
        if mixture is None:
            _, log_weights = _annealed(given.part(rows).repeated(_N_CHAINS), base, rng)
            of_row = arrays.row_log_sum_exp(log_weights.reshape(_N_CHAINS, -1).T)
            result[rows] = of_row - math.log(_N_CHAINS)
        else:
            result[rows] = mixture.log_total
    return result


def weighted_draws(
    rbm: RBM, base: Layer, v: Array, rng: Generator, n_draws: int
) -> tuple[Array, Array]:
    """Draws of what is free, and `log w`, with `E[w f(v)] = sum exp(-F(v)) f(v)` over what is free.

    Where they are exact they are from `p(v | given)`, and w is `p(given) Z`. Elsewhere each is the
    end of a chain that is annealed through 500 temperatures, and w its importance weight.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        The visible layer that annealing starts from.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_draws : int
        Of every row.

    Returns
    -------
    v : ndarray of shape (n_draws, n_rows, n_visible)
    log_weights : ndarray of float64 of shape (n_draws, n_rows)
    """
    given = Given.rows(rbm, v)
    states = arrays.repeat(given.values, n_draws)
    log_weights = devices.float64(arrays.zeros(states.shape[:2], states))
    for rows, mixture in _enumerated(given):
        some = given.part(rows)
        for i in range(n_draws):
            if mixture is None:
                drawn, log_weights[i, rows] = _annealed(some, base, rng)
            else:
                drawn = some.completed(mixture.sample(rbm.visible, rng))
                log_weights[i, rows] = mixture.log_total
            states[i, rows] = devices.like(drawn, states)
    return states, log_weights


def _annealed(chains: Given, base: Layer, rng: Generator) -> tuple[Array, Array]:
    """Where a chain of every row ends, and the logarithm of its weight."""
    path = Path(chains.rbm, base)
    v = chains.completed(samplers.independent(base, len(chains.values), rng))
    betas = arrays.linspace(0.0, 1.0, _N_TEMPERATURES)
    increments, v = anneal(path, v, betas, rng, chains.completed)
    free_at_zero = arrays.row_dot(devices.like(chains.free, v), base.log_normalizers(0.0))
    hidden_at_zero = chains.rbm.hidden.neutral().log_normalizer(0.0)
    at_zero = free_at_zero + hidden_at_zero - chains.given_energy(base)
    return v, at_zero + devices.with_device_of(increments.sum(axis=1), at_zero)


def means(rbm: RBM, base: Layer, v: Array, rng: Generator, n_steps: int) -> Means:
    """`E[v | given]`, where given units are what they are, and `E[h | given]`.

    Where they are not exact, they are averages over 20 chains a row and the second half of their
    n_steps block Gibbs steps, of means that hold given the other layer's state.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Free units start as draws from it.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int
    """
    given = Given.rows(rbm, v)
    result = Means(*(arrays.zeros((len(v), n), rbm.reference) for n in rbm.weights.shape))
    for rows, mixture in _enumerated(given):
        some = given.part(rows)
        found = _averages(some, base, rng, n_steps) if mixture is None else mixture.means
        result.visible[rows] = devices.like(some.completed(found.visible), rbm.reference)
        result.hidden[rows] = devices.like(found.hidden, rbm.reference)
    return result


def _averages(given: Given, base: Layer, rng: Generator, n_steps: int) -> Means:
    """Over all chains of a row; one alone would know of one mode."""
    rbm, chains = given.rbm, given.repeated(_N_CHAINS)
    v = chains.completed(samplers.independent(base, len(chains.values), rng))
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
    """Draws from `p(v | given)`; where they are not exact, the ends of chains of n_steps steps.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Free units of the chains start as draws from it.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int
    """
    given = Given.rows(rbm, v)
    result = 0 * given.values
    for rows, mixture in _enumerated(given):
        some = given.part(rows)
        if mixture is None:
            start = samplers.independent(base, len(rows), rng)
            result[rows] = gibbs(some, start, rng, n_steps)
        else:
            drawn = some.completed(mixture.sample(rbm.visible, rng))
            result[rows] = devices.like(drawn, result)
    return result


def gibbs(given: Given, v: Array, rng: Generator, n_steps: int) -> Array:
    """Block Gibbs chains from v in which given units stay as they are."""
    v = given.completed(v)
    for _ in range(n_steps):
        v = given.completed(samplers.gibbs_visible(given.rbm, v, rng))
    return v


def mode(rbm: RBM, base: Layer, v: Array, rng: Generator, n_steps: int) -> Array:
    """A mode of `p(v | given)`: where an ascent ends that starts at what is most probable by unit.

    Again and again v becomes the most probable state given the hidden units' means. That cannot
    lower `p(v)`, whose logarithm, but for the visible energy, is convex in v and lies above its
    tangents.

    Parameters
    ----------
    rbm : RBM
    base : Layer
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int
        Of the chains that find where to start, as for `means`.
    """
    given = Given.rows(rbm, v)
    start = means(rbm, base, v, rng, n_steps).visible
    best = given.completed(rbm.visible.most_probable(start))
    for _ in range(_MOST_STEPS):
        mean = rbm.visible_from_hidden(rbm.hidden_from_visible(best))
        new = given.completed(rbm.visible.most_probable(mean))
        if (new == best).all():
            break
        best = new
    return best
