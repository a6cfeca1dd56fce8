"""Axes to draw on, and mosaics of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrbm._kernels.devices import Array

_BORDER = "0.85"  # between images


def pyplot() -> Any:
    """matplotlib.pyplot, or an error if it is not installed."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        msg = "skrbm.plotting needs matplotlib, an optional dependency: pip install matplotlib."
        raise ImportError(msg) from error
    return plt


def axes_for(ax: Any, n: int) -> tuple[Array, Any]:
    """The given axes, or n new ones, and their figure."""
    if ax is None:
        figure, axes = pyplot().subplots(n, sharex=True, squeeze=False, layout="constrained")
        return axes[:, 0], figure
    axes = np.atleast_1d(ax).ravel()
    if len(axes) != n:
        raise ValueError(f"ax has {len(axes)} axes, must have {n}.")
    return axes, axes[0].figure


def draw_mosaic(ax: Any, images: Array, cmap: str, low: float, high: float) -> Any:
    """Draw images of shape (n_rows, n_columns, height, width) with grey lines between them."""
    gap = [(0, 0), (0, 0), (0, 1), (0, 1)]
    cells = np.pad(images.astype(np.float64), gap, constant_values=np.nan)
    n_rows, n_columns, height, width = cells.shape
    mosaic = cells.transpose(0, 2, 1, 3).reshape(n_rows * height, n_columns * width)[:-1, :-1]
    ax.set_facecolor(_BORDER)
    return ax.imshow(mosaic, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
