"""Array primitives, by numpy or torch, as their arrays are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse, special
from scipy.optimize import brentq

from skrbm._kernels.devices import (
    Array,
    float64,
    is_tensor,
    is_without_float64,
    library,
    like,
    to_host,
    with_device_of,
)
from skrbm._kernels.threads import BLOCK_ROWS, by_rows

_CACHED = 2**16  # elements that stay in cache

# n foldings multiply up to 2^(n + 1) factors 1 + exp(x); they stay finite while 2^n x is below.
_LARGEST_EXPONENT = {4: 40.0, 8: 340.0}  # by the bytes of a number
_MOST_FOLDS = 4

_VANISHED = 1e-20

_FINITE_EXPONENT = 80.0  # whose exponential is finite in float32


# The C library returns a freed array of this size to the system, once, and learns from it to keep
# smaller ones: otherwise every update would ask anew for the memory of its temporaries, which takes
# a fifth of its time. No byte of this one is ever touched.
np.empty(2**25 - 2**13, np.uint8)


def logistic(x: Array | float, y: Array) -> Array:
    """`1 / (1 + exp(-(x + y)))`; exact in both tails, where tanh would round to 0."""
    if is_tensor(y):
        return library(y).sigmoid_(x + y)
    z = np.subtract(-y, x)
    with np.errstate(over="ignore"):  # infinity is the right denominator of 0
        np.exp(z, out=z)
    z += 1
    return np.reciprocal(z, out=z)


def softplus(x: Array) -> Array:
    """`log(1 + exp(x))` without overflow, in a new array; 6 times as fast as numpy's logaddexp."""
    if is_tensor(x):
        return library(x).log1p(library(x).exp(-abs(x))) + x.clip(min=0)
    tail = np.asarray(np.abs(x))
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    tail += np.maximum(x, 0)
    return tail


def sum_softplus(x: Array) -> Array:
    """`sum_j softplus(x_ij)` over the last axis, in float64; 1.5 ns a term, softplus takes 2.1."""
    if is_tensor(x) or not x.max(initial=0) < _FINITE_EXPONENT:
        return sum_float64(softplus(x))
    terms = np.exp(x)
    np.log1p(terms, out=terms)
    return sum_float64(terms)


def exp(x: Array) -> Array:
    """Exponential of each element."""
    return library(x).exp(x)[...]  # a number is an array without axes


def log(x: Array) -> Array:
    """Natural logarithm of each element."""
    return library(x).log(x)[...]


def log_sum_exp(x: Array | list[float]) -> float:
    """`log(sum(exp(x)))` over all of x."""
    return float(special.logsumexp(to_host(x)))


def row_log_sum_exp(x: Array) -> Array:
    """`log(sum_j exp(x_ij))` over the last axis, in float64."""
    largest = library(x).amax(x, -1)
    return log(sum_float64(exp(x - largest[..., None]))) + float64(largest)


def softmax(x: Array) -> Array:
    """`exp(x_ij) / sum_j exp(x_ij)` over the last axis."""
    return library(x).softmax(x, -1) if is_tensor(x) else np.asarray(special.softmax(x, axis=-1))


def log_add_exp(x: Array, y: Array) -> Array:
    """`log(exp(x) + exp(y))`, element by element."""
    return library(x).logaddexp(x, y)


def log_mean_exp(x: Array, weights: Array) -> Array:
    """`log(sum_j weights_j exp(x_ij))` of every row, in float64."""
    largest = library(x).amax(x, 1)
    share = float64(exp(x - largest[:, None]))
    return log(share @ like(weights, share)) + float64(largest)


def sum_float64(x: Array) -> Array:
    """Sum over the last axis, accumulated in float64."""
    if is_without_float64(x):
        return float64(x).sum(-1)
    return library(x).sum(x, -1, dtype=library(x).float64)[...]


def row_dot(x: Array, y: Array) -> Array:
    """`sum_j x_ij y_ij` in float64; y is one vector or as many rows as x, which may be sparse."""
    if y.ndim == 1:
        y = float64(y)
        if is_tensor(x):
            return float64(x) @ y
        if is_sparse(x) or x.dtype == np.float64 or x.size <= _CACHED:
            return np.asarray(x @ y)
        rows = x.reshape(-1, len(y))  # which x @ y would copy as a whole, in float64
        n = max(1, _CACHED // len(y))
        parts = [rows[start : start + n] @ y for start in range(0, len(rows), n)]
        return np.concatenate(parts).reshape(x.shape[:-1])
    if is_tensor(x):
        return sum_float64(float64(x) * float64(y))
    return np.einsum("...j,...j->...", x, y, dtype=np.float64)


def row_sums_of_products(x: Array, y: Array) -> Array:
    """`sum_j x_ij y_ij` in the dtype of both, for gradients; `row_dot` is for likelihoods."""
    return library(x).einsum("ij,ij->i", x, y)


def pairwise_sum_softplus(x: Array, y: Array) -> Array:
    """`sum_k softplus(x_ik + y_jk)` for every pair of rows i of x and j of y, in float64.

    The exponential of a sum is a product, and a sum of logarithms the logarithm of a product: so
    exp is taken of the rows, not of their pairs, and log of products of up to 16 factors. That
    takes 0.8 ns a term where softplus takes 3, and is done where the products cannot overflow.
    """
    stack = library(x).stack
    largest = max(1.0, _highest(x) + _highest(y))
    limit = _LARGEST_EXPONENT[min(x.dtype.itemsize, y.dtype.itemsize)]
    if largest > limit:
        return stack([sum_float64(softplus(row + y)) for row in x])
    n_folds = min(_MOST_FOLDS, int(np.log2(limit / largest)))
    exp_x, exp_y = exp(x), exp(y.T)  # terms first: every fold is one contiguous pass
    return stack([_log_product(exp_y * row[:, None], n_folds) for row in exp_x])


def _highest(x: Array) -> float:
    """The largest element, or 0 where all are below."""
    return max(0.0, float(x.max())) if len(x) else 0.0


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
    return sum_float64(log(factors).T)


def binary_states(n_units: int, start: int = 0, stop: int | None = None) -> Array:
    """Rows start to stop of the 2^n_units joint states of binary units, the first unit fastest."""
    codes = np.arange(start, 2**n_units if stop is None else stop, dtype=np.int64)
    return (codes[:, None] >> np.arange(n_units) & 1).astype(np.float64)


def linspace(start: float, stop: float, n: int) -> Array:
    """Equally spaced numbers from start to stop; numpy's, as all that is no state of units."""
    return np.linspace(start, stop, n)


def interpolate(x: Array, nodes: Array, values: Array) -> Array:
    """The broken line through the values at increasing nodes, at x."""
    return np.interp(x, nodes, values)


def lerp(x: Array, y: Array, share: float) -> Array:
    """`x + share (y - x)`; exactly 0 where it vanishes, since subnormal numbers are slow.

    With torch in two operations instead of six: 3 us for 784 elements instead of 14.
    """
    if is_tensor(x):
        torch = library(x)
        return torch.nn.functional.hardshrink(torch.lerp(x, y, share), _VANISHED)
    x = x + share * (y - x)
    return x * (np.abs(x) > _VANISHED)


def moving_average(x: Array, width: int) -> Array:
    """Mean of every element and its neighbours, width in all, or fewer at the ends."""
    window = np.ones(width)
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


def clip(x: Array, low: float, high: float) -> Array:
    """The array within limits, in place."""
    return library(x).clip(x, low, high, out=x)


def where(condition: Array, x: Any, y: Any) -> Array:
    """X where the condition holds, y elsewhere."""
    other = x if is_tensor(x) else y
    if is_tensor(other):
        condition = with_device_of(condition, other)
    return library(condition).where(condition, x, y)


def nonzero(condition: Array) -> Array:
    """Where a condition on numbers in a row holds; numpy's, as all indices of rows."""
    return np.flatnonzero(to_host(condition))


def nonzero_rows(condition: Array) -> Array:
    """The rows in which a condition holds somewhere; numpy's."""
    return np.flatnonzero(to_host(condition).any(axis=1))


def is_nan(x: Array) -> Array:
    """Whether each element is not a number."""
    return library(x).isnan(x)


def maximum(x: Array, y: Array) -> Array:
    """The larger of two, element by element."""
    return library(x).maximum(x, y)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a monotonous function of one number changes its sign."""
    return brentq(function, low, high)


def concat(parts: Sequence[Any], axis: int = 0) -> Any:
    """The arrays joined along an axis; along the last one the first may be a sparse matrix."""
    if is_sparse(parts[0]):
        return sparse.hstack(parts, format="csr")
    return library(parts[0]).concatenate(parts, axis=axis)


def split(x: Any, n: int) -> list[Array]:
    """The rows of x in n parts of equal size, but for one row."""
    return list(x.tensor_split(n)) if is_tensor(x) else np.array_split(x, n)


def flip(x: Any, axis: int) -> Array:
    """The array with the order of its elements reversed along an axis."""
    return x.flip(axis) if is_tensor(x) else np.flip(x, axis)


def copy(x: Any) -> Array:
    """A copy, its rows one after the other in memory."""
    return x.contiguous().clone() if is_tensor(x) else np.array(x, order="C")


def repeat(x: Any, n: int) -> Array:
    """Copies of x along a new first axis."""
    return x[None].repeat_interleave(n, 0) if is_tensor(x) else np.repeat(x[None], n, axis=0)


def zeros(shape: tuple[int, ...], x: Any) -> Array:
    """An array of zeros, like x."""
    return x.new_zeros(shape) if is_tensor(x) else np.zeros(shape, x.dtype)


def nan(shape: tuple[int, ...], x: Array) -> Array:
    """An array of NaN, like x."""
    return zeros(shape, x) * np.nan


def one_hot_largest(x: Array) -> Array:
    """For every row one at the place of its largest element, and zeros elsewhere."""
    largest = x.argmax(-1)[..., None]
    return like(like(np.arange(x.shape[-1]), largest) == largest, x)


def identity(n: int, x: Array) -> Array:
    """The square matrix with ones on its diagonal and zeros elsewhere, like x."""
    return like(np.eye(n, dtype=np.float32), x)


def equal_weights(n: int) -> Array:
    """Weights of n equal rows, which sum to one, in float64; numpy's, as all weights of rows."""
    return np.full(n, 1 / n)


def take_columns(x: Array, columns: Array) -> Array:
    """The element of each row in that row's column, shape (n_rows, 1)."""
    return x[np.arange(len(columns)), columns][:, None]


def argsort(x: Array) -> Array:
    """Indices that sort x."""
    return x.argsort(stable=True)


def min_max(x: Any) -> tuple[float, float]:
    """The smallest and the largest element of an array or a sparse matrix; NaN if there is one."""
    if is_sparse(x):
        return float(x.min()), float(x.max())

    def of_block(rows: Array) -> Array:
        return np.full((len(rows), 2), [float(rows.min()), float(rows.max())])

    of_blocks = by_rows(of_block, x)
    return float(of_blocks[:, 0].min()), float(of_blocks[:, 1].max())


def has_nan(x: Any) -> bool:
    """Whether an array, or an object from which rows can be taken, holds NaN."""
    starts = range(0, x.shape[0], BLOCK_ROWS)
    return any(bool(is_nan(x[start : start + BLOCK_ROWS]).any()) for start in starts)


def is_binary(x: Any) -> bool:
    """Whether an array or a sparse matrix holds zeros and ones alone."""
    x = x.data if is_sparse(x) else x
    return x.dtype == bool or bool((x * x == x).all())


def is_sparse(x: Any) -> bool:
    """Whether x is a sparse matrix."""
    return sparse.issparse(x)


def to_dense(x: Any) -> Array:
    """The array that a sparse matrix stands for, or the array itself."""
    return x.toarray() if is_sparse(x) else x
