"""Generated rows: detection among real rows, and use in their place.

Each model generates as many rows as it was trained on. Detection compares held-out rows with
equally many generated ones; "training rows" is the published protocol, all training rows with as
many generated ones. Shapes and trends compare with the training rows too. AUC is measured on
held-out rows, for a classifier trained on generated rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from benchmarks.tables import environment, ours
from benchmarks.tables.copula import by_copula
from benchmarks.tables.data import TABLES, codes, decoded, split
from benchmarks.tables.measures import detection, shapes, trends, tstr
from benchmarks.tables.mixture import TableMixture, independent
from benchmarks.tables.options import Options, Row

TARGETS = {"adult": "income", "default": "default"}
Generator = Callable[[pd.DataFrame, int], pd.DataFrame]


def _peer(program: str, train: pd.DataFrame, seed: int) -> pd.DataFrame:
    X, is_code = codes(train)
    found = environment.run(program, X=X, is_code=is_code, seed=seed, n=len(train))
    return decoded(found["X"], train)


def _by_model(make: Callable[[int], TableMixture], train: pd.DataFrame, seed: int) -> pd.DataFrame:
    return make(seed).fit(train).sample(len(train), random_state=seed)


def _by_mixture(seed: int) -> TableMixture:
    return TableMixture(random_state=seed)


def generators(options: Options) -> dict[str, Generator]:
    """Functions of training rows and a seed that generate as many rows."""
    every: dict[str, Generator] = {}
    if ours.is_there():
        every[ours.NAME] = partial(_by_model, partial(ours.fresh, parameters=options.parameters))
    every |= {
        "EM mixture": partial(_by_model, _by_mixture),
        "arfpy": partial(_peer, "arf"),
        "Gaussian copula": by_copula,
        "independent": partial(_by_model, independent),
        "real rows": lambda train, seed: train,
    }
    return {name: make for name, make in every.items() if options.has(name)}


def judged(train: pd.DataFrame, test: pd.DataFrame, new: pd.DataFrame, target: str) -> Row:
    """All measures of generated rows."""
    return {
        "boosted": detection(test, new),
        "xgboost": detection(test, new, "xgboost"),
        "xgboost, training rows": detection(train, new, "xgboost"),
        "shapes": shapes(train, new),
        "trends": trends(train, new),
        "AUC": tstr(new, test, target),
        "AUC xgboost": tstr(new, test, target, "xgboost"),
    }


def generate(options: Options) -> Iterator[Row]:
    """Rows of the table: a split, a table and a generator each."""
    for seed in range(options.n_splits):
        for name in options.tables_of(TARGETS):
            train, test = split(options.rows_of(TABLES[name]()), seed)
            for method, make in generators(options).items():
                start = time.perf_counter()
                new = make(train, seed)
                seconds = time.perf_counter() - start
                row = {"table": name, "method": method, "split": seed, "seconds": seconds}
                yield row | judged(train, test, new, TARGETS[name])
