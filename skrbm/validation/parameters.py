"""Parameters: counts, rates, choices, seeds and devices."""

from __future__ import annotations

import math
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
_SMALLEST_RATE = 1e-30
PRECISIONS = ("float32", "tf32", "bfloat16")  # of the factors of products
INPUTS = ("mean", "sample")  # how classifiers take values between two states: as they are, or drawn


def check_count(
    name: str,
    value: Any,
    minimum: int = 1,
    maximum: int = _LARGEST_COUNT,
    alternative: str | None = None,
) -> int:
    """An integer between two bounds, or above one; the sentence names an alternative to it."""
    if not isinstance(value, Integral) or not minimum <= int(value) <= maximum:
        other = f"{alternative!r} or " if alternative else ""
        above = isinstance(value, Integral) and int(value) > maximum
        limit = f" and <= {maximum}" if above or maximum < _LARGEST_COUNT else ""
        msg = f"{name} == {value!r}, must be {other}an integer >= {minimum}{limit}."
        raise ValueError(msg)
    return int(value)


def check_jobs(name: str, value: Any) -> int | None:
    """A number of threads: at least one, -1 for one a core, or None."""
    if value is None:
        return None
    if not isinstance(value, Integral) or not (value == -1 or 1 <= int(value) <= _LARGEST_COUNT):
        msg = f"{name} == {value!r}, must be None, -1 or an integer >= 1."
        raise ValueError(msg)
    return joblib.effective_n_jobs(int(value))


def check_sizes(name: str, value: Any) -> None:
    """An integer of at least one, or some of them."""
    sizes = value if isinstance(value, list | tuple) or np.ndim(value) == 1 else [value]
    counts = (isinstance(n, Integral) and 1 <= int(n) <= _LARGEST_COUNT for n in sizes)
    if len(sizes) == 0 or not all(counts):
        msg = f"{name} == {value!r}, must be an integer >= 1 or a tuple of such integers."
        raise ValueError(msg)


def check_image_shape(name: str, value: Any, n_features: int) -> tuple[int, int]:
    """Height and width of an image of all columns; for None those of a square."""
    side = math.isqrt(n_features)
    if value is None and side**2 == n_features:
        return side, side
    numbers = value if isinstance(value, list | tuple) else ()
    pair = len(numbers) == 2 and all(isinstance(n, Integral) and int(n) >= 1 for n in numbers)
    if not pair or math.prod(numbers) != n_features:
        msg = (
            f"{name} == {value!r}, must be the height and width of an image of {n_features} "
            "columns, or None where these make a square."
        )
        raise ValueError(msg)
    return int(numbers[0]), int(numbers[1])


def check_steps(name: str, value: Any) -> list[int]:
    """Numbers of steps at which chains are looked at: at least one of them, none below the last."""
    steps = list(value) if isinstance(value, list | tuple | range | np.ndarray) else []
    counts = all(isinstance(n, Integral) and int(n) >= 0 for n in steps)
    if not steps or not counts or steps != sorted(steps):
        msg = f"{name} == {value!r}, must be integers >= 0 in ascending order."
        raise ValueError(msg)
    return [int(n) for n in steps]


def check_rate(name: str, value: Any, alternative: str) -> None:
    """A finite number above zero, or the alternative to it."""
    if isinstance(value, str) and value == alternative:
        return
    number = as_number(value)
    if not _SMALLEST_RATE <= number <= 1 / _SMALLEST_RATE:
        limit = ", from 1e-30 to 1e30" if 0 < number < math.inf else ""
        msg = f"{name} == {value!r}, must be {alternative!r} or a finite number > 0{limit}."
        raise ValueError(msg)


def check_log_odds(name: str, value: Any, alternative: str) -> None:
    """A number whose logistic is not 0 or 1 in float32, or the alternative to it."""
    if isinstance(value, str) and value == alternative:
        return
    if not -80 <= as_number(value) <= 80:
        msg = f"{name} == {value!r}, must be {alternative!r} or a number >= -80 and <= 80."
        raise ValueError(msg)


def check_fraction(name: str, value: Any) -> None:
    """A number between zero and one."""
    if not 0 < as_number(value) < 1:
        msg = f"{name} == {value!r}, must be a number > 0 and < 1."
        raise ValueError(msg)


def check_contamination(name: str, value: Any) -> None:
    """A number above zero, and at most one half."""
    if not 0 < as_number(value) <= 0.5:
        msg = f"{name} == {value!r}, must be a number > 0 and <= 0.5."
        raise ValueError(msg)


def check_share(name: str, value: Any) -> None:
    """A number from zero to one."""
    if not 0 <= as_number(value) <= 1:
        msg = f"{name} == {value!r}, must be a number >= 0 and <= 1."
        raise ValueError(msg)


def check_split(name: str, fraction: float, n_rows: int) -> None:
    """A fraction of the rows, rounded up, that leaves some."""
    if math.ceil(fraction * n_rows) >= n_rows:
        msg = f"{name} == {fraction!r} of {n_rows} rows with weight must leave one to train on."
        raise ValueError(msg)


def check_tolerance(name: str, value: Any) -> None:
    """A finite number, zero or more."""
    if not 0 <= as_number(value) < math.inf:
        msg = f"{name} == {value!r}, must be a finite number >= 0."
        raise ValueError(msg)


def check_on_cluster(name: str, value: Any, allowed: Any) -> None:
    """The one value of a parameter that a fit on a cluster knows."""
    if value != allowed:
        msg = f"{name} == {value!r}, must be {allowed!r} on a cluster."
        raise ValueError(msg)


def check_flag(name: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        msg = f"{name} == {value!r}, must be True or False."
        raise ValueError(msg)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """One of the choices."""
    if not isinstance(value, str) or value not in choices:
        msg = f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}."
        raise ValueError(msg)
    return value


def check_variance(
    name: str, value: Any, choices: Collection[str], n_features: int
) -> Array | None:
    """None for one of the choices, or else variances > 0, one for each column."""
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
    """What scikit-learn makes of a random_state."""
    try:
        return sklearn.utils.check_random_state(random_state)
    except ValueError as error:
        msg = f"random_state == {random_state!r}, must be None, an int or a RandomState."
        raise ValueError(msg) from error


def check_seed(random_state: Any) -> int:
    """A seed from a random_state as scikit-learn takes it."""
    return check_seeds(random_state, 1)[0]


def check_seeds(random_state: Any, n: int) -> list[int]:
    """So many independent seeds from a random_state as scikit-learn takes it."""
    words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    seeds = np.random.SeedSequence(words.tolist()).spawn(n)
    return [int(seed.generate_state(1, np.uint64)[0] >> 1) for seed in seeds]


def check_device(name: str, value: Any) -> str | None:
    """None, or a device that PyTorch has here."""
    if value is None:
        return None
    if not isinstance(value, str):
        msg = f"{name} == {value!r}, must be None or the name of a device, such as 'cpu' or 'cuda'."
        raise ValueError(msg)
    try:
        torch = import_module("torch")
    except ImportError as error:
        msg = f"{name} == {value!r} needs PyTorch, skrbm's extra: pip install 'skrbm[torch]'."
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
    """A precision that the factors of products on the device can have."""
    check_choice(name, value, PRECISIONS)
    if value == "bfloat16" and device is None:
        msg = f"{name} == {value!r}, must be 'float32' with numpy; device='cpu' has others."
        raise ValueError(msg)
    if value == "tf32" and not str(device).startswith("cuda"):
        msg = f"{name} == {value!r}, must be 'float32' or 'bfloat16' where no device is 'cuda'."
        raise ValueError(msg)


def check_precision_of(name: str, value: str, dtype: Any) -> None:
    """A precision that a model of this dtype can have."""
    if value != "float32" and str(dtype) != "float32":
        msg = f"{name} == {value!r}, must be 'float32' for a model of {dtype}."
        raise ValueError(msg)


def check_device_of(name: str, value: str | None, dtype: Any) -> None:
    """A device that can hold a model of this dtype."""
    if str(dtype) == "float64" and not devices.has_float64(value):
        msg = f"{name} == {value!r} has no float64: data must be of float32, or small integers."
        raise ValueError(msg)


def check_callbacks(name: str, value: Any) -> None:
    """None, something to call, or a list of such."""
    callbacks = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(map(callable, callbacks)):
        msg = f"{name} == {value!r}, must be None, a callable or a list of callables."
        raise ValueError(msg)


def as_number(value: Any) -> float:
    """The value as a float: NaN where it is no real number, infinite where it is too large."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.inf
