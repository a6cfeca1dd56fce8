"""Beside scikit-learn's BernoulliRBM: `python -m benchmarks.against_scikit_learn`.

Both estimators fit the same rows in the same process, one after the other. Log-likelihoods are of
held-out rows, with log Z by enumeration for both: 16 hidden units.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM

import skrbm
from benchmarks.datasets import DATASETS, mnist
from skrbm.likelihood import exact_log_partition
from skrbm.model import RBM
from skrbm.units import Bernoulli

ESTIMATORS = {"skrbm": skrbm.BernoulliRBM, "scikit-learn": ScikitLearnRBM}
REPEATS = 5


def machine() -> str:
    """Describe the processor and the versions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    versions = [f"{m.__name__} {m.__version__}" for m in (np, scipy, sklearn, skrbm)]
    return f"{os.cpu_count()} cores, {', '.join(names)}; Python {platform.python_version()}, " + (
        ", ".join(versions)
    )


def nats(estimator: object, X: np.ndarray) -> float:
    """Mean exact log-likelihood of rows under a fitted estimator of either package."""
    rbm = RBM(
        Bernoulli(estimator.intercept_visible_.astype(np.float64)),
        Bernoulli(estimator.intercept_hidden_.astype(np.float64)),
        estimator.components_.T.astype(np.float64),
    )
    return float(-rbm.free_energy(X.astype(np.float64)).mean() - exact_log_partition(rbm).value)


def likelihoods() -> pd.DataFrame:
    """Seconds and held-out nats of both, with their defaults but for 16 hidden units."""
    rows = []
    for data in ("digits", "mnist", "labelled-shifter", "bars-and-stripes-3"):
        train, held_out = (np.asarray(X, dtype=np.float32) for X in DATASETS[data]())
        for name, estimator in ESTIMATORS.items():
            begin = time.perf_counter()
            fitted = estimator(n_components=16, random_state=0).fit(train)
            seconds = time.perf_counter() - begin
            rows.append(
                {"data": data, "package": name, "s": seconds, "nats": nats(fitted, held_out)}
            )
    return pd.DataFrame(rows).pivot_table(index="data", columns="package", sort=False).round(2)


def sweep_seconds() -> pd.DataFrame:
    """Median seconds of a sweep over 10,000 rows of MNIST, 500 hidden units, float32.

    Both do the same: one Gibbs step an update, with as many chains as rows in a mini-batch.
    """
    X = mnist()[0][:10_000].astype(np.float32)
    times: dict[tuple[int, str], list[float]] = {}
    for _ in range(REPEATS):
        for batch_size in (10, 100):
            for name, estimator in ESTIMATORS.items():
                rbm = estimator(500, batch_size=batch_size, n_iter=1, random_state=0)
                if name == "skrbm":
                    rbm.set_params(n_steps=1, n_chains=batch_size)
                begin = time.perf_counter()
                rbm.fit(X)
                times.setdefault((batch_size, name), []).append(time.perf_counter() - begin)
    medians = pd.Series({key: statistics.median(values) for key, values in times.items()})
    return medians.rename_axis(["batch_size", "package"]).unstack().round(3)


def main() -> None:
    """Print the machine and both tables."""
    print(machine())
    print(sweep_seconds().to_string())
    print(likelihoods().to_string())


if __name__ == "__main__":
    main()
