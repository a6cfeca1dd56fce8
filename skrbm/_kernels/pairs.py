"""Sums over the terms of all pairs of rows, in blocks that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, library

_IN_CACHE = 2**16  # elements
_FEW_TERMS = 2**13  # softplus of fewer sums takes less time than the other calls
_ON_DEVICE = 2**24  # on a device a call takes as long as many elements

# Foldings to n factors multiply up to 2 n factors 1 + exp(x); they are finite while n x is below.
_LARGEST_EXPONENT = {4: 40.0, 8: 340.0}  # by bytes per number
_SAFE_SHARE = 0.75  # of it for x: exp(x) exp(x') is then negligible if it is subnormal
_MOST_FACTORS = 16


def of_sums(function: Callable[[Array], Array], x: Array, y: Array) -> Array:
    """`function(x_i + y_j)` for every pair of rows i and j; it removes the last axis."""
    n = max(1, _block(y) // max(1, math.prod(y.shape)))
    starts = range(0, max(1, len(x)), n)
    return arrays.concat([function(x[start : start + n, None] + y) for start in starts])


def sum_softplus(x: Array, y: Array) -> Array:
    """`sum_k softplus(x_ik + y_jk)` for every pair of rows i of x and j of y, in float64.

    The exponential of a sum is a product, and a sum of logarithms is the logarithm of a product. So
    exp is computed only for rows, not for pairs, and log only for products of up to 16 factors.
    A matrix product makes the products of two factors, `(1 + a b) (1 + c d) = 1 + ab + cd + ac bd`.
    This takes 0.4 ns per term, softplus 3 ns. It is used if there are enough terms, and the
    products cannot overflow.
    """
    n_terms = len(x) * math.prod(y.shape)
    largest = max(1.0, sum(max(0.0, float(z.max())) for z in (x, y) if math.prod(z.shape)))
    limit = _LARGEST_EXPONENT[min(x.dtype.itemsize, y.dtype.itemsize)]
    if n_terms < _FEW_TERMS or largest > _SAFE_SHARE * limit:
        return of_sums(lambda z: arrays.sum_float64(arrays.softplus(z)), x, y)
    a, b = _products_of_two(arrays.exp(x.T)), _products_of_two(arrays.exp(y.T))
    n_factors = min(_MOST_FACTORS, limit / largest, x.shape[1])
    return _sum_log_products(a.swapaxes(1, 2), b, max(0, int(np.log2(max(1, n_factors))) - 1))


def _products_of_two(factors: Array) -> Array:
    """`(1, a, c, a c)` for successive rows a and c, shape (n_rows / 2, 4, n_columns)."""
    n = len(factors) // 2
    if len(factors) % 2:
        factors = arrays.concat([factors, 0 * factors[:1]])
        n += 1
    even, odd = factors[0::2], factors[1::2]
    return library(factors).stack([0 * even + 1, even, odd, even * odd], 1)


def _sum_log_products(a: Array, b: Array, n_folds: int) -> Array:
    """`sum_k log((a_k b_k)_ij)` for matrices a_k and b_k, by halving the longest axis.

    Each logarithm is taken of a product of at least `2^n_folds` elements.
    """
    sizes = len(a), a.shape[1], b.shape[2]
    if math.prod(sizes) <= _block(a):
        return _log_product(a @ b, n_folds)
    half, axis = max(sizes) // 2, int(np.argmax(sizes))
    halves = slice(half), slice(half, None)
    if axis == 1:
        return arrays.concat([_sum_log_products(a[:, own], b, n_folds) for own in halves])
    if axis == 2:
        return arrays.concat([_sum_log_products(a, b[..., own], n_folds) for own in halves], 1)
    first, last = (_sum_log_products(a[own], b[own], n_folds) for own in halves)
    return first + last


def _log_product(factors: Array, n_folds: int) -> Array:
    """`sum_k log(factors_kij)` by n_folds halvings of the first axis; overwrites factors."""
    for _ in range(n_folds):
        half = len(factors) // 2
        folded = factors[:half]
        folded *= factors[half : 2 * half]
        if len(factors) % 2:
            folded[0] *= factors[-1]
        factors = folded
    return arrays.sum_float64(library(factors).moveaxis(arrays.log(factors), 0, -1))


def _block(x: Array) -> int:
    """Number of elements of a block."""
    return _ON_DEVICE if devices.is_on_accelerator(x) else _IN_CACHE
