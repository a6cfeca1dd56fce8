"""Views of rows, computed on access and never stored as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrbm._kernels.arrays import append_columns
from skrbm._kernels.devices import Array, like
from skrbm.data.sources import part


@dataclass(frozen=True)
class MappedRows:
    """Rows with a function applied on access.

    Parameters
    ----------
    X : {array, CSR matrix}
    function : callable
        From rows of X to an array with the same number of rows.
    n_columns : int
        Number of columns of that array.
    dtype : dtype
        The dtype of that array.
    """

    X: Any
    function: Callable[[Any], Array]
    n_columns: int
    dtype: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.X.shape[0], self.n_columns

    def __getitem__(self, rows: Array | slice) -> Array:
        return self.function(self.X[rows])


@dataclass(frozen=True)
class LabelledRows:
    """Rows with their class labels, one-hot in additional columns at the end.

    Parameters
    ----------
    X : {array, CSR matrix}
    labels : ndarray of int of shape (n_rows,)
        Indices of classes.
    classes : ndarray of shape (n_labels,)
    """

    X: Any
    labels: Array
    classes: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.X.shape[0], self.X.shape[1] + len(self.classes)

    @property
    def dtype(self) -> Any:
        """The dtype of the data."""
        return self.X.dtype

    def part(self, rows: Array) -> LabelledRows:
        """Some of the rows."""
        return LabelledRows(part(self.X, rows), self.labels[rows], self.classes)

    def stratified(self, order: Array, n_first: int) -> Array:
        """Indices in another order, whose first ones are a share of every class.

        The shares are equal to about one row. One row of every class is never among the first.
        """
        by_class = order[np.argsort(self.labels[order], kind="stable")]
        repeats = by_class[1:][np.diff(self.labels[by_class]) == 0]
        first = repeats[np.arange(n_first) * len(repeats) // n_first]
        return np.concatenate([first, order[~np.isin(order, first)]])

    def __getitem__(self, rows: Array | slice) -> Any:
        one_hot = self.labels[rows, None] == np.arange(len(self.classes))
        x = self.X[rows]
        return append_columns(x, like(one_hot, x))
