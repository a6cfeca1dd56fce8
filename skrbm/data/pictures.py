"""`ReceptiveField`: the places of windows in a picture, and the pixels that each sees."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skrbm._kernels.devices import Array
from skrbm._kernels.windows import Windows


class ReceptiveField(NamedTuple):
    """Windows of one size at regular places of a picture.

    The first window is in a corner. The next ones are `stride` pixels apart, and the last one ends
    at the border, so that every pixel is seen.

    Parameters
    ----------
    size : tuple of int
        Height and width of a window, in pixels.
    stride : tuple of int
        Distances of two windows, vertical and horizontal, at most the size.
    image_shape : tuple of int
        Height, width and number of channels of a picture. Its pixels are in C order, with the
        channels last.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    image_shape: tuple[int, int, int]

    @property
    def n_features(self) -> int:
        """Number of features of a picture."""
        return math.prod(self.image_shape)

    @property
    def window_shape(self) -> tuple[int, int, int]:
        """Height, width and number of channels of a window."""
        return *self.size, self.image_shape[2]

    @property
    def grid(self) -> tuple[int, int]:
        """Numbers of places, vertical and horizontal."""
        vertical, horizontal = self._starts
        return len(vertical), len(horizontal)

    @property
    def n_places(self) -> int:
        """Number of places."""
        return math.prod(self.grid)

    @property
    def share(self) -> float:
        """Share of all features that a window has."""
        return math.prod(self.window_shape) / self.n_features

    @property
    def features(self) -> Array:
        """Features of each window in C order, shape (n_places, n_features_of_a_window)."""
        index = np.arange(self.n_features).reshape(self.image_shape)
        windows = np.lib.stride_tricks.sliding_window_view(index, self.size, axis=(0, 1))
        chosen = windows[np.ix_(*self._starts)]  # rows, columns, channels, height, width
        return chosen.transpose(0, 1, 3, 4, 2).reshape(self.n_places, -1)

    def windows(self, owner: Array) -> Windows:
        """The visible columns of each window, which belong to these features.

        Parameters
        ----------
        owner : ndarray of int of shape (n_columns,)
            The feature of each visible column.
        """
        n_columns, seen = len(owner), np.zeros((self.n_places, self.n_features), bool)
        np.put_along_axis(seen, self.features, values=True, axis=1)
        place, column = np.nonzero(seen[:, owner])
        counts = np.bincount(place, minlength=self.n_places)
        columns = np.full((self.n_places, counts.max(initial=0)), n_columns, np.intp)
        columns[place, np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)] = (
            column
        )
        return Windows(columns, n_columns)

    def cropped(self, patterns: Array) -> Array:
        """The features of each unit's window, for one row of all features per hidden unit."""
        place = np.arange(len(patterns)) * self.n_places // len(patterns)
        return np.take_along_axis(patterns, self.features[place], axis=1)

    @property
    def _starts(self) -> tuple[Array, Array]:
        """First rows and first columns of all windows."""
        lasts = (whole - part for whole, part in zip(self.image_shape[:2], self.size, strict=True))
        vertical, horizontal = (
            np.append(np.arange(0, last, step), last)
            for last, step in zip(lasts, self.stride, strict=True)
        )
        return vertical, horizontal
