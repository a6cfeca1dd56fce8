"""The rows of a table on workers that set the codes of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skrbm._kernels import random
from skrbm._kernels.devices import Array
from skrbm.data.tables import Table, taken

MOST_ROWS = 100_000  # of a sample
MOST_CATEGORIES = 1_000  # of each column, besides the categories of the sample


class Piece(NamedTuple):
    """Some rows of a table, and their places in it."""

    places: Array
    rows: Any

    def part(self, chosen: Array) -> Piece:
        """Some of the rows."""
        return Piece(self.places[chosen], taken(self.rows, chosen))

    def beyond(self, table: Table) -> Piece:
        """Rows with extreme numbers, or with categories that are not in a table."""
        return self.part(table.beyond(self.rows, MOST_CATEGORIES))


class Sample(NamedTuple):
    """A random sample of rows by their places, which are independent of blocks and workers.

    Parameters
    ----------
    n_rows : int
        Of the whole table.
    seed : int
    """

    n_rows: int
    seed: int

    @property
    def is_all(self) -> bool:
        """Whether the sample has all rows."""
        return self.n_rows <= MOST_ROWS

    def of(self, pieces: list[Piece]) -> list[Piece]:
        """Its rows in pieces of consecutive rows."""
        if self.is_all:
            return pieces
        rng = random.generator(self.seed)
        places = np.sort(rng.choice(self.n_rows, MOST_ROWS, replace=False, shuffle=False))
        return [piece.part(np.flatnonzero(np.isin(piece.places, places))) for piece in pieces]


def joined(pieces: Sequence[Piece]) -> Piece:
    """All rows of the pieces, once each, in the order of the table."""
    some = sorted((x for x in pieces if len(x.places)), key=lambda x: x.places[0])
    if not some:
        return pieces[0]
    every = np.concatenate([piece.places for piece in some])
    places, order = np.unique(every, return_index=True)
    return Piece(places, taken(_concatenated([piece.rows for piece in some]), order))


def check_partitions(sizes: Sequence[int]) -> None:
    """Refuse partitions without rows."""
    if 0 in sizes:
        msg = "X has so many blocks without rows that a worker has no rows; repartition X first."
        raise ValueError(msg)


def _concatenated(tables: list[Any]) -> Any:
    """Arrays or data frames as one; categories are joined as in Dask."""
    if isinstance(tables[0], np.ndarray):
        return np.concatenate(tables)
    from dask.dataframe.dispatch import concat

    for name in tables[0].columns:
        dtypes = {getattr(table[name], "dtype", None) for table in tables}
        if len(dtypes) > 1 and any(getattr(dtype, "ordered", False) for dtype in dtypes):
            msg = (
                f"Column {name!r} has ordered categories that differ between blocks, must have the "
                "same in all."
            )
            raise ValueError(msg)
    return concat(tables)
