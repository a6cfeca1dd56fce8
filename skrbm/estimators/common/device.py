"""`Device`: the device of an estimator's computations, with numpy or with torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from skrbm._kernels.devices import to_device
from skrbm.deep.belief_net import BeliefNet
from skrbm.model import RBM
from skrbm.validation.parameters import (
    check_device,
    check_device_of,
    check_precision,
    check_precision_of,
)

Model = TypeVar("Model", RBM, BeliefNet)

# The device of estimators with device=None: numpy.
DEFAULT_DEVICE: str | None = None


@dataclass(frozen=True)
class Device:
    """A device and the precision of its matrix products.

    Fitted attributes and results are numpy arrays; their inputs are placed on this device.

    Parameters
    ----------
    name : str or None
        Name of a torch device; None for numpy.
    precision : {"float32", "bfloat16"}
    """

    name: str | None = None
    precision: str = "float32"

    @classmethod
    def of(cls, estimator: Any) -> Device:
        """The device in an estimator's parameters, which may be invalid before `check`."""
        name = DEFAULT_DEVICE if estimator.device is None else estimator.device
        return cls(name, "float32" if estimator.precision is None else estimator.precision)

    def check(self) -> None:
        """Refuse a device that is not available, or a precision that it does not support."""
        check_precision("precision", self.precision, check_device("device", self.name))

    def check_dtype(self, dtype: Any) -> None:
        """Refuse a device or precision that does not support models of this dtype."""
        check_device_of("device", self.name, dtype)
        check_precision_of("precision", self.precision, dtype)

    def place(self, x: Any) -> Any:
        """An array or sparse matrix on the device."""
        return to_device(x, check_device("device", self.name))

    def place_model(self, model: Model) -> Model:
        """An RBM or a belief net on the device."""
        self.check_dtype(model.reference.dtype)
        return model.map(self.place).with_precision(self.precision)
