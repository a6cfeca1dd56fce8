"""Rows of a table as states of visible units, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.data.summary import Summary
from skrbm.data.tables import Table
from skrbm.units import Categorical, Joined, Layer, Ordinal


@dataclass(frozen=True)
class Coding:
    """The units of the columns of a table: softmax units of categories, ordinal units of others.

    Parameters
    ----------
    table : Table
    """

    table: Table

    @cached_property
    def n_states(self) -> Array:
        """Number of states of the unit of each column; a column without values has one."""
        return np.maximum(self.table.n_codes, 1)

    @cached_property
    def is_ordinal(self) -> Array:
        """Whether the unit of each column is ordinal: its codes are ordered, or only two."""
        kinds = np.array(list(self.table.column_types.values()))
        return (self.n_states > 1) & ((kinds != "category") | (self.n_states == 2))

    @cached_property
    def columns(self) -> Array:
        """Column of the table that each unit stands for: categories first."""
        return np.argsort(self.is_ordinal, kind="stable")

    @cached_property
    def _empty(self) -> Array:
        return np.array(self.table.n_codes) == 0

    def layer(self, summary: Summary) -> Layer:
        """The visible layer of independent columns, for summarized states."""
        sizes, n = self.n_states[self.columns], int((~self.is_ordinal).sum())
        categories, levels = tuple(sizes[:n].tolist()), tuple(sizes[n:].tolist())
        first = sum(categories)
        total, weight = summary.total, summary.weight
        layers: list[Layer] = []
        if categories:
            layers.append(Categorical.from_totals(total[:first], weight[:first], categories))
        if levels:
            layers.append(Ordinal.from_totals(total[first:], weight[first:], levels))
        return layers[0] if len(layers) == 1 else Joined(tuple(layers))

    @cached_property
    def _places(self) -> tuple[Array, Array, Array, int]:
        """Column of the table, index within the unit and height of each state column."""
        sizes = self.n_states[self.columns]
        ordinal = self.is_ordinal[self.columns]
        widths = sizes - ordinal
        column = np.repeat(self.columns, widths)
        index = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
        height = np.repeat(np.where(ordinal, np.sqrt(2 / sizes), 1.0), widths)
        return column, index, height, int(widths[~ordinal].sum())

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
        factor = np.where(np.arange(len(index)) < n, index, 1)
        of_column = np.zeros((len(column), len(self.n_states)), np.float32)
        of_column[np.arange(len(column)), column] = factor
        codes = np.rint((states > 0).astype(np.float32) @ of_column).astype(np.int64)
        codes[:, self._empty] = -1
        return codes

    def rows(self, codes: Array, dtype: Any) -> CodedRows:
        """Rows of codes as states, computed on access."""
        codes[:, self._empty] = 0
        return CodedRows(codes, self, np.dtype(dtype))


@dataclass(frozen=True)
class CodedRows:
    """Rows of codes as states of visible units, computed on access.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns_of_table)
    coding : Coding
    dtype : dtype
    """

    codes: Array
    coding: Coding
    dtype: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns of the states."""
        return len(self.codes), self.coding.n_columns

    @property
    def has_missing(self) -> bool:
        """Whether any code is missing."""
        return bool((self.codes < 0).any())

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, rows: Array) -> Self:
        """Some of the rows."""
        return replace(self, codes=self.codes[rows])

    def __getitem__(self, rows: Array | slice) -> Array:
        return self.coding.states(self.codes[rows], self.dtype)
