"""Training by trajectory: `python -m benchmarks.trajectory [PART ...]`.

Parts: `exact` (log Z of small models), `classes` (MNIST's zeros and ones: samples that start in one
class), `grey` (784 x 500 on MNIST), `published` (dna, mushrooms and nips, whose files SKRBM_DNA,
SKRBM_MUSHROOMS and SKRBM_NIPS name), `historical` (log Z of the model of Salakhutdinov and Murray,
whose file SKRBM_CD25 names), and `time` (compared with "pcd").
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from benchmarks.chosen import run_parts
from benchmarks.datasets import mnist_images, mnist_labels
from skrbm import BernoulliRBM
from skrbm._kernels import random
from skrbm.annealing import AnnealingPath
from skrbm.ladder import Ladder
from skrbm.likelihood import bracketed_log_partition
from skrbm.model import RBM
from skrbm.samplers import gibbs_visible
from skrbm.units import Bernoulli

Row = dict[str, Any]

DATA = ("dna", "mushrooms", "nips")
N_HELD_OUT, N_SAMPLES = 10_000, 1_000
SIZES, PENALTIES, EPOCHS = (100, 256, 500), (3.0, 10.0, 30.0, 100.0), (1, 4)


def drawn(X: np.ndarray, seed: int) -> np.ndarray:
    """Binary draws from grey values between 0 and 255."""
    rng = np.random.default_rng(seed)
    return (rng.random(X.shape, dtype=np.float32) < X / np.float32(255)).astype(np.float32)


def nats(rbm: BernoulliRBM, X: np.ndarray, log_partition: float) -> float:
    """Mean log-likelihood of rows."""
    return float(-rbm.free_energy(X).mean() - log_partition)


def exact(_: int) -> Iterator[Row]:
    """Log Z by the ladder, and exactly, after training on digits."""
    X = load_digits().data / 16
    for n_components, seed in product((10, 20), range(3)):
        rbm = BernoulliRBM(n_components, gradient="ptt", random_state=seed).fit(X)
        value = rbm.log_partition("exact").value
        while_training = rbm.trajectory_.ladder.log_partition_of(rbm_of(rbm)).value - value
        afterwards = rbm.log_partition("trajectory")
        yield {
            "units": n_components,
            "seed": seed,
            "while training": while_training,
            "trajectory": afterwards.value - value,
            "std error": afterwards.std_error,
        }


def rbm_of(estimator: BernoulliRBM) -> RBM:
    """The model of an estimator."""
    biases = estimator.intercept_visible_, estimator.intercept_hidden_
    return RBM(*map(Bernoulli, biases), np.ascontiguousarray(estimator.components_.T))


def classes(n_iter: int) -> Iterator[Row]:
    """Share of ones among samples of a model of zeros and ones, all of which start as zeros."""
    labels = mnist_labels()
    few = labels < 2
    X, y = mnist_images()[few], labels[few]
    known = LogisticRegression(max_iter=500).fit(drawn(X[:4000], 0), y[:4000])
    rbm = BernoulliRBM(200, gradient="ptt", n_iter=n_iter or 300, random_state=0)
    begin = perf_counter()
    rbm.fit(X / np.float32(255))
    share = partial(_share_of_ones, known)
    yield {"chains": "data", "steps": 0, "ones": y.mean(), "seconds": perf_counter() - begin}
    rng = random.generator(1)
    ladder = _of_zeros(rbm.trajectory_.ladder.refined(rng), known, rng)
    ladder.append(rbm_of(rbm), rng)
    zeros = ladder.newest.visible.copy()
    begin = perf_counter()
    yield {"chains": "trajectory", "steps": 0, "ones": share(zeros), "seconds": 0.0}
    for n_steps in (100, 100, 200, 400, 800):
        v, now = ladder.run(n_steps, rng), perf_counter() - begin
        row = {"chains": "trajectory", "steps": ladder.n_steps, "ones": share(v), "seconds": now}
        yield row | {"round trips": ladder.n_arrivals, "per second": ladder.n_arrivals / now}
    n_steps, v, n_changes, begin = 0, zeros, 0, perf_counter()
    before = known.predict(v)
    while perf_counter() - begin < now:
        v, n_steps = gibbs_visible(rbm_of(rbm), v, rng, 10), n_steps + 10
        after = known.predict(v)
        n_changes, before = n_changes + int((after != before).sum()), after
    row = {"chains": "Gibbs", "steps": n_steps, "ones": share(v), "seconds": now}
    yield row | {"round trips": n_changes / 2, "per second": n_changes / 2 / now}


def _share_of_ones(known: LogisticRegression, v: np.ndarray) -> float:
    return float(known.predict(v).mean())


def _of_zeros(ladder: Ladder, known: LogisticRegression, rng: Any) -> Ladder:
    """The ladder with a chain per sample, all in states of the class zero if a model has any."""
    ladder = ladder.copy()
    for k, rung in enumerate(ladder.rungs):
        zeros = np.flatnonzero(known.predict(rung.visible) == 0)
        if len(zeros) > 0:
            ladder.rungs[k] = rung.taken(rng.choice(zeros, N_SAMPLES))
    ladder.n_steps = ladder.n_arrivals = 0
    return ladder


def grey(n_iter: int) -> Iterator[Row]:
    """Held-out nats of 784 x 500, by trajectory and by jumps in the same time."""
    images = mnist_images()
    X, held_out = images[:-N_HELD_OUT] / np.float32(255), drawn(images[-N_HELD_OUT:], 0)
    checks: list[Row] = []
    rbm = BernoulliRBM(500, gradient="ptt", n_iter=n_iter or 150, random_state=0)
    rbm.set_params(callbacks=partial(_check, checks), batch_size=200, n_chains=200)
    begin = perf_counter()
    rbm.fit(X)
    seconds = perf_counter() - begin - sum(row["seconds"] for row in checks)
    yield from checks
    yield _scored("ptt", rbm, held_out, seconds)
    jumping = BernoulliRBM(500, batch_size=500, n_chains=500, random_state=0, n_iter=4)
    begin = perf_counter()
    jumping.fit(X)
    of_epoch = (perf_counter() - begin) / 4
    jumping.set_params(n_iter=max(4, int(seconds / of_epoch)), learning_rate=0.15)
    begin = perf_counter()
    jumping.fit(X)
    yield _scored("jump", jumping, held_out, perf_counter() - begin)


def _check(checks: list[Row], rbm: BernoulliRBM, epoch: int) -> None:
    """Compare log Z with the bounds at every tenth checkpoint."""
    trajectory, begin = rbm.trajectory_, perf_counter()
    if trajectory.n_checkpoints < 10 * (len(checks) + 1):
        return
    now = trajectory.ladder.log_partition_of(rbm_of(rbm)).value
    path = AnnealingPath(rbm_of(rbm), trajectory.ladder.rungs[0].model.visible)
    bounds = bracketed_log_partition(path, random.generator(0), chains=rbm.chains_)
    row = {"gradient": "ptt", "epoch": epoch, "checkpoints": trajectory.n_checkpoints}
    row |= {"log Z": now, "bracket": bounds.value, "lower": bounds.lower, "upper": bounds.upper}
    checks.append(row | {"seconds": perf_counter() - begin})


def _scored(name: str, rbm: BernoulliRBM, held_out: np.ndarray, seconds: float) -> Row:
    bounds = rbm.log_partition("bracket")
    row = {"gradient": name, "epoch": rbm.n_iter_, "nats": nats(rbm, held_out, bounds.value)}
    row |= {"bracket": bounds.value, "lower": bounds.lower, "upper": bounds.upper}
    if name == "ptt":
        row["log Z"] = rbm.trajectory_.ladder.log_partition_of(rbm_of(rbm)).value
        row["checkpoints"] = rbm.trajectory_.n_checkpoints
    return row | {"seconds": seconds}


def published(_: int) -> Iterator[Row]:
    """Test nats of the size, penalty and number of epochs that are best on the validation rows."""
    for name in DATA:
        with np.load(os.environ[f"SKRBM_{name.upper()}"]) as file:
            parts = [file[f"{part}_data"].astype(np.float32) for part in ("train", "valid", "test")]
        train, valid, test = parts
        n_iter = BernoulliRBM(8).fit(train).n_iter_
        tried = []
        for size, alpha, times in product(SIZES, PENALTIES, EPOCHS):
            rbm = BernoulliRBM(size, alpha=alpha, n_iter=times * n_iter, random_state=0).fit(train)
            tried.append((rbm.score(valid), rbm))
        score, best = max(tried, key=lambda x: x[0])
        row = {"data": name, "units": best.n_components, "alpha": best.alpha, "epochs": best.n_iter}
        yield row | {"validation": score, "test": best.score(test)}


def historical(_: int) -> Iterator[Row]:
    """Log Z of the 784 x 500 model of 2008, whose published value is 451.28."""
    with np.load(os.environ["SKRBM_CD25"]) as file:
        W, a, b = (file[name].astype(np.float32) for name in ("W", "a", "b"))
    mean = mnist_images().mean(axis=0) / 255
    base = Bernoulli(np.log((60_000 * mean + 1) / (60_000 * (1 - mean) + 1)).astype(np.float32))
    path = AnnealingPath(RBM(Bernoulli(a.ravel()), Bernoulli(b.ravel()), W), base)
    for seed in range(3):
        begin = perf_counter()
        result = bracketed_log_partition(path, random.generator(seed))
        row = {"seed": seed, "log Z": result.value, "width": result.upper - result.lower}
        yield row | {"seconds": perf_counter() - begin}


def time(n_iter: int) -> Iterator[Row]:
    """Seconds of the same updates of 784 x 500 by trajectory and by "pcd", in turn."""
    X = mnist_images()[:20_000] / np.float32(255)
    seconds: dict[str, list[float]] = {"pcd": [], "ptt": []}
    for _ in range(3):
        for name, of_fits in seconds.items():
            rbm = BernoulliRBM(500, gradient=name, n_iter=n_iter or 25, random_state=0)
            begin = perf_counter()
            rbm.fit(X)
            of_fits.append(perf_counter() - begin)
    medians = {name: statistics.median(x) for name, x in seconds.items()}
    yield medians | {"ratio": medians["ptt"] / medians["pcd"]}


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "exact": exact,
    "classes": classes,
    "grey": grey,
    "published": published,
    "historical": historical,
    "time": time,
}


if __name__ == "__main__":
    run_parts(PARTS, __doc__)
