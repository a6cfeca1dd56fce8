"""Mixtures of independent columns, by EM, over the same codes of the cells as `TabularRBM`.

So their densities are with respect to the same measure. One component is independent columns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from benchmarks.tables.data import split
from skrbm.data.tables import Table

_SIZES = (4, 16, 64, 256)


class TableMixture:
    """Mixture of independent columns; each component has `prior` rows more, like all of them.

    Parameters
    ----------
    n_components : int, default=256
        With 256, a mixture has as many parameters as `TabularRBM` with its defaults.
    prior : float, default=1.0
    random_state : int, default=0
    """

    def __init__(self, n_components: int = 256, prior: float = 1.0, random_state: int = 0) -> None:
        self.n_components = n_components
        self.prior = prior
        self.random_state = random_state

    def fit(self, X: pd.DataFrame) -> TableMixture:
        """At most 200 steps of EM, until one gains less than 0.001 nats per row."""
        rng = np.random.default_rng(self.random_state)
        self.table_ = Table.of(X)
        self._blocks = np.repeat(np.arange(len(self.table_.n_codes)), self.table_.n_codes)
        rows = self._rows(self.table_.encode(X))
        mean = self._normalised(rows.sum(axis=0, keepdims=True) + 0.5)
        first = rng.permutation(len(rows))[: self.n_components]
        self._set(np.full(len(first), 1 / len(first)), (rows[first] + mean) / 2, mean)
        before = -np.inf
        for _ in range(200):
            joint = self._joint(rows)
            log_p = logsumexp(joint, axis=1, keepdims=True)
            shares = np.exp(joint - log_p)
            weights = shares.sum(axis=0, dtype=float) + self.prior
            self._set(weights / weights.sum(), shares.T @ rows, mean)
            now = log_p.mean(dtype=float)
            if now - before < 1e-3:
                break
            before = now
        return self

    def _set(self, weights: np.ndarray, counts: np.ndarray, mean: np.ndarray) -> None:
        self._log_weights = np.log(weights).astype(np.float32)
        p = self._normalised(counts + self.prior * mean)
        self._log_p = np.log(p).astype(np.float32)

    def _normalised(self, counts: np.ndarray) -> np.ndarray:
        """Each block of codes divided by its sum."""
        starts = np.flatnonzero(np.diff(self._blocks, prepend=-1))
        sums = np.add.reduceat(counts, starts, axis=1)
        return counts / np.repeat(sums, np.diff([*starts, len(self._blocks)]), axis=1)

    def _rows(self, codes: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self.table_.one_hot(codes), copy=False)

    def _joint(self, rows: np.ndarray) -> np.ndarray:
        return rows @ self._log_p.T + self._log_weights

    def score_samples(self, X: pd.DataFrame) -> np.ndarray:
        """Log density of each row, in nats."""
        codes = self.table_.encode(X)
        within = self.table_.log_density(X, codes).sum(axis=1)
        return logsumexp(self._joint(self._rows(codes)), axis=1) + within

    def score(self, X: pd.DataFrame) -> float:
        """Mean log density of rows."""
        return float(self.score_samples(X).mean())

    def cell_scores(self, X: pd.DataFrame) -> np.ndarray:
        """Log density of each known cell given the other ones of its row; NaN for missing ones."""
        codes = self.table_.encode(X)
        rows = self._rows(codes)
        joint = self._joint(rows)
        log_p = logsumexp(joint, axis=1)
        found = self.table_.log_density(X, codes)
        for i in range(codes.shape[1]):
            block = self._blocks == i
            others = logsumexp(joint - rows[:, block] @ self._log_p[:, block].T, axis=1)
            found[:, i] += log_p - others
        return np.where(codes < 0, np.nan, found)

    def sample(self, n_samples: int, *, random_state: int = 0) -> pd.DataFrame:
        """Draw rows."""
        rng = np.random.default_rng(random_state)
        weights = np.exp(self._log_weights.astype(float))
        component = rng.choice(len(weights), size=n_samples, p=weights / weights.sum())
        codes = np.full((n_samples, len(self.table_.n_codes)), -1)
        for i in range(codes.shape[1]):
            cumulated = np.cumsum(np.exp(self._log_p[:, self._blocks == i]), axis=1)
            u = rng.random((n_samples, 1)) * cumulated[component, -1:]
            codes[:, i] = (cumulated[component] <= u).sum(axis=1)
        return self.table_.decode(codes, rng)


def independent(seed: int = 0) -> TableMixture:
    """Independent columns."""
    return TableMixture(1, random_state=seed)


def best_mixture(X: pd.DataFrame, seed: int = 0) -> TableMixture:
    """The mixture whose number of components is best on a quarter of the rows."""
    train, held_out = split(X, seed, test=0.25)
    sizes = [n for n in _SIZES if n <= len(train)]
    fits = [TableMixture(n, random_state=seed).fit(train).score(held_out) for n in sizes]
    return TableMixture(sizes[int(np.argmax(fits))], random_state=seed).fit(X)
