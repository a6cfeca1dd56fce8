"""Weights in blocks, each between two groups of columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple, Self

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.weights.base import Index, Weights
from skrbm.weights.dense import Dense


class Block(NamedTuple):
    """Weights between some visible and some hidden columns."""

    visible: slice
    hidden: slice
    weights: Weights


@dataclass(frozen=True)
class Blocks(Weights):
    """Weights in blocks; all weights outside the blocks are zero.

    The layers of a deep Boltzmann machine form two groups, the even and the odd layers, without
    weights inside a group. The weights between the groups are blocks, one per pair of adjacent
    layers.

    Parameters
    ----------
    blocks : tuple of Block
        Blocks that do not overlap.
    size : tuple of int
        Number of visible columns, number of hidden columns.
    """

    blocks: tuple[Block, ...]
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        return self.size

    @property
    def is_complete(self) -> bool:
        """Whether every visible column has a weight to every hidden one."""
        n_weights = sum(math.prod(b.weights.shape) for b in self.blocks if b.weights.is_complete)
        return n_weights == math.prod(self.shape)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Parameter arrays of all blocks, which training changes in place."""
        return tuple(w for block in self.blocks for w in block.weights.arrays)

    @property
    def dense(self) -> Array:
        """All weights in one new array of shape (n_visible, n_hidden)."""
        full = arrays.zeros(self.shape, self.reference)
        for block in self.blocks:
            full[block.visible, block.hidden] = block.weights.dense
        return full

    @property
    def T(self) -> Blocks:
        """Transposed weights, which share memory with these."""
        blocks = (Block(hidden, visible, w.T) for visible, hidden, w in self.blocks)
        return Blocks(tuple(blocks), self.shape[::-1])

    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""
        total = arrays.zeros((*v.shape[:-1], self.shape[1]), self.reference)
        for block in self.blocks:
            part = v[:, block.visible] if arrays.is_sparse(v) else v[..., block.visible]
            total[..., block.hidden] += block.weights.input(part)
        return total

    def accumulate(self, v: Any, h: Array) -> None:
        """`W += v' h`, in place, within the blocks."""
        for block in self.blocks:
            block.weights.accumulate(v[:, block.visible], h[:, block.hidden])

    def with_arrays(self, new: Iterable[Array]) -> Self:
        """Return the same structure with other parameter arrays."""
        rest = iter(new)
        return self._each(lambda w: w.with_arrays(tuple(islice(rest, len(w.arrays)))))

    def map_by_row(self, function: Callable[[Array, Array], Array], x: Array) -> Self:
        """Return the weights with an elementwise function of W_ij and x_i applied."""
        blocks = (Block(a, b, w.map_by_row(function, x[a])) for a, b, w in self.blocks)
        return replace(self, blocks=tuple(blocks))

    def scale_rows(self, factor: Array) -> None:
        """Multiply each row by its factor, in place."""
        for block in self.blocks:
            block.weights.scale_rows(factor[block.visible])

    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        total = arrays.zeros((self.shape[0],), self.reference)
        for block, its in zip(self.blocks, other.blocks, strict=True):
            total[block.visible] += block.weights.row_dots(its.weights)
        return total

    def rows(self, index: Index) -> Array:
        """Some rows as a new array."""
        return self.dense[index]

    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Weights:
        """Return the weights between some visible and some hidden columns.

        They share memory with these if both indices are slices; otherwise they are dense.
        """
        if not (isinstance(visible, slice) and isinstance(hidden, slice)):
            return Dense(self.dense[visible][:, hidden])
        rows, columns = (range(n)[x] for n, x in zip(self.shape, (visible, hidden), strict=True))
        cut = (_cut(block, rows, columns) for block in self.blocks)
        inside = tuple(block for block in cut if block is not None)
        empty = self.blocks[0].weights.part(slice(0), slice(0))
        nothing = Block(slice(0), slice(0), empty)
        return Blocks(inside or (nothing,), (len(rows), len(columns)))

    def with_precision(self, precision: str) -> Self:
        """Return the same weights with another precision of matrix products."""
        return self._each(lambda w: w.with_precision(precision))

    def _each(self, function: Callable[[Weights], Weights]) -> Self:
        """Apply a function to the weights of every block."""
        blocks = (Block(a, b, function(w)) for a, b, w in self.blocks)
        return replace(self, blocks=tuple(blocks))


def _cut(block: Block, rows: range, columns: range) -> Block | None:
    """The part of a block in consecutive rows and columns, or None if it has no part there."""
    of_rows, own_rows = _overlap(block.visible, rows)
    of_columns, own_columns = _overlap(block.hidden, columns)
    if of_rows is None or of_columns is None:
        return None
    return Block(of_rows, of_columns, block.weights.part(own_rows, own_columns))


def _overlap(own: slice, chosen: range) -> tuple[slice | None, slice]:
    """The overlap of a slice with a range, counted from the start of the range and of the slice."""
    first, last = max(own.start, chosen.start), min(own.stop, chosen.stop)
    overlap = slice(first - chosen.start, last - chosen.start) if first < last else None
    return overlap, slice(first - own.start, last - own.start)
