"""The fitted layers of a deep belief network, and a fit in progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from sklearn.base import clone

from skrbm import likelihood
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.data.summary import Bounds, Summary
from skrbm.deep.belief_net import BeliefNet, Conditional
from skrbm.estimators.common.fit_state import Hook
from skrbm.estimators.common.fitted import Fitted, Seeds, domain_of, fitted_of
from skrbm.estimators.dbn.layer_inputs import LayerInputs
from skrbm.estimators.rbm.base import check_lowest, is_started, learner_of, settings_of, start_layer
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.estimators.rbm.settings import Settings, Size
from skrbm.estimators.rbm.tabular import TabularRBM
from skrbm.learning.defaults import above_others
from skrbm.learning.loop import Feed, Loop, Monitor, Plan, RowFigure, run
from skrbm.learning.progress import N_LINES, progress
from skrbm.learning.schedules import PowerDecay
from skrbm.learning.train_state import NetState, TrainState
from skrbm.learning.wake_sleep import wake_sleep_update
from skrbm.learning.watching import (
    Price,
    Watch,
    cost_of_epoch,
    free_energy_price,
    pseudo_likelihood_price,
)
from skrbm.units import Domain
from skrbm.validation import estimators
from skrbm.validation.rows import TrainingRows, check_training_rows, chosen_domain

_FIGURE = "pseudo_log_likelihood"


@dataclass
class StackFit:
    """Position of a fit of a stack between two epochs.

    Parameters
    ----------
    rbms : list of DensityRBM
        All layers.
    rng : Generator
        Generator for all draws outside the layers.
    n_rows : int
    fine_tune_iter : int
        Total number of epochs of up-down.
    n_done : int
        Number of trained layers.
    is_stacked : bool
        Whether the estimator has taken over the layers, and up-down has begun.
    completions : ndarray, optional
        States of the chains for missing values.
    """

    rbms: list[DensityRBM]
    rng: Generator
    n_rows: int
    fine_tune_iter: int
    n_done: int = 0
    is_stacked: bool = False
    completions: Array | None = None


@dataclass
class Stack:
    """The fitted layers of a deep belief network.

    Parameters
    ----------
    rbms : list of DensityRBM
        All layers, from the bottom up.
    seeds : Seeds
    rng : Generator
        Generator for further training.
    untied : tuple of two tuples of Conditional, optional
        Recognition and generation, after up-down has separated their weights.
    wake_sleep : TrainState, optional
        Training state of the top RBM in up-down.
    """

    rbms: list[DensityRBM]
    seeds: Seeds
    rng: Generator
    untied: tuple[tuple[Conditional, ...], tuple[Conditional, ...]] | None = None
    wake_sleep: TrainState | None = None

    @classmethod
    def of(cls, rbms: list[DensityRBM], rng: Generator) -> Stack:
        """A stack of trained layers."""
        training, sampling = rng.spawn(2)
        return cls(rbms, Seeds(int(rng.integers(2**63)), sampling), training)

    @property
    def fitted(self) -> Fitted:
        """The fitted model."""
        lowest, top = fitted_of(self.rbms[0]), fitted_of(self.rbms[-1])
        net = BeliefNet.stack([fitted_of(rbm).rbm for rbm in self.rbms])
        below, is_tied = lowest.top if len(self.rbms) > 1 else None, self.untied is None
        directed = self.untied or (net.recognition, net.generation)
        model = top.top, lowest.scaling, self.seeds, lowest.device, below, *directed
        return Fitted(*model, is_tied=is_tied, coding=lowest.coding)

    def start_wake_sleep(self, rng: Generator) -> None:
        """Begin up-down with the chains and the moving averages of the top layer."""
        drawing, order = rng.spawn(2)
        training = learner_of(self.rbms[-1]).training
        self.wake_sleep = replace(training, rng=drawing, order=order, history=[])

    def keep(self, net: BeliefNet) -> None:
        """Replace the model, in numpy arrays."""
        net = net.map(to_host).with_precision("float32")
        self.untied = net.recognition, net.generation
        learner_of(self.rbms[-1]).replace_rbm(net.top)


def new_layers(
    prototypes: list[DensityRBM], sizes: list[int], verbose: int, place: dict[str, str]
) -> list[DensityRBM]:
    """New layers of these sizes and on this device, with checked parameters."""
    rbms: list[DensityRBM] = [clone(prototype) for prototype in prototypes]
    for i, (rbm, size) in enumerate(zip(rbms, sizes, strict=True)):
        rbm.set_params(n_components=size, verbose=rbm.verbose or verbose, **place)
        settings_of(rbm)
        if i > 0:  # hidden units are never missing
            rbm.set_params(missing_values="refuse")
    return rbms


def lowest_domain(rbm: DensityRBM) -> Domain:
    """Data that a lowest layer accepts."""
    domain = domain_of(rbm)
    missing = domain.missing.removesuffix(".") + " as the lowest layer, see visible_rbm."
    return replace(domain, missing=missing)


def training_domain(lowest: DensityRBM, visible_rbm: Any) -> Domain:
    """Data for a new lowest layer, which `choose_lowest` may replace if visible_rbm is "auto"."""
    domain = lowest_domain(lowest)
    if isinstance(visible_rbm, str) and all(
        map(estimators.is_binary, settings_of(lowest).layers(1))
    ):
        return replace(domain, otherwise=lowest_domain(_for_real_values(lowest)))
    return domain


def check_training(
    estimator: Any,
    lowest: DensityRBM,
    X: Any,
    sample_weight: Any,
    domain: Domain,
    *,
    first: bool,
) -> TrainingRows:
    """Check rows of an estimator, by the rules of its lowest layer if that layer models tables."""
    if isinstance(lowest, TabularRBM):
        return check_lowest(lowest, X, sample_weight, first=first)
    return check_training_rows(estimator, X, sample_weight, domain, first=first)


def choose_lowest(rbms: list[DensityRBM], visible_rbm: Any, bounds: Bounds) -> None:
    """Replace a new lowest layer if visible_rbm is "auto" and its data lie outside [0, 1]."""
    domain = training_domain(rbms[0], visible_rbm)
    if chosen_domain(domain, bounds) is not domain:
        rbms[0] = _for_real_values(rbms[0])


def _for_real_values(rbm: DensityRBM) -> GaussianBernoulliRBM:
    """A layer with Gaussian visible units, and all parameters of an RBM that it has as well.

    Its noise is uncorrelated, so that its features represent correlations of columns.
    """
    own = GaussianBernoulliRBM().get_params(deep=False)
    shared = {name: value for name, value in rbm.get_params(deep=False).items() if name in own}
    return GaussianBernoulliRBM(**shared, covariance_type="diag")


def check_layers(rbms: list[DensityRBM], summary: Summary, *, first: bool, split: bool) -> None:
    """Refuse parameters that these rows do not allow, and new layers that cannot be stacked."""
    settings = [settings_of(rbm) for rbm in rbms]
    settings[0].device.check_dtype(summary.dtype)
    below = [len(summary.total), *(rbm.n_components for rbm in rbms)]
    for i, (rbm, one) in enumerate(zip(rbms, settings, strict=True) if first else ()):
        one.check_sizes(summary.n_rows, below[i], split=split)
        estimators.check_stacked(rbm, i, len(rbms), one.layers(below[i]))
        estimators.check_same_device(rbms[0], rbm)


def layer_settings(rbms: list[DensityRBM], i: int, title: str, hook: Hook) -> Settings:
    """The parameters of layer i of a stack of this title, with another hook."""
    settings = settings_of(rbms[i])
    title, hooks = f"{title}, layer {i + 1}", (*settings.hooks, hook)
    defaults = settings.defaults
    if i > 0:
        defaults = above_others(defaults, rbms[0].n_features_in_)
    lines = lines_of_part(len(rbms))
    return replace(settings, title=title, hooks=hooks, defaults=defaults, n_lines=lines)


def lines_of_part(n_layers: int) -> int:
    """Maximum number of lines for a layer, for up-down, or for fine-tuning."""
    return max(1, N_LINES // (n_layers + 2))


def fit_layer(fit: StackFit, i: int, inputs: LayerInputs, settings: Settings) -> None:
    """Train layer i on the hidden units inferred by the layers below, or continue its training."""
    rbm, below = fit.rbms[i], fit.rbms[:i]
    train, validation = settings.split_indices(inputs.rows.values, settings.validation_seed)
    rows, chosen = inputs.of(below, train, resumed=is_started(rbm))
    settings = replace(settings, below=chosen)
    fit.completions = inputs.completions
    if not is_started(rbm):
        start_layer(rbm, settings, rows)
    learner = learner_of(rbm)
    if learner.fit is None and not learner.training.history:  # new, or interrupted when it was
        size = Size.of(rows, 0 if validation is None else len(validation))
        learner.begin_fit(settings, size, rising=True)
    if learner.fit is not None:  # not interrupted after its last epoch
        held_out = None if validation is None else inputs.means(below, validation)
        learner.finish(settings, rows, held_out)


def train_once(rbms: list[DensityRBM], inputs: LayerInputs) -> None:
    """Train every layer for one epoch, from the bottom up; create the layers at first."""
    for i, rbm in enumerate(rbms):
        rows, chosen = inputs.of(rbms[:i])
        settings = replace(settings_of(rbm), below=chosen)
        if not is_started(rbm):
            start_layer(rbm, settings, rows)
        learner_of(rbm).go_on(settings, rows)


def fine_tune(
    stack: Stack,
    fit: StackFit,
    inputs: LayerInputs,
    rate: PowerDecay,
    title: str,
    verbose: int,
    hooks: Sequence[Hook],
) -> None:
    """Run epochs of up-down over the rows, on copies of all parameters.

    Parameters
    ----------
    stack : Stack
    fit : StackFit
        Contains the total number of epochs. With hooks, the epochs shuffle the rows and continue
        after the epochs already made.
    inputs : LayerInputs
    rate : PowerDecay
        Schedule of the step size.
    title : str
        Title of the progress report.
    verbose : int
    hooks : sequence of callables
        Called after every epoch; a hook that returns True ends the training.
    """
    state, fitted, settings = stack.wake_sleep, stack.fitted, settings_of(stack.rbms[-1])
    assert state is not None
    device, lowest = fitted.device, fitted_of(stack.rbms[0])
    net = fitted.placed_net.copy()
    state.model = net.top
    state.move(device.place)
    shuffle = len(hooks) > 0
    plan = Plan(fit.fine_tune_iter, settings.batch_size, rate, shuffle)
    first_settings = settings_of(stack.rbms[0])
    draws = first_settings.replaces_by_draws(inputs.rows.summary)
    completion = inputs.completion(lowest)
    view = lowest.scaling.view if completion is None else lowest.scaling.view_columns
    feed = Feed(view(inputs.rows.values), inputs.rows.weights, draws, completion)
    fit.completions = inputs.completions
    watch = _watch(stack, plan, len(inputs.rows.weights))
    monitor = Monitor(_FIGURE, _pseudo_bound(lowest.scaling.log_volume), watch)
    update = wake_sleep_update(settings.gradient, settings.optimizer)
    first = len(state.history) if shuffle else 0
    loop = Loop(update, feed, plan, monitor)
    stack.keep(net)

    try:
        lines = verbose, lines_of_part(len(stack.rbms))
        with progress(title, plan.n_iter - first, _FIGURE, *lines) as report:
            observers = [lambda record: stack.keep(net), report, *hooks]
            run(loop.epochs(NetState(net, state), first), observers)
    finally:
        stack.keep(net)
        state.move(to_host)
        learner = learner_of(stack.rbms[-1])
        state.model, own = learner.fitted.rbm, learner.training
        # Samples then start at the chains of up-down.
        learner.replace_training(replace(state, rng=own.rng, order=own.order, history=own.history))


def _watch(stack: Stack, plan: Plan, n_rows: int) -> Watch:
    """The epochs of up-down after which the bound is computed."""
    *below, top = [fitted_of(rbm).rbm for rbm in stack.rbms]
    batch_size = int(plan.batch_size)
    cost = sum(cost_of_epoch(rbm, n_rows, batch_size) for rbm in (*below, top))
    price = reduce(Price.plus, map(free_energy_price, below), pseudo_likelihood_price(top, 1))
    return Watch.of_some(plan.n_iter, cost, price, batch_size)


def _pseudo_bound(log_volume: float) -> RowFigure:
    """The lower bound of each row, with the pseudo-likelihood of the top RBM."""

    def figure(net: BeliefNet, v: Array, rng: Generator) -> Array:
        states = net.up(v, rng)
        of_top = likelihood.pseudo_log_likelihood(net.top, states[-1], n_flips=1, rng=rng)
        return net.log_ratio_below(states) + of_top - log_volume

    return figure
