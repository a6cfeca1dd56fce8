"""`FittedMachine`: a fitted deep Boltzmann machine, whose latent layers have a mean field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrbm import samplers
from skrbm._kernels import arrays, threads
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.deep.arrangement import Arrangement
from skrbm.deep.mean_field import MeanField, Posterior, lower_bounds
from skrbm.estimators.common.fitted import Fitted
from skrbm.model import RBM
from skrbm.validation.rows import Checked, warn_caller


@dataclass(frozen=True)
class FittedMachine:
    """A fitted deep Boltzmann machine.

    Methods take checked rows, and return numpy arrays in the units of the data.

    Parameters
    ----------
    fitted : Fitted
        The RBM of even and odd layers.
    arrangement : Arrangement
        Columns of the layers.
    mean_field : MeanField
    """

    fitted: Fitted
    arrangement: Arrangement
    mean_field: MeanField

    def features(self, X: Checked, *, of_all_layers: bool) -> Array:
        """Means of the top layer, or of all hidden layers from the bottom up."""

        def select(rbm: RBM, posterior: Posterior) -> Array:
            means = self.arrangement.states(posterior.visible, posterior.hidden)[1:]
            return arrays.concat(means if of_all_layers else means[-1:], axis=-1)

        return self._of_posteriors(select, X.values)

    def lower_bounds(self, X: Checked) -> Array:
        """Lower bounds on `log p(v) + log Z` for every row, of its known values.

        As for a single RBM, the volume of scaled columns is part of log Z.
        """

        def bounds(rbm: RBM, posterior: Posterior) -> Array:
            return lower_bounds(rbm, posterior)[:, None]

        values = self._of_posteriors(bounds, X.values)[:, 0]
        if X.has_missing:
            values = values + self.fitted.scaling.log_volume_of(np.isnan(to_host(X.values[:])))
        if self.fitted.coding is not None:
            values = values + X.values.log_density.sum(axis=1)
        return values

    def reconstruct(self, X: Any, n_steps: int) -> Array:
        """Infer the means of all layers and then of the visible units, n_steps times."""
        rbm, start = self._placed()

        def work(v: Any) -> Array:
            v = arrays.to_dense(v)
            for _ in range(n_steps):
                known = self.mean_field.with_latent(rbm, v)
                posterior = self.mean_field.posterior(rbm, known, start)
                v = self._of_data(rbm.visible_from_hidden(posterior.hidden))
            return v

        return self.fitted.scaling.to_data(self.fitted.by_rows(work, X))

    def visible_means(self, H: Array) -> Array:
        """Means of the visible units for states of the top layer, from a mean field."""
        rbm, training = self.fitted.placed_net.top, self.fitted.top.training
        top, place = len(self.arrangement.sizes) - 1, self.fitted.device.place
        is_visible = top % 2 == 0
        model = rbm if is_visible else rbm.swap()
        start = place(training.visible_offset if is_visible else training.hidden_offset)

        def work(h: Array) -> Array:
            known = self.arrangement.only(top, place(h))
            posterior = self.mean_field.posterior(model, known, start)
            return self._of_data(posterior.visible if is_visible else posterior.hidden)

        return self.fitted.scaling.to_data(threads.by_rows(work, H))

    def gibbs(self, X: Any, n_steps: int) -> Array:
        """Run a Gibbs chain from every row, with deeper layers drawn from the mean field."""
        rbm, start = self._placed()

        def work(v: Any, rng: Generator) -> Array:
            v = arrays.to_dense(v)
            means = self.mean_field.latent_means(rbm, v, start[v.shape[1] :])
            latent = self.mean_field.latent_layer(rbm.visible).sample(means, rng)
            both = arrays.concat([v, latent], axis=-1)
            return self._of_data(samplers.gibbs_visible(rbm, both, rng, n_steps))

        states = self.fitted.by_rows(work, X, self.fitted.seeds.sampling)
        return self.fitted.scaling.draws(states)

    # Layers

    @property
    def weights(self) -> list[Array]:
        """Weights between adjacent layers, from the data up, each as (lower, upper)."""
        return [w.dense for w in self.arrangement.blocks(self.fitted.rbm.weights)]

    @property
    def biases(self) -> list[Array]:
        """Biases of each layer, from the data up."""
        rbm = self.fitted.rbm
        return self.arrangement.states(rbm.visible.bias, rbm.hidden.bias)

    @property
    def upward_layers(self) -> list[tuple[Array, Array]]:
        """Biases of every hidden layer and weights from the layer below, from the bottom up.

        The biases include the mean input from the layer above, so a single pass upwards
        approximates the mean field.
        """
        training, weights, biases = self.fitted.top.training, self.weights, self.biases
        means = self.arrangement.states(training.visible_offset, training.hidden_offset)
        layers = []
        for i, w in enumerate(weights, start=1):
            above = weights[i] @ means[i + 1] if i < len(weights) else 0
            layers.append((biases[i] + above, w))
        return layers

    def _of_data(self, visible: Array) -> Array:
        """The columns of the data among all visible columns."""
        return visible[:, : self.arrangement.sizes[0]]

    def _placed(self) -> tuple[RBM, Array]:
        """The RBM and the means of its visible units in the training, on the device."""
        place = self.fitted.device.place
        return self.fitted.placed_net.top, place(self.fitted.top.training.visible_offset)

    def _of_posteriors(self, function: Callable[[RBM, Posterior], Array], X: Any) -> Array:
        """Apply a function to posteriors of rows, and warn if some have not converged."""
        rbm, start = self._placed()

        def work(v: Any) -> Array:
            v = self.mean_field.with_latent(rbm, arrays.to_dense(v))
            posterior = self.mean_field.posterior(rbm, v, start)
            values, converged = to_host(function(rbm, posterior)), to_host(posterior.converged)
            return np.concatenate([values, converged[:, None]], axis=-1, dtype=values.dtype)

        both = self.fitted.by_columns(work, X, None)
        values, converged = both[:, :-1], both[:, -1]
        self._warn_unless(converged)
        return values

    def _warn_unless(self, converged: Array) -> None:
        n_rows, n_missed = len(converged), int((converged == 0).sum())
        if n_missed > n_rows / 100:
            warn_caller(
                f"The mean field of {n_missed} of {n_rows} rows has not converged after "
                f"mean_field_max_iter={self.mean_field.max_iter} updates: increase it, or "
                "mean_field_tol.",
                ConvergenceWarning,
            )
