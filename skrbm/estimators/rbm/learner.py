"""Training of one RBM: from the initial model to the end of a fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import joblib
import numpy as np

from skrbm import likelihood
from skrbm._kernels import random
from skrbm._kernels.devices import Array, Generator, is_on_accelerator, to_host
from skrbm.annealing import AnnealingBudget
from skrbm.data.summary import Summary, merge
from skrbm.estimators.common.device import Device
from skrbm.estimators.common.fit_state import FitState
from skrbm.estimators.common.fitted import Fitted, FittedRBM, Seeds
from skrbm.estimators.rbm.doubts import (
    warn_of_log_partition,
    warn_of_memorised_rows,
    warn_of_saturation,
    warn_of_trajectory,
)
from skrbm.estimators.rbm.settings import N_SEEDS, Settings, Size
from skrbm.learning.compiled import update_of
from skrbm.learning.completion import Completion
from skrbm.learning.early_stopping import EarlyStopping, drawn
from skrbm.learning.gradients import trajectory_of
from skrbm.learning.loop import Feed, Loop, Monitor, Plan, RowFigure, run
from skrbm.learning.progress import progress
from skrbm.learning.schedules import PowerDecay
from skrbm.learning.train_state import Record, TrainState
from skrbm.learning.watching import Price, Watch, cost_of_epoch, free_energy_price
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.samplers import gibbs, sample_independent
from skrbm.validation import parameters
from skrbm.validation.estimators import check_enumerable
from skrbm.validation.rows import TrainingRows, warn_caller

# Columns per row from which a pseudo-likelihood is estimated. One suffices for a mini-batch, at the
# cost of one matrix product; the validation set needs more, unless they are too expensive.
FLIPS_MONITORED, FLIPS_SCORED = 1, 10

_EXACT_UNITS = 30  # largest layer that log_partition(method="exact") enumerates
_ENOUGH = 100  # rows of a stream to compare with its beginning
_FEWEST_CHAINS = 20  # fewer cannot show that the two directions contradict each other


# Records of the remaining epochs of a training state.
Epochs = Callable[[TrainState, int], Iterable[Record]]


@dataclass
class Learner:
    """A model, and the fit in progress if there is one.

    Parameters
    ----------
    fitted : Fitted
        The current model.
    shape : dict of str to object
        The shape parameters of the estimator with which the model was started.
    n_independent : float
        Effective number of independent columns of the first rows.
    fit : FitState or None
        None if no fit is in progress.
    log_partitions : dict of str to LogPartition
        Known log Z by the hash of the model parameters.
    later : Summary or None
        Summary of rows of calls of `partial_fit` after the first one, until one is found unlike it.
    """

    fitted: Fitted
    shape: dict[str, Any]
    n_independent: float
    fit: FitState | None = None
    log_partitions: dict[str, LogPartition] = field(default_factory=dict)
    later: Summary | None = None
    is_unlike: bool = False

    @classmethod
    def start(cls, settings: Settings, rows: TrainingRows) -> Learner:
        """Create a model from the first rows, with its training state."""
        training_seed, order_seed, *seeds = parameters.check_seeds(settings.random_state, N_SEEDS)
        rng = random.generator(training_seed)
        start = settings.begin(rows)
        base, hidden = start.visible, start.hidden
        shape = base.n_columns, hidden.n_columns
        n_seen, n_seeing = start.fan or shape
        variance = rows.summary.total_variance * n_seen / shape[0]
        scale = settings.defaults.weight_scale(n_seen, n_seeing, variance)
        rbm = RBM.couple(base, hidden, start.weights(shape, scale, base.bias, rng))
        state = TrainState(
            rbm,
            visible_offset=rbm.weights.offset(base.mean(0.0)),
            hidden_offset=rbm.hidden_from_visible(base.mean(0.0)[None])[0],
            rng=rng,
            order=random.generator(order_seed),
            column_variance=start.column_variance,
        )
        settings.gradient.start(state, base, settings.chains_for(len(rows.weights)))
        seeds_of_model = Seeds(seeds[0], random.generator(seeds[1]))
        top = FittedRBM(rbm, base, state)
        fitted = Fitted(
            top,
            start.scaling,
            seeds_of_model,
            classes=start.classes,
            coding=start.coding,
            n_latent=start.n_latent,
        )
        n_independent = start.n_independent
        if n_independent is None:
            n_independent = rows.summary.n_independent
        # A model learns from pairs of values that are known together.
        return cls(fitted, settings.shape, n_independent / rows.summary.share_seen**2)

    @property
    def training(self) -> TrainState:
        """The training state."""
        return self.fitted.top.training

    def replace_rbm(self, rbm: RBM) -> None:
        """Replace the RBM of the model."""
        self.fitted = replace(self.fitted, top=replace(self.fitted.top, rbm=rbm))

    def replace_training(self, training: TrainState) -> None:
        """Make this the state of the training."""
        self.fitted = replace(self.fitted, top=replace(self.fitted.top, training=training))

    def take_over(self, rbm: RBM, hidden: Array) -> None:
        """Replace the RBM by another trained one, and start the chains from its hidden states."""
        state = self.training
        self.replace_rbm(rbm)
        state.model = rbm
        state.hidden_offset = rbm.hidden_from_visible(state.visible_offset[None])[0]
        state.trajectory = None  # of models that are far from this one
        if state.chains is not None:
            start = hidden[state.rng.integers(len(hidden), size=len(state.chains.visible))]
            state.chains = gibbs(rbm, start, state.rng)

    def known_log_partition(self) -> LogPartition | None:
        """Log Z of the model with its current parameters, or None if it is not known.

        During a fit, a trajectory estimates it.
        """
        state, known = self.training, self.log_partitions.get(self._hash())
        if known is None and self.fit is not None and state.trajectory is not None:
            estimate = state.trajectory.ladder.log_partition_of(state.model)
            return estimate.shifted(self.fitted.scaling.log_volume)
        return known

    def log_partition(
        self, device: Device, method: str, budget: AnnealingBudget, random_state: Any
    ) -> LogPartition:
        """Compute log Z and store it."""
        parameters.check_choice("method", method, likelihood.METHODS)
        parameters.check_trajectory(method, known=self.fitted.knows_trajectory)
        rbm = self.fitted.rbm
        if method == "exact":
            sizes = [rbm.visible.log2_states, rbm.hidden.log2_states]
            check_enumerable("method", sizes, _EXACT_UNITS)
        n_chains = parameters.check_count("n_chains", budget.n_chains, minimum=_FEWEST_CHAINS)
        n_temperatures = parameters.check_count("n_temperatures", budget.n_temperatures, minimum=2)
        n_jobs = parameters.check_jobs("n_jobs", budget.n_jobs)
        budget = replace(budget, n_chains=n_chains, n_temperatures=n_temperatures, n_jobs=n_jobs)
        seed = self.fitted.seeds.seed(random_state)
        result = replace(self.fitted, device=device).log_partition(method, budget, seed)
        self.log_partitions = {self._hash(): result}
        warn_of_log_partition(result)
        return result

    def _hash(self) -> str:
        return joblib.hash(self.fitted.rbm.parameters)

    def begin_fit(self, settings: Settings, size: Size, *, rising: bool) -> FitState:
        """Plan a fit on this many rows; with `rising`, variances rise from a small start."""
        rbm = self.fitted.rbm
        prior = settings.prior(self.n_independent, rbm.weights, size.weight)
        plan = settings.plan(size, prior, rbm, rising=rising)
        self.fit = FitState(plan, size.n_rows, settings.validation_seed)
        return self.fit

    def finish(self, settings: Settings, rows: TrainingRows, validation: Any) -> None:
        """Run the remaining epochs of the planned fit.

        Parameters
        ----------
        settings : Settings
        rows : TrainingRows
        validation : {array, CSR matrix, None}
            The validation set, with early stopping.
        """
        fit, scaling = self.fit, self.fitted.scaling
        assert fit is not None
        stopping = None
        if settings.stopping is not None:
            _, patience, tol = settings.stopping
            n_flips, watch = self._scoring(settings, fit, validation.shape[0])
            score = self._row_figure(settings, n_flips)
            seen = scaling.view_columns(rows.values)
            if settings.below is not None:
                seen = settings.below.view(rows.values, self.fitted.rbm.visible)
            held_out = scaling.view_columns(validation)
            of_rows = held_out, seen, scaling, patience, tol, fit.seed, score
            stopping = EarlyStopping(*of_rows, fit.best, fit.plan.ends, watch)
        self._train(settings, self._epochs(settings, rows, fit), fit, stopping)
        warn_of_trajectory(self.training.trajectory, self.fitted.rbm, fit.seed)
        self.fit = None

    def train_by(self, settings: Settings, epochs: Epochs) -> None:
        """Make the planned fit by epochs over rows on other machines."""
        assert self.fit is not None
        self._train(settings, epochs, self.fit, None)
        self.fit = None

    def go_on(self, settings: Settings, rows: TrainingRows) -> None:
        """Run one epoch over the rows in the given order, at a constant step size."""
        prior = settings.prior(self.n_independent, self.fitted.rbm.weights)
        rate = PowerDecay(settings.rate, 0)
        plan = Plan(1, settings.batch_size, rate, shuffle=False, prior=prior)
        self.fit = None  # these rows do not belong to an interrupted fit
        fit = FitState(plan, len(rows.weights), settings.validation_seed)
        self._compare(rows.summary)
        self._train(settings, self._epochs(settings, rows, fit), fit, None)

    def _compare(self, summary: Summary) -> None:
        """Warn once if the rows of later calls are unlike the rows that set the scaling."""
        if not self.training.history or summary.moments is None or self.is_unlike:
            return
        self.later = summary if self.later is None else merge([self.later, summary])
        found = self.fitted.scaling.unlike(self.later) if self.later.n_rows >= _ENOUGH else ""
        if found:
            self.later, self.is_unlike = None, True
            warn_caller(
                f"The rows of partial_fit are unlike the rows of its first call: {found}. The "
                "first call sets the scaling: it needs enough rows, and representative ones.",
                UserWarning,
            )

    def loop(self, settings: Settings, rows: TrainingRows, fit: FitState) -> Loop:
        """The loop of a fit over rows."""
        update = update_of(settings.gradient, settings.optimizer)
        figure = self._row_figure(settings, FLIPS_MONITORED)
        monitor = Monitor(settings.figure, figure, self.watch(settings, fit))
        return Loop(update, self._feed(settings, rows, fit), fit.plan, monitor)

    def _row_figure(self, settings: Settings, n_flips: int) -> RowFigure:
        """The monitored figure of each row: its log-likelihood, if a trajectory gives log Z."""
        scaling, state = self.fitted.scaling, self.training
        if not settings.knows_log_partition:
            return settings.row_figure(scaling, n_flips)

        def log_likelihood(rbm: RBM, v: Array, rng: Generator) -> Array:
            trajectory = trajectory_of(state)
            v = drawn(rbm, v, rng)
            log_partition = trajectory.ladder.log_partition_of(rbm).value
            values = -rbm.free_energy(v) - log_partition
            trajectory.check_mass(rbm.visible, v, values)
            return values - scaling.log_volume

        return log_likelihood

    def watch(self, settings: Settings, fit: FitState) -> Watch:
        """The epochs of a fit after which its figure is computed."""
        return Watch.of_some(*self._costs(settings, fit, FLIPS_MONITORED), settings.batch_size)

    def _scoring(self, settings: Settings, fit: FitState, n_rows: int) -> tuple[int, Watch]:
        """Number of columns per row from which a validation set is scored, and after which epochs.

        There are ten columns, or as many as the share of the time allows.
        """
        for n_flips in range(FLIPS_SCORED, 0, -1):
            costs = self._costs(settings, fit, n_flips, n_free_energies=2)
            watch = Watch.of_scores(*costs, n_rows)
            if watch.is_paid:
                break
        return n_flips, watch

    def _costs(
        self, settings: Settings, fit: FitState, n_flips: int, n_free_energies: int = 0
    ) -> tuple[int, float, Price]:
        """Number of epochs, and costs of an epoch and of its scores."""
        rbm = self.fitted.rbm
        price = settings.price(rbm, n_flips)
        for _ in range(n_free_energies):
            price = price.plus(free_energy_price(rbm))
        return fit.plan.n_iter, cost_of_epoch(rbm, fit.n_rows, settings.batch_size), price

    def take_chains(self, states: list[TrainState]) -> None:
        """Take over persistent chains of other training states, and the targets of their jumps."""
        if not states:
            return
        first, *others = states
        first.join(others)
        own = "model", "visible_offset", "hidden_offset", "rng", "order", "history"
        kept = {name: getattr(self.training, name) for name in own}
        self.replace_training(replace(first, **kept))

    def _epochs(self, settings: Settings, rows: TrainingRows, fit: FitState) -> Epochs:
        """The epochs of a loop, which is made once the training state lies on its device."""
        return lambda state, first: self.loop(settings, rows, fit).epochs(state, first)

    def _train(
        self, settings: Settings, epochs: Epochs, fit: FitState, stopping: EarlyStopping | None
    ) -> None:
        """Run the remaining epochs of a fit; an interruption keeps the progress so far."""
        state, device = self.training, settings.device
        # Read-only arrays, for example mapped from a file, are copied.
        writable = partial(np.require, requirements="W")
        state.model = device.place_model(self.fitted.rbm.map(writable))
        if state.trajectory is not None:
            state.trajectory.average = state.trajectory.average.map(writable)
        state.move(device.place)
        self._keep(state.model)
        first = fit.n_done
        if stopping is not None and stopping.over:  # a checkpoint of the last epoch
            first = fit.plan.n_iter
        n_left, title, figure = fit.plan.n_iter - first, settings.title, settings.figure
        watch = [] if stopping is None else [partial(stopping.see, state.model)]

        def keep(record: Record) -> None:
            if settings.hooks and is_on_accelerator(state.model.reference):
                self._keep(state.model)
            fit.n_done += 1

        try:
            lines = settings.verbose, settings.n_lines
            with progress(title, n_left, figure, *lines) as report:
                run(epochs(state, first), [keep, *watch, report, *settings.hooks])
            if stopping is not None:
                stopping.finish(state.model)
                self.fitted = replace(self.fitted, best_validation_score=fit.best.score)
        finally:  # an interrupted epoch has already changed chains and parameters
            self._keep(state.model)
            state.move(to_host)
            state.model = self.fitted.rbm
        warn_of_saturation(state, settings.rate)
        if stopping is not None and stopping.learned_by_heart and not self.fitted.n_label_columns:
            warn_of_memorised_rows(fit.n_rows)

    def _keep(self, rbm: RBM) -> None:
        """Replace the RBM of the model; on the CPU, training then changes its arrays in place."""
        self.replace_rbm(rbm.map(to_host).with_precision("float32"))

    def _feed(self, settings: Settings, rows: TrainingRows, fit: FitState) -> Feed:
        """The source of mini-batches, with chains for missing values."""
        state, scaling = self.training, self.fitted.scaling
        draws = settings.replaces_by_draws(rows.summary)
        if settings.below is not None:
            return Feed(rows.values, rows.weights, draws, *settings.below)
        if not rows.summary.bounds.has_missing:
            return Feed(scaling.view(rows.values), rows.weights, draws)

        def states(n_chains: int) -> Array:
            if fit.completions is None:
                base = scaling.layer_by_columns(self.fitted.top.base)
                return sample_independent(base, n_chains, state.rng)
            return fit.completions

        n_labels = self.fitted.n_label_columns
        view = scaling.view_columns(rows.values)
        completion = Completion.start(view, state.model, states, scaling, n_labels)
        fit.completions = completion.states
        return Feed(view, rows.weights, draws, completion)
