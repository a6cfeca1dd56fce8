"""How rows are taken from data: some of them without a copy, those of a large file in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from mmap import mmap
from typing import Any, Self

import numpy as np
from scipy import sparse

from skrbm._kernels.devices import Array, Generator, to_host

BUFFER_BYTES = 2**26  # of a file that are held; a smaller file is taken as if it lay in memory
BLOCK_BYTES = 2**17  # read at once: a disk takes longer to find them than to read fewer


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of an array, as they are taken, so that they are not copied together.

    Parameters
    ----------
    X : ndarray or TensorRows of shape (n, n_columns)
    rows : ndarray of int of shape (n_rows,)
        Which rows of X, in which order.
    limits : tuple of two numbers, optional
        Values beyond count as these.
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
        """That of the array."""
        return self.X.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: Array) -> Self:
        """Some of the rows."""
        return replace(self, rows=self.rows[rows])

    def clip(self, low: Any, high: Any) -> Self:
        """The same rows within limits."""
        return replace(self, limits=(low, high))

    def __getitem__(self, rows: Array | slice) -> Array:
        x = self.X[self.rows[rows]]
        return x if self.limits is None else x.clip(*self.limits)


@dataclass(frozen=True)
class TensorRows:
    """The rows of a tensor on a device, where they stay; what is taken of them is a tensor, too."""

    X: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and columns."""
        return tuple(self.X.shape)

    @cached_property
    def dtype(self) -> Any:
        """That of numpy."""
        return to_host(self.X.new_empty(0)).dtype

    def __len__(self) -> int:
        return len(self.X)

    def part(self, rows: Array) -> ChosenRows:
        """Some of the rows."""
        return ChosenRows(self, rows)

    def clip(self, low: Any, high: Any) -> ChosenRows:
        """The same rows within limits."""
        return ChosenRows(self, np.arange(len(self)), (low, high))

    def __getitem__(self, rows: Array | slice) -> Any:
        return self.X[rows]


@dataclass(frozen=True)
class DiskRows(ChosenRows):
    """Some rows of an array that lies in a file, which is read in contiguous blocks.

    Rows that are taken by their indices come from a buffer of the blocks that were read last. In
    the order of `visits` all but few blocks are read once.
    """

    @property
    def _block_rows(self) -> int:
        """Rows of a block, but for the last one."""
        return max(1, BLOCK_BYTES // (self.X.shape[1] * self.dtype.itemsize))

    @property
    def _n_held(self) -> int:
        """Blocks that fit into the buffer."""
        n_bytes = self._block_rows * self.X.shape[1] * self.dtype.itemsize
        return max(1, BUFFER_BYTES // n_bytes)

    def visits(self, rng: Generator) -> Array:
        """An order of all rows, in which every row comes once.

        Blocks come in an order of which each is equally likely, in groups of nearly equal size that
        fit into the buffer. The rows of a group are shuffled, all orders being equally likely.
        """
        n_rows, block_rows = len(self), self._block_rows
        blocks = rng.permutation(-(-n_rows // block_rows))
        visits, start = np.empty(n_rows, np.int64), 0
        for group in np.array_split(blocks, -(-len(blocks) // self._n_held)):
            rows = (group[:, None] * block_rows + np.arange(block_rows)).reshape(-1)
            rows = rows[rows < n_rows]  # the last block may be short
            rng.shuffle(rows)
            visits[start : start + len(rows)] = rows
            start += len(rows)
        return visits

    def __getitem__(self, rows: Array | slice) -> Array:
        return super().__getitem__(rows) if isinstance(rows, slice) else self._taken(rows)

    def _taken(self, rows: Array) -> Array:
        """Rows from the buffer, and then what is not there, which takes the place of the oldest."""
        buffer = self._buffer
        block, offset = np.divmod(rows, self._block_rows)
        place = buffer.place_of_block[block]
        at, held = place * self._block_rows + offset, place >= 0
        if held.all():
            return buffer.values[at]
        x = np.empty((len(rows), self.shape[1]), self.dtype)
        x[held] = buffer.values[at[held]]
        for missing in np.unique(block[~held])[: self._n_held]:
            start = missing * self._block_rows
            buffer.put(missing, super().__getitem__(slice(start, start + self._block_rows)))
        x[~held] = self._taken(rows[~held])
        return x

    @cached_property
    def _buffer(self) -> _Buffer:
        n_blocks = -(-len(self) // self._block_rows)
        n_held = min(n_blocks, self._n_held)
        values = np.empty((n_held * self._block_rows, self.shape[1]), self.dtype)
        return _Buffer(values, np.full(n_blocks, -1), np.full(n_held, -1))


@dataclass
class _Buffer:
    """Blocks of rows that were read last.

    Parameters
    ----------
    values : ndarray
        Their rows, one block beneath the other.
    place_of_block : ndarray of int
        Where each block is, -1 where it is not held.
    block_at : ndarray of int
        Which block is in each place, -1 where none is.
    oldest : int
        The place to be filled next.
    """

    values: Array
    place_of_block: Array
    block_at: Array
    oldest: int = 0

    def put(self, block: int, rows: Array) -> None:
        """Hold a block instead of the oldest one."""
        place = self.oldest
        self.oldest = (place + 1) % len(self.block_at)
        if self.block_at[place] >= 0:
            self.place_of_block[self.block_at[place]] = -1
        self.block_at[place], self.place_of_block[block] = block, place
        start = place * (len(self.values) // len(self.block_at))
        self.values[start : start + len(rows)] = rows


def access(X: Any) -> Any:
    """The same data, as rows of a file where they are an array that stays in one.

    That is where the memory of the array, or of the one that it is a view of, is that of a mapped
    file, as of `numpy.memmap`, and it has more bytes than the buffer.
    """
    if not isinstance(X, np.ndarray) or X.nbytes <= BUFFER_BYTES:
        return X
    base: Any = X
    while isinstance(base, np.ndarray):
        base = base.base
    return DiskRows(X, np.arange(len(X))) if isinstance(base, mmap) else X


def part(X: Any, rows: Any) -> Any:
    """Some rows of X, or all: of arrays without a copy."""
    if isinstance(rows, slice):
        return X
    if hasattr(X, "part"):
        return X.part(rows)
    return X[rows] if sparse.issparse(X) else ChosenRows(X, rows)


def on_disk(X: Any) -> DiskRows | None:
    """The rows of a file that X are or are made from; None where these lie in memory."""
    while hasattr(X, "X") and not isinstance(X, DiskRows):
        X = X.X
    return X if isinstance(X, DiskRows) else None


def shuffled(X: Any, rng: Generator) -> Array:
    """Indices of all rows of X in random order, as a sweep visits them.

    Every order is equally likely where they lie in memory; see `DiskRows.visits` for a file.
    """
    rows = on_disk(X)
    return rng.permutation(X.shape[0]) if rows is None else rows.visits(rng)
