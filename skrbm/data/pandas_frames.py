"""Columns of data frames of pandas as numbers or objects, and back in their own types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas

from skrbm._kernels.devices import Array
from skrbm.data.objects import (
    all_integers,
    days,
    days_of,
    kind_of_objects,
    missing_in,
    numbers_of,
    objects_of,
    python_numbers,
    time_of,
)


@dataclass(frozen=True, eq=False)
class PandasFrame:
    """A data frame of pandas."""

    native: Any

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.native.columns)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.native)

    def select(self, names: Sequence[Any]) -> PandasFrame:
        """The named columns, in this order."""
        names = list(names)
        return self if names == self.names else PandasFrame(self.native[names])

    def empty(self) -> PandasFrame:
        """The same columns without rows."""
        return PandasFrame(self.native.iloc[:0].copy())

    def kind(self, name: Any) -> str:
        """Kind of a column: "number", "category" or "ordinal"."""
        column = self.native[name]
        if isinstance(column.dtype, pandas.CategoricalDtype):
            return "ordinal" if column.cat.ordered else "category"
        if column.dtype == object:
            return kind_of_objects(column[~column.isna()].to_numpy())
        if pandas.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind not in "bc":
            return "number"
        return "number" if self.time(name) or self._period(name) else "category"

    def time(self, name: Any) -> str:
        """Return "M" for a column of dates or datetimes, "m" for durations, "" for others."""
        kind = self.native[name].dtype.kind
        return kind if kind in "mM" else ""

    def is_integer(self, name: Any) -> bool:
        """Whether a column has a type of integers, or only objects that are."""
        column = self.native[name]
        if column.dtype == object:
            return all_integers(column[~column.isna()].to_numpy())
        return bool(pandas.api.types.is_integer_dtype(column.dtype))

    def categories(self, name: Any) -> list[Any] | None:
        """Categories of the type of a column in their order, if it has any."""
        column = self.native[name]
        is_categorical = isinstance(column.dtype, pandas.CategoricalDtype)
        return column.cat.categories.tolist() if is_categorical else None

    def is_missing(self, name: Any) -> Array:
        """Whether each cell of a column is missing."""
        return self.native[name].isna().to_numpy()

    def numbers(self, name: Any) -> Array:
        """A column as floating-point numbers, with NaN for missing ones."""
        column = self.native[name]
        if time := self.time(name):
            is_span = time == "m"
            column = (
                pandas.to_timedelta(column) if is_span else pandas.to_datetime(column, utc=True)
            )
            return days(column.to_numpy(f"{time}8[us]"))
        if self._period(name):
            return np.where(column.isna(), np.nan, column.array.asi8)
        dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
        dtype = dtype if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.float64
        return column.to_numpy(dtype=dtype, na_value=np.nan)

    def as_numbers(self, name: Any, values: list[Any]) -> Array:
        """Values that a column may have, as its floating-point numbers."""
        if freq := self._period(name):
            return numbers_of([pandas.Period(x, freq).ordinal for x in values])
        if not (time := self.time(name)):
            return numbers_of(values)
        make = pandas.Timestamp if time == "M" else pandas.Timedelta
        times = [x if isinstance(x, int | float) else make(x) for x in values]
        zone = self._zone(name)
        return days_of(times, time, ZoneInfo(zone) if isinstance(zone, str) else zone)

    def objects(self, name: Any) -> Array:
        """A column as objects, with None for missing ones."""
        return objects_of(self.native[name].astype(object).tolist(), self.is_missing(name))

    def built(self, columns: dict[Any, Array], n_rows: int) -> Any:
        """A data frame of new numbers and objects, in the types of this one."""
        return self._joined([self._cast(x, y) for x, y in columns.items()], range(n_rows))

    def filled(self, columns: dict[Any, Array]) -> Any:
        """The data frame with new values in its missing cells."""
        done = [self._filled(x, y) for x, y in columns.items()]
        return self._joined(done, self.native.index)

    def _filled(self, name: Any, values: Array) -> Any:
        old = self.native[name]
        changed = self.is_missing(name) & ~missing_in(values)
        if not changed.any():
            return old
        if (categories := self.categories(name)) is not None:
            unseen = set(values[changed]).difference(categories)
            old = old.cat.add_categories(sorted(unseen, key=str)) if unseen else old
            new = pandas.Series(values).astype(old.dtype)
        else:
            new = self._cast(name, values)
        return old.where(~changed, new.set_axis(old.index))

    def _joined(self, columns: list[Any], index: Any) -> Any:
        data = dict(enumerate(columns))
        return pandas.DataFrame(data, index=index).set_axis(self.native.columns, axis=1)

    def _period(self, name: Any) -> Any:
        dtype = self.native[name].dtype
        return dtype.freq if type(dtype).__name__ == "PeriodDtype" else None

    def _zone(self, name: Any) -> Any:
        dtype = self.native[name].dtype
        return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)

    def _cast(self, name: Any, values: Array) -> Any:
        dtype, missing = self.native[name].dtype, missing_in(values)
        if time := self.time(name):
            unit = getattr(getattr(dtype, "pyarrow_dtype", dtype), "unit", "us")
            new = pandas.Series(time_of(values, time).astype(f"{time}8[{unit}]"))
            return (new if self._zone(name) is None else new.dt.tz_localize("UTC")).astype(dtype)
        if freq := self._period(name):
            whole = [None if x != x else pandas.Period(ordinal=round(x), freq=freq) for x in values]
            return pandas.Series(whole, dtype=dtype)
        if values.dtype != object and dtype.kind in "iubO":
            values = python_numbers(values)
        if not isinstance(dtype, np.dtype):
            values = np.where(missing, pandas.NA, values.astype(object))
        elif dtype.kind in "iub" and missing.any():
            return pandas.Series(values, dtype=None if dtype.kind == "b" else np.float64)
        return pandas.Series(values, dtype=object if dtype.kind == "O" else None).astype(dtype)
