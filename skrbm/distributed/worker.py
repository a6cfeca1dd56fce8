"""What a worker does with its share of the rows of a fit that is spread over many.

A round is a sweep over all rows. It starts from the parameters that all workers have, and from the
state of a worker's own training after the round before, which stays as it is until the round is
over: so a round that was broken off is made again.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Iterator
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skrbm._kernels import arrays, devices, moments, random
from skrbm._kernels.devices import Array
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.learning.gradients import Gradient
from skrbm.learning.loop import MiniBatch, Training, are_states, dense_rows
from skrbm.learning.optimizer import CentredGradient, Statistics
from skrbm.model import RBM
from skrbm.validation.rows import check_weighted, model_dtype

_FIGURE_FLIPS = 1  # columns a row, of the pseudo-likelihood that is watched
_STEPS_ANEW = 100  # of chains that take the place of lost ones, before they count


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt in malloc.h


class Moments(NamedTuple):
    """Of rows: their number and dtype, central moments of their columns, and what to warn of."""

    n_rows: int
    dtype: Any
    mean: Array
    variance: Array
    third: Array
    messages: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Any, messages: tuple[str, ...] = ()) -> Moments:
        """Those of rows that are an array, a CSR matrix, or computed as they are taken."""
        dtype = model_dtype(rows.dtype)
        parts = []
        for block in gen_batches(rows.shape[0], BLOCK_ROWS):
            x = dense_rows(rows, block, np.empty(0, dtype))
            parts.append(cls(len(x), dtype, *moments.column_moments(x, np.ones(len(x)))))
        return joined(parts)._replace(messages=messages)

    def representatives(self, *, binary: bool) -> tuple[Array, Array]:
        """Weighted rows that training starts from as it would from all.

        They have the same mean, and but for binary units, which start from that alone, the same
        variance and a tail to the same side.
        """
        if binary:
            return self.mean[None].astype(self.dtype), np.array([float(self.n_rows)])
        side = np.where(self.third < 0, -1, 1) * np.sqrt(self.variance / 3)
        rows = np.stack([self.mean - side, self.mean + 3 * side]).astype(self.dtype)
        return rows, self.n_rows * np.array([0.75, 0.25])


def joined(parts: list[Moments]) -> Moments:
    """The moments of the rows of all parts."""
    n_rows = sum(part.n_rows for part in parts)
    shares = [part.n_rows / n_rows for part in parts]
    mean = sum(s * part.mean for s, part in zip(shares, parts, strict=True))
    variance, third = np.zeros((2, len(parts[0].mean)))
    for share, part in zip(shares, parts, strict=True):
        distance = part.mean - mean
        variance += share * (part.variance + distance**2)
        third += share * (part.third + distance * (3 * part.variance + distance**2))
    dtype = np.result_type(*(part.dtype for part in parts))
    messages = tuple(message for part in parts for message in part.messages)
    return Moments(n_rows, dtype, np.asarray(mean), variance, third, messages)


class Part(NamedTuple):
    """What a worker has to know of all: numbers of rows of every share, and which one is its own.

    `seed` is that of all that is drawn on workers.
    """

    sizes: tuple[int, ...]
    own: int
    n_iter: int
    n_batches: int
    seed: int

    @property
    def share(self) -> float:
        """Of the rows."""
        return self.sizes[self.own] / sum(self.sizes)

    def rows_of_batch(self, i: int) -> list[int]:
        """How many rows every share has in a mini-batch."""
        return [n // self.n_batches + (i < n % self.n_batches) for n in self.sizes]


@dataclass(frozen=True)
class Outcome:
    """Parameters and offsets at the end of a round, and what was watched, in a share's weight."""

    state: tuple[Array, ...]
    figure: float

    def __add__(self, other: Outcome) -> Outcome:
        state = tuple(x + y for x, y in zip(self.state, other.state, strict=True))
        return Outcome(state, self.figure + other.figure)


@dataclass
class Flight:
    """A round on its way."""

    token: int
    n_done: int
    rbm: RBM
    training: Training
    batches: Iterator[MiniBatch]
    n_made: int = 0
    batch: MiniBatch | None = None


@dataclass
class Share:
    """A worker's share of the rows, and the training of a layer on them.

    Parameters
    ----------
    data : {array, CSR matrix}
        Rows of data.
    rows : {array, CSR matrix}
        Rows that the layer in training is trained on: the same, or what the layers below infer.
    estimator : RBMEstimator
        The layer, as it was started.
    part : Part
    trainings : dict of int to Training
        The state after so many rounds, of the last two.
    flight : Flight
    """

    data: Any
    rows: Any
    estimator: Any = None
    part: Any = None
    trainings: dict[int, Training] = field(default_factory=dict)
    flight: Flight | None = None


class Key(NamedTuple):
    """Which share of which fit."""

    fit: str
    own: int


class ForgottenShare(LookupError):
    """A share that this process does not have: its number."""


SHARES: dict[Key, Share] = {}  # of this process


def _share(key: Key) -> Share:
    if key not in SHARES:
        raise ForgottenShare(key.own)
    return SHARES[key]


def _keep_freed_memory() -> None:
    """Let the C library keep freed arrays for the next ones, as it learns to if not told otherwise.

    Dask tells its workers otherwise, by MALLOC_TRIM_THRESHOLD_: an update then takes half as long
    again, since all its temporaries are new memory.
    """
    if os.name == "posix" and hasattr(ctypes.CDLL(None), "mallopt"):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 2**25)
        mallopt(_TRIM_THRESHOLD, 2**27)


def load(key: Key, estimator: Any, *blocks: Any) -> Moments:
    """Keep blocks of rows, after the estimator's checks of them."""
    _keep_freed_memory()
    parts = [x if sparse.issparse(x) else np.asarray(x) for x in blocks]
    if any(map(sparse.issparse, parts)):
        rows = sparse.vstack(parts, format="csr")
    else:
        rows = np.concatenate(parts)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows, _ = check_weighted(estimator, rows, None, estimator._domain)
    SHARES[key] = Share(rows, rows)
    return Moments.of(rows, tuple(str(warning.message) for warning in caught))


def ascend(key: Key, dbn: DeepBeliefNetwork, below: list[RBMEstimator], seed: int) -> Moments:
    """Go on with what the layers below infer for the rows."""
    share = _share(key)
    rng = random.generator([seed, key.own])
    share.rows = dbn._activations(share.data, rng).of(below)
    return Moments.of(share.rows)


def prepare(key: Key, estimator: RBMEstimator, part: Part) -> None:
    """Be ready to train an RBM that was started from the moments of all rows."""
    share, part = _share(key), part._replace(own=key.own)
    share.estimator, share.part = copy(estimator), part
    share.estimator.n_chains = max(1, round(part.share * int(estimator.n_chains)))
    share.trainings, share.flight = {}, None


def forget(key: Key) -> None:
    """Give up a share."""
    SHARES.pop(key, None)


def state_of(rbm: RBM, optimizer: CentredGradient) -> tuple[Array, ...]:
    """What all workers have in common: parameters and offsets."""
    return *rbm.parameters, optimizer.visible_offset, optimizer.hidden_offset


def set_state(rbm: RBM, optimizer: CentredGradient, state: tuple[Array, ...]) -> None:
    """Take over what all workers have in common."""
    for now, new in zip(rbm.parameters, state[:-2], strict=True):
        now[...] = devices.with_device_of(new, now)
    optimizer.visible_offset, optimizer.hidden_offset = (
        devices.with_device_of(np.array(x), rbm.reference) for x in state[-2:]
    )


def sweep(key: Key, state: tuple[Array, ...], n_done: int) -> Outcome:
    """Make a sweep over the rows of this share alone."""
    share = _share(key)
    flight = _begin(share, state, n_done, token=0)
    for batch in flight.batches:
        flight.batch = batch
        for _ in range(batch.n_updates):
            flight.training.update(flight.rbm, batch.v, batch.weights, batch.pace)
    return _end(share, flight)


def first_statistics(key: Key, state: tuple[Array, ...], n_done: int, token: int) -> Statistics:
    """Begin a round, and return the statistics of the first mini-batch."""
    share = _share(key)
    share.flight = _begin(share, state, n_done, token)
    return _statistics(share, share.flight)


def next_statistics(key: Key, sums: Statistics, token: int, n_made: int) -> Statistics:
    """Make the step that all shares together ask, and return the statistics of the next batch."""
    share = _share(key)
    flight = _step(share, sums, token, n_made)
    return _statistics(share, flight)


def last_step(key: Key, sums: Statistics, token: int, n_made: int) -> Outcome:
    """Make the last step of a round."""
    share = _share(key)
    return _end(share, _step(share, sums, token, n_made))


def gradient_of(key: Key, n_done: int) -> Gradient | None:
    """The gradient, with its chains, as it is after so many rounds."""
    training = _share(key).trainings.get(n_done)
    return None if training is None else training.gradient


def _begin(share: Share, state: tuple[Array, ...], n_done: int, token: int) -> Flight:
    """A round from the state that all have and from the own training after n_done rounds."""
    estimator, part = share.estimator, share.part
    rbm = estimator._placed(estimator._model().map(arrays.copy))
    known = share.trainings.get(n_done)
    training = deepcopy(known) if known is not None else _anew(share, rbm, n_done)
    training.move(lambda x: devices.with_device_of(x, rbm.reference))
    set_state(rbm, training.optimizer, state)
    rows = estimator._coordinates.view(share.rows)
    n_rows = part.sizes[part.own]
    plan = estimator._plan(part.n_iter, part.n_batches, first=n_done, rising=True)
    plan = replace(plan, batch_size=Fraction(n_rows, part.n_batches))
    if known is None:
        training.draws = estimator._draws and not are_states(rbm.visible, rows)
        if n_done > 0:
            _warm_up(training, rbm, training.mini_batches(rbm, rows, np.ones(n_rows), plan, n_done))
        share.trainings[n_done] = deepcopy(training)
    batches = training.mini_batches(rbm, rows, np.ones(n_rows), plan, n_done)
    return Flight(token, n_done, rbm, training, batches)


def _anew(share: Share, rbm: RBM, n_done: int) -> Training:
    """A training with chains of its own."""
    estimator, part = share.estimator, share.part
    rng, order = (random.generator([part.seed, part.own, n_done, i]) for i in range(2))
    training = deepcopy(estimator._training)
    training.gradient = estimator._gradient(rbm, estimator._placed_base(), rng)
    training.rng, training.order = rng, order
    return training


def _warm_up(training: Training, rbm: RBM, batches: Iterator[MiniBatch]) -> None:
    """Let new chains come near the model, as steps of the gradient move them."""
    batch = next(batches)
    for _ in range(_STEPS_ANEW):
        training.gradient.phases(rbm, batch.v, batch.weights, training.rng)


def _statistics(share: Share, flight: Flight) -> Statistics:
    """Those of the next mini-batch, weighted by what it is of that of all shares."""
    batch, training = next(flight.batches), flight.training
    of_batch = share.part.rows_of_batch(flight.n_made)
    flight.batch = batch
    flight.n_made += 1
    phases = training.gradient.phases(flight.rbm, batch.v, batch.weights, training.rng)
    phases = phases.weighted(of_batch[share.part.own] / sum(of_batch))
    return training.optimizer.statistics(flight.rbm, phases, _rate(share, flight)).formed()


def _rate(share: Share, flight: Flight) -> float:
    """The rate of the mini-batch of all shares, by what it is of their mean one."""
    assert flight.batch is not None
    of_batch = sum(share.part.rows_of_batch(flight.n_made - 1))
    return flight.batch.rate * of_batch * share.part.n_batches / sum(share.part.sizes)


def _step(share: Share, sums: Statistics, token: int, n_made: int) -> Flight:
    """Make a step after so many statistics of an attempt, once: for lost sums Dask calls again."""
    flight = share.flight
    if flight is None or flight.batch is None or (flight.token, flight.n_made) != (token, n_made):
        msg = "this round was broken off."
        raise RuntimeError(msg)
    pace = flight.batch.pace
    rate = _rate(share, flight)
    flight.training.optimizer.apply(flight.rbm, sums, rate, pace.variance_share)
    return flight


def _end(share: Share, flight: Flight) -> Outcome:
    """Keep the training, and return what the round came to."""
    batch, training, rbm, n_done = flight.batch, flight.training, flight.rbm, flight.n_done
    assert batch is not None
    figure = share.estimator._row_figure(_FIGURE_FLIPS)
    seen = float(figure(rbm, arrays.to_dense(batch.v), training.order).mean())
    training.move(devices.to_host)
    share.trainings = {n_done: share.trainings[n_done], n_done + 1: training}
    share.flight = None
    weight = share.part.share
    host = map(devices.to_host, state_of(rbm, training.optimizer))
    state = tuple((weight * x).astype(x.dtype) for x in host)
    return Outcome(state, weight * seen)
