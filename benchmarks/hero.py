"""The picture at the top of README.md: `python -m benchmarks.hero [FOLDER]`, in five minutes.

Left: thresholded images of MNIST. Of each class, the first held-out image is shown, without its
lower half and complete, and the first two draws of the lower half; then the first ten samples.
Right: the record "curves" in the folder, as in the page of `benchmarks.report`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from benchmarks import curves, records
from benchmarks.datasets import mnist, mnist_labels
from skrbm import BernoulliRBM

PICTURE = Path(__file__).with_name("hero.png")
N_COMPONENTS, N_ITER, N_STEPS = 500, 60, 1_000
DPI, WIDTH, HEIGHT = 200, 2_000, 672  # pixels: twice as many as README.md shows
SCALE, GAP, WIDE_GAP = 4, 8, 24  # pixels per pixel of an image, and between images
LEFT, TOP = 190, 16  # corner of the images
PLOT = 1_540, 62, 1_990, 582  # left, top, right and bottom of the axes
# Legible on white and on black.
TEXT, PAPER, GIVEN, DRAWN, MISSING = "#7d8590", "#1c2430", "#f5f7fa", "#5aa9ff", "#4a5463"


def fit(train: np.ndarray) -> BernoulliRBM:
    """Train with defaults, except for the size and the number of epochs."""
    rbm = BernoulliRBM(N_COMPONENTS, n_iter=N_ITER, missing_values="allow", random_state=0)
    return rbm.fit(train)


def first_of_each_class(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The first row of each class, in the order of the classes."""
    return X[[np.flatnonzero(y == label)[0] for label in np.unique(y)]]


def groups_of_images(rbm: BernoulliRBM, originals: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Rows of colored images by their label."""
    lower = np.arange(784) >= 392
    halves = np.where(lower, np.nan, originals)
    completed = rbm.impute(halves, n_draws=2, n_steps=N_STEPS, random_state=0)
    generated = rbm.sample(len(originals), random_state=0)
    return {
        "upper half": [colored(halves, lower)],
        "two\ncompletions": [colored(images, lower) for images in completed],
        "original": [colored(originals, np.zeros(784, bool))],
        "generated": [colored(generated, np.ones(784, bool))],
    }


def colored(images: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Ink in one color if it is given, in another if it is drawn; missing pixels are grey."""
    paper, given, ink, missing = (np.array(to_rgb(c)) for c in (PAPER, GIVEN, DRAWN, MISSING))
    colors = np.where(drawn[:, None], ink, given)
    value = images[..., None]
    shown = np.where(value > 0.5, colors, paper)
    return np.where(np.isnan(value), missing, shown).reshape(-1, 28, 28, 3)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images side by side, enlarged, with transparent gaps."""
    tiles = np.ones((len(images), 28 * SCALE, 28 * SCALE + GAP, 4))
    tiles[..., -GAP:, 3] = 0
    tiles[..., :-GAP, :3] = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    return np.hstack(list(tiles))[:, :-GAP]


def place(figure: plt.Figure, left: int, top: int, right: int, bottom: int) -> Axes:
    """Axes with these edges, in pixels from the upper left corner."""
    box = left / WIDTH, 1 - bottom / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT
    return figure.add_axes(box)


def draw_images(figure: plt.Figure, groups: dict[str, list[np.ndarray]]) -> None:
    """Draw all rows, with a label left of each group."""
    top = TOP
    for label, rows in groups.items():
        begin = top
        for images in map(mosaic, rows):
            bottom, right = top + images.shape[0], LEFT + images.shape[1]
            axes = place(figure, LEFT, top, right, bottom)
            axes.imshow(images, interpolation="nearest", aspect="auto")
            axes.set_axis_off()
            top = bottom + GAP
        middle = 1 - (begin + bottom) / 2 / HEIGHT
        figure.text((LEFT - 20) / WIDTH, middle, label, ha="right", va="center")
        top = bottom + WIDE_GAP


def draw_curves(figure: plt.Figure, rows: list[dict[str, object]]) -> None:
    """Draw log-likelihood against seconds."""
    axes = place(figure, *PLOT)
    axes.patch.set_alpha(0)
    curves.draw(axes, rows)
    axes.set_title("MNIST, 20 hidden units", fontsize=9)


def main() -> None:
    """Fit, and draw both halves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hero", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=records.FOLDER)
    record = records.read(parser.parse_args().folder, "curves")
    if record is None:
        parser.error("no record: run `python -m benchmarks curves --out FOLDER` first")
    train, held_out = (X.astype(np.float32) for X in mnist())
    originals = first_of_each_class(held_out, mnist_labels()[-len(held_out) :])
    draw(groups_of_images(fit(train), originals), record["rows"])


def draw(groups: dict[str, list[np.ndarray]], rows: list[dict[str, object]]) -> None:
    """Draw the picture."""
    style = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), TEXT)
    style |= {"xtick.color": TEXT, "ytick.color": TEXT, "font.size": 9}
    with plt.rc_context(style):
        figure = plt.figure(figsize=(WIDTH / DPI, HEIGHT / DPI))
        draw_images(figure, groups)
        draw_curves(figure, rows)
        figure.savefig(PICTURE, dpi=DPI, transparent=True)


if __name__ == "__main__":
    main()
