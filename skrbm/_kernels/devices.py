"""Placement of arrays: in numpy, or in torch on a device, and the transfers between them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]  # or a tensor of torch
Generator: TypeAlias = np.random.Generator
Place: TypeAlias = Callable[[Any], Any]  # from an array to its copy on a device

WITHOUT_FLOAT64 = {"mps"}  # device types; sums in float64 are computed on the CPU instead


def is_tensor(x: Any) -> bool:
    """Whether x is a torch tensor; impossible if torch was never imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def is_on_accelerator(x: Any) -> bool:
    """Whether x is on a device other than the CPU."""
    return is_tensor(x) and x.device.type != "cpu"


def has_float64(device: str | None) -> bool:
    """Whether a device supports float64."""
    return str(device).partition(":")[0] not in WITHOUT_FLOAT64


def is_without_float64(x: Any) -> bool:
    """Whether x is on a device that does not support float64."""
    return is_tensor(x) and not has_float64(x.device)


def is_dense(x: Any) -> bool:
    """Whether x is not a sparse tensor, a layout that numpy lacks."""
    return not is_tensor(x) or x.layout == library(x).strided


def library(x: Any) -> Any:
    """The library of an array: torch or numpy."""
    return sys.modules["torch"] if is_tensor(x) else np


def to_device(x: Any, device: str | None) -> Any:
    """The array as a dense tensor on a torch device; without a device, as a numpy array.

    On the CPU the array and its tensor share memory.
    """
    if device is None:
        return to_host(x)
    return _tensor(x).to(device)


def _tensor(x: Any) -> Any:
    """The array as a dense tensor."""
    if is_tensor(x):
        return x
    x = x.toarray() if sparse.issparse(x) else x
    if not x.dtype.isnative or x.dtype.itemsize > 8:  # torch lacks these types
        x = x.astype(np.float64)
    if not x.flags.writeable or min(x.strides, default=0) < 0:  # torch cannot share this memory
        x = x.copy()
    return import_module("torch").from_numpy(x)


def to_host(x: Any) -> Any:
    """The array as a numpy array, with shared memory if possible; sparse tensors are unchanged."""
    if not is_tensor(x) or not is_dense(x):
        return x
    x, torch = x.detach().cpu(), library(x)
    if x.is_floating_point() and x.dtype not in (torch.float16, torch.float32, torch.float64):
        x = x.float()  # for a float type that numpy lacks
    return x.numpy()


def with_device_of(x: Any, other: Any) -> Any:
    """The array on the device of another array."""
    return to_device(x, other.device) if is_tensor(other) else to_host(x)


def like(x: Any, other: Any) -> Any:
    """The array on the device and in the dtype of another array."""
    if is_tensor(other):
        return _tensor(x).to(other.device, other.dtype)
    return to_host(x).astype(other.dtype, copy=False)


def astype(x: Any, dtype: Any) -> Any:
    """The array or sparse matrix in a numpy dtype, on its own device."""
    if is_tensor(x):
        return x.to(getattr(library(x), np.dtype(dtype).name))
    return x.astype(dtype, copy=False)


def float64(x: Any) -> Any:
    """The array in float64 on its own device, or on the CPU if the device lacks float64."""
    if not is_tensor(x):
        return x.astype(np.float64, copy=False)
    return (x.cpu() if is_without_float64(x) else x).double()
