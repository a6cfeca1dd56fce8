"""Local weights: a hidden unit sees only the visible columns of a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from skrbm._kernels import arrays, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.windows import Windows, add_products, input_of_columns, input_of_places
from skrbm.weights.base import Index, Weights
from skrbm.weights.dense import Dense


@dataclass(frozen=True)
class Local(Weights):
    """Weights of hidden units at places, each to the visible columns of the window of its place.

    Hidden columns are ordered place by place. No weights are shared.

    Parameters
    ----------
    array : ndarray of shape (n_places, n_window, n_units)
        Weights between the elements of each window and the hidden units at its place. Weights of
        elements without a column have no effect.
    windows : Windows
        Visible columns of each window.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products on a device; see `Dense`.
    """

    array: Array
    windows: Windows
    precision: str = "float32"

    @classmethod
    def draw(
        cls, windows: Windows, shape: tuple[int, int], scale: float, x: Array, rng: Generator
    ) -> Local:
        """Draw initial weights with standard deviation scale, like x."""
        shape_of_array = windows.n_places, windows.n_window, shape[1] // windows.n_places
        return Local(random.normal(shape_of_array, scale, x, rng), windows)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        n_places, _, n_units = self.array.shape
        return self.windows.n_columns, n_places * n_units

    @property
    def fan(self) -> tuple[float, float]:
        """Mean number of visible columns that a hidden unit sees, and mean number that see one."""
        return self.windows.fan(self.array.shape[2])

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The array."""
        return (self.array,)

    @property
    def dense(self) -> Array:
        """All weights in one new array of shape (n_visible, n_hidden)."""
        n_places, _, n_units = self.array.shape
        n_visible, n_hidden = self.shape
        full = arrays.zeros((n_visible + 1, n_places, n_units), self.array)
        full[self.windows.columns, arrays.integers(0, n_places)[:, None]] = self.array
        return full[:-1].reshape(n_visible, n_hidden)

    @property
    def T(self) -> Weights:
        """Transposed weights, which share memory with these."""
        return TransposedLocal(self.array, self.windows, self.precision)

    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""
        x = input_of_places(_rows(v), self.array, self.windows, self.precision)
        return x.reshape(*v.shape[:-1], x.shape[-1])

    def accumulate(self, v: Any, h: Array) -> None:
        """`W += v' h`, in place, within the windows."""
        add_products(self.array, _rows(v), h, self.windows, self.precision)

    def with_arrays(self, new: tuple[Array, ...]) -> Self:
        """Return the same structure with another array."""
        (array,) = new
        return replace(self, array=array)

    def map_by_row(self, function: Callable[[Array, Array], Array], x: Array) -> Self:
        """Return the weights with an elementwise function of W_ij and x_i applied."""
        return replace(self, array=function(self.array, self._of_rows(x)))

    def scale_rows(self, factor: Array) -> None:
        """Multiply each row by its factor, in place."""
        w = self.array
        w *= self._of_rows(factor)

    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        return self.windows.scatter((self.array * other.array).sum(2)[:, :, None])[0]

    def rows(self, index: Index) -> Array:
        """Some rows as a new array."""
        return arrays.take_rows(self.dense, index)

    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Weights:
        """Return the weights between some visible and some hidden columns, as dense weights."""
        return Dense(self.dense[visible][:, hidden], self.precision)

    def with_precision(self, precision: str) -> Self:
        """Return the same weights with another precision of matrix products."""
        return replace(self, precision=precision)

    def _of_rows(self, x: Array) -> Array:
        """A number per row, for each weight."""
        return self.windows.gather(x[None], fill=1.0)  # functions may divide by it


@dataclass(frozen=True)
class TransposedLocal(Local):
    """The transposed weights of `Local`, with the same array: visible columns are at places."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        return super().shape[::-1]

    @property
    def fan(self) -> tuple[float, float]:
        """Mean number of visible columns that a hidden unit sees, and mean number that see one."""
        return super().fan[::-1]

    @property
    def dense(self) -> Array:
        """All weights in one new array of shape (n_visible, n_hidden)."""
        return self.T.dense.T

    @property
    def T(self) -> Weights:
        """Transposed weights, which share memory with these."""
        return Local(self.array, self.windows, self.precision)

    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""
        x = input_of_columns(_rows(v), self.array, self.windows, self.precision)
        return x.reshape(*v.shape[:-1], x.shape[-1])

    def accumulate(self, v: Any, h: Array) -> None:
        """`W += v' h`, in place, within the windows."""
        self.T.accumulate(h, _rows(v))

    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        inside = self.windows.gather(arrays.full((1, self.windows.n_columns), 1.0, self.array))
        return (inside * self.array * other.array).sum(1).reshape(-1)

    def _of_rows(self, x: Array) -> Array:
        return x.reshape(len(self.array), 1, -1)


def _rows(v: Any) -> Array:
    """Rows as an array with two axes."""
    return arrays.to_dense(v).reshape(-1, v.shape[-1])
