"""Gradients of the log-likelihood, each in the form of two phases.

The gradient with respect to the weights is `<v E[h|v]>_data - <v E[h|v]>_model`. The two phases
are this gradient in factored form: no matrix of the weights' size has to be computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

from skrbm import samplers
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm.learning.train_state import TrainState
from skrbm.learning.trajectory import Trajectory
from skrbm.model import RBM
from skrbm.samplers import Chains, HiddenMixture, ParallelTempering
from skrbm.units import Layer

_N_TEMPERATURES = 10

# Mean number of units to redraw in a proposed hidden state: it only needs to be close to the
# posterior of a row.
REDRAWN_UNITS = 1.0
N_COMPONENTS = 100  # most rows of a mini-batch whose posteriors propose states
_WORTHWHILE_ACCEPTANCE = 0.02  # of jumps; below this, fewer chains try
_FEWEST_JUMPS = 0.05  # per update, however low the acceptance
_SLIDING_FACTOR = 0.05  # of the moving average of acceptance


class Rows(NamedTuple):
    """Visible states, their mean hidden states, and their signed weights.

    The visible states are an array or a CSR matrix.
    """

    visible: Any
    hidden: Array
    weights: Array


class Phases(NamedTuple):
    """A gradient in factored form, `sum_r weights_r v_r h_r` over the rows of all parts.

    There are one or two parts. A single part has n_data rows of the data first, and then the rows
    of the model; two parts have one kind of row each. The weights of data rows sum to 1, the
    weights of model rows to -1. If `of_means`, the visible states of the model are conditional
    means, not draws.
    """

    parts: tuple[Rows, ...]
    n_data: int
    of_means: bool = False

    def weighted(self, share: float) -> Phases:
        """The phases of a subset that has this share of all rows."""
        parts = (rows._replace(weights=share * rows.weights) for rows in self.parts)
        return self._replace(parts=tuple(parts))

    @property
    def data_hidden(self) -> Array:
        """`E[h | v]` for the rows of the data."""
        return self.parts[0].hidden[: self.n_data]

    @property
    def model_hidden(self) -> Array:
        """`E[h | v]` for the rows of the model."""
        return self.model_rows.hidden

    @property
    def model_rows(self) -> Rows:
        """The rows of the model."""
        first = 0 if len(self.parts) > 1 else self.n_data
        return Rows(*(x[first:] for x in self.parts[-1]))


@dataclass(frozen=True)
class Gradient(ABC):
    """An estimate of the log-likelihood's gradient.

    Parameters
    ----------
    n_steps : int, default=1
        Number of Gibbs steps per update; `ExactGradient` ignores it.
    """

    n_steps: int = 1

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Add the chains of this estimate to a new training state, drawn from a base layer."""
        del state, base, n_chains  # estimates without persistent chains

    @abstractmethod
    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases for the mini-batch v with row weights; persistent chains move."""


def _phases(
    rbm: RBM, v: Any, weights: Array, model: tuple[Array, Array], means: tuple[Array, Array] | None
) -> Phases:
    """Both phases from data v, and from visible states of the model with their weights.

    Mean hidden states are computed unless given, in one product for both. If the data are sparse,
    their product uses only the stored entries.
    """
    model_v, model_weights = model
    shares = [devices.like(x, model_v) for x in (weights / weights.sum(), -model_weights)]
    if arrays.is_sparse(v):
        means = means or (rbm.hidden_from_visible(v), rbm.hidden_from_visible(model_v))
        return Phases(tuple(map(Rows, (v, model_v), means, shares)), v.shape[0])
    both = arrays.concat([v, model_v])
    mean = arrays.concat(means) if means else rbm.hidden_from_visible(both)
    return Phases((Rows(both, mean, arrays.concat(shares)),), len(v))


def _equal_weights(v: Array) -> Array:
    """Equal row weights with sum one."""
    return arrays.full((len(v),), 1 / len(v), v)


@dataclass(frozen=True)
class ContrastiveDivergence(Gradient):
    """CD-k: the model phase starts from the data and makes k Gibbs steps.

    References
    ----------
    G. E. Hinton, "Training products of experts by minimizing contrastive divergence", Neural
    Computation 14(8), 2002.
    """

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch."""
        rbm, rng = state.model, state.rng
        mean = rbm.hidden_from_visible(v)
        chains = samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, self.n_steps)
        model = chains.visible, weights / weights.sum()
        return _phases(rbm, v, weights, model, (mean, chains.hidden_mean))


@dataclass(frozen=True)
class PersistentContrastiveDivergence(Gradient):
    """PCD-k: the model phase is persistent chains, which make k Gibbs steps per update.

    References
    ----------
    T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", ICML 2008.
    """

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Draw the chains from the base layer."""
        v = samplers.sample_independent(base, n_chains, state.rng)
        state.chains = samplers.chains_from_visible(state.model, v, state.rng)

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch; the chains move."""
        rbm, rng = state.model, state.rng
        assert state.chains is not None
        hidden = state.chains.hidden
        if self.n_steps > 1:
            hidden = samplers.gibbs(rbm, hidden, rng, self.n_steps - 1).hidden
        visible = rbm.visible.draw(self._visible_input(state, hidden), rng)
        phases = _phases(rbm, v, weights, (visible, _equal_weights(visible)), None)
        mean = phases.model_hidden
        state.chains = Chains(visible, mean, rbm.hidden.sample(mean, rng))
        return phases

    def _visible_input(self, state: TrainState, hidden: Array) -> Array:
        return state.model.swap().hidden_input(hidden)


@dataclass(frozen=True)
class JumpingContrastiveDivergence(PersistentContrastiveDivergence):
    """Persistent chains that jump to states near the data before their last Gibbs step.

    The posterior p(h | v) of the last mini-batch, or of its first hundred rows, proposes hidden
    states, and Metropolis' rule accepts them. So chains visit all modes that data and model share,
    in proportion to their probability in the model. The number of chains that try a jump in an
    update depends on the acceptance: all chains if at least one jump in fifty is accepted,
    otherwise fewer.
    """

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch; the chains move."""
        phases = super().phases(state, v, weights)
        some = weights[:N_COMPONENTS]
        state.proposal_mean = phases.data_hidden[:N_COMPONENTS]
        state.proposal_weights = some / some.sum()
        return phases

    def next_jumps(self, state: TrainState, n_chains: int) -> slice | None:
        """The chains that try a jump in this update, or None."""
        share = min(1.0, state.jump_acceptance / _WORTHWHILE_ACCEPTANCE)
        state.jumps_due += max(_FEWEST_JUMPS, n_chains * share)
        n_jumps = min(int(state.jumps_due), n_chains - state.next_chain)
        if n_jumps == 0 or state.proposal_mean is None:
            return None
        return slice(state.next_chain, state.next_chain + n_jumps)

    def count_jumps(
        self, state: TrainState, jumping: slice, n_chains: int, n_accepted: int
    ) -> None:
        """Record the number of accepted jumps of these chains."""
        n_jumps = jumping.stop - jumping.start
        state.jumps_due = min(state.jumps_due - n_jumps, 1.0)
        state.next_chain = jumping.stop % n_chains
        excess = n_accepted - n_jumps * state.jump_acceptance
        state.jump_acceptance += _SLIDING_FACTOR * excess / n_chains

    def _visible_input(self, state: TrainState, hidden: Array) -> Array:
        jumping = self.next_jumps(state, len(hidden))
        proposal = None if jumping is None else jump_proposal(state, state.model)
        if jumping is None or proposal is None:
            return super()._visible_input(state, hidden)
        x, n_accepted = samplers.jump(state.model, hidden, proposal, jumping, state.rng)
        self.count_jumps(state, jumping, len(hidden), n_accepted)
        return x


def jump_proposal(state: TrainState, rbm: RBM) -> HiddenMixture | None:
    """The mixture that proposes hidden states, or None before the first mini-batch."""
    if state.proposal_mean is None or state.proposal_weights is None:
        return None
    mean = devices.with_device_of(state.proposal_mean, rbm.reference)
    broadened = rbm.hidden.broadened(mean, REDRAWN_UNITS / rbm.hidden.n_units)
    return HiddenMixture(broadened, state.proposal_weights)


@dataclass(frozen=True)
class TemperedContrastiveDivergence(Gradient):
    """PCD-k whose chains exchange states with chains at higher temperatures, which mix faster."""

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Draw n_chains chains in total, at ten temperatures at most, from the base layer."""
        rbm, rng = state.model, state.rng
        v = samplers.sample_independent(base, max(1, n_chains // _N_TEMPERATURES), rng)
        n_temperatures = min(n_chains, _N_TEMPERATURES)
        state.tempering = ParallelTempering.start(rbm, base, v, n_temperatures, rng)
        state.chains = state.tempering.cold

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch; the chains move."""
        rbm, tempering = state.model, state.tempering
        assert tempering is not None
        tempering.run(rbm, self.n_steps, state.rng)
        state.chains = cold = tempering.cold
        means = rbm.hidden_from_visible(v), cold.hidden_mean
        return _phases(rbm, v, weights, (cold.visible, _equal_weights(cold.visible)), means)


@dataclass(frozen=True)
class TrajectoryContrastiveDivergence(PersistentContrastiveDivergence):
    """Persistent chains that move to states of an earlier model, which know all modes.

    Averages of the model at earlier times form a ladder of models, from independent units to the
    newest one, whose chains exchange states. The newest one proposes states to the chains of the
    training, by Metropolis' rule.

    References
    ----------
    N. Bereux, A. Decelle, C. Furtlehner and B. Seoane, "Fast training and sampling of restricted
    Boltzmann machines", arXiv:2405.15376, 2024.
    """

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Draw the chains from the base layer, from which the ladder starts too."""
        super().start(state, base, n_chains)
        state.base = base

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch; the chains and the ladder move."""
        self.follow(state, v.shape[0])
        return super().phases(state, v, weights)

    def follow(self, state: TrainState, n_rows: int) -> None:
        """Let the ladder follow the model, and move the chains by it."""
        assert state.chains is not None
        trajectory = trajectory_of(state)
        state.chains = trajectory.follow(state.model, state.chains, n_rows, state.rng)


def trajectory_of(state: TrainState) -> Trajectory:
    """The ladder of a training; if there is none, it starts from the present model."""
    if state.trajectory is None:
        assert state.chains is not None
        assert state.base is not None
        n_chains = len(state.chains.visible)
        state.trajectory = Trajectory.start(state.model, state.base, n_chains, state.rng)
    return state.trajectory


@dataclass(frozen=True)
class ExactGradient(Gradient):
    """The exact gradient by enumeration of the smaller layer: 2^n terms, for tiny models."""

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch, without any draws."""
        rbm = state.model
        of_means = rbm.visible.log2_states > rbm.hidden.log2_states
        smaller = rbm.swap() if of_means else rbm
        states, probability = smaller.visible_distribution()
        both = states, smaller.hidden_from_visible(states)
        visible, hidden = reversed(both) if of_means else both
        means = rbm.hidden_from_visible(v), hidden
        phases = _phases(rbm, v, weights, (visible, probability), means)
        return phases._replace(of_means=of_means)


GRADIENTS: dict[str, type[Gradient]] = {
    "jump": JumpingContrastiveDivergence,
    "pcd": PersistentContrastiveDivergence,
    "pt": TemperedContrastiveDivergence,
    "ptt": TrajectoryContrastiveDivergence,
    "cd": ContrastiveDivergence,
    "exact": ExactGradient,
}
