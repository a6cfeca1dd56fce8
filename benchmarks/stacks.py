"""Deep belief networks on MNIST: `python -m benchmarks.stacks [NAME ...]`.

The last 10,000 training images are held out; errors are in % of them.
"""

from __future__ import annotations

import itertools
import statistics
import time
import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading

from benchmarks.chosen import run_chosen
from benchmarks.datasets import mnist, mnist_images, mnist_labels
from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork

N_DRAWS = 5

Labelled = tuple[np.ndarray, np.ndarray]


def grey() -> tuple[Labelled, Labelled]:
    """Grey images from 0 to 1 with their labels, to train on and held out."""
    X, y = (mnist_images() / 255).astype(np.float32), mnist_labels()
    return (X[:-10_000], y[:-10_000]), (X[-10_000:], y[-10_000:])


def report(what: str, estimator: object, train: Labelled, held_out: Labelled) -> None:
    """Fit a classifier, and print its error on the rows held out in %, and its seconds."""
    begin = time.perf_counter()
    estimator.fit(*train)
    seconds = time.perf_counter() - begin
    error = 100 * (1 - estimator.score(*held_out))
    print(f"{what}: {error:.2f} %, {seconds:.0f} s", flush=True)


def _stack(sizes: tuple[int, ...], n_iter: int, **parameters: object) -> DeepBeliefNetwork:
    rbm = BernoulliRBM(n_iter=n_iter, **parameters)
    return DeepBeliefNetwork(sizes, rbm=rbm, random_state=0)


@cache
def _selective_stack() -> DeepBeliefNetwork:
    """784-500-500-2000, 15 epochs per layer in mini-batches of 20, hidden biases from -4."""
    (X, _), _ = grey()
    begin = time.perf_counter()
    stack = _stack((500, 500, 2000), 15, batch_size=20, hidden_bias=-4.0).fit(X)
    print(f"stack: {time.perf_counter() - begin:.0f} s", flush=True)
    return stack


def classifier() -> None:
    """784-500-500, 10 epochs per layer, 15 of fine-tuning; and the same from random weights."""
    train, held_out = grey()
    for seed, inputs in itertools.product(range(3), ("mean", "sample")):
        dbn = DBNClassifier(_stack((500, 500), 10), inputs=inputs, random_state=seed)
        report(f"pre-trained, inputs = {inputs}, seed {seed}", dbn, train, held_out)
    logistic = MLPClassifier((500, 500), activation="logistic", max_iter=15, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        report("logistic units from random weights, 15 sweeps", logistic, train, held_out)
    report("MLPClassifier's defaults", MLPClassifier((500, 500), random_state=0), train, held_out)


def large_classifier() -> None:
    """784-500-500-2000 from selective features, 30 epochs of fine-tuning."""
    train, held_out = grey()
    mlp = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=30)
    for inputs in ("sample", "mean"):
        stack = FrozenEstimator(_selective_stack())
        dbn = DBNClassifier(stack, mlp=mlp, inputs=inputs, random_state=0)
        report(f"fine-tuning, inputs = {inputs}", dbn, train, held_out)


def greedy() -> None:
    """784-1000-1000-1000, one epoch per layer: seconds of each."""
    (X, _), _ = grey()
    dbn = _stack((1000, 1000, 1000), 1).fit(X)
    seconds = [round(float(history["time"].sum()), 1) for history in dbn.history_]
    print(f"seconds a sweep of {len(X)} rows: {seconds}", flush=True)


def features() -> None:
    """1024 features of one RBM, 60 epochs in mini-batches of 20, and logistic regression."""
    train, held_out = grey()
    rbm = BernoulliRBM(1024, batch_size=20, n_iter=60, random_state=0).fit(train[0])
    for c in (0.1, 0.3, 1.0):
        regression = LogisticRegression(C=c, max_iter=400)
        frozen = make_pipeline(FrozenEstimator(rbm), regression)
        report(f"features, C = {c}", frozen, train, held_out)
    report("pixels", LogisticRegression(C=0.1, max_iter=300), train, held_out)


@cache
def _spaces() -> dict[str, FrozenEstimator]:
    """Fifty principal components of the pixels, and of the top layer of the selective stack."""
    (X, _), _ = grey()
    features = make_pipeline(FrozenEstimator(_selective_stack()), PCA(50, random_state=0))
    spaces = {"pixels": PCA(50, random_state=0), "features": features}
    return {name: FrozenEstimator(space.fit(X)) for name, space in spaces.items()}


def _from_few_labels(n_labels: int, draw: int) -> dict[str, float]:
    """Accuracies in % of models of these labels only, and of models that also use other rows."""
    (X, y), held_out = grey()
    known = np.random.default_rng(draw).permutation(len(y))[:n_labels]
    some = np.full_like(y, -1)
    some[known] = y[known]
    dbn, sizes = FrozenEstimator(_selective_stack()), (500, 500, 2000)
    fitted = {
        "pre-trained": DBNClassifier(dbn, inputs="sample", random_state=draw),
        "MLPClassifier alone": MLPClassifier(sizes, random_state=draw),
    }
    for classifier in fitted.values():
        classifier.fit(X[known], y[known])
    # Few epochs, before wrong labels from label spreading are memorised.
    brief = MLPClassifier(solver="sgd", learning_rate_init=0.1, batch_size=100, max_iter=3)
    on_all = {
        "pixels": MLPClassifier(sizes, max_iter=3, random_state=draw),
        "features": DBNClassifier(dbn, mlp=brief, inputs="sample", random_state=draw),
    }
    for name, space in _spaces().items():
        spreading = LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.9, max_iter=200)
        spread = fitted[f"spread over {name}"] = make_pipeline(space, spreading).fit(X, some)
        fitted[f"{type(on_all[name]).__name__} on these"] = on_all[name]
        on_all[name].fit(X, spread[-1].transduction_)
    return {name: 100 * classifier.score(*held_out) for name, classifier in fitted.items()}


def few_labels() -> None:
    """50,000 rows, of which 100 or 1,000 have a label: accuracy in %, five draws of labels."""
    for n_labels in (100, 1000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs are intended
            draws = [_from_few_labels(n_labels, draw) for draw in range(N_DRAWS)]
        means = {name: round(statistics.fmean(d[name] for d in draws), 2) for name in draws[0]}
        print(f"{n_labels} labels: {means}", flush=True)


def bound() -> None:
    """Thresholded rows, 784-500-500: held-out bounds before up-down and after, in nats."""
    train, held_out = (X.astype(np.float32) for X in mnist())
    for n_sweeps in (0, 10, 30):
        begin = time.perf_counter()
        dbn = _stack((500, 500), 20).set_params(fine_tune_iter=n_sweeps).fit(train)
        seconds = time.perf_counter() - begin
        log_z = dbn.log_partition_
        print(
            f"{n_sweeps} sweeps of up-down: {dbn.score(held_out):.2f} nats, log Z within "
            f"{log_z.upper - log_z.lower:.2f}, one RBM {dbn.rbms_[0].score(held_out):.2f}, "
            f"{seconds:.0f} s",
            flush=True,
        )


STACKS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (classifier, large_classifier, greedy, features, few_labels, bound)
}


if __name__ == "__main__":
    run_chosen(__doc__, STACKS)
