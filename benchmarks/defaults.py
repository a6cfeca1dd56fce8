"""The experiment behind the defaults: `python -m benchmarks.defaults --out FILE` writes its table.

Every configuration of the grid is fitted to every data set with 16 hidden units, few enough for an
exact log Z, and scored by the mean log-likelihood of held-out rows in nats. All configurations
multiply the same number of rows by the weights, which is about their cost in time: if updates take
more steps, chains or rows, there are fewer of them.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks.datasets import DATASETS
from skrbm import BernoulliRBM

N_COMPONENTS = 16
GRID = {
    "learning_rate": (0.5, 1.0, 2.0),  # the default, 16 / n_components**0.75, is 2.0
    "batch_size": (20, 100),
    "gradient, n_steps and n_chains": (
        ("jump", 1, 100),
        ("jump", 3, 100),
        ("pcd", 1, 100),
        ("pcd", 5, 100),
        ("pt", 1, 200),
    ),
}
PARAMETERS = ["learning_rate", "batch_size", "gradient", "n_steps", "n_chains"]


def rows_multiplied(parameters: dict[str, float]) -> float:
    """Rows multiplied per update: twice the mini-batch, and every chain 2 n_steps + 1 times.

    Each attempted jump costs one more.
    """
    chain_products = 2 * parameters["n_steps"] + 1 + (parameters["gradient"] == "jump")
    return 2 * parameters["batch_size"] + chain_products * parameters["n_chains"]


def fit_and_score(name: str, parameters: dict[str, float], budget: float, seed: int) -> dict:
    """One row of the table."""
    train, held_out = DATASETS[name]()
    n_updates = budget / rows_multiplied(parameters)
    n_iter = math.ceil(n_updates / math.ceil(train.shape[0] / parameters["batch_size"]))
    rbm = BernoulliRBM(N_COMPONENTS, n_iter=n_iter, random_state=seed, **parameters)
    begin = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rbm.fit(train)
    seconds = time.perf_counter() - begin
    row = {"data": name, **parameters, "n_iter": n_iter, "seed": seed, "nats": rbm.score(held_out)}
    return row | {"train_nats": rbm.score(train[:10_000]), "seconds": seconds}


def regret_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Configurations as rows, nats below the best configuration of each data set as columns."""
    table = frame.pivot_table(index=PARAMETERS, columns="data", values="nats")
    regret = table.max() - table
    regret["worst, % of best"] = (100 * regret / table.max().abs()).max(axis=1)
    regret["mean, % of best"] = (100 * regret[table.columns] / table.max().abs()).mean(axis=1)
    return regret.sort_values("mean, % of best")


def main() -> None:
    """Run the grid and write every fit as a CSV file, the table of regrets on the screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("defaults.csv"))
    parser.add_argument("--budget", type=float, default=2.5e6, help="rows multiplied a fit")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", nargs="*", choices=DATASETS, default=list(DATASETS))
    arguments = parser.parse_args()
    grid = [
        dict(zip(PARAMETERS, (rate, batch, *chains), strict=True))
        for rate, batch, chains in itertools.product(*GRID.values())
    ]
    jobs = [
        delayed(fit_and_score)(name, parameters, arguments.budget, seed)
        for name in arguments.data
        for parameters in grid
        for seed in range(arguments.seeds)
    ]
    rows = []
    for row in Parallel(n_jobs=2, return_as="generator_unordered")(jobs):
        rows.append(row)
        pd.DataFrame(rows).to_csv(arguments.out, index=False, float_format="%.4f")
    with pd.option_context("display.width", 250, "display.max_columns", None):
        print(np.round(regret_table(pd.DataFrame(rows)), 2))


if __name__ == "__main__":
    main()
