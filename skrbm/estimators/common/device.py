"""Where an estimator computes: with numpy, or with torch on a device."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from skrbm._kernels import devices
from skrbm._kernels.devices import Array
from skrbm.model import RBM
from skrbm.units import Layer
from skrbm.validation.parameters import (
    check_device,
    check_device_of,
    check_precision,
    check_precision_of,
)
from skrbm.validation.rows import model_dtype

# What device=None stands for: numpy.
DEFAULT_DEVICE: str | None = None


class OnDevice:
    """Fitted attributes and results are numpy's; what they are computed from is placed here.

    A subclass has the parameters below.
    """

    device: str | None
    precision: str | None

    def _check_device(self) -> None:
        """Refuse a device that is not here, and a precision that it does not have."""
        device = check_device("device", self._device)
        check_precision("precision", self._precision, device)

    def _check_dtype(self, dtype: Any) -> None:
        """Refuse a precision, or a device, that a model of such data cannot have."""
        dtype = model_dtype(dtype)
        check_device_of("device", self._device, dtype)
        check_precision_of("precision", self._precision, dtype)

    @property
    def _device(self) -> str | None:
        return DEFAULT_DEVICE if self.device is None else self.device

    @property
    def _precision(self) -> str:
        return "float32" if self.precision is None else self.precision

    @property
    def _place(self) -> Callable[[Any], Array]:
        """What places an array, or a sparse matrix, where the estimator computes."""
        device = check_device("device", self._device)
        return lambda x: devices.to_device(x, device)


class RBMOnDevice(OnDevice):
    """An estimator that is an RBM."""

    _base: Layer

    @abstractmethod
    def _model(self) -> RBM:
        """The fitted model."""

    def _placed(self, rbm: RBM) -> RBM:
        """A model where the estimator computes."""
        self._check_dtype(rbm.reference.dtype)
        return rbm.map(self._place).with_precision(self._precision)

    def _placed_model(self) -> RBM:
        """The fitted model where the estimator computes."""
        return self._placed(self._model())

    def _placed_base(self) -> Layer:
        """The visible layer that training started from, where the estimator computes."""
        return self._base.map(self._place)
