"""Blocks of units of which at most one is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import Domain
from skrbm.units.layer import STRUCTURE, OfState, Units
from skrbm.units.segmented import Segmented

_DOMAIN = Domain("pooled", 0.0, 1.0, "Scale the data first.")
_SMALLEST = 1e-30  # probability of a block without a detector that is on


@dataclass(frozen=True)
class Pooled(Segmented):
    """Probabilistic max-pooling: blocks of detectors of which at most one is on.

    `p(s | input)` is proportional to `exp(s.(bias + input))`, so the detector i of a block is on
    with probability `exp(x_i) / (1 + sum_k exp(x_k))` for `x = bias + input`. Each block is one
    unit, and each detector one column. Detectors of a group have the same bias. A change of their
    biases is projected: each bias receives the mean over its group. Blocks of one detector are
    Bernoulli units.

    Parameters
    ----------
    group_bias : ndarray of shape (n_groups,) or (n_rows, n_groups)
        One bias per group, or one per row and group if every row has its own model.
    groups : ndarray of int of shape (n_columns,)
        Group of each detector.
    size : int
        Number of detectors of a block.

    References
    ----------
    H. Lee, R. Grosse, R. Ranganath and A. Y. Ng, "Convolutional deep belief networks for scalable
    unsupervised learning of hierarchical representations", ICML 2009.
    """

    group_bias: Array
    groups: Array = field(metadata=STRUCTURE)
    size: int = field(metadata=STRUCTURE)

    domain: ClassVar[Domain] = _DOMAIN
    curvature: ClassVar[float] = 0.5  # eigenvalues of the Fisher information are smaller

    @classmethod
    def of_maps(cls, bias: Array, n_blocks: int, size: int) -> Self:
        """Return the layer in which every map has a bias, and one block at each of n places."""
        maps = arrays.integers(0, len(bias)).repeat(size)
        return cls(bias, arrays.concat([maps] * n_blocks), size)

    # Parameters

    @property
    def bias(self) -> Array:
        """Bias of each detector, shape (n_columns,) or (n_rows, n_columns)."""
        return self.group_bias[..., self.groups]

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layer with other biases of the groups."""
        (group_bias,) = parameters
        return replace(self, group_bias=group_bias)

    def with_bias(self, bias: Array) -> Self:
        """Return the layer with biases that detectors do not share."""
        return replace(self, group_bias=bias, groups=arrays.integers(0, bias.shape[-1]))

    def interpolate(self, base: Any, beta: float | Array) -> Self:
        """Return the layer with energy `(1 - beta) base.energy + beta energy`."""
        if base.group_bias.shape[-1] == self.group_bias.shape[-1]:
            return super().interpolate(base, beta)
        return self.with_bias(base.bias + beta * (self.bias - base.bias))

    def neutral(self) -> Self:
        """Return the layer with all biases zero."""
        return replace(self, group_bias=0 * self.group_bias)

    def add_to_bias(self, growth: Array) -> None:
        """Add the mean of the growth over each group to its bias, in place."""
        bias = self.group_bias
        bias += arrays.group_means(growth, self.groups, bias.shape[-1])

    def preconditioned(self, gradient: Array) -> Array:
        """Multiply by the size of the group, since the gradient of a shared bias is a sum."""
        sizes = arrays.group_sizes(self.groups, self.group_bias.shape[-1])
        return gradient * devices.like(sizes[self.groups], gradient)

    def part(self, units: Units) -> Pooled:
        """Return a layer of some of the units; an array of shape (n_rows, k) selects k per row."""
        return self.with_bias(self.bias[..., self.columns_of(units)])

    # Units

    @property
    def n_columns(self) -> int:
        """Number of columns of a row of states."""
        return len(self.groups)

    @property
    def n_units(self) -> int:
        """Number of blocks."""
        return self.n_columns // self.size

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each unit."""
        return (self.size,) * self.n_units

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Number of states of each unit: one of the detectors is on, or none."""
        return (self.size + 1,) * self.n_units

    def activations(self, mean: Array) -> Array:
        """Probability of each block that one of its detectors is on."""
        return self._fold(mean).sum(-1)

    def from_activations(self, activations: Array) -> Array:
        """Mean in which all detectors of a block have the same probability."""
        return self.in_columns(activations) / self.size

    # States

    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`."""
        return self._unfold(arrays.softmax_and_zero(self._fold(input + self.bias)))

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        return self._at(mean, random.uniform((*mean.shape[:-1], self.n_units), rng, mean))

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        log_off = arrays.log(self._off(mean).clip(min=_SMALLEST))
        ratios = arrays.log(mean) - self.in_columns(log_off)
        return state @ ratios.T + log_off.sum(-1)

    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""
        share = arrays.concat([self._fold(mean), self._off(mean)[..., None]], axis=-1)
        return self._unfold(arrays.one_hot(share.argmax(-1), share)[..., :-1])

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether all values are 0 or 1, and at most one per block is 1."""

        def is_state(block: Any) -> bool:
            block = arrays.to_dense(block)
            return arrays.is_binary(block) and not (self._fold(block).sum(-1) > 1).any()

        return all(map(is_state, blocks))

    def from_data(self, values: Array, u: Array) -> Array:
        """Turn means into states, with uniform numbers u, of which each block takes the first."""
        return self._at(values, self._fold(u)[..., 0])

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log sum_s p(s) / p(state)` over the states s of one block per row."""
        one = arrays.identity(self.size, state)
        states = arrays.concat([one, 0 * one[:1]])[:, None]
        return arrays.row_log_sum_exp(log_ratio(0 * state + states).T)

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices; the first unit varies fastest."""
        states = arrays.one_hot_digits(codes, (self.size + 1,) * self.n_units)
        return self._unfold(states.reshape(len(codes), self.n_units, self.size + 1)[..., :-1])

    def _at(self, mean: Array, u: Array) -> Array:
        """States by inversion at one number in [0, 1) per block."""
        share = self._fold(mean)
        states, total, reached = arrays.zeros(share.shape, share), 0 * share[..., 0], u < 0
        for i in range(self.size):
            total, before = total + share[..., i], reached
            reached = u < total
            states[..., i] = reached & ~before
        return self._unfold(states)

    def _off(self, mean: Array) -> Array:
        """Probability of each block that no detector is on."""
        return 1 - self.activations(mean)

    def _logits(self, input: Array | float) -> Array:
        logits = self._fold(input + self.bias)
        return arrays.concat([logits, 0 * logits[..., :1]], axis=-1)

    def _fold(self, x: Array, fill: float = 0.0) -> Array:
        return x.reshape(*x.shape[:-1], x.shape[-1] // self.size, self.size)

    def _unfold(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-2], x.shape[-2] * self.size)
