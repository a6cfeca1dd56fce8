"""`FiltersDisplay`: weights of hidden units as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.estimators.rbm.density import field_of
from skrbm.explain import describe, filters, strength
from skrbm.plotting.canvas import axes_for, draw_mosaic, pyplot
from skrbm.validation.parameters import check_choice, check_count, check_image_shape

_MOST_IMAGES, _MOST_UNITS, _MOST_COLUMNS = 64, 12, 20
_FEWEST_PIXELS = 64  # of an image whose pixels have names
_HALF_WIDTH = 0.45  # of the longest bar, relative to the distance of two units


class FiltersDisplay:
    """Weights of hidden units as images, or for tables as named bars, all on one scale.

    Use `from_estimator` to create one.

    Parameters
    ----------
    filters : ndarray of shape (n_units, n_features)
        One row per unit, in the order in which they are shown. If units have a receptive field,
        only the features of their windows.
    units : ndarray of int of shape (n_units,)
        Indices of these units in the estimator.
    image_shape : tuple of int or None
        Height and width of an image, and its number of channels, which are drawn side by side, if
        there are several; None for bars.
    names : sequence of str, optional
        Names of the features, for bars.
    scale : float or ndarray of shape (n_features,), default=1.0
        Bars show weights divided by this scale.

    Attributes
    ----------
    image_ : matplotlib.image.AxesImage
        All images in a grid, separated by masked pixels; only for images.
    bars_ : list of matplotlib.container.BarContainer
        The bars of each unit; only for bars.
    columns_ : ndarray of int
        Indices of the features that have bars, the 20 of largest weights; only for bars.
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

    def __init__(
        self,
        filters: Array,
        *,
        units: Array,
        image_shape: tuple[int, ...] | None,
        names: Sequence[str] | None = None,
        scale: Any = 1.0,
    ) -> None:
        self.filters = filters
        self.units = units
        self.image_shape = image_shape
        self.names = names
        self.scale = scale

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int | None = None,
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
            Height and width of an image. By default, units with a receptive field are shown as the
            images of their windows, and other images are squares. If the number of features is not
            a square, or there are fewer than 64 and they have names, each unit has a bar per
            feature instead, with its weight; for Gaussian visible units, divided by the square root
            of `variance_`.
        n_units : int, default=None
            Maximum number of units to show, by default 64 images, or bars of 12 units.
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
            If the features do not form an image of this shape, or an argument is invalid.
        """
        pyplot()
        check_choice("order", order, ("importance", "index"))
        patterns = filters(estimator, layer)
        lowest = getattr(estimator, "rbms_", [estimator])[0]
        field = field_of(lowest) if layer == 0 and image_shape is None else None
        shape: tuple[int, ...] | None = None
        is_shared = field is not None and lowest.shared
        if field is not None:
            shape = field.window_shape
            windows = lowest.filters_ if is_shared else field.cropped(patterns)
            patterns = windows.reshape(-1, math.prod(shape))
        n_features, names = patterns.shape[1], getattr(estimator, "feature_names_in_", None)
        is_named = names is not None and n_features < _FEWEST_PIXELS
        is_image = not is_named and math.isqrt(n_features) ** 2 == n_features
        with_bars = field is None and image_shape is None and not is_image
        if field is None and not with_bars:
            shape = check_image_shape("image_shape", image_shape, n_features)
        if n_units is None:
            n_units = _MOST_UNITS if with_bars else _MOST_IMAGES
        n_units = check_count("n_units", n_units)
        if order == "index":
            units = np.arange(len(patterns))
        elif is_shared:
            units = np.argsort(-np.linalg.norm(patterns, axis=1), kind="stable")
        elif X is None:
            units = np.argsort(-strength(estimator, layer), kind="stable")
        else:
            units = describe(estimator, X, n_rows=1).order
        shown = units[:n_units]
        names = [f"x{i}" for i in range(n_features)] if names is None else list(names)
        scale = np.sqrt(getattr(lowest, "variance_", 1.0))
        display = cls(patterns[shown], units=shown, image_shape=shape, names=names, scale=scale)
        return display.plot(ax)

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
        if self.image_shape is None:
            self._plot_bars()
            return self
        limit = float(np.abs(self.filters).max()) or 1.0
        n_columns = math.ceil(math.sqrt(len(self.filters)))
        gap = [(0, -len(self.filters) % n_columns), (0, 0)]
        cells = np.pad(self.filters.astype(np.float64), gap, constant_values=np.nan)
        height, width, *channels = self.image_shape
        images = cells.reshape(-1, n_columns, height, width, math.prod(channels))
        images = images.swapaxes(3, 4).reshape(*images.shape[:3], -1)
        self.image_ = draw_mosaic(self.ax_, images, "RdBu_r", -limit, limit)
        self.ax_.set(xticks=[], yticks=[])
        self.figure_.colorbar(self.image_, ax=self.ax_, label="weight")
        return self

    def _plot_bars(self) -> None:
        """Draw a row per feature and a column per unit; bars start at the centre of a column."""
        weights = self.filters / np.asarray(self.scale, np.float64)
        largest = np.argsort(-np.abs(weights).max(axis=0), kind="stable")[:_MOST_COLUMNS]
        self.columns_ = np.sort(largest)
        limit = float(np.abs(weights).max()) or 1.0
        names = range(weights.shape[1]) if self.names is None else self.names
        rows, self.bars_ = np.arange(len(self.columns_)), []
        for k, weight in enumerate(weights[:, self.columns_]):
            self.ax_.axvline(k, color="0.85", linewidth=0.8, zorder=0)
            colours = np.where(weight < 0, "C0", "C3")
            bars = self.ax_.barh(rows, weight / limit * _HALF_WIDTH, left=k, color=colours)
            self.bars_.append(bars)
        self.ax_.set(
            xticks=np.arange(len(weights)),
            xticklabels=self.units,
            yticks=rows,
            yticklabels=[names[i] for i in self.columns_],
            xlim=(-0.6, len(weights) - 0.4),
            ylim=(len(rows) - 0.4, -0.6),
            xlabel=f"hidden unit (the longest bar is a weight of {limit:.2g})",
        )
