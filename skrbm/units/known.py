"""Known states of some units of a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm._kernels.patterns import Patterns

# A function that sets known units to their values, in states or in means of a layer.
Completion: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class Known:
    """Rows of states of a layer in which some units are known and the others are free.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Zero in the columns of free units.
    free : ndarray of bool of shape (n_rows, n_columns)
        Whether a column belongs to a free unit.
    """

    values: Array
    free: Array

    @cached_property
    def patterns(self) -> tuple[Patterns, ...]:
        """The rows with free columns, grouped by these columns."""
        return Patterns.of(self.free)

    def filled(self, v: Array) -> Array:
        """Return the states v, with known units set to their values."""
        return arrays.where(self.free, v, devices.with_device_of(self.values, v))

    def rows(self, rows: Array | slice) -> Known:
        """Return some of the rows."""
        return Known(self.values[rows], self.free[rows])

    def columns(self, columns: slice) -> Known:
        """Return some of the columns."""
        return Known(self.values[:, columns], self.free[:, columns])

    def repeated(self, n: int) -> Known:
        """Return n copies of all rows; each copy follows the previous one as a block."""
        return Known(arrays.concat([self.values] * n), arrays.concat([self.free] * n))
