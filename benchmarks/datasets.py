"""Data sets of the experiments, each as (training rows, held-out rows) of zeros and ones.

MNIST's training images are read from the npz file that SKRBM_MNIST names, Fashion-MNIST's from the
file train-images-idx3-ubyte.gz that SKRBM_FASHION_MNIST names, by default the file of Debian's
package dataset-fashion-mnist. If a file does not exist, the images are fetched from OpenML.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import fetch_openml, load_digits

Split = tuple[np.ndarray, np.ndarray]

_FASHION_MNIST = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
_HELD_OUT = 10_000


@cache
def mnist_images() -> np.ndarray:
    """The 60,000 training images of MNIST, uint8, one per row."""
    path = os.environ.get("SKRBM_MNIST")
    if path:
        with np.load(path) as file:
            return file["X"]
    return fetch_openml("mnist_784", as_frame=False).data[:60_000].astype(np.uint8)


@cache
def mnist_labels() -> np.ndarray:
    """The digits shown by the images of `mnist_images`."""
    path = os.environ.get("SKRBM_MNIST")
    if path:
        with np.load(path) as file:
            return file["y"].astype(int)
    return fetch_openml("mnist_784", as_frame=False).target[:60_000].astype(int)


@cache
def fashion_images() -> np.ndarray:
    """The 60,000 training images of Fashion-MNIST, uint8, one per row."""
    path = Path(os.environ.get("SKRBM_FASHION_MNIST", _FASHION_MNIST))
    if path.exists():
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    return fetch_openml("Fashion-MNIST", as_frame=False).data[:60_000].astype(np.uint8)


def _hold_out(X: np.ndarray) -> Split:
    return X[:-_HELD_OUT], X[-_HELD_OUT:]


def mnist() -> Split:
    """MNIST thresholded at 0.5; its last 10,000 training images are held out."""
    return _hold_out(mnist_images() > 127)


def mnist_sampled() -> Split:
    """MNIST, every pixel drawn once with its grey value as probability."""
    images = mnist_images()
    rng = np.random.default_rng(0)
    return _hold_out(rng.random(images.shape, dtype=np.float32) * 255 < images)


def fashion_mnist() -> Split:
    """Fashion-MNIST thresholded at 0.5; its last 10,000 training images are held out."""
    return _hold_out(fashion_images() > 127)


def digits() -> Split:
    """scikit-learn's digits thresholded at 0.5, a quarter of the rows held out."""
    X = np.random.default_rng(0).permutation(load_digits().data > 8)
    return X[:-450], X[-450:]


def _bits(n_bits: int) -> np.ndarray:
    return np.arange(2**n_bits)[:, None] >> np.arange(n_bits) & 1


def bars_and_stripes(size: int) -> Split:
    """All 2 * 2^size draws of bars and of stripes; there is nothing else to hold out."""
    lines = np.repeat(_bits(size)[:, :, None], size, axis=2)
    X = np.concatenate([lines, lines.transpose(0, 2, 1)]).reshape(-1, size * size) > 0
    return X, X


def labelled_shifter(n_bits: int = 8) -> Split:
    """Rows of n bits, the same rotated left, not at all or right, and which: all 3 * 2^n."""
    bits = _bits(n_bits)
    rows = [
        np.hstack([bits, np.roll(bits, shift, axis=1), np.tile(np.eye(3)[i], (len(bits), 1))])
        for i, shift in enumerate((-1, 0, 1))
    ]
    X = np.concatenate(rows) > 0
    return X, X


def topics(n_rows: int = 10_000, n_columns: int = 2_000, n_topics: int = 20) -> Split:
    """Documents as word sets: each mixes two topics of a Zipf-distributed vocabulary; about 1 %."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(10, n_columns + 10)
    topic = frequency * rng.gamma(0.1, size=(n_topics, n_columns))
    topic *= 0.01 * n_columns / topic.sum(axis=1, keepdims=True)
    chosen = rng.integers(n_topics, size=(n_rows, 2))
    p = np.minimum(topic[chosen].mean(axis=1), 0.9)
    X = sparse.csr_array(rng.random(p.shape) < p)
    return X[: n_rows // 2], X[n_rows // 2 :]


DATASETS: dict[str, Callable[[], Split]] = {
    "digits": digits,
    "mnist": mnist,
    "mnist-sampled": mnist_sampled,
    "bars-and-stripes-3": lambda: bars_and_stripes(3),
    "bars-and-stripes-4": lambda: bars_and_stripes(4),
    "labelled-shifter": labelled_shifter,
    "fashion-mnist": fashion_mnist,
    "topics": topics,
}
