"""Products with local weights: a hidden unit at a place sees only the columns of its window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from skrbm._kernels import arrays, products
from skrbm._kernels.devices import Array, is_tensor, with_device_of

_compiled: Any
try:
    import skrbm._kernels._windows as _compiled
except ModuleNotFoundError:  # no compiler was found when the package was installed
    _compiled = None

_LARGEST = 2**23  # numbers that are copied to windows at once


@dataclass(frozen=True, eq=False)
class Windows:
    """The columns of a window per place.

    Parameters
    ----------
    columns : ndarray of intp of shape (n_places, n_window)
        Indices of columns; n_columns for an element of a window that has no column.
    n_columns : int
    """

    columns: Array
    n_columns: int

    @property
    def n_places(self) -> int:
        """Number of windows."""
        return len(self.columns)

    @property
    def n_window(self) -> int:
        """Number of elements of each window."""
        return int(self.columns.shape[1])

    def fan(self, n_units: int) -> tuple[float, float]:
        """Mean number of columns of a window, and mean number of hidden units that see a column."""
        n_seen = float((self.columns < self.n_columns).sum())
        return n_seen / max(1, self.n_places), n_seen * n_units / self.n_columns

    @cached_property
    def _elements(self) -> Array:
        """Indices of the elements of windows by column, padded with the number of elements."""
        flat = self.columns.ravel()
        order = np.argsort(flat, kind="stable")
        counts = np.bincount(flat, minlength=self.n_columns + 1)
        starts = np.cumsum(counts) - counts
        elements = np.full((self.n_columns + 1, counts[:-1].max(initial=1)), flat.size)
        within = flat[order] < self.n_columns
        order, column = order[within], flat[order][within]
        elements[column, np.arange(len(order)) - starts[column]] = order
        return elements[:-1]

    @cached_property
    def _sum(self) -> Any:
        """The CSR matrix that sums the elements of windows by column."""
        flat = self.columns.ravel()
        ones = np.ones(flat.size, np.float32)
        shape = self.n_columns + 1, flat.size
        return sparse.csr_array((ones, (flat, np.arange(flat.size))), shape=shape)[:-1]

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns, "n_columns": self.n_columns}

    def gather(self, v: Array, fill: float = 0.0) -> Array:
        """The columns of every window, shape (n_places, n_window, n_rows)."""
        by_column = arrays.concat([v.T, arrays.full((1, len(v)), fill, v)])
        return by_column[with_device_of(self.columns, v)]

    def scatter(self, x: Array) -> Array:
        """Sums of the elements of windows by column, shape (n_rows, n_columns)."""
        x = x.reshape(self.columns.size, x.shape[-1])
        if not is_tensor(x):
            return np.ascontiguousarray((self._sum.astype(x.dtype, copy=False) @ x).T)
        padded = arrays.concat([x, arrays.zeros((1, x.shape[1]), x)])
        return arrays.copy(padded[with_device_of(self._elements, x)].sum(1).T)


def input_of_places(v: Array, w: Array, windows: Windows, precision: str) -> Array:
    """`x_rpj = sum_k v_r,window(p,k) w_pkj`, shape (n_rows, n_places n_units).

    Parameters
    ----------
    v : ndarray of shape (n_rows, n_columns)
    w : ndarray of shape (n_places, n_window, n_units)
    windows : Windows
    precision : {"float32", "bfloat16"}
    """
    if _has_code(w, v):
        return _compiled.input_of_places(v, w, windows.columns, windows.n_columns)
    inputs = []
    for rows in _blocks(v, windows):
        x = products.batched(w.swapaxes(1, 2), windows.gather(v[rows]), precision)
        x = x.reshape(w.shape[0] * w.shape[2], x.shape[-1])
        inputs.append(arrays.copy(x.T))
    return inputs[0] if len(inputs) == 1 else arrays.concat(inputs)


def input_of_columns(h: Array, w: Array, windows: Windows, precision: str) -> Array:
    """`x_ri = sum_pkj h_rpj w_pkj` if window(p, k) = i, shape (n_rows, n_columns)."""
    if _has_code(w, h):
        return _compiled.input_of_columns(h, w, windows.columns, windows.n_columns)
    inputs = []
    for rows in _blocks(h, windows):
        x = products.batched(w, _by_place(h[rows], w), precision)
        inputs.append(windows.scatter(x))
    return inputs[0] if len(inputs) == 1 else arrays.concat(inputs)


def add_products(w: Array, v: Array, h: Array, windows: Windows, precision: str) -> None:
    """`w_pkj += sum_r v_r,window(p,k) h_rpj`, in place."""
    if _has_code(w, v, h):
        _compiled.add_products(w, v, h, windows.columns, windows.n_columns)
        return
    for rows in _blocks(v, windows):
        of_places = _by_place(h[rows], w).swapaxes(1, 2)
        w += products.batched(windows.gather(v[rows]), of_places, precision)


def _has_code(w: Array, *rows: Array) -> bool:
    """Whether there is compiled code for these arrays."""
    if _compiled is None or is_tensor(w) or not w.flags.carray:
        return False
    return w.dtype in (np.float32, np.float64) and all(x.dtype == w.dtype for x in rows)


def _by_place(h: Array, w: Array) -> Array:
    """Rows of hidden units as an array of shape (n_places, n_units, n_rows)."""
    return h.T.reshape(w.shape[0], w.shape[2], len(h))


def _blocks(x: Array, windows: Windows) -> Iterator[slice]:
    """Blocks of rows, at least one, whose windows do not take much memory."""
    size = max(1, _LARGEST // max(1, windows.columns.size))
    for start in range(0, max(1, len(x)), size):
        yield slice(start, start + size)
