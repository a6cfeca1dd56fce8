"""Deep Boltzmann machines on MNIST: `python -m benchmarks.machines [PART ...]`.

Parts: `bounds` (784-500-1000, with an RBM of the first layer's size in the same time) and `errors`
(the machine of `bounds`, fine-tuned); the last 10,000 training images are held out. `defaults` has
small data sets, with and without pre-training and with several numbers of updates of all layers.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from time import perf_counter
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier

from benchmarks.chosen import run_parts
from benchmarks.generalisation import SETS, is_chosen_on, rows_of
from benchmarks.stacks import grey
from benchmarks.trajectory import Row, drawn
from skrbm import BernoulliRBM, DBNClassifier, DeepBoltzmannMachine, GaussianBernoulliRBM

SIZES = 500, 1000
N_UPDATES = 125, 250, 500
SETTINGS = {"batch_size": 500, "n_chains": 500, "learning_rate": 0.15}
N_ITER, EPOCHS_PER_JOINT = 1800, 30  # of pre-training, per epoch of both layers together


@cache
def _machine(n_iter: int) -> tuple[DeepBoltzmannMachine, float]:
    """The fitted machine, and its seconds."""
    (X, _), _ = grey()
    rbm, n_joint = BernoulliRBM(n_iter=n_iter, **SETTINGS), n_iter // EPOCHS_PER_JOINT
    machine = DeepBoltzmannMachine(SIZES, rbm=rbm, n_iter=n_joint, random_state=0)
    begin = perf_counter()
    machine.fit(X)
    return machine, perf_counter() - begin


def bounds(n_iter: int) -> Iterator[Row]:
    """Held-out nats of sampled images, with bounds on log Z."""
    (X, _), (held_out, _) = grey()
    test = drawn(255 * held_out, 0)
    machine, seconds = _machine(n_iter or N_ITER)
    log_z = machine.log_partition("bracket")
    row = {"model": "784-500-1000", "nats": machine.score(test), "seconds": seconds}
    yield row | {"width of log Z": log_z.upper - log_z.lower}
    begin = perf_counter()
    BernoulliRBM(SIZES[0], n_iter=4, random_state=0, **SETTINGS).fit(X)
    n_same = int(4 * seconds / (perf_counter() - begin))
    rbm = BernoulliRBM(SIZES[0], n_iter=n_same, random_state=0, **SETTINGS)
    begin = perf_counter()
    rbm.fit(X)
    row = {"model": "784-500", "nats": rbm.score(test), "seconds": perf_counter() - begin}
    yield row | {"epochs": n_same}


def defaults(n_splits: int) -> Iterator[Row]:
    """Held-out nats and seconds, with and without pre-training, and of an RBM."""
    there = [name for name, data in SETS.items() if data.is_there() and data.n_splits > 1]
    names = filter(is_chosen_on, there)
    for name, split in itertools.product(names, range(n_splits or 1)):
        train, test = rows_of(name, "1", split)
        kind = GaussianBernoulliRBM if SETS[name].kind == "real" else BernoulliRBM
        yield {"data": name, "split": split, "model": "RBM"} | _scored(kind(), train, test)
        for pretrain, n_updates in itertools.product((False, True), N_UPDATES):
            n_iter = math.ceil(n_updates / math.ceil(len(train) / kind().batch_size))
            machine = DeepBoltzmannMachine(rbm=kind(), pretrain=pretrain, n_iter=n_iter)
            model = f"{'pre-trained, ' if pretrain else ''}{n_updates} joint updates"
            row = {"data": name, "split": split, "model": model}
            yield row | _scored(machine, train, test)


def _scored(model: BernoulliRBM | DeepBoltzmannMachine, train: Any, test: Any) -> Row:
    begin = perf_counter()
    model.set_params(random_state=0).fit(train)
    return {"seconds": perf_counter() - begin, "nats": model.score(test)}


def errors(n_iter: int) -> Iterator[Row]:
    """Errors in % of held-out rows after fine-tuning."""
    train, held_out = grey()
    machine, _ = _machine(n_iter or N_ITER)
    begin = perf_counter()
    mlp = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=30)
    tuned = DBNClassifier(FrozenEstimator(machine), mlp=mlp, inputs="sample", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 epochs are intended
        tuned.fit(*train)
    row = {"errors": 100 * (1 - tuned.score(*held_out))}
    yield row | {"seconds": perf_counter() - begin}


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "bounds": bounds,
    "errors": errors,
    "defaults": defaults,
}


if __name__ == "__main__":
    run_parts(PARTS, __doc__)
