"""Recovering known models: `python -m benchmarks.known_models`.

Twenty random models of at most 10 visible and 6 hidden units each draw 20,000 rows to fit, with
defaults except n_components and n_iter, and 20,000 fresh rows to score. Every log-likelihood is
exact. The gap is the log-likelihood of the true model minus the fitted one's, in nats per row.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from skrbm import BernoulliRBM
from skrbm.model import RBM
from skrbm.units import Bernoulli

N_ROWS = 20_000
SCALES = (1.0, 2.0, 3.0)


def random_model(seed: int, scale: float) -> RBM:
    """Draw sizes, normal weights, and normal biases around the values that balance the weights."""
    rng = np.random.default_rng(seed)
    n_visible, n_hidden = rng.integers(2, 11), rng.integers(1, 7)
    weights = rng.normal(scale=scale, size=(n_visible, n_hidden))
    b, c = rng.normal(size=n_visible), rng.normal(size=n_hidden)
    return RBM(
        Bernoulli(b - weights.sum(axis=1) / 2), Bernoulli(c - weights.sum(axis=0) / 2), weights
    )


def gap(seed: int, scale: float, parameters: dict) -> float:
    """Nats per fresh row by which the fitted model is below the true one."""
    model = random_model(seed, scale)
    states, p = model.visible_distribution()
    rng = np.random.default_rng(seed + 1000)
    train, fresh = (rng.choice(len(p), size=N_ROWS, p=p) for _ in range(2))
    rbm = BernoulliRBM(model.hidden.n_units, random_state=seed, **parameters)
    with threadpool_limits(1):
        rbm.fit(states[train].astype(np.float32))
        return float(np.log(p[fresh]).mean() - rbm.score(states[fresh].astype(np.float32)))


def main() -> None:
    """Print the mean and the largest gap for each strength of the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-iter", type=int, default=200)
    parser.add_argument("--learning-rate", type=float)
    arguments = parser.parse_args()
    parameters = {"n_iter": arguments.n_iter}
    if arguments.learning_rate:
        parameters["learning_rate"] = arguments.learning_rate
    jobs = [(seed, scale, parameters) for scale in SCALES for seed in range(20)]
    gaps = Parallel(n_jobs=2)(delayed(gap)(*job) for job in jobs)
    frame = pd.DataFrame({"weights": [scale for _, scale, _ in jobs], "gap": gaps})
    print(frame.groupby("weights")["gap"].agg(["mean", "median", "max"]).round(4).to_string())


if __name__ == "__main__":
    main()
