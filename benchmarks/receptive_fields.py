"""Hidden units that see a window: `python -m benchmarks.receptive_fields [PART ...]`.

Parts: `time` (products, compared with dense products of as many multiply-adds), and `digits` and
`mnist` (held-out log-likelihoods, compared with a dense layer of as many weights).
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.datasets import mnist_sampled
from skrbm import BernoulliRBM
from skrbm.data.pictures import ReceptiveField
from skrbm.weights import Dense, Local

Row = dict[str, Any]

N_ROWS, N_REPEATS = 100, 201
# Size of a window, stride, and hidden units per place. All layers of a data set have nearly as many
# weights.
MNIST = (
    ((8, 8), 1, 4),
    ((12, 12), 4, 31),
    ((14, 14), 7, 64),
    ((20, 20), 4, 31),
    ((20, 20), 8, 71),
)
DIGITS = (((4, 4), 1, 5), ((5, 5), 1, 5), ((6, 6), 2, 13), ((6, 6), 1, 6))


def time() -> Iterator[Row]:
    """Products of 100 rows in float32: 28 x 28 pixels, windows of 8 x 8, 4 units per place."""
    rng = np.random.default_rng(0)

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    field = ReceptiveField((8, 8), (1, 1), (28, 28, 1))
    windows = field.windows(np.arange(784))
    local = Local(numbers(windows.n_places, windows.n_window, 4), windows)
    dense = Dense(numbers(784, local.array.size // 784))
    v, h, h_dense = (numbers(N_ROWS, n) for n in (784, local.shape[1], dense.shape[1]))
    products: dict[str, tuple[Callable[[], object], ...]] = {
        "input": (lambda: local.input(v), lambda: dense.input(v)),
        "transposed input": (lambda: local.T.input(h), lambda: dense.T.input(h_dense)),
        "accumulate": (lambda: local.accumulate(v, h), lambda: dense.accumulate(v, h_dense)),
    }
    totals = np.zeros(2)
    for name, of_both in products.items():
        seconds: tuple[list[float], ...] = ([], [])
        for _ in range(N_REPEATS):
            for product, of_one in zip(of_both, seconds, strict=True):
                begin = perf_counter()
                product()
                of_one.append(perf_counter() - begin)
        medians = 1e6 * np.array([statistics.median(x) for x in seconds])
        totals += medians
        yield _ratio(name, *medians)
    yield _ratio("all", *totals)


def _ratio(name: str, local: float, dense: float) -> Row:
    return {"product": name, "us": local, "us dense": dense, "ratio": local / dense}


def digits() -> Iterator[Row]:
    """scikit-learn's digits, a bit drawn from every grey value; 450 rows are held out."""
    rng = np.random.default_rng(0)
    grey = rng.permutation(load_digits().data / 16)
    drawn = (rng.random(grey.shape) < grey).astype(np.float32)
    yield from _layers(drawn[:-450], drawn[-450:], (8, 8), DIGITS)


def mnist() -> Iterator[Row]:
    """MNIST with every pixel drawn once; 10,000 rows are held out."""
    train, held_out = (X.astype(np.float32) for X in mnist_sampled())
    yield from _layers(train, held_out, (28, 28), MNIST)
    yield _scored(144, train, held_out, {}, n_iter=50)  # about the time of the first local layer
    yield _scored(500, train, held_out, {})


def _layers(
    train: np.ndarray, held_out: np.ndarray, image_shape: tuple[int, int], fields: tuple
) -> Iterator[Row]:
    """A dense layer, and local ones of nearly as many weights, with defaults."""
    size, stride, n_units = fields[0]
    n_weights = _field(size, stride, image_shape).n_places * n_units * size[0] * size[1]
    yield _scored(round(n_weights / train.shape[1]), train, held_out, {})
    for size, stride, n_units in fields:
        where = {"receptive_field": size, "stride": stride, "image_shape": image_shape}
        n = _field(size, stride, image_shape).n_places * n_units
        yield _scored(n, train, held_out, where)


def _field(size: tuple[int, int], stride: int, shape: tuple[int, int]) -> ReceptiveField:
    return ReceptiveField(size, (stride, stride), (*shape, 1))


def _scored(
    n: int, train: np.ndarray, held_out: np.ndarray, where: dict[str, Any], **parameters: Any
) -> Row:
    begin = perf_counter()
    rbm = BernoulliRBM(n, random_state=0, **where, **parameters).fit(train)
    seconds = perf_counter() - begin
    found = rbm.log_partition("bracket", random_state=0)
    field = where.get("receptive_field", "dense")
    return {
        "window": str(field),
        "stride": where.get("stride", ""),
        "hidden": n,
        "epochs": rbm.n_iter_,
        "weights": int((rbm.components_ != 0).sum()),
        "train": float(rbm.score(train[:10_000])),
        "held out": float(rbm.score(held_out)),
        "width": found.upper - found.lower,
        "seconds": seconds,
    }


PARTS: dict[str, Callable[[], Iterator[Row]]] = {"time": time, "digits": digits, "mnist": mnist}


def main() -> None:
    """Print the rows of all parts, or of the named ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    for name in parser.parse_args().parts or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}", flush=True)
        for row in PARTS[name]():
            shown = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            print("  " + ", ".join(shown), flush=True)


if __name__ == "__main__":
    main()
