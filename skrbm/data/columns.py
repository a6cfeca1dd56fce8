"""Codes of the values of one column, and densities of the values given their codes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from skrbm._kernels.devices import Array, Generator
from skrbm.data.categories import Categories, Part
from skrbm.data.cells import Cells, Sorted
from skrbm.data.lattices import Lattice
from skrbm.data.objects import missing_in

MOST_CODES = 32  # bins of a number, besides its frequent values


@dataclass(frozen=True)
class Numbers:
    """Intervals of numbers in ascending order, with a density of the numbers in each.

    The density is per unit of the numbers, and a probability for the frequent values of a column
    that is on no lattice. A number on a lattice stands for all numbers nearest to it, so that the
    density of integers with the step 1 is their probability. Numbers beyond the observed ones are
    exponentially distributed, and never drawn.

    Parameters
    ----------
    cells : Cells
        Cells of the numbers, or of their indices on the lattice.
    lattice : Lattice or None
    lowest : float
        Least possible number: 0 for counts, otherwise minus infinity.
    dtype : str
        Floating-point type of the numbers.
    is_integer : bool
        Whether the type of the column has only integers.
    """

    cells: Cells
    lattice: Lattice | None
    lowest: float
    dtype: str
    is_integer: bool = False

    @classmethod
    def of(
        cls,
        values: Array,
        rows: Array | None = None,
        *,
        is_count: bool = False,
        steps: tuple[float, ...] = (),
        max_bins: int = MOST_CODES,
    ) -> Numbers:
        """Find the intervals of some numbers.

        Parameters
        ----------
        values : ndarray of shape (n,)
            Numbers, with NaN for missing ones.
        rows : ndarray of shape (n,), default=None
            Their weights.
        is_count : bool, default=False
            Whether they are integers from 0 on.
        steps : tuple of float, default=()
            Steps of lattices in descending order, to try if no other lattice contains the numbers.
        max_bins : int, default=32
            Largest number of codes, besides the codes of frequent values.
        """
        is_float = values.dtype.kind == "f" and values.dtype.itemsize <= np.dtype(float).itemsize
        dtype = values.dtype if is_float else np.dtype(np.float64)
        rows = np.ones(len(values)) if rows is None else rows
        known = ~np.isnan(values)
        data = Sorted.of(values[known].astype(dtype), rows[known])
        lattice = Lattice.of(data.values.astype(np.float64), dtype, steps)
        lowest = 0.0 if is_count else -math.inf
        if lattice is not None:
            data = Sorted.of(lattice.index(data.values.astype(np.float64)), data.rows)
        n_codes = min(max_bins, max(2, math.isqrt(int(data.rows.sum()))))
        inner = np.dtype(np.float64) if lattice is not None else dtype
        cells = Cells.of(data, n_codes, is_lattice=lattice is not None, dtype=inner)
        if is_count and lattice is not None:
            cells = cells.above(float(lattice.index(np.zeros(()))) - 0.5)
        return cls(cells, lattice, lowest, dtype.str)

    @property
    def n_codes(self) -> int:
        """Number of codes."""
        return self.cells.n_codes

    def encode(self, values: Array) -> Array:
        """Code of each number; -1 for NaN and for negative counts."""
        known = values >= self.lowest
        return np.where(known, self.cells.codes[self.cells.find(self._inner(values))], -1)

    def decode(self, codes: Array, rng: Generator) -> Array:
        """Draw a number between the observed extremes for each code; NaN for the code -1."""
        return self._quantiles(codes, np.asarray(rng.random(codes.shape)))

    def modes(self, codes: Array) -> Array:
        """Median number of each code; NaN for the code -1."""
        return self._quantiles(codes, np.full(codes.shape, 0.5))

    def expected(self, probabilities: Array) -> Array:
        """Mean of the numbers between the observed extremes, given probabilities of the codes.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_codes)
            Rows of NaN are missing.
        """
        means = self.cells.means()
        if self.lattice is not None:
            means = np.where(
                means == np.rint(means), self.lattice.value(means), self.lattice.between(means)
            )
        p = probabilities / probabilities.sum(1, keepdims=True, dtype=np.float64)
        return (means[0] + p @ (means - means[0])).astype(self.dtype)

    def medians(self, probabilities: Array) -> Array:
        """Median of the numbers between the observed extremes; see `expected`."""
        p = probabilities / probabilities.sum(1, keepdims=True, dtype=np.float64)
        up_to = p.cumsum(1)
        codes = (up_to[:, :-1] <= 0.5).sum(1)
        of_code = np.stack([p, up_to - p])[:, np.arange(len(p)), codes]
        share = ((0.5 - of_code[1]) / of_code[0]).clip(0, np.nextafter(1, 0))
        is_missing = np.isnan(share)
        return self._quantiles(np.where(is_missing, -1, codes), np.where(is_missing, 0, share))

    @property
    def labels(self) -> Array:
        """Smallest and largest number of each code, shape (n_codes, 2)."""
        cells, codes = self.cells, np.arange(self.n_codes)
        first = np.searchsorted(cells.codes, codes).clip(min=1)
        last = (np.searchsorted(cells.codes, codes, side="right") - 1).clip(
            max=len(cells.edges) - 1
        )
        low, high = cells.edges[first - 1], cells.edges[last]
        if self.lattice is None:
            return np.stack([low, np.nextafter(high, low)], axis=1)
        return self.lattice.value(np.stack([low + 0.5, high - 0.5], axis=1))

    def probabilities(self, of_codes: Array) -> Array:
        """Probabilities of the intervals of `labels`: the probabilities of the codes."""
        return of_codes

    def within(self, low: float, high: float) -> Part:
        """The numbers of `[low, high]` between the observed extremes."""
        if self.lattice is not None:
            first, last = self.lattice.within(low, high)
            ends = first - 0.5, last + 0.5
        else:
            first, last = np.array([low, high], self.dtype)
            first = first if first >= low else np.nextafter(first, np.inf, dtype=self.dtype)
            ends = first, last if last > high else np.nextafter(last, np.inf, dtype=self.dtype)
        part = replace(self, cells=self.cells.within(*ends))
        with np.errstate(divide="ignore"):
            return Part(np.log(part.cells.total() / self.cells.total()), part)

    def among(self, values: Array) -> Part:
        """Some numbers, weighed by their densities."""
        values = np.unique(values.astype(self.dtype))
        codes = self.encode(values)
        log_p = np.where(codes < 0, -np.inf, self.log_density(values, codes))
        order = np.argsort(codes, kind="stable")
        return Part.of(values[order], codes[order], log_p[order], self.n_codes)

    def nearest(self, values: Array) -> Array:
        """The nearest numbers on the lattice, if there is one."""
        return values if self.lattice is None else self.lattice.value(self.lattice.index(values))

    def log_density(self, values: Array, codes: Array) -> Array:
        """Log density of each number given its code, in float64; 0 for the code -1."""
        found = np.zeros(len(values))
        known = codes >= 0
        step = 1.0 if self.lattice is None else self.lattice.step
        found[known] = self.cells.log_density(self._inner(values[known])) - math.log(step)
        return found

    def _quantiles(self, codes: Array, p: Array) -> Array:
        known = codes >= 0
        found = np.full(codes.shape, np.nan, self.dtype)
        cell, share = self.cells.quantiles(codes[known], p[known])
        low, high = self.cells.edges[cell - 1], self.cells.edges[cell]
        if self.lattice is not None:
            below = np.minimum(np.floor(share * (high - low)), high - low - 1)
            found[known] = self.lattice.value(low + below + 0.5)
        else:
            last = np.nextafter(high, low)
            found[known] = (low + share * (last.astype(np.float64) - low)).astype(self.dtype)
        return found

    def _inner(self, values: Array) -> Array:
        values = values.astype(np.float64)
        return values if self.lattice is None else self.lattice.index(values)


@dataclass(frozen=True)
class WithMissing:
    """A column whose missing cells are a separate value, with probability 1 given its code.

    Parameters
    ----------
    column : Numbers or Categories
    code : int
        Code of missing cells, the last one.
    """

    column: Numbers | Categories
    code: int

    @property
    def n_codes(self) -> int:
        """Number of codes."""
        return self.code + 1

    def encode(self, values: Array) -> Array:
        """Code of each value; -1 for negative counts and for categories that were not seen."""
        return np.where(missing_in(values), self.code, self.column.encode(values))

    def decode(self, codes: Array, rng: Generator) -> Array:
        """Draw a value for each code; NaN or None for the last one."""
        return self.column.decode(self._present(codes), rng)

    def modes(self, codes: Array) -> Array:
        """Median number or most frequent category of each code; NaN or None for the last one."""
        return self.column.modes(self._present(codes))

    def expected(self, probabilities: Array) -> Array:
        """Mean or most probable value of cells that are not missing."""
        return self.column.expected(probabilities[:, :-1])

    def medians(self, probabilities: Array) -> Array:
        """Median or most probable value of cells that are not missing."""
        return self.column.medians(probabilities[:, :-1])

    @property
    def labels(self) -> Array:
        """Labels of the values that are not missing."""
        return self.column.labels

    def probabilities(self, of_codes: Array) -> Array:
        """Probabilities of the values, given that a cell is not missing."""
        present = of_codes[:, :-1]
        return self.column.probabilities(present / present.sum(1, keepdims=True))

    def log_density(self, values: Array, codes: Array) -> Array:
        """Log density of each value given its code; 0 for missing ones."""
        return self.column.log_density(values, self._present(codes))

    def part(self, part: Part | None, *, missing: bool) -> Part:
        """A part of the values, with or without the missing ones."""
        present = np.full(self.code, -np.inf) if part is None else part.log_share
        log_share = np.append(present, 0.0 if missing else -np.inf)
        return Part(log_share, self if part is None else replace(self, column=part.column))

    def _present(self, codes: Array) -> Array:
        return np.where(codes == self.code, -1, codes)


Column = Numbers | Categories | WithMissing
