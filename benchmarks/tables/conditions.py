"""Rows drawn under conditions that one row in a thousand meets, and the time that they take.

Each condition is met by about 0.1 % of the training rows: "values" of two columns of categories, a
"range" of the largest values of a number, or a "set" of categories of one column together with a
range.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables import ours
from benchmarks.tables.data import CHOSEN_ON, TABLES, is_number, split
from benchmarks.tables.options import Options, Row

_SHARE = 0.001
_N_ROWS = 1_000


def meets(frame: pd.DataFrame, given: dict[str, Any]) -> np.ndarray:
    """Mask of the rows that meet a condition."""
    found = np.ones(len(frame), bool)
    for name, wanted in given.items():
        column = frame[name]
        if isinstance(wanted, tuple):
            found &= column.between(*wanted).to_numpy()
        elif isinstance(wanted, list):
            found &= column.isin(wanted).to_numpy()
        else:
            found &= (column == wanted).to_numpy()
    return found


def _values(train: pd.DataFrame) -> dict[str, Any] | None:
    """Two categories whose share together is closest to 0.1 %."""
    names = [x for x in train.columns if not is_number(train[x])]
    best, least = None, np.inf
    for pair in combinations(names, 2):
        shares = train[list(pair)].astype(object).value_counts() / len(train)
        far = np.abs(np.log(shares / _SHARE))
        if len(far) and far.min() < least:
            best, least = dict(zip(pair, far.idxmin(), strict=True)), far.min()
    return best


def _range(train: pd.DataFrame, share: float = _SHARE) -> dict[str, Any]:
    """The largest values of the number with the most different ones."""
    names = [x for x in train.columns if is_number(train[x])]
    name = max(names, key=lambda x: train[x].nunique())
    column = train[name].dropna()
    return {name: (float(column.quantile(1 - share)), float(column.max()))}


def _set(train: pd.DataFrame) -> dict[str, Any]:
    """Half of the categories of a column, and a range."""
    given = _range(train, 2 * _SHARE)
    for name in train.columns:
        if not is_number(train[name]) and train[name].nunique() > 2:
            values = train[name].dropna().unique().tolist()
            return given | {name: values[: len(values) // 2]}
    return given


def conditions(options: Options) -> Iterator[Row]:
    """Rows of the table: a split, a table and a kind of condition each."""
    if not ours.is_there():
        return
    for seed in range(options.n_splits):
        for name in options.tables_of([*CHOSEN_ON, "adult"]):
            train, _ = split(options.rows_of(TABLES[name](), 10_000, seed), seed)
            model = ours.fresh(seed, options.parameters).fit(train)
            free = _timed(model, None, seed)[1]
            for kind, make in (("values", _values), ("range", _range), ("set", _set)):
                if given := make(train):
                    drawn, seconds = _timed(model, given, seed)
                    yield {
                        "table": name,
                        "method": kind,
                        "split": seed,
                        "share of rows": meets(train, given).mean(),
                        "met": meets(drawn, given).mean(),
                        "seconds": seconds,
                        "seconds without": free,
                    }


def _timed(model: Any, given: dict[str, Any] | None, seed: int) -> tuple[pd.DataFrame, float]:
    start = time.perf_counter()
    drawn = model.sample(_N_ROWS, given=given, random_state=seed)
    return drawn, time.perf_counter() - start
