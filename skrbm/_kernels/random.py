"""Random draws: with numpy's generator, except on devices other than the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator, is_on_accelerator, is_tensor, library


def generator(seed: Any) -> Generator:
    """A generator from an integer or a fresh `numpy.random.SeedSequence`."""
    return np.random.Generator(np.random.SFC64(seed))


def _of_device(x: Any, rng: Generator) -> Any:
    """A generator on the device of x, seeded from the host's generator.

    Its streams are counter-based, so seeding costs nothing. No state has to be stored on a device.
    """
    return library(x).Generator(x.device).manual_seed(int(rng.integers(2**63)))


def uniform(shape: tuple[int, ...], rng: Generator, x: Array) -> Array:
    """Draws from [0, 1) on the device of x."""
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
    if is_on_accelerator(x):
        return uniform(x.shape, rng, x) * 65536
    n = math.prod(x.shape)
    bits = rng.bit_generator.random_raw(n // 4 + 2)
    u = bits.view(np.uint16)[:n].astype(np.float32)
    u += np.float32(int(bits[-1]) % 256 / 256)
    u = u.reshape(x.shape)
    return library(x).from_numpy(u) if is_tensor(x) else u


def normal(shape: tuple[int, ...], scale: float, x: Array, rng: Generator) -> Array:
    """Normal draws with mean 0 and standard deviation scale, at most 6.7 times as large, like x.

    Uses the transform of G. E. P. Box and M. E. Muller (1958): 4 ns per draw, `standard_normal`
    takes 10.
    """
    if is_on_accelerator(x):
        where = {"generator": _of_device(x, rng), "device": x.device, "dtype": x.dtype}
        return scale * library(x).randn(shape, **where)
    n = math.prod(shape)
    n_pairs = -(-n // 2)
    u = rng.bit_generator.random_raw(n_pairs).view(np.uint32).astype(np.float32)
    radius, angle = u[:n_pairs], u[n_pairs:]
    radius += np.float32(0.5)  # keeps the logarithm finite
    radius *= np.float32(2**-32)
    np.log(radius, out=radius)
    radius *= np.float32(-2 * scale**2)
    np.sqrt(radius, out=radius)
    angle *= np.float32(2 * math.pi * 2**-32)
    draws = np.empty_like(u)
    for function, half in ((np.cos, draws[:n_pairs]), (np.sin, draws[n_pairs:])):
        function(angle, out=half)
        half *= radius
    return devices.like(draws[:n].reshape(shape), x)


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
    first = np.zeros(n_rows, np.int64) if rng is None else rng.integers(n_columns, size=n_rows)
    for i in range(n_choices):
        yield (first + i * (n_columns // n_choices)) % n_columns


def accept(log_ratio: Array, rng: Generator) -> Array:
    """Whether Metropolis' rule accepts each move: with probability `min(1, ratio)`."""
    return uniform(log_ratio.shape, rng, log_ratio) < arrays.exp(log_ratio.clip(max=0))


def uniform_by_content(x: Any, rng: Generator, n_columns: int | None = None) -> Array:
    """Draws from [0, 1) for the elements of x, or for the stored elements of a CSR matrix.

    Equal rows get equal draws, different rows independent ones. With n_columns, an array gets this
    number of draws per row.
    """
    if is_tensor(x) and (not is_on_accelerator(x) or devices.is_without_float64(x)):
        return devices.like(uniform_by_content(devices.to_host(x), rng, n_columns), x)
    keys = row_keys(x)
    if not arrays.is_sparse(x):
        return uniform_by_key(keys, n_columns or x.shape[1], rng)
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
    return np.fmod(x @ projection, 2.0**32).astype(np.int64) & 0xFFFFFFFF


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
