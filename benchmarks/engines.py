"""The same fit with numpy and with torch, and the cost of bfloat16 in nats."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.__main__ import machine
from benchmarks.chosen import run_chosen
from benchmarks.datasets import mnist
from benchmarks.peers import RATE, RbmsRBM, TorchRBM, three_products
from benchmarks.speed import side_by_side
from skrbm import BernoulliRBM
from skrbm._kernels import products as kernels

ENGINES = {
    "numpy": {},
    "torch float32": {"device": "cpu"},
    "torch bfloat16": {"device": "cpu", "precision": "bfloat16"},
}
N_ROWS, N_SWEEPS, N_TURNS = 20_000, 5, 7


def speed() -> None:
    """Five epochs of PCD over 20,000 rows of MNIST, 784 x 500, batches of 100 and 500."""
    X = mnist()[0][:N_ROWS].astype(np.float32)
    for n in (100, 500):
        same = {"batch_size": n, "n_chains": n, "n_iter": N_SWEEPS, "learning_rate": RATE}
        work = {
            name: lambda engine=engine, same=same: BernoulliRBM(
                500, gradient="pcd", random_state=0, **same, **engine
            ).fit(X)
            for name, engine in ENGINES.items()
        }
        work["numpy's three products"] = lambda n=n: [
            three_products(X, 500, n) for _ in range(N_SWEEPS)
        ]
        work["plain torch"] = lambda n=n: TorchRBM(500, n, N_SWEEPS).fit(X)
        work["rbms"] = lambda n=n: RbmsRBM(500, n, N_SWEEPS).fit(X)
        seconds = side_by_side(work, N_TURNS)
        for name, s in seconds.items():
            ratio = seconds["numpy"] / s
            print(f"batch {n}, {name}: {s / N_SWEEPS:.3f} s a sweep, {ratio:.2f} of numpy's speed")


def accelerator() -> None:
    """Updates of PCD with all data on a GPU, 784 x 4,096, batch 4,096, and their products.

    Without a GPU, smaller ones on the CPU, to check that it runs.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    n = 4096 if device == "cuda" else 1000
    v, h, w = (torch.rand(shape, device=device) for shape in ((2 * n, 784), (2 * n, n), (784, n)))
    X = torch.as_tensor(mnist()[0][: 12 * n], dtype=torch.float32, device=device)
    n_updates = N_SWEEPS * -(-len(X) // n)

    def three() -> float:
        for _ in range(n_updates):
            w.addmm_(v.T, h, alpha=1e-9)
            h[:n] @ w.T
            v @ w
        return w[0, 0].item()  # when all is done

    same = {"batch_size": n, "n_chains": n, "n_iter": N_SWEEPS, "learning_rate": RATE}
    work = {
        precision: lambda precision=precision: BernoulliRBM(
            n, gradient="pcd", random_state=0, device=device, precision=precision, **same
        ).fit(X)
        for precision in ("float32", "bfloat16")
    }
    work["rbms"] = lambda: RbmsRBM(n, n, N_SWEEPS, device).fit(X)
    seconds = side_by_side({"three products": three, **work}, 3)
    for name, s in seconds.items():
        ratio = s / seconds["three products"]
        print(f"{device}, {name}: {1000 * s / n_updates:.2f} ms an update, {ratio:.2f} times these")


def products() -> None:
    """GFLOP/s of v W and v' h at 784 x 500, by library and precision.

    One library after the other: if they took turns, the spinning threads of one would keep the
    other from the cores.
    """
    import torch

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
                kernels.product(x[0], x[2], "bfloat16"),
                kernels.product(x[0].T, x[1], "bfloat16"),
            ),
        }
        for name, function in work.items():
            side_by_side({name: function}, repeats=100)  # until all others are at rest
            s = side_by_side({name: function}, repeats=100)[name]
            print(f"{n_rows} rows, {name}: {4 * n_rows * 784 * 500 / s / 1e9:.0f} GFLOP/s")


def likelihood() -> None:
    """Held-out nats after 20 epochs of all rows, 784 x 500, by engine and precision."""
    train, test = (X.astype(np.float32) for X in mnist())
    for name, engine in ENGINES.items():
        rbm = BernoulliRBM(500, batch_size=500, n_iter=20, random_state=0, **engine).fit(train)
        z = rbm.log_partition_
        seconds = rbm.history_["time"].sum()
        nats = rbm.set_params(device=None, precision="float32").score(test)
        print(f"{name}: {nats:.2f} nats, log Z within {z.upper - z.lower:.2f}, {seconds:.0f} s")


if __name__ == "__main__":
    print(json.dumps(machine(), indent=1))
    run_chosen(__doc__, {f.__name__: f for f in (products, speed, accelerator, likelihood)})
