"""The gradient of the log-likelihood of rows that lack some visible units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array
from skrbm._kernels.generators import RowGenerator
from skrbm.deep.mean_field import MeanField
from skrbm.learning.gradients import Gradient, Phases, Rows
from skrbm.learning.step_statistics import join_rows
from skrbm.learning.train_state import TrainState
from skrbm.units import Layer


@dataclass(frozen=True, kw_only=True)
class LatentGradient(Gradient):
    """The gradient of `log p(v)`, with the latent units summed out: `E[d log p(v, latent) | v]`.

    In the data phase the latent units are drawn from a short Gibbs chain given the row, which
    starts at a draw from their mean field. Means in place of the draws would ignore the dependence
    of the layers given the row. The weights between hidden layers would shrink, and the upper
    layers remain unused.

    Both phases then average over the latent units given a draw of the hidden ones. Few of the
    weights of latent units have much to learn, and the noise of draws on both sides would make all
    of them grow.

    Parameters
    ----------
    n_steps : int, default=1
        Number of Gibbs steps of this chain.
    joint : Gradient
        Gradient of the log-likelihood of all visible units, for the model phase.
    mean_field : MeanField

    References
    ----------
    G. Montavon and K.-R. Mueller, "Deep Boltzmann machines and the centering trick", Neural
    Networks: Tricks of the Trade, 2012.
    """

    joint: Gradient
    mean_field: MeanField

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Add the chains of the joint gradient to a new training state."""
        self.joint.start(state, base, n_chains)

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """Both phases of a mini-batch of rows of data."""
        rbm, start = state.model, state.visible_offset[v.shape[1] :]
        seed = int(state.rng.integers(2**63))  # equal rows have equal draws, as weights of rows do
        rng = RowGenerator.of_contents(devices.to_host(random.content_keys(v)), seed)
        latent = self.mean_field.draw(rbm, v, start, rng, self.n_steps)
        phases = self.joint.phases(state, arrays.append_columns(v, latent), weights)
        hidden = rbm.hidden.sample(phases.data_hidden, rng)
        means = arrays.append_columns(v, self.mean_field.means_given(rbm, hidden))
        data = Rows(means, hidden, phases.parts[0].weights[: phases.n_data])
        model = phases.model_rows
        if not phases.of_means:
            drawn = rbm.hidden.sample(model.hidden, state.rng)
            model = Rows(rbm.visible_from_hidden(drawn), drawn, model.weights)
        parts = (data, model) if arrays.is_sparse(v) else (join_rows(data, model),)
        return Phases(parts, phases.n_data, of_means=True)
