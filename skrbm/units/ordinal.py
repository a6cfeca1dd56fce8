"""Units with ordered levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.levels import levels_of
from skrbm.units.domain import Domain
from skrbm.units.layer import STRUCTURE, OfState, Units
from skrbm.units.segmented import Segmented

# The exponential of its sum with a logit is 0.
_LOWEST = -1e30

_DOMAIN = Domain("ordinal", 0.0, 1.0, "Encode each step between levels as a separate column.")


@dataclass(frozen=True)
class Ordinal(Segmented):
    """Units with ordered levels, each with one column per step between two levels.

    `p(s | input)` is proportional to `exp(s.(bias + input))`. A unit of n levels has n - 1
    columns. At level k the first k columns are `sqrt(2 / n)`, the others 0. So a weight is the
    change of the log-probability from one level to the next: small weights make smooth
    distributions, and a trend over many levels is learned as fast as one between two levels. A unit
    with two levels is a Bernoulli unit.

    Parameters
    ----------
    bias : ndarray of shape (n_columns,) or (n_rows, n_columns)
        One bias per step, or one per row and step if every row has its own model.
    n_levels : tuple of int
        Number of levels of each unit, at least two.
    """

    bias: Array
    n_levels: tuple[int, ...] = field(metadata=STRUCTURE)

    domain: ClassVar[Domain] = _DOMAIN
    curvature: ClassVar[float] = 0.25  # the largest one: with two levels
    compiled_as: ClassVar[str | None] = "ordinal"

    @classmethod
    def from_totals(cls, total: Array, n_rows: float | Array, n_levels: tuple[int, ...]) -> Self:
        """Return the layer whose levels are as frequent as in the data, with one added row each.

        Parameters
        ----------
        total : ndarray of shape (n_columns,)
            Sum of each column over the rows of data.
        n_rows : float or ndarray of shape (n_columns,)
        n_levels : tuple of int
        """
        levels, n_rows = levels_of(n_levels), total * 0 + n_rows
        heights = devices.like(levels.heights, total)
        above = arrays.fold((total / heights).clip(0 * n_rows, n_rows), levels.widths)
        first = arrays.fold(n_rows, levels.widths)[..., :1]
        reached = arrays.concat([first, above], axis=-1)
        higher = arrays.concat([above, 0 * first], axis=-1)
        log_count = arrays.log((reached - higher).clip(min=0) + 1)
        steps = arrays.unfold(log_count[..., 1:] - log_count[..., :-1], levels.widths)
        return cls(steps / heights, n_levels)

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Number of levels of each unit."""
        return self.n_levels

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of steps of each unit."""
        return levels_of(self.n_levels).widths

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layer with other parameter arrays."""
        (bias,) = parameters
        return type(self)(bias, self.n_levels)

    def part(self, units: Units) -> Ordinal:
        """Return a layer of some of the units; an array of shape (n_rows, k) selects k per row."""
        n_levels = arrays.segment_sizes(units, self.n_levels)
        return Ordinal(self.bias[..., self.columns_of(units)], n_levels)

    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`: for each step, its height times the probability of the levels above."""
        p = arrays.softmax(self._logits(input))
        above = self._unfold(arrays.along_rows(p, self._rising(p).T))
        return above.clip(max=1) * self._heights(above)

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        u = random.uniform((*mean.shape[:-1], len(self.n_levels)), rng, mean)
        return self._at(mean, u)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        log_p = arrays.log(self._probabilities(mean))
        steps = self._unfold(log_p[..., 1:] - log_p[..., :-1]) / self._heights(mean)
        return log_p[..., 0].sum(-1) + state @ steps.T

    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""
        return self._of_levels(self._probabilities(mean, -1.0).argmax(-1), mean)

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether columns are zero or their height, and never increase within a unit."""

        def is_state(block: Any) -> bool:
            block = arrays.to_dense(block)
            high = self._heights(block)
            steps = self._fold(block)
            falls = (steps[..., 1:] <= steps[..., :-1]).all()
            return bool(((block == 0) | (block == high)).all() and falls)

        return all(map(is_state, blocks))

    def from_data(self, values: Array, u: Array) -> Array:
        """Turn means into states, with uniform numbers u, of which each unit takes the first."""
        return self._at(values, self._fold(u)[..., 0])

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log sum_k p(k) / p(state)` over the levels k of one unit per row."""
        levels = self._of_levels(arrays.integers(0, self.n_columns + 1)[:, None], state)
        return arrays.row_log_sum_exp(log_ratio(0 * state + levels[:, None]).T)

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices; the first unit varies fastest."""
        levels = [codes[:, None][:, :0]]
        for n in self.n_levels:
            codes, level = divmod(codes, n)
            levels.append(level[:, None])
        return self._of_levels(arrays.concat(levels, axis=-1), devices.float64(codes))

    def _at(self, mean: Array, u: Array) -> Array:
        """States by inversion at one number in [0, 1) per unit."""
        high = self._heights(mean)
        return arrays.where(self.in_columns(u) * high < mean, high, 0 * mean)

    def _of_levels(self, levels: Array, x: Array) -> Array:
        """States at these levels of each unit, like x."""
        step = devices.with_device_of(levels_of(self.n_levels).steps, levels)
        return devices.like(self.in_columns(levels) > step, x) * self._heights(x)

    def _heights(self, x: Array) -> Array:
        return devices.like(levels_of(self.n_levels).heights, x)

    def _rising(self, x: Array) -> Array:
        return devices.like(levels_of(self.n_levels).rising, x)

    def _logits(self, input: Array | float) -> Array:
        x = input + self.bias
        steps = self._fold(x * self._heights(x))
        logits = arrays.along_rows(steps, self._rising(steps))
        missing = levels_of(self.n_levels).missing
        if missing is not None:
            logits += devices.like(missing * _LOWEST, logits)
        return logits

    def _probabilities(self, mean: Array, fill: float = 1.0) -> Array:
        """Probability of each level given the mean; a unit with fewer levels is padded."""
        above = self._fold(mean / self._heights(mean))
        ones, zeros = 0 * above[..., :1] + 1, 0 * above[..., :1]
        above = arrays.concat([ones, above, zeros], axis=-1)
        return self._closed(above[..., :-1] - above[..., 1:], fill)

    def _closed(self, x: Array, fill: float) -> Array:
        """Fill the levels that a unit does not have."""
        missing = levels_of(self.n_levels).missing
        return x if missing is None else arrays.where(devices.with_device_of(missing, x), fill, x)
