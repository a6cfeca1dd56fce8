"""Access to rows of data: without a copy in memory, in blocks from a large file."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property
from mmap import mmap
from typing import Any, Self

import numpy as np
from scipy import sparse

from skrbm._kernels.devices import Array, Generator, to_host

BUFFER_BYTES = 2**26  # size of the buffer; a file that fits is treated as if it were in memory
BLOCK_BYTES = 2**17  # read at once: seeking on a disk takes longer than reading this


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of an array, copied only on access.

    Parameters
    ----------
    X : ndarray or TensorRows of shape (n, n_columns)
    rows : ndarray of int of shape (n_rows,)
        Indices of rows of X, in order.
    limits : tuple of two numbers, optional
        Limits to which values are clipped.
    """

    X: Any
    rows: Array
    limits: tuple[Any, Any] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.rows), self.X.shape[1]

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.X.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: Array) -> Self:
        """Some of the rows."""
        return replace(self, rows=self.rows[rows])

    def clip(self, low: Any, high: Any) -> Self:
        """The same rows, clipped to limits."""
        return replace(self, limits=(low, high))

    def __getitem__(self, rows: Array | slice) -> Array:
        x = self.X[self.rows[rows]]
        return x if self.limits is None else x.clip(*self.limits)


@dataclass(frozen=True)
class TensorRows:
    """Rows of a tensor that stay on its device; selected rows are tensors, too."""

    X: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and columns."""
        return tuple(self.X.shape)

    @cached_property
    def dtype(self) -> Any:
        """The dtype in numpy."""
        return to_host(self.X.new_empty(0)).dtype

    def __len__(self) -> int:
        return len(self.X)

    def part(self, rows: Array) -> ChosenRows:
        """Some of the rows."""
        return ChosenRows(self, rows)

    def clip(self, low: Any, high: Any) -> ChosenRows:
        """The same rows, clipped to limits."""
        return ChosenRows(self, np.arange(len(self)), (low, high))

    def __getitem__(self, rows: Array | slice) -> Any:
        return self.X[rows]


@dataclass(frozen=True)
class DiskRows(ChosenRows):
    """Some rows of an array in a file, which is read in contiguous blocks.

    Rows taken by their indices come from a buffer of the blocks that were read last. In the order
    of `visits` an epoch reads every block about once.
    """

    @property
    def _block_rows(self) -> int:
        """Number of rows per block; the last block may have fewer."""
        return max(1, BLOCK_BYTES // (self.X.shape[1] * self.dtype.itemsize))

    @property
    def _n_held(self) -> int:
        """Number of blocks that fit into the buffer."""
        n_bytes = self._block_rows * self.X.shape[1] * self.dtype.itemsize
        return max(1, BUFFER_BYTES // n_bytes)

    def visits(self, rng: Generator) -> Array:
        """A random order of all rows, for one epoch.

        Blocks are in uniformly random order, in groups of nearly equal size that fit into the
        buffer. The rows of a group are shuffled uniformly.
        """
        n_rows, block_rows = len(self), self._block_rows
        blocks = rng.permutation(-(-n_rows // block_rows))
        visits, start = np.empty(n_rows, np.intp), 0
        for group in np.array_split(blocks, -(-len(blocks) // self._n_held)):
            rows = (group[:, None] * block_rows + np.arange(block_rows)).reshape(-1)
            rows = rows[rows < n_rows]  # the last block may be short
            rng.shuffle(rows)
            visits[start : start + len(rows)] = rows
            start += len(rows)
        return visits

    def __getitem__(self, rows: Array | slice) -> Array:
        if isinstance(rows, slice):
            return super().__getitem__(rows)
        blocks, place_of, _ = self._buffer
        block, offset = np.divmod(rows, self._block_rows)
        x, left = np.empty((len(rows), self.shape[1]), self.dtype), np.arange(len(rows))
        while len(left) > 0:
            place = place_of[block[left]]
            held = place >= 0
            x[left[held]] = blocks[place[held], offset[left[held]]]
            left = left[~held]
            for i in np.unique(block[left])[: len(blocks)]:
                self._read(i)
        return x

    def _read(self, i: int) -> None:
        """Read a block; if the buffer is full, it replaces the block that was read first."""
        blocks, place_of, held = self._buffer
        place = len(held)
        if place == len(blocks):
            oldest = held.popleft()
            place, place_of[oldest] = place_of[oldest], -1
        start = i * self._block_rows
        rows = super().__getitem__(slice(start, start + self._block_rows))
        blocks[place, : len(rows)] = rows
        place_of[i] = place
        held.append(i)

    @cached_property
    def _buffer(self) -> tuple[Array, Array, deque[int]]:
        """Blocks held, the place of every block among them or -1, and their order of reading."""
        n_blocks = -(-len(self) // self._block_rows)
        shape = min(n_blocks, self._n_held), self._block_rows, self.shape[1]
        return np.empty(shape, self.dtype), np.full(n_blocks, -1), deque()


def access(X: Any) -> Any:
    """The same data, as `DiskRows` if they are a large array that is mapped from a file.

    The array, or an array that it is a view of, must be mapped, for example by `numpy.memmap`, and
    have more bytes than the buffer.
    """
    if not isinstance(X, np.ndarray) or X.nbytes <= BUFFER_BYTES:
        return X
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    return DiskRows(X, np.arange(len(X))) if isinstance(base, mmap) else X


def part(X: Any, rows: Any) -> Any:
    """Some rows of X, without copying arrays."""
    if isinstance(rows, slice):
        return X
    if hasattr(X, "part"):
        return X.part(rows)
    return X[rows] if sparse.issparse(X) else ChosenRows(X, rows)


def on_disk(X: Any) -> DiskRows | None:
    """The rows of a file from which X is made, or None if X is in memory."""
    while hasattr(X, "X") and not isinstance(X, DiskRows):
        X = X.X
    return X if isinstance(X, DiskRows) else None


def shuffled(X: Any, rng: Generator) -> Array:
    """Indices of all rows of X in random order, as an epoch visits them.

    In memory, all orders are equally likely; for files see `DiskRows.visits`.
    """
    rows = on_disk(X)
    return rng.permutation(X.shape[0]) if rows is None else rows.visits(rng)
