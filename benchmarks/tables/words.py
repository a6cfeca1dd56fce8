"""Five-letter words: held-out nats per letter, compared with second-order chains.

The words of five letters of Webster's dictionary are from the package `english-words`; a fifth of
them is held out. A chain predicts each letter from the two before it. Its tables are smoothed by
the next lower order, with pseudo-counts or by absolute discounting, and tables for each place of a
word are mixed with tables for all places, by the weight that is best on a fifth of the training
words.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.tables import ours
from benchmarks.tables.data import split
from benchmarks.tables.environment import package
from benchmarks.tables.mixture import best_mixture, independent
from benchmarks.tables.options import Options, Row

_LENGTH = 5
_N_LETTERS = 26
_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_DISCOUNTS = (0.3, 0.5, 0.7, 0.8, 0.9)
_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def words() -> pd.DataFrame:
    """A row per word, a column per letter."""
    file = package("english_words") / "data" / "web2_alpha_lower.pickle"
    every = pickle.loads(file.read_bytes())
    chosen = sorted(x for x in every if len(x) == _LENGTH and x.isascii() and x.isalpha())
    letters = [list(x) for x in chosen]
    names = [f"letter {i + 1}" for i in range(_LENGTH)]
    kind = pd.CategoricalDtype([chr(97 + i) for i in range(_N_LETTERS)])
    return pd.DataFrame(letters, columns=names).astype(kind)


def _codes(frame: pd.DataFrame) -> np.ndarray:
    return np.stack([frame[x].cat.codes for x in frame.columns], axis=1).astype(int)


class Chain:
    """Chain of letters, each given the two before it.

    p(c | ab) = (max(n(abc) - d, 0) + (s + d t(ab)) p(c | b)) / (n(ab) + s), where t(ab) is the
    number of different letters seen after ab, s the pseudo-count and d the discount; and likewise
    p(c | b) with p(c), which is smoothed by one pseudo-count of equal shares. Chains with tables
    for each place of a word are mixed with chains of one table for all places.

    Parameters
    ----------
    strength : float
        Pseudo-count s.
    discount : float
        Discount d.
    of_places : float
        Weight of the tables for each place.
    """

    def __init__(self, strength: float, discount: float, of_places: float) -> None:
        self.strength = strength
        self.discount = discount
        self.of_places = of_places

    def fit(self, codes: np.ndarray) -> Chain:
        """Count the letters of some words."""
        size = _N_LETTERS + 1  # the last one is the start of a word
        counts = np.zeros((_LENGTH, size, size, _N_LETTERS))
        for i, letters in enumerate(_triples(codes)):
            np.add.at(counts[i], letters, 1)
        of_all = self._table(counts.sum(axis=0, keepdims=True))
        self.p_ = self.of_places * self._table(counts) + (1 - self.of_places) * of_all
        return self

    def _table(self, counts: np.ndarray) -> np.ndarray:
        shares = (counts.sum(axis=(1, 2)) + 1 / _N_LETTERS)[:, None, None, :]
        shares = shares / shares.sum(axis=-1, keepdims=True)
        return self._smoothed(counts, self._smoothed(counts.sum(axis=1, keepdims=True), shares))

    def _smoothed(self, counts: np.ndarray, lower: np.ndarray) -> np.ndarray:
        n = counts.sum(axis=-1, keepdims=True)
        spread = self.strength + self.discount * (counts > 0).sum(axis=-1, keepdims=True)
        return (np.maximum(counts - self.discount, 0) + spread * lower) / (n + self.strength)

    def score(self, codes: np.ndarray) -> float:
        """Mean log probability of words."""
        found = sum(np.log(self.p_[i][x]) for i, x in enumerate(_triples(codes)))
        return float(np.mean(found))


def _triples(codes: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Each letter of words, after the two before it."""
    padded = np.pad(codes, ((0, 0), (2, 0)), constant_values=_N_LETTERS)
    return [tuple(padded[:, i + k] for k in range(3)) for i in range(_LENGTH)]


def best_chain(train: pd.DataFrame, seed: int) -> Chain:
    """The chain that is best on a fifth of the words."""
    inner, held_out = (_codes(x) for x in split(train, seed))
    smoothed = [(s, 0.0) for s in _STRENGTHS] + [(0.01, d) for d in _DISCOUNTS]
    chains = [Chain(*x, weight) for x, weight in product(smoothed, _WEIGHTS)]
    scores = [chain.fit(inner).score(held_out) for chain in chains]
    return chains[int(np.argmax(scores))].fit(_codes(train))


def of_words(options: Options) -> Iterator[Row]:
    """Rows of the table: a split and a model each."""
    for seed in range(options.n_splits):
        train, test = split(options.rows_of(words()), seed)
        models = {"second-order chain": lambda x, seed: best_chain(x, seed)}
        models |= {
            "independent": lambda x, seed: independent(seed).fit(x),
            "best mixture": best_mixture,
        }
        if ours.is_there():
            models[ours.NAME] = lambda x, seed: ours.fresh(seed, options.parameters).fit(x)
        for method, fit in models.items():
            if options.has(method):
                start = time.perf_counter()
                model = fit(train, seed)
                seconds = time.perf_counter() - start
                score = model.score(_codes(test) if isinstance(model, Chain) else test)
                row = {"method": method, "split": seed, "nats per letter": score / _LENGTH}
                if isinstance(model, Chain):
                    row |= {"strength": model.strength, "discount": model.discount}
                    row |= {"of places": model.of_places}
                yield row | {"seconds": seconds}
