"""The tests with another engine: `python -m pytest --engine torch`.

Estimators without a `device` then compute with torch on the CPU. Tests of formulas pass numpy
arrays and compare numpy results: a wrapper of every formula converts its arguments to tensors, and
its results to arrays.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import Any

import numpy as np

from skrbm import annealing, conditionals, labels, likelihood, model, samplers
from skrbm._kernels import arrays, devices
from skrbm.deep import belief_net
from skrbm.estimators.common import device
from skrbm.learning import gradients, label_gradient, optimizer, step_statistics, variance
from skrbm.learning.train_state import TrainState
from skrbm.units import bernoulli, categorical, gaussian, joined, known, layer, rotated

FORMULAS = (
    known,
    layer,
    bernoulli,
    gaussian,
    categorical,
    joined,
    rotated,
    model,
    samplers,
    annealing,
    conditionals,
    belief_net,
    gradients,
    label_gradient,
    step_statistics,
    variance,
    optimizer,
    labels,
    likelihood,
    labels,
)

# Always numpy arrays: temperatures, weights of rows, and log-weights of chains.
NUMPYS = {"betas", "weights", "forward", "reverse", "log_weight", "rows", "columns"}
UNGATED = {"map", "move", "copy", "part", "alike", "with_parameters", "has_type_of"}
UNGATED |= {"equal_weights", "mean_weight", "bennett", "disagreement", "ascend"}
UNGATED |= {"completion", "conditionals"}  # which return functions


def use_torch() -> None:
    """Compute everything with torch from now on."""
    device.DEFAULT_DEVICE = "cpu"
    for module in FORMULAS:
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", "") != module.__name__ or name.startswith("_"):
                continue
            if inspect.isfunction(value) and name not in UNGATED:
                setattr(module, name, gate(value))
            elif inspect.isclass(value):
                _gate_methods(value)


def _gate_methods(cls: type) -> None:
    for name, value in list(vars(cls).items()):
        public = not name.startswith("_") and name not in UNGATED
        if public and inspect.isfunction(value):
            setattr(cls, name, gate(value))


class Gate:
    """Whether a formula is running, which passes tensors to other formulas."""

    is_open = True


def gate(function: Any) -> Any:
    """Return the function, computed with tensors if it is called with numpy arrays."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs).arguments
        if not Gate.is_open or _has_tensor(list(bound.values())):
            return function(*args, **kwargs)
        Gate.is_open = False
        states = [x for x in bound.values() if isinstance(x, TrainState)]
        models = [state.model for state in states]
        placed: list[tuple[Any, Any]] = []

        def place(x: Any) -> Any:
            placed.append((x, devices.to_device(x, device.DEFAULT_DEVICE)))
            return placed[-1][1]

        try:
            inside = {name: x if name in NUMPYS else moved(x, place) for name, x in bound.items()}
            call = signature.bind_partial()
            call.arguments.update(inside)
            result = function(*call.args, **call.kwargs)
        finally:
            Gate.is_open = True
            for x, there in placed:  # which may have changed in place
                if isinstance(x, np.ndarray) and x.flags.writeable:
                    x[...] = devices.to_host(there)
            moved(list(bound.values()), devices.to_host)
            for state, model in zip(states, models, strict=True):
                state.model = model
        return moved(result, devices.to_host)

    return gated


def moved(x: Any, place: Any) -> Any:
    """Return an object with all its arrays placed; training states are moved in place."""
    if isinstance(x, np.ndarray) and x.dtype.kind not in "fb":  # indices
        return x
    if isinstance(x, np.ndarray) or devices.is_tensor(x) or arrays.is_sparse(x):
        return place(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(moved(value, place) for value in x))
    if isinstance(x, tuple | list):
        return type(x)(moved(value, place) for value in x)
    if isinstance(x, TrainState):
        x.model = moved(x.model, place)
    if hasattr(x, "move"):
        x.move(place)
        return x
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        kept = {"weights"} if isinstance(x, samplers.HiddenMixture) else set()
        names = [field.name for field in dataclasses.fields(x) if field.name not in kept]
        return dataclasses.replace(x, **{name: moved(getattr(x, name), place) for name in names})
    return x


def _has_tensor(x: Any) -> bool:
    """Whether an object holds a tensor."""
    if isinstance(x, tuple | list):
        return any(map(_has_tensor, x))
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return any(_has_tensor(getattr(x, field.name)) for field in dataclasses.fields(x))
    return devices.is_tensor(x)
