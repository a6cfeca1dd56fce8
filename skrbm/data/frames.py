"""Columns of data frames and arrays as numbers or objects, and back in their own types.

Dates and durations are numbers of days. Neither pandas nor polars is imported unless a frame of
theirs is given.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.data.objects import (
    all_integers,
    days,
    days_of,
    kind_of,
    kind_of_objects,
    missing_in,
    numbers_of,
    objects_of,
    python_numbers,
    time_of,
)


class Frame(Protocol):
    """A table whose columns have names and types."""

    @property
    def native(self) -> Any:
        """The table itself."""

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""

    def __len__(self) -> int:
        """Number of rows."""

    def select(self, names: Sequence[Any]) -> Frame:
        """The named columns, in this order."""

    def empty(self) -> Frame:
        """The same columns without rows."""

    def kind(self, name: Any) -> str:
        """Kind of a column: "number", "category" or "ordinal"."""

    def is_integer(self, name: Any) -> bool:
        """Whether a column has a type of integers."""

    def time(self, name: Any) -> str:
        """Return "M" for a column of dates or datetimes, "m" for durations, "" for others."""

    def categories(self, name: Any) -> list[Any] | None:
        """Categories of the type of a column in their order, if it has any."""

    def is_missing(self, name: Any) -> Array:
        """Whether each cell of a column is missing."""

    def numbers(self, name: Any) -> Array:
        """A column as floating-point numbers, with NaN for missing ones."""

    def as_numbers(self, name: Any, values: list[Any]) -> Array:
        """Values that a column may have, as its floating-point numbers."""

    def objects(self, name: Any) -> Array:
        """A column as objects, with None for missing ones."""

    def built(self, columns: dict[Any, Array], n_rows: int) -> Any:
        """A table of new numbers and objects, in the types of this one."""

    def filled(self, columns: dict[Any, Array]) -> Any:
        """The table with new values in its missing cells."""


def frame_of(X: Any) -> Frame:
    """Wrap a frame of pandas or polars, or an array of two dimensions."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        from skrbm.data.pandas_frames import PandasFrame

        for name in X.columns[X.columns.duplicated()]:
            msg = f"X has two columns {name!r}, must have one of each name."
            raise ValueError(msg)
        return PandasFrame(X)
    if polars is not None and isinstance(X, polars.DataFrame):
        from skrbm.data.polars_frames import PolarsFrame

        return PolarsFrame(X)
    X = np.asarray(X)
    if X.ndim != 2:
        msg = f"X has {X.ndim} dimensions, must be a data frame or an array of 2 dimensions."
        raise ValueError(msg)
    return ArrayFrame(X)


def chosen_columns(X: Any, chosen: Array) -> Any:
    """Some columns of a frame or an array."""
    frame = frame_of(X)
    return frame.select([x for x, y in zip(frame.names, chosen, strict=True) if y]).native


def with_columns(X: Any, names: Sequence[Any], columns: Array) -> Any:
    """A frame or an array with further columns, which are the columns of an array."""
    if isinstance(X, np.ndarray):
        return np.hstack([X, columns])
    added = dict(zip(names, columns.T, strict=True))
    return X.assign(**added) if hasattr(X, "assign") else X.hstack(type(X)(added))


@dataclass(frozen=True, eq=False)
class ArrayFrame:
    """An array; its columns are named x0, x1 and so on, unless they are given names."""

    native: Array
    given_names: tuple[Any, ...] = ()

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.given_names) or [f"x{i}" for i in range(self.native.shape[1])]

    def named(self, names: Sequence[Any]) -> ArrayFrame:
        """The same array with other names of its columns."""
        return ArrayFrame(self.native, tuple(names))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.native)

    def select(self, names: Sequence[Any]) -> ArrayFrame:
        """The named columns, in this order."""
        return ArrayFrame(self.native[:, [self.names.index(name) for name in names]], tuple(names))

    def empty(self) -> ArrayFrame:
        """The same columns without rows."""
        return ArrayFrame(self.native[:0].copy(), self.given_names)

    def kind(self, name: Any) -> str:
        """Kind of a column: "number" or "category"."""
        values = self._column(name)
        return kind_of_objects(values) if values.dtype == object else kind_of(values.dtype)

    def time(self, name: Any) -> str:
        """Return "M" for datetimes, "m" for durations, "" for others."""
        kind = self.native.dtype.kind
        return kind if kind in "mM" else ""

    def is_integer(self, name: Any) -> bool:
        """Whether a column has only integers."""
        values = self._column(name)
        return all_integers(values) if values.dtype == object else values.dtype.kind in "iu"

    def categories(self, name: Any) -> list[Any] | None:
        """None: arrays have no categorical types."""
        return None

    def is_missing(self, name: Any) -> Array:
        """Whether each cell of a column is missing."""
        return missing_in(self._column(name))

    def numbers(self, name: Any) -> Array:
        """A column as floating-point numbers, with NaN for missing ones."""
        values = self._column(name)
        if values.dtype.kind in "mM":
            return days(values)
        if values.dtype == object:
            values = np.where(missing_in(values), np.nan, values)
        return values if values.dtype.kind == "f" else values.astype(np.float64)

    def as_numbers(self, name: Any, values: list[Any]) -> Array:
        """Values that a column may have, as its floating-point numbers."""
        time = self.time(name)
        return days_of(values, time) if time else numbers_of(values)

    def objects(self, name: Any) -> Array:
        """A column as objects, with None for missing ones."""
        return objects_of(self._column(name).tolist(), self.is_missing(name))

    def built(self, columns: dict[Any, Array], n_rows: int) -> Array:
        """An array of new numbers and objects, in the type of this one."""
        if not columns:
            return np.empty((n_rows, 0), self.native.dtype)
        cast = [self._cast(values) for values in columns.values()]
        return np.stack(cast, axis=1)

    def filled(self, columns: dict[Any, Array]) -> Array:
        """The array with new values in its missing cells."""
        new = self.built(columns, len(self))
        changed = [self.is_missing(x) & ~missing_in(y) for x, y in columns.items()]
        return np.where(np.stack(changed, axis=1), new, self.native) if columns else new

    def _column(self, name: Any) -> Array:
        return self.native[:, self.names.index(name)]

    def _cast(self, values: Array) -> Array:
        dtype = self.native.dtype
        missing = missing_in(values)
        if dtype.kind in "mM":
            return time_of(values, "M" if dtype.kind == "M" else "m").astype(dtype)
        if dtype.kind == "O" and values.dtype != object:
            return python_numbers(values)
        if missing.any() and dtype.kind in "iub":
            return values.astype(np.float64)
        if values.dtype != object and dtype.kind in "iu":
            values = np.rint(values)
        return values.astype(dtype)
