"""Random draws: with numpy's generator, except on devices other than the CPU.

With a `RowGenerator`, the draws of a row depend only on its key and on the number of columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator, is_on_accelerator, is_tensor, library
from skrbm._kernels.generators import RowGenerator

_MISSING = 0.6180339887  # content of a missing value; hardly a known value


def generator(seed: Any) -> Generator:
    """A generator from an integer or a fresh `numpy.random.SeedSequence`."""
    return np.random.Generator(np.random.SFC64(seed))


def reseeded(rng: Generator, seed: int) -> Generator:
    """A generator for the same rows, with another seed."""
    return RowGenerator(rng.keys, seed) if isinstance(rng, RowGenerator) else generator(seed)


def _of_device(x: Any, rng: Generator) -> Any:
    """A generator on the device of x, seeded from the host's generator.

    Its streams are counter-based, so seeding costs nothing. No state has to be stored on a device.
    """
    return library(x).Generator(x.device).manual_seed(int(rng.integers(2**63)))


def uniform(shape: tuple[int, ...], rng: Generator, x: Array) -> Array:
    """Draws from [0, 1) on the device of x."""
    if isinstance(rng, RowGenerator):
        keys = devices.with_device_of(rng.keys, x)
        return uniform_by_key(keys, math.prod(shape[1:]), rng).reshape(shape)
    if is_on_accelerator(x):
        return library(x).rand(shape, generator=_of_device(x, rng), device=x.device)
    u = rng.random(shape, dtype=np.float32)
    return library(x).from_numpy(u) if is_tensor(x) else u


def _uniform(x: Array, rng: Generator) -> Array:
    """Draws from [0, 65536) for every element of x; numpy makes four from every 64 random bits.

    This takes 0.7 ns per draw, `random` takes 2.0. All draws share the lowest 8 of their 24 bits.
    Every single draw is still uniform. Two draws are dependent only if both are compared with
    probabilities below 2^-16.
    """
    if isinstance(rng, RowGenerator):
        n = math.prod(x.shape[1:])
        bits = rng.bit_generator.random_raw(1)
        u = _halves(_bits_by_key(-(-n // 2), x, rng))[:, :n]
    elif is_on_accelerator(x):
        return uniform(x.shape, rng, x) * 65536
    else:
        n = math.prod(x.shape)
        bits = rng.bit_generator.random_raw(n // 4 + 2)
        u = bits.view(np.uint16)[:n].astype(np.float32)
    u += int(bits[-1]) % 256 / 256
    u = u.reshape(x.shape)
    return library(x).from_numpy(u) if is_tensor(x) and not is_tensor(u) else u


def normal(shape: tuple[int, ...], scale: float, x: Array, rng: Generator) -> Array:
    """Normal draws with mean 0 and standard deviation scale, at most 6.7 times as large, like x.

    Uses the transform of G. E. P. Box and M. E. Muller (1958): 4 ns per draw, `standard_normal`
    takes 10.
    """
    by_row = isinstance(rng, RowGenerator)
    if is_on_accelerator(x) and not by_row:
        where = {"generator": _of_device(x, rng), "device": x.device, "dtype": x.dtype}
        return scale * library(x).randn(shape, **where)
    n = math.prod(shape[1:] if by_row else shape)
    n_pairs = -(-n // 2)
    u = _below_2_to_32(n_pairs, x, rng)
    radius, angle = u[:n_pairs], u[n_pairs:]
    radius += 0.5  # keeps the logarithm finite
    radius *= 2.0**-32
    library(u).log(radius, out=radius)
    radius *= -2 * scale**2
    library(u).sqrt(radius, out=radius)
    angle *= 2 * math.pi * 2.0**-32
    draws = arrays.zeros(u.shape, u)
    for function, half in ((library(u).cos, draws[:n_pairs]), (library(u).sin, draws[n_pairs:])):
        function(angle, out=half)
        half *= radius
    draws = arrays.copy(draws[:n].T) if by_row else draws[:n]
    return devices.like(draws.reshape(shape), x)


def _below_2_to_32(n_pairs: int, x: Array, rng: Generator) -> Array:
    """Pairs of draws from [0, 2^32), in float32, firsts before seconds; a second axis has rows."""
    if not isinstance(rng, RowGenerator):
        return rng.bit_generator.random_raw(n_pairs).view(np.uint32).astype(np.float32)
    return devices.astype(_bits_by_key(2 * n_pairs, x, rng), np.float32)


def bernoulli(probability: Array, rng: Generator) -> Array:
    """Zeros and ones with the given probabilities, in their dtype."""
    states = probability * 65536
    if is_tensor(states):
        return library(states).gt(states, _uniform(states, rng), out=states)
    return np.less(_uniform(states, rng), states, out=states, casting="unsafe")


def bernoulli_logistic(x: Array | float, y: Array, rng: Generator) -> Array:
    """Zeros and ones with probabilities `logistic(x, y)`, equal to `bernoulli` of these."""
    if is_tensor(y):
        states = library(y).sigmoid_(x + y).mul_(65536)
        return library(states).gt(states, _uniform(states, rng), out=states)
    z = np.subtract(-y, x)
    with np.errstate(over="ignore", invalid="ignore"):  # 0 times infinity is not below
        np.exp(z, out=z)
        z += 1
        z *= _uniform(z, rng)
        return np.less(z, 65536, out=z, casting="unsafe")


def choices(probability: Array, n: int, rng: Generator) -> Array:
    """Draw n indices with the given probabilities."""
    cumulative = np.cumsum(devices.to_host(probability))
    return np.searchsorted(cumulative[:-1], cumulative[-1] * rng.random(n), side="right")


def one_hot_choices(probability: Array, rng: Generator) -> Array:
    """One draw per row from its probabilities, one-hot."""
    return one_hot_at(probability, uniform((*probability.shape[:-1], 1), rng, probability))


def one_hot_at(probability: Array, u: Array) -> Array:
    """One draw per row, one-hot, by inversion at a number u in [0, 1)."""
    cumulative = probability.cumsum(-1)
    below = cumulative[..., :-1] <= u * cumulative[..., -1:]
    return arrays.one_hot(below.sum(-1), probability)


def column_choices(
    n_rows: int, n_columns: int, n_choices: int, rng: Generator | None
) -> Iterator[Array]:
    """For every row n_choices different columns, all equally likely; in order if rng is None.

    Yields one column index per row at a time: equally spaced columns from a random first one.
    """
    first = np.zeros(n_rows, np.intp) if rng is None else rng.integers(n_columns, size=n_rows)
    for i in range(n_choices):
        yield (first + i * (n_columns // n_choices)) % n_columns


def accept(log_ratio: Array, rng: Generator) -> Array:
    """Whether Metropolis' rule accepts each move: with probability `min(1, ratio)`."""
    return uniform(log_ratio.shape, rng, log_ratio) < arrays.exp(log_ratio.clip(max=0))


def uniform_by_content(x: Any, rng: Generator) -> Array:
    """Draws from [0, 1) for the elements of x, or for the stored elements of a CSR matrix.

    Equal rows get equal draws, different rows independent ones.
    """
    if is_tensor(x) and (not is_on_accelerator(x) or devices.is_without_float64(x)):
        return devices.like(uniform_by_content(devices.to_host(x), rng), x)
    keys = row_keys(x)
    if not arrays.is_sparse(x):
        return uniform_by_key(keys, x.shape[1], rng)
    factor, offset = _hash(x.shape[1], keys, rng)
    hashed = np.repeat(keys, np.diff(x.indptr))
    hashed *= factor[x.indices]
    return _unit_interval(hashed + offset[x.indices])


def row_keys(x: Any) -> Array:
    """One integer below 2^32 per row, equal for equal rows: a projection of the row's elements."""
    projection = _projection(x.shape[1])
    if devices.is_without_float64(x):
        return devices.with_device_of(row_keys(devices.to_host(x)), x)
    if is_tensor(x):
        of_row = devices.float64(x) @ devices.with_device_of(projection, x)
        return of_row.fmod(2.0**32).long() & 0xFFFFFFFF
    if arrays.is_sparse(x):
        of_row = x @ projection
    else:  # a product of matrices would round a row differently in another block
        of_row = np.multiply(x, projection, order="C").sum(-1)
    return np.fmod(of_row, 2.0**32).astype(np.int64) & 0xFFFFFFFF


def content_keys(x: Any) -> Array:
    """`row_keys` of rows with missing values."""
    return row_keys(x if arrays.is_sparse(x) else arrays.where(arrays.is_nan(x), _MISSING, x))


@lru_cache(maxsize=8)
def _projection(n_columns: int) -> Array:
    """Random factors of columns; if they were larger, rounding of the sum would matter."""
    return 2.0**20 * generator(0).random(n_columns)


def uniform_by_key(keys: Array, n_columns: int, rng: Generator) -> Array:
    """Draws from [0, 1), equal for rows with equal keys, pairwise independent for others.

    A draw is the highest bits of `a key + b`, modulo 2^64, with random a and b for each column.

    References
    ----------
    M. Dietzfelbinger, "Universal hashing and k-wise independent random variables via integer
    arithmetic without primes", STACS 1996.
    """
    factor, offset = _hash(n_columns, keys, rng)
    hashed = keys[:, None] * factor
    hashed += offset
    return _unit_interval(hashed)


def _bits_by_key(n: int, x: Array, rng: RowGenerator) -> Array:
    """32 random bits n times for every key, shape (n, n_keys); the highest of `a key + b`.

    Computed on an accelerator if x is there. Rows of few columns take a third of the time in this
    order.
    """
    keys = devices.with_device_of(rng.keys, x) if is_on_accelerator(x) else rng.keys
    factor, offset = _hash(n, keys, rng)
    hashed = factor[:, None] * keys
    hashed += offset[:, None]
    if is_tensor(hashed):
        return (hashed >> 32) & 0xFFFFFFFF
    bits = hashed.view(np.uint64)
    bits >>= np.uint64(32)
    return bits.astype(np.uint32)


def _halves(bits: Array) -> Array:
    """The lower and the upper 16 of all 32 bits, in float32, one row for every key."""
    if is_tensor(bits):
        halves = library(bits).stack([bits & 0xFFFF, bits >> 16], -1).swapaxes(0, 1)
        return devices.astype(halves.reshape(bits.shape[1], -1), np.float32)
    return bits.T.copy().view(np.uint16).astype(np.float32)


def _hash(n_columns: int, keys: Array, rng: Generator) -> Array:
    """Random a and b for each column, on the device of the keys."""
    bits = rng.bit_generator.random_raw(2 * n_columns).view(np.int64)
    return devices.with_device_of(bits.reshape(2, n_columns), keys)


def _unit_interval(bits: Array) -> Array:
    """The highest 24 of 64 bits as a number in [0, 1); overwrites the bits."""
    bits >>= 40
    bits += 2**23
    u = devices.astype(bits, np.float32)
    u *= 2.0**-24
    return u
