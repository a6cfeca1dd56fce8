"""MissForest as it was published, with scikit-learn's forests (Stekhoven and Buehlmann, 2012).

The package MissForest 4.2.3 also fits its forests to rows whose target it has guessed, so that
categories keep their first guess.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer


def constant(X: np.ndarray, is_code: np.ndarray) -> np.ndarray:
    """Fill in means of numbers and the most frequent codes."""
    mean, mode = (
        SimpleImputer(strategy=x, keep_empty_features=True).fit_transform(X)
        for x in ("mean", "most_frequent")
    )
    return np.where(is_code, mode, mean)


def missforest(X: np.ndarray, is_code: np.ndarray, seed: int, max_iter: int = 10) -> np.ndarray:
    """Predict each column from the others by a forest of 100 trees, in turn.

    Columns with fewer missing cells come first. The result is the iteration before the differences
    between iterations, of numbers and of codes, grow.
    """
    missing = np.isnan(X)
    filled, before = constant(X, is_code), np.full(2, np.inf)
    for _ in range(max_iter):
        last, filled = filled, _sweep(X, filled, is_code, seed)
        change = (filled - last)[:, ~is_code]
        scale = max((filled[:, ~is_code] ** 2).sum(), 1e-300)
        different = (filled != last)[missing & is_code]
        now = np.array([(change**2).sum() / scale, different.mean() if different.size else 0])
        there = np.array([not is_code.all(), bool(is_code.any())])
        if (now >= before)[there].all():
            return last
        before = now
    return filled


def _sweep(X: np.ndarray, filled: np.ndarray, is_code: np.ndarray, seed: int) -> np.ndarray:
    filled, missing = filled.copy(), np.isnan(X)
    for j in np.argsort(missing.sum(axis=0), kind="stable"):
        unknown = missing[:, j]
        if not unknown.any() or unknown.all():
            continue
        forest = RandomForestClassifier if is_code[j] else RandomForestRegressor
        model = forest(max_features="sqrt", random_state=seed)
        others = np.delete(filled, j, axis=1)
        model.fit(others[~unknown], X[~unknown, j])
        filled[unknown, j] = model.predict(others[unknown])
    return filled
