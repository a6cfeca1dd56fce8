"""Softmax units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, random
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import Domain
from skrbm.units.layer import STRUCTURE, OfState, Units
from skrbm.units.segmented import Segmented

_DOMAIN = Domain("categorical", 0.0, 1.0, "Encode each category as a separate column.")


@dataclass(frozen=True)
class Categorical(Segmented):
    """Softmax units, each with one column per category.

    `p(s | input)` is proportional to `exp(s.(bias + input))` for one-hot s. In data, a unit
    without a category has zeros in all its columns.

    Parameters
    ----------
    bias : ndarray of shape (n_columns,) or (n_rows, n_columns)
        One bias per category, or one per row and category if every row has its own model.
    n_categories : tuple of int
        Number of categories of each unit.
    """

    bias: Array
    n_categories: tuple[int, ...] = field(metadata=STRUCTURE)

    domain: ClassVar[Domain] = _DOMAIN
    curvature: ClassVar[float] = 0.5  # eigenvalues of the Fisher information are smaller
    compiled_as: ClassVar[str | None] = "categorical"

    @classmethod
    def from_totals(
        cls, total: Array, n_rows: float | Array, n_categories: tuple[int, ...]
    ) -> Self:
        """Return the layer with bias `log(k + 1)` for a column of data with the sum k over n rows.

        Its categories are as frequent as in the data, except for one added row per category, which
        keeps the bias finite.
        """
        return cls(arrays.log(total.clip(0, n_rows) + 1), n_categories)

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Number of categories of each unit."""
        return self.n_categories

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each unit."""
        return self.n_categories

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layer with other parameter arrays."""
        (bias,) = parameters
        return type(self)(bias, self.n_categories)

    def part(self, units: Units) -> Categorical:
        """Return a layer of some of the units; an array of shape (n_rows, k) selects k per row."""
        n_categories = arrays.segment_sizes(units, self.n_categories)
        return Categorical(self.bias[..., self.columns_of(units)], n_categories)

    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`, the softmax of `bias + input` within each unit."""
        return self._unfold(arrays.softmax(self._logits(input)))

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        return self._unfold(random.one_hot_choices(self._fold(mean), rng))

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        return state @ arrays.log(mean).T

    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""
        share = self._fold(mean, -1.0)
        return self._unfold(arrays.one_hot(share.argmax(-1), share))

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether all values are 0 or 1, and at most one per unit is 1."""

        def is_state(block: Any) -> bool:
            block = arrays.to_dense(block)
            return arrays.is_binary(block) and not (self._fold(block).sum(-1) > 1).any()

        return all(map(is_state, blocks))

    def from_data(self, values: Array, u: Array) -> Array:
        """Turn means into states, with uniform numbers u; units with only zeros stay zero."""
        share, u = self._fold(values), self._fold(u)[..., :1]
        return self._unfold(random.one_hot_at(share, u) * (share.sum(-1)[..., None] > 0))

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log sum_k p(k) / p(state)` over the categories k of one unit per row."""
        states = arrays.identity(self.n_columns, state)[:, None]
        return arrays.row_log_sum_exp(log_ratio(0 * state + states).T)

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices; the first unit varies fastest."""
        return arrays.one_hot_digits(codes, self.n_categories)

    def _logits(self, input: Array | float) -> Array:
        return self._fold(input + self.bias, -math.inf)
