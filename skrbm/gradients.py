"""Gradients of the log-likelihood, each as two phases.

The gradient with respect to the weights is `<v E[h|v]>_data - <v E[h|v]>_model`. The two phases
are that gradient in factored form: nothing of the weights' size has to be formed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from skrbm import _kernels, samplers
from skrbm._kernels import Array, Generator
from skrbm.model import RBM
from skrbm.samplers import Chains


class Phase(NamedTuple):
    """Visible states, the mean hidden states that belong to them, and weights that sum to one."""

    visible: Array
    hidden: Array
    weights: Array


class Gradient(Protocol):
    """An estimate of the log-likelihood's gradient."""

    @property
    def chains(self) -> Chains | None:
        """The persistent chains, if it keeps any."""

    def phases(self, rbm: RBM, v: Array, weights: Array, rng: Generator) -> tuple[Phase, Phase]:
        """The data phase of the mini-batch v with row weights, and its model phase."""


def _data_phase(rbm: RBM, v: Array, weights: Array) -> Phase:
    return Phase(v, rbm.hidden_from_visible(v), (weights / weights.sum()).astype(v.dtype))


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

    def phases(self, rbm: RBM, v: Array, weights: Array, rng: Generator) -> tuple[Phase, Phase]:
        """The two phases of a mini-batch."""
        data = _data_phase(rbm, v, weights)
        hidden = rbm.hidden.sample(data.hidden, rng)
        chains = samplers.gibbs(rbm, hidden, rng, self.n_steps)
        return data, Phase(chains.visible, chains.hidden_mean, data.weights)


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

    def phases(self, rbm: RBM, v: Array, weights: Array, rng: Generator) -> tuple[Phase, Phase]:
        """The two phases of a mini-batch; the chains move on."""
        data = _data_phase(rbm, v, weights)
        self.chains = samplers.gibbs(rbm, self.chains.hidden, rng, self.n_steps)
        equal = _kernels.equal_weights(len(self.chains.visible), data.weights.dtype)
        return data, Phase(self.chains.visible, self.chains.hidden_mean, equal)


@dataclass(frozen=True)
class ExactGradient:
    """The gradient itself, by enumerating the smaller layer: 2^n terms, for tiny models."""

    chains: ClassVar[None] = None

    def phases(self, rbm: RBM, v: Array, weights: Array, rng: Generator) -> tuple[Phase, Phase]:
        """The two phases of a mini-batch; nothing is drawn."""
        return _data_phase(rbm, v, weights), _exact_model_phase(rbm)


def _exact_model_phase(rbm: RBM) -> Phase:
    if rbm.visible.n_units > rbm.hidden.n_units:
        hidden, visible, weights = _exact_model_phase(rbm.swap())
        return Phase(visible, hidden, weights)
    v, probability = rbm.visible_distribution()
    return Phase(v, rbm.hidden_from_visible(v), probability.astype(v.dtype))


def _contrastive(rbm: RBM, n_steps: int, n_chains: int, rng: Generator) -> Gradient:
    return ContrastiveDivergence(n_steps)


def _persistent(rbm: RBM, n_steps: int, n_chains: int, rng: Generator) -> Gradient:
    v = samplers.independent(rbm.visible, n_chains, rng)
    return PersistentContrastiveDivergence(n_steps, samplers.start(rbm, v, rng))


def _exact(rbm: RBM, n_steps: int, n_chains: int, rng: Generator) -> Gradient:
    return ExactGradient()


# Gradients by name: each is made for a new model, with the steps and chains that it uses.
GRADIENTS: dict[str, Callable[[RBM, int, int, Generator], Gradient]] = {
    "pcd": _persistent,
    "cd": _contrastive,
    "exact": _exact,
}
