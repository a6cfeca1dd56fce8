"""The workers of a Dask cluster that fit an estimator together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any
from uuid import uuid4

import numpy as np

from skrbm.distributed.worker import TAKE_BLOCKS, ForgottenPartition, Key, call, forget

try:
    import dask
    import distributed
    import pandas as pd
    from dask.array import Array as DaskArray
    from dask.dataframe import DataFrame
except ImportError as error:
    MISSING = "skrbm.distributed needs Dask: pip install 'dask[array,dataframe]' distributed."
    raise ImportError(MISSING) from error

_POLL_SECONDS = 0.5  # between checks that all workers live
_RESTART_SECONDS = 10.0  # in which a nanny brings a killed worker back
_MOST_ATTEMPTS = 5  # at the same work
_BRANCHES = 2  # of the tree of a sum


class LostWorker(Exception):
    """A worker that was needed is gone."""


# Errors by which a client notices a loss.
_LOSSES = (
    LostWorker,
    CancelledError,
    TimeoutError,
    ConnectionError,
    distributed.KilledWorker,
    distributed.comm.CommClosedError,
)


@dataclass
class Cluster:
    """The workers of a fit: each has a partition of the blocks, and calls methods of its state.

    The calls that prepared the partitions are kept, so that another worker can take one over.

    Parameters
    ----------
    client : distributed.Client
    blocks : list of lists of Delayed
        Of each partition.
    workers : list of str
        The address of each partition's worker.
    order : dict of str to int
        Places of the blocks in the collection by their keys.
    """

    client: Any
    blocks: list[list[Any]]
    workers: list[str]
    order: dict[Any, int]
    fit: str = field(default_factory=lambda: uuid4().hex)
    setup: dict[Callable[..., Any], tuple[Any, ...]] = field(default_factory=dict)
    unready: set[int] = field(default_factory=set)  # partitions that moved
    n_attempts: int = 0

    @classmethod
    def of(cls, X: Any) -> Cluster:
        """As many partitions as workers, or blocks; each has blocks that its worker holds."""
        client = current_client()
        blocks = np.ravel(X.to_delayed()).tolist()
        workers = sorted(client.nthreads())[: len(blocks)]
        if not workers:
            msg = "the Dask cluster has no workers, must have at least one."
            raise ValueError(msg)
        known = distributed.futures_of(X)
        distributed.wait(known)
        holders = {str(k): v for k, v in client.who_has(known).items()} if known else {}
        order = {block.key: i for i, block in enumerate(blocks)}
        return cls(client, _grouped(blocks, workers, holders), workers, order)

    def prepare(self, method: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Results of a method of all partitions, which is called again if one moves."""
        self.setup.pop(method, None)
        self.setup[method] = arguments
        return self.attempt(self._prepare, method, range(len(self.workers)))

    def attempt(self, submit: Callable[..., list[Any]], *arguments: Any) -> list[Any]:
        """Results of the futures that `submit` returns, which is called again after a loss."""
        loss: Exception | None = None
        for _ in range(_MOST_ATTEMPTS):
            self.n_attempts += 1
            futures: list[Any] = []
            try:
                self._replace_lost()
                futures = submit(*arguments)
                return self._results(futures)
            except ForgottenPartition as error:
                self.unready.add(error.args[0])
            except _LOSSES as error:
                loss = error
            self.client.cancel(futures, force=True)
        msg = f"workers were lost in each of {_MOST_ATTEMPTS} attempts at the same work."
        raise RuntimeError(msg) from loss

    def starts(self, sizes: list[list[int]]) -> list[list[int]]:
        """Place of the first row of each block of each partition, for their numbers of rows."""
        places = [[self.order[block.key] for block in blocks] for blocks in self.blocks]
        of_blocks = np.zeros(len(self.order) + 1, np.int64)
        for at, n in zip(places, sizes, strict=True):
            of_blocks[np.array(at) + 1] = n
        starts = of_blocks.cumsum()
        return [starts[at].tolist() for at in places]

    def on_all(self, method: Callable[..., Any], *arguments: Any) -> list[Any]:
        """The futures of a method of all partitions; arguments may be futures."""
        return [self._submit(call, i, method, arguments) for i in range(len(self.workers))]

    def sum(self, futures: list[Any]) -> Any:
        """The future of the sum of all, by a tree on the cluster."""
        while len(futures) > 1:
            groups = (futures[i : i + _BRANCHES] for i in range(0, len(futures), _BRANCHES))
            futures = [
                self.client.submit(reduce, add, group, workers=self.workers, pure=False)
                for group in groups
            ]
        return futures[0]

    def broadcast(self, value: Any) -> Any:
        """The future of a value from the client, which survives the workers that have it.

        It is a task, since a value that Dask scatters is lost with its worker, and `scatter` never
        returns if the worker dies meanwhile.
        """
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self.client.submit(_same, value, pure=False)

    def close(self) -> None:
        """Let the workers forget their partitions."""
        alive = set(self.client.nthreads())
        for i, worker in enumerate(self.workers):
            if worker in alive:
                distributed.fire_and_forget(self._submit(forget, i))

    def _submit(self, function: Callable[..., Any], i: int, *arguments: Any) -> Any:
        """The future of a function of partition i, on its worker alone."""
        where = [self.workers[i]]
        return self.client.submit(function, Key(self.fit, i), *arguments, workers=where, pure=False)

    def _prepare(self, method: Callable[..., Any], partitions: Iterable[int]) -> list[Any]:
        shared = self.broadcast(self.setup[method])
        blocks = self._blocks if method in TAKE_BLOCKS else lambda i: []
        return [self._submit(call, i, method, shared, *blocks(i)) for i in partitions]

    def _blocks(self, i: int) -> list[Any]:
        """The blocks of a partition: from any worker, since Dask may know them as a lost one's."""
        where = [self.workers[i]]
        return self.client.compute(self.blocks[i], workers=where, allow_other_workers=True)

    def _replace_lost(self) -> None:
        """Give partitions of lost workers to others, and prepare them there."""
        lost = self._lost()
        self.unready.update(lost)
        if not self.unready:
            return
        with suppress(TimeoutError):  # otherwise the workers that are left take over
            self.client.wait_for_workers(len(self.workers), timeout=_RESTART_SECONDS)
        alive = sorted(self.client.nthreads())
        if not alive:
            msg = "the Dask cluster has lost all its workers."
            raise RuntimeError(msg)
        for i in lost:
            self.workers[i] = min(alive, key=self.workers.count)
        for method in self.setup:
            self._results(self._prepare(method, self.unready))
        self.unready.clear()

    def _lost(self) -> list[int]:
        alive = self.client.nthreads()
        return [i for i, worker in enumerate(self.workers) if worker not in alive]

    def _results(self, futures: list[Any]) -> list[Any]:
        """Results of all futures, as long as all workers live."""
        patience = _POLL_SECONDS
        while True:
            with suppress(TimeoutError):
                distributed.wait(futures, timeout=_POLL_SECONDS)
            if any(future.status != "finished" for future in futures):
                self._check_alive()
            if any(future.status == "pending" for future in futures):
                continue
            with suppress(TimeoutError):
                results = [future.result(timeout=patience) for future in futures]
                for future in futures:  # otherwise Dask would repeat the work of a lost worker
                    future.release()
                return results
            self._check_alive()
            patience *= 2  # large results take longer

    def _check_alive(self) -> None:
        if self._lost():
            raise LostWorker


def current_client() -> Any:
    """The client of the cluster in use."""
    try:
        return distributed.get_client()
    except ValueError as error:
        msg = "there is no Dask client: connect one, for example distributed.Client()."
        raise ValueError(msg) from error


def spread(work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """`work` of each tuple of arguments, on the workers."""
    client = current_client()
    return client.gather(client.map(work, *map(list, arguments), pure=False))


def is_collection(X: Any) -> bool:
    """Whether X is a Dask array or data frame."""
    return isinstance(X, DaskArray | DataFrame)


def header(X: Any, n_rows: int = 0) -> Any:
    """Rows of zeros with the columns of X, and their names."""
    zeros = np.zeros((n_rows, X.shape[1]))
    if isinstance(X, DaskArray):
        return zeros.astype(X.dtype)
    return pd.DataFrame(zeros, columns=X.columns)


def blockwise(estimator: Any, method: str, X: Any, like: Any) -> Any:
    """The results of a method for all blocks, once they are computed: rows such as in `like`."""
    X = check_collection("X", X)
    options = {"estimator": dask.delayed(estimator), "method": method, "meta": like[:0]}
    if isinstance(X, DataFrame):
        return X.map_partitions(_apply, **options)
    if like.ndim == 1:
        return X.map_blocks(_apply, drop_axis=1, dtype=like.dtype, **options)
    chunks = X.chunks[0], (like.shape[1],)
    return X.map_blocks(_apply, chunks=chunks, dtype=like.dtype, **options)


def check_collection(name: str, X: Any) -> Any:
    """A Dask array or data frame; each block has all columns."""
    if not is_collection(X) or X.ndim != 2:
        msg = (
            f"{name} is {type(X).__name__}, must be a Dask array of two dimensions or a Dask data "
            "frame; fit the estimator itself on data that one machine holds."
        )
        raise ValueError(msg)
    return X.rechunk({1: -1}) if isinstance(X, DaskArray) and len(X.chunks[1]) > 1 else X


def _apply(block: Any, estimator: Any, method: str) -> Any:
    return getattr(estimator, method)(block)


def _same(value: Any) -> Any:
    return value


def _grouped(
    blocks: list[Any], workers: list[str], holders: dict[str, tuple[str, ...]]
) -> list[list[Any]]:
    """Blocks for each worker: those it holds, moved until numbers differ by at most one."""
    groups: dict[str, list[Any]] = {worker: [] for worker in workers}
    for block in blocks:
        at = [worker for worker in holders.get(str(block.key), ()) if worker in groups]
        min((groups[worker] for worker in at or workers), key=len).append(block)
    while True:
        most, fewest = max(groups.values(), key=len), min(groups.values(), key=len)
        if len(most) - len(fewest) <= 1:
            return list(groups.values())
        fewest.append(most.pop())
