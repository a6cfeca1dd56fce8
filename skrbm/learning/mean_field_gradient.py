"""The gradient of a lower bound on the log-likelihood of data that lack some visible units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.deep.mean_field import MeanField
from skrbm.learning.gradients import Gradient, Phases
from skrbm.learning.train_state import TrainState
from skrbm.units import Layer


@dataclass(frozen=True, kw_only=True)
class MeanFieldGradient(Gradient):
    """The gradient of `E_q[log p(v, latent)]`, with the means of latent units from a mean field.

    In the data phase the latent units have their means under the posterior q, from which the moving
    averages of the training are the start. The model phase is the phase of another gradient.

    Parameters
    ----------
    joint : Gradient
        Gradient of the log-likelihood of all visible units.
    mean_field : MeanField

    References
    ----------
    R. Salakhutdinov and G. Hinton, "Deep Boltzmann machines", AISTATS 2009. G. Montavon and K.-R.
    Mueller, "Deep Boltzmann machines and the centering trick", Neural Networks: Tricks of the
    Trade, 2012.
    """

    joint: Gradient
    mean_field: MeanField

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Add the chains of the joint gradient to a new training state."""
        self.joint.start(state, base, n_chains)

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch of rows of data."""
        start = state.visible_offset[v.shape[1] :]
        latent = self.mean_field.latent_means(state.model, v, start)
        return self.joint.phases(state, arrays.append_columns(v, latent), weights)
