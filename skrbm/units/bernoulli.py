"""Binary units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, devices, pairs, random
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import UNIT_INTERVAL, Domain
from skrbm.units.layer import Discrete, OfState

# A unit that is on, or off, in less than this share of the rows is saturated.
_SATURATION = 1e-3


@dataclass(frozen=True)
class Bernoulli(Discrete):
    """Units in {0, 1}.

    `p(s | input)` is proportional to `exp(s.(bias + input))`.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
        One bias per unit, or one per row and unit if every row has its own model.
    """

    bias: Array

    domain: ClassVar[Domain] = UNIT_INTERVAL
    curvature: ClassVar[float] = 0.25  # p (1 - p) is the Fisher information of a bias
    compiled_as: ClassVar[str | None] = "bernoulli"

    @classmethod
    def from_totals(cls, total: Array, n_rows: float | Array) -> Self:
        """Return the layer with bias `log((k + 1) / (n - k + 1))` per column of data.

        The column has the sum k over n rows. Its unit is on as often as in the data, except for
        the two added rows, which keep the bias finite.
        """
        total = total.clip(0, n_rows)
        return cls(arrays.log((total + 1) / (n_rows - total + 1)))

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Two states per unit."""
        return (2,) * self.n_units

    def interpolate(self, base: Any, beta: float | Array) -> Self:
        """Return the layer with energy `(1 - beta) base.energy + beta energy`, in one pass."""
        return type(self)(base.bias + beta * (self.bias - base.bias))

    def energies(self, state: Array) -> Array:
        """`-s bias` of each unit, in float64."""
        return -devices.float64(state) * devices.float64(self.bias)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s.(bias + input))` of every row, in float64."""
        return arrays.sum_softplus(input + self.bias)

    def log_normalizers(self, input: Array | float) -> Array:
        """`log sum_s exp(s (bias + input))` of each unit."""
        return arrays.softplus(input + self.bias)

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for all rows x_i and y_j, in float64."""
        return pairs.sum_softplus(x + self.bias, y)

    def mean(self, input: Array | float) -> Array:
        """`E[s | input] = 1 / (1 + exp(-(bias + input)))`."""
        return arrays.logistic(input, self.bias)

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        return random.bernoulli(mean, rng)

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states given their input: `sample(mean(input), rng)` in one pass."""
        return random.bernoulli_logistic(input, self.bias, rng)

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether all values of the data are 0 or 1."""
        return all(map(arrays.is_binary, blocks))

    def from_data(self, values: Array, u: Array) -> Array:
        """Turn data into states; values between 0 and 1 are means, drawn with uniform numbers u."""
        return devices.like(u < values, values)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        off = 1 - mean
        return state @ arrays.log(mean / off).T + arrays.log(off).sum(axis=-1)

    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""
        return devices.like(mean > 0.5, mean)

    def broadened(self, mean: Array, share: float) -> Array:
        """Mean of units of which this share is redrawn with probability 1/2."""
        return (1 - share) * mean + share / 2

    @property
    def n_evaluations(self) -> int:
        """Number of states that `log_total` evaluates."""
        return 1

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log(1 + p(1 - state) / p(state))` of one unit per row.

        Values between 0 and 1 are also compared with their complement.
        """
        return arrays.softplus(log_ratio(1 - state[None])[0])

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices; the first unit varies fastest."""
        return arrays.binary_digits(codes, self.n_units)

    def saturated(self, mean: Array) -> Array:
        """Whether each unit is on, or off, in more than 99.9 % of the rows."""
        return (mean < _SATURATION) | (mean > 1 - _SATURATION)
