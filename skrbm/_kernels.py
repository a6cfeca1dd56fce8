"""The numeric seam: array primitives, and the only module that knows tricks.

Every formula of the package is written with array operators and the functions of this file: no
other module of formulas names an array library, and one is supported by giving it these functions.

All draws are made from 32-bit floats whatever the precision of the model, so that one seed gives
one chain in float32 and in float64. A probability below their resolution, 2^-24, counts as that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import logsumexp

Array = np.ndarray[Any, np.dtype[Any]]
Generator = np.random.Generator

# n foldings multiply up to 2^(n + 1) factors 1 + exp(x); they stay finite while 2^n x is below.
_LARGEST_EXPONENT = 340.0
_MOST_FOLDS = 4


def generator(seed: Any) -> Generator:
    """A generator from anything that `numpy.random.SeedSequence` takes, or from one of them."""
    return np.random.Generator(np.random.SFC64(seed))


def logistic(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, written over x; exact in both tails, where tanh would round to 0."""
    with np.errstate(over="ignore"):  # exp(-x) = inf is the right denominator of 0
        np.negative(x, out=x)
        np.exp(x, out=x)
        x += 1
        return np.reciprocal(x, out=x)


def softplus(x: Array) -> Array:
    """`log(1 + exp(x))` without overflow, in a new array; 6 times as fast as numpy's logaddexp."""
    tail = np.asarray(np.abs(x))
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    tail += np.maximum(x, 0)
    return tail


def exp(x: Array) -> Array:
    """Exponential of each element."""
    return np.asarray(np.exp(x))


def log(x: Array) -> Array:
    """Natural logarithm of each element."""
    return np.asarray(np.log(x))


def log_sum_exp(x: Array) -> float:
    """`log(sum(exp(x)))` over all of x."""
    return float(logsumexp(x))


def sum_float64(x: Array) -> Array:
    """Sum over the last axis, accumulated in float64."""
    return np.asarray(x.sum(axis=-1, dtype=np.float64))


def row_dot(x: Array, y: Array) -> Array:
    """`sum_j x_ij y_ij` in float64; y is one vector or as many rows as x, which may be sparse."""
    if y.ndim == 1:
        return np.asarray(x @ y.astype(np.float64, copy=False))
    return np.einsum("ij,ij->i", x, y, dtype=np.float64)


def pairwise_sum_softplus(x: Array, y: Array) -> Array:
    """`sum_k softplus(x_ik + y_jk)` for every pair of rows i of x and j of y, in float64.

    The exponential of a sum is a product, and a sum of logarithms the logarithm of a product: so
    exp is taken of the rows, not of their pairs, and log of products of up to 16 factors. That
    takes 0.8 ns a term where softplus takes 3, and is done where the products cannot overflow.
    """
    largest = max(1.0, x.max(initial=0) + y.max(initial=0))
    if largest > _LARGEST_EXPONENT:
        return np.stack([softplus(row + y).sum(axis=-1) for row in x])
    n_folds = min(_MOST_FOLDS, int(np.log2(_LARGEST_EXPONENT / largest)))
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
    return np.asarray(np.log(factors).sum(axis=0))


def binary_states(n_units: int, start: int = 0, stop: int | None = None) -> Array:
    """Rows start to stop of the 2^n_units joint states of binary units, the first unit fastest."""
    codes = np.arange(start, 2**n_units if stop is None else stop, dtype=np.int64)
    return (codes[:, None] >> np.arange(n_units) & 1).astype(np.float64)


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of zeros."""
    return np.zeros(shape, dtype)


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


def normal(shape: tuple[int, ...], scale: float, dtype: Any, rng: Generator) -> Array:
    """Normal draws of mean 0 and standard deviation scale."""
    draws = rng.standard_normal(shape, dtype=np.float32)
    draws *= scale
    return draws.astype(dtype, copy=False)


def bernoulli(probability: Array, rng: Generator) -> Array:
    """Zeros and ones of the given probabilities, in their dtype."""
    return (uniform(probability.shape, rng) < probability).astype(probability.dtype)


def addmm(c: Array, a: Array, b: Array, alpha: float) -> None:
    """`c += alpha * a.T @ b`, in place.

    By numpy's BLAS, as all products are: scipy brings another one, with threads of its own, and
    where both wait for work on the same cores, small products take ten times as long.
    """
    c += a.T @ (c.dtype.type(alpha) * b)
