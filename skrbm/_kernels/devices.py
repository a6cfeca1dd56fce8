"""Where arrays lie: with numpy, or with torch on a device; and how they get there and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]  # or a tensor of torch
Generator: TypeAlias = np.random.Generator
Place: TypeAlias = Callable[[Any], Any]  # from an array to the same one elsewhere

WITHOUT_FLOAT64 = {"mps"}  # types of devices: what is summed in float64 is so on the processor


def is_tensor(x: Any) -> bool:
    """Whether x is an array of torch; where torch was never imported, there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def is_on_accelerator(x: Any) -> bool:
    """Whether x lies on a device other than the processor."""
    return is_tensor(x) and x.device.type != "cpu"


def has_float64(device: str | None) -> bool:
    """Whether there is float64 on a device."""
    return str(device).partition(":")[0] not in WITHOUT_FLOAT64


def is_without_float64(x: Any) -> bool:
    """Whether x lies on a device that has no float64."""
    return is_tensor(x) and not has_float64(x.device)


def is_dense(x: Any) -> bool:
    """Whether x is no tensor of a sparse layout, which numpy does not have."""
    return not is_tensor(x) or x.layout == library(x).strided


def library(x: Any) -> Any:
    """The library of an array: torch or numpy."""
    return sys.modules["torch"] if is_tensor(x) else np


def to_device(x: Any, device: str | None) -> Any:
    """The array on a device of torch, dense; or in numpy's hands, where there is none.

    On the processor the array and its tensor share their memory.
    """
    if device is None:
        return to_host(x)
    return _tensor(x).to(device)


def _tensor(x: Any) -> Any:
    """The array with torch, dense."""
    if is_tensor(x):
        return x
    x = x.toarray() if sparse.issparse(x) else x
    if not x.dtype.isnative or x.dtype.itemsize > 8:  # of numbers that torch does not have
        x = x.astype(np.float64)
    if not x.flags.writeable or min(x.strides, default=0) < 0:  # which no tensor can share
        x = x.copy()
    return import_module("torch").from_numpy(x)


def to_host(x: Any) -> Any:
    """The array in numpy's hands, sharing memory where it can; a sparse tensor as it is."""
    if not is_tensor(x) or not is_dense(x):
        return x
    x, torch = x.detach().cpu(), library(x)
    if x.is_floating_point() and x.dtype not in (torch.float16, torch.float32, torch.float64):
        x = x.float()  # for a float that numpy does not have
    return x.numpy()


def with_device_of(x: Any, other: Any) -> Any:
    """The array where another one lies."""
    return to_device(x, other.device) if is_tensor(other) else to_host(x)


def like(x: Any, other: Any) -> Any:
    """The array where another one lies, and in the dtype of that one."""
    if is_tensor(other):
        return _tensor(x).to(other.device, other.dtype)
    return to_host(x).astype(other.dtype, copy=False)


def astype(x: Any, dtype: Any) -> Any:
    """The array, or the sparse matrix, in a dtype of numpy's, where it lies."""
    if is_tensor(x):
        return x.to(getattr(library(x), np.dtype(dtype).name))
    return x.astype(dtype, copy=False)


def float64(x: Any) -> Any:
    """The array in float64, where it lies, or on the processor where its device has none."""
    if not is_tensor(x):
        return x.astype(np.float64, copy=False)
    return (x.cpu() if is_without_float64(x) else x).double()
