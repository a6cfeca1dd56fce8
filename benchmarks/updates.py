"""Updates that few rows need: `python -m benchmarks.updates --out FILE` writes every fit.

Defaults except the numbers of hidden units and epochs. Every fit is scored on unseen rows,
relative to the fit with 5,000 updates of the same split and seed: by log-likelihood in nats per
row, by the accuracy of `RBMClassifier` and of a logistic regression on the features. log Z is exact
for 16 hidden units and for few visible ones; otherwise it is bounded with 1,000 temperatures.

SKRBM_DNA and SKRBM_MUSHROOMS name npz files with the binary arrays `train_data` and `test_data`;
otherwise these sets are omitted.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.datasets import Split, bars_and_stripes, labelled_shifter, mnist_images
from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMClassifier
from skrbm.learning.defaults import BINARY, labelled

N_UPDATES = (500, 1000, 1500, 2000, 3000, 5000)
SEEDS = range(3)
TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
DENSITIES = TABLES | {"diabetes": partial(load_diabetes, scaled=False)}


def gaussian(name: str, seed: int) -> Split:
    """The columns of a table that vary; `GaussianBernoulliRBM` standardises them itself."""
    train, held_out = train_test_split(DENSITIES[name]().data, test_size=0.25, random_state=seed)
    varies = (train != np.median(train, axis=0)).mean(axis=0) > 0.02  # others have no density
    return train[:, varies], held_out[:, varies]


def grey(name: str, seed: int) -> Split:
    """A table scaled to [0, 1]; zeros and ones are drawn ten times of every held-out row."""
    train, held_out = train_test_split(DENSITIES[name]().data, test_size=0.25, random_state=seed)
    scaler = MinMaxScaler(clip=True).fit(train)
    p = np.repeat(scaler.transform(held_out), 10, axis=0)
    return scaler.transform(train), np.random.default_rng(seed).random(p.shape) < p


def from_file(variable: str, n_rows: int, seed: int) -> Split:
    """Some of the training rows of a file and all of its test rows."""
    with np.load(os.environ[variable]) as file:
        train, held_out = file["train_data"], file["test_data"]
    return np.random.default_rng(seed).permutation(train)[:n_rows], held_out


def binary_digits(n_rows: int, seed: int) -> Split:
    """Thresholded digits."""
    train, held_out = train_test_split(load_digits().data > 8, test_size=450, random_state=seed)
    return train[:n_rows], held_out


def mnist(n_rows: int, seed: int) -> Split:
    """Thresholded MNIST."""
    X = mnist_images()
    rows = np.random.default_rng(seed).permutation(50_000)[:n_rows]
    return X[rows] > 127, X[50_000:] > 127


def _densities() -> dict[str, tuple[type, tuple[int, ...], Callable[[int], Split]]]:
    """Sets by name: the estimator, its numbers of hidden units, and the rows by seed."""
    few, many = (16, 64), (16, 64, 256)
    sets: dict[str, Any] = {}
    for name in DENSITIES:
        sets[f"{name}, real"] = GaussianBernoulliRBM, many, partial(gaussian, name)
        sets[f"{name}, grey"] = BernoulliRBM, many, partial(grey, name)
    for size in (3, 4):
        rows = bars_and_stripes(size)
        sets[f"bars-and-stripes-{size}"] = BernoulliRBM, many, lambda seed, rows=rows: rows
    sets["labelled-shifter"] = BernoulliRBM, many, lambda seed: labelled_shifter()
    for name, n_rows in (("dna", (175, 1_400)), ("mushrooms", (250, 2_000))):
        if (variable := f"SKRBM_{name.upper()}") in os.environ:
            for n in n_rows:
                units = many if n >= 1_000 else few
                sets[f"{name} {n}"] = BernoulliRBM, units, partial(from_file, variable, n)
    for n in (225, 1_347):
        sets[f"digits {n}"] = BernoulliRBM, many, partial(binary_digits, n)
    for n in (500, 2_000, 10_000):
        sets[f"mnist {n}"] = BernoulliRBM, few, partial(mnist, n)
    return sets


def _fit(rbm: Any, n_updates: int, train: Any, *labels: Any) -> float:
    """Fit with about this many updates; return the seconds."""
    n_batches = math.ceil(train.shape[0] / rbm.batch_size)
    begin = time.perf_counter()
    rbm.set_params(n_iter=round(n_updates / n_batches)).fit(train, *labels)
    return time.perf_counter() - begin


def densities(names: list[str], seeds: range) -> Iterator[dict[str, Any]]:
    """Held-out log-likelihoods."""
    for name, (estimator, units, rows) in _densities().items():
        for seed in seeds if not names or name in names else ():
            train, held_out = rows(seed)
            for n_components in units:
                for n_updates in N_UPDATES:
                    rbm = estimator(n_components, random_state=seed)
                    seconds = _fit(rbm, n_updates, train)
                    log_z = rbm.log_partition("auto", n_temperatures=1_000)
                    yield {
                        "data": name,
                        "score": "nats",
                        "rows": len(train),
                        "columns": train.shape[1],
                        "units": n_components,
                        "updates": n_updates,
                        "seed": seed,
                        "value": rbm.score(held_out),
                        "train": rbm.score(train > 0.5 if estimator is BernoulliRBM else train),
                        "width": log_z.upper - log_z.lower,
                        "seconds": seconds,
                    }


@cache
def _folds(name: str) -> list[tuple[np.ndarray, ...]]:
    """Rows and labels of three folds, drawn twice; digits once."""
    X, y = TABLES[name](return_X_y=True)
    folds = []
    for seed in range(1 if name == "digits" else 2):
        for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y):
            folds.append((X[train], y[train], X[test], y[test]))
    return folds


def _scores(model: Any, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return {"accuracy": 100 * model.score(X, y), "log loss": -log_loss(y, model.predict_proba(X))}


def _classifier(name: str, fold: int, units: int, n_updates: int) -> tuple[dict, float]:
    X, y, X_test, y_test = _folds(name)[fold]
    scaler = MinMaxScaler(clip=True).fit(X)
    rbm = RBMClassifier(units, random_state=fold)
    seconds = _fit(rbm, n_updates, scaler.transform(X), y)
    return _scores(rbm, scaler.transform(X_test), y_test), seconds


def _features(name: str, fold: int, units: int, n_updates: int) -> tuple[dict, float]:
    """Logistic regression on the features of raw columns, or of grey digits."""
    X, y, X_test, y_test = _folds(name)[fold]
    if name == "digits":
        rbm, X, X_test = BernoulliRBM(units, random_state=fold), X / 16, X_test / 16
    else:
        rbm = GaussianBernoulliRBM(units, random_state=fold)
    seconds = _fit(rbm, n_updates, X)
    scaler = StandardScaler().fit(rbm.transform(X))
    linear = LogisticRegression(C=0.1, max_iter=1000).fit(scaler.transform(rbm.transform(X)), y)
    return _scores(linear, scaler.transform(rbm.transform(X_test)), y_test), seconds


def labels(names: list[str]) -> Iterator[dict[str, Any]]:
    """Accuracy in % and log-probability of the label on held-out rows."""
    for method in (_classifier, _features):
        for name in TABLES:
            title = f"{name}, {method.__name__[1:]}"
            for fold in range(len(_folds(name))) if not names or title in names else ():
                for units in (64, 256):
                    for n_updates in N_UPDATES:
                        scores, seconds = method(name, fold, units, n_updates)
                        for score, value in scores.items():
                            yield {
                                "data": title,
                                "score": score,
                                "rows": len(_folds(name)[fold][0]),
                                "columns": _folds(name)[fold][0].shape[1],
                                "units": units,
                                "updates": n_updates,
                                "seed": fold,
                                "value": value,
                                "seconds": seconds,
                            }


def gains(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean score above 5,000 updates, twice its standard error, and the score of the default."""
    index = ["score", "data", "rows", "columns", "units", "seed"]
    frame = frame.assign(rows=frame.groupby("data")["rows"].transform("max"))  # folds differ by one
    table = frame.pivot_table(index=index, columns="updates", values="value")
    relative = table.sub(table[N_UPDATES[-1]], axis=0)
    groups = relative.groupby(level=index[:-1])
    result = groups.mean()
    result["at 5000"] = table[N_UPDATES[-1]].groupby(level=index[:-1]).mean()
    spread = groups.std()[list(N_UPDATES[:-1])].mean(axis=1)
    result["2 s.e."] = 2 * spread / np.sqrt(groups.size())
    result["auto"] = [_auto(*key[1:]) for key in result.index]
    result["gain"] = [
        np.interp(auto, N_UPDATES, row)
        for auto, row in zip(result["auto"], result[list(N_UPDATES)].to_numpy(), strict=True)
    ]
    return result


def _auto(name: str, *sizes: int) -> int:
    defaults = labelled(0.01) if name.endswith(", classifier") else BINARY
    return round(defaults.n_updates(*sizes[:2]))


def main() -> None:
    """Fit, write every fit as a CSV file, and print the scores above 5,000 updates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of data sets")
    parser.add_argument("--out", type=Path, default=Path("updates.csv"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in (densities(arguments.names, range(arguments.seeds)), labels(arguments.names)):
            for row in source:
                rows.append(row)
                if len(rows) % len(N_UPDATES) == 0:
                    pd.DataFrame(rows).to_csv(arguments.out, index=False, float_format="%.4f")
    with pd.option_context(
        "display.width", 200, "display.max_rows", None, "display.max_columns", None
    ):
        print(gains(pd.DataFrame(rows)).round(3))


if __name__ == "__main__":
    main()
