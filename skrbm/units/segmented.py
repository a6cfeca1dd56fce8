"""Units with several columns each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm.units.layer import Discrete, Rows, Units


class Segmented(Discrete):
    """A layer whose units have segments of columns, of any widths."""

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each unit."""

    @abstractmethod
    def _logits(self, input: Array | float) -> Array:
        """`s.(bias + input)` for the states s of each unit, (n_rows, n_units, most_states)."""

    def columns_of(self, units: Units) -> Any:
        """Columns of some units, as an index."""
        return arrays.segment_columns(units, self.widths)

    def in_units(self, columns: Array) -> Array:
        """Whether a condition on columns holds in any column of each unit."""
        return arrays.any_in_rows(self._fold(columns))

    def in_columns(self, units: Array) -> Array:
        """Repeat a condition on units for each of their columns."""
        return arrays.repeat_columns(units, self.widths)

    def alike(self, units: Array) -> Iterator[tuple[Rows, Array]]:
        """Group rows, with one unit each, by the number of columns of the unit.

        Parameters
        ----------
        units : ndarray of int of shape (n_rows,)
            One unit per row.

        Yields
        ------
        rows : list of int
            Rows of a group.
        units : ndarray of shape (n_group, 1)
            Their units.
        """
        sizes = [self.widths[i] for i in units.tolist()]
        for size in sorted(set(sizes)):
            rows = [i for i, n in enumerate(sizes) if n == size]
            yield rows, units[rows][:, None]

    def energies(self, state: Array) -> Array:
        """`-s.bias` of each unit, in float64."""
        return -arrays.sum_float64(self._fold(state * self.bias))

    def log_normalizers(self, input: Array | float) -> Array:
        """`log sum_s exp(s.(bias + input))` of each unit."""
        logits = self._logits(input)
        return devices.like(arrays.row_log_sum_exp(logits), logits)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s.(bias + input))` of every row, in float64."""
        return arrays.row_log_sum_exp(self._logits(input)).sum(-1)

    @property
    def n_evaluations(self) -> int:
        """Largest number of states that `log_total` evaluates."""
        return max(map(int, self.unit_states), default=0)

    def _fold(self, x: Array, fill: float = 0.0) -> Array:
        return arrays.fold(x, self.widths, fill)

    def _unfold(self, x: Array) -> Array:
        return arrays.unfold(x, self.widths)
