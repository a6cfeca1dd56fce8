"""Convolutional RBMs as features of digits: `python -m benchmarks.convolutional`.

Layers with probabilistic max-pooling learn filters from 50,000 images of MNIST without labels,
greedily: a first layer, and second ones with windows of two sizes. A logistic regression of the
features is trained with the labels, and tested with the other 10,000 images. The last one also
learns copies of its training images that are moved by a pixel.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from time import perf_counter, process_time
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.datasets import mnist_images, mnist_labels
from skrbm import BernoulliRBM

Row = dict[str, Any]

N_TRAIN, N_ROWS_AT_ONCE = 50_000, 5_000
# Number of filters, and side of a window.
FIRST, SECOND = (48, 9), ((256, 5), (128, 3))
N_SECOND = 40_000, 20_000  # rows to train on
COLUMNS = "features", "number", "error", "seconds", "of a processor"
SPARSE = {"hidden_bias": -4.0, "n_chains": 50, "random_state": 0}
C, SMALLEST_DEVIATION = 0.1, 0.05
MOVES = (0, 1), (0, -1), (1, 0), (-1, 0)  # pixels down and to the right


def layer(size: tuple[int, int], image_shape: tuple[int, int, int], **parameters: Any) -> Any:
    """A convolutional RBM whose blocks are 2 x 2 places."""
    n_filters, side = size
    n_places = (image_shape[0] - side + 1) * (image_shape[1] - side + 1)
    return BernoulliRBM(
        n_filters * n_places,
        receptive_field=(side, side),
        image_shape=image_shape,
        shared=True,
        pooling=2,
        **SPARSE | parameters,
    )


def features(rbm: Any, X: np.ndarray) -> np.ndarray:
    """Features of many rows."""
    starts = range(0, len(X), N_ROWS_AT_ONCE)
    return np.concatenate([rbm.transform(X[start : start + N_ROWS_AT_ONCE]) for start in starts])


def moved(images: np.ndarray, move: tuple[int, int]) -> np.ndarray:
    """Images moved by some pixels; the borders of digits are empty."""
    pictures = images.reshape(-1, 28, 28)
    return np.roll(pictures, move, axis=(1, 2)).reshape(images.shape)


def errors(scale: float = 1.0) -> Iterator[Row]:
    """Errors on held-out rows in percent, and seconds and seconds of a processor so far."""
    n = int(scale * N_TRAIN)
    y, n_filters, begin = mnist_labels(), FIRST[0], (perf_counter(), process_time())
    images = np.concatenate([mnist_images()[:n], mnist_images()[N_TRAIN:]]).astype(np.float32) / 255
    first = layer(FIRST, (28, 28, 1), learning_rate=0.03, n_iter=2).fit(images[:n])
    below = features(first, images)
    seconds = [
        layer(size, (10, 10, n_filters), n_iter=2).fit(below[: int(scale * n_rows)])
        for size, n_rows in zip(SECOND, N_SECOND, strict=True)
    ]
    sets = {"first layer": below}
    for (_, side), second in zip(SECOND, seconds, strict=True):
        sets[f"second layer, {side} x {side}"] = features(second, below)
    both = sets["both second layers"] = np.hstack(list(sets.values())[1:])

    def row(name: str, X: np.ndarray, y_train: np.ndarray, held_out: np.ndarray) -> Row:
        mean, deviation = X.mean(axis=0), X.std(axis=0) + SMALLEST_DEVIATION
        classifier = LogisticRegression(C=C, max_iter=200).fit((X - mean) / deviation, y_train)
        error = 100 * (1 - classifier.score((held_out - mean) / deviation, y[N_TRAIN:]))
        times = perf_counter() - begin[0], process_time() - begin[1]
        return dict(zip(COLUMNS, (name, X.shape[1], error, *times), strict=True))

    for name, X in sets.items():
        yield row(name, X[:n], y[:n], X[n:])
    of_both = [both[:n]]
    for move in MOVES:
        below = features(first, moved(images[:n], move))
        of_both.append(np.hstack([features(second, below) for second in seconds]))
    of_train = np.concatenate(of_both)
    yield row("both, with moved copies", of_train, np.tile(y[:n], 1 + len(MOVES)), both[n:])


def main() -> None:
    """Print a line per set of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the training rows")
    for row in errors(parser.parse_args().scale):
        print(row, flush=True)


if __name__ == "__main__":
    main()
