"""The training loop: mini-batches, the state to go on from, history and progress."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator, Place, like, to_host, with_device_of
from skrbm._kernels.random import uniform_by_content
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.sources import shuffled
from skrbm.learning.gradients import Gradient
from skrbm.learning.optimizer import CentredGradient, Schedule, constant
from skrbm.model import RBM
from skrbm.units import Layer


class Model(Protocol):
    """What the loop knows of a model: the layer of the data, and weights for their dtype."""

    @property
    def visible(self) -> Layer:
        """The units whose states the rows are."""

    @property
    def reference(self) -> Array:
        """An array with the dtype and the device of all parameters."""


M = TypeVar("M", bound=Model)

# A figure of every row of values of data, and one to watch, of a model and the mini-batch that it
# saw last. Both may draw something.
RowFigure = Callable[[M, Array, Generator], Array]
Monitor = Callable[[M, Array, Generator], float]

Record = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """How often, in which pieces and order, and with which steps to go over the rows."""

    n_iter: int
    batch_size: int | Fraction  # rows a mini-batch at most, so that all are of equal size
    schedule: Schedule
    shuffle: bool
    variance_share: Schedule = constant(1.0)
    first: int = 0  # of the sweeps that are left


class Pace(NamedTuple):
    """How far an update goes: the step size, and the share of the unexplained variance."""

    rate: float
    variance_share: float = 1.0


class MiniBatch(NamedTuple):
    """Weighted rows, how far and how often to step for them, and the rate of a mean weight."""

    v: Any
    weights: Array
    pace: Pace
    n_updates: int
    rate: float


@dataclass(kw_only=True)
class Sweeps(ABC, Generic[M]):
    """The training loop, and all that is needed beside the model to go on where it stopped.

    `order` draws the order of the rows and what is monitored, `rng` everything else: so the
    chains do not depend on the number of rows, and a row of weight two is that row given twice.
    `figure` is the name of what is monitored, and `draws` tells whether values of data, which are
    not all states, are drawn as states, anew in every mini-batch.
    """

    rng: Generator
    order: Generator
    figure: str = "pseudo_log_likelihood"
    draws: bool = True
    history: list[Record] = field(default_factory=list)

    @property
    def records(self) -> tuple[str, ...]:
        """What is recorded of every sweep; the last two by early stopping alone."""
        first = "iteration", "learning_rate", self.figure, "time"
        return *first, "validation_score", "free_energy_gap"

    @abstractmethod
    def move(self, place: Place) -> None:
        """Let what is kept from one mini-batch to the next lie elsewhere."""

    @property
    def history_arrays(self) -> dict[str, Array]:
        """One array for each of the records, with one element a sweep."""
        return {name: np.array([record[name] for record in self.history]) for name in self.records}

    @abstractmethod
    def update(self, model: M, v: Any, weights: Array, pace: Pace) -> None:
        """Move the parameters of the model, in place, as the weighted mini-batch v says."""

    def run(
        self, model: M, X: Any, weights: Array, plan: Plan, monitor: Monitor[M]
    ) -> Iterator[Record]:
        """Train on the rows of X, of which `X[rows]` is an array or a CSR matrix; yield records.

        The mini-batches of a sweep differ by one row at most, and a step is in proportion to its
        mini-batch's share of the weights; a heavy one makes several, since a long step diverges.
        So every row counts by its weight, whichever mini-batch it comes in.
        """
        for sweep in range(plan.first, plan.n_iter):
            begin = perf_counter()
            self.move(lambda x: with_device_of(x, model.reference))
            try:
                for batch in self.mini_batches(model, X, weights, plan, sweep):
                    for _ in range(batch.n_updates):
                        self.update(model, batch.v, batch.weights, batch.pace)
                seen = monitor(model, to_dense(batch.v), self.order)
            finally:  # also where a sweep is interrupted
                self.move(to_host)
            seconds = perf_counter() - begin
            yield self.keep_record(batch.rate, seen, seconds)

    def mini_batches(
        self, model: M, X: Any, weights: Array, plan: Plan, sweep: int
    ) -> Iterator[MiniBatch]:
        """The mini-batches of a sweep, and what to do with each."""
        n_rows = X.shape[0]
        n_batches = math.ceil(n_rows / plan.batch_size)
        mean_weight = weights.sum() / n_batches
        rows = shuffled(X, self.order) if plan.shuffle else np.arange(n_rows)
        for i, batch in enumerate(np.array_split(rows, n_batches)):
            progress = (sweep + i / n_batches) / plan.n_iter
            rate = plan.schedule(progress)
            v = like(X[batch], model.reference)
            if self.draws:
                v = states_of(model, v, self.rng)
            share = weights[batch].sum() / mean_weight
            n_updates = max(1, round(share))
            step = float(rate * share / n_updates)  # a numpy float64 would widen float32
            pace = Pace(step, plan.variance_share(progress))
            yield MiniBatch(v, weights[batch], pace, n_updates, rate)

    def keep_record(self, rate: float, seen: float, seconds: float) -> Record:
        """The record of a sweep: its last rate, what was seen of it, and how long it took."""
        figures = len(self.history) + 1, rate, seen, seconds, math.nan, math.nan
        record = dict(zip(self.records, figures, strict=True))
        self.history.append(record)
        return record


@dataclass(kw_only=True)
class Training(Sweeps[RBM]):
    """Ascent of an RBM's log-likelihood along an estimate of its gradient.

    `fills` are states of the rows that have missing values, while these are trained on.
    """

    gradient: Gradient
    optimizer: CentredGradient
    fills: Array | None = None

    def move(self, place: Place) -> None:
        """Let the state of the gradient and of the optimizer lie elsewhere."""
        self.gradient.move(place)
        self.optimizer.move(place)

    def update(self, model: RBM, v: Any, weights: Array, pace: Pace) -> None:
        """Make a step of the optimizer."""
        phases = self.gradient.phases(model, v, weights, self.rng)
        self.optimizer.step(model, phases, *pace)


def states_of(model: Model, v: Any, rng: Generator) -> Any:
    """The visible states that rows of data stand for: those of equal rows are equal."""
    u = uniform_by_content(v, rng)
    if not sparse.issparse(v):
        return model.visible.from_data(v, u)
    return sparse.csr_array((model.visible.from_data(v.data, u), v.indices, v.indptr), v.shape)


def are_states(layer: Layer, X: Any) -> bool:
    """Whether all rows are states of a layer, and no means."""
    return layer.are_states(X[rows] for rows in gen_batches(X.shape[0], BLOCK_ROWS))


def enough_sweeps(n_rows: int, batch_size: int) -> int:
    """As many sweeps as make 5,000 updates, whatever the number of rows, and at least 10."""
    return max(10, math.ceil(5_000 / math.ceil(n_rows / batch_size)))


def dense_rows(X: Any, rows: Array | slice, other: Array) -> Array:
    """Rows of an array or of a CSR matrix as an array, like another one."""
    return like(to_dense(X[rows]), other)


def column_totals(X: Any, weights: Array, dtype: Any) -> tuple[Array, Any]:
    """Weighted sum of every column, and the weight of the rows that have a value there.

    In float64, of rows taken in the given dtype block by block.
    """
    if sparse.issparse(X):
        return X.T @ weights, weights.sum()
    total, of_seen = np.zeros((2, X.shape[1]))
    unit = weights.max()  # of the weights, which may be too large for the dtype
    weights = weights / unit
    for rows in gen_batches(len(weights), BLOCK_ROWS):
        x, w = to_host(to_dense(X[rows])).astype(dtype, copy=False), weights[rows].astype(dtype)
        sums = w @ x
        if np.isnan(sums).any():
            missing = np.isnan(x)
            total += w @ np.where(missing, 0, x)
            of_seen += w @ ~missing
        else:
            total += sums
            of_seen += weights[rows].sum()
    return unit * total, unit * of_seen


@contextmanager
def progress(
    name: str, n_iter: int, figure: str, *, verbose: bool
) -> Iterator[Callable[[Record], None]]:
    """Report records: in a tqdm bar on a terminal, if tqdm is installed, otherwise a line each."""
    name_of_figure = figure.replace("_log", "").replace("_", "-")  # as scikit-learn prints it

    def seen(record: Record) -> str:
        return f"{name_of_figure} = {record[figure]:.2f}"

    if not verbose:
        yield lambda record: None
    elif sys.stderr.isatty() and find_spec("tqdm"):
        from tqdm import tqdm

        with tqdm(total=n_iter, desc=name, unit="sweep") as bar:

            def advance(record: Record) -> None:
                bar.set_postfix_str(seen(record))
                bar.update()

            yield advance
    else:

        def write(record: Record) -> None:
            line = f"[{name}] Iteration {record['iteration']:.0f}, {seen(record)}"
            print(line, f"time = {record['time']:.2f}s", sep=", ", flush=True)

        yield write
