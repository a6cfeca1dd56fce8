"""Convolutional RBMs as features of digits: `python -m benchmarks.convolutional`.

Two layers with probabilistic max-pooling learn filters from 50,000 images of MNIST without labels,
greedily. A logistic regression of the features of both is trained with the labels, and tested with
the other 10,000 images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.datasets import mnist_images, mnist_labels
from skrbm import BernoulliRBM

Row = dict[str, Any]

N_TRAIN, N_ROWS_AT_ONCE = 50_000, 5_000
# Number of filters, and side of a window.
FIRST, SECOND = (48, 9), (256, 5)
SPARSE = {"hidden_bias": -4.0, "n_chains": 50, "random_state": 0}
C, SMALLEST_DEVIATION = 0.02, 0.05


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


def errors(scale: float = 1.0) -> Iterator[Row]:
    """Errors on the held-out rows, in percent, and seconds of all steps so far."""
    n = int(scale * N_TRAIN)
    begin, y = perf_counter(), mnist_labels()
    y_train, y_test = y[:n], y[N_TRAIN:]
    images = np.concatenate([mnist_images()[:n], mnist_images()[N_TRAIN:]]).astype(np.float32) / 255
    first = layer(FIRST, (28, 28, 1), learning_rate=0.03, n_iter=2).fit(images[:n])
    below = features(first, images)
    yield {"features": "first layer", "n": below.shape[1], "s": perf_counter() - begin}
    second = layer(SECOND, (10, 10, FIRST[0]), n_iter=2).fit(below[:n])
    both = np.hstack([below, features(second, below)])
    both -= both[:n].mean(axis=0)
    both /= both[:n].std(axis=0) + SMALLEST_DEVIATION
    for name, X in (("second layer", both[:, below.shape[1] :]), ("both layers", both)):
        begin_classifier = perf_counter()
        classifier = LogisticRegression(C=C, max_iter=200).fit(X[:n], y_train)
        error = 100 * (1 - classifier.score(X[n:], y_test))
        row = {"features": name, "n": X.shape[1], "error": error}
        yield row | {
            "s": perf_counter() - begin,
            "of classifier": perf_counter() - begin_classifier,
        }


def main() -> None:
    """Print a line per set of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the training rows")
    for row in errors(parser.parse_args().scale):
        print(row, flush=True)


if __name__ == "__main__":
    main()
