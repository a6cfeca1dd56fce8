"""Checks of parameters: counts, rates, choices, seeds and devices."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from importlib import import_module
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
import sklearn.utils

from skrbm._kernels import devices
from skrbm._kernels.devices import Array

_LARGEST_COUNT = 2**31 - 1
_SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
INPUTS = ("mean", "sample")  # values between 0 and 1: unchanged, or drawn as states


def require(valid: Any, name: str, value: Any, allowed: str) -> None:
    """Refuse an invalid value, with a sentence that names the allowed values."""
    if not valid:
        raise ValueError(f"{name} == {value!r}, must be {allowed}.")


def check_count(
    name: str, value: Any, minimum: int = 1, maximum: int = _LARGEST_COUNT, alternative: str = ""
) -> int:
    """Return an integer within limits; the error message also names the alternative."""
    above = isinstance(value, Integral) and int(value) > maximum
    limit = f" and <= {maximum}" if above or maximum < _LARGEST_COUNT else ""
    allowed = f"{_or(alternative)}an integer >= {minimum}{limit}"
    require(_is_count(value, minimum, maximum), name, value, allowed)
    return int(value)


def check_jobs(name: str, value: Any) -> int | None:
    """Return the number of threads: at least one, one per core for -1, or None."""
    if value is None:
        return None
    valid = _is_count(value, minimum=-1) and value != 0
    require(valid, name, value, "None, -1 or an integer >= 1")
    return joblib.effective_n_jobs(int(value))


def check_sizes(name: str, value: Any) -> None:
    """Refuse a value that is neither a positive integer nor several of them."""
    sizes = value if isinstance(value, list | tuple) or np.ndim(value) == 1 else [value]
    valid = len(sizes) > 0 and all(map(_is_count, sizes))
    require(valid, name, value, "an integer >= 1 or a tuple of such integers")


def check_image_shape(name: str, value: Any, n_features: int) -> tuple[int, int]:
    """Return the height and width of an image of all columns; a square for None."""
    side = math.isqrt(n_features)
    if value is None and side**2 == n_features:
        return side, side
    numbers = as_counts(value)
    valid = len(numbers) == 2 and math.prod(numbers) == n_features
    shape = f"the height and width of an image of {n_features} columns"
    require(valid, name, value, f"{shape}, or None if the image is a square")
    return numbers[0], numbers[1]


def check_image_or_signal(name: str, value: Any, n_features: int) -> tuple[int, int, int]:
    """Return height, width and channels of an image; for None a square, or else a single line."""
    side = math.isqrt(n_features)
    if value is None:
        return (side, side, 1) if side**2 == n_features else (1, n_features, 1)
    numbers = value if isinstance(value, list | tuple) else ()
    is_shape = len(numbers) in (2, 3) and all(map(_is_count, numbers))
    valid = is_shape and math.prod(numbers) == n_features
    shape = "the height and width of an image, or its height, width and number of channels"
    require(valid, name, value, f"None, or {shape}, with a product of {n_features}")
    height, width, n_channels = [*map(int, numbers), 1][:3]
    return height, width, n_channels


def check_steps(name: str, value: Any) -> list[int]:
    """Return numbers of steps: at least one number, in ascending order."""
    steps = list(value) if isinstance(value, list | tuple | range | np.ndarray) else []
    counts = all(isinstance(n, Integral) and int(n) >= 0 for n in steps)
    valid = steps and counts and steps == sorted(steps)
    require(valid, name, value, "integers >= 0 in ascending order")
    return [int(n) for n in steps]


def check_number(name: str, value: Any, limits: str, alternative: str = "") -> None:
    """Refuse a value other than a finite number within limits, such as "> 0 and <= 1"."""
    if alternative and isinstance(value, str) and value == alternative:
        return
    number = as_number(value)
    bounds = (bound.split() for bound in limits.split(" and "))
    valid = math.isfinite(number) and all(_SIGNS[sign](number, float(x)) for sign, x in bounds)
    require(valid, name, value, f"{_or(alternative)}a finite number {limits}")


def check_split(name: str, fraction: float, n_rows: int, n_classes: int = 1) -> None:
    """Refuse a fraction that, rounded up, leaves no rows, or fewer than classes."""
    if math.ceil(fraction * n_rows) > n_rows - n_classes:
        one = "one" if n_classes == 1 else f"one of each of the {n_classes} classes"
        msg = f"{name} == {fraction!r} of {n_rows} rows with weight must leave {one} to train on."
        raise ValueError(msg)


def check_on_cluster(name: str, value: Any, allowed: Any) -> None:
    """Refuse a value that a fit on a cluster does not support."""
    require(value == allowed, name, value, f"{allowed!r} on a cluster")


def check_flag(name: str, value: Any) -> None:
    """Refuse a value other than True or False."""
    require(isinstance(value, bool | np.bool_), name, value, "True or False")


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return one of the choices."""
    valid = isinstance(value, str) and value in choices
    require(valid, name, value, f"one of {_listed(choices)}")
    return value


def check_variance(
    name: str, value: Any, choices: Collection[str], n_features: int
) -> Array | None:
    """Return None for one of the choices, otherwise positive variances, one per column."""
    if isinstance(value, str) and value in choices:
        return None
    numbers = np.asarray(value)
    positive = numbers.dtype.kind in "iuf" and bool(np.all((numbers > 0) & np.isfinite(numbers)))
    valid = positive and numbers.shape in ((), (n_features,))
    number = f"one finite number > 0 for all columns or for each of {n_features}"
    require(valid, name, value, f"one of {_listed(choices)}, or {number}")
    return np.broadcast_to(numbers.astype(np.float64), (n_features,))


def check_default(name: str, value: Any, default: float, where: str) -> None:
    """Refuse a number other than the default."""
    is_default = isinstance(value, Real) and (value == default or value != value != default)
    require(is_default, name, value, f"{default} {where}")


def check_placeholder(name: str, value: Any) -> None:
    """Refuse a marker of missing values that is not a number."""
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    require(is_number, name, value, "NaN or another number")


def check_limits(names: tuple[str, str], low: Any, high: Any, n_features: int) -> Array:
    """Return the smallest and the largest value of every column, which may be infinite."""
    limits = np.empty((2, n_features))
    for name, value, limit in zip(names, (low, high), limits, strict=True):
        numbers = np.asarray(value)
        valid = numbers.dtype.kind in "iuf" and numbers.shape in ((), (n_features,))
        valid = valid and not np.isnan(numbers).any()
        require(valid, name, value, f"a number for all columns, or one for each of {n_features}")
        with np.errstate(over="ignore"):  # a number beyond all floats is no limit
            limit[:] = numbers
    if (limits[0] > limits[1]).any():
        i = int((limits[0] > limits[1]).argmax())
        of_column = f"{limits[0, i]:g} for column {i}, must be <= {names[1]} == {limits[1, i]:g}"
        raise ValueError(f"{names[0]} == {of_column}.")
    return limits


def check_random_state(random_state: Any) -> np.random.RandomState:
    """Return the RandomState that scikit-learn makes from a random_state."""
    try:
        return sklearn.utils.check_random_state(random_state)
    except ValueError as error:
        msg = f"random_state == {random_state!r}, must be None, an int or a RandomState."
        raise ValueError(msg) from error


def first_random_state(*estimators: Any) -> Any:
    """The random_state of the first of these estimators that has one other than None."""
    states = (getattr(estimator, "random_state", None) for estimator in estimators)
    return next((state for state in states if state is not None), None)


def check_seed(random_state: Any) -> int:
    """Return a seed from a random_state in scikit-learn's sense."""
    return check_seeds(random_state, 1)[0]


def check_seeds(random_state: Any, n: int) -> list[int]:
    """Return n independent seeds from a random_state in scikit-learn's sense."""
    words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    seeds = np.random.SeedSequence(words.tolist()).spawn(n)
    return [int(seed.generate_state(1, np.uint64)[0] >> 1) for seed in seeds]


def check_device(name: str, value: Any) -> str | None:
    """Return None, or the name of a device available to PyTorch."""
    if value is None:
        return None
    allowed = "None or the name of a device, such as 'cpu' or 'cuda'"
    require(isinstance(value, str), name, value, allowed)
    try:
        torch = import_module("torch")
    except ImportError as error:
        msg = f"{name} == {value!r} needs PyTorch: pip install torch."
        raise ImportError(msg) from error
    n_cuda = torch.cuda.device_count()
    here = ["cpu", *["cuda"][:n_cuda], *(f"cuda:{i}" for i in range(n_cuda))]
    here += ["mps"] * torch.backends.mps.is_available()
    require(value in here, name, value, f"None or an available device: {_listed(here)}")
    return value


def check_precision(name: str, value: Any, device: str | None) -> None:
    """Refuse a precision that the device does not support."""
    check_choice(name, value, ("float32", "bfloat16"))
    valid = value == "float32" or device is not None
    require(valid, name, value, "'float32' with numpy; 'bfloat16' needs a device")


def check_precision_of(name: str, value: str, dtype: Any) -> None:
    """Refuse a precision that does not apply to models of this dtype."""
    require("float32" in (value, str(dtype)), name, value, f"'float32' for a model of {dtype}")


def check_device_of(name: str, value: str | None, dtype: Any) -> None:
    """Refuse a device that does not support models of this dtype."""
    if str(dtype) == "float64" and not devices.has_float64(value):
        msg = f"{name} == {value!r} lacks float64: data must be float32 or small integers."
        raise ValueError(msg)


class CheckedCallback(ABC):
    """A callback with parameters that are checked before the training."""

    @abstractmethod
    def check(self) -> None:
        """Refuse invalid parameters."""


def check_callbacks(name: str, value: Any) -> None:
    """Refuse a value other than None, a callable or a list of callables, and check those."""
    callbacks = value if isinstance(value, list | tuple) else [value]
    valid = value is None or all(map(callable, callbacks))
    require(valid, name, value, "None, a callable or a list of callables")
    for callback in callbacks:
        if isinstance(callback, CheckedCallback):
            callback.check()


def as_counts(value: Any) -> list[int]:
    """The positive integers of a list or tuple; none if there is any other value."""
    numbers = value if isinstance(value, list | tuple) else ()
    return [int(n) for n in numbers] if all(map(_is_count, numbers)) else []


def as_number(value: Any) -> float:
    """The value as a float: NaN if it is not a real number, infinity if it is too large."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.inf


def _is_count(value: Any, minimum: int = 1, maximum: int = _LARGEST_COUNT) -> bool:
    return isinstance(value, Integral) and minimum <= int(value) <= maximum


def _or(alternative: str) -> str:
    return f"{alternative!r} or " if alternative else ""


def _listed(choices: Collection[str]) -> str:
    return ", ".join(map(repr, choices))


def check_trajectory(method: str, *, known: bool) -> None:
    """Refuse method="trajectory" for a model without earlier models."""
    if method == "trajectory" and not known:
        msg = (
            "method='trajectory' needs the earlier models of a training with gradient='ptt', which "
            "forget_trajectory() has not dropped."
        )
        raise ValueError(msg)


def check_conditions(name: str, given: Any) -> dict[Any, Any]:
    """Return conditions on columns, from a dict or a Series by names of columns."""
    if hasattr(given, "to_dict"):
        given = given.to_dict()
    if not isinstance(given, Mapping) or not given:
        msg = f"{name} == {given!r}, must be a dict by names of columns, or a table."
        raise ValueError(msg)
    return dict(given)
