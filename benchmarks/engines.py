"""The same fit by numpy and by torch, side by side, and what bfloat16 costs in nats."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.__main__ import machine
from benchmarks.chosen import run_chosen
from benchmarks.datasets import mnist
from benchmarks.peers import RATE, TorchRBM, three_products
from benchmarks.speed import side_by_side
from skrbm import BernoulliRBM

ENGINES = {
    "numpy": {},
    "torch float32": {"device": "cpu"},
    "torch bfloat16": {"device": "cpu", "precision": "bfloat16"},
}
N_ROWS = 20_000


def _seconds(batch_size: int, gradient: str) -> None:
    X = mnist()[0][:N_ROWS].astype(np.float32)
    same = {"batch_size": batch_size, "n_chains": batch_size, "n_iter": 1, "learning_rate": RATE}
    work = {
        name: lambda engine=engine: BernoulliRBM(
            500, gradient=gradient, random_state=0, **same, **engine
        ).fit(X)
        for name, engine in ENGINES.items()
    }
    work["numpy's three products"] = lambda: three_products(X, 500, batch_size)
    work["plain torch"] = lambda: TorchRBM(500, batch_size).fit(X)
    seconds = side_by_side(work)
    for name, s in seconds.items():
        ratio = seconds["numpy"] / s
        print(f"{gradient}, batch {batch_size}, {name}: {s:.3f} s, {ratio:.2f} of numpy's speed")


def speed() -> None:
    """A sweep over 20,000 rows of MNIST, 784 x 500, batches of 100 and 500."""
    for batch_size in (100, 500):
        _seconds(batch_size, "pcd")


def products() -> None:
    """GFLOP/s of v W and v' h at 784 x 500, by library and precision."""
    import torch

    from skrbm import _kernels

    rng = np.random.default_rng(0)
    for n_rows in (100, 500, 2000):
        v, h, w = (
            rng.random(shape, dtype=np.float32)
            for shape in ((n_rows, 784), (n_rows, 500), (784, 500))
        )
        tensors = [torch.from_numpy(x) for x in (v, h, w)]
        halves = [x.bfloat16() for x in tensors]
        work = {
            "numpy": lambda v=v, h=h, w=w: (v @ w, v.T @ h),
            "torch float32": lambda x=tensors: (x[0] @ x[2], x[0].T @ x[1]),
            "torch bfloat16": lambda x=halves: (x[0] @ x[2], x[0].T @ x[1]),
            "torch bfloat16, converted every time": lambda x=tensors: (
                _kernels.product(x[0], x[2], "bfloat16"),
                _kernels.product(x[0].T, x[1], "bfloat16"),
            ),
        }
        for name, s in side_by_side(work, repeats=30).items():
            print(f"{n_rows} rows, {name}: {4 * n_rows * 784 * 500 / s / 1e9:.0f} GFLOP/s")


def likelihood() -> None:
    """Held-out nats after 20 sweeps over all rows, 784 x 500, by engine and precision."""
    train, test = (X.astype(np.float32) for X in mnist())
    for name, engine in ENGINES.items():
        rbm = BernoulliRBM(500, batch_size=500, n_iter=20, random_state=0, **engine).fit(train)
        z = rbm.log_partition_
        seconds = rbm.history_["time"].sum()
        nats = rbm.set_params(device=None, precision="float32").score(test)
        print(f"{name}: {nats:.2f} nats, log Z within {z.upper - z.lower:.2f}, {seconds:.0f} s")


if __name__ == "__main__":
    print(json.dumps(machine(), indent=1))
    run_chosen(__doc__, {f.__name__: f for f in (products, speed, likelihood)})
