"""Rows of a table as states of visible units, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from skrbm._kernels.devices import Array
from skrbm._kernels.levels import levels_of
from skrbm.data.summary import Summary
from skrbm.data.tables import Table, taken
from skrbm.units import Categorical, Joined, Layer, Ordinal

# Log probability of a code that is excluded: its exponential is 0 in float32.
_EXCLUDED = -200.0


@dataclass(frozen=True)
class Coding:
    """The units of the columns of a table: softmax units of categories, ordinal units of others.

    Every matrix here has one column per column of the states, and one row per code of the columns
    of the table. A column without values has no code, and a unit with one state.

    Parameters
    ----------
    table : Table
    handle_unknown : {"missing", "error"}
    """

    table: Table
    handle_unknown: str = "missing"

    def __getstate__(self) -> dict[str, Any]:
        """State without computed attributes: using the object changes no pickle."""
        return {"table": self.table, "handle_unknown": self.handle_unknown}

    @cached_property
    def _n_states(self) -> Array:
        return np.maximum(self.table.n_codes, 1)

    @cached_property
    def _is_ordinal(self) -> Array:
        """Whether the codes of each column are ordered, or only two."""
        kinds = np.array(list(self.table.column_types.values()))
        return (self._n_states > 1) & ((kinds != "category") | (self._n_states == 2))

    @cached_property
    def columns(self) -> Array:
        """Column of the table that each unit stands for: categories first."""
        return np.argsort(self._is_ordinal, kind="stable")

    @cached_property
    def units(self) -> Array:
        """Unit of each column of the table."""
        return np.argsort(self.columns)

    @cached_property
    def without_values(self) -> Array:
        """Whether all cells of each column are missing."""
        return np.array(self.table.n_codes) == 0

    def layer(self, summary: Summary) -> Layer:
        """The visible layer of independent columns, for summarized states."""
        sizes, n = self._n_states[self.columns], int((~self._is_ordinal).sum())
        categories, levels = tuple(sizes[:n].tolist()), tuple(sizes[n:].tolist())
        first, total, weight = sum(categories), summary.total, summary.weight
        layers: list[Layer] = []
        if categories:
            layers.append(Categorical.from_totals(total[:first], weight[:first], categories))
        if levels:
            layers.append(Ordinal.from_totals(total[first:], weight[first:], levels))
        return layers[0] if len(layers) == 1 else Joined(tuple(layers))

    # States

    @cached_property
    def _places(self) -> tuple[Array, Array, Array, int]:
        """Column of the table, index in the unit and height of every column of the states.

        The last result is the number of columns of softmax units.
        """
        sizes, ordinal = self._n_states[self.columns], self._is_ordinal[self.columns]
        widths = sizes - ordinal
        column = np.repeat(self.columns, widths)
        index = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
        n = int(widths[~ordinal].sum())
        height = np.append(np.ones(n), levels_of(tuple(sizes[ordinal].tolist())).heights)
        return column, index, height, n

    @property
    def owners(self) -> Array:
        """Column of the table that each column of the states belongs to."""
        return self._places[0]

    @property
    def n_columns(self) -> int:
        """Number of columns of a row of states."""
        return len(self._places[0])

    def states(self, codes: Array, dtype: Any) -> Array:
        """States for rows of codes; NaN if the code is -1."""
        column, index, height, n = self._places
        taken = codes[:, column]
        states = np.empty(taken.shape, dtype)
        np.equal(taken[:, :n], index[:n], out=states[:, :n], casting="unsafe")
        np.greater(taken[:, n:], index[n:], out=states[:, n:], casting="unsafe")
        states *= height.astype(dtype)
        if (codes < 0).any():
            states[taken < 0] = np.nan
        return states

    def codes(self, states: Array) -> Array:
        """Codes for rows of states."""
        column, index, _, n = self._places
        of_column = np.zeros((len(column), len(self._n_states)), np.float32)
        of_column[np.arange(len(column)), column] = np.where(np.arange(len(index)) < n, index, 1)
        codes = np.rint((states > 0).astype(np.float32) @ of_column).astype(np.intp)
        codes[:, self.without_values] = -1
        return codes

    def rows(self, X: Any, dtype: Any, without: Sequence[Any] = ()) -> CodedRows:
        """Rows of a table as states, computed on access; it may lack some columns."""
        codes = self.table.encode(X, self.handle_unknown, without)
        return self.of_codes(codes, dtype, X)

    def of_codes(self, codes: Array, dtype: Any, X: Any = None) -> CodedRows:
        """Rows of codes as states, computed on access."""
        codes[:, self.without_values] = 0
        return CodedRows(codes, self, np.dtype(dtype), np.arange(len(codes)), X)

    # Codes

    @cached_property
    def code_states(self) -> Array:
        """State of each code, zero in the columns of other units."""
        column, index, height, n = self._places
        owner, code = self._owner, self._code
        here = owner[:, None] == column
        on = np.where(np.arange(len(index)) < n, code[:, None] == index, code[:, None] > index)
        return height * (here & on)

    @cached_property
    def _owner(self) -> Array:
        return np.repeat(np.arange(len(self.table.n_codes)), self.table.n_codes)

    @cached_property
    def _code(self) -> Array:
        n_codes = np.array(self.table.n_codes)
        return np.arange(n_codes.sum()) - np.repeat(np.cumsum(n_codes) - n_codes, n_codes)

    def codes_of(self, column: int) -> slice:
        """The codes of a column among all codes."""
        first = int(sum(self.table.n_codes[:column]))
        return slice(first, first + self.table.n_codes[column])

    def probabilities(self, mean: Array) -> Array:
        """Probability of every code, for rows of means of the states."""
        column, index, height, n = self._places
        matrix = np.zeros((len(self._owner), len(column)))
        here = self._owner[:, None] == column
        ordered = here & (np.arange(len(index)) >= n)
        step = index - self._code[:, None]
        matrix[here & ~ordered & (step == 0)] = 1
        matrix += ordered * ((step == -1) * 1.0 - (step == 0)) / height
        first = (self._code == 0) & self._is_ordinal[self._owner]
        return (mean @ matrix.T + first).clip(0, 1)

    def input(self, log_share: Array) -> Array:
        """Input of the visible units that adds to the log-probability of every code.

        Parameters
        ----------
        log_share : ndarray of shape (n_codes,)
            Minus infinity for codes that are excluded.
        """
        column, index, height, n = self._places
        share = np.maximum(log_share, _EXCLUDED)
        first = np.searchsorted(self._owner, column) + index
        rise = (share[np.minimum(first + 1, len(share) - 1)] - share[first]) / height
        return np.where(np.arange(len(index)) < n, share[first], rise)


@dataclass(frozen=True)
class CodedRows:
    """Rows of codes as states of visible units, computed on access.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns_of_table)
    coding : Coding
    dtype : dtype
    index : ndarray of int of shape (n_rows,)
        Each row in the table.
    source : DataFrame or array, optional
        The table that is coded.
    """

    codes: Array
    coding: Coding
    dtype: Any
    index: Array
    source: Any = None

    @property
    def table(self) -> Any:
        """The rows of the table."""
        return taken(self.source, self.index)

    @property
    def is_missing(self) -> Array:
        """Whether each cell is missing, or in a column without values."""
        return (self.codes < 0) | self.coding.without_values

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns of the states."""
        return len(self.codes), self.coding.n_columns

    @property
    def has_missing(self) -> bool:
        """Whether any cell is missing."""
        return bool((self.codes < 0).any())

    @property
    def log_density(self) -> Array:
        """Log density of every cell given its code; 0 for missing cells."""
        return self.coding.table.log_density(self.table, self.codes)

    def repeated(self, n: int) -> Self:
        """Every row n times, one copy after the other."""
        return self.part(np.repeat(np.arange(len(self.codes)), n))

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, rows: Array) -> Self:
        """Some of the rows."""
        return replace(self, codes=self.codes[rows], index=self.index[rows])

    def __getitem__(self, rows: Array | slice) -> Array:
        return self.coding.states(self.codes[rows], self.dtype)
