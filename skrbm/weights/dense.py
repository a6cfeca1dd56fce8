"""Dense weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, products
from skrbm._kernels.devices import Array
from skrbm.weights.base import Index, Weights


@dataclass(frozen=True)
class Dense(Weights):
    """Weights W of shape (n_visible, n_hidden), stored in one array.

    Parameters
    ----------
    array : ndarray of shape (n_visible, n_hidden)
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products on a device. With "bfloat16", factors and results are rounded,
        and sums are accumulated in float32.
    """

    array: Array
    precision: str = "float32"

    is_compiled: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        n_visible, n_hidden = self.array.shape
        return n_visible, n_hidden

    @property
    def is_complete(self) -> bool:
        """True: every visible column has a weight to every hidden one."""
        return True

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The array."""
        return (self.array,)

    @property
    def dense(self) -> Array:
        """The array."""
        return self.array

    @property
    def T(self) -> Dense:
        """Transposed weights, which share memory with these."""
        return Dense(self.array.T, self.precision)  # in every update: faster than `replace`

    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""
        return products.product(v, self.array, self.precision)

    def accumulate(self, v: Any, h: Array) -> None:
        """`W += v' h`, in place."""
        products.addmm(self.array, v, h, self.precision)

    def outer(self, v: Any, h: Array) -> Self:
        """`v' h` as dense weights."""
        return replace(self, array=products.product(v.T, h, self.precision))

    def with_arrays(self, new: tuple[Array, ...]) -> Self:
        """Return dense weights with another array."""
        (array,) = new
        return replace(self, array=array)

    def map_by_row(self, function: Callable[[Array, Array], Array], x: Array) -> Self:
        """Return the weights with an elementwise function of W_ij and x_i applied."""
        return replace(self, array=function(self.array, x[:, None]))

    def scale_rows(self, factor: Array) -> None:
        """Multiply each row by its factor, in place."""
        w = self.array.T
        w *= factor

    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        return arrays.row_sums_of_products(self.array, other.array)

    def rows(self, index: Index) -> Array:
        """Some rows as an array, which may share memory with the weights."""
        return arrays.take_rows(self.array, index)

    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Self:
        """Return the weights between some visible and some hidden columns."""
        return replace(self, array=self.array[visible][:, hidden])

    def with_precision(self, precision: str) -> Self:
        """Return the same weights with another precision of matrix products."""
        return replace(self, precision=precision)
