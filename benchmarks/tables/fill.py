"""Missing cells: errors of imputed values, and the coverage of intervals of draws.

Iris, wine, breast cancer and white wine lose a fifth of their cells completely at random; "MAE" is
the mean absolute error, each column scaled to [0, 1]. Of eight mixed tables, at most 500 complete
rows lose cells in three ways; the package MissForest is too slow for them. "NRMSE" is the root of
the mean squared error of numbers in standard deviations of their column, "wrong" the share of wrong
categories, and "rank" the mean of the ranks of both among the methods.

A 95 % interval lies between the least and the greatest of 39 draws: "covered" is the share of
missing numbers in it, ends included. "covered, ties" counts a number equal to an end with the
probability that it would be inside if equal draws were in random order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from benchmarks.tables import environment, ours
from benchmarks.tables.data import NUMERIC, TABLES, codes, numeric_table
from benchmarks.tables.forests import constant, missforest
from benchmarks.tables.holes import MECHANISMS, holes
from benchmarks.tables.options import Options, Row

MIXED = (
    "yrbss",
    "flchain",
    "gss_wages",
    "attrition",
    "lending_club",
    "german",
    "adult",
    "default",
)
SHARES = (0.1, 0.3, 0.5)
N_DRAWS = 39
_MOST_ROWS = 500  # of a mixed table, for which there are nine ways to lose cells
KEYS = ["table", "share", "mechanism", "split"]
Filler = Callable[[pd.DataFrame, int], np.ndarray]


def _peer(program: str, **more: float) -> Filler:
    def fill(frame: pd.DataFrame, seed: int) -> np.ndarray:
        X, is_code = codes(frame)
        return environment.run(program, X=X, is_code=is_code, seed=seed, **more)["X"]

    return fill


def _iterative(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Linear models of numbers and codes in turn; codes are rounded."""
    X, is_code = codes(frame)
    filled = IterativeImputer(random_state=seed, keep_empty_features=True).fit_transform(X)
    rounded = np.rint(filled).clip(0, np.nanmax(X, axis=0))
    return np.where(is_code, rounded, filled)


def _constant(frame: pd.DataFrame, seed: int) -> np.ndarray:
    return constant(*codes(frame))


def _forests(frame: pd.DataFrame, seed: int) -> np.ndarray:
    return missforest(*codes(frame), seed)


def _neighbours(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Five nearest rows: numbers in standard deviations, categories as columns of 0 and 1."""
    X, is_code = codes(frame)
    blocks = []
    for x, code in zip(X.T, is_code, strict=True):
        if code:
            one_hot = (x[:, None] == np.arange(np.nanmax(x) + 1)) / np.sqrt(2)
            blocks.append(np.where(np.isnan(x)[:, None], np.nan, one_hot))
        else:
            blocks.append((x[:, None] - np.nanmean(x)) / (np.nanstd(x) or 1))
    found = KNNImputer(keep_empty_features=True).fit_transform(np.hstack(blocks))
    parts = np.split(found, np.cumsum([x.shape[1] for x in blocks])[:-1], axis=1)
    for j, part in enumerate(parts):
        x = X[:, j]
        new = part.argmax(axis=1) if is_code[j] else part[:, 0] * np.nanstd(x) + np.nanmean(x)
        X[:, j] = np.where(np.isnan(x), new, x)
    return X


METHODS: dict[str, Filler] = {
    "miceforest": _peer("miceforest"),
    "MissForest": _forests,
    "MissForest 4.2.3": _peer("missforest"),
    "KNNImputer": _neighbours,
    "IterativeImputer": _iterative,
    "mean or mode": _constant,
}
OF_MIXED = {name: fill for name, fill in METHODS.items() if name != "MissForest 4.2.3"}


def errors(table: pd.DataFrame, filled: np.ndarray, missing: np.ndarray) -> Row:
    """Errors in the missing cells."""
    X, is_code = codes(table)
    spread = X.std(axis=0)
    wanted = missing & ~is_code & (spread > 0)
    error = (filled - X) / np.where(spread > 0, spread, 1)
    scaled = (filled - X) / np.where(spread > 0, np.ptp(X, axis=0), 1)
    row: Row = {"MAE": np.abs(scaled[wanted]).mean(), "NRMSE": np.sqrt((error[wanted] ** 2).mean())}
    if (missing & is_code).any():
        row["wrong"] = (np.rint(filled) != X)[missing & is_code].mean()
    return row


def coverage(table: pd.DataFrame, draws: np.ndarray, missing: np.ndarray, seed: int) -> Row:
    """Shares of missing numbers between the least and the greatest draw."""
    X, is_code = codes(table)
    wanted = missing & ~is_code
    truth, drawn = X[wanted], draws[:, wanted]
    inside = (drawn.min(axis=0) <= truth) & (truth <= drawn.max(axis=0))
    less, equal = (drawn < truth).sum(axis=0), (drawn == truth).sum(axis=0)
    rank = less + np.random.default_rng(seed).integers(0, equal + 1)
    in_order = (rank > 0) & (rank < len(draws))
    return {"covered": inside.mean(), "covered, ties": in_order.mean()}


def _ours(table: pd.DataFrame, missing: np.ndarray, seed: int, options: Options) -> Iterator[Row]:
    """Means, the coverage of draws, and medians of tables of numbers."""
    frame = table.mask(missing)
    start = time.perf_counter()
    model = ours.fresh(seed, options.parameters).fit(frame)
    of_fit = time.perf_counter() - start

    def row(method: str) -> Row:
        start = time.perf_counter()
        filled = model.impute(frame, method=method, random_state=seed)
        seconds = of_fit + time.perf_counter() - start
        return errors(table, codes(filled)[0], missing) | {"seconds": seconds}

    means = {"method": ours.NAME} | row("mean")
    draws = model.impute(frame, method="draw", n_draws=N_DRAWS, random_state=seed)
    yield means | coverage(table, np.stack([codes(x)[0] for x in draws]), missing, seed)
    if not codes(table)[1].any():
        yield {"method": f"{ours.NAME}, medians"} | row("median")


def measured(
    table: pd.DataFrame,
    missing: np.ndarray,
    seed: int,
    options: Options,
    methods: dict[str, Filler],
) -> Iterator[Row]:
    """A row of errors per method; only the name of a method that fails."""
    if ours.is_there() and options.has(ours.NAME):
        yield from _ours(table, missing, seed, options)
    frame = table.mask(missing)
    for method, fill in methods.items():
        if options.has(method):
            start = time.perf_counter()
            try:
                filled = fill(frame, seed)
            except RuntimeError as error:
                yield {"method": method, "failure": str(error)}
                continue
            seconds = time.perf_counter() - start
            yield {"method": method, "seconds": seconds} | errors(table, filled, missing)


def fill(options: Options) -> Iterator[Row]:
    """Rows of the table: a split, a table, a way to lose cells and a method each."""
    for seed in range(options.n_splits):
        for name in options.tables_of(NUMERIC):
            table = numeric_table(name).astype(float)
            missing = holes(table, 0.2, "MCAR", seed)
            key = {"table": name, "share": 0.2, "mechanism": "MCAR", "split": seed}
            for row in measured(table, missing, seed, options, METHODS):
                yield key | row
        for name in options.tables_of(MIXED):
            table = TABLES[name]().dropna(axis=1, thresh=0.5 * len(TABLES[name]())).dropna()
            table = options.rows_of(table, _MOST_ROWS, seed).reset_index(drop=True)
            for share in SHARES[1:2] if options.quick else SHARES:
                for mechanism in MECHANISMS:
                    missing = holes(table, share, mechanism, seed)
                    key = {"table": name, "share": share, "mechanism": mechanism, "split": seed}
                    for row in measured(table, missing, seed, options, OF_MIXED):
                        yield key | row


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with ranks, and the mixed tables as one."""
    frame = frame.drop(columns=["failure"], errors="ignore")
    mixed = frame["table"].isin(MIXED)
    of_numbers, others = frame[~mixed], frame[mixed]
    if len(others):
        measures = [x for x in ("NRMSE", "wrong") if x in others]
        ranks = others.groupby(KEYS)[measures].rank(na_option="bottom")
        others = others.assign(rank=ranks.mean(axis=1), table="mixed").drop(columns="MAE")
        every = others.assign(share="all", mechanism="all")
        others = pd.concat([others, every])
    return pd.concat([of_numbers, others])
