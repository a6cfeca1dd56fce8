"""A partition of the real line into codes, and of codes into cells of constant density."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from skrbm._kernels.devices import Array

_ATOM_SHARE = 0.05  # of the rows: a value as frequent has its own code
_POINT_SHARE = 0.01  # of the rows: a value as frequent has its own cell within its code
_FEWEST_EQUAL = 10  # rows that make a value frequent
_FEWEST_PER_CELL = 10
_CELL_POWER = 1 / 3  # of the number of rows: rows per cell
_SLIVER = 0.125  # of the rows per bin; a smaller bin next to a frequent value joins its code
_PSEUDO_ROWS = 0.5  # spread over each code


class Sorted(NamedTuple):
    """Distinct values in ascending order, and the number of rows of each."""

    values: Array
    rows: Array

    @classmethod
    def of(cls, values: Array, rows: Array) -> Sorted:
        """Sort values, and add the rows of equal ones."""
        distinct, codes = np.unique(values, return_inverse=True)
        return cls(distinct, np.bincount(codes, rows, len(distinct)))


class Groups(NamedTuple):
    """Neighbouring distinct values, joined into groups; `first` indexes their first values."""

    first: Array
    is_tight: Array


def group(rows: Array, is_frequent: Array, size: float, starts: Array) -> Groups:
    """Join neighbours into groups of about `size` rows; frequent values have groups of their own.

    A group also begins at each value for which `starts` is true.
    """
    before = np.concatenate([[True], is_frequent[:-1]])
    begins = starts | is_frequent | before
    run = np.cumsum(begins) - 1
    of_run = np.bincount(run, rows)
    n_groups = np.maximum(1, np.rint(of_run / size))
    middle = np.cumsum(rows) - rows / 2 - (np.cumsum(of_run) - of_run)[run]
    part = np.floor(middle / of_run[run] * n_groups[run])
    begins[1:] |= part[1:] != part[:-1]
    first = np.flatnonzero(begins)
    return Groups(first, is_frequent[first])


def without_slivers(groups: Groups, rows: Array, fewest: float) -> Array:
    """Starts of groups, if groups with few rows join the frequent value before or after them."""
    tight = groups.is_tight
    few = (np.add.reduceat(rows, groups.first) < fewest) & ~tight
    after_tight = np.concatenate([[False], tight[:-1]])
    before_tight = np.concatenate([tight[1:], [False]])
    begins = np.ones(len(tight), bool)
    begins[few & after_tight] = False
    joins_next = few & ~after_tight & before_tight
    begins[1:][joins_next[:-1]] = False
    starts = np.zeros(len(rows), bool)
    starts[groups.first[begins]] = True
    return starts


@dataclass(frozen=True)
class Cells:
    """Half-open cells `[edges[i - 1], edges[i])` in ascending order; the outermost have no end.

    Parameters
    ----------
    edges : ndarray of shape (n_cells - 1,)
    codes : ndarray of int of shape (n_cells,)
        Code of each cell, in ascending order.
    mass : ndarray of shape (n_cells,)
        Probability of each cell given its code.
    is_point : ndarray of bool of shape (n_cells,)
        Whether a cell has only one value, whose probability is counted.
    scales : tuple of float
        Mean excess below the first edge and above the last one.
    is_lattice : bool
        Whether the values are integers.
    floor : float
        Least possible value; if it is finite, values between it and the first edge are uniform.
    """

    edges: Array
    codes: Array
    mass: Array
    is_point: Array
    scales: tuple[float, float]
    is_lattice: bool
    floor: float = -math.inf

    @classmethod
    def of(cls, data: Sorted, n_codes: int, *, is_lattice: bool, dtype: Any) -> Cells:
        """Partition the line by the values of a column, or by their indices on a lattice."""
        n = data.rows.sum()
        limit = max(_ATOM_SHARE * n, _FEWEST_EQUAL)
        single = len(data.values) == 1
        atoms = (data.rows >= limit) | single
        size = max(data.rows[~atoms].sum() / n_codes, 1.0)
        coarse = group(data.rows, atoms, size, np.zeros(len(atoms), bool))
        starts = without_slivers(coarse, data.rows, _SLIVER * size)
        equal = _FEWEST_EQUAL if is_lattice else max(_POINT_SHARE * n, _FEWEST_EQUAL)
        per_cell = max(_FEWEST_PER_CELL, n**_CELL_POWER)
        fine = group(data.rows, atoms | (data.rows >= equal), per_cell, starts)
        code = np.cumsum(starts)[fine.first] - 1
        edges, owner, rows = _edges(data, fine, is_lattice=is_lattice, dtype=dtype)
        is_point = np.zeros(len(rows) + 2, bool)
        if not is_lattice:
            is_point[1:-1] = fine.is_tight[owner] & (rows > 0)
        codes = np.concatenate([[0], code[owner], [code[-1]]])
        mass = _masses(codes, np.concatenate([[0], rows, [0]]), edges, is_point)
        return cls(edges, codes, mass, is_point, _tails(data, is_lattice=is_lattice), is_lattice)

    @property
    def n_codes(self) -> int:
        """Number of codes."""
        return int(self.codes[-1]) + 1

    def above(self, floor: float) -> Cells:
        """The cells if no value is below a floor."""
        room = float(self.edges[0]) - floor
        mass = self.mass.copy()
        if room <= 0:
            mass[0] = 0
            mass /= np.bincount(self.codes, mass)[self.codes]
        scales = (room if room > 0 else 1.0, self.scales[1])
        return replace(self, mass=mass, scales=scales, floor=floor)

    def find(self, values: Array) -> Array:
        """The cell of each value."""
        return np.searchsorted(self.edges, values, side="right")

    def log_density(self, values: Array) -> Array:
        """Log density of values given their codes, in float64."""
        cell, inside = self.find(values), self.mass[1:-1]
        width = np.where(self.is_point[1:-1], 1.0, np.diff(self.edges.astype(np.float64)))
        below = np.maximum(self.edges[0] - values, 0)
        above = np.maximum(values - self.edges[-1], 0)
        rate = 1 / np.array(self.scales)
        ends = self.mass[[0, -1]] * (-np.expm1(-rate) if self.is_lattice else rate)
        fall = np.floor(below) if self.is_lattice else below
        fall = fall * rate[0] + (np.floor(above) if self.is_lattice else above) * rate[1]
        if self.floor > -math.inf:
            ends[0] = self.mass[0] * rate[0]
            fall = np.where(values < self.edges[0], np.where(values < self.floor, np.inf, 0), fall)
        with np.errstate(divide="ignore"):
            level = np.log(np.concatenate([ends[:1], inside / width, ends[1:]]))
        return level[cell] - fall

    def means(self) -> Array:
        """Mean of each code between the outermost edges."""
        low, high = self.edges[:-1].astype(np.float64), self.edges[1:]
        middle = np.where(self.is_point[1:-1], low, low + (high - low) / 2)
        codes, mass = self.codes[1:-1], self.mass[1:-1]
        base = middle[np.searchsorted(codes, np.arange(self.n_codes))]
        return base + np.bincount(codes, mass * (middle - base[codes])) / self.total()

    def total(self) -> Array:
        """Probability that a value of each code lies between the outermost edges."""
        return np.bincount(self.codes[1:-1], self.mass[1:-1], self.n_codes)

    def quantiles(self, codes: Array, p: Array) -> tuple[Array, Array]:
        """Cells, and shares of their widths, at quantiles of codes between the outermost edges."""
        cell, share = quantiles(self.codes[1:-1], self.mass[1:-1], codes, p)
        return cell + 1, share

    def within(self, low: float, high: float) -> Cells:
        """The cells between the outermost edges with only the probability of `[low, high)`."""
        ends = np.clip([low, high], self.edges[0], self.edges[-1]).astype(self.edges.dtype)
        edges = np.unique(np.concatenate([self.edges, ends]))
        cell = np.concatenate([[0], self.find(edges)])
        share = np.diff(edges) / np.diff(self.edges)[cell[1:-1] - 1]
        mass = np.zeros(len(cell))
        mass[1:-1] = self.mass[cell[1:-1]] * share * ((edges[:-1] >= low) & (edges[1:] <= high))
        return replace(
            self, edges=edges, codes=self.codes[cell], mass=mass, is_point=self.is_point[cell]
        )


def quantiles(of_piece: Array, mass: Array, codes: Array, p: Array) -> tuple[Array, Array]:
    """Pieces of codes at quantiles, and the share of each piece that lies below.

    Parameters
    ----------
    of_piece : ndarray of int of shape (n_pieces,)
        Code of each piece, in ascending order.
    mass : ndarray of shape (n_pieces,)
        Probability of each piece given its code, up to a factor per code.
    codes : ndarray of int of shape (n,)
        Codes with a piece of positive mass.
    p : ndarray of shape (n,)
        Probabilities in [0, 1); random ones draw values.
    """
    possible = np.flatnonzero(mass > 0)
    of_piece, mass = of_piece[possible], mass[possible]
    end = np.cumsum(mass)
    first = np.searchsorted(of_piece, codes)
    last = np.searchsorted(of_piece, codes, side="right") - 1
    start = (end - mass)[first]
    target = start + p * (end[last] - start)
    piece = np.searchsorted(end, target, side="right").clip(first, last)
    share = 1 - (end[piece] - target) / mass[piece]
    return possible[piece], share.clip(0, 1)


def _edges(data: Sorted, groups: Groups, *, is_lattice: bool, dtype: Any) -> tuple[Array, ...]:
    """Edges of the cells between the extreme values, and the group and the rows of each cell.

    A tight group has a cell around its value. Others extend up to a tight neighbour, or half the
    way to a loose one. Two tight neighbours share the gap between them.
    """
    values, tight = data.values, groups.is_tight
    lows = values - 0.5 if is_lattice else values
    highs = values + 0.5 if is_lattice else np.nextafter(values, np.inf, dtype=dtype)
    last = np.append(groups.first[1:], len(values)) - 1
    end, begin = highs[last[:-1]], lows[groups.first[1:]]
    if is_lattice:
        half = end + np.floor((begin - end) / 2)
    else:
        half = np.clip((end / 2 + begin / 2).astype(dtype), end, begin)
    right = np.append(np.where(tight[:-1], end, np.where(tight[1:], begin, half)), highs[-1])
    left = np.append(lows[0], np.where(tight[1:], begin, np.where(tight[:-1], end, half)))
    rows = np.add.reduceat(data.rows, groups.first)
    own = np.arange(len(tight))
    gap = np.flatnonzero(tight[:-1] & tight[1:])
    low = np.concatenate([left, end[gap], half[gap]])
    high = np.concatenate([right, half[gap], begin[gap]])
    owner = np.concatenate([own, gap, gap + 1])
    rows = np.concatenate([rows, np.zeros(2 * len(gap))])
    cells = np.flatnonzero(high > low)
    cells = cells[np.argsort(low[cells])]
    return np.append(low[cells], high[cells[-1]]), owner[cells], rows[cells]


def _masses(codes: Array, rows: Array, edges: Array, is_point: Array) -> Array:
    """Probability of each cell given its code.

    A pseudo-row is spread over the width of each code, and one lies beyond each end of the data.
    """
    width = np.zeros(len(rows))
    width[1:-1] = np.where(is_point[1:-1], 0, np.diff(edges.astype(np.float64)))
    of_code = np.bincount(codes, width)
    share = width / np.where(of_code > 0, of_code, 1)[codes]
    rows = rows + _PSEUDO_ROWS * share
    rows[[0, -1]] = 1.0
    return rows / np.bincount(codes, rows)[codes]


def _tails(data: Sorted, *, is_lattice: bool) -> tuple[float, float]:
    """Mean excess of the rows beyond thresholds that about sqrt(n) rows exceed, at both ends."""
    values = data.values.astype(np.float64)
    if len(values) == 1:
        size = 1.0 if is_lattice else abs(float(values[0])) or 1.0
        return size, size
    found = []
    for x, rows in ((-values[::-1], data.rows[::-1]), (values, data.rows)):
        beyond = np.cumsum(rows[::-1])[::-1]
        k = max(int((beyond >= np.sqrt(rows.sum())).sum()) - 1, 0)
        k = min(k, len(x) - 2)
        found.append(float(np.average(x[k + 1 :] - x[k], weights=rows[k + 1 :])))
    return found[0], found[1]
