"""Unit types: what a layer is, given the input that it receives from the other layer.

A layer is an exponential family in its own state `s`, with the density `exp(s . input - energy(s))`
up to a normaliser. Nothing outside this module knows what a unit type is; a new type is one class
with the methods of `Bernoulli`, and its row in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from skrbm import _kernels
from skrbm._kernels import Array, Generator


@dataclass(frozen=True)
class Bernoulli:
    """Units in {0, 1}: `p(s | input)` is proportional to `exp(s . (bias + input))`.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
        One bias a unit, or one a row and unit where every row has a model of its own.
    """

    bias: Array

    @classmethod
    def from_totals(cls, total: Array, n_rows: float) -> Self:
        """The layer whose units are on as often as in data, smoothed to stay finite.

        The bias is `log((k + 1) / (n - k + 1))` for a column that sums to k over n rows.
        """
        total = total.clip(0, n_rows)
        return cls(_kernels.log((total + 1) / (n_rows - total + 1)))

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The arrays that describe the layer."""
        return (self.bias,)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.bias.shape[-1])

    def part(self, units: slice | Array) -> Bernoulli:
        """The layer of these units alone; an array of shape (n_rows, k) gives k to each row."""
        return Bernoulli(self.bias[units])

    def energy(self, state: Array) -> Array:
        """`-s . bias` of every row, in float64."""
        return -_kernels.row_dot(state, self.bias)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s . (bias + input))` of every row, in float64."""
        return _kernels.sum_float64(_kernels.softplus(input + self.bias))

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for every pair of rows, in float64."""
        return _kernels.pairwise_sum_softplus(x + self.bias, y)

    def mean(self, input: Array | float) -> Array:
        """`E[s | input] = 1 / (1 + exp(-(bias + input)))`."""
        return _kernels.logistic(input, self.bias)

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states whose conditional mean is given, in the dtype of the mean."""
        return _kernels.bernoulli(mean, rng)

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states that receive an input: `sample(mean(input), rng)` in one go."""
        return _kernels.bernoulli_logistic(input, self.bias, rng)

    def from_data(self, values: Array, u: Array) -> Array:
        """States for values of data, which are means where they lie between 0 and 1.

        u are as many draws from [0, 1).
        """
        return (u < values).astype(values.dtype)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i)` under the means m_j, for every row i of states and row j of means."""
        off = 1 - mean
        return state @ _kernels.log(mean / off).T + _kernels.log(off).sum(axis=-1)

    def broadened(self, mean: Array, share: float) -> Array:
        """The mean when this share of the units are drawn with probability 1/2 instead."""
        return (1 - share) * mean + share / 2

    def alternative(self, state: Array) -> Array:
        """The other value that each unit can take: `1 - s`."""
        return 1 - state

    def states(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows start to stop of all joint states, 2^n_units in number."""
        return _kernels.binary_states(self.n_units, start, stop).astype(self.bias.dtype)

    def neutral(self) -> Bernoulli:
        """The layer without biases, whose units are on or off as they like."""
        return Bernoulli(0 * self.bias)

    def shift(self, input: Array) -> Bernoulli:
        """The layer that behaves as this one does when it receives this input as well."""
        return Bernoulli(self.bias + input)

    def interpolate(self, base: Self, beta: float | Array) -> Bernoulli:
        """The layer with energy `(1 - beta) base.energy + beta energy`; beta may be a column."""
        return Bernoulli(base.bias + beta * (self.bias - base.bias))

    def astype(self, dtype: Any) -> Bernoulli:
        """The same layer in another precision."""
        return Bernoulli(self.bias.astype(dtype))


# What a layer of a model may be: the union of the unit types.
Layer: TypeAlias = Bernoulli
