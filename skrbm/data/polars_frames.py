"""Columns of data frames of polars as numbers or objects, and back in their own types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars

from skrbm._kernels.devices import Array
from skrbm.data.objects import (
    MICROSECONDS,
    days_of,
    missing_in,
    numbers_of,
    objects_of,
    python_numbers,
    time_of,
)

_DATES = polars.Date, polars.Datetime
_IN_MICROSECONDS = {"M": polars.Datetime("us"), "m": polars.Duration("us")}


@dataclass(frozen=True, eq=False)
class PolarsFrame:
    """A data frame of polars."""

    native: Any

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.native.columns)

    def __len__(self) -> int:
        """Number of rows."""
        return self.native.height

    def select(self, names: Sequence[Any]) -> PolarsFrame:
        """The named columns, in this order."""
        return PolarsFrame(self.native.select(list(names)))

    def empty(self) -> PolarsFrame:
        """The same columns without rows."""
        return PolarsFrame(self.native.clear())

    def kind(self, name: Any) -> str:
        """Kind of a column: "number", "category" or, for an enumeration, "ordinal"."""
        dtype = self.native[name].dtype
        if self.time(name) or dtype.is_numeric():
            return "number"
        return "ordinal" if dtype == polars.Enum else "category"

    def time(self, name: Any) -> str:
        """Return "M" for a column of dates or datetimes, "m" for durations, "" for others."""
        dtype = self.native[name].dtype
        return "m" if dtype == polars.Duration else "M" if dtype in _DATES else ""

    def is_integer(self, name: Any) -> bool:
        """Whether a column has a type of integers."""
        return self.native[name].dtype.is_integer()

    def categories(self, name: Any) -> list[Any] | None:
        """Categories of an enumeration in their order."""
        is_enum = self.kind(name) == "ordinal"
        return self.native[name].dtype.categories.to_list() if is_enum else None

    def is_missing(self, name: Any) -> Array:
        """Whether each cell of a column is missing."""
        column = self.native[name]
        column = column.fill_nan(None) if column.dtype.is_float() else column
        return column.is_null().to_numpy()

    def numbers(self, name: Any) -> Array:
        """A column as floating-point numbers, with NaN for missing ones."""
        column = self.native[name]
        if time := self.time(name):
            ticks = column.cast(_IN_MICROSECONDS[time]).cast(polars.Int64)
            return ticks.cast(polars.Float64).to_numpy() / MICROSECONDS
        dtype = column.dtype if column.dtype.is_float() else polars.Float64
        return column.cast(dtype).fill_null(float("nan")).to_numpy()

    def as_numbers(self, name: Any, values: list[Any]) -> Array:
        """Values that a column may have, as its floating-point numbers."""
        if not (time := self.time(name)):
            return numbers_of(values)
        zone = getattr(self.native[name].dtype, "time_zone", None)
        return days_of(values, time, ZoneInfo(zone) if zone else None)

    def objects(self, name: Any) -> Array:
        """A column as objects, with None for missing ones."""
        return objects_of(self.native[name].to_list(), self.is_missing(name))

    def built(self, columns: dict[Any, Array], n_rows: int) -> Any:
        """A data frame of new numbers and objects, in the types of this one."""
        return type(self.native)([self._cast(x, y) for x, y in columns.items()])

    def filled(self, columns: dict[Any, Array]) -> Any:
        """The data frame with new values in its missing cells."""
        done = []
        for name, values in columns.items():
            old, kept = self.native[name], ~self.is_missing(name) | missing_in(values)
            new = old if kept.all() else self._cast(name, values)
            done.append(old.zip_with(polars.Series(kept), new))
        return type(self.native)(done)

    def _cast(self, name: Any, values: Array) -> Any:
        dtype = self.native[name].dtype
        if time := self.time(name):
            values = np.rint(values) if dtype == polars.Date else values
            new = polars.Series(name, time_of(values, time))
            is_zoned = getattr(dtype, "time_zone", None) is not None
            return (new.dt.replace_time_zone("UTC") if is_zoned else new).cast(dtype)
        if values.dtype != object and not dtype.is_float():
            values = python_numbers(values)
        objects = objects_of(values.tolist(), missing_in(values))
        return polars.Series(name, objects.tolist(), dtype)
