"""The part of a column that a condition allows: a value, some values or a range."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.data.categories import Categories, Part
from skrbm.data.columns import Column, Numbers, WithMissing
from skrbm.data.frames import Frame
from skrbm.data.objects import missing_in, objects_of

_SEVERAL = list, set, frozenset, np.ndarray


@dataclass(frozen=True)
class Condition:
    """Values that are allowed in a column; see `Table.log_share`.

    Parameters
    ----------
    name : object
        Name of the column.
    allowed : object
    kind : str
        Kind of the column.
    template : Frame
        A frame with the column.
    """

    name: Any
    allowed: Any
    kind: str
    template: Frame

    def part(self, column: Column) -> Part:
        """The allowed part of the column."""
        if self._is_range and len(self.allowed) != 2:
            raise self._mistake("be a value, a list or set of values, or a tuple (low, high)")
        if isinstance(column, WithMissing):
            return self._with_missing(column)
        part = self._numbers(column) if isinstance(column, Numbers) else self._categories(column)
        if np.isneginf(part.log_share).all():
            raise self._mistake("contain a value between the extremes of `fit`")
        return part

    @property
    def _is_range(self) -> bool:
        return isinstance(self.allowed, tuple)

    @property
    def _values(self) -> list[Any]:
        return list(self.allowed) if isinstance(self.allowed, _SEVERAL) else [self.allowed]

    def _mistake(self, rule: str) -> ValueError:
        return ValueError(f"given[{self.name!r}] == {self.allowed!r}, must {rule}.")

    def _with_missing(self, column: WithMissing) -> Part:
        if self._is_range:
            return column.part(self.part(column.column), missing=False)
        missing = missing_in(objects_of(self._values))
        known = [x for x, y in zip(self._values, missing, strict=True) if not y]
        part = replace(self, allowed=known).part(column.column) if known else None
        return column.part(part, missing=bool(missing.any()))

    def _numbers(self, column: Numbers) -> Part:
        if self._is_range:
            low, high = self.allowed
            low = -math.inf if low is None else float(self._floats([low])[0])
            high = math.inf if high is None else float(self._floats([high])[0])
            if low > high:
                raise self._mistake("have low <= high")
            return column.within(low, high)
        values = self._floats(self._values) if self._values else np.empty(0)
        if column.is_integer and (values != np.rint(values)).any():
            raise self._mistake("have only integers")
        return column.among(values)

    def _floats(self, values: list[Any]) -> Array:
        try:
            found = self.template.as_numbers(self.name, values)
        except (TypeError, ValueError):
            found = np.array([np.nan])
        if np.isnan(found).any():
            raise self._mistake("have the type of the column, and no missing values")
        return found

    def _categories(self, column: Categories) -> Part:
        if self._is_range:
            return column.among(self._between(column.values))
        seen = set(column.values)
        for x in self._values:
            if not isinstance(x, Hashable) or x not in seen:
                msg = f"given[{self.name!r}] has {x!r}, which is not among the values of `fit`."
                raise ValueError(msg)
        return column.among(self._values)

    def _between(self, seen: tuple[Any, ...]) -> list[Any]:
        """The categories of a range, in the order of their type or in their own."""
        if self.kind != "ordinal":
            raise self._mistake("not be a tuple, because the categories have no order")
        order = self.template.categories(self.name)
        at: Callable[[Any], Any] = order.index if order is not None else lambda x: x
        low, high = self.allowed
        try:
            above = [x for x in seen if low is None or at(low) <= at(x)]
            return [x for x in above if high is None or at(x) <= at(high)]
        except (TypeError, ValueError):
            raise self._mistake("have two of the ordered categories") from None
