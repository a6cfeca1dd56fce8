"""Codes of categories, and the part of a column that has only some values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array, Generator
from skrbm.data.cells import quantiles

_MOST_CATEGORIES = 128


@dataclass(frozen=True)
class Categories:
    """Categories, each with a code; rare ones share the last code if there are very many.

    Parameters
    ----------
    values : tuple
        Categories with their own codes in ascending order, then categories that share a code.
    codes : ndarray of int of shape (n_values,)
        Code of each category.
    mass : ndarray of shape (n_values,)
        Probability of each category given its code.
    dtype : dtype
    """

    values: tuple[Any, ...]
    codes: Array
    mass: Array
    dtype: Any = "O"

    @classmethod
    def of(
        cls,
        values: Array,
        rows: Array | None = None,
        *,
        order: Iterable[Any] | None = None,
        most: int | None = _MOST_CATEGORIES,
    ) -> Categories:
        """Find the categories of an object array, in which None is missing; `rows` are weights."""
        rows = np.ones(len(values)) if rows is None else rows
        known = np.array([x is not None for x in values], bool)
        found: dict[Any, float] = {}
        for x, n in zip(values[known], rows[known], strict=True):
            found[x] = found.get(x, 0.0) + n
        every = [x for x in order if x in found] if order is not None else ascending(found)
        if most is None or len(every) <= most:
            return cls(tuple(every), np.arange(len(every)), np.ones(len(every)))
        common = set(sorted(every, key=found.__getitem__, reverse=True)[: most - 1])
        every.sort(key=lambda x: x not in common)
        share = np.array([found[x] for x in every[most - 1 :]])
        codes = np.minimum(np.arange(len(every)), most - 1)
        return cls(tuple(every), codes, np.append(np.ones(most - 1), share / share.sum()))

    @property
    def n_codes(self) -> int:
        """Number of codes."""
        return int(self.codes[-1]) + 1 if len(self.codes) else 0

    def encode(self, values: Array) -> Array:
        """Code of each category; -1 for None and for categories that were not seen."""
        of_value = dict(zip(self.values, self.codes.tolist(), strict=True))
        return np.fromiter((of_value.get(x, -1) for x in values), np.intp, len(values))

    def decode(self, codes: Array, rng: Generator) -> Array:
        """Draw a category for each code; None for the code -1."""
        known, index = codes >= 0, np.full(codes.shape, -1)
        u = np.asarray(rng.random(codes.shape))
        index[known], _ = quantiles(self.codes, self.mass, codes[known], u[known])
        return self._values(index)

    def modes(self, codes: Array) -> Array:
        """Most frequent category of each code; None for the code -1."""
        return self._values(np.append(self._most_frequent(), -1)[codes])

    def expected(self, probabilities: Array) -> Array:
        """Most probable category, given probabilities of the codes.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_codes)
            Rows of NaN are missing.
        """
        top = probabilities * self.mass[self._most_frequent()]
        known = (top > 0).any(1)
        return self.modes(np.where(known, top.argmax(1) if self.n_codes else 0, -1))

    def medians(self, probabilities: Array) -> Array:
        """Most probable category, as `expected`: categories have no middle."""
        return self.expected(probabilities)

    @property
    def labels(self) -> Array:
        """The categories."""
        values = np.array(self.values)
        return values if values.dtype.kind in "biufUS" else self._values(np.arange(len(values)))

    def probabilities(self, of_codes: Array) -> Array:
        """Probabilities of the categories, given probabilities of the codes."""
        return of_codes[:, self.codes] * self.mass

    def among(self, values: Iterable[Any]) -> Part:
        """Some of the categories."""
        some = set(values)
        with np.errstate(divide="ignore"):
            log_p = np.log(np.where([x in some for x in self.values], self.mass, 0.0))
        return Part.of(self._values(np.arange(len(self.values))), self.codes, log_p, self.n_codes)

    def _most_frequent(self) -> Array:
        order = np.lexsort((-self.mass, self.codes))
        return order[np.searchsorted(self.codes, np.arange(self.n_codes))]

    def _values(self, index: Array) -> Array:
        every = np.full(len(self.values) + 1, None, self.dtype)
        every[:-1] = self.values
        return every[index]

    def log_density(self, values: Array, codes: Array) -> Array:
        """Log probability of each category given its code, in float64; 0 for the code -1."""
        log_mass = dict(zip(self.values, np.log(self.mass).tolist(), strict=True))
        found = np.fromiter((log_mass.get(x, 0.0) for x in values), np.float64, len(values))
        return np.where(codes >= 0, found, 0.0)


@dataclass(frozen=True)
class Part:
    """Some values of a column.

    Parameters
    ----------
    log_share : ndarray of shape (n_codes,)
        Log probability of the values given each code.
    column : Numbers, Categories or WithMissing
        A column that decodes to these values only.
    """

    log_share: Array
    column: Any

    @classmethod
    def of(cls, values: Array, codes: Array, log_p: Array, n_codes: int) -> Part:
        """Some values and their log densities, in the order of their codes."""
        log_share = np.full(n_codes, -np.inf)
        known = codes >= 0
        np.logaddexp.at(log_share, codes[known], log_p[known])
        share = log_share[codes[known]]
        mass = np.exp(log_p[known] - np.where(np.isneginf(share), 0, share))
        column = Categories(tuple(values[known].tolist()), codes[known], mass, values.dtype)
        return cls(log_share, column)


def ascending(values: Iterable[Any]) -> list[Any]:
    """Sort values of any types: first by type, with all numbers as one."""

    def key(x: Any) -> tuple[str, Any]:
        is_number = isinstance(x, int | float | np.number | np.bool_)
        return ("", x) if is_number else (type(x).__name__, x)

    try:
        return sorted(values, key=key)
    except TypeError:
        return sorted(values, key=lambda x: (type(x).__name__, repr(x)))
