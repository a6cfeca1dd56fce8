"""Scaling: from rows of data to states of visible units, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrbm._kernels.arrays import clip
from skrbm._kernels.devices import Array, astype, with_device_of
from skrbm.data.summary import Summary
from skrbm.data.views import MappedRows
from skrbm.model import RBM

_FARTHEST = 1e30  # standard deviations


@dataclass(frozen=True)
class Unscaled:
    """Visible states are the data; draws are Boolean.

    Parameters
    ----------
    dtype : dtype
        The dtype of the model.
    log_volume : float
        Log volume, in the units of the data, of a unit cube of visible states.
    """

    dtype: Any
    log_volume: float = 0.0

    def log_volume_of(self, columns: Array) -> float:
        """The log volume, for each row only over the columns that are True."""
        return 0.0

    def to_model(self, X: Any) -> Any:
        """Data as values of visible units, in the dtype of the model."""
        return astype(X, self.dtype)

    def to_data(self, v: Array) -> Array:
        """Values of visible units, or their means, as data."""
        return v

    def draws(self, v: Array) -> Array:
        """States of visible units as rows of data: whether each unit is on."""
        return v > 0

    def patterns(self, rbm: RBM) -> Array:
        """The `components_` of a model: its weights, one row per hidden unit."""
        return rbm.weights.array.T

    def view(self, X: Any) -> Any:
        """Rows of data as values of visible units, computed on access: the same rows."""
        return X


@dataclass(frozen=True)
class Standardized:
    """Columns with mean 0 and variance 1, mirrored if their longer tail is on the left.

    So a fit does not depend on the units of the data, nor on the sign of a column.

    Parameters
    ----------
    location : ndarray of shape (n_features,)
    scale : ndarray of shape (n_features,)
        Both in the dtype of the model; the scale of a mirrored column is negative.
    """

    location: Array
    scale: Array

    @classmethod
    def of(cls, summary: Summary) -> tuple[Standardized, Array]:
        """The scaling for summarized rows, and the variance of each scaled column: 1 or 0.

        A column without variance is not rescaled.
        """
        assert summary.moments is not None
        (mean, variance, third), dtype = summary.moments, summary.dtype
        n, epsilon = summary.n_rows, np.finfo(variance.dtype).eps
        # As in scikit-learn's StandardScaler: the variance of a constant column is rounding error.
        constant = variance <= n * epsilon * variance + (n * epsilon * mean) ** 2
        constant |= variance**0.5 < np.finfo(dtype).tiny
        scale = np.where(constant, 1, variance**0.5)
        variance = variance / scale**2
        scale = np.where(third < 0, -scale, scale)
        return cls(mean.astype(dtype), scale.astype(dtype)), variance.astype(dtype)

    @property
    def log_volume(self) -> float:
        """`sum_i log |scale_i|`."""
        return float(self.log_volume_of(np.ones(len(self.scale))))

    def log_volume_of(self, columns: Array) -> Array:
        """`sum_i log |scale_i|`, for each row only over the columns that are True."""
        return columns @ np.log(np.abs(self.scale), dtype=np.float64)

    def to_model(self, X: Array) -> Array:
        """`(x - location) / scale`, clipped so products with weights are finite in float32."""
        u = X - with_device_of(self.location, X)
        with np.errstate(over="ignore"):
            u /= with_device_of(self.scale, X)
        return astype(clip(u, -_FARTHEST, _FARTHEST), self.scale.dtype)

    def to_data(self, v: Array) -> Array:
        """`location + scale v`."""
        return self.location + self.scale * v

    draws = to_data

    def patterns(self, rbm: RBM) -> Array:
        """Contribution of each hidden unit to the column means, one row per hidden unit."""
        return rbm.weights.array.T * rbm.visible.response(self.scale)

    def hidden_bias(self, rbm: RBM) -> Array:
        """Biases of the hidden units for unscaled data as their input."""
        return rbm.hidden.bias - rbm.weights.input(self.location / self.scale)

    def variance(self, rbm: RBM) -> Array:
        """Variances of the columns given the hidden units, clipped to the largest float."""
        return _clipped(rbm.visible.response(self.scale.astype(np.float64) ** 2), self.scale.dtype)

    def covariance(self, rbm: RBM) -> Array:
        """Covariances of the columns given the hidden units: a diagonal matrix."""
        return np.diag(self.variance(rbm))

    def view(self, X: Any) -> MappedRows:
        """The rows, standardized on access."""
        return MappedRows(X, self.to_model, X.shape[1], self.scale.dtype)


@dataclass(frozen=True)
class Whitened:
    """Standardized columns times a matrix T that makes them uncorrelated.

    Parameters
    ----------
    standardized : Standardized
    to_white : ndarray of shape (n_features, n_features)
        T, symmetric and positive definite.
    from_white : ndarray of shape (n_features, n_features)
        Its inverse.
    """

    standardized: Standardized
    to_white: Array
    from_white: Array

    @classmethod
    def of(cls, standardized: Standardized, to_white: Array) -> Whitened:
        """The scaling with a matrix T in float64, in the dtype of the model."""
        dtype, inverse = standardized.scale.dtype, np.linalg.inv(to_white)
        return cls(standardized, to_white.astype(dtype), inverse.astype(dtype))

    @property
    def log_volume(self) -> float:
        """`sum_i log |scale_i| - log det T`."""
        return self.standardized.log_volume - float(
            np.linalg.slogdet(self.to_white.astype(np.float64))[1]
        )

    def log_volume_of(self, columns: Array) -> Array:
        """`sum_i log |scale_i|`, for each row only over the columns that are True."""
        return self.standardized.log_volume_of(columns)

    def to_model(self, X: Array) -> Array:
        """`((x - location) / scale) T`."""
        standardized = self.standardized.to_model(X)
        return clip(
            standardized @ with_device_of(self.to_white, standardized), -_FARTHEST, _FARTHEST
        )

    def to_data(self, v: Array) -> Array:
        """`location + scale (v T^-1)`."""
        return self.standardized.to_data(v @ self.from_white)

    draws = to_data

    def patterns(self, rbm: RBM) -> Array:
        """Contribution of each hidden unit to the column means, one row per hidden unit."""
        patterns = rbm.weights.array.T * rbm.visible.response(np.ones_like(self.standardized.scale))
        return patterns @ self.from_white * self.standardized.scale

    def hidden_bias(self, rbm: RBM) -> Array:
        """Biases of the hidden units for unscaled data as their input."""
        location = self.standardized.location / self.standardized.scale
        return rbm.hidden.bias - rbm.weights.input(location @ self.to_white)

    def variance(self, rbm: RBM) -> Array:
        """Variances of the columns given the hidden units, clipped to the largest float."""
        return np.diag(self.covariance(rbm))

    def covariance(self, rbm: RBM) -> Array:
        """Covariances of the columns given the hidden units, clipped to the largest float."""
        scale = self.standardized.scale.astype(np.float64)
        root = self.from_white.astype(np.float64) * scale
        covariance = (root.T * rbm.visible.response(np.ones_like(scale))) @ root
        return _clipped(covariance, self.standardized.scale.dtype)

    def view(self, X: Any) -> MappedRows:
        """The rows, whitened on access."""
        scale = self.standardized.scale
        return MappedRows(X, self.to_model, len(scale), scale.dtype)


def _clipped(x: Array, dtype: Any) -> Array:
    """Numbers in a dtype, at most its largest finite number in size."""
    largest = np.finfo(dtype).max
    return x.clip(-largest, largest).astype(dtype)


# The map between rows of data and states of visible units.
Scaling = Unscaled | Standardized | Whitened
