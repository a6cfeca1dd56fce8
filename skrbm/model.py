"""The model: two layers and the weights between them.

Every formula is written only for the direction from visible to hidden units. `RBM.swap` exchanges
the layers and so gives the opposite direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm.units import Gaussian, Layer, Rotated, Rotation
from skrbm.weights import Dense, Weights, as_weights


@dataclass(frozen=True)
class RBM:
    """Restricted Boltzmann machine, `p(v, h) = exp(-E(v, h)) / Z`.

    `E(v, h) = visible.energy(v) + hidden.energy(h) - beta v W h`.

    Parameters
    ----------
    visible, hidden : Layer
        The two layers.
    weights : Weights or ndarray of shape (n_visible, n_hidden)
        W; see `skrbm.weights`.
    beta : float or ndarray, default=None
        Inverse temperature of the coupling, common to all rows or one per row; 1 by default. It
        scales the input of the layers, so models at different temperatures share their weights.

    References
    ----------
    A. Fischer and C. Igel, "Training restricted Boltzmann machines: An introduction", Pattern
    Recognition 47(1), 2014.
    """

    visible: Layer
    hidden: Layer
    weights: Weights
    beta: float | Array | None = None

    def __post_init__(self) -> None:
        """Convert an array to dense weights."""
        object.__setattr__(self, "weights", as_weights(self.weights))

    @classmethod
    def couple(cls, visible: Layer, hidden: Layer, weights: Weights | Array) -> RBM:
        """Return the RBM of two layers with the coupling `(v - E[v]) W (h - E[h])`.

        The means are the means without coupling. If one layer has its mean state, the units of the
        other one have the same distribution as without coupling, as far as their biases can absorb
        the difference: biases that units share take the mean over them.
        """
        weights = as_weights(weights)
        from_hidden = weights.T.input(hidden.mean(0.0))
        from_visible = weights.input(visible.mean(0.0))
        visible, hidden = visible.map(arrays.copy), hidden.map(arrays.copy)
        visible.add_to_bias(-from_hidden)
        hidden.add_to_bias(-from_visible)
        return cls(visible, hidden, weights)

    @property
    def parameters(self) -> tuple[Array, ...]:
        """Parameter arrays, which training changes in place."""
        return *self.weights.arrays, *self.visible.parameters, *self.hidden.parameters

    @property
    def reference(self) -> Array:
        """An array that has the dtype and the device of all parameters."""
        return self.weights.reference

    def swap(self) -> RBM:
        """Return the same model with visible and hidden units exchanged."""
        return RBM(self.hidden, self.visible, self.weights.T, self.beta)

    def with_hidden(self, units: slice) -> RBM:
        """Return the model with only these hidden units."""
        weights = self.weights.part(hidden=self.hidden.columns_of(units))
        return replace(self, hidden=self.hidden.part(units), weights=weights)

    def hidden_input(self, v: Array) -> Array:
        """`beta v W`, shape (n_rows, n_hidden)."""
        return self.scaled(self.weights.input(v))

    def scaled(self, x: Array) -> Array:
        """`beta x`."""
        return x if self.beta is None else self.beta * x

    def hidden_from_visible(self, v: Array) -> Array:
        """`E[h | v]`, shape (n_rows, n_hidden)."""
        return self.hidden.mean(self.hidden_input(v))

    def visible_from_hidden(self, h: Array) -> Array:
        """`E[v | h]`, shape (n_rows, n_visible)."""
        return self.swap().hidden_from_visible(h)

    def sample_hidden(self, v: Array, rng: Generator) -> Array:
        """Draw from `p(h | v)`."""
        return self.hidden.draw(self.hidden_input(v), rng)

    def sample_visible(self, h: Array, rng: Generator) -> Array:
        """Draw from `p(v | h)`."""
        return self.swap().sample_hidden(h, rng)

    def energy(self, v: Array, h: Array) -> Array:
        """`E(v, h)` of every pair of rows, in nats and float64."""
        coupling = arrays.row_dot(self.hidden_input(v), h)
        return self.visible.energy(v) + self.hidden.energy(h) - coupling

    def free_energy(self, v: Array, hidden_input: Array | None = None) -> Array:
        """`F(v) = -log sum_h exp(-E(v, h))` of every row, in nats and float64.

        If the hidden input of v is known, it can be given, which saves a matrix product.
        """
        x = self.hidden_input(v) if hidden_input is None else hidden_input
        return self.visible.energy(v) - self.hidden.log_normalizer(x)

    def interpolate(self, visible: Layer, hidden: Layer, beta: float | Array) -> RBM:
        """Return the model with energy `(1 - beta) E_0 + beta E`, with E_0 of these layers."""
        visible = self.visible.interpolate(visible, beta)
        hidden = self.hidden.interpolate(hidden, beta)
        return replace(self, visible=visible, hidden=hidden, beta=beta)

    def visible_distribution(self) -> tuple[Array, Array]:
        """All visible states and their probabilities `p(v)`, by enumeration."""
        v = self.visible.states()
        log_weight = -self.free_energy(v)
        return v, arrays.exp(log_weight - arrays.log_sum_exp(log_weight))

    def rotated(self, rotation: Rotation) -> RBM:
        """Return the model of `x = u T^-1`, if this is the model of real visible states u.

        Its visible units are correlated given the hidden ones. `p(x) = p(u) |det T|`.
        """
        weights = Dense(rotation.matrix @ self.weights.dense)
        visible = Rotated(cast(Gaussian, self.visible), rotation)
        return replace(self, visible=visible, weights=weights)

    def map(self, function: Callable[[Array], Array]) -> RBM:
        """Return the model with a function applied to each of its parameter arrays."""
        visible, hidden = self.visible.map(function), self.hidden.map(function)
        return replace(self, visible=visible, hidden=hidden, weights=self.weights.map(function))

    def in_float64(self) -> RBM:
        """Return the same model in float64."""
        return self.map(devices.float64).with_precision("float32")

    def with_precision(self, precision: str) -> RBM:
        """Return the same model with another precision of the factors of matrix products."""
        return replace(self, weights=self.weights.with_precision(precision))
