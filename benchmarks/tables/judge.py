"""Densities: the nats of held-out rows, and the detection of wrong cells.

Nats are mean log densities of held-out rows. In half of them, one cell is then replaced by the cell
of another row. "AUC" is the area under the curve of the negative log density of a row, "of cells"
of its least probable cell; the latter also names the cell. "ratio" divides the probability of each
cell given the others by its probability in the column alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from benchmarks.tables import ours
from benchmarks.tables.data import CHOSEN_ON, TABLES, codes, split
from benchmarks.tables.mixture import TableMixture, best_mixture, independent
from benchmarks.tables.options import Options, Row

FOREST = "IsolationForest"


def models(train: pd.DataFrame, seed: int, options: Options) -> Iterator[tuple[str, Any]]:
    """Fitted densities."""
    if ours.is_there() and options.has(ours.NAME):
        yield ours.NAME, ours.fresh(seed, options.parameters).fit(train)
    if options.has("independent"):
        yield "independent", independent(seed).fit(train)
    if options.has("EM mixture"):
        yield "EM mixture", TableMixture(random_state=seed).fit(train)
    if options.has("best mixture"):
        yield "best mixture", best_mixture(train, seed)


def swapped(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows, in half of which one cell comes from another row; and its column, or -1.

    The new value differs from the old one, and neither is missing.
    """
    rng = np.random.default_rng(seed)
    X, is_code = codes(frame)
    where = np.full(len(X), -1)
    columns = {name: frame[name].array.copy() for name in frame.columns}
    for i in rng.permutation(len(X))[: len(X) // 2]:
        for _ in range(100):
            j, other = rng.integers(X.shape[1]), rng.integers(len(X))
            if np.abs(X[i, j] - X[other, j]) > 0:
                columns[frame.columns[j]][i] = frame[frame.columns[j]].array[other]
                where[i] = j
                break
    return pd.DataFrame(columns), where


def found(cells: np.ndarray, marginal: np.ndarray, where: np.ndarray) -> Row:
    """Areas under the curve of the least probable cells, and shares of them that were swapped."""
    row: Row = {}
    for name, scores in (("of cells", cells), ("ratio", cells - marginal)):
        scores = np.where(np.isnan(scores), np.inf, scores)
        is_swapped = where >= 0
        row[f"AUC {name}"] = roc_auc_score(is_swapped, -scores.min(axis=1))
        row[f"named {name}"] = (scores.argmin(axis=1) == where)[is_swapped].mean()
    return row


def _forest(train: pd.DataFrame, seed: int) -> Any:
    forest = IsolationForest(random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), forest).fit(codes(train)[0])


def judge(options: Options) -> Iterator[Row]:
    """Rows of the table: a split, a table and a model each."""
    for seed in range(options.n_splits):
        for name in options.tables_of([*CHOSEN_ON, "adult"]):
            train, test = split(options.rows_of(TABLES[name]()), seed)
            test = test[:5_000]
            wrong, where = swapped(test, seed)
            key = {"table": name, "split": seed}
            marginal = independent(seed).fit(train).cell_scores(wrong)
            start = time.perf_counter()
            for method, model in models(train, seed, options):
                row = key | {"method": method, "nats": float(model.score_samples(test).mean())}
                row["AUC"] = roc_auc_score(where >= 0, -model.score_samples(wrong))
                row |= found(model.cell_scores(wrong), marginal, where)
                yield row | {"seconds": time.perf_counter() - start}
                start = time.perf_counter()
            if options.has(FOREST):
                scores = -_forest(train, seed).score_samples(codes(wrong)[0])
                yield key | {"method": FOREST, "AUC": roc_auc_score(where >= 0, scores)}
