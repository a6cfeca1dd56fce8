"""Summary of rows from a single pass: bounds, missing values, totals and moments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import min_max_axis

from skrbm._kernels.arrays import is_binary, to_dense
from skrbm._kernels.devices import Array, to_host
from skrbm._kernels.threads import BLOCK_ROWS, in_threads
from skrbm.data.correlations import variance_and_square_correlation

# Infinite data are refused by their bounds, which come from the same pass: their sums do not warn.
_silent = np.errstate(over="ignore", invalid="ignore")

_BLOCK = 2**17  # elements per block for moments, which stay in cache


class Moments(NamedTuple):
    """Mean, variance and third central moment of every column, in float64."""

    mean: Array
    variance: Array
    third: Array


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest value of every column, ignoring NaN, and whether there is any NaN.

    Both are NaN for a column without a value.
    """

    low: Array
    high: Array
    has_missing: bool

    @property
    def smallest(self) -> float:
        """The smallest value of all columns; NaN if there is none."""
        return float(np.fmin.reduce(self.low))

    @property
    def largest(self) -> float:
        """The largest value of all columns; NaN if there is none."""
        return float(np.fmax.reduce(self.high))

    def outside(self, low: float, high: float) -> Array:
        """Indices of the columns with a value outside these limits by more than rounding error.

        Scaling a column with a large mean cancels up to half of its digits.
        """
        is_float = self.high.dtype.kind == "f"
        slack = np.sqrt(np.finfo(self.high.dtype).eps) * (high - low) if is_float else 0
        least, most = np.float64(low - slack), np.float64(high + slack)  # float16 may not hold them
        return np.flatnonzero((self.low < least) | (self.high > most))

    def within(self, low: float, high: float) -> bool:
        """Whether all values are within these limits exactly."""
        return not (self.smallest < low or self.largest > high)

    @property
    def empty(self) -> Array:
        """Indices of the columns without a value."""
        return np.flatnonzero(np.isnan(self.high))


@dataclass(frozen=True)
class Summary:
    """A few numbers per column that summarize weighted rows.

    Parameters
    ----------
    n_rows : int
    dtype : dtype
        The dtype of a model of these rows.
    bounds : Bounds
    is_binary : bool
        Whether all values are 0, 1 or missing; always False with moments.
    total : ndarray of float64 of shape (n_columns,)
        Weighted sum of the values of each column.
    weight : ndarray of float64 of shape (n_columns,)
        Total weight of the rows with a value in each column.
    total_variance : float
        Sum of the variances of all columns.
    square_correlation : float
        Mean squared correlation of two columns, minus its value by chance.
    moments : Moments or None
        Only if requested.
    """

    n_rows: int
    dtype: Any
    bounds: Bounds
    is_binary: bool
    total: Array
    weight: Array
    total_variance: float
    square_correlation: float
    moments: Moments | None = None

    @property
    def share_seen(self) -> float:
        """Share of the values that are not missing."""
        return float(self.weight.mean() / self.weight.max())

    @property
    def n_independent(self) -> float:
        """Effective number of independent columns, `d^2 / sum_ij r_ij^2`."""
        n_columns = len(self.total)
        return n_columns / (1 + (n_columns - 1) * self.square_correlation)

    @property
    def n_independent_bits(self) -> float:
        """The same for zeros and ones of means m, at most `4 sum_i m_i (1 - m_i)`.

        Columns that are rarely on, or rarely off, carry little information about their weights.
        """
        mean = np.clip(self.total / np.where(self.weight > 0, self.weight, 1), 0, 1)
        return min(self.n_independent, 4 * float(mean @ (1 - mean)))


def find_bounds(rows: Any) -> Bounds:
    """Bounds of an array, a CSR matrix, or any object that supports slices of rows."""
    if sparse.issparse(rows):
        low, high = min_max_axis(rows, axis=0)
        return Bounds(low, high, has_missing=bool(np.isnan([low.min(), high.max()]).any()))
    starts = range(0, rows.shape[0], BLOCK_ROWS)
    of_blocks = in_threads(lambda i: _bounds(to_host(rows[i : i + BLOCK_ROWS])), starts)
    return _merged_bounds(of_blocks)


def _bounds(x: Array) -> Bounds:
    low, high = x.min(axis=0), x.max(axis=0)
    missing = x.dtype.kind == "f" and bool(np.isnan(low).any())
    if missing:  # minimum and maximum of a column with NaN are NaN
        low, high = np.fmin.reduce(x), np.fmax.reduce(x)
    return Bounds(low, high, missing)


def _merged_bounds(parts: Sequence[Bounds]) -> Bounds:
    low = np.fmin.reduce([part.low for part in parts])
    high = np.fmax.reduce([part.high for part in parts])
    return Bounds(low, high, any(part.has_missing for part in parts))


@_silent
def mean_distance(rows: Any, low: float, high: float) -> float:
    """Mean distance of the values of rows from an interval; missing values have none."""

    def of_block(x: Array) -> float:
        return float(np.nansum(np.abs(x - x.clip(low, high)), dtype=np.float64))

    if sparse.issparse(rows):
        return of_block(rows.data) / math.prod(rows.shape)
    starts = range(0, rows.shape[0], BLOCK_ROWS)
    of_blocks = in_threads(lambda i: of_block(to_host(rows[i : i + BLOCK_ROWS])), starts)
    return sum(of_blocks) / math.prod(rows.shape)


@_silent
def summarize(rows: Any, weights: Array, dtype: Any, *, with_moments: bool) -> Summary:
    """Summarize weighted rows, in one pass over blocks.

    Parameters
    ----------
    rows : {array, CSR matrix, object that supports slices of rows}
        NaN marks a missing value.
    weights : ndarray of shape (n_rows,)
    dtype : dtype
        The dtype of a model of these rows, in which a block is summed.
    with_moments : bool
        Whether to compute moments. Powers are summed around the mean of each block, and relative to
        the first value of each column. So the variance of a constant column is zero.
    """
    spread = variance_and_square_correlation(rows, weights)
    if sparse.issparse(rows):
        weight = np.full(rows.shape[1], weights.sum())
        total, bounds = rows.T @ weights, find_bounds(rows)
        return Summary(rows.shape[0], dtype, bounds, is_binary(rows), total, weight, *spread)
    if with_moments:
        return _with_moments(rows, weights, dtype, spread)
    unit = weights.max()  # the weights themselves may be too large for the dtype
    shares = weights / unit

    @_silent
    def of_block(start: int) -> tuple[Bounds, bool, Array, Array | float]:
        block = slice(start, start + BLOCK_ROWS)
        x = to_host(to_dense(rows[block]))
        limits, share, weight = _bounds(x), shares[block].astype(dtype), shares[block].sum()
        if limits.has_missing:
            missing = np.isnan(x)
            x, weight = np.where(missing, 0, x), share @ ~missing
        # Before the conversion: for small integers that saves a copy in the larger dtype.
        binary = limits.smallest >= 0 and limits.largest <= 1 and is_binary(x)
        return limits, binary, share @ x.astype(dtype, copy=False), weight

    of_blocks = in_threads(of_block, range(0, rows.shape[0], BLOCK_ROWS))
    total, weight = np.zeros((2, rows.shape[1]))
    for *_, of_total, of_weight in of_blocks:
        total += of_total
        weight += of_weight
    limits = _merged_bounds([one for one, *_ in of_blocks])
    binary = all(one for _, one, *_ in of_blocks)
    return Summary(rows.shape[0], dtype, limits, binary, unit * total, unit * weight, *spread)


def _with_moments(rows: Any, weights: Array, dtype: Any, spread: tuple[float, float]) -> Summary:
    n = max(1, _BLOCK // rows.shape[1])
    starts = range(0, rows.shape[0], n)
    first = _first_values((to_host(rows[start : start + n]) for start in starts), rows.shape[1])
    shares = weights / weights.sum()

    def of_block(start: int) -> tuple[Bounds, tuple[Array, Moments]]:
        x = to_host(rows[start : start + n])
        return _bounds(x), _block_moments(x, shares[start : start + n], first)

    limits, sums = zip(*in_threads(of_block, starts), strict=True)
    weight, moments = _merged_moments(sums)
    moments = Moments(first + moments.mean, moments.variance, moments.third)
    weight = weights.sum() * weight
    total = weight * moments.mean
    bounds = _merged_bounds(limits)
    n_rows, is_binary = rows.shape[0], False
    return Summary(n_rows, dtype, bounds, is_binary, total, weight, *spread, moments)


@_silent
def _block_moments(x: Array, share: Array, first: Array) -> tuple[Array, Moments]:
    """Weight of each column, and moments of its values relative to the first one."""
    u = np.subtract(x, first, dtype=np.float64)
    weight, mean = np.full(u.shape[1], share.sum()), share @ u
    missing = np.isnan(u) if np.isnan(mean).any() else None
    if missing is not None:
        u[missing] = 0
        weight, mean = share @ ~missing, share @ u
    mean /= np.where(weight > 0, weight, 1)
    u -= mean
    if missing is not None:
        u[missing] = 0
    power = u * u
    second = share @ power
    power *= u
    return weight, Moments(mean, second, share @ power)


@_silent
def _merged_moments(parts: Sequence[tuple[Array, Moments]]) -> tuple[Array, Moments]:
    """Weight and moments of the rows of all parts; the parts contain weighted sums of powers."""
    weights = np.stack([weight for weight, _ in parts])
    means, second, third = map(np.stack, zip(*(moments for _, moments in parts), strict=True))
    total = weights.sum(axis=0)
    seen = np.where(total == 0, 1, total)
    mean = (weights * means).sum(axis=0) / seen
    distance = means - mean
    spread = weights * distance**2
    third += distance * (3 * second + spread)
    return total, Moments(mean, (second + spread).sum(axis=0) / seen, third.sum(axis=0) / seen)


def _first_values(blocks: Iterable[Array], n_columns: int) -> Array:
    """The first value of every column that is not NaN, in float64; 0 if there is none."""
    values = np.full(n_columns, np.nan)
    for x in blocks:
        missing = np.isnan(values)
        if not missing.any():
            break
        x = x[:, missing]
        first = np.isnan(x).argmin(axis=0)
        values[missing] = np.take_along_axis(x, first[None], axis=0)[0]
    return np.nan_to_num(values)


def with_one_hot(summary: Summary, counts: Array) -> Summary:
    """The summary of rows extended by one-hot columns with these weighted counts."""
    n, limits = len(counts), summary.bounds
    low, high = np.append(limits.low, np.zeros(n)), np.append(limits.high, np.ones(n))
    return replace(
        summary,
        bounds=Bounds(low, high, limits.has_missing),
        total=np.append(summary.total, counts),
        weight=np.append(summary.weight, np.full(n, counts.sum())),
    )


def merge(parts: Sequence[Summary]) -> Summary:
    """The summary of the rows of all parts."""
    sums = [
        (p.weight, Moments(m.mean, p.weight * m.variance, p.weight * m.third))
        for p in parts
        if (m := p.moments) is not None
    ]
    sizes = [part.n_rows for part in parts]
    return Summary(
        sum(sizes),
        np.result_type(*(part.dtype for part in parts)),
        _merged_bounds([part.bounds for part in parts]),
        all(part.is_binary for part in parts),
        np.sum([part.total for part in parts], axis=0),
        np.sum([part.weight for part in parts], axis=0),
        float(np.average([part.total_variance for part in parts], weights=sizes)),
        float(np.average([part.square_correlation for part in parts], weights=sizes)),
        _merged_moments(sums)[1] if len(sums) == len(parts) else None,
    )
