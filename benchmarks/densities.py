"""Densities of real-valued data by `GaussianBernoulliRBM`: `python -m benchmarks.densities [NAME ...]`.

Defaults only, but for the number of hidden units and of sweeps.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images, load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

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
        for seed in SEEDS:
            rbm, seconds = _fit(X, n_components, n_iter=n_iter, random_state=seed)
            gap = (truth - rbm.score_samples(Y)).mean()
            print(
                f"{n_components} hidden units, {n_iter} sweeps, seed {seed}: gap {gap:.4f} nats in {seconds:.1f} s",
                flush=True,
            )


def _mixture(n_modes: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Means and weights of normal densities of one variance: three in a triangle, 25 in a square."""
    if n_modes == 3:
        return np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 3.5]]), np.array([0.5, 0.3, 0.2]), 0.5
    side = np.arange(5) * 2.0
    means = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return means, np.full(25, 1 / 25), 0.3


def mixtures() -> None:
    """Mixtures of 3 and of 25 normal densities: divergence by quadrature, and modes of samples."""
    for n_modes in (3, 25):
        means, weights, deviation = _mixture(n_modes)
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            modes = rng.choice(n_modes, size=20_000, p=weights)
            X = means[modes] + deviation * rng.normal(size=(len(modes), 2))
            rbm, seconds = _fit(X, 64, random_state=seed)
            begin = time.perf_counter()
            log_z = rbm.log_partition_
            sides = [
                np.linspace(m - 8 * deviation, M + 8 * deviation, 300)
                for m, M in zip(means.min(0), means.max(0), strict=True)
            ]
            grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
            cell = math.prod(side[1] - side[0] for side in sides)
            squares = ((grid[:, None] - means) ** 2).sum(axis=2)
            p = np.exp(-squares / (2 * deviation**2)) @ weights / (2 * math.pi * deviation**2)
            log_q = rbm.score_samples(grid)
            seen = p > 0
            divergence = (p[seen] * (np.log(p[seen]) - log_q[seen])).sum() * cell
            normalised = divergence + math.log(np.exp(log_q).sum() * cell)
            samples = rbm.sample(20_000, n_steps=100, random_state=seed)
            nearest = ((samples[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
            found = np.bincount(nearest, minlength=n_modes) / len(samples)
            print(
                f"{n_modes} modes, seed {seed}: {divergence:.4f} nats ({normalised:.4f} normalised by quadrature; log Z {log_z.upper - log_z.lower:.2f} wide), weights off by {np.abs(found - weights).max():.3f}, {seconds:.0f} s and {time.perf_counter() - begin:.0f} s",
                flush=True,
            )


def _patches(side: int, n: int) -> np.ndarray:
    """Grey patches of two photographs, less their means."""
    images = [image.mean(axis=2) for image in load_sample_images().images]
    patches = [
        extract_patches_2d(image, (side, side), max_patches=n, random_state=0) for image in images
    ]
    rows = np.concatenate(patches).reshape(-1, side**2)
    rows = np.log1p(rows)
    return rows - rows.mean(axis=1, keepdims=True)


def patches() -> None:
    """Whitened 8x8 patches of photographs: held-out log-density beside sklearn's, in nats."""
    rows = _patches(8, 30_000)
    train, held_out = train_test_split(rows, test_size=10_000, random_state=0)
    whiten = PCA(n_components=63, whiten=True).fit(train)
    train, held_out = whiten.transform(train), whiten.transform(held_out)
    d = train.shape[1]
    for n_components in (64, 128):
        n_parameters = d * n_components + n_components + 2 * d
        n_factors = min(d, n_components)
        n_mixed = max(1, round(n_parameters / (d + d * (d + 1) / 2 + 1)))
        n_diagonal = round(n_parameters / (2 * d + 1))
        rbm, seconds = _fit(train, n_components, random_state=0)
        log_z = rbm.log_partition_
        print(
            f"{n_components} hidden units, {n_parameters} parameters: {rbm.score(held_out):.2f} nats (log Z {log_z.lower:.2f} to {log_z.upper:.2f}), {seconds:.0f} s",
            flush=True,
        )
        print(f"  variances {rbm.variance_.min():.2f} to {rbm.variance_.max():.2f}")
        for name, peer in {
            f"{n_factors} factors": FactorAnalysis(n_factors),
            f"{n_mixed} full normal densities": GaussianMixture(n_mixed, random_state=0),
            f"{n_diagonal} diagonal normal densities": GaussianMixture(
                n_diagonal, covariance_type="diag", random_state=0
            ),
        }.items():
            begin = time.perf_counter()
            nats = peer.fit(train).score(held_out)
            print(f"  {name}: {nats:.2f} nats, {time.perf_counter() - begin:.0f} s", flush=True)


def _with_outliers() -> np.ndarray:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 10)) @ rng.normal(size=(10, 10))
    X[:20] += 100 * X.std(axis=0) * rng.choice([-1, 1], size=(20, 10))
    return rng.permutation(X)


def stability() -> None:
    """Raw data and rates over three decades: held-out nats less those of a diagonal normal density."""
    data = {
        "wine": load_wine().data,
        "breast cancer": load_breast_cancer().data,
        "digits, 0 to 16": load_digits().data,
        "outliers at 100 standard deviations": _with_outliers(),
    }
    for name, X in data.items():
        train, held_out = train_test_split(X, random_state=0)
        diagonal = GaussianMixture(
            1, covariance_type="diag", reg_covar=1e-300 if X.std(axis=0).all() else 1e-6
        )
        for rate in ("auto", 0.03, 0.3, 3.0, 30.0):
            rbm, seconds = _fit(train, 16, learning_rate=rate, random_state=0)
            ...


DENSITIES: dict[str, Callable[[], None]] = {f.__name__: f for f in (laplace, mixtures, patches)}


def main() -> None:
    """Print the chosen figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    for name in parser.parse_args().names or DENSITIES:
        print(f"{name}: {DENSITIES[name].__doc__.splitlines()[0]}")
        DENSITIES[name]()


if __name__ == "__main__":
    main()
