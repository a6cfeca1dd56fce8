"""Every column predicted from the others by one fit, and by boosted trees fitted for it alone.

"score" is R2 for numbers and the accuracy for categories, at least 0. "above constant" is R2 for
numbers, and for categories the share of the errors of the most frequent one that is avoided.
"ratio" is the mean score of a table, divided by the mean score of boosted trees. "ECE" is the
expected calibration error of the probability of the predicted category, in ten bins of equal width.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

from benchmarks.tables import ours
from benchmarks.tables.data import CHOSEN_ON, TABLES, codes, is_number, split
from benchmarks.tables.measures import boosted
from benchmarks.tables.options import Options, Row

BOOSTED = "boosted trees"
CONSTANT = "constant"
N_TRAIN, N_TEST = 10_000, 2_000


def calibration_error(correct: np.ndarray, confidence: np.ndarray, n_bins: int = 10) -> float:
    """Mean of |accuracy - mean confidence| over bins of the confidence, weighted by their rows."""
    index = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(index, correct - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(correct))


def of_number(train: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> Row:
    """Scores of predicted numbers."""
    if np.ptp(truth) == 0:
        return {}
    score = max(0.0, r2_score(truth, predicted))
    return {"score": score, "above constant": score}


def of_category(train: np.ndarray, truth: np.ndarray, p: np.ndarray, classes: np.ndarray) -> Row:
    """Scores of predicted categories, and the calibration error of their probabilities."""
    values, counts = np.unique(train, return_counts=True)
    chance = (truth == values[counts.argmax()]).mean()
    correct = classes[p.argmax(axis=1)] == truth
    row: Row = {"score": correct.mean(), "ECE": calibration_error(correct, p.max(axis=1))}
    if chance < 1:
        row["above constant"] = max(0.0, (correct.mean() - chance) / (1 - chance))
    return row


def _of_constant(train: np.ndarray, truth: np.ndarray, *, is_code: bool) -> Row:
    if not is_code:
        return of_number(train, truth, np.full(len(truth), train.mean()))
    classes, counts = np.unique(train, return_counts=True)
    p = np.tile(counts / counts.sum(), (len(truth), 1))
    return of_category(train, truth, p, classes)


def _of_boosted(X: np.ndarray, n: int, is_code: np.ndarray, j: int) -> Row:
    """Fit for column j of the first n rows, and score the other ones."""
    y, others = X[:, j], np.delete(np.arange(X.shape[1]), j)
    known = ~np.isnan(y)
    n, y, X, kinds = known[:n].sum(), y[known], X[known][:, others], is_code[others]
    model = boosted(kinds, X)
    if not is_code[j]:
        regressor = HistGradientBoostingRegressor(
            categorical_features=model.categorical_features, early_stopping=False, random_state=0
        )
        return of_number(y[:n], y[n:], regressor.fit(X[:n], y[:n]).predict(X[n:]))
    if len(np.unique(y[:n])) == 1:
        return {}
    model.fit(X[:n], y[:n])
    return of_category(y[:n], y[n:], model.predict_proba(X[n:]), model.classes_)


def _of_ours(model: object, train: pd.Series, test: pd.DataFrame, name: str) -> Row:
    test = test[test[name].notna()]
    asked = test.assign(**{name: test[name].where(np.zeros(len(test), bool))})
    if is_number(train):
        truth = test[name].to_numpy(float)
        return of_number(train.dropna().to_numpy(float), truth, model.predict(asked, name))
    p, classes = model.predict_proba(asked, name), np.asarray(model.classes_[name], object)
    return of_category(
        train.dropna().astype(object).to_numpy(), test[name].astype(object).to_numpy(), p, classes
    )


def answered(
    name: str, train: pd.DataFrame, test: pd.DataFrame, seed: int, options: Options
) -> Iterator[Row]:
    """A row per column and method."""
    X, is_code = codes(pd.concat([train, test]))
    if ours.is_there() and options.has(ours.NAME):
        model = ours.fresh(seed, options.parameters).fit(train)
        for column in train.columns:
            row = _of_ours(model, train[column], test, column)
            yield {"method": ours.NAME, "column": column} | row
    for j, column in enumerate(train.columns):
        first, last = X[: len(train), j], X[len(train) :, j]
        first, last = first[~np.isnan(first)], last[~np.isnan(last)]
        if options.has(CONSTANT):
            row = _of_constant(first, last, is_code=is_code[j])
            yield {"method": CONSTANT, "column": column} | row
        if options.has(BOOSTED):
            row = _of_boosted(X, len(train), is_code, j)
            yield {"method": BOOSTED, "column": column} | row


def answer(options: Options) -> Iterator[Row]:
    """Rows of the table: a split, a table, a method and a column each."""
    for seed in range(options.n_splits):
        for name in options.tables_of(CHOSEN_ON):
            train, test = split(options.rows_of(TABLES[name](), N_TRAIN + N_TEST, seed), seed)
            key = {"table": name, "split": seed}
            for row in answered(name, train, test[:N_TEST], seed, options):
                yield key | row


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over columns, with ratios."""
    keys = ["table", "split", "method"]
    means = frame.drop(columns="column").groupby(keys, sort=False).mean()
    best = means.xs(BOOSTED, level="method") if BOOSTED in set(frame["method"]) else None
    if best is not None:
        means["ratio"] = means["score"] / best["score"]
        means["ratio above"] = means["above constant"] / best["above constant"]
    means = means.reset_index()
    return pd.concat([means, means.assign(table="all")])
