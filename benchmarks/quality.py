"""Log-likelihoods of held-out rows: `python -m benchmarks.quality [NAME ...]`.

Defaults, except the numbers of hidden units and epochs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM

from benchmarks.chosen import run_chosen
from benchmarks.datasets import (
    bars_and_stripes,
    labelled_shifter,
    mnist,
    mnist_images,
    mnist_labels,
    mnist_sampled,
)
from benchmarks.speed import model_of
from skrbm import BernoulliRBM, samplers
from skrbm._kernels import random
from skrbm.diagnostics import integrated_autocorrelation_time, split_r_hat
from skrbm.estimators.common.fitted import fitted_of
from skrbm.likelihood import exact_log_partition
from skrbm.units import Bernoulli

SEEDS = range(10)


def few_units() -> None:
    """MNIST thresholded, 16 hidden units, 50 epochs, and the same images flipped."""
    train, held_out = mnist()
    for name, (X, Y) in {"plain": (train, held_out), "flipped": (~train, ~held_out)}.items():
        begin = time.perf_counter()
        rbm = BernoulliRBM(16, n_iter=50, random_state=0).fit(X)
        print(f"{name}: {rbm.score(Y):.2f} nats, {time.perf_counter() - begin:.0f} s", flush=True)


def equal_time() -> None:
    """20 hidden units, in the time that scikit-learn's defaults take."""
    train, held_out = (X.astype(np.float32) for X in mnist())

    def fit(estimator: object) -> tuple[float, float]:
        begin = time.perf_counter()
        rbm = model_of(estimator.fit(train))
        seconds = time.perf_counter() - begin
        return seconds, -rbm.free_energy(held_out).mean() - exact_log_partition(rbm).value

    theirs, their_nats = fit(ScikitLearnRBM(20, random_state=0))
    print(f"scikit-learn: {their_nats:.2f} nats in {theirs:.1f} s", flush=True)
    one_sweep, _ = fit(BernoulliRBM(20, n_iter=1, random_state=0))
    n_iter = max(1, int(theirs / one_sweep))
    seconds, nats = fit(BernoulliRBM(20, n_iter=n_iter, random_state=0))
    print(f"skrbm, {n_iter} sweeps: {nats:.2f} nats in {seconds:.1f} s", flush=True)


def _many_units(n_iter: int) -> None:
    """500 hidden units on grey images, judged on rows drawn from them once."""
    train = mnist_images()[:-10_000] / np.float32(255)
    _, held_out = mnist_sampled()
    begin = time.perf_counter()
    estimator = BernoulliRBM(500, n_iter=n_iter, random_state=0).fit(train)
    seconds = time.perf_counter() - begin
    nats = estimator.score(held_out)
    log_z = estimator.log_partition_
    low, high = (nats + log_z.value - bound for bound in (log_z.upper, log_z.lower))
    print(
        f"{n_iter} sweeps in {seconds:.0f} s: {nats:.2f} nats, {low:.2f} to {high:.2f}", flush=True
    )


def many_units() -> None:
    """A minute and a half of training."""
    _many_units(52)


def many_units_long() -> None:
    """Five minutes of training."""
    _many_units(140)


def many_modes() -> None:
    """Small data with modes that chains hardly leave: gaps to the bound over ten seeds."""
    for name, X, n_hidden, n_iter, bound in (
        ("bars and stripes 3x3", bars_and_stripes(3)[0], 16, 10_000, -2.59930),
        ("bars and stripes 4x4", bars_and_stripes(4)[0], 16, 10_000, -3.37909),
        ("labelled shifter, 8 bits", labelled_shifter(8)[0], 32, 7_500, -6.64379),
    ):
        gaps, seconds = [], []
        for seed in SEEDS:
            begin = time.perf_counter()
            rbm = BernoulliRBM(n_hidden, n_iter=n_iter, random_state=seed).fit(X)
            seconds.append(time.perf_counter() - begin)
            log_z = exact_log_partition(fitted_of(rbm).rbm).value
            gaps.append(bound + rbm.free_energy(X).mean() + log_z)
        print(
            f"{name}: mean gap {np.mean(gaps):.4f}, worst {max(gaps):.4f}, "
            f"at most {max(seconds):.0f} s",
            flush=True,
        )


def balance() -> None:
    """Zeros and ones of MNIST, 200 hidden units: chains that start in one class find the other.

    The nearer class mean decides the class. Tempered and plain chains cost the same.
    """
    images = mnist_images()
    labels = mnist_labels()
    X, y = images[labels < 2] > 127, labels[labels < 2]
    rbm = fitted_of(BernoulliRBM(200, random_state=0).fit(X)).rbm
    means = np.stack([X[y == c].mean(axis=0) for c in (0, 1)])
    base = Bernoulli.from_totals(X.sum(axis=0), len(X)).astype(np.float32)

    def ones(v: np.ndarray) -> np.ndarray:
        distance = ((v[:, None] - means) ** 2).sum(axis=2)
        return distance[:, 1] < distance[:, 0]

    start = X[y == 0][:100].astype(np.float32)
    rng = random.generator(0)
    n_steps, n_temperatures = 3_000, 20
    tempering = samplers.ParallelTempering.start(rbm, base, start, n_temperatures, rng)
    seen, trace = [], []
    for step in range(n_steps):
        tempering.step(rbm, rng)
        trace.append(ones(tempering.cold.visible))
        if step >= n_steps // 2 and step % (n_steps // 20) == 0:
            seen.append(trace[-1])
    v, plain = start, []
    for step in range(n_steps * n_temperatures // 20):  # 20 blocks of as many products
        v = samplers.gibbs_visible(rbm, v, rng, 20)
        if step >= n_steps // 2 and step % (n_steps // 20) == 0:
            plain.append(ones(v))
    trace = np.array(trace[n_steps // 2 :], dtype=float)
    print(f"share of ones: data {y.mean():.3f}, tempered {np.mean(seen):.3f}, ", end="")
    print(f"plain Gibbs {np.mean(plain):.3f}, of {np.size(seen)} samples each")
    print(f"swap rates {tempering.swap_rates.round(2)}, lowest beta {tempering.betas[-1]:.2f}")
    print(f"autocorrelation time {integrated_autocorrelation_time(trace):.0f} steps, ", end="")
    print(f"split R-hat {split_r_hat(trace):.3f}", flush=True)


QUALITIES: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (few_units, equal_time, many_units, many_units_long, many_modes, balance)
}


if __name__ == "__main__":
    run_chosen(__doc__, QUALITIES)
