"""Rows grouped by which of their columns are free, and equations between these columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, library, like, to_host


@dataclass(frozen=True)
class Patterns:
    """Patterns of free columns, of similar sizes, and the rows that have them.

    Parameters
    ----------
    columns : ndarray of int of shape (n_patterns, n_free)
        Free columns of each pattern, padded with other columns.
    is_free : ndarray of bool of shape (n_patterns, n_free)
        False in the padding.
    rows : ndarray of int of shape (n_groups, n_rows_per_group)
        Rows with the same pattern; the last row of a group may be repeated.
    pattern : ndarray of int of shape (n_groups,)
        Pattern of each group.
    """

    columns: Array
    is_free: Array
    rows: Array
    pattern: Array

    @classmethod
    def of(cls, free: Array) -> tuple[Patterns, ...]:
        """Group all rows with free columns; the sizes in one group differ by at most a factor of 2.

        Parameters
        ----------
        free : ndarray of bool of shape (n_rows, n_columns)
        """
        free = to_host(free)
        magnitude = np.frexp(np.maximum(2 * free.sum(axis=1) - 1, 0))[1]
        magnitudes = np.unique(magnitude[magnitude > 0])
        return tuple(cls._of_rows(free, np.flatnonzero(magnitude == x)) for x in magnitudes)

    @classmethod
    def _of_rows(cls, free: Array, rows: Array) -> Patterns:
        """Patterns of some rows, in groups no larger than the mean number of rows per pattern."""
        packed = np.packbits(free[rows], axis=1)  # sorted 4 times as fast
        _, first, of_row = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        patterns = free[rows[first]]
        columns = np.argsort(~patterns, axis=1, kind="stable")[:, : patterns.sum(axis=1).max()]
        size = -(-len(rows) // len(patterns))
        ends = np.cumsum(np.bincount(of_row.ravel()))
        groups = [
            (pattern, place, min(size, end - place) - 1)
            for pattern, (start, end) in enumerate(pairwise([0, *ends]))
            for place in range(start, end, size)
        ]
        pattern, place, last = np.array(groups).T
        places = place[:, None] + np.minimum(np.arange(size), last[:, None])
        rows = rows[np.argsort(of_row.ravel(), kind="stable")][places]
        return cls(columns, np.take_along_axis(patterns, columns, axis=1), rows, pattern)

    @property
    def sizes(self) -> Array:
        """Number of free columns of each pattern."""
        return self.is_free.sum(axis=1)

    def __iter__(self) -> Iterator[tuple[int, Array]]:
        """Yield each pattern, as its index, with its rows."""
        for i in range(len(self.columns)):
            yield i, np.unique(self.rows[self.pattern == i])

    def blocks(self, matrix: Array) -> Array:
        """Free rows and columns of a matrix for each pattern, with the identity in the padding."""
        parts = matrix[self.columns[:, :, None], self.columns[:, None, :]]
        identity = arrays.identity(self.columns.shape[1], matrix)
        return arrays.where(self._is_inside(), parts, identity)

    def inverses(self, matrix: Array) -> Array:
        """Inverse of each block, with zeros in the padding."""
        inverse = library(matrix).linalg.inv(self.blocks(matrix))
        return inverse * like(self._is_inside(), inverse)

    def log_determinants(self, matrix: Array) -> Array:
        """Logarithm of the absolute value of the determinant of each block."""
        return library(matrix).linalg.slogdet(self.blocks(matrix))[1]

    def subtract_products(self, states: Array, x: Array, factors: Array) -> None:
        """`states -= x factor` in the free columns of each row, in place.

        Parameters
        ----------
        states, x : ndarray of shape (n_rows, n_columns)
        factors : ndarray of shape (n_groups, n_free, n_free)
            One factor per group of rows.
        """
        places = self.rows[:, :, None], self.columns[self.pattern][:, None, :]
        states[places] -= x[places] @ factors

    def _is_inside(self) -> Array:
        return self.is_free[:, :, None] & self.is_free[:, None, :]
