"""Uses of a joint distribution: `python -m benchmarks.joint [NAME ...]`."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor

from benchmarks.chosen import run_chosen
from benchmarks.datasets import mnist
from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMOutlierDetector

N_ROWS = 1_000


def completion() -> None:
    """Lower halves of 1,000 held-out MNIST digits from the upper ones: nats per digit."""
    train, held_out = mnist()
    v = held_out[:N_ROWS].astype(np.float32)
    holes = v.copy()
    holes[:, 392:] = np.nan

    def log_probability(mean: np.ndarray, count: float) -> float:
        """Of the true pixels, unit by unit, under means smoothed for this number of rows."""
        p = (mean * count + 1) / (count + 2)
        below = v[:, 392:]
        return float((below * np.log(p) + (1 - below) * np.log(1 - p)).sum(axis=1).mean())

    marginal = np.tile(train[:, 392:].mean(axis=0), (N_ROWS, 1))
    print(f"marginals of the training rows: {log_probability(marginal, len(train)):.2f}")
    for n_neighbors in (10, 30):
        imputer = KNNImputer(n_neighbors=n_neighbors).fit(train[:10_000].astype(np.float32))
        below = imputer.transform(holes)[:, 392:]
        print(f"KNNImputer, {n_neighbors} of 10,000: {log_probability(below, n_neighbors):.2f}")
    rbm = BernoulliRBM(500, missing_values="allow", random_state=0).fit(train.astype(np.float32))
    begin = time.perf_counter()
    below = rbm.impute(holes, method="mean", random_state=0)[:, 392:]
    seconds = time.perf_counter() - begin
    print(
        f"RBM, 500 hidden, conditional means: {log_probability(below, 1_000):.2f}, {seconds:.0f} s"
    )
    few = slice(100)
    joint = (rbm.score_samples(v[few]) - rbm.score_samples(holes[few])).mean()
    print(f"RBM, log p(lower | upper) of 100 rows, by annealing: {joint:.2f}")


def outliers() -> None:
    """ROC AUC on digits, each class unseen in turn: mean over the classes."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    auc: dict[str, list[float]] = defaultdict(list)
    train, test, of_train, of_test = train_test_split(X, y, random_state=0, stratify=y)
    detectors = {
        "IsolationForest": IsolationForest(random_state=0),
        "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
        "Gaussian RBM, 256 hidden, variance 0.02": RBMOutlierDetector(
            GaussianBernoulliRBM(variance=0.02, n_iter=200), random_state=0
        ),
        "Gaussian RBM, 256 hidden": RBMOutlierDetector(
            GaussianBernoulliRBM(n_iter=200), random_state=0
        ),
        "Bernoulli RBM, 64 hidden": RBMOutlierDetector(
            BernoulliRBM(64, n_iter=300), random_state=0
        ),
    }
    for unseen in range(10):
        rows = np.vstack([test, train[of_train == unseen]])
        is_seen = np.r_[of_test != unseen, np.zeros((of_train == unseen).sum(), bool)]
        for name, detector in detectors.items():
            scores = detector.fit(train[of_train != unseen]).score_samples(rows)
            auc[name].append(float(roc_auc_score(is_seen, scores)))
    for name, values in auc.items():
        print(
            f"{name}: {statistics.fmean(values):.3f}, from {min(values):.3f} to {max(values):.3f}"
        )


def denoising() -> None:
    """Held-out MNIST digits with a tenth of the pixels flipped: squared error per digit."""
    train, held_out = mnist()
    clean = held_out[:N_ROWS].astype(np.float32)
    flipped = np.random.default_rng(0).random(clean.shape) < 0.1
    noisy = np.where(flipped, 1 - clean, clean)
    rbm = BernoulliRBM(500, random_state=0).fit(train.astype(np.float32))
    print(f"as they are: {((noisy - clean) ** 2).sum(axis=1).mean():.1f}")
    for n_steps in (1, 2, 3, 5, 10):
        error = ((rbm.reconstruct(noisy, n_steps) - clean) ** 2).sum(axis=1).mean()
        print(f"reconstruct, {n_steps} steps: {error:.1f}")


JOINT: dict[str, Callable[[], None]] = {
    function.__name__: function for function in (completion, outliers, denoising)
}


if __name__ == "__main__":
    run_chosen(__doc__, JOINT)
