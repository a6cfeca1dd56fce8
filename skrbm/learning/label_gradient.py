"""The gradient of the probability of a label given the other visible units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skrbm import labels
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm.learning.gradients import Gradient, Phases, Rows
from skrbm.learning.step_statistics import join_rows
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM
from skrbm.units import Layer


@dataclass(frozen=True, kw_only=True)
class LabelGradient(Gradient):
    """The gradient of `log p(y | x) + share log p(x)`, for a label y among the visible units.

    With `<.>` for the mean of `v h`, the gradient is
    `<x and y given> - (1 - share) <x given, y ~ p(y | x)> - share <model>`.

    Parameters
    ----------
    joint : Gradient
        Gradient of `log p(x, y)`; ignored if share is 0.
    share : float
        From 0 to 1; with 1 the gradient equals `joint` in expectation.

    References
    ----------
    H. Larochelle and Y. Bengio, "Classification using discriminative restricted Boltzmann
    machines", ICML 2008.
    """

    joint: Gradient
    share: float

    def start(self, state: TrainState, base: Layer, n_chains: int) -> None:
        """Add the chains of the joint gradient to a new training state."""
        self.joint.start(state, base, n_chains)

    def phases(self, state: TrainState, v: Any, weights: Array) -> Phases:
        """All phases of a mini-batch of rows `(x, y)`."""
        rbm = state.model
        others, own = labels.layer_columns(rbm)
        x, label = v[:, others], arrays.to_dense(v[:, own])
        hidden_input = rbm.weights.part(others).input(x)
        posterior = arrays.softmax(labels.logits_of_input(rbm, hidden_input))
        posterior = devices.like(posterior, rbm.reference)
        by_label = rbm.hidden.mean(hidden_input[:, None] + rbm.weights.rows(own))
        shares = devices.like(weights / weights.sum(), rbm.reference)
        given = Rows(v, arrays.mix(label, by_label), shares)
        free_shares = (self.share - 1) * shares
        expected = arrays.append_columns(x, posterior)
        free = Rows(expected, arrays.mix(posterior, by_label), free_shares)
        mass = free_shares[:, None] * posterior
        covariance = arrays.mix(mass.T, by_label.swapaxes(0, 1)) - mass.T @ free.hidden
        negative = _covariance_rows(rbm, covariance)
        of_means = False
        if self.share > 0:
            phases = self.joint.phases(state, v, weights)
            model, of_means = phases.model_rows, phases.of_means
            negative = join_rows(negative, model._replace(weights=self.share * model.weights))
        if arrays.is_sparse(v):
            return Phases((given, free, negative), len(shares), of_means)
        return Phases((join_rows(given, free, negative),), len(shares), of_means)


def _covariance_rows(rbm: RBM, covariance: Array) -> Rows:
    """Rows that add a covariance to the weights of the label, and change nothing else.

    The mean of `y h` exceeds the product of the means by their covariance. Two rows of opposite
    weights contribute one row of the covariance. Their sum is zero, so no bias changes.
    """
    n_labels, n_hidden = covariance.shape
    others = arrays.zeros((n_labels, rbm.visible.n_columns - n_labels), covariance)
    one_hot = arrays.concat([others, arrays.identity(n_labels, covariance)], axis=-1)
    ones = arrays.zeros((n_labels,), covariance) + 1
    return join_rows(Rows(one_hot, covariance, ones), Rows(one_hot, 0 * covariance, -ones))
