"""Comparisons for the report that are small parts of larger experiments."""

from __future__ import annotations

import warnings

import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks import generalisation, honest_digits
from benchmarks.records import Row
from benchmarks.tables.fill import fill
from benchmarks.tables.options import Options

SPLITS = 3
IMPUTERS = ("TabularRBM", "MissForest", "KNNImputer", "IterativeImputer", "mean or mode")
DENSITIES = (generalisation.DEFAULT, "full normal", "full mixture")


def features() -> list[Row]:
    """Accuracy of a logistic regression on features of digits: a row per split."""
    return honest_digits.accuracies()


def gaps() -> list[Row]:
    """Errors of imputed cells, a fifth of them missing at random: a row per split."""
    tables = "iris", "wine", "breast cancer"
    options = Options(n_splits=SPLITS, tables=tables, methods=IMPUTERS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows = pd.DataFrame(fill(options))
    return rows[["table", "method", "split", "MAE", "seconds"]].to_dict("records")


def densities() -> list[Row]:
    """Held-out log-densities of few real columns, with all training rows: a row per split."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            {"data": name, "split": split, "estimator": estimator}
            | generalisation.score(name, "1", split, estimator)
            for name in ("iris", "wine", "breast cancer", "diabetes")
            for split in range(SPLITS)
            for estimator in DENSITIES
        ]
