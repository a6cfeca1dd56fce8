"""Log Z, its cost and its errors: `python -m benchmarks.log_partition [NAME ...]`."""

from __future__ import annotations

import time

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM

from benchmarks.chosen import run_chosen
from benchmarks.datasets import mnist, mnist_images
from benchmarks.peers import plain_log_partition, random_rbm
from benchmarks.speed import model_of, side_by_side
from skrbm import BernoulliRBM, samplers
from skrbm._kernels import random
from skrbm.annealing import AnnealingBudget, AnnealingPath, log_weights_of_both
from skrbm.likelihood import bracketed_log_partition, exact_log_partition, log_partition
from skrbm.model import RBM
from skrbm.units import Bernoulli


def exact() -> None:
    """Sizes, seconds, and the relative error if plain enumeration is feasible."""
    for n_visible, n_hidden, scale in [
        (784, 12, 0.3),
        (20, 14, 1.0),
        (20, 14, 100.0),
        (784, 20, 0.3),
        (784, 20, 30.0),
        (784, 25, 0.3),
    ]:
        rbm = random_rbm(n_visible, n_hidden, scale)
        begin = time.perf_counter()
        value = exact_log_partition(rbm).value
        line = f"{n_visible:4d} x {n_hidden:2d}, weights of {scale:g}: log Z = {value:.6f}"
        line += f" in {time.perf_counter() - begin:.2f} s"
        if n_hidden <= 14:
            expected = plain_log_partition(rbm)
            line += f", relative error {abs(value / expected - 1):.1e}"
        print(line, flush=True)


def random_models(n_models: int = 200) -> None:
    """Bounds for models of up to 60 x 20 units, weights of 0.01 to 5, against the exact value."""
    choose = np.random.default_rng(0)
    inside, close = [], []
    for seed in range(n_models):
        shape = int(choose.integers(5, 60)), int(choose.integers(2, 21))
        scale = 10 ** choose.uniform(-2, 0.7)
        b, c, weights = (choose.normal(size=s) for s in (*shape, shape))
        rbm = RBM(Bernoulli(b), Bernoulli(c), scale * weights)
        path = AnnealingPath(rbm, Bernoulli(np.zeros(shape[0])))
        result = bracketed_log_partition(path, random.generator(seed))
        value = exact_log_partition(rbm).value
        inside.append(result.lower <= value <= result.upper)
        if not result.doubt:
            close.append(abs(result.value - value) <= 3 * result.std_error)
    print(f"{n_models} models: {np.mean(inside):.1%} inside the bracket, ", end="")
    print(f"{1 - len(close) / n_models:.1%} doubted, ", end="")
    print(f"{np.mean(close):.1%} of the others within three standard errors", flush=True)


def trained_elsewhere() -> None:
    """15 hidden units, trained by scikit-learn on MNIST: exact, and annealed."""
    train, _ = mnist()
    fitted = ScikitLearnRBM(15, n_iter=3, random_state=0).fit(train)
    rbm = model_of(fitted)
    path = AnnealingPath(rbm, Bernoulli.from_totals(train.sum(axis=0), len(train)))
    value = exact_log_partition(rbm).value
    print(f"784 x 15: relative error {abs(value / plain_log_partition(rbm) - 1):.0e}")
    for method, budget in (("ais", AnnealingBudget(400, 1_500)), ("bracket", AnnealingBudget())):
        begin = time.perf_counter()
        result = log_partition(path, random.generator(0), method, budget)
        seconds = time.perf_counter() - begin
        error = f"{result.value - value:+.3f} nats, standard error {result.std_error:.3f}"
        print(f"{method}: {error}, {seconds:.1f} s", flush=True)


def trained() -> None:
    """500 hidden units on grey images, after 30 and after 100 epochs."""
    train = mnist_images()[:-10_000] / np.float32(255)
    for n_iter in (30, 100):
        estimator = BernoulliRBM(500, n_iter=n_iter, random_state=0).fit(train)
        plain = estimator.log_partition("ais", n_temperatures=1_000)
        print(f"{n_iter} sweeps, 1,000 temperatures forward: {plain}: {plain.doubt or 'trusted'}")
        begin = time.perf_counter()
        bracket = estimator.log_partition()
        print(f"{bracket}, {time.perf_counter() - begin:.0f} s", flush=True)


def annealing_cost() -> None:
    """Seconds of annealing 784 x 500 in both directions over the seconds of its products."""
    rbm = random_rbm(784, 500, 0.05)
    path, rng = AnnealingPath(rbm, rbm.visible), random.generator(0)
    v, betas = samplers.sample_independent(path.base, 100, rng), np.linspace(0, 1, 300)
    h = v @ rbm.weights.array

    def products() -> None:
        for _ in (*betas, *betas):
            v @ rbm.weights.array
            h @ rbm.weights.array.T

    seconds = side_by_side(
        {
            "annealing": lambda: log_weights_of_both(path, (v, v), betas, rng),
            "its products": products,
        }
    )
    print(f"annealing over its products: {seconds['annealing'] / seconds['its products']:.2f}")


def grid_search() -> None:
    """Size and rate that GridSearchCV chooses for rows of a known model, 20 x 6, by its score."""
    rng = np.random.default_rng(0)
    truth = RBM(Bernoulli(rng.normal(size=20)), Bernoulli(rng.normal(size=6)), np.zeros((20, 6)))
    truth.weights.array[...] = 1.5 * rng.normal(size=(20, 6))
    chains = samplers.gibbs_visible(truth, np.zeros((6_000, 20)), random.generator(0), 2_000)
    train, held_out = chains[:3_000], chains[3_000:]
    grid = {"n_components": [2, 4, 6, 8, 16, 32], "learning_rate": [0.05, 0.2, 0.8]}
    search = GridSearchCV(BernoulliRBM(random_state=0), grid, cv=3).fit(train)
    exact = {}
    for parameters in ParameterGrid(grid):
        fitted = BernoulliRBM(random_state=0, **parameters).fit(train)
        log_z = fitted.log_partition("exact" if fitted.n_components <= 30 else "auto").value
        exact[str(parameters)] = -fitted.free_energy(held_out).mean() - log_z
    chosen, best = exact[str(search.best_params_)], max(exact.values())
    true = -truth.free_energy(held_out).mean() - exact_log_partition(truth).value
    print(
        f"chosen {search.best_params_}: {chosen:.3f}; best of the grid {best:.3f}, truth {true:.3f}"
    )


PARTS = {
    f.__name__: f
    for f in (exact, random_models, trained_elsewhere, annealing_cost, grid_search, trained)
}


if __name__ == "__main__":
    run_chosen(__doc__, PARTS)
