"""Cells of tables as objects and floating-point numbers."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array

MICROSECONDS = 86_400_000_000  # per day
_TIMES = {"M": (datetime.date, np.datetime64), "m": (datetime.timedelta, np.timedelta64)}
_NO_TIME = np.iinfo(np.int64).min


def missing_in(values: Array) -> Array:
    """Whether each value is None, NaN, NA or NaT."""
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype != object:
        return np.zeros(values.shape, bool)
    return np.fromiter(map(_is_missing, values), bool, len(values))


def _is_missing(x: Any) -> bool:
    if x is None or type(x).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(x, float | np.floating | np.datetime64 | np.timedelta64) and bool(x != x)


def objects_of(values: list[Any], missing: Array | None = None) -> Array:
    """Objects in an array, with None for missing ones."""
    found = np.empty(len(values), object)
    found[:] = values
    if missing is not None:
        found[missing] = None
    return found


def _all_are(kind: type | tuple[type, ...]) -> Callable[[Array], bool]:
    def are(values: Array) -> bool:
        known = values[~missing_in(values)]
        return len(known) > 0 and all(
            isinstance(x, kind) and not isinstance(x, bool | np.bool_) for x in known
        )

    return are


all_integers = _all_are(Integral)
all_numbers = _all_are((Real, Decimal))


def kind_of_objects(values: Array) -> str:
    """Return "number" if all known objects are numbers, otherwise "category"."""
    return "number" if all_numbers(values) else "category"


def kind_of(dtype: np.dtype[Any]) -> str:
    """Kind of an array that is not of objects."""
    return "number" if dtype.kind in "fiumM" else "category"


def python_numbers(values: Array) -> Array:
    """Floats as objects: whole ones are int, and NaN is None."""
    missing = np.isnan(values)
    whole = bool((values[~missing] == np.rint(values[~missing])).all())
    found = np.where(missing, 0, values)
    return objects_of((found.astype(np.int64) if whole else found).tolist(), missing)


def days(times: Array) -> Array:
    """Datetimes (since 1970) or timedeltas as days, with NaN for NaT."""
    kind = "datetime64[us]" if times.dtype.kind == "M" else "timedelta64[us]"
    ticks = times.astype(kind).astype(np.int64)
    return np.where(ticks == _NO_TIME, np.nan, ticks / MICROSECONDS)


def numbers_of(values: list[Any]) -> Array:
    """Numbers as floats; other objects raise a TypeError."""
    found = objects_of(values)
    if not all_numbers(found):
        msg = "no numbers"
        raise TypeError(msg)
    return np.where(missing_in(found), np.nan, found).astype(np.float64)


def days_of(values: list[Any], kind: str, zone: datetime.tzinfo | None = None) -> Array:
    """Datetimes ("M") or timedeltas ("m") as days; `zone` applies to datetimes without one."""
    types = _TIMES[kind]
    if not all(isinstance(x, types) for x in values):
        msg = "no times"
        raise TypeError(msg)
    return days(np.array([_in_utc(x, zone) for x in values], f"{kind}8[us]"))


def _in_utc(x: Any, zone: datetime.tzinfo | None) -> Any:
    if not isinstance(x, datetime.datetime):
        return x
    x = x.replace(tzinfo=zone) if x.tzinfo is None else x
    return x if x.tzinfo is None else x.astimezone(datetime.UTC).replace(tzinfo=None)


def time_of(values: Array, kind: str) -> Array:
    """Days as datetimes ("M") or timedeltas ("m"), with NaT for NaN."""
    missing = np.isnan(values)
    ticks = np.rint(np.where(missing, 0, values) * MICROSECONDS).astype(np.int64)
    return np.where(missing, _NO_TIME, ticks).astype(f"{kind}8[us]")
