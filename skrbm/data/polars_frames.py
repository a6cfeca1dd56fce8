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
)


@dataclass(frozen=True, eq=False)
class PolarsFrame:
    """A data frame of polars."""

    frame: Any

    @property
    def native(self) -> Any:
        """The table itself."""
        return self.frame

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.frame.columns)

    def __len__(self) -> int:
        """Number of rows."""
        return self.frame.height

    def select(self, names: Sequence[Any]) -> PolarsFrame:
        """The named columns, in this order."""
        return PolarsFrame(self.frame.select(list(names)))

    def empty(self) -> PolarsFrame:
        """The same columns without rows."""
        return PolarsFrame(self.frame.clear())

    def kind(self, name: Any) -> str:
        """Kind of a column: "number", "category" or, for an enumeration, "ordinal"."""
        dtype = self.frame[name].dtype
        if self.is_time(name) or dtype.is_numeric():
            return "number"
        return "ordinal" if dtype == polars.Enum else "category"

    def is_time(self, name: Any) -> bool:
        """Whether a column has dates, datetimes or durations."""
        return self.frame[name].dtype in (polars.Date, polars.Datetime, polars.Duration)

    def is_integer(self, name: Any) -> bool:
        """Whether a column has a type of integers."""
        return self.frame[name].dtype.is_integer()

    def categories(self, name: Any) -> list[Any] | None:
        """Categories of an enumeration in their order."""
        is_enum = self.kind(name) == "ordinal"
        return self.frame[name].dtype.categories.to_list() if is_enum else None

    def is_missing(self, name: Any) -> Array:
        """Whether each cell of a column is missing."""
        column = self.frame[name]
        column = column.fill_nan(None) if column.dtype.is_float() else column
        return column.is_null().to_numpy()

    def numbers(self, name: Any) -> Array:
        """A column as floating-point numbers, with NaN for missing ones."""
        column = self.frame[name]
        if self.is_time(name):
            is_span = column.dtype == polars.Duration
            unit = polars.Duration("us") if is_span else polars.Datetime("us")
            ticks = column.cast(unit).cast(polars.Int64)
            return ticks.cast(polars.Float64).to_numpy() / MICROSECONDS
        dtype = column.dtype if column.dtype.is_float() else polars.Float64
        return column.cast(dtype).fill_null(float("nan")).to_numpy()

    def as_numbers(self, name: Any, values: list[Any]) -> Array:
        """Values that a column may have, as its floating-point numbers."""
        if not self.is_time(name):
            return numbers_of(values)
        dtype = self.frame[name].dtype
        zone = getattr(dtype, "time_zone", None)
        kind = "m" if dtype == polars.Duration else "M"
        return days_of(values, kind, ZoneInfo(zone) if zone else None)

    def objects(self, name: Any) -> Array:
        """A column as objects, with None for missing ones."""
        return objects_of(self.frame[name].to_list(), self.is_missing(name))

    def built(self, columns: dict[Any, Array], n_rows: int) -> Any:
        """A data frame of new numbers and objects, in the types of this one."""
        return type(self.frame)([self._cast(x, y) for x, y in columns.items()])

    def filled(self, columns: dict[Any, Array], like: Any) -> Any:
        """A data frame with new values in the missing cells of another one."""
        done = []
        for name, values in columns.items():
            old, known = like[name], polars.Series(~PolarsFrame(like).is_missing(name))
            new = self._cast(name, values)
            done.append(old if known.all() else old.zip_with(known, new.cast(old.dtype)))
        return type(like)(done)

    def _cast(self, name: Any, values: Array) -> Any:
        dtype, missing = self.frame[name].dtype, missing_in(values)
        if self.is_time(name):
            values = np.rint(values) if dtype == polars.Date else values
            whole = np.rint(np.where(missing, 0, values) * MICROSECONDS).astype(np.int64)
            ticks = polars.Series(name, objects_of(whole.tolist(), missing).tolist(), polars.Int64)
            if dtype == polars.Duration:
                return ticks.cast(polars.Duration("us")).cast(dtype)
            return ticks.cast(polars.Datetime("us", getattr(dtype, "time_zone", None))).cast(dtype)
        if values.dtype != object and not dtype.is_float():
            values = python_numbers(values)
        return polars.Series(name, objects_of(values.tolist(), missing).tolist(), dtype)
