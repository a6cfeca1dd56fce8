"""Quality of generated rows. Each score is 1 if they are indistinguishable from real ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.tables import environment
from benchmarks.tables.data import codes, is_number

_MOST_CATEGORIES = 255  # of scikit-learn's boosted trees; more of them are treated as numbers


def boosted(is_code: np.ndarray, X: np.ndarray) -> HistGradientBoostingClassifier:
    """Boosted trees with scikit-learn's defaults, 100 trees, which take codes as categories."""
    few = np.array([np.nanmax(x, initial=0) < _MOST_CATEGORIES for x in X.T])
    return HistGradientBoostingClassifier(
        categorical_features=is_code & few, early_stopping=False, random_state=0
    )


def _both(first: pd.DataFrame, second: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the rows of two frames; a category has one code in both."""
    rows = {}
    for name in first.columns:
        pair = first[name], second[name]
        if not is_number(first[name]):
            pair = tuple(x.astype(object) for x in pair)
        rows[name] = pd.concat(pair, ignore_index=True)
        if not is_number(first[name]):
            rows[name] = rows[name].astype("category")
    return codes(pd.DataFrame(rows))


def detection(real: pd.DataFrame, generated: pd.DataFrame, model: str = "boosted") -> float:
    """1 - mean over three folds of 2 max(AUC, 1/2) - 1 of a classifier of real and generated rows.

    Equally many of both are taken. "boosted" is scikit-learn's, "xgboost" XGBoost with a column of
    zeros and ones for each category, as in the published protocol. Both have their defaults.
    """
    n = min(len(real), len(generated))
    X, is_code = _both(real[:n], generated[:n])
    if model == "xgboost":
        aucs = environment.run("detect", real=X[:n], generated=X[n:], is_code=is_code)["auc"]
    else:
        y = np.repeat([1, 0], n)
        folds = StratifiedKFold(3, shuffle=True, random_state=0).split(X, y)
        aucs = [_auc(X, y, is_code, *fold) for fold in folds]
    return float(1 - np.mean(2 * np.maximum(aucs, 0.5) - 1))


def _auc(
    X: np.ndarray, y: np.ndarray, is_code: np.ndarray, train: np.ndarray, test: np.ndarray
) -> float:
    p = boosted(is_code, X).fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    return float(roc_auc_score(y[test], p))


def shapes(real: pd.DataFrame, generated: pd.DataFrame) -> float:
    """Mean over columns of 1 - Kolmogorov-Smirnov (numbers) or 1 - total variation (categories)."""
    return float(np.mean([_shape(real[x], generated[x]) for x in real.columns]))


def _shape(real: pd.Series, generated: pd.Series) -> float:
    if is_number(real):
        return 1 - ks_2samp(real.dropna(), generated.dropna()).statistic
    return _overlap(_shares(real.astype(object)), _shares(generated.astype(object)))


def _shares(keys: pd.Series | pd.DataFrame) -> pd.Series:
    return keys.value_counts(normalize=True, dropna=True)


def _overlap(p: pd.Series, q: pd.Series) -> float:
    """1 - total variation of two distributions."""
    return float(1 - p.sub(q, fill_value=0).abs().sum() / 2)


def trends(real: pd.DataFrame, generated: pd.DataFrame) -> float:
    """Mean over pairs of columns of 1 - |difference of the correlations| / 2 of two numbers.

    Pairs with a category score 1 - total variation of both columns; numbers are in ten bins of the
    range of the real ones.
    """
    keys = [_binned(real, x) for x in (real, generated)]
    found = []
    for first, second in combinations(real.columns, 2):
        pair = [first, second]
        if is_number(real[first]) and is_number(real[second]):
            rho = [x[pair].corr().iloc[0, 1] for x in (real, generated)]
            found.append(1 - abs(rho[0] - rho[1]) / 2)
        else:
            found.append(_overlap(*(_shares(x[pair]) for x in keys)))
    return float(np.nanmean(found))


def _binned(real: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Every column as the codes of categories, or of ten bins and the two tails."""
    columns = {}
    for name in real.columns:
        if is_number(real[name]):
            values = real[name].dropna().to_numpy(float)
            edges = np.histogram_bin_edges(values, 10)[1:-1]
            column = frame[name].to_numpy(float, na_value=np.nan)
            columns[name] = np.where(np.isnan(column), np.nan, np.searchsorted(edges, column))
        else:
            columns[name] = frame[name].astype(object).to_numpy()
    return pd.DataFrame(columns)


def tstr(train: pd.DataFrame, test: pd.DataFrame, target: str, model: str = "boosted") -> float:
    """Area under the curve, on real rows, of a classifier trained on generated (or other) ones."""
    X, is_code = _both(train, test)
    j, n = train.columns.get_loc(target), len(train)
    if model == "xgboost":
        found = environment.run("classify", train=X[:n], test=X[n:], is_code=is_code, target=j)
        return float(found["auc"])
    y, others = X[:, j], np.delete(np.arange(X.shape[1]), j)
    X, is_code = X[:, others], is_code[others]
    p = boosted(is_code, X).fit(X[:n], y[:n]).predict_proba(X[n:])[:, 1]
    return float(roc_auc_score(y[n:], p))
