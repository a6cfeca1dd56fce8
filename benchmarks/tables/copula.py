"""A Gaussian copula of the ranks of numbers and categories, with their observed shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from benchmarks.tables.data import codes, decoded


def by_copula(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw as many rows as in training: normal scores of their correlation, then observed values.

    Equal values have their ranks in random order; categories are ordered by their frequency.
    """
    rng = np.random.default_rng(seed)
    X, is_code = codes(train)
    order = X.copy()
    for j in np.flatnonzero(is_code):
        order[:, j] = -np.bincount(X[:, j].astype(int))[X[:, j].astype(int)]
    keys = zip(order.T, X.T, strict=True)
    order = np.stack([np.lexsort((rng.random(len(x)), y, x)) for x, y in keys], axis=1)
    ranks = np.argsort(order, axis=0)
    scores = ndtri((ranks + 0.5) / len(X))
    drawn = rng.multivariate_normal(np.zeros(X.shape[1]), np.corrcoef(scores.T), len(X))
    place = np.minimum((ndtr(drawn) * len(X)).astype(int), len(X) - 1)
    sorted_values = np.take_along_axis(X, order, axis=0)
    return decoded(np.take_along_axis(sorted_values, place, axis=0), train)
