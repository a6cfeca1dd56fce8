"""Work on many rows, block by block, on all cores of the processor.

A block is small enough to stay in cache from one pass to the next, and has a generator of its own:
so the number of threads changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from skrbm._kernels.devices import Array, Generator, to_host

T = TypeVar("T")

BLOCK_ROWS = 1024  # enough for a matrix product, and few enough for the cache


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
    """`work(x)`, or `work(x, rng)`, for work that treats every row by itself; numpy's in any case.

    Many rows are done in blocks, one thread each: so whatever is done to a row beside matrix
    products uses all cores as well.
    """
    starts = range(0, x.shape[0], BLOCK_ROWS)
    if len(starts) <= 1:
        return to_host(work(x[:]) if rng is None else work(x[:], rng))
    results: list[Array] = []  # one array, made when the first block is done
    lock = Lock()

    def one_block(start: int, *rng: Generator) -> None:
        rows = slice(start, start + BLOCK_ROWS)
        block = to_host(work(x[rows], *rng))
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
