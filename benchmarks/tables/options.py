"""The choice of measurements, and their size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """The tables, methods and splits to measure; all of them if `tables` or `methods` is empty.

    `parameters` are parameters of `TabularRBM`. A `quick` run takes few rows of few tables.
    """

    quick: bool = False
    n_splits: int = 3
    tables: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)

    def tables_of(self, every: Iterable[str]) -> list[str]:
        """The chosen ones among these tables, or one of them if quick."""
        chosen = [name for name in every if not self.tables or name in self.tables]
        return chosen[:1] if self.quick else chosen

    def has(self, method: str) -> bool:
        """Whether a method is measured."""
        return not self.methods or method in self.methods

    def rows_of(self, table: pd.DataFrame, most: int | None = None, seed: int = 0) -> pd.DataFrame:
        """At most so many rows of a table at random, 500 if quick."""
        n = 500 if self.quick else most
        if n is None or n >= len(table):
            return table
        return table.sample(n, random_state=seed).reset_index(drop=True)
