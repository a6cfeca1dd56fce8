"""Cells that go missing: completely at random, at random, or not at random."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import rankdata

from benchmarks.tables.data import codes

MECHANISMS = ("MCAR", "MAR", "MNAR")


def holes(table: pd.DataFrame, share: float, mechanism: str, seed: int) -> np.ndarray:
    """Mask of the cells of a complete table that go missing.

    MCAR: each with the same probability. MAR: a random third of the columns stays complete, and the
    log odds of a cell in the others are a random linear function of them. MNAR: the log odds of a
    cell are a linear function of its own value. Values are ranks from -1.7 to 1.7, for categories
    in random order. The share is the mean probability in each column that loses cells.
    """
    rng = np.random.default_rng(seed)
    Z = _ranks(table, rng)
    if mechanism == "MCAR":
        return rng.random(Z.shape) < share
    slopes = rng.choice([-2.0, 2.0], Z.shape[1])
    log_odds = Z * slopes
    complete = np.zeros(Z.shape[1], bool)
    if mechanism == "MAR":
        complete[rng.permutation(len(complete))[: max(1, len(complete) // 3)]] = True
        weights = rng.normal(size=(complete.sum(), Z.shape[1]))
        weights *= 2 / np.sqrt((weights**2).sum(axis=0))
        log_odds = Z[:, complete] @ weights
    p = np.stack([_with_mean(x, share) for x in log_odds.T], axis=1)
    return (rng.random(Z.shape) < p) & ~complete


def _ranks(table: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    X, is_code = codes(table)
    for j in np.flatnonzero(is_code):
        X[:, j] = rng.permutation(int(X[:, j].max()) + 1)[X[:, j].astype(int)]
    ranks = (rankdata(X, axis=0) - 0.5) / len(X)
    return (ranks - 0.5) * 2 * 1.7


def _with_mean(log_odds: np.ndarray, share: float) -> np.ndarray:
    """Probabilities of these log odds and a constant, whose mean is the share."""
    constant = brentq(lambda b: expit(log_odds + b).mean() - share, -20, 20)
    return expit(log_odds + constant)
