"""A label among the visible units: its probability given the others, and how that is learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.learning.gradients import Gradient, Phases, Rows
from skrbm.model import RBM
from skrbm.samplers import Chains


def label_logits(rbm: RBM, x: Any, n_labels: int) -> Array:
    """`log p(x, y) + log Z` of every row x and every label y, in float64.

    The last n_labels visible units are the label; the hidden ones are summed out. The softmax of
    the result is `p(y | x)`.
    """
    return _logits(rbm, rbm.weights.part(slice(-n_labels)).input(x), n_labels)


def log_label_probability(rbm: RBM, v: Any, n_labels: int) -> Array:
    """`log p(y | x)` of every row `v = (x, y)`, in float64."""
    logits = label_logits(rbm, v[:, :-n_labels], n_labels)
    given = arrays.row_dot(
        logits, devices.with_device_of(arrays.to_dense(v[:, -n_labels:]), logits)
    )
    return given - arrays.row_log_sum_exp(logits)


def _logits(rbm: RBM, hidden_input: Array, n_labels: int) -> Array:
    log_normalizer = rbm.hidden.pairwise_log_normalizer(
        hidden_input, rbm.weights.rows(slice(-n_labels, None))
    )
    return log_normalizer + devices.with_device_of(rbm.visible.bias[-n_labels:], log_normalizer)


@dataclass
class LabelGradient:
    """The gradient of `log p(y | x) + share log p(x)`, for a label y among the visible units.

    With `<.>` for the mean of `v h` it is
    `<x and y given> - (1 - share) <x given, y ~ p(y | x)> - share <model>`.

    Parameters
    ----------
    joint : Gradient
        Of `log p(x, y)`; not used where share is 0.
    share : float
        From 0 to 1, where the gradient is that of `log p(x, y)`.
    n_labels : int
        So many visible units, the last ones, are the label.

    References
    ----------
    H. Larochelle and Y. Bengio, "Classification using discriminative restricted Boltzmann
    machines", ICML 2008.
    """

    joint: Gradient
    share: float
    n_labels: int

    @property
    def chains(self) -> Chains | None:
        """The persistent chains of the joint gradient."""
        return self.joint.chains

    def move(self, place: Place) -> None:
        """Let what the joint gradient keeps lie elsewhere."""
        self.joint.move(place)

    def joined(self, others: list[Any]) -> Gradient:
        """The same with the chains of all joint gradients."""
        return replace(self, joint=self.joint.joined([other.joint for other in others]))

    def phases(self, rbm: RBM, v: Any, weights: Array, rng: Generator) -> Phases:
        """All phases of a mini-batch of rows `(x, y)`."""
        n_labels = self.n_labels
        x, label = v[:, :-n_labels], arrays.to_dense(v[:, -n_labels:])
        hidden_input = rbm.weights.part(slice(-n_labels)).input(x)
        posterior = arrays.softmax(_logits(rbm, hidden_input, n_labels))
        posterior = devices.like(posterior, rbm.reference)
        by_label = rbm.hidden.mean(hidden_input[:, None] + rbm.weights.rows(slice(-n_labels, None)))
        shares = devices.like(weights / weights.sum(), rbm.reference)
        given = Rows(v, _mix(label, by_label), shares)
        free_shares = (self.share - 1) * shares
        free = Rows(arrays.concat([x, posterior], axis=-1), _mix(posterior, by_label), free_shares)
        mass = free_shares[:, None] * posterior
        covariance = _mix(mass.T, by_label.swapaxes(0, 1)) - mass.T @ free.hidden
        others = _covariance_rows(rbm, covariance)
        of_means = False
        if self.share > 0:
            phases = self.joint.phases(rbm, v, weights, rng)
            model, of_means = _model_rows(phases), phases.of_means
            others = _joined(others, model._replace(weights=self.share * model.weights))
        if arrays.is_sparse(v):
            return Phases((given, free, others), len(shares), of_means)
        return Phases((_joined(given, free, others),), len(shares), of_means)


def _mix(shares: Array, states: Array) -> Array:
    """`sum_y shares_ry states_ryj` of every row r."""
    return (shares[:, None] @ states)[:, 0]


def _covariance_rows(rbm: RBM, covariance: Array) -> Rows:
    """Rows that add a covariance to the weights of the last visible units, and nothing else.

    The mean of `y h` is more than the product of means by their covariance. Two rows of opposite
    weights are one of its rows; and these sum to zero, so that no bias changes.
    """
    n_labels, n_hidden = covariance.shape
    others = arrays.zeros((n_labels, rbm.visible.n_units - n_labels), covariance)
    one_hot = arrays.concat([others, arrays.identity(n_labels, covariance)], axis=-1)
    ones = arrays.zeros((n_labels,), covariance) + 1
    return _joined(Rows(one_hot, covariance, ones), Rows(one_hot, 0 * covariance, -ones))


def _model_rows(phases: Phases) -> Rows:
    n = len(phases.model_hidden)
    return Rows(*(x[-n:] for x in phases.parts[-1]))


def _joined(*parts: Rows) -> Rows:
    """The rows of all parts, one below the other."""
    return Rows(*(arrays.concat([*x]) for x in zip(*parts, strict=True)))
