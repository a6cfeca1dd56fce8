"""What the tests compare with: plain enumeration in float64, without the package's formulas.

A unit type has one row in UNITS. The laws run over all pairs of rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from skrbm.deep.belief_net import BeliefNet, Conditional
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian


@dataclass(frozen=True)
class UnitType:
    """A unit type, and the sum or quadrature that stands for "over all its states"."""

    name: str
    make: Callable[[int, np.random.Generator, str], Any]
    nodes: np.ndarray
    log_weights: np.ndarray
    log_density: Callable[[Any, np.ndarray], np.ndarray]
    parameters: tuple[str, ...]
    most_units: int  # in a layer whose joint states are all looked at


def _make_bernoulli(n_units: int, rng: np.random.Generator, dtype: str) -> Bernoulli:
    return Bernoulli(rng.normal(size=n_units).astype(dtype))


# The trapezoidal rule over a normal density of deviation s errs by exp(-2 (pi s / step)^2).
_NODES = np.linspace(-7.0, 7.0, 57)


def _make_gaussian(n_units: int, rng: np.random.Generator, dtype: str) -> Gaussian:
    """Precisions of 4 to 6 leave two layers with weights of standard deviation 1 normalisable."""
    precision = rng.uniform(4, 6, size=n_units)
    return Gaussian(rng.normal(size=n_units).astype(dtype), precision.astype(dtype))


def _log_gaussian(layer: Gaussian, states: np.ndarray) -> np.ndarray:
    return -((states - layer.bias / layer.precision) ** 2) * layer.precision / 2


UNITS = [
    UnitType(
        name="bernoulli",
        make=_make_bernoulli,
        nodes=np.array([0.0, 1.0]),
        log_weights=np.zeros(2),
        log_density=lambda layer, states: states * layer.bias,
        parameters=("bias",),
        most_units=1000,
    ),
    UnitType(
        name="gaussian",
        make=_make_gaussian,
        nodes=_NODES,
        log_weights=np.full(len(_NODES), np.log(_NODES[1] - _NODES[0])),
        log_density=_log_gaussian,
        parameters=("bias", "precision"),
        most_units=2,
    ),
]

UNIT_IDS = [unit.name for unit in UNITS]
BERNOULLI, GAUSSIAN = UNITS
PAIRS = list(itertools.product(UNITS, UNITS))
PAIR_IDS = [f"{visible.name}-{hidden.name}" for visible, hidden in PAIRS]
ENUMERABLE = PAIRS[:-1]  # those with a layer of finitely many states


def random_rbm(
    pair: tuple[UnitType, UnitType] = PAIRS[0],
    n_visible: int = 4,
    n_hidden: int = 3,
    scale: float = 1.0,
    seed: int = 0,
    dtype: str = "float64",
) -> RBM:
    """A model with normal weights of the given standard deviation and normal biases.

    It has fewer units where a type's states are too many to look at.
    """
    rng = np.random.default_rng(seed)
    visible, hidden = pair
    n_visible, n_hidden = min(n_visible, visible.most_units), min(n_hidden, hidden.most_units)
    weights = rng.normal(scale=scale, size=(n_visible, n_hidden)).astype(dtype)
    return RBM(visible.make(n_visible, rng, dtype), hidden.make(n_hidden, rng, dtype), weights)


def coupled_rbm(n_visible: int = 6, n_hidden: int = 3, scale: float = 3.0, seed: int = 0) -> RBM:
    """A Bernoulli model whose biases balance its weights, so that its units depend strongly."""
    rbm = random_rbm(n_visible=n_visible, n_hidden=n_hidden, scale=scale, seed=seed)
    balanced = (
        Bernoulli(-rbm.weights.array.sum(axis=1) / 2),
        Bernoulli(-rbm.weights.array.sum(axis=0) / 2),
    )
    return RBM(*balanced, rbm.weights.array)


def all_states(unit: UnitType, n_units: int) -> tuple[np.ndarray, np.ndarray]:
    """Every joint state of a layer's nodes, and the logarithm of its weight."""
    states = np.array(list(itertools.product(unit.nodes, repeat=n_units)))
    log_weights = np.array(list(itertools.product(unit.log_weights, repeat=n_units)))
    return states, log_weights.sum(axis=1)


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
    v, log_weight_v = all_states(visible, rbm.visible.n_units)
    h, log_weight_h = all_states(hidden, rbm.hidden.n_units)
    minus_energy = (
        visible.log_density(rbm.visible, v).sum(axis=1)[:, None]
        + hidden.log_density(rbm.hidden, h).sum(axis=1)
        + v @ rbm.weights.array @ h.T
    )
    return Enumeration(v, h, log_weight_v, log_weight_h, minus_energy)


def draw(probability: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n indices with the given probabilities."""
    return rng.choice(len(probability), size=n, p=probability / probability.sum())


def total_variation(states: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Distance of the drawn state indices from a distribution, and what chance alone makes it.

    Chance makes every frequency differ by `sqrt(2 p (1 - p) / (pi n))` on average.
    """
    n = len(states)
    frequency = np.bincount(states, minlength=len(probability)) / n
    floor = np.sqrt(2 * probability * (1 - probability) / (np.pi * n)).sum() / 2
    return float(np.abs(frequency - probability).sum() / 2), float(floor)


def codes(states: np.ndarray) -> np.ndarray:
    """The row of `all_states` that each binary state is."""
    return (states.astype(np.int64) @ (1 << np.arange(states.shape[1])[::-1])).astype(np.int64)


# Sizes of belief nets, from the data upwards.
SIZES = {"two layers": (4, 3, 3), "three layers": (3, 3, 2, 3)}


def random_net(sizes, seed=0, scale=1.0):
    """A net whose recognition has nothing to do with its generation."""
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

    Arrays with one axis a layer, from the data upwards; without the package's formulas.
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
        log_p += log_bernoulli(lower, upper @ down.weights.array + down.layer.bias).reshape(axes)
        log_q += log_bernoulli(upper, lower @ up.weights.array + up.layer.bias).T.reshape(axes)
    return states[0], log_p, log_q


def exact_log_likelihood_and_bound(net):
    """Of every state of the data's layer."""
    v, log_p, log_q = enumerate_net(net)
    above = tuple(range(1, log_p.ndim))
    return v, logsumexp(log_p, axis=above), (np.exp(log_q) * (log_p - log_q)).sum(axis=above)


def copies(n=400, seed=0):
    """Three copies of a fair bit, and one that is independent."""
    rng = np.random.default_rng(seed)
    bit = rng.integers(2, size=(n, 1))
    return np.hstack([bit, bit, bit, rng.integers(2, size=(n, 1))]).astype(float)


def holes_in(X, share=0.3, seed=1):
    """The rows with some values missing at random, but none of them all."""
    missing = np.random.default_rng(seed).random(X.shape) < share
    missing[missing.all(axis=1), 0] = False
    return np.where(missing, np.nan, X)
