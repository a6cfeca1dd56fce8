"""`Fitted`: a frozen fitted model that computes features, samples, likelihoods, imputations."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skrbm import conditionals, labels, likelihood, samplers
from skrbm._kernels import arrays, random, threads
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm._kernels.generators import RowGenerator
from skrbm.annealing import AnnealingBudget, AnnealingPath
from skrbm.data.coding import Coding
from skrbm.data.scaling import Scaling
from skrbm.deep import conditionals as deep_conditionals
from skrbm.deep.belief_net import BeliefNet, Conditional
from skrbm.deep.conditionals import Incomplete
from skrbm.estimators.common.device import Device
from skrbm.ladder import Ladder, trajectory_log_partition
from skrbm.learning.gradients import jump_proposal
from skrbm.learning.train_state import TrainState
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.samplers import ParallelTempering
from skrbm.units import Domain, Layer
from skrbm.validation.parameters import check_seed
from skrbm.validation.rows import Checked

_N_STEPS = 100  # length of the chains that average features over missing values
N_DRAWS = 10  # draws of hidden states per row for a lower bound

# From rows of visible states with NaN and a generator to complete rows.
Completer: TypeAlias = Callable[[Array, Generator], Array]


class LowerBound(NamedTuple):
    """Lower bounds on `log p(v)` of rows in nats, and their standard errors from the draws."""

    value: Array
    std_error: Array


@dataclass(frozen=True)
class Seeds:
    """The random sources of a fitted model, one per purpose.

    Parameters
    ----------
    likelihood : int
        Seed for likelihood estimates: repeated calls give the same result.
    start : Generator
        Start of the sequence of samples; it never moves.
    """

    likelihood: int
    start: Generator

    @cached_property
    def sampling(self) -> Generator:
        """Generator for samples: successive calls continue its sequence."""
        return deepcopy(self.start)

    def __getstate__(self) -> dict[str, Any]:
        """State without the position: drawing changes no pickle, and a copy of it starts again."""
        return {"likelihood": self.likelihood, "start": self.start}

    def __deepcopy__(self, memo: Any) -> Seeds:
        copied = Seeds(self.likelihood, deepcopy(self.start))
        vars(copied)["sampling"] = deepcopy(self.sampling)
        return copied

    def generator(self, random_state: Any) -> Generator:
        """A generator from a random state; for None the generator for samples."""
        if random_state is None:
            return self.sampling
        return random.generator(check_seed(random_state))

    def seed(self, random_state: Any) -> int:
        """A seed from a random state; for None the seed for likelihoods."""
        return self.likelihood if random_state is None else check_seed(random_state)


@dataclass(frozen=True)
class FittedRBM:
    """An RBM with its initial visible layer and its training state.

    Parameters
    ----------
    rbm : RBM
        In numpy arrays.
    base : Layer
        The visible layer before training.
    training : TrainState
        Its chains and proposals are the start of samples.
    """

    rbm: RBM
    base: Layer
    training: TrainState

    def on(self, device: Device) -> FittedRBM:
        """A copy on a device."""
        return replace(self, rbm=device.place_model(self.rbm), base=self.base.map(device.place))


def domain_of(estimator: Any) -> Domain:
    """Data that `fit` of an estimator accepts."""
    return estimator._domain


def fitted_of(estimator: Any) -> Fitted:
    """The fitted model of an estimator, set to compute on the device of its parameters."""
    return estimator._fitted


@dataclass(frozen=True)
class Fitted:
    """A fitted model: an RBM with any number of directed layers below it.

    Methods take checked rows, and return numpy arrays in the units of the data.

    Parameters
    ----------
    top : FittedRBM
        The top RBM.
    scaling : Scaling
        Conversion between data and visible states.
    seeds : Seeds
    device : Device
        Device for all computations.
    lowest : FittedRBM, optional
        The RBM as which the lowest layer was trained, if the model has directed layers.
    recognition, generation : tuple of Conditional
        The directed layers.
    is_tied : bool
        Whether the lowest layer still has the recognition weights of its RBM.
    classes : ndarray of shape (n_classes,), optional
        Labels, if the last visible columns are a class label; rows of data lack these columns.
    best_validation_score : float, optional
        Only with early stopping.
    coding : Coding, optional
        Visible states of rows of a table, if the data are one.
    n_latent : int
        Number of visible columns of the RBM that belong to deeper layers; they come last.
    """

    top: FittedRBM
    scaling: Scaling
    seeds: Seeds
    device: Device = Device()
    lowest: FittedRBM | None = None
    recognition: tuple[Conditional, ...] = ()
    generation: tuple[Conditional, ...] = ()
    is_tied: bool = True
    classes: Array | None = None
    best_validation_score: float | None = None
    coding: Coding | None = None
    n_latent: int = 0

    @property
    def net(self) -> BeliefNet:
        """The model in numpy arrays."""
        return BeliefNet(self.recognition, self.generation, self.top.rbm)

    @property
    def rbm(self) -> RBM:
        """The top RBM in numpy arrays."""
        return self.top.rbm

    @property
    def n_label_columns(self) -> int:
        """Number of visible columns that encode the class label; they come last."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def n_absent(self) -> int:
        """Number of visible columns that rows of data lack: of the label and of deeper layers."""
        return self.n_label_columns + self.n_latent

    @property
    def data_layer(self) -> Layer:
        """The visible layer without units of deeper layers."""
        visible = self.net.visible
        return visible.part(slice(visible.n_units - self.n_latent)) if self.n_latent else visible

    @property
    def dtype(self) -> Any:
        """The dtype of all parameters."""
        return self.rbm.reference.dtype

    @property
    def first(self) -> FittedRBM:
        """The RBM of the visible units."""
        return self.top if self.lowest is None else self.lowest

    @cached_property
    def placed_net(self) -> BeliefNet:
        """The model on the device."""
        return self.device.place_model(self.net)

    @cached_property
    def _placed_top(self) -> FittedRBM:
        return self.top.on(self.device)

    @cached_property
    def _placed_first(self) -> FittedRBM:
        return self.first.on(self.device)

    @cached_property
    def _net_of_columns(self) -> BeliefNet:
        return self.scaling.by_columns(self.placed_net)

    @cached_property
    def _first_of_columns(self) -> FittedRBM:
        """The RBM of scaled columns, any of which may be missing."""
        first, scaling = self._placed_first, self.scaling
        rbm, base = scaling.by_columns(first.rbm), scaling.layer_by_columns(first.base)
        return replace(first, rbm=rbm, base=base)

    def by_rows(
        self, function: Callable[..., Array], X: Any, rng: Generator | None = None
    ) -> Array:
        """Apply a function to rows of data, converted to visible states on the device."""
        return self._by_rows(self.scaling.to_model, function, X, rng)

    def by_columns(self, function: Callable[..., Array], X: Any, rng: Generator | None) -> Array:
        """Apply a function to rows of data, converted to scaled columns on the device."""
        return self._by_rows(self.scaling.to_columns, function, X, rng)

    def _by_rows(
        self, convert: Callable[..., Any], function: Callable[..., Array], X: Any, *rng: Any
    ) -> Array:
        place = self.device.place

        def work(rows: Any, *rng: Generator) -> Array:
            return function(place(convert(rows)), *rng)

        return threads.by_rows(work, X, *rng)

    def own_draws(
        self, X: Any, seed: int | None = None, *, copies_differ: bool = False
    ) -> RowGenerator:
        """A generator whose draws for a row depend only on its content, the same in every call.

        With a seed, they change with it. If copies differ, the draws of equal rows are independent.
        """
        keys = threads.by_rows(lambda x: random.content_keys(self.scaling.to_columns(x)), X)
        seed = self.seeds.likelihood if seed is None else seed
        return RowGenerator.of_contents(keys, seed, copies_differ=copies_differ)

    # Features

    def features(self, X: Checked, *, of_all_layers: bool = False) -> Array:
        """Means of the hidden units of the top layer, or of all layers in one array.

        The means of the lowest layer are averaged over missing values.
        """
        if self.n_label_columns:
            return self.lowest_means(X)
        net, place = self.placed_net, self.device.place

        def select(means: list[Array]) -> Array:
            means = [*means[:-1], net.top.hidden.activations(means[-1])]
            return arrays.concat(means, axis=-1) if of_all_layers else means[-1]

        if not X.has_missing:
            return self.by_rows(lambda v: select(net.means(v)), X.values)
        first = self.lowest_means(X)
        return threads.by_rows(lambda h: select(net.means_above(place(h))), first)

    def lowest_means(self, X: Checked) -> Array:
        """Means of the lowest hidden layer, averaged over missing values and the label."""
        if not X.has_missing:
            net, has_label = self.placed_net, self.n_label_columns > 0
            of_label = partial(labels.hidden_means, net.top)
            return self.by_rows(of_label if has_label else lambda v: net.means(v)[0], X.values)
        first = self._first_of_columns
        if not self.is_tied:
            incomplete = Incomplete(self._net_of_columns, first.rbm, first.base)
            return self.by_columns(incomplete.first_means, X.values, self.own_draws(X.values))

        def work(v: Array, rng: Generator) -> Array:
            v = self._with_absent(v)
            return conditionals.means(first.rbm, first.base, v, rng, _N_STEPS).hidden

        return self.by_columns(work, X.values, self.own_draws(X.values))

    def visible_means(self, H: Array) -> Array:
        """Means of the visible units given hidden states of the top layer."""
        net, place = self.placed_net, self.device.place
        hidden = net.top.hidden
        means = threads.by_rows(
            lambda h: net.visible_from_top(hidden.from_activations(place(h))), H
        )
        return self.scaling.to_data(means)

    def reconstruct(self, X: Any, n_steps: int) -> Array:
        """Pass up and down n_steps times, using the means of all layers."""
        net = self.placed_net

        def work(v: Any) -> Array:
            for _ in range(n_steps):
                v = net.visible_from_top(net.means(v)[-1])
            return v

        return self.scaling.to_data(self.by_rows(work, X))

    # Samples

    def gibbs(self, v: Any, n_steps: int) -> Array:
        """Draw upwards from every row, run a Gibbs chain of the top RBM, and draw downwards."""
        net = self.placed_net
        states = self.by_rows(lambda v, rng: net.gibbs(v, rng, n_steps), v, self.seeds.sampling)
        return self.scaling.draws(states)

    def sample(self, n: int, n_steps: int, method: str, rng: Generator) -> Array:
        """Draw rows from chains that start at the chains of the training."""
        net, place = self.placed_net, self.device.place
        states = self.top_states(n, n_steps, method, rng)
        if net.generation:
            states = threads.by_rows(lambda x, rng: net.down(place(x), rng)[0], states, rng)
        return self.scaling.draws(self._present(states))

    def top_states(self, n: int, n_steps: int, method: str, rng: Generator) -> Array:
        """Draw visible states of the top RBM from chains that start at the training's chains."""
        here, training, place = self._placed_top, self.top.training, self.device.place
        rbm, chains = here.rbm, training.chains
        if chains is None:
            start = samplers.sample_independent(self.top.base, n, rng)
        else:
            start = chains.visible[rng.integers(len(chains.visible), size=n)]
        if method == "tempering":
            ladder = ParallelTempering.start(rbm, here.base, place(start), samplers.N_REPLICAS, rng)
            return to_host(ladder.run(rbm, n_steps, rng))
        if method == "trajectory":
            earlier = self._earlier_models.refined(rng).resampled(n, rng)
            earlier.append(rbm, rng)
            return to_host(earlier.run(n_steps, rng))
        proposal = jump_proposal(training, rbm) if method == "auto" else None

        def run(v: Array, rng: Generator) -> Array:
            v = place(v)
            if proposal is None:
                return samplers.gibbs_visible(rbm, v, rng, n_steps)
            return samplers.jumping_gibbs(rbm, v, proposal, rng, n_steps)

        return threads.by_rows(run, start, rng)

    @property
    def knows_trajectory(self) -> bool:
        """Whether earlier models of the training are known."""
        return self.top.training.trajectory is not None

    @property
    def _earlier_models(self) -> Ladder:
        """The ladder of the training on the device, which can step without a change of it."""
        assert self.top.training.trajectory is not None
        ladder = self.top.training.trajectory.ladder.copy()
        ladder.move(self.device.place)
        return ladder

    def sample_given(self, given: Array, n: int, n_steps: int, rng: Generator) -> Array:
        """Draw rows with some values given in one row, in which NaN marks the free values."""
        rows = np.repeat(given, n, axis=0)
        return self.scaling.draws(self.by_columns(self.completer("sample", n_steps), rows, rng))

    # Missing values

    def _with_absent(self, v: Array) -> Array:
        """Append NaN for the columns that rows of data lack."""
        if self.n_absent == 0:
            return v
        return arrays.concat([v, arrays.full((len(v), self.n_absent), math.nan, v)], axis=-1)

    def _present(self, v: Array) -> Array:
        """The columns of the data."""
        return v[:, : v.shape[1] - self.n_absent] if self.n_absent else v

    def completer(self, method: str, n_steps: int) -> Completer:
        """From scaled columns to states: missing values become draws, means or modes."""
        complete, mix = self._completer_of_columns(method, n_steps), self.scaling.mix
        return lambda x, rng: mix(complete(x, rng))

    def _completer_of_columns(self, method: str, n_steps: int) -> Completer:
        if self.lowest is not None:
            return self._completer_of_net(method, n_steps)
        rbm, base = self._first_of_columns.rbm, self._first_of_columns.base

        def complete(v: Array, rng: Generator) -> Array:
            if method == "mean":
                return conditionals.means(rbm, base, v, rng, n_steps).visible
            fill = conditionals.draw if method == "sample" else conditionals.mode
            return fill(rbm, base, v, rng, n_steps)

        return lambda x, rng: self._present(complete(self._with_absent(x), rng))

    def _completer_of_net(self, method: str, n_steps: int) -> Completer:
        net = self._net_of_columns
        if method == "sample":
            return lambda v, rng: deep_conditionals.complete(net, v, rng, n_steps)[0]
        fill = deep_conditionals.means if method == "mean" else deep_conditionals.mode
        return lambda v, rng: fill(net, v, rng, n_steps)

    def impute(self, X: Array, method: str, n_steps: int, rng: Generator) -> Array:
        """The rows with all missing values imputed; known values are unchanged, bit for bit."""
        own = self.own_draws(X, int(rng.integers(2**63)), copies_differ=method == "sample")
        filled = self.scaling.to_data(self.by_columns(self.completer(method, n_steps), X, own))
        if X.dtype.kind != "f":  # such rows have no missing values
            return X.astype(filled.dtype)
        return np.where(np.isnan(X), filled, X).astype(X.dtype, copy=False)

    # Likelihoods

    def energy(self, v: Any, h: Array) -> Array:
        """`E(v, h)` for every pair of rows; for a table as for `free_energy`."""
        place, log_density = self.device.place, 0 if self.coding is None else v.log_density.sum(1)
        v, h = place(self.scaling.to_model(v[:])), place(h)
        return to_host(self._placed_top.rbm.energy(v, h)) - log_density

    def free_energy(self, X: Checked) -> Array:
        """`F(v)` for every row, summed over missing values and the label.

        For a table, it is relative to the density of the cells given their codes.
        """
        of_states = self._free_energy_of_states(X)
        return of_states if self.coding is None else of_states - X.values.log_density.sum(axis=1)

    def _free_energy_of_states(self, X: Checked) -> Array:
        if not X.has_missing:
            rbm, has_label = self._placed_top.rbm, self.n_label_columns > 0
            free_energy = partial(labels.free_energy, rbm) if has_label else rbm.free_energy
            return self.by_rows(free_energy, X.values)
        first, log_volume_of = self._first_of_columns, self.scaling.log_volume_of

        def work(v: Array, rng: Generator) -> Array:
            visible = self._with_absent(v)
            log_marginal = conditionals.log_marginal(first.rbm, first.base, visible, rng)
            return -to_host(log_marginal) - log_volume_of(to_host(arrays.is_nan(v)))

        return self.by_columns(work, X.values, self.own_draws(X.values))

    def pseudo_log_likelihood(self, X: Any, n_flips: int | None, rng: Generator | None) -> Array:
        """`sum_i log p(v_i | all other v)` for every row, or an estimate from n_flips columns."""
        rbm, log_volume = self._first_of_columns.rbm, self._log_volume_of_columns

        def work(v: Any, rng: Generator | None = None) -> Array:
            v = arrays.to_dense(v)
            return likelihood.pseudo_log_likelihood(rbm, v, n_flips, rng) - log_volume

        return self.by_columns(work, X, rng)

    @property
    def _log_volume_of_columns(self) -> Any:
        return self.scaling.log_volume_of(np.ones(self.first.rbm.visible.n_columns))

    def log_partition(self, method: str, effort: AnnealingBudget, seed: int) -> LogPartition:
        """Log Z of the top RBM, in the units of the data if it is the only layer."""
        here, training = self._placed_top, self.top.training
        path, rng = AnnealingPath(here.rbm, here.base), random.generator(seed)
        place, chains = self.device.place, training.chains
        if method == "tempering" and training.tempering is not None:
            ladder = deepcopy(training.tempering)
            ladder.move(place)
            result = likelihood.tempered_log_partition(path, rng, ladder)
        elif method == "trajectory":
            earlier = self._earlier_models.refined(rng).resampled(effort.n_chains, rng)
            result = trajectory_log_partition(earlier, here.rbm, rng)
        else:
            start = None if chains is None else place(chains.visible)
            result = likelihood.log_partition(path, rng, method, effort, start)
        return result.shifted(self.scaling.log_volume)

    def lower_bound(self, X: Checked, n_draws: int, seed: int) -> LowerBound:
        """Lower bounds on `log p(v) + log Z` for every row, from draws of the layers."""
        first = self._first_of_columns
        incomplete = Incomplete(self._net_of_columns, first.rbm, first.base)

        def log_ratios(v: Any, rng: Generator) -> Array:
            return incomplete.log_ratios(arrays.to_dense(v), n_draws, rng)

        ratios = self.by_columns(log_ratios, X.values, self.own_draws(X.values, seed))
        # If there is only one layer, log Z includes the volume.
        shift: Any = 0.0 if self.lowest is None else self._log_volume_of_columns
        if X.has_missing:
            shift = shift - self.scaling.log_volume_of(np.isnan(to_host(X.values[:])))
        if self.coding is not None:
            shift = shift - X.values.log_density.sum(axis=1)
        std_error = ratios.std(axis=1, ddof=1) / math.sqrt(n_draws)
        return LowerBound(ratios.mean(axis=1) - shift, std_error)

    # Labels

    def label_logits(self, X: Checked) -> Array:
        """`log p(x, y)` for every row and label, up to a constant per row."""
        rbm, base = self._placed_top.rbm, self._placed_top.base
        if not X.has_missing:
            return self.by_rows(lambda x: labels.label_logits(rbm, x), X.values)

        def work(x: Array, rng: Generator) -> Array:
            return labels.label_logits_given(rbm, base, x, rng)

        return self.by_rows(work, X.values, self.own_draws(X.values))

    def sample_labelled(
        self, given: Array, n: int, n_steps: int, rng: Generator
    ) -> tuple[Array, Array]:
        """Draw rows and the indices of their labels, given one row with NaN for free values."""
        rbm, base, place = self._placed_top.rbm, self._placed_top.base, self.device.place
        rows = np.repeat(self.scaling.to_model(given), n, axis=0)

        def run(v: Array, rng: Generator) -> Array:
            return conditionals.draw(rbm, base, place(v), rng, n_steps)

        v, n_labels = threads.by_rows(run, rows, rng), self.n_label_columns
        return self.scaling.draws(v[:, :-n_labels]), v[:, -n_labels:].argmax(axis=1)
