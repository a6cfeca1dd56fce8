"""Everyday work: fits of small tables, single updates, a search over parameters, predictions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import minmax_scale

from benchmarks.datasets import digits, mnist
from benchmarks.peers import HAS_TORCH, RATE, TorchRBM
from benchmarks.speed import REPEATS, Row, rows, side_by_side
from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
)
from skrbm.learning import compiled

LOADERS = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
MISSING = 0.1  # share of the values, for the imputer
# Columns and hidden units; updates per fit and per epoch.
SIZES = {(13, 16): 4_000, (64, 100): 1_000, (64, 256): 400, (784, 500): 120}
BATCHES = 10, 100, 500
UPDATES_PER_EPOCH = 40

Work = dict[str, Callable[[], object]]
Mode = Callable[[], AbstractContextManager[None]]


class Table(NamedTuple):
    """A data set of scikit-learn, raw, scaled to the interval from 0 to 1, and with gaps."""

    X: np.ndarray
    y: np.ndarray
    scaled: np.ndarray
    with_gaps: np.ndarray

    @classmethod
    def load(cls, name: str) -> Table:
        """Load a data set."""
        X, y = LOADERS[name](return_X_y=True)
        is_missing = np.random.default_rng(0).random(X.shape) < MISSING
        return cls(X, y, minmax_scale(X).clip(0, 1), np.where(is_missing, np.nan, X))


def _stack(n: int | None) -> DeepBeliefNetwork:
    return DeepBeliefNetwork() if n is None else DeepBeliefNetwork((n, n))


def _fits_of(table: Table, n: int | None) -> Work:
    """Fits of all estimators, with n hidden units per layer or the default."""
    X, y, scaled, with_gaps = table
    size, same = {} if n is None else {"n_components": n}, {"random_state": 0}
    return {
        "GaussianBernoulliRBM": lambda: GaussianBernoulliRBM(**size, **same).fit(X),
        "BernoulliRBM": lambda: BernoulliRBM(**size, **same).fit(scaled),
        "RBMClassifier": lambda: RBMClassifier(**size, **same).fit(scaled, y),
        "DeepBeliefNetwork": lambda: _stack(n).set_params(**same).fit(scaled),
        "DBNClassifier": lambda: DBNClassifier(_stack(n), **same).fit(scaled, y),
        # The last column from the others; digits have a blank one.
        "DBNRegressor": lambda: DBNRegressor(_stack(n), **same).fit(scaled[:, :-1], scaled[:, -1]),
        "RBMImputer": lambda: RBMImputer(GaussianBernoulliRBM(**size), **same).fit(with_gaps),
        "RBMOutlierDetector": lambda: RBMOutlierDetector(GaussianBernoulliRBM(**size), **same).fit(
            X
        ),
    }


def _modes() -> dict[str, Mode]:
    """The implementations of updates."""
    formulas: dict[str, Mode] = {"formulas": compiled.formulas_only}
    return {"compiled": nullcontext, **formulas} if compiled.is_available() else formulas


def _within(mode: Mode, function: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            function()

    return run


def _fits(name: str, n: int | None, repeats: int) -> list[Row]:
    """Rows for the fits of a data set."""
    table, modes = Table.load(name), _modes()
    peer = ScikitLearnRBM(random_state=0) if n is None else ScikitLearnRBM(n, random_state=0)
    results = []
    for what, fit in _fits_of(table, n).items():
        work: Work = {mode: _within(context, fit) for mode, context in modes.items()}
        work["scikit-learn"] = lambda: peer.fit(table.scaled)
        if what == "DBNRegressor" and name == "digits":
            continue
        seconds = side_by_side(work, repeats)
        title = f"fit of {name}" + ("" if n is None else f", {n} units")
        results.append({"benchmark": title, "what": what, **seconds})
        if len(modes) > 1:
            results[-1]["formulas / compiled"] = seconds["formulas"] / seconds["compiled"]
    return results


def fits(repeats: int = 3) -> list[Row]:
    """Seconds of default fits, compiled and from the formulas, and of scikit-learn's RBM."""
    return [row for name in LOADERS for n in (None, 16) for row in _fits(name, n, repeats)]


def default_fits(repeats: int = 3) -> list[Row]:
    """Seconds of default fits as they are installed, and of scikit-learn's RBM, on all tables."""
    results = []
    for name in LOADERS:
        table = Table.load(name)
        ours = _fits_of(table, None)
        if name == "digits":
            del ours["DBNRegressor"]
        work = {what: _within(nullcontext, fit) for what, fit in ours.items()}
        work["scikit-learn"] = lambda X=table.scaled: ScikitLearnRBM(random_state=0).fit(X)
        seconds = side_by_side(work, repeats)
        results += [{"data": name, "estimator": x, "seconds": s} for x, s in seconds.items()]
    return results


def _binary_rows(n_columns: int, n_rows: int) -> np.ndarray:
    """Rows of MNIST, of digits, or at random, by the number of columns."""
    if n_columns == 784:
        X = mnist()[0]
    elif n_columns == 64:
        X = np.concatenate(digits())
    else:
        X = np.random.default_rng(0).integers(2, size=(n_rows, n_columns))
    return np.resize(X, (n_rows, n_columns)).astype(np.float32)


def _updates(size: tuple[int, int], batch_size: int, repeats: int) -> Row:
    """Microseconds per update of whole fits, and their ratios."""
    (n_columns, n_hidden), n_updates = size, SIZES[size]
    X = _binary_rows(n_columns, UPDATES_PER_EPOCH * batch_size)
    n_iter = n_updates // UPDATES_PER_EPOCH
    same = {"batch_size": batch_size, "n_iter": n_iter, "learning_rate": RATE, "random_state": 0}
    ours = {"n_chains": batch_size, **same}
    work: Work = {
        "pcd": lambda: BernoulliRBM(n_hidden, gradient="pcd", **ours).fit(X),
        "jump": lambda: BernoulliRBM(n_hidden, gradient="jump", **ours).fit(X),
        "scikit-learn": lambda: ScikitLearnRBM(n_hidden, **same).fit(X),
    }
    if HAS_TORCH:
        work["torch"] = lambda: TorchRBM(n_hidden, batch_size, n_iter).fit(X)
    seconds = side_by_side(work, repeats)
    title = f"{n_columns} x {n_hidden}, batch {batch_size}"
    times = {f"{name}, us": 1e6 * s / n_updates for name, s in seconds.items()}
    ratios = {f"{name} / pcd": s / seconds["pcd"] for name, s in seconds.items() if name != "pcd"}
    return {"benchmark": f"updates, {title}", **times, **ratios}


def updates(repeats: int = REPEATS) -> list[Row]:
    """Microseconds per update: whole float32 fits of equally many updates, one chain per row."""
    return [_updates(size, batch_size, repeats) for size in SIZES for batch_size in BATCHES]


def search(repeats: int = 3) -> list[Row]:
    """A grid of nine candidates in five folds on wine; check: best accuracy."""
    X, y = load_wine(return_X_y=True)
    rbm, regression = GaussianBernoulliRBM(random_state=0), LogisticRegression(max_iter=1_000)
    pipeline = Pipeline([("rbm", rbm), ("logistic", regression)])
    grid = {"rbm__n_components": [16, 64, 256], "logistic__C": [0.1, 1.0, 10.0]}
    searches = {f"n_jobs={n}": GridSearchCV(pipeline, grid, cv=5, n_jobs=n) for n in (1, 2)}
    work: Work = {name: lambda s=s: s.fit(X, y) for name, s in searches.items()}
    seconds = side_by_side(work, repeats)
    check = {name: round(float(s.best_score_), 3) for name, s in searches.items()}
    return rows("GridSearchCV on wine", seconds, check)


def _as_peer(rbm: BernoulliRBM) -> ScikitLearnRBM:
    """scikit-learn's estimator with the parameters of ours."""
    peer = ScikitLearnRBM(rbm.n_components)
    for name in ("components_", "intercept_hidden_", "intercept_visible_", "n_features_in_"):
        setattr(peer, name, getattr(rbm, name))
    peer.random_state_ = np.random.RandomState(0)
    return peer


def predictions(repeats: int = 21) -> list[Row]:
    """Milliseconds of predictions with fitted models, and of scikit-learn's RBM."""
    iris, table = Table.load("iris"), Table.load("digits")
    scaled = table.scaled.astype(np.float32)
    few = {"n_iter": 20, "random_state": 0}
    small = BernoulliRBM(12, **few).fit(scaled)
    rbm, peer = (model := BernoulliRBM(**few).fit(scaled)), _as_peer(model)
    classifier = RBMClassifier(**few).fit(scaled, table.y)
    gaussian = GaussianBernoulliRBM(**few).fit(iris.X)
    imputer = RBMImputer(GaussianBernoulliRBM(**few)).fit(iris.with_gaps)
    small.log_partition("exact")
    work: dict[str, Work] = {
        "exact log Z, 64 x 12": {"skrbm": lambda: small.log_partition("exact")},
        "score_samples, digits, 64 x 12": {"skrbm": lambda: small.score_samples(scaled)},
        "predict_proba, digits": {"skrbm": lambda: classifier.predict_proba(scaled)},
        "transform, digits": {
            "skrbm": lambda: rbm.transform(scaled),
            "scikit-learn": lambda: peer.transform(scaled),
        },
        "transform, a row of digits": {
            "skrbm": lambda: rbm.transform(scaled[:1]),
            "scikit-learn": lambda: peer.transform(scaled[:1]),
        },
        "transform, iris": {"skrbm": lambda: gaussian.transform(iris.X)},
        "impute, iris": {"skrbm": lambda: imputer.transform(iris.with_gaps)},
    }
    return [
        {"benchmark": "predictions", "what": what}
        | {f"{name}, ms": 1e3 * s for name, s in side_by_side(functions, repeats).items()}
        for what, functions in work.items()
    ]
