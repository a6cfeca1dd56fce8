"""Features for classification: `python -m benchmarks.honest_digits`.

Ten stratified splits of scikit-learn's digits, a quarter of the rows held out. In every arm a
logistic regression runs to convergence, and cross-validation on training rows chooses its C. (a)
Nudged: after the split, both parts get copies moved by one pixel in four directions. (b) Plain: the
digits as they are.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.ndimage import shift
from sklearn.base import TransformerMixin
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, train_test_split
from sklearn.neural_network import BernoulliRBM as ScikitLearnRBM
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skrbm import BernoulliRBM

DIRECTIONS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
C_GRID = (1, 100, 10_000)

FEATURES: dict[str, Callable[[], TransformerMixin | str]] = {
    "raw pixels": lambda: "passthrough",
    "scikit-learn, 256 units": lambda: ScikitLearnRBM(256, n_iter=10, random_state=0),
    "skrbm, 256 units": lambda: BernoulliRBM(256, n_iter=10, random_state=0),
    "skrbm, 512 units": lambda: BernoulliRBM(512, n_iter=10, random_state=0),
}


def nudge(X: np.ndarray) -> np.ndarray:
    """The images and their copies moved by one pixel: five blocks of the rows of X."""
    images = X.reshape(-1, 8, 8)
    return np.concatenate([shift(images, (0, *by), order=0) for by in DIRECTIONS]).reshape(-1, 64)


def accuracy(features: str, seed: int, *, nudged: bool) -> dict:
    """Held-out accuracy of one arm on one split."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    train, test, y_train, y_test = train_test_split(
        X, y, stratify=y, test_size=0.25, random_state=seed
    )
    groups = np.arange(len(train))
    if nudged:
        train, test = nudge(train), nudge(test)
        y_train, y_test = np.tile(y_train, 5), np.tile(y_test, 5)
        groups = np.tile(groups, 5)  # copies of an image stay on one side of every fold
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        extract = make_pipeline(FEATURES[features](), "passthrough")
        train, test = extract.fit_transform(train), extract.transform(test)
        classifier = GridSearchCV(
            LogisticRegression(max_iter=20_000), {"C": C_GRID}, cv=GroupKFold(3)
        ).fit(train, y_train, groups=groups)
    row = {"data": "nudged" if nudged else "plain", "features": features, "seed": seed}
    return row | {"C": classifier.best_params_["C"], "accuracy": classifier.score(test, y_test)}


def accuracies(n_splits: int = 10) -> list[dict]:
    """Held-out accuracies of all arms on so many splits."""
    return Parallel(n_jobs=2)(
        delayed(accuracy)(features, seed, nudged=nudged)
        for nudged in (True, False)
        for features in FEATURES
        for seed in range(n_splits)
    )


def main() -> None:
    """Print the mean and the standard error of the accuracy of every arm, in per cent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    frame = pd.DataFrame(accuracies(parser.parse_args().splits))
    table = 100 * frame.groupby(["data", "features"])["accuracy"].agg(["mean", "sem", "min"])
    print(table.round(2).to_string())
    print(frame.groupby(["data", "features"])["C"].agg(list).to_string())


if __name__ == "__main__":
    main()
