"""Densities of real-valued data: `python -m benchmarks.densities [NAME ...]`.

`GaussianBernoulliRBM` with its defaults, except the numbers of hidden units and epochs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images, load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

from benchmarks.chosen import run_chosen
from skrbm import GaussianBernoulliRBM

SEEDS = range(3)


def _fit(
    X: np.ndarray, n_components: int, **parameters: object
) -> tuple[GaussianBernoulliRBM, float]:
    begin = time.perf_counter()
    rbm = GaussianBernoulliRBM(n_components, **parameters).fit(X)
    return rbm, time.perf_counter() - begin


def _laplace_sources(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two rotated Laplace sources of variance one, and their true log-density."""
    angle = 0.6
    rotation = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    sources = rng.laplace(scale=math.sqrt(0.5), size=(n, 2))
    log_density = -math.sqrt(2) * np.abs(sources).sum(axis=1) - math.log(2)
    return sources @ np.transpose(rotation), log_density


def laplace() -> None:
    """Two rotated Laplace sources, 100,000 rows: the mean gap to the true log-density."""
    rng = np.random.default_rng(0)
    X, _ = _laplace_sources(100_000, rng)
    Y, truth = _laplace_sources(20_000, rng)
    for n_components, n_iter in ((4, 10), (16, 10), (16, 30)):
        fits = [_fit(X, n_components, n_iter=n_iter, random_state=seed) for seed in SEEDS]
        gaps = [round(float((truth - rbm.score_samples(Y)).mean()), 4) for rbm, _ in fits]
        seconds = max(seconds for _, seconds in fits)
        print(
            f"{n_components} hidden units, {n_iter} sweeps: gaps {gaps} nats, "
            f"at most {seconds:.1f} s",
            flush=True,
        )


class Mixture:
    """Normal densities of one variance: three in a triangle, or 25 in a square."""

    def __init__(self, n_modes: int) -> None:
        if n_modes == 3:
            self.means = np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 3.5]])
            self.weights, self.deviation = np.array([0.5, 0.3, 0.2]), 0.5
        else:
            side = np.arange(5) * 2.0
            self.means = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
            self.weights, self.deviation = np.full(25, 1 / 25), 0.3

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of the mixture."""
        modes = rng.choice(len(self.means), size=n, p=self.weights)
        return self.means[modes] + self.deviation * rng.normal(size=(n, 2))

    def divergence(self, rbm: GaussianBernoulliRBM) -> tuple[float, float]:
        """Nats from the mixture to the model, by quadrature; and the error of log Z."""
        margin = 8 * self.deviation
        low, high = self.means.min(axis=0) - margin, self.means.max(axis=0) + margin
        sides = np.linspace(low, high, 300).T
        grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
        cell = math.prod(side[1] - side[0] for side in sides)
        squares = ((grid[:, None] - self.means) ** 2).sum(axis=2) / self.deviation**2
        p = np.exp(-squares / 2) @ self.weights / (2 * math.pi * self.deviation**2) * cell
        log_q = rbm.score_samples(grid)
        error = math.log(np.exp(log_q).sum() * cell)
        here = p > 0
        return float(p[here] @ (np.log(p[here] / cell) - log_q[here])) + error, error

    def imbalance(self, samples: np.ndarray) -> float:
        """The largest difference between a mode's weight and its share of the samples."""
        nearest = ((samples[:, None] - self.means) ** 2).sum(axis=2).argmin(axis=1)
        share = np.bincount(nearest, minlength=len(self.means)) / len(samples)
        return float(np.abs(share - self.weights).max())


def mixtures() -> None:
    """Mixtures of 3 and of 25 normal densities, 20,000 rows, 64 hidden units."""
    for n_modes, parameters in (
        (3, {}),
        (25, {}),
        (25, {"n_iter": 100}),
        (25, {"n_iter": 250, "learning_rate": 0.1}),
    ):
        mixture = Mixture(n_modes)
        for seed in SEEDS:
            X = mixture.sample(20_000, np.random.default_rng(seed))
            rbm, seconds = _fit(X, 64, random_state=seed, **parameters)
            divergence, error = mixture.divergence(rbm)
            log_z = rbm.log_partition_
            samples = rbm.sample(20_000, n_steps=100, random_state=seed)
            print(
                f"{n_modes} modes, {parameters}, seed {seed}: {divergence:.4f} nats, modes off by "
                f"{100 * mixture.imbalance(samples):.1f} points, {seconds:.0f} s; log Z errs by "
                f"{-error:.2f}, its bracket is {log_z.upper - log_z.lower:.2f} wide",
                flush=True,
            )


def _logarithms(rows: np.ndarray) -> np.ndarray:
    rows = np.log1p(rows)
    return rows - rows.mean(axis=1, keepdims=True)


def _equal_contrast(rows: np.ndarray) -> np.ndarray:
    rows = rows + np.random.default_rng(0).random(rows.shape) / 3  # means of three integers
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / (rows.std(axis=1, keepdims=True) + 10)


def _patches(prepared: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Whitened grey 8x8 patches of two photographs, to train on and held out."""
    images = [image.mean(axis=2) for image in load_sample_images().images]
    patches = [
        extract_patches_2d(image, (8, 8), max_patches=30_000, random_state=0) for image in images
    ]
    rows = prepared(np.concatenate(patches).reshape(-1, 64))
    train, held_out = train_test_split(rows, test_size=10_000, random_state=0)
    whiten = PCA(n_components=63, whiten=True).fit(train)
    return whiten.transform(train), whiten.transform(held_out)


def patches() -> None:
    """Patches of photographs: held-out log-density compared with scikit-learn's, in nats."""
    for prepared in (_logarithms, _equal_contrast):
        train, held_out = _patches(prepared)
        d = train.shape[1]
        for n_components in (64, 256):
            rbm, seconds = _fit(train, n_components, n_iter=30, random_state=0)
            nats, log_z = rbm.score(held_out), rbm.log_partition_
            n_parameters = d * n_components + n_components + 2 * d
            print(
                f"{prepared.__name__}, {n_components} hidden units, {n_parameters} parameters: "
                f"{nats:.2f} nats, log Z {log_z.lower:.2f} to {log_z.upper:.2f}, {seconds:.0f} s",
                flush=True,
            )
            n_full = max(1, round(n_parameters / (1 + d + d * (d + 1) / 2)))
            n_diagonal = round(n_parameters / (1 + 2 * d))
            for name, peer in {
                f"{min(d, n_components)} factors": FactorAnalysis(min(d, n_components)),
                f"{n_full} normal densities": GaussianMixture(n_full, random_state=0),
                f"{n_diagonal} diagonal normal densities": GaussianMixture(
                    n_diagonal, covariance_type="diag", random_state=0
                ),
            }.items():
                print(f"  {name}: {peer.fit(train).score(held_out):.2f} nats", flush=True)


def _with_outliers() -> np.ndarray:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 10)) @ rng.normal(size=(10, 10))
    X[::100] += 100 * X.std(axis=0)
    return X


def stability() -> None:
    """Raw data, 16 hidden units: held-out nats above independent normal columns."""
    for name, X in {
        "wine": load_wine().data,
        "breast cancer": load_breast_cancer().data,
        "digits, 0 to 16": load_digits().data,
        "outliers at 100 standard deviations": _with_outliers(),
    }.items():
        train, held_out = train_test_split(X, random_state=0)
        varies = train.std(axis=0) > 0  # other columns have no density
        train, held_out = train[:, varies], held_out[:, varies]
        variance = train.var(axis=0)
        squares = (held_out - train.mean(axis=0)) ** 2 / variance + np.log(2 * np.pi * variance)
        normal = -squares.sum(axis=1).mean() / 2
        gains = {}
        for rate in (0.01, 0.1, 1.0, 10.0, "auto"):
            rbm, _ = _fit(train, 16, learning_rate=rate, random_state=0)
            gains[rate] = round(float(rbm.score(held_out) - normal), 2)
        print(f"{name}, by learning rate: {gains}", flush=True)


DENSITIES: dict[str, Callable[[], None]] = {
    function.__name__: function for function in (laplace, mixtures, patches, stability)
}


if __name__ == "__main__":
    run_chosen(__doc__, DENSITIES)
