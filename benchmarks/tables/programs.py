"""Peers, run in a separate environment: `python programs.py NAME GIVEN.npz FOUND.npz`.

Arrays have numbers and codes of categories, NaN for missing ones; `is_code` marks the columns of
categories. Nothing of skrbm is imported.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd


def _frame(X, is_code):
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    for name, code in zip(frame.columns, is_code, strict=True):
        if code:
            known = frame[name].dropna()
            kind = pd.CategoricalDtype(np.unique(known.astype(int)))
            frame[name] = frame[name].astype("Int64").astype(kind)
    return frame


def _array(frame, names):
    frame = frame[list(names)]
    return np.stack([frame[x].astype(float).to_numpy() for x in frame.columns], axis=1)


def miceforest(X, is_code, seed):
    """Impute by chained boosted trees: one data set, five iterations.

    Categories are drawn with their probabilities: its default, the nearest log odds, fails when a
    probability is 1.
    """
    import miceforest as mf

    frame = _frame(X, is_code)
    strategy = {x: "fast" for x, code in zip(frame.columns, is_code, strict=True) if code}
    kernel = mf.ImputationKernel(
        frame, num_datasets=1, mean_match_strategy=strategy or "normal", random_state=int(seed)
    )
    kernel.mice(5, num_threads=1)
    return {"X": _array(kernel.complete_data(0), frame.columns)}


def missforest(X, is_code, seed):
    """Impute by chained boosted trees of LightGBM, the default of the package."""
    from missforest import MissForest

    np.random.seed(int(seed))  # noqa: NPY002
    frame = _frame(X, np.zeros_like(is_code))  # of categories, it takes codes
    categories = [x for x, code in zip(frame.columns, is_code, strict=True) if code]
    imputer = MissForest(categorical=categories or None, verbose=0)
    return {"X": _array(imputer.fit_transform(frame), frame.columns)}


def arf(X, is_code, seed, n):
    """Generate rows by adversarial random forests."""
    from arfpy import arf

    np.random.seed(int(seed))  # noqa: NPY002
    np.in1d = np.isin  # noqa: NPY201, removed from numpy
    frame = _frame(X, is_code)
    model = arf.arf(frame, verbose=False, random_state=int(seed))
    model.forde()
    return {"X": _array(model.forge(int(n)), frame.columns)}


def _xgboost(X, is_code, *, one_hot):
    """Rows and the classifier; each category a column of zeros and ones, or as it is."""
    from xgboost import XGBClassifier

    model = XGBClassifier(enable_categorical=True, random_state=0, n_jobs=2)
    if not one_hot:
        return _frame(X, is_code), model
    blocks = [X[:, ~is_code]]
    for j in np.flatnonzero(is_code):
        blocks.append((X[:, [j]] == np.unique(X[:, j])).astype(float))
    return np.hstack(blocks), model


def detect(real, generated, is_code):
    """Detection by XGBoost: unseen rows, in three folds."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    y = np.repeat([1, 0], [len(real), len(generated)])
    X, model = _xgboost(np.concatenate([real, generated]), is_code, one_hot=True)
    aucs = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
        p = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
        aucs.append(roc_auc_score(y[test], p))
    return {"auc": np.array(aucs)}


def classify(train, test, is_code, target):
    """Area under the curve of XGBoost, trained on some rows, on other ones."""
    from sklearn.metrics import roc_auc_score

    target = int(target)
    others = np.delete(np.arange(train.shape[1]), target)
    X, model = _xgboost(np.concatenate([train, test])[:, others], is_code[others], one_hot=True)
    model.fit(X[: len(train)], train[:, target].astype(int))
    p = model.predict_proba(X[len(train) :])[:, 1]
    return {"auc": np.array(roc_auc_score(test[:, target], p))}


def main():
    """Run one of the functions above on the arrays of a file."""
    name, given, found = sys.argv[1:]
    warnings.simplefilter("ignore")
    with np.load(given) as file:
        arrays = dict(file)
    start = time.perf_counter()
    result = globals()[name](**arrays)
    np.savez(found, seconds=np.array(time.perf_counter() - start), **result)


if __name__ == "__main__":
    main()
