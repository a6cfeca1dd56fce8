"""Gradients of the log-likelihood, each as two phases.

The gradient with respect to the weights is `<v E[h|v]>_data - <v E[h|v]>_model`. The two phases
are that gradient in factored form: nothing of the weights' size has to be formed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol

from skrbm import samplers
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.model import RBM
from skrbm.samplers import Chains, HiddenMixture, ParallelTempering
from skrbm.units import Layer

_N_TEMPERATURES = 10

# Of a proposed hidden state this many units are redrawn, on average: it need not be the posterior
# of a row to be close to one.
_REDRAWN_UNITS = 1.0
_WORTHWHILE_ACCEPTANCE = 0.02  # of jumps; below, fewer chains try
_FEWEST_JUMPS = 0.05  # an update, however seldom they are accepted
_SLIDING_FACTOR = 0.05  # of the moving average of acceptance


class Rows(NamedTuple):
    """Visible states, the mean hidden states that belong to them, and their signed weights.

    The visible states are an array or a CSR matrix.
    """

    visible: Any
    hidden: Array
    weights: Array


class Phases(NamedTuple):
    """A gradient in factored form, `sum_r weights_r v_r h_r` over the rows of all parts.

    There is one part, whose first n_data rows are the data's and whose others are the model's, or
    one for each. The weights of the data's rows sum to 1, those of the model's rows to -1.
    `of_means` tells that the model's visible states are conditional means, and not draws.
    """

    parts: tuple[Rows, ...]
    n_data: int
    of_means: bool = False

    def weighted(self, share: float) -> Phases:
        """The phases of rows that are such a share of all."""
        parts = (rows._replace(weights=share * rows.weights) for rows in self.parts)
        return self._replace(parts=tuple(parts))

    @property
    def data_hidden(self) -> Array:
        """`E[h | v]` of the data's rows."""
        return self.parts[0].hidden[: self.n_data]

    @property
    def model_hidden(self) -> Array:
        """`E[h | v]` of the model's rows."""
        return self.parts[-1].hidden[0 if len(self.parts) > 1 else self.n_data :]


class Gradient(Protocol):
    """An estimate of the log-likelihood's gradient."""

    @property
    def chains(self) -> Chains | None:
        """The persistent chains, if it keeps any."""

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases, for the mini-batch v with row weights."""

    def move(self, place: Place) -> None:
        """Let what is kept from one mini-batch to the next lie elsewhere."""

    def joined(self, others: list[Any]) -> Gradient:
        """The same estimate, with the persistent chains of others of its kind as well."""


def _phases(
    rbm: RBM, v: Any, weights: Array, model: tuple[Array, Array], means: tuple[Array, Array] | None
) -> Phases:
    """Both phases of data v and of the model's visible states with their weights.

    Mean hidden states are computed unless given: in one product for both, but from the stored
    entries alone where the data's rows are sparse.
    """
    model_v, model_weights = model
    shares = [devices.like(x, model_v) for x in (weights / weights.sum(), -model_weights)]
    if arrays.is_sparse(v):
        means = means or (rbm.hidden_from_visible(v), rbm.hidden_from_visible(model_v))
        return Phases(tuple(map(Rows, (v, model_v), means, shares)), v.shape[0])
    both = arrays.concat([v, model_v])
    mean = arrays.concat([*means]) if means else rbm.hidden_from_visible(both)
    return Phases((Rows(both, mean, arrays.concat([*shares])),), len(v))


@dataclass(frozen=True)
class ContrastiveDivergence:
    """CD-k: the model phase is k Gibbs steps away from the data.

    References
    ----------
    G. E. Hinton, "Training products of experts by minimizing contrastive divergence", Neural
    Computation 14(8), 2002.
    """

    n_steps: int
    chains: ClassVar[None] = None

    def move(self, place: Place) -> None:
        """Nothing is kept."""

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases of a mini-batch."""
        mean = rbm.hidden_from_visible(v)
        chains = samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, self.n_steps)
        model = chains.visible, weights / weights.sum()
        return _phases(rbm, v, weights, model, (mean, chains.hidden_mean))

    def joined(self, others: list[Any]) -> Gradient:
        """The same: there are no chains."""
        return self


@dataclass
class PersistentContrastiveDivergence:
    """PCD-k: the model phase is chains that go on, k Gibbs steps an update, as the model changes.

    References
    ----------
    T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", ICML 2008.
    """

    n_steps: int
    chains: Chains

    def move(self, place: Place) -> None:
        """Let the chains lie elsewhere."""
        self.chains = Chains(*map(place, self.chains))

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases of a mini-batch; the chains move on."""
        if self.n_steps > 1:
            self.chains = samplers.gibbs(rbm, self.chains.hidden, rng, self.n_steps - 1)
        visible = rbm.visible.draw(self._visible_input(rbm, rng), rng)
        equal = arrays.equal_weights(len(visible))
        phases = _phases(rbm, v, weights, (visible, equal), None)
        mean = phases.model_hidden
        self.chains = Chains(visible, mean, rbm.hidden.sample(mean, rng))
        return phases

    def joined(self, others: list[Any]) -> Gradient:
        """The same with all chains."""
        chains = zip(self.chains, *(other.chains for other in others), strict=True)
        return replace(self, chains=Chains(*(arrays.concat([*x]) for x in chains)))

    def _visible_input(self, rbm: RBM, rng: Generator) -> Array:
        return rbm.swap().hidden_input(self.chains.hidden)


@dataclass
class JumpingContrastiveDivergence(PersistentContrastiveDivergence):
    """Persistent chains that jump, before their last Gibbs step, to where the data are.

    Hidden states are proposed by the posterior p(h | v) of the last mini-batch and accepted by
    Metropolis' rule, so that chains visit all modes that data and model share, each as often as
    the model says. Jumps are tried as far as they are accepted: every chain tries one at every
    update where one in fifty is, and fewer chains do as fewer are.
    """

    proposed: tuple[Array, Array] | None = None  # means and weights
    acceptance: float = 1.0
    due: float = 0.0
    next_chain: int = 0

    def move(self, place: Place) -> None:
        """Let the chains and the proposed means lie elsewhere."""
        super().move(place)
        if self.proposed is not None:
            mean, weights = self.proposed
            self.proposed = place(mean), weights

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases of a mini-batch; the chains move on."""
        phases = super().phases(rbm, v, weights, rng)
        self.proposed = phases.data_hidden, weights / weights.sum()
        return phases

    def proposal(self, rbm: RBM) -> HiddenMixture | None:
        """Where to jump; nowhere before the first mini-batch."""
        if self.proposed is None:
            return None
        mean, weights = self.proposed
        share = _REDRAWN_UNITS / rbm.hidden.n_units
        mean = rbm.hidden.broadened(devices.with_device_of(mean, rbm.reference), share)
        return HiddenMixture(mean, weights)

    def _visible_input(self, rbm: RBM, rng: Generator) -> Array:
        n_chains = len(self.chains.hidden)
        share = min(1.0, self.acceptance / _WORTHWHILE_ACCEPTANCE)
        self.due += max(_FEWEST_JUMPS, n_chains * share)
        n_jumps = min(int(self.due), n_chains - self.next_chain)
        proposal = self.proposal(rbm) if n_jumps else None
        if proposal is None:
            return super()._visible_input(rbm, rng)
        jumping = slice(self.next_chain, self.next_chain + n_jumps)
        x, n_accepted = samplers.jump(rbm, self.chains.hidden, proposal, jumping, rng)
        self.due = min(self.due - n_jumps, 1.0)
        self.next_chain = jumping.stop % n_chains
        self.acceptance += _SLIDING_FACTOR * (n_accepted - n_jumps * self.acceptance) / n_chains
        return x


@dataclass
class TemperedContrastiveDivergence:
    """PCD-k whose chains exchange states with chains at higher temperatures, where they mix."""

    n_steps: int
    tempering: ParallelTempering

    @property
    def chains(self) -> Chains:
        """The chains of the model itself."""
        return self.tempering.cold

    def move(self, place: Place) -> None:
        """Let the chains at all temperatures lie elsewhere."""
        self.tempering.move(place)

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases of a mini-batch; the chains move on."""
        for _ in range(self.n_steps):
            self.tempering.step(rbm, rng)
        equal = arrays.equal_weights(len(self.chains.visible))
        means = rbm.hidden_from_visible(v), self.chains.hidden_mean
        return _phases(rbm, v, weights, (self.chains.visible, equal), means)

    def joined(self, others: list[Any]) -> Gradient:
        """The same with all chains of ladders of as many temperatures, at the present ones."""
        ladders = [self.tempering, *(other.tempering for other in others)]
        alike = [x.chains for x in ladders if len(x.betas) == len(self.tempering.betas)]
        chains = (
            arrays.concat([*(x.swapaxes(0, 1) for x in states)]).swapaxes(0, 1)
            for states in zip(*alike, strict=True)
        )
        return replace(self, tempering=replace(self.tempering, chains=Chains(*chains)))


@dataclass(frozen=True)
class ExactGradient:
    """The gradient itself, by enumerating the smaller layer: 2^n terms, for tiny models."""

    chains: ClassVar[None] = None

    def move(self, place: Place) -> None:
        """Nothing is kept."""

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """Both phases of a mini-batch; nothing is drawn."""
        visible, hidden, probability = _enumerated(rbm)
        means = rbm.hidden_from_visible(v), hidden
        phases = _phases(rbm, v, weights, (visible, probability), means)
        return phases._replace(of_means=rbm.visible.log2_states > rbm.hidden.log2_states)

    def joined(self, others: list[Any]) -> Gradient:
        """The same: there are no chains."""
        return self


def _enumerated(rbm: RBM) -> tuple[Array, Array, Array]:
    """Visible states, mean hidden states and probabilities that make up the model's phase."""
    if rbm.visible.log2_states > rbm.hidden.log2_states:
        hidden, visible, probability = _enumerated(rbm.swap())
        return visible, hidden, probability
    v, probability = rbm.visible_distribution()
    return v, rbm.hidden_from_visible(v), probability


def _contrastive(
    rbm: RBM, base: Layer, n_steps: int, n_chains: int, rng: Generator
) -> ContrastiveDivergence:
    return ContrastiveDivergence(n_steps)


def _chains(rbm: RBM, base: Layer, n_chains: int, rng: Generator) -> Chains:
    return samplers.start(rbm, samplers.independent(base, n_chains, rng), rng)


def _persistent(
    rbm: RBM, base: Layer, n_steps: int, n_chains: int, rng: Generator
) -> PersistentContrastiveDivergence:
    return PersistentContrastiveDivergence(n_steps, _chains(rbm, base, n_chains, rng))


def _jumping(
    rbm: RBM, base: Layer, n_steps: int, n_chains: int, rng: Generator
) -> JumpingContrastiveDivergence:
    return JumpingContrastiveDivergence(n_steps, _chains(rbm, base, n_chains, rng))


def _tempered(
    rbm: RBM, base: Layer, n_steps: int, n_chains: int, rng: Generator
) -> TemperedContrastiveDivergence:
    v = samplers.independent(base, max(1, n_chains // _N_TEMPERATURES), rng)
    tempering = ParallelTempering.start(rbm, base, v, min(n_chains, _N_TEMPERATURES), rng)
    return TemperedContrastiveDivergence(n_steps, tempering)


def _exact(rbm: RBM, base: Layer, n_steps: int, n_chains: int, rng: Generator) -> ExactGradient:
    return ExactGradient()


# Gradients by name: each is made for a new model and the visible layer without weights that it
# started from, with the steps and chains that it uses.
GRADIENTS: dict[str, Callable[[RBM, Layer, int, int, Generator], Gradient]] = {
    "jump": _jumping,
    "pcd": _persistent,
    "pt": _tempered,
    "cd": _contrastive,
    "exact": _exact,
}
