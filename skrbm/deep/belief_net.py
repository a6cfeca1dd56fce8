"""The model of a stack: directed layers, one upon the other, beneath an RBM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from skrbm import samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.model import RBM
from skrbm.units import Layer
from skrbm.weights import Weights, as_weights

# How states of a layer are drawn, given the states of its neighbour.
Draw = Callable[["Conditional", Array], Array]


@dataclass(frozen=True)
class Conditional:
    """A directed layer, `p(s | x)`: units s whose input is `x W`.

    Parameters
    ----------
    layer : Layer
        The units s.
    weights : Weights or ndarray of shape (n_parents, n_units)
        W; see `skrbm.weights`.
    """

    layer: Layer
    weights: Weights

    def __post_init__(self) -> None:
        """Take an array for dense weights."""
        object.__setattr__(self, "weights", as_weights(self.weights))

    def map(self, function: Callable[[Array], Array]) -> Conditional:
        """The same with a function applied to each of its parameters."""
        return replace(self, layer=self.layer.map(function), weights=self.weights.map(function))

    def with_precision(self, precision: str) -> Conditional:
        """The same with another precision of the factors of products."""
        return replace(self, weights=replace(self.weights, precision=precision))

    def input(self, x: Any) -> Array:
        """`x W`."""
        return self.weights.input(x)

    def mean(self, x: Any) -> Array:
        """`E[s | x]`."""
        return self.layer.mean(self.input(x))

    def sample(self, x: Any, rng: Generator) -> Array:
        """Draw from `p(s | x)`."""
        return self.layer.draw(self.input(x), rng)

    def log_probability(self, s: Array, x: Array) -> Array:
        """`log p(s | x)` of every pair of rows, in float64."""
        input = self.input(x)
        log_weight = arrays.row_dot(input, s) - self.layer.energy(s)
        return log_weight - self.layer.log_normalizer(input)

    def climb(self, s: Array, x: Array, shares: Array, rate: float) -> None:
        """Move the parameters, in place, along the slope of the mean `log p(s | x)`.

        By the delta rule, with the inputs centred, so that weights do not do the biases' work. The
        step is never longer than what raises that mean: the inverse of its curvature, which is at
        most that of the layer times the Frobenius norm of the inputs' covariance.

        Parameters
        ----------
        s : ndarray of shape (n_rows, n_units)
        x : ndarray of shape (n_rows, n_parents)
        shares : ndarray of shape (n_rows,)
            Weights of the rows, of sum one.
        rate : float
            The longest step.
        """
        offset = shares @ x
        v = x - offset
        norm = float((shares @ (v @ v.T) ** 2 @ shares) ** 0.5)
        rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))
        error = self.layer.preconditioned(s - self.mean(x)) * (rate * shares)[:, None]
        self.weights.accumulate(v, error)
        bias = self.layer.bias
        bias += (1 - v @ offset) @ error


@dataclass(frozen=True)
class BeliefNet:
    """A deep belief net, `p(v, h_1, ..., h_n) = p(v | h_1) ... p(h_m-1 | h_m) p(h_m, h_n)`.

    The two uppermost layers are an RBM. Going up, the posterior of the hidden layers is
    approximated by `q(h_1 | v) ... q(h_m | h_m-1)`, exact where a layer was just put on another.

    Parameters
    ----------
    recognition : tuple of Conditional
        The directed layers upwards, `q(h_l | h_l-1)`, from the data to the RBM on top.
    generation : tuple of Conditional
        The same layers downwards, `p(h_l-1 | h_l)`, in the same order.
    top : RBM
        `p(h_m, h_n)`.

    References
    ----------
    G. E. Hinton, S. Osindero and Y. W. Teh, "A fast learning algorithm for deep belief nets",
    Neural Computation 18(7), 2006.
    """

    recognition: tuple[Conditional, ...]
    generation: tuple[Conditional, ...]
    top: RBM

    @classmethod
    def stack(cls, rbms: Sequence[RBM]) -> BeliefNet:
        """One RBM upon the other: directed layers share their weights both ways."""
        *below, top = rbms
        return cls(
            tuple(Conditional(rbm.hidden, rbm.weights) for rbm in below),
            tuple(Conditional(rbm.visible, rbm.weights.T) for rbm in below),
            top,
        )

    def map(self, function: Callable[[Array], Array]) -> BeliefNet:
        """The net with a function applied to each of its parameters."""
        return BeliefNet(
            tuple(conditional.map(function) for conditional in self.recognition),
            tuple(conditional.map(function) for conditional in self.generation),
            self.top.map(function),
        )

    def copy(self) -> BeliefNet:
        """The same net with parameters of its own, untied in both directions."""
        return self.map(arrays.copy)

    @property
    def visible(self) -> Layer:
        """The layer of the data."""
        return self.generation[0].layer if self.generation else self.top.visible

    @property
    def reference(self) -> Array:
        """An array with the dtype and the device of all parameters."""
        return self.top.reference

    def means(self, v: Any) -> list[Array]:
        """Means of every hidden layer, each given those of the layer below."""
        if not self.recognition:
            return [self.top.hidden_from_visible(v)]
        return self.means_above(self.recognition[0].mean(v))

    def means_above(self, first: Array) -> list[Array]:
        """Means of every hidden layer, from those of the lowest one."""
        if not self.recognition:
            return [first]
        means = [first]
        for conditional in self.recognition[1:]:
            means.append(conditional.mean(means[-1]))
        return [*means, self.top.hidden_from_visible(means[-1])]

    def visible_from_top(self, h: Array) -> Array:
        """Means of the visible units, through the means of every layer on the way down."""
        x = self.top.visible_from_hidden(h)
        for conditional in reversed(self.generation):
            x = conditional.mean(x)
        return x

    def up(self, v: Any, draw: Draw) -> list[Array]:
        """States of the data's layer and of those above it, up to the RBM on top."""
        states = [v]
        for conditional in self.recognition:
            states.append(draw(conditional, states[-1]))
        return states

    def down(self, x: Array, rng: Generator) -> list[Array]:
        """States from the data's layer up to x, the visible ones of the RBM on top."""
        states = [x]
        for conditional in reversed(self.generation):
            states.append(conditional.sample(states[-1], rng))
        return states[::-1]

    def gibbs(self, v: Any, rng: Generator, n_steps: int) -> Array:
        """Visible states: upwards, n_steps Gibbs steps in the RBM on top, and down again."""
        x = self.up(v, drawn_with(rng))[-1]
        return self.down(samplers.gibbs_visible(self.top, x, rng, n_steps), rng)[0]

    def log_ratio(self, states: list[Array]) -> Array:
        """`log p(v, h_1, ..., h_m) / q(h_1, ..., h_m | v) + log Z` of every row, in float64.

        Z is that of the RBM on top. The mean over draws of the hidden states is a lower bound on
        `log p(v) + log Z`, below it by the divergence from q to the posterior.

        Parameters
        ----------
        states : list of ndarray
            Of the layers from the data's to the lower one of the RBM on top; see `up`.
        """
        return self.log_ratio_below(states) - self.top.free_energy(states[-1])

    def log_ratio_below(self, states: list[Array]) -> Array:
        """`log p(v, ... | h_m) / q(h_1, ..., h_m | v)` of every row, in float64."""
        total = devices.float64(arrays.zeros((len(states[0]),), self.reference))
        directed = zip(self.recognition, self.generation, pairwise(states), strict=True)
        for recognition, generation, (lower, upper) in directed:
            total += generation.log_probability(lower, upper)
            total -= recognition.log_probability(upper, lower)
        return total


def drawn_with(rng: Generator) -> Draw:
    """States drawn anew for every row."""
    return lambda conditional, x: conditional.sample(x, rng)


def drawn_by_content(rng: Generator) -> Draw:
    """States of binary units that are the same for rows that are equal, wherever these stand."""

    def draw(conditional: Conditional, x: Array) -> Array:
        mean = conditional.mean(x)
        u = random.uniform_by_content(x, rng, mean.shape[1])
        return conditional.layer.from_data(mean, u)

    return draw
