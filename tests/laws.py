"""References for the tests: plain enumeration in float64, without the package's formulas.

Each unit type has one entry in UNITS. The laws run over all pairs of entries.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm._kernels import random
from skrbm.deep.belief_net import BeliefNet, Conditional
from skrbm.estimators.common.fitted import fitted_of
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM
from skrbm.units import Bernoulli, Categorical, Gaussian, Joined, Ordinal, Pooled


def quick(values: Iterable[Any], *chosen: Any) -> list[Any]:
    """Return the values as parameters of a test, marked `slow` unless they are chosen."""
    return [x if x in chosen else pytest.param(x, marks=pytest.mark.slow) for x in values]


@dataclass(frozen=True)
class UnitType:
    """A unit type, and the sums or quadratures over its states.

    Parameters
    ----------
    make : callable
        From a number of units to a layer.
    nodes : callable
        From a layer to the states of each unit, and the logarithms of their weights.
    terms : callable
        From a layer and states to the factor of each of its parameters in minus the energy, apart
        from the base.
    most_units : int
        Largest number of units of a layer whose joint states are all visited.
    log_base : callable
        From a layer and states to the rest of minus the energy.
    absorbed : callable
        From a layer and a change of the biases to the nearest change that the layer can have.
    """

    name: str
    make: Callable[[int, np.random.Generator, str], Any]
    nodes: Callable[[Any], list[tuple[np.ndarray, np.ndarray]]]
    terms: Callable[[Any, np.ndarray], list[np.ndarray]]
    most_units: int
    log_base: Callable[[Any, np.ndarray], Any] = lambda layer, states: 0.0
    absorbed: Callable[[Any, np.ndarray], np.ndarray] = lambda layer, x: x

    def log_density(self, layer: Any, states: np.ndarray) -> np.ndarray:
        """Minus the energy of every row."""
        terms = zip(layer.parameters, self.terms(layer, states), strict=True)
        return sum((x * term).sum(axis=-1) for x, term in terms) + self.log_base(layer, states)

    def n_columns(self, n_units: int) -> int:
        return self.make(n_units, np.random.default_rng(0), "float64").bias.shape[-1]

    def some_states(self, layer: Any, n: int, seed: int, within: float = np.inf) -> np.ndarray:
        """Random nodes within a limit."""
        rng = np.random.default_rng(seed)
        columns = []
        for states, _ in self.nodes(layer):
            inside = states[np.abs(states).max(axis=1) <= within]
            columns.append(inside[rng.integers(len(inside), size=n)])
        return np.hstack(columns)


def _make_bernoulli(n_units: int, rng: np.random.Generator, dtype: str) -> Bernoulli:
    return Bernoulli(rng.normal(size=n_units).astype(dtype))


def _bernoulli_nodes(layer: Bernoulli) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.array([[0.0], [1.0]]), np.zeros(2))] * layer.n_units


# The trapezoidal rule over a normal density of deviation s errs by exp(-2 (pi s / step)^2).
_NODES = np.linspace(-7.0, 7.0, 57)


def _make_gaussian(n_units: int, rng: np.random.Generator, dtype: str) -> Gaussian:
    """Precisions of 4 to 6 leave two layers with weights of standard deviation 1 normalisable."""
    precision = rng.uniform(4, 6, size=n_units)
    return Gaussian(rng.normal(size=n_units).astype(dtype), precision.astype(dtype))


def _gaussian_nodes(layer: Gaussian) -> list[tuple[np.ndarray, np.ndarray]]:
    log_weights = np.full(len(_NODES), np.log(_NODES[1] - _NODES[0]))
    return [(_NODES[:, None], log_weights)] * layer.n_units


def _make_categorical(n_units: int, rng: np.random.Generator, dtype: str) -> Categorical:
    """Units with alternately two and three categories."""
    sizes = tuple(2 + i % 2 for i in range(n_units))
    return Categorical(rng.normal(size=sum(sizes)).astype(dtype), sizes)


def _categorical_nodes(layer: Categorical) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.eye(n), np.zeros(n)) for n in layer.n_categories]


def _make_ordinal(n_units: int, rng: np.random.Generator, dtype: str) -> Ordinal:
    """Units with alternately three and two levels."""
    sizes = tuple(3 - i % 2 for i in range(n_units))
    return Ordinal(rng.normal(size=sum(sizes) - n_units).astype(dtype), sizes)


def _ordinal_nodes(layer: Ordinal) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.sqrt(2 / n) * np.tri(n, n - 1, -1), np.zeros(n)) for n in layer.n_levels]


def _make_pooled(n_units: int, rng: np.random.Generator, dtype: str) -> Pooled:
    """One map of blocks of two detectors; from three units on, the last is another map."""
    n_maps = 1 + (n_units > 2)
    groups = np.repeat(np.arange(n_units) * n_maps // n_units, 2)
    return Pooled(rng.normal(size=n_maps).astype(dtype), groups, 2)


def _pooled_nodes(layer: Pooled) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.eye(layer.size + 1, layer.size), np.zeros(layer.size + 1))] * layer.n_units


def _of_groups(layer: Pooled) -> np.ndarray:
    """One for a detector and its group, shape (n_columns, n_groups)."""
    return (layer.groups[:, None] == np.arange(layer.group_bias.shape[-1])).astype(float)


def _absorbed_by_pooled(layer: Pooled, x: np.ndarray) -> np.ndarray:
    of_groups = _of_groups(layer)
    return x @ of_groups / of_groups.sum(axis=0) @ of_groups.T


BERNOULLI = UnitType(
    "bernoulli", _make_bernoulli, _bernoulli_nodes, lambda layer, states: [states], 1000
)
GAUSSIAN = UnitType(
    "gaussian",
    _make_gaussian,
    _gaussian_nodes,
    lambda layer, states: [states, -(states**2) / 2],
    2,
    lambda layer, states: -(layer.bias**2 / layer.precision).sum() / 2,
)
CATEGORICAL = UnitType(
    "categorical", _make_categorical, _categorical_nodes, lambda layer, states: [states], 1000
)

ORDINAL = UnitType("ordinal", _make_ordinal, _ordinal_nodes, lambda layer, states: [states], 1000)
POOLED = UnitType(
    "pooled",
    _make_pooled,
    _pooled_nodes,
    lambda layer, states: [states @ _of_groups(layer)],
    1000,
    absorbed=_absorbed_by_pooled,
)


def joined(first: UnitType, second: UnitType, most_units: int = 1000) -> UnitType:
    """Units of the first type, and after them at most as many of the second."""

    def make(n_units: int, rng: np.random.Generator, dtype: str) -> Joined:
        n_second = max(1, n_units // 2) if second is not GAUSSIAN else 1
        n_first = n_units - n_second
        if n_first == 0:
            return second.make(n_second, rng, dtype)
        return Joined((first.make(n_first, rng, dtype), second.make(n_second, rng, dtype)))

    def of_layers(layer: Any) -> list[tuple[UnitType, Any, slice]]:
        if not isinstance(layer, Joined):
            return [(second, layer, slice(None))]
        n = layer.layers[0].bias.shape[-1]
        return [(first, layer.layers[0], slice(n)), (second, layer.layers[1], slice(n, None))]

    def nodes(layer: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        return [node for unit, part, _ in of_layers(layer) for node in unit.nodes(part)]

    def terms(layer: Any, states: np.ndarray) -> list[np.ndarray]:
        return [
            term
            for unit, part, own in of_layers(layer)
            for term in unit.terms(part, states[..., own])
        ]

    def log_base(layer: Any, states: np.ndarray) -> Any:
        return sum(unit.log_base(part, states[..., own]) for unit, part, own in of_layers(layer))

    return UnitType(f"{first.name}+{second.name}", make, nodes, terms, most_units, log_base)


WITH_LABELS = joined(BERNOULLI, CATEGORICAL)
WITH_REAL = joined(BERNOULLI, GAUSSIAN, most_units=3)
MIXED = joined(CATEGORICAL, GAUSSIAN, most_units=2)
OF_TABLE = joined(CATEGORICAL, ORDINAL)

UNITS = [BERNOULLI, GAUSSIAN, CATEGORICAL, ORDINAL, POOLED, WITH_LABELS, WITH_REAL, MIXED, OF_TABLE]
UNIT_IDS = [unit.name for unit in UNITS]
WITH_PRECISION = [GAUSSIAN, WITH_REAL, MIXED]
NOT_REAL = [unit for unit in UNITS if unit is not GAUSSIAN]  # except layers of real units only
PURE = [
    (BERNOULLI, BERNOULLI),
    (BERNOULLI, GAUSSIAN),
    (GAUSSIAN, BERNOULLI),
    (GAUSSIAN, GAUSSIAN),
]
PAIRS = [
    *PURE[:-1],
    *((unit, BERNOULLI) for unit in NOT_REAL[1:]),
    *((BERNOULLI, unit) for unit in NOT_REAL[1:]),
    (CATEGORICAL, CATEGORICAL),
    (WITH_LABELS, GAUSSIAN),
    (WITH_REAL, GAUSSIAN),
    PURE[-1],
]
PAIR_IDS = [f"{visible.name}-{hidden.name}" for visible, hidden in PAIRS]
ENUMERABLE = PAIRS[:-2]  # models with a layer of finitely many states


def random_rbm(
    pair: tuple[UnitType, UnitType] = PAIRS[0],
    n_visible: int = 4,
    n_hidden: int = 3,
    scale: float = 1.0,
    seed: int = 0,
    dtype: str = "float64",
) -> RBM:
    """A model with normal weights of the given standard deviation and normal biases.

    It has fewer units if a type has too many states to enumerate.
    """
    rng = np.random.default_rng(seed)
    visible, hidden = pair
    n_visible, n_hidden = min(n_visible, visible.most_units), min(n_hidden, hidden.most_units)
    shape = visible.n_columns(n_visible), hidden.n_columns(n_hidden)
    weights = rng.normal(scale=scale, size=shape).astype(dtype)
    return RBM(visible.make(n_visible, rng, dtype), hidden.make(n_hidden, rng, dtype), weights)


def coupled_rbm(n_visible: int = 6, n_hidden: int = 3, scale: float = 3.0, seed: int = 0) -> RBM:
    """A Bernoulli model whose biases balance its weights, so that its units depend strongly."""
    rbm = random_rbm(n_visible=n_visible, n_hidden=n_hidden, scale=scale, seed=seed)
    balanced = (
        Bernoulli(-rbm.weights.dense.sum(axis=1) / 2),
        Bernoulli(-rbm.weights.dense.sum(axis=0) / 2),
    )
    return RBM(*balanced, rbm.weights.dense)


def training_state(
    rbm: RBM, m: Any = None, k: Any = None, rng: int | np.random.Generator = 0, **values: Any
) -> TrainState:
    """A training state of a model, with offsets of one half by default."""
    n_visible, n_hidden = rbm.weights.dense.shape
    m, k = (
        np.full(n, 0.5, rbm.reference.dtype) if offset is None else offset
        for n, offset in ((n_visible, m), (n_hidden, k))
    )
    rng = random.generator(rng) if isinstance(rng, int) else rng
    return TrainState(rbm, m, k, rng, rng, **values)


def all_states(unit: UnitType, layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every joint state of a layer's nodes, and the logarithm of its weight; the last unit fastest.

    A number stands for the number of units of a layer.
    """
    if isinstance(layer, int):
        layer = unit.make(layer, np.random.default_rng(0), "float64")
    states, log_weights = np.zeros((1, 0)), np.zeros(1)
    for of_unit, of_nodes in unit.nodes(layer):
        rows = np.repeat(np.arange(len(states)), len(of_unit))
        own = np.tile(np.arange(len(of_unit)), len(states))
        states = np.hstack([states[rows], of_unit[own]])
        log_weights = log_weights[rows] + of_nodes[own]
    return states, log_weights


@dataclass(frozen=True)
class Enumeration:
    """All joint states of a small model, or the nodes of a quadrature over them.

    Rows of `minus_energy` are visible states, columns hidden ones.
    """

    v: np.ndarray
    h: np.ndarray
    log_weight_v: np.ndarray
    log_weight_h: np.ndarray
    minus_energy: np.ndarray

    @property
    def log_joint(self) -> np.ndarray:
        return self.minus_energy + self.log_weight_v[:, None] + self.log_weight_h

    @property
    def log_partition(self) -> float:
        return float(logsumexp(self.log_joint))

    @property
    def joint(self) -> np.ndarray:
        """Probabilities of the states, or of the nodes' surroundings."""
        return np.exp(self.log_joint - self.log_partition)

    @property
    def log_p_visible(self) -> np.ndarray:
        """Log-probabilities of visible states, or log-densities at the nodes."""
        return logsumexp(self.minus_energy + self.log_weight_h, axis=1) - self.log_partition


def enumerate_rbm(rbm: RBM, pair: tuple[UnitType, UnitType] = PAIRS[0]) -> Enumeration:
    """Sum over a model by brute force."""
    visible, hidden = pair
    v, log_weight_v = all_states(visible, rbm.visible)
    h, log_weight_h = all_states(hidden, rbm.hidden)
    minus_energy = (
        visible.log_density(rbm.visible, v)[:, None]
        + hidden.log_density(rbm.hidden, h)
        + v @ rbm.weights.dense @ h.T
    )
    return Enumeration(v, h, log_weight_v, log_weight_h, minus_energy)


def draw(probability: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n indices with the given probabilities."""
    return rng.choice(len(probability), size=n, p=probability / probability.sum())


def total_variation(states: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Distance of the drawn state indices from a distribution, and the distance expected by chance.

    By chance, a frequency differs by `sqrt(2 p (1 - p) / (pi n))` on average.
    """
    n = len(states)
    frequency = np.bincount(states, minlength=len(probability)) / n
    floor = np.sqrt(2 * probability * (1 - probability) / (np.pi * n)).sum() / 2
    return float(np.abs(frequency - probability).sum() / 2), float(floor)


def codes(states: np.ndarray) -> np.ndarray:
    """The index of each binary state in `all_states`."""
    return (states.astype(np.int64) @ (1 << np.arange(states.shape[1])[::-1])).astype(np.int64)


def indices(rows: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The index of each row among the states."""
    key = np.random.default_rng(0).normal(size=states.shape[1])
    order = np.argsort(states @ key)
    found = order[np.searchsorted((states @ key)[order], rows @ key - 1e-9)]
    np.testing.assert_array_equal(states[found], rows)
    return found


# Sizes of belief nets, from the data upwards.
SIZES = {"two layers": (4, 3, 3), "three layers": (3, 3, 2, 3)}


def random_net(sizes, seed=0, scale=1.0):
    """A net whose recognition is independent of its generation."""
    rng = np.random.default_rng(seed)

    def conditional(n_parents, n_units):
        weights = rng.normal(scale=scale, size=(n_parents, n_units))
        return Conditional(Bernoulli(rng.normal(size=n_units)), weights)

    *directed, n_hidden = sizes
    return BeliefNet(
        tuple(conditional(*pair) for pair in itertools.pairwise(directed)),
        tuple(conditional(*pair[::-1]) for pair in itertools.pairwise(directed)),
        random_rbm(n_visible=directed[-1], n_hidden=n_hidden, seed=seed),
    )


def log_bernoulli(states, logits):
    """`log p(s)` of binary states, every pair of rows of states and of logits."""
    return states @ logits.T - np.logaddexp(0, logits).sum(axis=1)


def enumerate_net(net):
    """For every joint state of the directed layers: log p and, given the lowest one, log q.

    Arrays with one axis per layer, from the data upwards; without the package's formulas.
    """
    *_, top = layers = [*(g.layer.n_units for g in net.generation), net.top.visible.n_units]
    states = [all_states(BERNOULLI, n)[0] for n in layers]
    shape = [len(s) for s in states]
    log_p = enumerate_rbm(net.top).log_p_visible.reshape([1] * (len(shape) - 1) + [-1])
    log_p = np.broadcast_to(log_p, shape).copy()
    log_q = np.zeros(shape)
    for i, (up, down) in enumerate(zip(net.recognition, net.generation, strict=True)):
        lower, upper = states[i], states[i + 1]
        axes = [1] * len(shape)
        axes[i], axes[i + 1] = len(lower), len(upper)
        log_p += log_bernoulli(lower, upper @ down.weights.dense + down.layer.bias).reshape(axes)
        log_q += log_bernoulli(upper, lower @ up.weights.dense + up.layer.bias).T.reshape(axes)
    return states[0], log_p, log_q


def exact_log_likelihood_and_bound(net):
    """The log-likelihood of every state of the data's layer."""
    v, log_p, log_q = enumerate_net(net)
    above = tuple(range(1, log_p.ndim))
    return v, logsumexp(log_p, axis=above), (np.exp(log_q) * (log_p - log_q)).sum(axis=above)


def copies(n=400, seed=0):
    """Three copies of a fair bit, and one that is independent."""
    rng = np.random.default_rng(seed)
    bit = rng.integers(2, size=(n, 1))
    return np.hstack([bit, bit, bit, rng.integers(2, size=(n, 1))]).astype(float)


def draw_with(estimator, seed):
    """Make a fitted estimator draw other missing values in its results."""
    object.__setattr__(fitted_of(estimator).seeds, "likelihood", seed)


def holes_in(X, share=0.3, seed=1):
    """The rows with some values missing at random; no row loses all values."""
    missing = np.random.default_rng(seed).random(X.shape) < share
    missing[missing.all(axis=1), 0] = False
    return np.where(missing, np.nan, X)
