"""Generators of random numbers: for arrays as a whole, or for each row of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array, Generator

_LARGEST_KEY = 2**32 - 1
_GOLDEN = 0x9E3779B9  # 2^32 divided by the golden ratio
_MULTIPLIER = 0x45D9F3B


class RowGenerator(np.random.Generator):
    """A generator with a key per row, so the draws for a row do not depend on other rows.

    The functions of `_kernels.random` use the keys; the first axis of their arrays has the rows.
    The methods of numpy's generator make draws that all rows have in common.

    Parameters
    ----------
    keys : ndarray of int64 of shape (n_rows,)
        At least 0 and below 2^32. Rows with equal keys get equal draws.
    seed : int
    """

    def __init__(self, keys: Array, seed: int) -> None:
        super().__init__(np.random.SFC64(seed))
        self.keys = keys

    @classmethod
    def of_contents(cls, keys: Array, seed: int, *, copies_differ: bool = False) -> RowGenerator:
        """Give equal draws to rows with equal content, whose keys are equal, or different ones.

        If copies differ, their draws depend on the number of copies of the row before them.
        """
        return cls(_derived(keys, _n_before(keys) if copies_differ else 0), seed)


def by_part(rng: Generator) -> Callable[[Any], Generator]:
    """From the index of some rows to their generator, which does not depend on other rows."""
    if not isinstance(rng, RowGenerator):
        return lambda rows: rng
    keys, seed = rng.keys, int(rng.integers(2**63))
    return lambda rows: RowGenerator(keys[rows], seed)


def repeated(rng: Generator, n: int) -> Generator:
    """The generator for n independent copies of all rows, one block after the other."""
    if not isinstance(rng, RowGenerator):
        return rng
    keys = [_derived(rng.keys, i) for i in range(n)]
    return RowGenerator(np.concatenate(keys), int(rng.integers(2**63)))


def _derived(keys: Array, i: Array | int) -> Array:
    """Keys that are different for every i, and otherwise look random; from T. Mueller's hash."""
    keys = (keys + _GOLDEN * (1 + np.asarray(i, np.int64))) & _LARGEST_KEY
    for _ in range(2):
        keys = ((keys >> 16 ^ keys) * _MULTIPLIER) & _LARGEST_KEY
    return keys >> 16 ^ keys


def _n_before(keys: Array) -> Array:
    """For every key, the number of equal keys before it."""
    order = np.argsort(keys, kind="stable")
    is_new = np.diff(keys[order], prepend=-1) != 0
    places = np.arange(len(keys))
    result = np.empty_like(places)
    result[order] = places - np.maximum.accumulate(np.where(is_new, places, 0))
    return result
