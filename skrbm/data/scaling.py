"""Scaling: from rows of data to states of visible units, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from skrbm._kernels.arrays import clip
from skrbm._kernels.devices import Array, astype, with_device_of
from skrbm.data.summary import Summary
from skrbm.data.views import MappedRows
from skrbm.model import RBM
from skrbm.units import Gaussian, Layer, Rotated, Rotation


class _Rotatable(Protocol):
    @property
    def reference(self) -> Array: ...

    def rotated(self, rotation: Rotation) -> Any: ...


Model = TypeVar("Model", bound=_Rotatable)

_FARTHEST = 1e30  # standard deviations
# Rows with such means and deviations, in units of the scaling, are unlike the rows that set it.
_TOO_FAR, _TOO_WIDE, _TOO_NARROW = 3.0, 5.0, 100.0


class Unmixed:
    """A scaling in which every visible unit has its own column."""

    def mix(self, x: Any) -> Any:
        """Scaled columns as values of visible units: the same."""
        return x

    def by_columns(self, model: Model) -> Model:
        """The model of scaled columns: the same."""
        return model

    def layer_by_columns(self, layer: Layer) -> Layer:
        """The layer of scaled columns: the same."""
        return layer


@dataclass(frozen=True)
class Unscaled(Unmixed):
    """Visible states are the data; draws are Boolean.

    Parameters
    ----------
    dtype : str
        The dtype of the model.
    log_volume : float
        Log volume, in the units of the data, of a unit cube of visible states.
    """

    dtype: str
    log_volume: float = 0.0

    def log_volume_of(self, columns: Array) -> float:
        """The log volume, for each row only over the columns that are True."""
        return 0.0

    def unlike(self, summary: Summary) -> str:
        """An empty sentence: no rows have set this scaling."""
        return ""

    def to_model(self, X: Any) -> Any:
        """Data as values of visible units, in the dtype of the model."""
        return astype(X, self.dtype)

    to_columns = to_model

    def to_data(self, v: Array) -> Array:
        """Values of visible units, or their means, as data."""
        return v

    def draws(self, v: Array) -> Array:
        """States of visible units as rows of data: whether each unit is on."""
        return v > 0

    def patterns(self, rbm: RBM) -> Array:
        """The `components_` of a model: its weights, one row per hidden unit."""
        return rbm.weights.dense.T

    def view(self, X: Any) -> Any:
        """Rows of data as values of visible units, computed on access: the same rows."""
        return X

    view_columns = view


@dataclass(frozen=True)
class Standardized(Unmixed):
    """Columns with mean 0 and variance 1, mirrored if their longer tail is on the left.

    So a fit depends neither on the units of the data nor on the sign of a column.

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

    @classmethod
    def alike(cls, summary: Summary) -> tuple[Standardized, Array]:
        """The same scaling for all columns, and their mean variance after it: 1 or 0."""
        assert summary.moments is not None
        (mean, variance, _), dtype = summary.moments, summary.dtype
        _, varies = cls.of(summary)
        scale = float((variance * varies).mean()) ** 0.5 or 1.0
        location, scale, share = (
            np.full(len(mean), x, dtype) for x in (mean.mean(), scale, varies.max(initial=0))
        )
        return cls(location, scale), share

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

    to_columns = to_model

    def to_data(self, v: Array) -> Array:
        """`location + scale v`."""
        return self.location + self.scale * v

    draws = to_data

    def patterns(self, rbm: RBM) -> Array:
        """Contribution of each hidden unit to the column means, one row per hidden unit."""
        return rbm.weights.dense.T * rbm.visible.response(self.scale)

    def unlike(self, summary: Summary) -> str:
        """A sentence on the column of other rows that fits this scaling least, if one is far off.

        Its mean is then more than three deviations off, or its standard deviation is more than five
        times the scale, or less than a hundredth of it.
        """
        assert summary.moments is not None
        mean, variance, _ = summary.moments
        location, scale = self.location.astype(np.float64), np.abs(self.scale.astype(np.float64))
        shift, deviation = np.abs(mean - location) / scale, np.sqrt(variance) / scale
        varies = Standardized.of(summary)[1] > 0.5  # 1, or for constant columns nearly 0
        tiny = varies & (deviation < 1 / _TOO_NARROW)
        excess = np.max([shift / _TOO_FAR, deviation / _TOO_WIDE, tiny], axis=0)
        i = int(excess.argmax())
        if excess[i] < 1:
            return ""
        seen = f"{mean[i]:.3g} and standard deviation {variance[i] ** 0.5:.3g}"
        return f"column {i} has mean {seen}, but was scaled by {location[i]:.3g} and {scale[i]:.3g}"

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

    view_columns = view


@dataclass(frozen=True)
class Whitened:
    """Standardized columns times a matrix T, which makes them uncorrelated.

    Parameters
    ----------
    columns : Standardized
    rotation : Rotation
        T.
    """

    columns: Standardized
    rotation: Rotation

    @property
    def log_volume(self) -> float:
        """`sum_i log |scale_i| - log |det T|`."""
        return self.columns.log_volume - self.rotation.log_volume

    def log_volume_of(self, columns: Array) -> Array:
        """`sum_i log |scale_i|`, for each row only over the columns that are True."""
        return self.columns.log_volume_of(columns)

    def to_columns(self, X: Array) -> Array:
        """`(x - location) / scale`; missing values stay missing."""
        return self.columns.to_columns(X)

    def mix(self, x: Array) -> Array:
        """`x T` for standardized columns x."""
        return clip(x @ with_device_of(self.rotation.matrix, x), -_FARTHEST, _FARTHEST)

    def by_columns(self, model: Model) -> Model:
        """The model of standardized columns."""
        return model.rotated(self._rotation_for(model.reference))

    def layer_by_columns(self, layer: Layer) -> Layer:
        """The layer of standardized columns."""
        return Rotated(cast(Gaussian, layer), self._rotation_for(layer.bias))

    def _rotation_for(self, x: Array) -> Rotation:
        matrix = with_device_of(self.rotation.matrix, x)
        return self.rotation if matrix is self.rotation.matrix else Rotation(matrix)

    def unlike(self, summary: Summary) -> str:
        """A sentence on the column that fits this scaling least, if one is far off."""
        return self.columns.unlike(summary)

    def to_model(self, X: Array) -> Array:
        """`((x - location) / scale) T`."""
        return self.mix(self.to_columns(X))

    def to_data(self, v: Array) -> Array:
        """`location + scale (v T^-1)`."""
        return self.columns.to_data(v @ self.rotation.inverse)

    draws = to_data

    def patterns(self, rbm: RBM) -> Array:
        """Contribution of each hidden unit to the column means, one row per hidden unit."""
        patterns = rbm.weights.dense.T * rbm.visible.response(np.ones_like(self.columns.scale))
        return patterns @ self.rotation.inverse * self.columns.scale

    def hidden_bias(self, rbm: RBM) -> Array:
        """Biases of the hidden units for unscaled data as their input."""
        location = self.columns.location / self.columns.scale
        return rbm.hidden.bias - rbm.weights.input(location @ self.rotation.matrix)

    def variance(self, rbm: RBM) -> Array:
        """Variances of the columns given the hidden units, clipped to the largest float."""
        return np.diag(self.covariance(rbm))

    def covariance(self, rbm: RBM) -> Array:
        """Covariances of the columns given the hidden units, clipped to the largest float."""
        scale = self.columns.scale.astype(np.float64)
        root = self.rotation.inverse.astype(np.float64) * scale
        covariance = (root.T * rbm.visible.response(np.ones_like(scale))) @ root
        return _clipped(covariance, self.columns.scale.dtype)

    def view(self, X: Any) -> MappedRows:
        """The rows, whitened on access."""
        scale = self.columns.scale
        return MappedRows(X, self.to_model, len(scale), scale.dtype)

    def view_columns(self, X: Any) -> MappedRows:
        """The rows, standardized on access."""
        return self.columns.view(X)


def _clipped(x: Array, dtype: Any) -> Array:
    """Numbers in a dtype, at most its largest finite number in size."""
    largest = np.finfo(dtype).max
    return x.clip(-largest, largest).astype(dtype)


# The map between rows of data and states of visible units.
Scaling = Unscaled | Standardized | Whitened
