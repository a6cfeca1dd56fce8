"""The training loop: mini-batches, updates and records, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skrbm._kernels.arrays import take_rows, to_dense
from skrbm._kernels.devices import Array, Generator, like
from skrbm._kernels.random import row_keys, uniform_by_content, uniform_by_key
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.sources import on_disk, shuffled
from skrbm.deep.belief_net import BeliefNet
from skrbm.learning.completion import Completion, steps_of_epoch
from skrbm.learning.optimizer import Pace, Update
from skrbm.learning.schedules import PowerDecay, Schedule
from skrbm.learning.train_state import NetState, Record, TrainState
from skrbm.learning.variance import SMALLEST_VARIANCE
from skrbm.learning.watching import EVERY_EPOCH, Watch
from skrbm.model import RBM

Model = RBM | BeliefNet
State = TrainState | NetState

_FLOOR = 5.0  # rows per independent column, divided by all rows, limit variances
_MOST_HELD = 2**18  # values of rows that are converted once, not in every mini-batch

# From a model, rows of data and a generator to one number per row.
RowFigure = Callable[[Any, Array, Generator], Array]


class Monitor(NamedTuple):
    """A figure to monitor, computed from a model and its last mini-batch, its name, and when."""

    name: str
    of: RowFigure
    watch: Watch = EVERY_EPOCH


class Prior(NamedTuple):
    """Regularisation, whose effect decreases with the number of rows.

    Parameters
    ----------
    alpha : float
        Strength of the prior on weights.
    n_independent : float
        Effective number of independent columns, for the smallest variances; 0 for no limit.
    weight : float, optional
        Weight of all rows, if it is known.
    """

    alpha: float = 0.0
    n_independent: float = 0.0
    weight: float | None = None

    def limits(self, weight_seen: float) -> tuple[float, float]:
        """Penalty on weights per row, and smallest variance relative to the data."""
        weight = weight_seen if self.weight is None else self.weight
        floor = _FLOOR * self.n_independent / weight
        return self.alpha / weight, min(1.0, max(SMALLEST_VARIANCE, floor))


@dataclass(frozen=True)
class Plan:
    """Number of epochs, size and order of mini-batches, schedules of the step size, and prior.

    The step size has decayed to zero after the epochs in `ends`, and starts again after each except
    the last.
    """

    n_iter: int
    batch_size: int | Fraction  # maximum number of rows; all mini-batches are of equal size
    rate: Schedule
    shuffle: bool
    variance_share: Schedule = PowerDecay(1.0, 0)
    prior: Prior = Prior()
    ends: tuple[int, ...] = ()


class MiniBatch(NamedTuple):
    """Weighted rows, size and number of updates, and the step size for the mean weight."""

    v: Any
    weights: Array
    pace: Pace
    n_updates: int
    rate: float


@dataclass
class Feed:
    """Rows to train on, and the operations that turn some of them into a mini-batch.

    Parameters
    ----------
    rows : {array, CSR matrix, view of rows}
        Values of visible units. Indexing has no side effects.
    weights : ndarray of shape (n_rows,)
    draws : bool
        Whether values between 0 and 1 are replaced by binary draws in every mini-batch.
    completion : Completion, optional
        Chains for missing values; None if no values are missing.
    infer : callable, optional
        From completed rows to the visible units of another layer, as its lower layers infer them.
    """

    rows: Any
    weights: Array
    draws: bool
    completion: Completion | None = None
    infer: Callable[[Array], Array] | None = None
    _held: _Held | None = field(default=None, init=False)

    def mini_batches(
        self, model: Model, rows: Array, batches: list[slice], rng: Generator, n_steps: int = 0
    ) -> Iterator[Any]:
        """States for the rows of each mini-batch, whose indices are a slice of those given.

        Chains for missing values make so many steps.
        """
        if self._held is None and self._is_small:
            self._held = _Held.of(self, like(self.rows[:], model.reference))
        if self._held is None:
            yield from (self.mini_batch(model, rows[batch], rng, n_steps) for batch in batches)
        else:
            yield from self._held.mini_batches(model, rows, batches, rng)

    @property
    def _is_small(self) -> bool:
        if self.completion is not None or self.infer is not None or on_disk(self.rows):
            return False
        return math.prod(self.rows.shape) <= _MOST_HELD and not sparse.issparse(self.rows[:1])

    def mini_batch(self, model: Model, index: Array, rng: Generator, n_steps: int) -> Any:
        """States for some rows; chains for missing values make so many steps."""
        v = self.rows[index]
        if self.completion is not None:
            v = self.completion.fill(v, index, rng, n_steps)
        if self.infer is not None:
            v = self.infer(v)
        v = like(v, model.reference)
        return states_of(model, v, rng) if self.draws else v

    def move_all(self, rng: Generator, n_steps: int) -> None:
        """Make so many steps of the chains of all rows, if values are missing."""
        for block in gen_batches(len(self.weights), BLOCK_ROWS):
            if self.completion is not None:
                self.completion.move(self.rows[block], block, rng, n_steps)


class _Held(NamedTuple):
    """The values of all rows, if they are few, and keys of equal rows if states are drawn."""

    values: Array
    keys: Array | None

    @classmethod
    def of(cls, feed: Feed, values: Array) -> _Held:
        return cls(values, row_keys(values) if feed.draws else None)

    def mini_batches(
        self, model: Model, rows: Array, batches: list[slice], rng: Generator
    ) -> Iterator[Any]:
        """States for the rows of each mini-batch."""
        values = take_rows(self.values, rows)
        if self.keys is None:
            yield from (values[batch] for batch in batches)
            return
        keys = self.keys[rows]
        for batch in batches:
            u = uniform_by_key(keys[batch], values.shape[1], rng)
            yield model.visible.from_data(values[batch], u)


@dataclass(frozen=True)
class Loop:
    """The training of a model, epoch by epoch.

    Parameters
    ----------
    update : callable
        The training step.
    feed : Feed
    plan : Plan
    monitor : Monitor
    """

    update: Update
    feed: Feed
    plan: Plan
    monitor: Monitor

    def epochs(self, state: State, first: int = 0) -> Iterator[Record]:
        """Train from epoch `first` on, and yield the record of every epoch."""
        for epoch in range(first, self.plan.n_iter):
            begin = perf_counter()
            for batch in self.mini_batches(state, epoch):
                for _ in range(batch.n_updates):
                    self.update(state, batch.v, batch.weights, batch.pace)
            seen = self.watched(state, batch, epoch)
            measured = batch.rate, seen, perf_counter() - begin
            yield keep_record(state.history, self.monitor.name, measured)

    def mini_batches(self, state: State, epoch: int) -> Iterator[MiniBatch]:
        """Yield the mini-batches of an epoch.

        Their sizes differ by at most one row. The step size is proportional to the weight of the
        mini-batch. A heavy mini-batch makes several updates, since a long step diverges. So every
        row counts by its weight in any mini-batch.
        """
        feed, plan, batches = self.feed, self.plan, self._batches
        n_rows, n_batches = len(feed.weights), len(batches)
        rows = shuffled(feed.rows, state.order) if plan.shuffle else np.arange(n_rows)
        weights = feed.weights[rows]
        totals = np.add.reduceat(weights, [batch.start for batch in batches])
        shares = (totals / (totals.sum() / n_batches)).tolist()  # a numpy float widens float32
        n_steps = steps_of_epoch(epoch, plan.n_iter)
        states = feed.mini_batches(state.model, rows, batches, state.rng, n_steps)
        taken = zip(batches, totals, shares, states, strict=True)
        for i, (batch, total, share, v) in enumerate(taken):
            progress = (epoch + i / n_batches) / plan.n_iter
            rate, n_updates = plan.rate(progress) * state.step_factor, max(1, round(share))
            state.weight_seen += float(total)
            penalty, floor = plan.prior.limits(state.weight_seen)
            variance_share = plan.variance_share(progress)
            floor = max(SMALLEST_VARIANCE, floor * variance_share)
            pace = Pace(rate * share / n_updates, variance_share, penalty, floor)
            yield MiniBatch(v, weights[batch], pace, n_updates, rate)

    @cached_property
    def _batches(self) -> list[slice]:
        """Places of the rows of each mini-batch in the order of an epoch."""
        n_rows = len(self.feed.weights)
        size, n_larger = divmod(n_rows, n_batches := math.ceil(n_rows / self.plan.batch_size))
        starts = [i * size + min(i, n_larger) for i in range(n_batches + 1)]
        return [slice(*ends) for ends in pairwise(starts)]

    def watched(self, state: State, batch: MiniBatch, epoch: int) -> float:
        """The monitored figure of the last mini-batch, or its latest value if it is not due."""
        name, figure, watch = self.monitor
        if not watch.includes(epoch):
            return latest(state.history, name)
        v = to_dense(batch.v[: watch.n_rows])
        return float(figure(state.model, v, state.order).mean())


def run(records: Iterable[Record], observers: Sequence[Callable[[Record], Any]]) -> None:
    """Pass every record to all observers in order, until one returns True."""
    for record in records:
        if any([observe(record) for observe in observers]):
            break


def keep_record(history: list[Record], figure: str, measured: tuple[float, float, float]) -> Record:
    """Add a record to the history, with step size, monitored figure and seconds of an epoch.

    The last two figures are NaN unless early stopping sets them.
    """
    figures = len(history) + 1, *measured, math.nan, math.nan
    record = dict(zip(_names(figure), figures, strict=True))
    history.append(record)
    return record


def latest(history: Sequence[Record], figure: str) -> float:
    """The latest value of a figure, or NaN before the first record."""
    return history[-1][figure] if history else math.nan


def history_arrays(history: Sequence[Record], figure: str) -> dict[str, Array]:
    """One array per figure, with one value per epoch."""
    return {name: np.array([record[name] for record in history]) for name in _names(figure)}


def _names(figure: str) -> tuple[str, ...]:
    return "iteration", "learning_rate", figure, "time", "validation_score", "free_energy_gap"


def states_of(model: Model, v: Any, rng: Generator) -> Any:
    """Visible states for rows of data; equal rows get equal states."""
    u = uniform_by_content(v, rng)
    if not sparse.issparse(v):
        return model.visible.from_data(v, u)
    return sparse.csr_array((model.visible.from_stored(v.data, u), v.indices, v.indptr), v.shape)


def default_n_iter(n_rows: int, batch_size: int, n_updates: float) -> int:
    """The number of epochs for so many updates, and at least 10."""
    return max(10, math.ceil(n_updates / math.ceil(n_rows / batch_size)))
