"""`BeliefNet`: a stack of directed layers below an RBM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any, cast

from skrbm import samplers
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm.model import RBM
from skrbm.units import Gaussian, Layer, Rotated, Rotation
from skrbm.weights import Dense, Weights, as_weights


@dataclass(frozen=True)
class Conditional:
    """A directed layer, `p(s | x)`: the units s receive the input `x W`.

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
        """Convert an array to dense weights."""
        object.__setattr__(self, "weights", as_weights(self.weights))

    def map(self, function: Callable[[Array], Array]) -> Conditional:
        """Return the layer with a function applied to each of its parameter arrays."""
        return replace(self, layer=self.layer.map(function), weights=self.weights.map(function))

    def with_precision(self, precision: str) -> Conditional:
        """Return the layer with another precision of matrix products."""
        return replace(self, weights=self.weights.with_precision(precision))

    def mean(self, x: Any) -> Array:
        """`E[s | x]`."""
        return self.layer.mean(self.weights.input(x))

    def sample(self, x: Any, rng: Generator) -> Array:
        """Draw from `p(s | x)`."""
        return self.layer.draw(self.weights.input(x), rng)

    def log_probability(self, s: Array, x: Array) -> Array:
        """`log p(s | x)` of every pair of rows, in nats and float64."""
        input = self.weights.input(x)
        log_weight = arrays.row_dot(input, s) - self.layer.energy(s)
        return log_weight - self.layer.log_normalizer(input)

    def climb(self, s: Array, x: Array, shares: Array, rate: float) -> None:
        """Make a gradient step on the mean `log p(s | x)`, in place.

        The step follows the delta rule. The inputs are centred, which decouples weights from
        biases. The step size is at most the inverse curvature, so a step never decreases the mean.
        The curvature is bounded by the layer's curvature times the Frobenius norm of the input
        covariance.

        Parameters
        ----------
        s : ndarray of shape (n_rows, n_units)
        x : ndarray of shape (n_rows, n_parents)
        shares : ndarray of shape (n_rows,)
            Weights of the rows, with sum one.
        rate : float
            Largest step size.
        """
        offset = shares @ x
        v = x - offset
        norm = float((shares @ (v @ v.T) ** 2 @ shares) ** 0.5)
        rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))
        error = self.layer.preconditioned(s - self.mean(x)) * (rate * shares)[:, None]
        if self.weights.is_complete:
            self.weights.accumulate(v, error)
            self.layer.add_to_bias((1 - v @ offset) @ error)
            return
        growth = self.weights.outer(v, error)  # within the structure
        self.weights.add(growth)
        self.layer.add_to_bias(error.sum(0) - growth.input(offset))


@dataclass(frozen=True)
class BeliefNet:
    """A deep belief net, `p(v, h_1, ..., h_n) = p(v | h_1) ... p(h_m-1 | h_m) p(h_m, h_n)`.

    The top two layers form an RBM. The posterior of the hidden layers is approximated by
    `q(h_1 | v) ... q(h_m | h_m-1)`. It is exact while the RBM on top is equivalent to the layer
    below it, as when it starts from the same weights, transposed.

    Parameters
    ----------
    recognition : tuple of Conditional
        Upward layers `q(h_l | h_l-1)`, from the data to the RBM on top.
    generation : tuple of Conditional
        Downward layers `p(h_l-1 | h_l)`, in the same order.
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
        """Stack RBMs, from the data upwards; both directions of a layer share its weights."""
        *below, top = rbms
        upward = tuple(Conditional(rbm.hidden, rbm.weights) for rbm in below)
        downward = tuple(Conditional(rbm.visible, rbm.weights.T) for rbm in below)
        return cls(upward, downward, top)

    def rotated(self, rotation: Rotation) -> BeliefNet:
        """Return the net of `x = u T^-1`, if this is the net of real visible states u."""
        if not self.generation:
            return replace(self, top=self.top.rotated(rotation))
        up, down, matrix = self.recognition[0], self.generation[0], rotation.matrix
        up = replace(up, weights=Dense(matrix @ up.weights.dense))
        visible = Rotated(cast(Gaussian, down.layer), rotation)
        down = Conditional(visible, Dense(down.weights.dense @ matrix.T))
        recognition, generation = (up, *self.recognition[1:]), (down, *self.generation[1:])
        return replace(self, recognition=recognition, generation=generation)

    def map(self, function: Callable[[Array], Array]) -> BeliefNet:
        """Return the net with a function applied to each of its parameter arrays."""
        return self._changed(lambda part: part.map(function))

    def with_precision(self, precision: str) -> BeliefNet:
        """Return the same net with another precision of matrix products."""
        return self._changed(lambda part: part.with_precision(precision))

    def _changed(self, change: Callable[[Any], Any]) -> BeliefNet:
        """Return the net with a change of each conditional and of the RBM on top."""
        upward, downward = (tuple(map(change, x)) for x in (self.recognition, self.generation))
        return BeliefNet(upward, downward, change(self.top))

    def copy(self) -> BeliefNet:
        """Return a copy in which the two directions of a layer no longer share weights."""
        return self.map(arrays.copy)

    @property
    def visible(self) -> Layer:
        """Layer of the data."""
        return self.generation[0].layer if self.generation else self.top.visible

    @property
    def reference(self) -> Array:
        """An array that has the dtype and the device of all parameters."""
        return self.top.reference

    def means(self, v: Any) -> list[Array]:
        """Means of every hidden layer, given the means of the layer below."""
        return self.means_above(self._upward_means[0](v))

    def means_above(self, first: Array) -> list[Array]:
        """Means of every hidden layer, given the means of the lowest one."""
        return list(accumulate(self._upward_means[1:], lambda x, mean: mean(x), initial=first))

    @property
    def _upward_means(self) -> list[Callable[[Any], Array]]:
        """For each hidden layer, the function from the layer below to its means."""
        below = [conditional.mean for conditional in self.recognition]
        return [*below, self.top.hidden_from_visible]

    def visible_from_top(self, h: Array) -> Array:
        """Means of the visible units, computed downwards through the means of every layer."""
        x = self.top.visible_from_hidden(h)
        return reduce(lambda x, layer: layer.mean(x), reversed(self.generation), x)

    def up(self, v: Any, rng: Generator) -> list[Array]:
        """Draw states upwards: v first, then each layer up to the lower layer of the top RBM."""
        return list(accumulate(self.recognition, lambda s, layer: layer.sample(s, rng), initial=v))

    def down(self, x: Array, rng: Generator) -> list[Array]:
        """Draw states downwards from x, the visible states of the top RBM; data come first."""
        layers = reversed(self.generation)
        return [*accumulate(layers, lambda s, layer: layer.sample(s, rng), initial=x)][::-1]

    def gibbs(self, v: Any, rng: Generator, n_steps: int) -> Array:
        """Draw visible states: go up, make n_steps Gibbs steps in the top RBM, and go down."""
        x = self.up(v, rng)[-1]
        return self.down(samplers.gibbs_visible(self.top, x, rng, n_steps), rng)[0]

    def log_ratio(self, states: list[Array]) -> Array:
        """`log p(v, h_1, ..., h_m) / q(h_1, ..., h_m | v) + log Z` of every row, in float64.

        Z belongs to the top RBM. The mean over hidden states drawn from q is a lower bound on
        `log p(v) + log Z`. The gap is the Kullback-Leibler divergence from q to the posterior.

        Parameters
        ----------
        states : list of ndarray
            States of each layer, from the data to the lower layer of the top RBM; see `up`.
        """
        return self.log_ratio_below(states) - self.top.free_energy(states[-1])

    def log_ratio_below(self, states: list[Array]) -> Array:
        """`log p(v, ..., h_m-1 | h_m) / q(h_1, ..., h_m | v)` of every row, in float64."""
        total = devices.float64(arrays.zeros((len(states[0]),), self.reference))
        directed = zip(self.recognition, self.generation, pairwise(states), strict=True)
        for recognition, generation, (lower, upper) in directed:
            total += generation.log_probability(lower, upper)
            total -= recognition.log_probability(upper, lower)
        return total
