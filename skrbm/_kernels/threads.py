"""Work on blocks of rows, in parallel on all CPU cores.

A block stays in cache between passes. Each block has its own generator, so the number of threads
does not affect the result. With a `RowGenerator`, the size of a block does not affect it either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from skrbm._kernels.devices import Array, Generator, to_host
from skrbm._kernels.generators import RowGenerator, by_part

T = TypeVar("T")

BLOCK_ROWS = 1024  # large enough for a matrix product, small enough for the cache


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, "skrbm")


_in_threads = Lock()


def _after_fork() -> None:
    """Reset threads and lock after a fork, which copies neither threads nor the lock's owner."""
    global _in_threads
    _in_threads = Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def by_rows(work: Callable[..., Array], x: Any, rng: Generator | None = None) -> Array:
    """`work(x)` or `work(x, rng)`, for work on independent rows, as a numpy array.

    Many rows are split into blocks, each processed by one thread. So all operations on rows use all
    cores, not only the matrix products.
    """
    blocks = [slice(i, i + BLOCK_ROWS) for i in range(0, x.shape[0], BLOCK_ROWS)]
    generators = () if rng is None else (_of_blocks(rng, blocks),)
    if len(blocks) <= 1:
        return to_host(work(x[:], *(rng for (rng,) in generators)))
    results: list[Array] = []  # one array, made when the first block is done
    lock = Lock()

    def one_block(rows: slice, *rng: Generator) -> None:
        block = to_host(work(x[rows], *rng))
        with lock:
            if not results:
                results.append(np.empty((x.shape[0], *block.shape[1:]), block.dtype))
        results[0][rows] = block

    in_threads(one_block, blocks, *generators)
    return results[0]


def _of_blocks(rng: Generator, blocks: list[slice]) -> list[Generator]:
    """A generator for each block."""
    if isinstance(rng, RowGenerator):
        return [*map(by_part(rng), blocks)]
    return rng.spawn(len(blocks)) if len(blocks) > 1 else [rng]


def in_threads(
    work: Callable[..., T], *arguments: Iterable[Any], n_jobs: int | None = None
) -> list[T]:
    """Results of `work` for each tuple of arguments, in n_jobs threads.

    By default the number of threads is the number that matrix products use; each product in them
    uses one. If threads of another caller are running, all work is done in the current thread: the
    limit on threads of a product applies to the whole process, and two callers would overwrite each
    other's setting.
    """
    tasks = list(zip(*arguments, strict=True))
    if len(tasks) <= 1 or not _in_threads.acquire(blocking=False):
        return [work(*task) for task in tasks]
    try:
        if n_jobs is None:
            n_jobs = max((library.num_threads for library in _blas().lib_controllers), default=1)
        with _blas().limit(limits=1):
            if n_jobs == 1:  # WebAssembly in a browser cannot start a thread
                return [work(*task) for task in tasks]
            return list(_pool(n_jobs).map(lambda task: work(*task), tasks))
    finally:
        _in_threads.release()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit matrix products to one thread, unless threads of another caller are running."""
    lock = _in_threads
    if not lock.acquire(blocking=False):
        yield
        return
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        lock.release()
