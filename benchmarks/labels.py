"""A label as a visible unit: `python -m benchmarks.labels [NAME ...]`.

MNIST: the last 10,000 training images are held out; errors are in % of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from benchmarks.chosen import run_chosen
from benchmarks.stacks import grey, report
from skrbm import RBMClassifier

TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}


def discriminative() -> None:
    """500 hidden units that learn only the label."""
    train, held_out = grey()
    for inputs, n_iter in (("mean", 10), ("mean", 30), ("sample", 10), ("sample", 30)):
        classifier = RBMClassifier(
            500, generative_share=0, inputs=inputs, n_iter=n_iter, random_state=0
        )
        report(f"inputs = {inputs}, {n_iter} sweeps", classifier, train, held_out)


def hybrid() -> None:
    """Hidden units that learn the label, and a little of the images."""
    train, held_out = grey()
    for n_hidden, n_iter in ((500, 10), (500, 30), (1500, 10), (1500, 30)):
        classifier = RBMClassifier(n_hidden, inputs="sample", n_iter=n_iter, random_state=0)
        report(f"{n_hidden} hidden, {n_iter} sweeps", classifier, train, held_out)


def generative() -> None:
    """500 hidden units that learn the joint probability."""
    train, held_out = grey()
    classifier = RBMClassifier(500, generative_share=1, inputs="sample", random_state=0)
    report("10 sweeps", classifier, train, held_out)


def defaults() -> None:
    """Mean accuracy in % of five folds, for steps, shares and inputs, and other classifiers."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for name, load in TABLES.items():
        X, y = load(return_X_y=True)
        settings = itertools.product(("mean", "sample"), (0.0, 0.01, 0.1), (1.0, 3.0, 10.0, 30.0))
        candidates = {
            f"{inputs}, share {share}, rate {rate}": RBMClassifier(
                inputs=inputs,
                generative_share=share,
                learning_rate=rate,
                n_iter=50,
                random_state=0,
            )
            for inputs, share, rate in settings
        }
        candidates |= {
            "LogisticRegression": LogisticRegression(C=10, max_iter=1000),
            "MLPClassifier": MLPClassifier((256,), max_iter=500, random_state=0),
        }
        for title, classifier in candidates.items():
            pipeline = make_pipeline(MinMaxScaler(clip=True), classifier)
            accuracy = 100 * cross_val_score(pipeline, X, y, cv=folds).mean()
            print(f"{name}, {title}: {accuracy:.1f}", flush=True)


LABELS: dict[str, Callable[[], None]] = {
    function.__name__: function for function in (discriminative, hybrid, generative, defaults)
}


if __name__ == "__main__":
    run_chosen(__doc__, LABELS)
