"""Windows of a picture: the visible columns that hidden units see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array


@dataclass(frozen=True)
class Grid:
    """Windows of a picture whose pixels are columns, row by row, with their channels together.

    Parameters
    ----------
    image_shape : tuple of int
        Height, width and number of channels.
    size : tuple of int
        Height and width of a window.
    stride : tuple of int
        Rows and columns between adjacent windows. Every window lies inside the picture.
    """

    image_shape: tuple[int, int, int]
    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of windows from top to bottom, and from left to right."""
        (height, width, _), (n_rows, n_columns), (down, right) = (
            self.image_shape,
            self.size,
            self.stride,
        )
        return (height - n_rows) // down + 1, (width - n_columns) // right + 1

    @property
    def n_places(self) -> int:
        """Number of windows."""
        n_down, n_right = self.shape
        return n_down * n_right

    @property
    def n_columns(self) -> int:
        """Number of columns of the picture."""
        height, width, n_channels = self.image_shape
        return height * width * n_channels

    @property
    def n_window(self) -> int:
        """Number of columns of a window."""
        n_rows, n_columns = self.size
        return n_rows * n_columns * self.image_shape[2]

    @cached_property
    def index(self) -> Array:
        """Columns of every window, shape (n_places, n_window); windows are in reading order."""
        columns = arrays.integers(0, self.n_columns).reshape(self.image_shape)
        (n_rows, n_columns), (down, right), (n_down, n_right) = self.size, self.stride, self.shape
        corners = [(down * i, right * j) for i in range(n_down) for j in range(n_right)]
        return arrays.stack(
            [columns[i : i + n_rows, j : j + n_columns].reshape(-1) for i, j in corners]
        )

    def seen_from(self, i: int, j: int) -> tuple[slice, slice]:
        """Rows and columns of the picture that are row i and column j of a window, as slices."""
        (down, right), (n_down, n_right) = self.stride, self.shape
        rows = slice(i, i + down * (n_down - 1) + 1, down)
        return rows, slice(j, j + right * (n_right - 1) + 1, right)
