"""The work of a worker on its partition of the rows.

A round is an epoch over all rows. It starts from the parameters that all workers share, and from
the worker's own training state after the previous round, which does not change before the round is
over: so an aborted round can be repeated.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skrbm._kernels import devices, random
from skrbm._kernels.devices import Array
from skrbm.data.coding import Coding
from skrbm.data.summary import Summary
from skrbm.data.tables import Table
from skrbm.distributed.tables import Piece, Sample, joined
from skrbm.estimators.dbn.layer_inputs import LayerInputs
from skrbm.estimators.rbm.base import learner_of, settings_of
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.learner import Learner
from skrbm.estimators.rbm.settings import Settings
from skrbm.estimators.rbm.tabular import TabularRBM, coded_rows
from skrbm.learning.loop import Loop, MiniBatch
from skrbm.learning.optimizer import Pace
from skrbm.learning.step_statistics import Statistics
from skrbm.learning.train_state import TrainState
from skrbm.units import Domain
from skrbm.validation.rows import TrainingRows, check_training_rows
from skrbm.validation.tables import check_table

_N_WARM_UP = 100  # steps of chains that replace lost ones, before they count
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt in malloc.h

Shared = tuple[Array, ...]


class Partitions(NamedTuple):
    """The division of the rows among workers.

    Parameters
    ----------
    sizes : tuple of int
        Number of rows in each partition.
    n_batches : int
        Mini-batches per epoch.
    seed : int
        Of all draws on workers.
    """

    sizes: tuple[int, ...]
    n_batches: int
    seed: int

    def batch_sizes(self, i: int) -> list[int]:
        """Number of rows that each partition has in a mini-batch."""
        return [n // self.n_batches + (i < n % self.n_batches) for n in self.sizes]


@dataclass(frozen=True)
class Outcome:
    """Shared arrays at the end of a round, and the watched figure, times a partition's weight."""

    shared: Shared
    figure: float

    def __add__(self, other: Outcome) -> Outcome:
        shared = tuple(x + y for x, y in zip(self.shared, other.shared, strict=True))
        return Outcome(shared, self.figure + other.figure)


@dataclass
class Round:
    """A round in progress.

    Parameters
    ----------
    token : int
        Number of the attempt.
    epoch : int
    loop : Loop
    state : TrainState
    batches : iterator of MiniBatch
        Those that are left.
    n_made : int
        Mini-batches that were taken.
    batch : MiniBatch, optional
        The last of them.
    """

    token: int
    epoch: int
    loop: Loop
    state: TrainState
    batches: Iterator[MiniBatch]
    n_made: int = 0
    batch: MiniBatch | None = None


class Key(NamedTuple):
    """A partition of a fit."""

    fit: str
    partition: int


class ForgottenPartition(LookupError):
    """The index of a partition that this process does not hold."""


@dataclass
class WorkerState:
    """A partition of the rows, and the training of one layer on it.

    Parameters
    ----------
    index : int
        Of the partition.
    rows : TrainingRows
        Rows of data.
    inputs : TrainingRows
        Rows that the layer is trained on: the same, or the states inferred by the layers below.
    settings : Settings
    learner : Learner
        The layer, as it was started.
    partitions : Partitions
    blocks : list
        Blocks of a table until its rows are coded.
    states : dict of int to TrainState
        The training state after so many epochs, for the last two.
    completions : dict of int to ndarray
        States of the chains for missing values, likewise.
    round : Round, optional
    """

    index: int
    rows: TrainingRows = field(init=False)
    inputs: TrainingRows = field(init=False)
    settings: Settings = field(init=False)
    learner: Learner = field(init=False)
    partitions: Partitions = field(init=False)
    blocks: list[Any] = field(default_factory=list)
    states: dict[int, TrainState] = field(default_factory=dict)
    completions: dict[int, Array] = field(default_factory=dict)
    round: Round | None = None

    # Preparation

    def load(self, estimator: Any, domain: Domain, *blocks: Any) -> tuple[Summary, list[str]]:
        """Keep blocks of rows after checks for a domain; return their summary, and warnings."""
        _keep_freed_memory()
        parts = [x if sparse.issparse(x) else np.asarray(x) for x in blocks]
        any_sparse = any(map(sparse.issparse, parts))
        rows = sparse.vstack(parts, format="csr") if any_sparse else np.concatenate(parts)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # Another partition may have the values of a column that is empty here.
            strict = replace(domain, tolerance=0.0)
            self.rows = check_training_rows(estimator, rows, None, strict, first=False)
        self.inputs = self.rows
        return self.rows.summary, [str(warning.message) for warning in caught]

    def hold(self, rbm: TabularRBM, *blocks: Any) -> list[int]:
        """Keep blocks of a table until its columns have codes; return their numbers of rows."""
        _keep_freed_memory()
        self.blocks = [check_table(rbm, x, "X") if x.shape[0] else x for x in blocks]
        return [x.shape[0] for x in self.blocks]

    def sample(self, starts: list[list[int]], sample: Sample) -> list[Piece]:
        """Rows of the sample in each block, for the places of the first rows of all blocks."""
        return sample.of(self._pieces(starts))

    def beyond(self, starts: list[list[int]], table: Table) -> Piece:
        """Rows with values that a table of the sample lacks."""
        return joined([piece.beyond(table) for piece in self._pieces(starts)]).beyond(table)

    def encode(self, rbm: TabularRBM, coding: Coding) -> Summary:
        """Replace the blocks by their codes; return the summary of the rows."""
        if self.blocks:  # otherwise an aborted attempt has done it
            self.rows, self.blocks = coded_rows(rbm, self.blocks, coding), []
        self.inputs = self.rows
        return self.rows.summary

    def _pieces(self, starts: list[list[int]]) -> list[Piece]:
        firsts = starts[self.index]
        ranges = [np.arange(i, i + len(x)) for i, x in zip(firsts, self.blocks, strict=True)]
        return [Piece(i, x) for i, x in zip(ranges, self.blocks, strict=True) if len(i)]

    def ascend(self, below: list[DensityRBM]) -> Summary:
        """Continue with the states that the layers below infer for the rows."""
        unused = random.generator(0)  # no value is missing
        self.inputs, _ = LayerInputs(self.rows, unused).of(below)
        return self.inputs.summary

    def prepare(self, rbm: DensityRBM, partitions: Partitions) -> None:
        """Be ready to train an RBM that was started from the summary of all rows."""
        self.settings, self.learner, self.partitions = settings_of(rbm), learner_of(rbm), partitions
        self.states, self.completions, self.round = {}, {}, None

    # Rounds

    def train(self, shared: Shared, epoch: int) -> Outcome:
        """Make a round on this partition alone."""
        loop, state = self._start(shared, epoch)
        record = next(loop.epochs(state, epoch))
        return self._end(loop, state, epoch, record[loop.monitor.name])

    def first_statistics(self, shared: Shared, epoch: int, token: int) -> Statistics:
        """Begin a round, and return the statistics of the first mini-batch."""
        loop, state = self._start(shared, epoch)
        self.round = Round(token, epoch, loop, state, loop.mini_batches(state, epoch))
        return self._statistics(self.round)

    def step(self, sums: Statistics, token: int, n_made: int) -> Statistics | Outcome:
        """Make the step of all workers, and return the next statistics, or the round's outcome.

        A step is made only once in an attempt: Dask repeats a call if its result was lost.
        """
        now = self.round
        if now is None or (now.token, now.n_made) != (token, n_made):
            msg = "this round was aborted."
            raise RuntimeError(msg)
        self.settings.optimizer.apply(now.state, sums, self._pace(now))
        if n_made < self.partitions.n_batches:
            return self._statistics(now)
        assert now.batch is not None
        figure = now.loop.watched(now.state, now.batch, now.epoch)
        return self._end(now.loop, now.state, now.epoch, figure)

    def state_after(self, epoch: int) -> TrainState | None:
        """The training state, with its chains, after so many epochs, unless it was lost."""
        return self.states.get(epoch)

    @property
    def _weight(self) -> float:
        """The partition's share of the rows."""
        return self.partitions.sizes[self.index] / sum(self.partitions.sizes)

    def _start(self, shared: Shared, epoch: int) -> tuple[Loop, TrainState]:
        """A round's loop, and a copy of the state that it starts from."""
        if epoch not in self.states:
            self.states[epoch] = self._new_state(shared, epoch)
        state = self._placed(self.states[epoch], shared)
        return self._loop(state, epoch), state

    def _loop(self, state: TrainState, epoch: int) -> Loop:
        """The loop of a round; it moves copies of the chains for missing values."""
        # They need most of the memory: the states of earlier rounds are dropped at once.
        self.completions = {i: x for i, x in self.completions.items() if i >= epoch}
        learner = replace(self.learner)
        learner.replace_training(state)
        assert learner.fit is not None
        fit = replace(learner.fit, completions=deepcopy(self.completions.get(epoch)))
        loop = learner.loop(self.settings, self.inputs, fit)
        batch_size = Fraction(len(self.inputs.weights), self.partitions.n_batches)
        return replace(loop, plan=replace(loop.plan, batch_size=batch_size))

    def _placed(self, known: TrainState, shared: Shared) -> TrainState:
        """A copy of a state on the device, with the shared arrays."""
        device, state = self.settings.device, deepcopy(known)
        state.model = device.place_model(state.model)
        state.move(device.place)
        take_shared(state, shared)
        return state

    def _new_state(self, shared: Shared, epoch: int) -> TrainState:
        """A state with new chains, which come near the model if other workers have trained it."""
        first, seed = self.learner.fitted.top, self.partitions.seed
        rng, order = (random.generator([seed, self.index, epoch, i]) for i in range(2))
        state = replace(first.training, model=first.rbm, rng=rng, order=order, history=[])
        gradient = self.settings.gradient
        n_chains = round(self._weight * self.settings.chains_for(sum(self.partitions.sizes)))
        gradient.start(state, first.base, max(1, n_chains))
        if epoch > 0:
            state = self._placed(state, shared)
            loop = self._loop(state, epoch)
            if loop.feed.completion is not None:
                loop.feed.move_all(state.rng, _N_WARM_UP)
                self.completions[epoch] = loop.feed.completion.states
            batch = next(loop.mini_batches(state, epoch))
            for _ in range(_N_WARM_UP):
                gradient.phases(state, batch.v, batch.weights)
            self._unplace(state)
        return state

    def _unplace(self, state: TrainState) -> None:
        """Move a state to the host; the next round takes its parameters from the shared arrays."""
        state.move(devices.to_host)
        state.model = self.learner.fitted.rbm

    def _statistics(self, now: Round) -> Statistics:
        """Statistics of the next mini-batch, weighted by its share of all workers' mini-batch."""
        now.batch = next(now.batches)
        sizes = self.partitions.batch_sizes(now.n_made)
        now.n_made += 1
        phases = self.settings.gradient.phases(now.state, now.batch.v, now.batch.weights)
        phases = phases.weighted(sizes[self.index] / sum(sizes))
        rate = self._pace(now).rate
        return self.settings.optimizer.statistics(now.state, phases, rate).formed()

    def _pace(self, now: Round) -> Pace:
        """Factor of the step, in proportion to the size of the mini-batch of all workers."""
        assert now.batch is not None
        n_rows = sum(self.partitions.batch_sizes(now.n_made - 1))
        share = n_rows * self.partitions.n_batches / sum(self.partitions.sizes)
        return Pace(now.batch.rate * share, *now.batch.pace[1:])

    def _end(self, loop: Loop, state: TrainState, epoch: int, figure: float) -> Outcome:
        """Keep the state, and return the outcome of the round."""
        weight = self._weight
        shared = tuple((weight * x).astype(x.dtype) for x in shared_of(state))
        self._unplace(state)
        self.states = {epoch: self.states[epoch], epoch + 1: state}
        if loop.feed.completion is not None:
            self.completions[epoch + 1] = loop.feed.completion.states
        self.round = None
        return Outcome(shared, weight * figure)


TAKE_BLOCKS = WorkerState.load, WorkerState.hold
STATES: dict[Key, WorkerState] = {}  # of this process


def _keep_freed_memory() -> None:
    """Let the C library keep freed arrays for the next ones, as it does by default.

    Dask's workers return them to the system (MALLOC_TRIM_THRESHOLD_). All temporary arrays are then
    new pages: an update takes 1.9 times as long with 784 x 500 units and mini-batches of 100, and
    also with 64 x 100 units and 10.
    """
    if os.name == "posix" and hasattr(ctypes.CDLL(None), "mallopt"):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 2**25)
        mallopt(_TRIM_THRESHOLD, 2**27)


def call(key: Key, method: Callable[..., Any], arguments: tuple[Any, ...], *blocks: Any) -> Any:
    """The result of a method of `WorkerState` for a partition; the first one takes its blocks."""
    if method in TAKE_BLOCKS:
        STATES[key] = WorkerState(key.partition)
    if key not in STATES:
        raise ForgottenPartition(key.partition)
    return method(STATES[key], *arguments, *blocks)


def forget(key: Key) -> None:
    """Drop a partition."""
    STATES.pop(key, None)


def shared_of(state: TrainState) -> Shared:
    """The arrays that all workers share, in numpy: parameters and offsets."""
    arrays = *state.model.parameters, state.visible_offset, state.hidden_offset
    return tuple(map(devices.to_host, arrays))


def take_shared(state: TrainState, shared: Shared) -> None:
    """Overwrite the arrays that all workers share."""
    for now, new in zip(state.model.parameters, shared[:-2], strict=True):
        now[...] = devices.with_device_of(new, now)
    state.visible_offset, state.hidden_offset = (
        devices.with_device_of(np.array(x), state.model.reference) for x in shared[-2:]
    )
