"""The weights between two layers, as a linear operator.

Only this module depends on how weights are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from skrbm._kernels import arrays, products
from skrbm._kernels.devices import Array

# Index of rows or columns, as in numpy.
Index = slice | Array | int


@dataclass(frozen=True)
class Dense:
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

    @property
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""
        n_visible, n_hidden = self.array.shape
        return n_visible, n_hidden

    @property
    def reference(self) -> Array:
        """An array that has the dtype and the device of the weights."""
        return self.array

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Parameter arrays, which training changes in place."""
        return (self.array,)

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

    def outer(self, v: Any, h: Array) -> Dense:
        """`v' h` as weights of the same structure."""
        return replace(self, array=products.product(v.T, h, self.precision))

    def add(self, other: Dense) -> None:
        """`W += other`, in place."""
        w = self.array
        w += other.array

    def plus(self, other: Dense) -> Dense:
        """`W + other`."""
        return replace(self, array=self.array + other.array)

    def times(self, factor: float) -> Dense:
        """`factor W`."""
        return replace(self, array=factor * self.array)

    def scale_rows(self, factor: Array) -> None:
        """Multiply each row by its factor, in place."""
        w = self.array.T
        w *= factor

    def row_dots(self, other: Dense) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""
        return arrays.row_sums_of_products(self.array, other.array)

    def rows(self, index: Index) -> Array:
        """Some rows as an array, which may share memory with the weights."""
        return arrays.take_rows(self.array, index)

    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Dense:
        """Return the weights between some visible and some hidden columns."""
        return replace(self, array=self.array[visible][:, hidden])

    def map(self, function: Callable[[Array], Array]) -> Dense:
        """Return the weights with a function applied to their array."""
        return replace(self, array=function(self.array))


# The types of weights. A new structure is one class with the methods of `Dense`.
Weights = Dense


def as_weights(weights: Weights | Array) -> Weights:
    """Return weights unchanged, and an array as dense weights."""
    return weights if isinstance(weights, Dense) else Dense(weights)
