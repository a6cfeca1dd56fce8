"""The hidden unit that answers to faces, trained without labels, compared with simple rules.

`python -m benchmarks.faces [--seeds N]` needs scikit-image (`pip install scikit-image`), which has
100 faces and 100 other pictures of 25 x 25 pixels. Each seed splits the pictures into halves. From
each picture it takes a random crop of 17 x 17 pixels, flipped half the time, and standardizes its
contrast. A model learns from ten other crops of each picture of the first half, without labels.
There a unit, its threshold and its sign are chosen; the accuracy is of the second half, whose
pictures the model has not seen. `explain.best_unit` makes the same choice for every rule.

Most of the published other pictures are smoother than any face. So there is a second task: other
photographs with as much fine texture as the faces, picture by picture.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.random_projection import GaussianRandomProjection

from skrbm import BernoulliRBM, GaussianBernoulliRBM
from skrbm.explain import best_unit
from skrbm.images import LocalContrastNormalization, Pool

SIDE, WHOLE = 17, 25  # pixels of a crop and of a picture
N_FACES = 100
N_CROPS = 10  # of a picture, to train on
MOST_WINDOWS = 5_000  # that filters learn from
LABELS = np.repeat([1, 0], N_FACES)
PHOTOS = "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "rocket"
MOST_OF_A_PHOTO = 15


# Pictures


@cache
def published() -> np.ndarray:
    """The 100 faces, and the 100 other pictures published with them."""
    from skimage.data import lfw_subset

    return lfw_subset()


@cache
def matched() -> np.ndarray:
    """The 100 faces, and 100 crops of other photographs, each as textured as a face."""
    faces = published()[:N_FACES]
    rng = np.random.default_rng(0)
    pictures, photos = candidates(rng)
    distance = np.abs(texture(pictures) - texture(faces)[:, None])
    chosen: list[int] = []
    for k in rng.permutation(N_FACES):
        taken = np.bincount(photos[chosen], minlength=photos.max() + 1)
        distance[k, chosen] = np.inf
        distance[k, taken[photos] >= MOST_OF_A_PHOTO] = np.inf
        chosen.append(int(distance[k].argmin()))
    return np.concatenate([faces, pictures[chosen]])


def candidates(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crops of photographs without faces, at three scales, and the index of the photograph."""
    from skimage import color, data, transform

    photos = [getattr(data, name)() for name in PHOTOS]
    photos += [data.stereo_motorcycle()[0], *load_sample_images().images]
    pictures, sources = [], []
    for i, photo in enumerate(photos):
        grey = color.rgb2gray(photo) if photo.ndim == 3 else photo / 255
        for factor in (2, 4, 8):
            small = transform.downscale_local_mean(grey, (factor, factor))
            for _ in range(100):
                y, x = (rng.integers(length - WHOLE + 1) for length in small.shape)
                pictures.append(small[y : y + WHOLE, x : x + WHOLE])
                sources.append(i)
    return np.array(pictures), np.array(sources)


def texture(pictures: np.ndarray) -> np.ndarray:
    """Mean absolute difference of neighbouring pixels, in standard deviations of the picture."""
    x = standardized(pictures)
    vertical, horizontal = (np.abs(np.diff(x, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    return vertical + horizontal


def standardized(pictures: np.ndarray) -> np.ndarray:
    """Pictures of mean zero and variance one."""
    pictures = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    return pictures / (pictures.std(axis=(1, 2), keepdims=True) + 1e-6)


def crops(pictures: np.ndarray, rng: np.random.Generator, n: int = 1) -> np.ndarray:
    """Rows of n random crops of each picture, half of them flipped, with equal contrast."""
    cut = []
    for picture in np.repeat(pictures, n, axis=0):
        y, x = rng.integers(WHOLE - SIDE + 1, size=2)
        crop = picture[y : y + SIDE, x : x + SIDE]
        cut.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return standardized(np.array(cut)).reshape(len(cut), -1).astype(np.float32)


# Models


class OnWindows(TransformerMixin, BaseEstimator):
    """One RBM for all square windows of an image; its hidden units are channels of maps."""

    def __init__(self, rbm: Any, size: int, image_shape: tuple[int, int, int]) -> None:
        self.rbm = rbm
        self.size = size
        self.image_shape = image_shape

    def _windows(self, X: np.ndarray) -> np.ndarray:
        """The windows of all rows, one row each, place by place."""
        size, images = self.size, X.reshape(-1, *self.image_shape)
        windows = sliding_window_view(images, (size, size), axis=(1, 2))
        return windows.reshape(-1, size * size * self.image_shape[2])

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Fit the RBM to some of the windows."""
        windows = self._windows(X)
        rng = np.random.default_rng(self.rbm.random_state)
        some = rng.permutation(len(windows))[:MOST_WINDOWS]
        self.rbm_ = clone(self.rbm).fit(windows[some])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The maps of all hidden units."""
        return self.rbm_.transform(self._windows(X)).reshape(len(X), -1)


def stages(seed: int, *, images: bool, maps: bool) -> Pipeline:
    """32 filters of 5 x 5 pixels, pooling in quarters, and eight units on top.

    Local contrast may be normalised in the images and in the pooled maps, which are then rectified.
    """
    places, n_filters = SIDE - 4, 32
    filters = GaussianBernoulliRBM(n_filters, covariance_type="full", random_state=seed)
    of_maps = LocalContrastNormalization(image_shape=(2, 2, n_filters))
    return make_pipeline(
        LocalContrastNormalization(image_shape=(SIDE, SIDE)) if images else "passthrough",
        OnWindows(filters, 5, (SIDE, SIDE, 1)),
        Pool(7, image_shape=(places, places, n_filters)),
        make_pipeline(of_maps, FunctionTransformer(rectified)) if maps else "passthrough",
        BernoulliRBM(8, n_iter=50, random_state=seed),
    )


def rectified(maps: np.ndarray) -> np.ndarray:
    """Maps between 0 and 1."""
    return maps.clip(0, 1)


MODELS: dict[str, Callable[[int], Pipeline]] = {
    "filters, pooling, top units": lambda seed: stages(seed, images=False, maps=False),
    "with normalised maps": lambda seed: stages(seed, images=False, maps=True),
    "with normalised images": lambda seed: stages(seed, images=True, maps=False),
    "with both normalised": lambda seed: stages(seed, images=True, maps=True),
}


def template(X: np.ndarray, y: np.ndarray) -> TransformerMixin:
    """Projection on the difference of two classes' means."""
    difference = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
    return FunctionTransformer(lambda rows: rows @ difference[:, None])


def rules(X: np.ndarray, y: np.ndarray, train: np.ndarray, seed: int) -> dict[str, Any]:
    """Simple rules, fitted to the labelled half or to crops of its pictures."""
    return {
        "pixel": FunctionTransformer().fit(X),
        "random filter": GaussianRandomProjection(100, random_state=seed).fit(X),
        "principal component": PCA(50, random_state=seed).fit(train),
        "template, with labels": template(X, y).fit(X),
        "texture, by hand": FunctionTransformer(
            lambda rows: texture(rows.reshape(-1, SIDE, SIDE))[:, None]
        ).fit(X),
    }


def scores(task: str, seed: int, models: list[str]) -> list[dict]:
    """Accuracies of all rules and of some models, on the second half of the pictures."""
    pictures = TASKS[task]()
    rng = np.random.default_rng(seed)
    half, _ = train_test_split(
        np.arange(len(LABELS)), test_size=0.5, stratify=LABELS, random_state=seed
    )
    X, train = crops(pictures, rng), crops(pictures[half], rng, N_CROPS)
    found = []

    def measure(name: str, transformer: Any, seconds: float = 0.0) -> None:
        best = best_unit(transformer, X, LABELS, random_state=seed)
        key = {"task": task, "seed": seed, "rule": name, "seconds": seconds}
        found.append(key | {"chosen": best.chosen_accuracy, "accuracy": best.accuracy})

    for name, rule in rules(X[half], LABELS[half], train, seed).items():
        measure(name, rule)
    for name in models:
        start = time.perf_counter()
        model = MODELS[name](seed).fit(train)
        measure(name, model, time.perf_counter() - start)
    return found


TASKS = {"published": published, "equally textured": matched}


def main() -> None:
    """Print mean accuracies over seeds, and their standard deviations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    rows = [
        row
        for task in arguments.tasks
        for seed in seeds
        for row in scores(task, seed, arguments.models)
    ]
    frame = pd.DataFrame(rows)
    frame[["chosen", "accuracy"]] *= 100
    groups = frame.groupby(["task", "rule"], sort=False)
    table = groups[["chosen", "accuracy", "seconds"]].mean()
    table.insert(2, "deviation", groups["accuracy"].std())
    table.insert(3, "lowest", groups["accuracy"].min())
    print(table.round(1).to_string(), flush=True)


if __name__ == "__main__":
    main()
