"""Targets of a regression in units of their standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skrbm._kernels.devices import Array


@dataclass(frozen=True)
class TargetScale:
    """Mean and standard deviation of each target.

    Parameters
    ----------
    mean, scale : ndarray of shape () or (n_targets,)
        The scale of a constant target is 1.
    """

    mean: Array
    scale: Array

    @classmethod
    def standardized(cls, y: Array, weights: Array) -> tuple[TargetScale, Array]:
        """The scale of weighted targets, and the targets with mean 0 and variance 1, in float64."""
        dtype = y.dtype if y.dtype.kind == "f" else np.float64
        largest = np.abs(y.astype(np.float64)).max(axis=0)  # squares of huge targets overflow
        unit, shares = np.where(largest > 0, largest, 1), weights / weights.sum()
        z = y / unit
        first = z[0]
        z = z - first  # a constant target is then zero exactly
        mean = shares @ z
        z -= mean
        scale = np.sqrt(shares @ z**2)
        scale = np.where(scale > 0, scale, 1 / unit)
        of_data = cls((unit * (first + mean)).astype(dtype), (unit * scale).astype(dtype))
        return of_data, z / scale

    def to_model(self, y: Array) -> Array:
        """Targets in units of the standard deviation, in float64."""
        return (y - self.mean.astype(np.float64)) / self.scale

    def to_data(self, z: Array) -> Array:
        """Standardized predictions in the units of the targets."""
        return self.mean + self.scale * z
