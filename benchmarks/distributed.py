"""Fits on a cluster: speed, killed workers, and a simulation of many workers.

`python -m benchmarks.distributed [NAME ...] [--sweeps N]`, with the names speed, killed and
simulation. Workers are processes of one thread on this machine.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dask.array as da
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from benchmarks import datasets
from skrbm import BernoulliRBM
from skrbm.distributed import Distributed

N_ROWS, N_COLUMNS, N_HIDDEN, BATCH_SIZE = 50_000, 784, 500, 2_000
SIMULATED_ROWS = 1_000_000
NETWORKS = {"10 Gbit/s": 1.25e9, "1 Gbit/s": 1.25e8}  # bytes per second
NETWORK_LATENCY = 1e-4  # seconds, of a message between two machines of one network
WORKERS = (2, 4, 8, 16, 32, 64, 128, 256)


@contextmanager
def cluster(n_workers: int) -> Iterator[Client]:
    """A client of worker processes with one thread each."""
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=n_workers, **options) as workers, Client(workers) as client:
        yield client


def _blocks() -> da.Array:
    """Four blocks of rows of zeros and ones, made on the workers."""
    shape, chunks = (N_ROWS, N_COLUMNS), (N_ROWS // 4, N_COLUMNS)
    return da.random.default_rng(0).random(shape, chunks=chunks) < 0.2


def _rows() -> np.ndarray:
    return _blocks().compute(scheduler="synchronous")


def _estimator(n_sweeps: int, batch_size: int = BATCH_SIZE) -> BernoulliRBM:
    return BernoulliRBM(N_HIDDEN, batch_size=batch_size, n_iter=n_sweeps, random_state=0)


def speed(n_sweeps: int) -> list[dict[str, object]]:
    """Median seconds per epoch, with one worker and with two, in both modes."""
    rows = []
    with threadpool_limits(1):
        alone = _estimator(n_sweeps).fit(_rows()).history_["time"]
    rows.append({"what": "one thread, no cluster", "seconds a sweep": np.median(alone)})
    for sync in ("epoch", "update"):
        seconds = {}
        for n_workers in (1, 2):
            with cluster(n_workers):
                spread = Distributed(_estimator(n_sweeps), sync=sync).fit(_blocks())
                seconds[n_workers] = np.median(spread.history_["time"])
            rows.append(
                {
                    "what": f'sync="{sync}", {n_workers} workers',
                    "seconds a sweep": seconds[n_workers],
                    "speed-up": seconds[1] / seconds[n_workers],
                }
            )
    return rows


def killed(n_sweeps: int) -> list[dict[str, object]]:
    """Held-out log-likelihood of ten fits, each with a worker killed and without.

    Both modes take turns. The repeated epoch is the longest one.
    """
    X, unseen = datasets.digits()
    blocks, rng = da.from_array(X, chunks=(200, -1)), np.random.default_rng(0)
    rows = []
    for run in range(10):
        estimator = BernoulliRBM(16, n_iter=n_sweeps, random_state=run)
        spread = Distributed(estimator, sync=("epoch", "update")[run % 2])
        with cluster(2) as client:  # a new one, since a nanny may fail to bring a worker back
            unbroken = clone(spread).fit(blocks)
            processes = sorted(client.run(os.getpid).values())
            delay = rng.uniform(0.1, 0.9) * unbroken.history_["time"].sum()
            timer = threading.Timer(delay, os.kill, (rng.choice(processes), signal.SIGKILL))
            timer.start()
            broken = clone(spread).fit(blocks)
            timer.join()
        longest = broken.history_["time"].argmax()
        rows.append(
            {
                "run": run,
                "sync": spread.sync,
                "killed after, s": delay,
                "longest sweep": longest + 1,
                "took, s": broken.history_["time"][longest],
                "sweeps": broken.n_iter_,
                "held out, nats": broken.score(unseen),
                "unbroken": unbroken.score(unseen),
            }
        )
    return rows


@dataclass(frozen=True)
class Constants:
    """The constants of a simulation, in seconds and bytes.

    Parameters
    ----------
    update : float
        Of an update, for any number of rows.
    row : float
        Of an update, per row of its mini-batch, chains included.
    task : float
        Of the scheduler, per task.
    hop : float
        From the end of a task to the start of one on another worker that depends on it.
    sum : float
        Of adding two messages.
    message : float
        Bytes of a message: parameters, or their growth.
    """

    update: float
    row: float
    task: float
    hop: float
    sum: float
    message: float


def _again(x: object, *others: object) -> object:
    return x


def measured(n_sweeps: int) -> Constants:
    """The constants of this machine."""
    seconds = {}
    with threadpool_limits(1):
        for batch_size in (BATCH_SIZE // 16, BATCH_SIZE):
            X = _rows()[: 4 * batch_size]
            estimator = _estimator(n_sweeps, batch_size).set_params(n_chains=batch_size // 20)
            seconds[batch_size] = np.median(estimator.fit(X).history_["time"]) / 4
        few, many = seconds
        row = (seconds[many] - seconds[few]) / (many - few)
        message = np.zeros((N_COLUMNS, N_HIDDEN), np.float32)
        begin = time.perf_counter()
        for _ in range(20):
            message + message
        of_sum = (time.perf_counter() - begin) / 20
    with cluster(2) as client:
        workers, n = sorted(client.nthreads()), 200

        def chain() -> float:
            future, begin = client.submit(_again, 0, pure=False), time.perf_counter()
            for i in range(n):
                future = client.submit(_again, future, workers=[workers[i % 2]], pure=False)
            future.result()
            return (time.perf_counter() - begin) / n

        hop = statistics.median(chain() for _ in range(3))
        begin = time.perf_counter()
        client.gather(client.map(_again, range(2_000), pure=False))
        task = (time.perf_counter() - begin) / 2_000
    update = max(0.0, seconds[few] - few * row)
    return Constants(float(update), float(row), task, hop, of_sum, float(message.nbytes))


def seconds_a_sweep(
    c: Constants, sync: str, n_workers: int, batch_size: int, bandwidth: float
) -> float:
    """Seconds of an epoch of SIMULATED_ROWS rows, with workers that wait for each other.

    A tree has as many levels as the logarithm of the number of workers: at each a message is sent
    and added. All workers then fetch the sum from one of them, by its one connection. Workers
    compute at the same time, and the scheduler handles all tasks one by one.
    """
    n_batches = SIMULATED_ROWS / batch_size
    computing = n_batches * (c.update + batch_size / n_workers * c.row)
    if n_workers == 1:
        return computing
    levels = math.ceil(math.log2(n_workers))
    sending = NETWORK_LATENCY + c.message / bandwidth
    exchange = levels * (c.hop + sending + c.sum) + c.hop + (n_workers - 1) * sending
    exchange += (2 * n_workers - 1) * c.task
    return computing + exchange * (n_batches if sync == "update" else 1)


def simulation(n_sweeps: int) -> list[dict[str, object]]:
    """Predicted speed-up over one thread with the same mini-batches, on two networks."""
    constants = measured(n_sweeps)
    print(constants)
    rows = []
    for n_workers in WORKERS:
        for batch_size in (BATCH_SIZE, BATCH_SIZE * n_workers):
            row: dict[str, object] = {"workers": n_workers, "batch": batch_size}
            for sync in ("epoch", "update"):
                for name, bandwidth in NETWORKS.items():
                    alone, together = (
                        seconds_a_sweep(constants, sync, n, batch_size, bandwidth)
                        for n in (1, n_workers)
                    )
                    row[f"{sync}, {name}"] = alone / together
            rows.append(row)
    return sorted(rows, key=lambda row: row["batch"] != BATCH_SIZE)


BENCHMARKS = {"speed": (speed, 5), "killed": (killed, 60), "simulation": (simulation, 5)}


def main() -> None:
    """Print a table for each named benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distributed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--sweeps", type=int, help="of every fit")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark of the name {', '.join(sorted(unknown))}")
    for name in arguments.names or BENCHMARKS:
        run, n_sweeps = BENCHMARKS[name]
        rows = run(arguments.sweeps or n_sweeps)
        print(pd.DataFrame(rows).to_string(index=False, float_format="%.4g"), flush=True)


if __name__ == "__main__":
    main()
