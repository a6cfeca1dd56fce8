"""A simulated torch device: its tensors are separate from CPU tensors, computed by the CPU.

As on a GPU, an operation cannot combine such a tensor with a CPU tensor, except numbers and
indices. numpy cannot read it before it is copied to the host. Draws come from a generator of the
device. So mistakes that otherwise only a machine with a GPU would show are detected anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

NAME = "meta"  # a type of device in every build of torch, on which nothing computes

_COPIES = {"aten::_to_copy", "aten::copy_"}  # from one device to another
_TAKE_INDICES = {"aten::index", "aten::index_put_", "aten::_index_put_impl_"}


class Elsewhere(torch.Tensor):
    """A tensor on the simulated device; `inner` has its values.

    `largest_copy` is the number of elements of the largest tensor that was copied to the host.
    """

    has_float64 = True
    largest_copy = 0

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        if inner.dtype == torch.float64 and not cls.has_float64:
            msg = "Cannot convert a tensor to float64, which this device does not have."
            raise TypeError(msg)
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=NAME,
        )
        tensor.inner = inner
        return tensor

    def __repr__(self) -> str:
        return f"Elsewhere({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _dispatch(function, args, kwargs or {})


class _Generator(torch.Generator):
    """A generator that reports the simulated device."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        return super().__new__(cls, "cpu" if torch.device(device).type == NAME else device)


class _Device(TorchDispatchMode):
    """Turn tensors that are created on or copied to the device into simulated ones."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _dispatch(function, args, kwargs or {})


def _dispatch(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an operation on the CPU, with the rules of the device."""
    name, own = function._schema.name, {}

    def inner(x: Any) -> Any:
        if not isinstance(x, Elsewhere):
            return x
        own[id(x.inner)] = x
        return x.inner

    inner_args, inner_kwargs = tree_map(inner, (args, kwargs))
    if own and name not in _COPIES:
        tree_map(_refuse_others, args[:1] if name in _TAKE_INDICES else (args, kwargs))
    goes_there = isinstance(args[0], Elsewhere) if name == "aten::copy_" else bool(own)
    if kwargs.get("device") is not None:
        goes_there = torch.device(kwargs["device"]).type == NAME
        inner_kwargs["device"] = torch.device("cpu")
    result = function(*inner_args, **inner_kwargs)
    if name == "aten::_to_copy" and goes_there != bool(own):
        result = result.clone()  # no memory is shared by two devices
        if own:
            Elsewhere.largest_copy = max(Elsewhere.largest_copy, math.prod(result.shape))
    return tree_map(lambda x: _there(x, own), result) if goes_there else result


def _there(x: Any, own: dict[int, Elsewhere]) -> Any:
    """A result on the device: the tensor itself if it was changed in place."""
    if not isinstance(x, torch.Tensor):
        return x
    if id(x) not in own:
        return Elsewhere(x)
    changed = own[id(x)]
    if changed.shape != x.shape:
        with torch._C._DisableTorchDispatch():
            changed.as_strided_(x.size(), x.stride(), x.storage_offset())
    return changed


def _refuse_others(x: Any) -> None:
    if isinstance(x, torch.Tensor) and not isinstance(x, Elsewhere) and x.ndim > 0:
        msg = "Expected all tensors to be on the same device, but found a device and the processor."
        raise RuntimeError(msg)


@contextmanager
def simulated_device(*, has_float64: bool = True) -> Iterator[str]:
    """Provide the device in this thread, and yield its name.

    Apple's devices lack float64.
    """
    from skrbm._kernels import devices, threads
    from skrbm.estimators.common import device
    from skrbm.validation import parameters

    check = parameters.check_device

    def check_device(name: str, value: Any) -> str | None:
        return value if value == NAME else check(name, value)

    with (
        _Device(),
        mock.patch.object(device, "check_device", check_device),
        mock.patch.object(torch, "Generator", _Generator),
        mock.patch.object(devices, "WITHOUT_FLOAT64", set() if has_float64 else {NAME}),
        mock.patch.multiple(Elsewhere, has_float64=has_float64, largest_copy=0),
        threads._in_threads,
    ):
        yield NAME
