"""Log-likelihood against seconds of a fit.

Every package trains with its own defaults on MNIST thresholded at 0.5, with 20 hidden units, few
enough for an exact log Z. Each point is a separate fit, with more and more epochs.
"""

from __future__ import annotations

import time

import numpy as np
from matplotlib.axes import Axes
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM
from threadpoolctl import threadpool_limits

from benchmarks.datasets import DATASETS, mnist
from benchmarks.peers import TorchRBM
from benchmarks.speed import model_of
from skrbm import BernoulliRBM
from skrbm.likelihood import exact_log_partition

N_COMPONENTS = 20
COLORS = {"skrbm": "#1f7ae0", "plain PyTorch": "#2c9a62", "scikit-learn": "#d9822b"}
_STEEP = 10.0  # nats between points, so that a line leaves room for a name above it
ESTIMATORS = {
    "skrbm": (
        (1, 2, 5, 10, 20, 40),
        lambda n: BernoulliRBM(N_COMPONENTS, n_iter=n, random_state=0),
    ),
    "scikit-learn": (
        (2, 5, 10, 20, 40),
        lambda n: ScikitLearnRBM(N_COMPONENTS, n_iter=n, random_state=0),
    ),
    "plain PyTorch": ((5, 20, 60), lambda n: TorchRBM(N_COMPONENTS, 10, n)),
}


def likelihoods() -> list[dict[str, object]]:
    """Seconds and held-out nats of both with 16 hidden units and otherwise their defaults."""
    rows = []
    for data in ("digits", "mnist", "fashion-mnist", "labelled-shifter", "bars-and-stripes-4"):
        train, held_out = (np.asarray(X, dtype=np.float32) for X in DATASETS[data]())
        for name, estimator in (("skrbm", BernoulliRBM), ("scikit-learn", ScikitLearnRBM)):
            begin = time.perf_counter()
            fitted = estimator(16, random_state=0).fit(train)
            seconds = time.perf_counter() - begin
            row = {"benchmark": "defaults, 16 hidden units", "what": f"{data}, {name}"}
            rows.append(row | {"seconds": seconds, "nats": _nats(fitted, held_out)})
    return rows


def likelihood_against_seconds() -> list[dict[str, object]]:
    """Seconds and held-out nats of fits of different lengths, for all packages."""
    train, held_out = (X.astype("float32") for X in mnist())
    rows = []
    for name, (sweeps, make) in ESTIMATORS.items():
        for n_iter in sweeps:
            begin = time.perf_counter()
            fitted = make(n_iter).fit(train)
            seconds = time.perf_counter() - begin
            rows.append(
                {
                    "benchmark": "log-likelihood against seconds",
                    "what": f"{name}, {n_iter} sweeps",
                    "package": name,
                    "seconds": seconds,
                    "nats": _nats(fitted, held_out),
                }
            )
    return rows


def _nats(fitted: object, held_out: np.ndarray) -> float:
    rbm = model_of(fitted)
    with threadpool_limits(1):
        return float(-rbm.free_energy(held_out).mean() - exact_log_partition(rbm).value)


def draw(axes: Axes, rows: list[dict[str, object]]) -> None:
    """Draw a line for each package, with its name above the last point or left of it."""
    for name, color in COLORS.items():
        points = [(row["seconds"], row["nats"]) for row in rows if row["package"] == name]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=color)
        falls = points[-1][1] < points[-2][1] - _STEEP
        place = {"xytext": (-8, 0), "va": "center"} if falls else {"xytext": (4, 8)}
        axes.annotate(
            name, points[-1], textcoords="offset points", ha="right", color=color, **place
        )
    ticks = (0.2, 1, 5, 20, 100)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.margins(0.08, 0.12)
    axes.autoscale()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel="seconds of training", ylabel="log-likelihood of new images, nats")
