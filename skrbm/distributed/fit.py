"""A fit on a cluster, as the client sees it: the start from a summary, rounds, and their end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from skrbm.data.coding import Coding
from skrbm.data.summary import Summary, merge
from skrbm.data.tables import Table
from skrbm.distributed.cluster import Cluster
from skrbm.distributed.tables import Sample, check_partitions, joined
from skrbm.distributed.worker import Partitions, Shared, WorkerState, shared_of, take_shared
from skrbm.estimators.common.fit_state import asked_to_stop
from skrbm.estimators.common.fitted import domain_of
from skrbm.estimators.dbn.network import DeepBeliefNetwork, new_layers, plan_stack
from skrbm.estimators.dbn.pretraining import pretraining_of
from skrbm.estimators.dbn.stack import layer_settings, training_domain
from skrbm.estimators.rbm.base import learner_of, settings_of, start_layer
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.settings import Settings, Size
from skrbm.estimators.rbm.tabular import TabularRBM, find_coding
from skrbm.learning.loop import keep_record, latest
from skrbm.learning.train_state import Record, TrainState
from skrbm.units import Domain
from skrbm.validation.rows import (
    TrainingRows,
    check_columns,
    check_filled,
    chosen_domain,
    warn_caller,
)

SYNC = ("epoch", "update")


@dataclass
class Fit:
    """A fit in progress.

    Parameters
    ----------
    cluster : Cluster
    sync : {"epoch", "update"}
    """

    cluster: Cluster
    sync: str

    def rbm(self, rbm: DensityRBM, columns: Any) -> None:
        """Fit an RBM; columns are rows of X, which may be none."""
        settings, coding = settings_of(rbm), None
        if isinstance(rbm, TabularRBM):
            summaries, coding = self._encode(rbm, settings)
        else:
            summaries = self._load(rbm, domain_of(rbm))
        rows = _summarized(summaries, coding)
        settings.device.check_dtype(rows.summary.dtype)
        settings.check_sizes(rows.summary.n_rows, rows.values.shape[1], split=False)
        check_columns(rbm, columns, reset=True)
        start_layer(rbm, settings, rows)
        self._train(rbm, summaries, settings)

    def stack(self, dbn: DeepBeliefNetwork, columns: Any) -> None:
        """Fit the layers of a deep belief network one by one."""
        lowest, coding = new_layers(dbn)[0], None
        if isinstance(lowest, TabularRBM):
            summaries, coding = self._encode(lowest, settings_of(lowest))
        else:
            summaries = self._load_lowest(dbn)
        fit, own = plan_stack(dbn, columns, merge(summaries)), pretraining_of(dbn)

        def stop(record: Record) -> bool:
            return asked_to_stop(dbn, dbn.callbacks, own.n_epochs())

        for i, rbm in enumerate(fit.rbms):
            if i > 0:
                below = [_light(x) for x in fit.rbms[:i]]
                summaries = self.cluster.prepare(WorkerState.ascend, below)
            settings = layer_settings(fit.rbms, i, type(dbn).__name__, stop)
            start_layer(rbm, settings, _summarized(summaries, None if i else coding))
            self._train(rbm, summaries, settings)
            fit.n_done += 1
        own.finish(columns, _summarized(summaries))

    def _load_lowest(self, dbn: DeepBeliefNetwork) -> list[Summary]:
        """Load rows of numbers for a stack, whose lowest layer may depend on them."""
        domain = training_domain(new_layers(dbn)[0], dbn.visible_rbm)
        domain = domain.with_missing(allowed=False)
        summaries = self._load(dbn, domain)
        chosen = chosen_domain(domain, merge(summaries).bounds)
        # If it does, all partitions need moments, even if they are within the domain.
        return summaries if chosen is domain else self._load(dbn, chosen)

    def _load(self, estimator: Any, domain: Domain) -> list[Summary]:
        """Summaries of all partitions, after a warning that workers gave of theirs."""
        loaded = self.cluster.prepare(WorkerState.load, _light(estimator), domain)
        for message in [text for _, texts in loaded for text in texts][:1]:
            warn_caller(message, UserWarning)
        summaries = [summary for summary, _ in loaded]
        check_filled(merge(summaries).bounds)
        return summaries

    def _encode(self, rbm: TabularRBM, settings: Settings) -> tuple[list[Summary], Coding]:
        """Find codes for the columns of a table; return summaries of the coded partitions."""
        cluster = self.cluster
        sizes = cluster.prepare(WorkerState.hold, _light(rbm))
        check_partitions(list(map(sum, sizes)))
        starts = cluster.starts(sizes)
        sample = Sample(sum(map(sum, sizes)), settings.validation_seed)
        found = cluster.attempt(cluster.on_all, WorkerState.sample, starts, sample)
        rows = joined([piece for pieces in found for piece in pieces])
        coding = find_coding(rbm, rows.rows)
        if not sample.is_all:
            others = cluster.attempt(self._beyond, starts, coding.table)
            rows = joined([rows, joined(others).beyond(coding.table)])
            coding = find_coding(rbm, rows.rows)
        return cluster.prepare(WorkerState.encode, _light(rbm), coding), coding

    def _beyond(self, starts: list[list[int]], table: Table) -> list[Any]:
        return self.cluster.on_all(WorkerState.beyond, starts, self.cluster.broadcast(table))

    def _train(self, rbm: DensityRBM, summaries: list[Summary], settings: Settings) -> None:
        """Train an RBM that is started, by rounds on all workers."""
        learner, cluster = learner_of(rbm), self.cluster
        sizes = tuple(summary.n_rows for summary in summaries)
        fit = learner.begin_fit(settings, Size(sum(sizes), sum(sizes)), rising=True)
        plan, watch, figure = fit.plan, learner.watch(settings, fit), settings.figure
        n_batches = min(math.ceil(sum(sizes) / settings.batch_size), *sizes)
        partitions = Partitions(sizes, n_batches, int(learner.training.rng.integers(2**32)))
        cluster.prepare(WorkerState.prepare, _light(rbm), partitions)

        def epochs(state: TrainState, first: int) -> Iterator[Record]:
            for epoch in range(first, plan.n_iter):
                begin = perf_counter()
                outcome = cluster.attempt(self._round, shared_of(state), epoch, n_batches)[0]
                take_shared(state, outcome.shared)
                rate = plan.rate((epoch + 1 - 1 / n_batches) / plan.n_iter)
                is_new = watch.includes(epoch)
                seen = outcome.figure if is_new else latest(state.history, figure)
                yield keep_record(state.history, figure, (rate, seen, perf_counter() - begin))

        learner.train_by(settings, epochs)
        ends = cluster.attempt(cluster.on_all, WorkerState.state_after, rbm.n_iter_)
        learner.take_chains([state for state in ends if state is not None])

    def _round(self, shared: Shared, epoch: int, n_batches: int) -> list[Any]:
        """The future of an epoch's outcome: of all workers together, or the average of each's."""
        cluster = self.cluster
        start, token = cluster.broadcast(shared), cluster.n_attempts
        if self.sync == "epoch":
            return [cluster.sum(cluster.on_all(WorkerState.train, start, epoch))]
        sums = cluster.sum(cluster.on_all(WorkerState.first_statistics, start, epoch, token))
        for n_made in range(1, n_batches + 1):
            sums = cluster.sum(cluster.on_all(WorkerState.step, sums, token, n_made))
        return [sums]


def _light(estimator: Any) -> Any:
    """A copy of the estimator for workers: callbacks stay on the client."""
    estimator = copy(estimator)
    estimator.callbacks = None
    return estimator


def _summarized(summaries: list[Summary], coding: Coding | None = None) -> TrainingRows:
    """No rows, and the summary of all, from which training starts."""
    summary = merge(summaries)
    rows: Any = np.empty((0, len(summary.total)))
    if coding is not None:
        codes = np.empty((0, len(coding.table.names)), np.intp)
        rows = coding.of_codes(codes, summary.dtype)
    return TrainingRows(rows, np.empty(0), summary)
