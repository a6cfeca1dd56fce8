"""Seconds of the same work here and in other packages, medians of several repeats."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM

from benchmarks.datasets import digits, mnist, mnist_images
from benchmarks.peers import (
    HAS_TORCH,
    RATE,
    TorchRBM,
    five_products,
    plain_log_partition,
    random_rbm,
    three_products,
)
from skrbm import BernoulliRBM, GaussianBernoulliRBM, likelihood, samplers
from skrbm._kernels import random
from skrbm.estimators.common.fitted import fitted_of
from skrbm.model import RBM
from skrbm.units import Bernoulli

Row = dict[str, object]
REPEATS = 5


def side_by_side(work: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each, all taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, function in work.items():
            begin = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in seconds.items()}


def rows(title: str, seconds: dict[str, float], check: dict[str, object]) -> list[Row]:
    """One row of the table for each, with its time as a multiple of the first one's."""
    first = next(iter(seconds.values()))
    return [
        {
            "benchmark": title,
            "what": name,
            "seconds": s,
            "ratio": s / first,
            "check": check.get(name),
        }
        for name, s in seconds.items()
    ]


def model_of(fitted: object) -> RBM:
    """The model learned by an estimator of any of the packages."""
    parameters = fitted.intercept_visible_, fitted.intercept_hidden_, fitted.components_.T
    b, c, weights = (np.ascontiguousarray(x, dtype=np.float64) for x in parameters)
    return RBM(Bernoulli(b), Bernoulli(c), weights)


def pseudo_log_likelihood(fitted: object, X: np.ndarray) -> float:
    """Mean pseudo-log-likelihood over rows, from ten columns per row."""
    v = X.astype(np.float64)
    rng = random.generator(0)
    return float(likelihood.pseudo_log_likelihood(model_of(fitted), v, 10, rng).mean())


def _training(X: np.ndarray, n_components: int, batch_size: int, title: str) -> list[Row]:
    fitted: dict[str, object] = {}
    single, double = X.astype(np.float32), X.astype(np.float64)

    def fit(name: str, estimator: object, rows: np.ndarray) -> Callable[[], None]:
        def run() -> None:
            fitted[name] = estimator.fit(rows)

        return run

    same = {"batch_size": batch_size, "n_iter": 1, "learning_rate": RATE, "random_state": 0}
    pcd = BernoulliRBM(n_components, gradient="pcd", n_chains=batch_size, **same)
    work = {
        "skrbm": fit("skrbm", pcd, single),
        "its three products": lambda: three_products(single, n_components, batch_size),
        "five products": lambda: five_products(single, n_components, batch_size),
        "scikit-learn float32": fit(
            "scikit-learn float32", ScikitLearnRBM(n_components, **same), single
        ),
        "scikit-learn float64": fit(
            "scikit-learn float64", ScikitLearnRBM(n_components, **same), double
        ),
        "torch float32": fit("torch float32", TorchRBM(n_components, batch_size), single),
        "skrbm, jumping": fit(
            "skrbm, jumping", BernoulliRBM(n_components, n_chains=batch_size, **same), single
        ),
    }
    if not HAS_TORCH:
        del work["torch float32"]
    seconds = side_by_side(work)
    check = {name: round(pseudo_log_likelihood(e, X[:1000]), 1) for name, e in fitted.items()}
    return rows(title, seconds, check)


def training(n_rows: int = 20_000) -> list[Row]:
    """An epoch of PCD-1 over rows of MNIST, 500 hidden units; check: pseudo-log-likelihood."""
    X = mnist()[0][:n_rows]
    sizes = (10, 100, 500)
    return [row for b in sizes for row in _training(X, 500, b, f"784 x 500, batch {b}")]


def small() -> list[Row]:
    """An epoch of PCD-1 over digits in mini-batches of 10: the overhead of calls."""
    X = np.tile(np.concatenate(digits()), (5, 1))
    return _training(X, 100, 10, "64 x 100, batch 10")


def gaussian(n_rows: int = 20_000) -> list[Row]:
    """An epoch of grey rows of MNIST, 500 hidden units, Gaussian visible ones; check: nats."""
    X = mnist_images()[:n_rows].astype(np.float32)
    fitted = {}
    same = {"batch_size": 100, "n_iter": 1, "n_chains": 100, "random_state": 0}

    def fit(gradient: str) -> Callable[[], None]:
        def run() -> None:
            fitted[gradient] = GaussianBernoulliRBM(500, gradient=gradient, **same).fit(X)

        return run

    work = {
        "pcd": fit("pcd"),
        "its three products": lambda: three_products(X, 500, 100),
        "five products": lambda: five_products(X, 500, 100),
        "jump": fit("jump"),
    }
    seconds = side_by_side(work)
    check = {
        name: round(float(rbm.pseudo_log_likelihood(X[:200], 1, random_state=0).mean()))
        for name, rbm in fitted.items()
    }
    return rows("Gaussian 784 x 500, batch 100", seconds, check)


def transform() -> list[Row]:
    """Features of 60,000 rows; check: largest difference."""
    X = np.tile(mnist()[0][:6000], (10, 1)).astype(np.float32)
    rbm = BernoulliRBM(500, n_iter=1, random_state=0).fit(X[:2000])
    peer = ScikitLearnRBM(500)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(peer, name, getattr(rbm, name))
    peer.n_features_in_ = 784
    weights = np.ascontiguousarray(rbm.components_.T)
    work = {
        "skrbm": lambda: rbm.transform(X),
        "the product": lambda: X @ weights,
        "scikit-learn": lambda: peer.transform(X),
    }
    error = float(np.abs(rbm.transform(X[:500]) - peer.transform(X[:500])).max())
    return rows("transform 60,000 x 784 to 500", side_by_side(work), {"scikit-learn": error})


def gibbs() -> list[Row]:
    """Ten steps of 1,000 chains; check: mean of the states."""
    X = mnist()[0][:1000].astype(np.float32)
    rbm = BernoulliRBM(500, n_iter=5, random_state=0).fit(X)
    peer = ScikitLearnRBM(500, random_state=np.random.RandomState(0))
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(peer, name, getattr(rbm, name))
    peer.n_features_in_ = 784
    peer.random_state_ = np.random.RandomState(0)
    means: dict[str, object] = {}

    def theirs() -> None:
        v = X
        for _ in range(10):
            v = peer.gibbs(v).astype(np.float32)
        means["scikit-learn"] = round(float(v.mean()), 3)

    def ours() -> None:
        means["skrbm"] = round(float(rbm.gibbs(X, 10).mean()), 3)

    weights = np.ascontiguousarray(rbm.components_.T)
    h = X @ weights

    def products() -> None:
        for _ in range(10):
            X @ weights
            h @ weights.T

    seconds = side_by_side({"skrbm": ours, "the products": products, "scikit-learn": theirs})
    return rows("10 Gibbs steps of 1,000 chains", seconds, means)


def tempering() -> list[Row]:
    """Ten steps of parallel tempering, 10 temperatures of 100 chains, 784 x 200."""
    X = mnist()[0][:2000].astype(np.float32)
    rbm = fitted_of(BernoulliRBM(200, n_iter=20, random_state=0).fit(X)).rbm
    rng = random.generator(0)
    chains = samplers.ParallelTempering.start(rbm, rbm.visible, X[:100], 10, rng)
    v = X[:1000]
    h = v @ rbm.weights.array

    def products() -> None:
        for _ in range(10):
            v @ rbm.weights.array
            h @ rbm.weights.array.T

    def steps() -> None:
        for _ in range(10):
            chains.step(rbm, rng)

    return rows("parallel tempering", side_by_side({"skrbm": steps, "the products": products}), {})


def log_partition() -> list[Row]:
    """Exact log Z of 784 x 14 float32 parameters; check: relative error to plain enumeration."""
    rbm = random_rbm(784, 14, 0.3)
    error = abs(likelihood.exact_log_partition(rbm).value / plain_log_partition(rbm) - 1)
    work = {
        "skrbm": lambda: likelihood.exact_log_partition(rbm),
        "plain enumeration": lambda: plain_log_partition(rbm),
    }
    return rows("exact log Z, 784 x 14", side_by_side(work), {"skrbm": f"{error:.0e}"})


def sparse_rows() -> list[Row]:
    """An epoch of 10,000 columns of density 1 %, as CSR and as an array."""
    X = sparse.random_array((2000, 10_000), density=0.01, rng=0, format="csr", dtype=np.float32)
    X.data[:] = 1
    dense = X.toarray()
    rbm = BernoulliRBM(
        100, gradient="pcd", n_chains=10, n_iter=1, learning_rate=RATE, random_state=0
    )
    check = abs(rbm.fit(X).components_ - rbm.fit(dense).components_).max()
    work = {"skrbm, CSR": lambda: rbm.fit(X), "skrbm, array": lambda: rbm.fit(dense)}
    return rows("10,000 columns, 1 % ones", side_by_side(work), {"skrbm, array": float(check)})


def importing() -> list[Row]:
    """Import the package in a fresh interpreter, compared with its dependencies."""
    needed = "import sklearn.base, scipy.linalg, scipy.sparse"
    work = {
        name: lambda code=code: subprocess.run([sys.executable, "-c", code], check=True)
        for name, code in {"import skrbm": "import skrbm", needed: needed, "python": ""}.items()
    }
    return rows("import", side_by_side(work, repeats=9), {})
