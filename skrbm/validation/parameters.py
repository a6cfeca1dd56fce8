"""Checks of parameters: counts, rates, choices, seeds and devices."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from importlib import import_module
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
import sklearn.utils

from skrbm._kernels import devices
from skrbm._kernels.devices import Array

_LARGEST_COUNT = 2**31 - 1
_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
PRECISIONS = ("float32", "bfloat16")  # of the factors of products
INPUTS = ("mean", "sample")  # values between 0 and 1: unchanged, or drawn as states


def check_count(
    name: str,
    value: Any,
    minimum: int = 1,
    maximum: int = _LARGEST_COUNT,
    alternative: str | None = None,
) -> int:
    """Return an integer within limits; the error message also names the alternative."""
    if not isinstance(value, Integral) or not minimum <= int(value) <= maximum:
        other = f"{alternative!r} or " if alternative else ""
        above = isinstance(value, Integral) and int(value) > maximum
        limit = f" and <= {maximum}" if above or maximum < _LARGEST_COUNT else ""
        msg = f"{name} == {value!r}, must be {other}an integer >= {minimum}{limit}."
        raise ValueError(msg)
    return int(value)


def check_jobs(name: str, value: Any) -> int | None:
    """Return the number of threads: at least one, one per core for -1, or None."""
    if value is None:
        return None
    if not isinstance(value, Integral) or not (value == -1 or 1 <= int(value) <= _LARGEST_COUNT):
        msg = f"{name} == {value!r}, must be None, -1 or an integer >= 1."
        raise ValueError(msg)
    return joblib.effective_n_jobs(int(value))


def check_sizes(name: str, value: Any) -> None:
    """Refuse a value that is neither a positive integer nor several of them."""
    sizes = value if isinstance(value, list | tuple) or np.ndim(value) == 1 else [value]
    counts = (isinstance(n, Integral) and 1 <= int(n) <= _LARGEST_COUNT for n in sizes)
    if len(sizes) == 0 or not all(counts):
        msg = f"{name} == {value!r}, must be an integer >= 1 or a tuple of such integers."
        raise ValueError(msg)


def check_image_shape(name: str, value: Any, n_features: int) -> tuple[int, int]:
    """Return the height and width of an image of all columns; a square for None."""
    side = math.isqrt(n_features)
    if value is None and side**2 == n_features:
        return side, side
    numbers = value if isinstance(value, list | tuple) else ()
    pair = len(numbers) == 2 and all(isinstance(n, Integral) and int(n) >= 1 for n in numbers)
    if not pair or math.prod(numbers) != n_features:
        msg = (
            f"{name} == {value!r}, must be the height and width of an image of {n_features} "
            "columns, or None if the image is a square."
        )
        raise ValueError(msg)
    return int(numbers[0]), int(numbers[1])


def check_steps(name: str, value: Any) -> list[int]:
    """Return numbers of steps: at least one number, in ascending order."""
    steps = list(value) if isinstance(value, list | tuple | range | np.ndarray) else []
    counts = all(isinstance(n, Integral) and int(n) >= 0 for n in steps)
    if not steps or not counts or steps != sorted(steps):
        msg = f"{name} == {value!r}, must be integers >= 0 in ascending order."
        raise ValueError(msg)
    return [int(n) for n in steps]


def check_number(name: str, value: Any, limits: str, alternative: str | None = None) -> None:
    """Refuse a value other than a finite number within limits, such as "> 0 and <= 1"."""
    if alternative is not None and isinstance(value, str) and value == alternative:
        return
    number = as_number(value)
    conditions = (condition.split() for condition in limits.split(" and "))
    within = all(_COMPARISONS[sign](number, float(limit)) for sign, limit in conditions)
    if not within or math.isinf(number):
        other = f"{alternative!r} or " if alternative else ""
        msg = f"{name} == {value!r}, must be {other}a finite number {limits}."
        raise ValueError(msg)


def check_split(name: str, fraction: float, n_rows: int) -> None:
    """Refuse a fraction that, rounded up, leaves no rows."""
    if math.ceil(fraction * n_rows) >= n_rows:
        msg = f"{name} == {fraction!r} of {n_rows} rows with weight must leave one to train on."
        raise ValueError(msg)


def check_on_cluster(name: str, value: Any, allowed: Any) -> None:
    """Refuse a value that a fit on a cluster does not support."""
    if value != allowed:
        msg = f"{name} == {value!r}, must be {allowed!r} on a cluster."
        raise ValueError(msg)


def check_flag(name: str, value: Any) -> None:
    """Refuse a value other than True or False."""
    if not isinstance(value, bool | np.bool_):
        msg = f"{name} == {value!r}, must be True or False."
        raise ValueError(msg)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return one of the choices."""
    if not isinstance(value, str) or value not in choices:
        msg = f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}."
        raise ValueError(msg)
    return value


def check_variance(
    name: str, value: Any, choices: Collection[str], n_features: int
) -> Array | None:
    """Return None for one of the choices, otherwise positive variances, one per column."""
    if isinstance(value, str) and value in choices:
        return None
    numbers = np.asarray(value)
    positive = numbers.dtype.kind in "iuf" and bool(np.all((numbers > 0) & np.isfinite(numbers)))
    if not positive or numbers.shape not in ((), (n_features,)):
        msg = (
            f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}, or one finite "
            f"number > 0 for all columns or for each of {n_features}."
        )
        raise ValueError(msg)
    return np.broadcast_to(numbers.astype(np.float64), (n_features,))


def check_random_state(random_state: Any) -> np.random.RandomState:
    """Return the RandomState that scikit-learn makes from a random_state."""
    try:
        return sklearn.utils.check_random_state(random_state)
    except ValueError as error:
        msg = f"random_state == {random_state!r}, must be None, an int or a RandomState."
        raise ValueError(msg) from error


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
    if not isinstance(value, str):
        msg = f"{name} == {value!r}, must be None or the name of a device, such as 'cpu' or 'cuda'."
        raise ValueError(msg)
    try:
        torch = import_module("torch")
    except ImportError as error:
        msg = f"{name} == {value!r} needs PyTorch: pip install 'skrbm[torch]'."
        raise ImportError(msg) from error
    n_cuda = torch.cuda.device_count()
    here = ["cpu", *["cuda"][:n_cuda], *(f"cuda:{i}" for i in range(n_cuda))]
    here += ["mps"] * torch.backends.mps.is_available()
    if value not in here:
        known = ", ".join(map(repr, here))
        msg = f"{name} == {value!r}, must be None or a device that is here: {known}."
        raise ValueError(msg)
    return value


def check_precision(name: str, value: Any, device: str | None) -> None:
    """Refuse a precision that the device does not support."""
    check_choice(name, value, PRECISIONS)
    if value == "bfloat16" and device is None:
        msg = f"{name} == {value!r}, must be 'float32' with numpy; 'bfloat16' needs a device."
        raise ValueError(msg)


def check_precision_of(name: str, value: str, dtype: Any) -> None:
    """Refuse a precision that does not apply to models of this dtype."""
    if value != "float32" and str(dtype) != "float32":
        msg = f"{name} == {value!r}, must be 'float32' for a model of {dtype}."
        raise ValueError(msg)


def check_device_of(name: str, value: str | None, dtype: Any) -> None:
    """Refuse a device that does not support models of this dtype."""
    if str(dtype) == "float64" and not devices.has_float64(value):
        msg = f"{name} == {value!r} has no float64: data must be of float32, or small integers."
        raise ValueError(msg)


def check_callbacks(name: str, value: Any) -> None:
    """Refuse a value other than None, a callable or a list of callables."""
    callbacks = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(map(callable, callbacks)):
        msg = f"{name} == {value!r}, must be None, a callable or a list of callables."
        raise ValueError(msg)


def as_number(value: Any) -> float:
    """The value as a float: NaN if it is not a real number, infinity if it is too large."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.inf
