"""`Weights`, the base class of all weight structures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from skrbm._kernels.devices import Array

# Index of rows or columns, as in numpy.
Index = slice | Array | int


@dataclass(frozen=True)
class Weights(ABC):
    """Weights W of shape (n_visible, n_hidden) between two layers, as a linear operator.

    A structure is a frozen dataclass with the abstract methods below. Training changes its
    parameter arrays in place.

    Attributes
    ----------
    is_compiled : bool
        Whether the compiled update has code for this structure.
    """

    is_compiled: ClassVar[bool] = False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Number of visible columns, number of hidden columns."""

    @property
    def fan(self) -> tuple[float, float]:
        """Mean number of visible columns that a hidden unit sees, and mean number that see one."""
        return self.shape

    @property
    def is_complete(self) -> bool:
        """Whether every visible column has a weight to every hidden one."""
        return False

    @property
    @abstractmethod
    def arrays(self) -> tuple[Array, ...]:
        """Parameter arrays, which training changes in place."""

    @property
    def reference(self) -> Array:
        """An array that has the dtype and the device of the weights."""
        return self.arrays[0]

    @property
    @abstractmethod
    def dense(self) -> Array:
        """All weights in one array of shape (n_visible, n_hidden), which may share memory."""

    @property
    @abstractmethod
    def T(self) -> Weights:
        """Transposed weights, which share memory with these."""

    @abstractmethod
    def input(self, v: Any) -> Array:
        """`v W` for every row of v: an array with any number of leading axes, or a CSR matrix."""

    @abstractmethod
    def accumulate(self, v: Any, h: Array) -> None:
        """Add `v' h`, projected on the structure, in place."""

    @abstractmethod
    def with_arrays(self, new: tuple[Array, ...]) -> Self:
        """Return the same structure with other parameter arrays."""

    @abstractmethod
    def map_by_row(self, function: Callable[[Array, Array], Array], x: Array) -> Self:
        """Return the weights with an elementwise function of W_ij and x_i applied."""

    @abstractmethod
    def scale_rows(self, factor: Array) -> None:
        """Multiply each row by its factor, in place."""

    @abstractmethod
    def row_dots(self, other: Self) -> Array:
        """`sum_j W_ij other_ij` for every row i, in the dtype of the weights."""

    @abstractmethod
    def rows(self, index: Index) -> Array:
        """Some rows as an array, which may share memory with the weights."""

    @abstractmethod
    def part(self, visible: Index = slice(None), hidden: Index = slice(None)) -> Weights:
        """Return the weights between some visible and some hidden columns."""

    def offset(self, mean: Array) -> Array:
        """Offset of the visible units, near their means, that shared hidden biases can absorb."""
        return mean

    def outer(self, v: Any, h: Array) -> Self:
        """`v' h`, projected on weights of the same structure."""
        product = self.map(lambda w: 0 * w)
        product.accumulate(v, h)
        return product

    def add(self, other: Self) -> None:
        """`W += other`, in place."""
        for w, growth in zip(self.arrays, other.arrays, strict=True):
            w += growth

    def plus(self, other: Self) -> Self:
        """`W + other`."""
        pairs = zip(self.arrays, other.arrays, strict=True)
        return self.with_arrays(tuple(w + growth for w, growth in pairs))

    def times(self, factor: float) -> Self:
        """`factor W`."""
        return self.map(lambda w: factor * w)

    def map(self, function: Callable[[Array], Array]) -> Self:
        """Return the weights with a function applied to each of their parameter arrays."""
        return self.with_arrays(tuple(function(w) for w in self.arrays))

    @abstractmethod
    def with_precision(self, precision: str) -> Self:
        """Return the same weights with another precision of matrix products."""
