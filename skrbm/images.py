"""Steps between layers of features of images: `LocalContrastNormalization` and `Pool`.

A row of data is an image in C order, with channels last: the value of channel c at row y and column
x of the image is in column `(y * width + x) * n_channels + c`. Maps of features are channels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.base import ClassNamePrefixFeaturesOutMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skrbm._kernels import threads
from skrbm._kernels.devices import Array
from skrbm.estimators.common.base import Estimator
from skrbm.validation.parameters import (
    check_choice,
    check_count,
    check_image_or_signal,
    check_number,
    require,
)

__all__ = ["LocalContrastNormalization", "Pool"]

_DTYPES = np.float32, np.float64
_CUT_OFF = 2.0  # radius of the window in standard deviations
_KINDS = "max", "l2"


class _OfImages(TransformerMixin, Estimator, ABC):
    """A transformer of rows that are images, which only learns their shape."""

    image_shape: tuple[int, ...] | None
    image_shape_: tuple[int, int, int]

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse invalid parameters other than the shape."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the number of columns; nothing is learned from the values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            One image per row.
        y : ignored

        Returns
        -------
        self : estimator
        """
        self._check_parameters()
        n_features = validate_data(self, X, dtype=_DTYPES).shape[1]
        self.image_shape_ = check_image_or_signal("image_shape", self.image_shape, n_features)
        return self

    def _images(self, X: Any) -> Array:
        """Rows as images, of shape (n_samples, height, width, n_channels)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=_DTYPES, reset=False)
        return rows.reshape(-1, *self.image_shape_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@dataclass(eq=False, repr=False)
class LocalContrastNormalization(OneToOneFeatureMixin, _OfImages):
    r"""Remove the local mean of images, and divide by the local contrast.

    .. math::

        v = x - w * x, \qquad \sigma = \sqrt{w * v^2}, \qquad
        y = \frac{v}{\max(\bar\sigma, \sigma)}.

    Here :math:`w * x` is the weighted mean of all channels in a Gaussian window around a pixel. So
    v is the difference from the surroundings, :math:`\sigma` the local contrast, and
    :math:`\bar\sigma` its mean over the image. Contrasts above this mean become equal. Regions with
    less contrast stay faint, so that noise is not amplified [1]_.

    `transform(a * X + b)` equals `transform(X)` for all numbers a > 0 and b. A constant image
    becomes zero. There is no `inverse_transform`, because local means and contrasts are lost.

    Parameters
    ----------
    sigma : float, default=2.0
        Standard deviation of the window, in pixels. The window ends at two standard deviations, so
        by default it has 9 x 9 pixels. At the border, it is cut off and its weights are normalised
        again.
    image_shape : tuple of int, default=None
        Height and width of the images, or height, width and number of channels. With None, an image
        is a square of one channel if the number of columns is a square, and otherwise a single line
        of pixels.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and number of channels.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has names of columns.

    See Also
    --------
    Pool : Makes features less sensitive to position.

    References
    ----------
    .. [1] K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun. "What is the best multi-stage
       architecture for object recognition?" ICCV 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm.images import LocalContrastNormalization
    >>> X = np.random.default_rng(0).random((10, 64))
    >>> normalized = LocalContrastNormalization(image_shape=(8, 8)).fit_transform(X)
    >>> brighter = LocalContrastNormalization(image_shape=(8, 8)).fit_transform(3 * X + 1)
    >>> bool(np.allclose(normalized, brighter))
    True
    """

    sigma: float = 2.0
    _: KW_ONLY
    image_shape: tuple[int, ...] | None = None

    def _check_parameters(self) -> None:
        check_number("sigma", self.sigma, "> 0")

    def transform(self, X: Any) -> Array:
        """Normalise the local contrast of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            float32 for float32 and integers, otherwise float64.
        """
        images = self._images(X)
        return threads.by_rows(self._normalized, images).reshape(len(images), -1)

    def _normalized(self, images: Array) -> Array:
        """Images after normalisation; a constant image has exact zeros."""
        v = images - images[:, :1, :1, :1]  # so that its local means are not rounded
        v = _divided(v, np.abs(v).max(axis=(1, 2, 3), keepdims=True))  # so squares are not zero
        v -= self._local_mean(v)
        sigma = np.sqrt(self._local_mean(v**2))
        return _divided(v, np.maximum(sigma, sigma.mean(axis=(1, 2, 3), keepdims=True)))

    def _local_mean(self, images: Array) -> Array:
        """Weighted mean of all channels in the window, without pixels outside of the image."""
        channels = images.mean(axis=3)
        weight = self._filtered(np.ones((1, *channels.shape[1:])))
        return (self._filtered(channels) / weight).astype(images.dtype)[..., None]

    def _filtered(self, channels: Array) -> Array:
        return gaussian_filter(
            channels, self.sigma, mode="constant", truncate=_CUT_OFF, axes=(1, 2)
        )


@dataclass(eq=False, repr=False)
class Pool(ClassNamePrefixFeaturesOutMixin, _OfImages):
    r"""Summarise square windows of images, each channel separately.

    The windows are disjoint and start at the upper left corner. Windows at the lower and right
    border are cut off, so no pixel is lost. The result for a window of n pixels with the values
    :math:`x_i` is

    .. math::

        \max_i x_i \quad \text{(max)}, \qquad
        \Big( \frac{1}{n} \sum_i x_i^2 \Big)^{1/2} \quad \text{(l2)}.

    So a feature no longer depends on its exact position in the window. "l2" also forgets its sign.

    Parameters
    ----------
    size : int, default=2
        Height and width of a window, in pixels.
    kind : {"max", "l2"}, default="max"
        Largest value, or root of the mean square.
    image_shape : tuple of int, default=None
        Height and width of the images, or height, width and number of channels. With None, an image
        is a square of one channel if the number of columns is a square, and otherwise a single line
        of pixels.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and number of channels.
    pooled_shape_ : tuple of int
        Height, width and number of channels after pooling: `image_shape` of the next step.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has names of columns.

    See Also
    --------
    LocalContrastNormalization : Removes differences of brightness and contrast.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm.images import Pool
    >>> image = np.array([[1, 2, 0, 0], [3, 4, 0, 5]])
    >>> pool = Pool(2, image_shape=(2, 4)).fit(image.reshape(1, -1))
    >>> pooled = pool.transform(image.reshape(1, -1))
    >>> pooled
    array([[4., 5.]], dtype=float32)
    >>> pool.inverse_transform(pooled).reshape(2, 4)
    array([[4., 4., 5., 5.],
           [4., 4., 5., 5.]], dtype=float32)
    """

    size: int = 2
    _: KW_ONLY
    kind: str = "max"
    image_shape: tuple[int, ...] | None = None

    def _check_parameters(self) -> None:
        check_count("size", self.size)
        check_choice("kind", self.kind, _KINDS)

    @property
    def pooled_shape_(self) -> tuple[int, int, int]:
        """Height, width and number of channels after pooling."""
        height, width, n_channels = self.image_shape_
        return -(-height // self.size), -(-width // self.size), n_channels

    @property
    def _n_features_out(self) -> int:
        """Number of names that `get_feature_names_out` makes."""
        return int(np.prod(self.pooled_shape_))

    def transform(self, X: Any) -> Array:
        """Summarise the windows of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_pooled)
            Images of shape `pooled_shape_`; float32 for float32 and integers, otherwise float64.
        """
        images = self._images(X)
        pooled = self._reduced(np.maximum, images) if self.kind == "max" else self._l2(images)
        return pooled.reshape(len(images), -1)

    def _l2(self, images: Array) -> Array:
        """Root of the mean square of each window."""
        n_pixels = self._reduced(np.add, np.ones((1, *self.image_shape_), images.dtype))
        return np.sqrt(self._reduced(np.add, images**2) / n_pixels)

    def _reduced(self, ufunc: np.ufunc, images: Array) -> Array:
        """Reduce the windows of images, along their height and then along their width."""
        for axis in (1, 2):
            images = ufunc.reduceat(images, np.arange(0, images.shape[axis], self.size), axis=axis)
        return images

    def inverse_transform(self, X: Any) -> Array:
        """Spread the value of a window over its pixels.

        These are the images, constant in each window, with this result of `transform`. For "l2" the
        values must be non-negative.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pooled)
            Images of shape `pooled_shape_`.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        rows = np.asarray(X)
        rows = rows if rows.dtype in _DTYPES else rows.astype(np.float32)
        n_pooled = self._n_features_out
        shape = f"an array of shape (n_samples, {n_pooled})"
        require(rows.ndim == 2 and rows.shape[1] == n_pooled, "shape of X", rows.shape, shape)
        height, width, _ = self.image_shape_
        images = rows.reshape(-1, *self.pooled_shape_)
        images = images.repeat(self.size, axis=1)[:, :height]
        return images.repeat(self.size, axis=2)[:, :, :width].reshape(len(rows), -1)


def _divided(images: Array, by: Array) -> Array:
    """A quotient, zero if the divisor is zero."""
    return np.divide(images, by, out=np.zeros_like(images), where=by > 0)
