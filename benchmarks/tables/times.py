"""Seconds and peak memory of default fits, each in a separate process, and of predictions."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

from benchmarks.tables import ours
from benchmarks.tables.data import adult_table, split
from benchmarks.tables.holes import holes
from benchmarks.tables.mixture import TableMixture
from benchmarks.tables.options import Options, Row


def tables(options: Options) -> dict[str, pd.DataFrame]:
    """A thousand rows of twelve columns, and the training rows of Adult."""
    adult = split(adult_table())[0]
    small = {"1,000 x 12": adult.iloc[:1_000, :12]}
    return small if options.quick else small | {"adult": adult}


def once(method: str, frame: pd.DataFrame, seed: int, parameters: dict[str, Any]) -> Row:
    """Seconds of a fit and of predictions, and the peak memory of this process in MiB."""
    is_ours = method == ours.NAME
    model = ours.fresh(seed, parameters) if is_ours else TableMixture(random_state=seed)
    row: Row = {"fit": _seconds(lambda: model.fit(frame))}
    row["MiB of fit"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = frame[:1_000]
    row["sample 1,000"] = _seconds(lambda: model.sample(1_000, random_state=seed))
    row["score 1,000"] = _seconds(lambda: model.score_samples(rows))
    if is_ours:
        missing = rows.mask(holes(rows, 0.2, "MCAR", seed))
        row["impute 1,000"] = _seconds(lambda: model.impute(missing, random_state=seed))
        name = frame.columns[-1]
        row["predict 1,000"] = _seconds(lambda: model.predict(rows, name))
    row["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return row


def _seconds(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def times(options: Options) -> Iterator[Row]:
    """Rows of the table: a table and a model each, repeated."""
    methods = [ours.NAME] * ours.is_there() + ["EM mixture"]
    context = multiprocessing.get_context("spawn")
    for seed in range(options.n_splits):
        for name, frame in tables(options).items():
            for method in filter(options.has, methods):
                with ProcessPoolExecutor(1, context) as pool:
                    row = pool.submit(once, method, frame, seed, options.parameters).result()
                yield {"table": name, "method": method, "split": seed} | row
