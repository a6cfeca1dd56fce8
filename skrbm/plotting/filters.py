"""`FiltersDisplay`: weights of hidden units as images."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.explain import describe, filters, strength
from skrbm.plotting.canvas import axes_for, draw_mosaic, pyplot
from skrbm.validation.parameters import check_choice, check_count, check_image_shape


class FiltersDisplay:
    """Weights of hidden units as images, with one colour scale that is symmetric around zero.

    Use `from_estimator` to create one.

    Parameters
    ----------
    filters : ndarray of shape (n_units, n_features)
        One row per unit, in the order in which they are shown.
    units : ndarray of int of shape (n_units,)
        Indices of these units in the estimator.
    image_shape : tuple of int
        Height and width of an image.

    Attributes
    ----------
    image_ : matplotlib.image.AxesImage
        All images in a grid, separated by masked pixels.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    skrbm.explain.filters : The weights that are shown.
    skrbm.explain.describe : Importance of the units for rows of data.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.plotting import FiltersDisplay
    >>> X = load_digits().data / 16
    >>> rbm = BernoulliRBM(n_components=16, n_iter=5, random_state=0).fit(X)
    >>> display = FiltersDisplay.from_estimator(rbm)
    >>> display.filters.shape
    (16, 64)
    """

    def __init__(self, filters: Array, *, units: Array, image_shape: tuple[int, int]) -> None:
        self.filters = filters
        self.units = units
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int = 64,
        order: str = "importance",
        layer: int = 0,
        ax: Any = None,
    ) -> Self:
        """Show the filters of a fitted estimator.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Rows that determine the importance of the units of a BernoulliRBM or
            GaussianBernoulliRBM; ignored with `order="index"`.
        image_shape : tuple of int, default=None
            Height and width; by default the image is a square.
        n_units : int, default=64
            Maximum number of units to show.
        order : {"importance", "index"}, default="importance"
            Whether to show the most important units first, or the units of lowest index. With X the
            importance of a unit is the loss of mean log-likelihood without it
            (`skrbm.explain.describe`). Without X it is the norm of the unit's weights, an upper
            limit of its effect (`skrbm.explain.strength`).
        layer : int, default=0
            Index of the layer of a stack. Units above the lowest layer are projected through the
            generation weights of the layers below, as if these were linear
            (`skrbm.explain.filters`).
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        display : FiltersDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the features do not form an image, or an argument is invalid.
        """
        pyplot()
        check_choice("order", order, ("importance", "index"))
        n_units = check_count("n_units", n_units)
        patterns = filters(estimator, layer)
        shape = check_image_shape("image_shape", image_shape, patterns.shape[1])
        if order == "index":
            units = np.arange(len(patterns))
        elif X is None:
            units = np.argsort(-strength(estimator, layer), kind="stable")
        else:
            units = describe(estimator, X, n_rows=1).order
        shown = units[:n_units]
        return cls(patterns[shown], units=shown, image_shape=shape).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the filters.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        self : FiltersDisplay
        """
        (self.ax_,), self.figure_ = axes_for(ax, 1)
        limit = float(np.abs(self.filters).max()) or 1.0
        n_columns = math.ceil(math.sqrt(len(self.filters)))
        gap = [(0, -len(self.filters) % n_columns), (0, 0)]
        cells = np.pad(self.filters.astype(np.float64), gap, constant_values=np.nan)
        images = cells.reshape(-1, n_columns, *self.image_shape)
        self.image_ = draw_mosaic(self.ax_, images, "RdBu_r", -limit, limit)
        self.ax_.set(xticks=[], yticks=[])
        self.figure_.colorbar(self.image_, ax=self.ax_, label="weight")
        return self
