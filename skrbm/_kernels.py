"""The numeric seam: array primitives, and the only module that knows tricks.

Every formula of the package is written with array operators and the functions of this file: no
other module of formulas names an array library, and one is supported by giving it these functions.

All draws have 24 bits whatever the precision of the model, so that one seed gives one chain in
float32 and in float64. A probability below their resolution, 2^-24, counts as that.

Work on many rows is done block by block, each small enough to stay in cache from one pass to the
next, on all cores. A block has a generator of its own: so the number of threads changes nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
from scipy import sparse, special
from scipy.optimize import brentq
from threadpoolctl import ThreadpoolController

Generator: TypeAlias = np.random.Generator
Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

BLOCK_ROWS = 1024  # enough for a matrix product, and few enough for the cache

_CACHED = 2**16  # elements that stay in cache

# n foldings multiply up to 2^(n + 1) factors 1 + exp(x); they stay finite while 2^n x is below.
_LARGEST_EXPONENT = {"float32": 40.0, "float64": 340.0}
_MOST_FOLDS = 4

_FINITE_EXPONENT = 80.0  # whose exponential is finite in float32


# The C library returns a freed array of this size to the system, once, and learns from it to keep
# smaller ones: otherwise every update would ask anew for the memory of its temporaries, which takes
# a fifth of its time. No byte of this one is ever touched.
np.empty(2**25 - 2**13, np.uint8)


def generator(seed: Any) -> Generator:
    """A generator from an integer or a fresh `numpy.random.SeedSequence`."""
    return np.random.Generator(np.random.SFC64(seed))


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, "skrbm")


_in_threads = Lock()


def _after_fork() -> None:
    """A fork takes no threads along, nor whoever held the lock."""
    global _in_threads
    _in_threads = Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def by_rows(work: Callable[..., Array], x: Any, rng: Generator | None = None) -> Array:
    """`work(x)`, or `work(x, rng)`, for work that treats every row by itself.

    Many rows are done in blocks, one thread each: so whatever is done to a row beside matrix
    products uses all cores as well.
    """
    starts = range(0, x.shape[0], BLOCK_ROWS)
    if len(starts) <= 1:
        return work(x[:]) if rng is None else work(x[:], rng)
    results: list[Array] = []  # one array, made when the first block is done
    lock = Lock()

    def one_block(start: int, *rng: Generator) -> None:
        rows = slice(start, start + BLOCK_ROWS)
        block = work(x[rows], *rng)
        with lock:
            if not results:
                results.append(np.empty((x.shape[0], *block.shape[1:]), block.dtype))
        results[0][rows] = block

    generators = () if rng is None else (rng.spawn(len(starts)),)
    in_threads(one_block, starts, *generators)
    return results[0]


def in_threads(
    work: Callable[..., T], *arguments: Iterable[Any], n_jobs: int | None = None
) -> list[T]:
    """`work` of each tuple of arguments, in n_jobs threads whose matrix products take one each.

    By default there are as many threads as products would take. Where another caller's threads are
    at work already, all is done in this one: the limit of a product's threads holds for the whole
    process, and two callers would give back what the other one set.
    """
    if not _in_threads.acquire(blocking=False):
        return list(map(work, *arguments))
    try:
        if n_jobs is None:
            n_jobs = max((library.num_threads for library in _blas().lib_controllers), default=1)
        with _blas().limit(limits=1):
            return list(_pool(n_jobs).map(work, *arguments))
    finally:
        _in_threads.release()


def logistic(x: Array | float, y: Array) -> Array:
    """`1 / (1 + exp(-(x + y)))`; exact in both tails, where tanh would round to 0."""
    z = np.subtract(-y, x)
    with np.errstate(over="ignore"):  # infinity is the right denominator of 0
        np.exp(z, out=z)
    z += 1
    return np.reciprocal(z, out=z)


def softplus(x: Array) -> Array:
    """`log(1 + exp(x))` without overflow, in a new array; 6 times as fast as numpy's logaddexp."""
    tail = np.asarray(np.abs(x))
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    tail += np.maximum(x, 0)
    return tail


def sum_softplus(x: Array) -> Array:
    """`sum_j softplus(x_ij)` over the last axis, in float64; 1.5 ns a term, softplus takes 2.1."""
    if not x.max(initial=0) < _FINITE_EXPONENT:
        return sum_float64(softplus(x))
    terms = np.exp(x)
    np.log1p(terms, out=terms)
    return sum_float64(terms)


def exp(x: Array) -> Array:
    """Exponential of each element."""
    return np.asarray(np.exp(x))


def log(x: Array) -> Array:
    """Natural logarithm of each element."""
    return np.asarray(np.log(x))


def log_sum_exp(x: Array | list[float]) -> float:
    """`log(sum(exp(x)))` over all of x."""
    return float(special.logsumexp(x))


def row_log_sum_exp(x: Array) -> Array:
    """`log(sum_j exp(x_ij))` over the last axis, in float64."""
    largest = x.max(axis=-1).astype(np.float64)
    return np.asarray(np.log(sum_float64(np.exp(x - largest[..., None]))) + largest)


def softmax(x: Array) -> Array:
    """`exp(x_ij) / sum_j exp(x_ij)` over the last axis."""
    return np.asarray(special.softmax(x, axis=-1))


def log_add_exp(x: Array, y: Array) -> Array:
    """`log(exp(x) + exp(y))`, element by element."""
    return np.logaddexp(x, y)


def log_mean_exp(x: Array, weights: Array) -> Array:
    """`log(sum_j weights_j exp(x_ij))` of every row, in float64."""
    largest = x.max(axis=1)
    return np.asarray(np.log(np.exp(x - largest[:, None]) @ weights) + largest)


def sum_float64(x: Array) -> Array:
    """Sum over the last axis, accumulated in float64."""
    return np.asarray(x.sum(axis=-1, dtype=np.float64))


def row_dot(x: Array, y: Array) -> Array:
    """`sum_j x_ij y_ij` in float64; y is one vector or as many rows as x, which may be sparse."""
    if y.ndim == 1:
        y = y.astype(np.float64, copy=False)
        if is_sparse(x) or x.dtype == np.float64 or x.size <= _CACHED:
            return np.asarray(x @ y)
        rows = x.reshape(-1, len(y))  # which x @ y would copy as a whole, in float64
        n = max(1, _CACHED // len(y))
        parts = [rows[start : start + n] @ y for start in range(0, len(rows), n)]
        return np.concatenate(parts).reshape(x.shape[:-1])
    return np.einsum("...j,...j->...", x, y, dtype=np.float64)


def row_sums_of_products(x: Array, y: Array) -> Array:
    """`sum_j x_ij y_ij` in the dtype of both, for gradients; `row_dot` is for likelihoods."""
    return np.asarray(np.einsum("ij,ij->i", x, y))


def pairwise_sum_softplus(x: Array, y: Array) -> Array:
    """`sum_k softplus(x_ik + y_jk)` for every pair of rows i of x and j of y, in float64.

    The exponential of a sum is a product, and a sum of logarithms the logarithm of a product: so
    exp is taken of the rows, not of their pairs, and log of products of up to 16 factors. That
    takes 0.8 ns a term where softplus takes 3, and is done where the products cannot overflow.
    """
    largest = max(1.0, x.max(initial=0) + y.max(initial=0))
    limit = _LARGEST_EXPONENT[np.result_type(x, y).name]
    if largest > limit:
        return np.stack([sum_float64(softplus(row + y)) for row in x])
    n_folds = min(_MOST_FOLDS, int(np.log2(limit / largest)))
    exp_x, exp_y = np.exp(x), np.exp(y.T)  # terms first: every fold is one contiguous pass
    return np.stack([_log_product(exp_y * row[:, None], n_folds) for row in exp_x])


def _log_product(factors: Array, n_folds: int) -> Array:
    """`sum_k log(1 + factors_kj)`, by n_folds halvings of the first axis; overwrites factors."""
    factors += 1
    for _ in range(n_folds):
        half = len(factors) // 2
        if half == 0:
            break
        folded = factors[:half]
        folded *= factors[half : 2 * half]
        if len(factors) % 2:
            folded[0] *= factors[-1]
        factors = folded
    return np.asarray(np.log(factors).sum(axis=0, dtype=np.float64))


def binary_states(n_units: int, start: int = 0, stop: int | None = None) -> Array:
    """Rows start to stop of the 2^n_units joint states of binary units, the first unit fastest."""
    codes = np.arange(start, 2**n_units if stop is None else stop, dtype=np.int64)
    return (codes[:, None] >> np.arange(n_units) & 1).astype(np.float64)


def linspace(start: float, stop: float, n: int) -> Array:
    """Equally spaced numbers from start to stop."""
    return np.linspace(start, stop, n)


def interpolate(x: Array, nodes: Array, values: Array) -> Array:
    """The broken line through the values at increasing nodes, at x."""
    return np.interp(x, nodes, values)


def moving_average(x: Array, width: int) -> Array:
    """Mean of every element and its neighbours, width in all, or fewer at the ends."""
    window = np.ones(width)
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


def where(condition: Array, x: Any, y: Any) -> Array:
    """X where the condition holds, y elsewhere."""
    return np.where(condition, x, y)


def indices(condition: Array) -> Array:
    """Where a condition on numbers in a row holds."""
    return np.flatnonzero(condition)


def is_nan(x: Array) -> Array:
    """Whether each element is not a number."""
    return np.isnan(x)


def maximum(x: Array, y: Array) -> Array:
    """The larger of two, element by element."""
    return np.maximum(x, y)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a monotonous function of one number changes its sign."""
    return brentq(function, low, high)


def columns(first: Any, *others: Array) -> Any:
    """The columns of all arrays, one beside the other; the first one may be a sparse matrix."""
    if is_sparse(first):
        return sparse.hstack([first, *others], format="csr")
    return np.concatenate([first, *others], axis=-1)


def split(x: Array, n: int) -> list[Array]:
    """The rows of x in n parts of equal size, but for one row."""
    return np.array_split(x, n)


def copy(x: Array) -> Array:
    """A copy, its rows one after the other in memory."""
    return np.array(x, order="C")


def repeat(x: Array, n: int) -> Array:
    """Copies of x along a new first axis."""
    return np.repeat(x[None], n, axis=0)


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of zeros."""
    return np.zeros(shape, dtype)


def identity(n: int, dtype: Any) -> Array:
    """The square matrix with ones on its diagonal and zeros elsewhere."""
    return np.eye(n, dtype=dtype)


def equal_weights(n: int, dtype: Any) -> Array:
    """Weights of n equal rows, which sum to one."""
    return np.full(n, 1 / n, dtype)


def column_choices(
    n_rows: int, n_columns: int, n_choices: int, rng: Generator | None
) -> Iterator[Array]:
    """For every row n_choices different columns, each as likely as the other; in order without rng.

    Yields one column index a row at a time: equally spaced columns from a random first one.
    """
    first = np.zeros(n_rows, np.int64) if rng is None else rng.integers(n_columns, size=n_rows)
    for i in range(n_choices):
        yield (first + i * (n_columns // n_choices)) % n_columns


def take_columns(x: Array, columns: Array) -> Array:
    """The element of each row in that row's column, shape (n_rows, 1)."""
    return np.take_along_axis(x, columns[:, None], axis=1)


def uniform(shape: tuple[int, ...], rng: Generator) -> Array:
    """Draws from [0, 1)."""
    return rng.random(shape, dtype=np.float32)


def _uniform(shape: tuple[int, ...], rng: Generator) -> Array:
    """Draws from [0, 65536), four from every 64 random bits: 0.7 ns each, `random` takes 2.0.

    The lowest 8 of the 24 bits are the same for all n: so every single draw is uniform, and two of
    them depend on each other only where both probabilities asked for lie below 2^-16.
    """
    n = math.prod(shape)
    bits = rng.bit_generator.random_raw(n // 4 + 2)
    u = bits.view(np.uint16)[:n].astype(np.float32)
    u += np.float32(int(bits[-1]) % 256 / 256)
    return u.reshape(shape)


def normal(shape: tuple[int, ...], scale: float, dtype: Any, rng: Generator) -> Array:
    """Normal draws of mean 0 and standard deviation scale, at most 6.7 times as large.

    By the transform of G. E. P. Box and M. E. Muller (1958): 4 ns each, `standard_normal` takes 10.
    """
    n = math.prod(shape)
    n_pairs = -(-n // 2)
    u = rng.bit_generator.random_raw(n_pairs).view(np.uint32).astype(np.float32)
    radius, angle = u[:n_pairs], u[n_pairs:]
    radius += np.float32(0.5)  # so that no logarithm is infinite
    radius *= np.float32(2**-32)
    np.log(radius, out=radius)
    radius *= np.float32(-2 * scale**2)
    np.sqrt(radius, out=radius)
    angle *= np.float32(2 * math.pi * 2**-32)
    draws = np.empty_like(u)
    for function, half in ((np.cos, draws[:n_pairs]), (np.sin, draws[n_pairs:])):
        function(angle, out=half)
        half *= radius
    return draws[:n].reshape(shape).astype(dtype, copy=False)


def bernoulli(probability: Array, rng: Generator) -> Array:
    """Zeros and ones of the given probabilities, in their dtype."""
    states = probability * 65536
    return np.less(_uniform(states.shape, rng), states, out=states, casting="unsafe")


def bernoulli_logistic(x: Array | float, y: Array, rng: Generator) -> Array:
    """Zeros and ones of the probabilities `logistic(x, y)`, the same as from these themselves."""
    z = np.subtract(-y, x)
    with np.errstate(over="ignore", invalid="ignore"):  # 0 times infinity is not below
        np.exp(z, out=z)
        z += 1
        z *= _uniform(z.shape, rng)
        return np.less(z, 65536, out=z, casting="unsafe")


def choices(probability: Array, n: int, rng: Generator) -> Array:
    """Draw n indices with the given probabilities."""
    cumulative = np.cumsum(probability)
    return np.searchsorted(cumulative[:-1], cumulative[-1] * rng.random(n), side="right")


def one_hot_choices(probability: Array, rng: Generator) -> Array:
    """For every row a draw from its probabilities: one at its place, zeros elsewhere."""
    cumulative = np.cumsum(probability, axis=-1)
    u = uniform((*probability.shape[:-1], 1), rng) * cumulative[..., -1:]
    drawn = (cumulative[..., :-1] <= u).sum(axis=-1, keepdims=True)
    return (np.arange(probability.shape[-1]) == drawn).astype(probability.dtype)


def argsort(x: Array) -> Array:
    """Indices that sort x."""
    return np.argsort(x, kind="stable")


def accept(log_ratio: Array, rng: Generator) -> Array:
    """Whether Metropolis' rule accepts each of some moves: with probability `min(1, ratio)`."""
    return uniform(log_ratio.shape, rng) < np.exp(np.minimum(log_ratio, 0))


def rows(*arrays: Array) -> Array:
    """The rows of all arrays, one below the other."""
    return np.concatenate(arrays)


def uniform_by_content(x: Any, rng: Generator, n_columns: int | None = None) -> Array:
    """Draws from [0, 1) for the elements of x, or for the stored ones of a CSR matrix.

    Rows that are equal get equal draws, others independent ones: a hash of a key of the row, from a
    random projection of its elements, and of a random key of the column. With n_columns there are
    as many draws a row of an array.
    """
    projection = 2.0**20 * rng.random(x.shape[1])  # larger, and the rounding of the sum would count
    of_row = np.fmod(x @ projection, 2.0**32).astype(np.int64).astype(np.uint32)
    n_columns = n_columns or x.shape[1]
    of_column = rng.integers(2**32, size=n_columns, dtype=np.uint32)
    if is_sparse(x):
        bits = of_column[x.indices] + np.repeat(of_row, np.diff(x.indptr))
    else:
        bits = of_column + of_row[:, None]
    bits ^= bits >> 16  # the finaliser of MurmurHash3, A. Appleby
    bits *= 0x85EBCA6B
    bits ^= bits >> 13
    bits *= 0xC2B2AE35
    bits ^= bits >> 16
    bits >>= 8
    u = bits.astype(np.float32)
    u *= np.float32(2**-24)
    return u


def bounds(x: Any) -> tuple[float, float]:
    """The smallest and the largest element of an array or a sparse matrix; NaN if there is one."""
    if is_sparse(x):
        return float(x.min()), float(x.max())
    of_blocks = by_rows(lambda rows: np.full((len(rows), 2), [rows.min(), rows.max()]), x)
    return float(of_blocks[:, 0].min()), float(of_blocks[:, 1].max())


def has_nan(x: Any) -> bool:
    """Whether an array, or an object from which rows can be taken, holds NaN."""
    starts = range(0, x.shape[0], BLOCK_ROWS)
    return any(bool(np.isnan(x[start : start + BLOCK_ROWS]).any()) for start in starts)


def column_moments(x: Any, weights: Array) -> tuple[Array, Array, Array]:
    """Mean, variance and third central moment of every column of weighted rows, in float64.

    Of the rows that have a value there, and not NaN. x is an array, or what slices of rows can be
    taken from. In one pass over blocks of rows, a quarter of the time of scikit-learn's two: powers
    are summed around a block's own mean, and its distance from the mean of all is accounted for
    afterwards. Columns are taken relative to their first value: so the variance of a constant one
    is zero.
    """
    n = max(1, 2 * _CACHED // x.shape[1])
    starts = range(0, x.shape[0], n)
    first = _first_values((x[start : start + n] for start in starts), x.shape[1])
    shares = weights / weights.sum()

    def of_block(start: int) -> tuple[Array, Array, Array, Array]:
        share = shares[start : start + n]
        u = np.subtract(x[start : start + n], first, dtype=np.float64)
        total, mean = np.full(u.shape[1], share.sum()), share @ u
        missing = np.isnan(u) if np.isnan(mean).any() else None
        if missing is not None:
            u[missing] = 0
            total, mean = share @ ~missing, share @ u
        mean /= np.where(total > 0, total, 1)
        u -= mean
        if missing is not None:
            u[missing] = 0
        power = u * u
        second = share @ power
        power *= u
        return total, mean, second, share @ power

    of_blocks = in_threads(of_block, starts)
    total, means, second, third = map(np.stack, zip(*of_blocks, strict=True))
    seen = total.sum(axis=0)
    seen[seen == 0] = 1
    mean = (total * means).sum(axis=0) / seen
    distance = means - mean
    spread = total * distance**2
    third += distance * (3 * second + spread)
    return first + mean, (second + spread).sum(axis=0) / seen, third.sum(axis=0) / seen


def _first_values(blocks: Iterable[Array], n_columns: int) -> Array:
    """The first value of every column that is not NaN, in float64; 0 where there is none."""
    values = np.full(n_columns, np.nan)
    for x in blocks:
        missing = np.isnan(values)
        if not missing.any():
            break
        x = x[:, missing]
        first = np.isnan(x).argmin(axis=0)
        values[missing] = np.take_along_axis(x, first[None], axis=0)[0]
    return np.nan_to_num(values)


def is_binary(x: Any) -> bool:
    """Whether an array or a sparse matrix holds zeros and ones alone."""
    x = x.data if is_sparse(x) else x
    return x.dtype == bool or bool((x * x == x).all())


def is_sparse(x: Any) -> bool:
    """Whether x is a sparse matrix."""
    return sparse.issparse(x)


def dense(x: Any) -> Array:
    """The array that a sparse matrix stands for, or the array itself."""
    return x.toarray() if is_sparse(x) else x


def product(x: Any, y: Array) -> Array:
    """`x @ y`, as one product also where x, an array or a sparse matrix, has further axes."""
    if x.ndim == 2:
        return x @ y
    return (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], -1)


def addmm(c: Array, a: Array, b: Array) -> Array:
    """`c += a.T @ b`, in place; return what was added.

    By numpy's BLAS, as all products are: scipy brings another one, with threads of its own, and
    where both wait for work on the same cores, small products take ten times as long.
    """
    added = a.T @ b
    c += added
    return added
