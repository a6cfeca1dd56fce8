"""Log-likelihood against seconds of a fit.

Every package trains with its own defaults on MNIST thresholded at 0.5, with 20 hidden units, few
enough for an exact log Z. Each point is a separate fit, with more and more epochs.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM
from threadpoolctl import threadpool_limits

from benchmarks.datasets import DATASETS, mnist
from benchmarks.peers import TorchRBM
from benchmarks.speed import model_of
from skrbm import BernoulliRBM
from skrbm.likelihood import exact_log_partition

N_COMPONENTS = 20
PICTURE = Path(__file__).parent / "likelihood_against_seconds.png"
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
    """Fit, score, and draw."""
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
    _draw(rows)
    return rows


def _nats(fitted: object, held_out: np.ndarray) -> float:
    rbm = model_of(fitted)
    with threadpool_limits(1):
        return float(-rbm.free_energy(held_out).mean() - exact_log_partition(rbm).value)


def _draw(rows: list[dict[str, object]]) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name in ESTIMATORS:
        points = [(row["seconds"], row["nats"]) for row in rows if row["package"] == name]
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set(
        xscale="log",
        xlabel="seconds of training",
        ylabel="log-likelihood of held-out rows (nats)",
        title=f"MNIST, {N_COMPONENTS} hidden units, exact log Z, defaults",
    )
    ticks = (1, 2, 5, 10, 20, 50, 100)
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(PICTURE, dpi=120)
