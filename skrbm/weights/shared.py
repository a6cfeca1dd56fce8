"""Weights of filters that are applied at every place of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from skrbm._kernels import arrays, devices, products, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.windows import Windows
from skrbm.weights.base import Index, Weights
from skrbm.weights.dense import Dense

_IN_CACHE, _LARGEST = 2**18, 2**23  # numbers that are copied from or to windows at once


class Geometry(NamedTuple):
    """Places of filters in a picture; see `Shared`."""

    windows: Windows
    grid: tuple[int, int]
    pooling: int = 1
    n_channels: int = 1


@dataclass(frozen=True)
class Shared(Weights):
    """The same filters at every place: `W_ij` is a filter's weight if column i is in window j.

    A hidden column is a filter at a place. Hidden columns are ordered by blocks of places, filters,
    and places within a block. A matrix that is added to these weights, as by `accumulate`, is
    projected on them: each weight of a filter receives the mean over all places.

    Parameters
    ----------
    filters : ndarray of shape (n_window, n_filters)
    windows : Windows
        Visible columns of the window at each place, in reading order; no window is incomplete.
    grid : tuple of int
        Number of places from top to bottom, and from left to right.
    pooling : int, default=1
        Height and width of a block of places; a divisor of both numbers of places.
    n_channels : int, default=1
        Number of successive visible columns that are channels of one pixel.
    is_transposed : bool, default=False
        Whether the columns of the picture are the hidden ones.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products on a device.
    """

    filters: Array
    windows: Windows
    grid: tuple[int, int]
    pooling: int = 1
    n_channels: int = 1
    is_transposed: bool = False
    precision: str = "float32"

    @classmethod
    def draw(
        cls,
        geometry: Geometry,
        shape: tuple[int, int],
        scale: float,
        x: Array,
        rng: Generator,
    ) -> Shared:
        """Draw initial weights with standard deviation scale, like x."""
        windows = geometry.windows
        of_filters = windows.n_window, shape[1] // windows.n_places
        return Shared(random.normal(of_filters, scale, x, rng), *geometry)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        shape = self.windows.n_columns, self.windows.n_places * self.filters.shape[1]
        return shape[::-1] if self.is_transposed else shape

    @property
    def fan(self) -> tuple[float, float]:
        """Mean number of visible columns that a hidden unit sees, and mean number that see one."""
        fan = self.windows.fan(self.filters.shape[1])
        return fan[::-1] if self.is_transposed else fan

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The filters."""
        return (self.filters,)

    @property
    def dense(self) -> Array:
        """All weights in a new array of shape (n_visible, n_hidden)."""
        return self.T.dense.T if self.is_transposed else self.rows(slice(None))

    @property
    def T(self) -> Self:
        """Transposed weights, which share memory with these."""
        return replace(self, is_transposed=not self.is_transposed)

    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""
        of_rows = self._onto_picture if self.is_transposed else self._of_windows
        rows = arrays.to_dense(v).reshape(-1, v.shape[-1])
        parts = [of_rows(rows[some]) for some in self._parts(len(rows))]
        return arrays.concat(parts).reshape(*v.shape[:-1], self.shape[1])

    def accumulate(self, v: Any, h: Array) -> None:
        """Add the projection of `v' h`, in place: means over all places."""
        picture, places = (h, v) if self.is_transposed else (v, h)
        picture, places = arrays.to_dense(picture), arrays.to_dense(places)
        for some in self._parts(len(picture)):
            x = self._by_place(places[some]) * (1 / self.windows.n_places)
            products.addmm(self.filters, self._patches(picture[some]), x, self.precision)

    def offset(self, mean: Array) -> Array:
        """Return the mean of each channel, whose input is the same at every place."""
        by_channel = mean.reshape(-1, self.n_channels)
        return (0 * by_channel + by_channel.mean(0)).reshape(-1)

    def with_arrays(self, new: tuple[Array, ...]) -> Self:
        """Return weights with other filters."""
        (filters,) = new
        return replace(self, filters=filters)

    def map_by_row(self, function: Callable[[Array, Array], Array], x: Array) -> Self:
        """Return filters with a function applied to their weights and the means of x over places.

        For a function that is linear in x, this is the projection of `function(W_ij, x_i)`.
        """
        return replace(self, filters=function(self.filters, self._mean_over_places(x)))

    def scale_rows(self, factor: Array) -> None:
        """Multiply each weight of a filter by the mean of the factors over all places, in place."""
        filters = self.filters
        filters *= self._mean_over_places(factor)

    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        squares = self.with_arrays((self.filters * other.filters,))
        ones = arrays.zeros((self.shape[1],), self.filters) + 1
        return squares.T.input(ones)

    def rows(self, index: Index) -> Array:
        """Some rows as a new array."""
        return self.input(arrays.identity(self.shape[0], self.filters)[index])

    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Weights:
        """Return the weights between some visible and some hidden columns, as dense weights."""
        return Dense(self.rows(visible)[:, hidden], self.precision)

    def with_precision(self, precision: str) -> Self:
        """Return the same weights with another precision of matrix products."""
        return replace(self, precision=precision)

    def _of_windows(self, v: Array) -> Array:
        """Products of the windows of every row with all filters, as hidden columns."""
        x = products.product(self._patches(v), self.filters, self.precision)
        down, right, pooling = *self._blocks, self.pooling
        by_place = x.reshape(len(v), down, pooling, right, pooling, x.shape[1])
        by_block = by_place.swapaxes(2, 3).swapaxes(3, 5).swapaxes(4, 5)
        return by_block.reshape(len(v), self.shape[1])

    def _onto_picture(self, h: Array) -> Array:
        """Sums of the filters of every row at their places in a picture."""
        n_places, n_filters = self.windows.n_places, self.filters.shape[1]
        by_row = self._by_place(h).reshape(len(h), n_places, n_filters)
        by_place = by_row.swapaxes(0, 1).swapaxes(1, 2)
        return self.windows.scatter(products.batched(self.filters, by_place, self.precision))

    def _by_place(self, h: Array) -> Array:
        """Hidden columns by row and place, shape (n_rows * n_places, n_filters)."""
        down, right, pooling = *self._blocks, self.pooling
        n_filters = self.filters.shape[1]
        by_block = h.reshape(len(h), down, right, n_filters, pooling, pooling)
        by_place = by_block.swapaxes(4, 5).swapaxes(3, 5).swapaxes(2, 3)
        return by_place.reshape(len(h) * self.windows.n_places, n_filters)

    def _patches(self, v: Array) -> Array:
        """The windows of every row, shape (n_rows * n_places, n_window)."""
        return arrays.take_columns(v, self.windows.columns).reshape(-1, self.windows.n_window)

    def _mean_over_places(self, x: Array) -> Array:
        """Means over all places, which broadcast with the filters."""
        if self.is_transposed:
            return self._by_place(x[None]).mean(0)
        return x[self.windows.columns].mean(0)[:, None]

    def _parts(self, n: int) -> Iterator[slice]:
        """Parts of n rows whose windows do not take much memory."""
        is_cached = not self.is_transposed and not devices.is_on_accelerator(self.filters)
        most = _IN_CACHE if is_cached else _LARGEST
        size = max(1, most // self.windows.columns.size)
        return (slice(start, start + size) for start in range(0, max(1, n), size))

    @property
    def _blocks(self) -> tuple[int, int]:
        """Number of blocks from top to bottom, and from left to right."""
        n_down, n_right = self.grid
        return n_down // self.pooling, n_right // self.pooling
