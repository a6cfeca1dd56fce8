"""Unit types: what a layer is, given the input that it receives from the other layer.

A layer is an exponential family in its own state `s`, with the density `exp(s . input - energy(s))`
up to a normaliser. Nothing outside this module knows what a unit type is; a new type is one class
with the methods of `Bernoulli`, and its row in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Self, TypeAlias

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator

# What a unit is asked about one of its states, for every row: a log-density, or an input.
OfState: TypeAlias = Callable[[Array], Array]

# A binary unit that is on in less than this share of the rows, or off, says nothing about them.
_SATURATION = 1e-3

_LOG_TWO_PI = math.log(2 * math.pi)
_FAR = 1e6  # standard deviations
_N_APPROACHES = 5
_NEGLIGIBLE = 1e-10
_MOST_NODES = 10_000


@dataclass(frozen=True)
class Bernoulli:
    """Units in {0, 1}.

    `p(s | input)` is proportional to `exp(s . (bias + input))`.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
        One bias a unit, or one a row and unit where every row has a model of its own.
    """

    bias: Array

    @classmethod
    def from_totals(cls, total: Array, n_rows: float | Array) -> Self:
        """The layer whose units are on as often as in data, smoothed to stay finite.

        The bias is `log((k + 1) / (n - k + 1))` for a column that sums to k over n rows.
        """
        total = total.clip(0, n_rows)
        return cls(arrays.log((total + 1) / (n_rows - total + 1)))

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The arrays that describe the layer."""
        return (self.bias,)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.bias.shape[-1])

    @property
    def log2_states(self) -> float:
        """Binary logarithm of the number of joint states."""
        return self.n_units

    def part(self, units: slice | Array) -> Bernoulli:
        """The layer of these units alone; an array of shape (n_rows, k) gives k to each row."""
        return Bernoulli(self.bias[units])

    def energy(self, state: Array) -> Array:
        """`-s . bias` of every row, in float64."""
        return -arrays.row_dot(state, self.bias)

    def energies(self, state: Array) -> Array:
        """`-s bias` of every unit by itself."""
        return -state * self.bias

    def energy_above(self, base: Any, state: Array) -> Array:
        """`energy - base.energy` of every row, in the precision of the states."""
        return state @ (base.bias - self.bias)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s . (bias + input))` of every row, in float64."""
        return arrays.sum_softplus(input + self.bias)

    def log_normalizers(self, input: Array | float) -> Array:
        """`log sum_s exp(s (bias + input))` of every unit by itself."""
        return arrays.softplus(input + self.bias)

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for every pair of rows, in float64."""
        return arrays.pairwise_sum_softplus(x + self.bias, y)

    def mean(self, input: Array | float) -> Array:
        """`E[s | input] = 1 / (1 + exp(-(bias + input)))`."""
        return arrays.logistic(input, self.bias)

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states whose conditional mean is given, in the dtype of the mean."""
        return random.bernoulli(mean, rng)

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states that receive an input: `sample(mean(input), rng)` in one go."""
        return random.bernoulli_logistic(input, self.bias, rng)

    def are_states(self, blocks: Iterable[Array]) -> bool:
        """Whether all values of data are states, and none a mean."""
        return all(map(arrays.is_binary, blocks))

    def from_data(self, values: Array, u: Array) -> Array:
        """States for values of data, which are means where they lie between 0 and 1.

        u are as many draws from [0, 1).
        """
        return devices.like(u < values, values)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i)` under the means m_j, for every row i of states and row j of means."""
        off = 1 - mean
        return state @ arrays.log(mean / off).T + arrays.log(off).sum(axis=-1)

    def most_probable(self, mean: Array) -> Array:
        """The states of most probability, in the dtype of the mean."""
        return devices.like(mean > 0.5, mean)

    def broadened(self, mean: Array, share: float) -> Array:
        """The mean when this share of the units are drawn with probability 1/2 instead."""
        return (1 - share) * mean + share / 2

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log sum_s p(s) / p(state)` over the states of one unit a row.

        Parameters
        ----------
        state : ndarray of shape (n_rows, 1)
            A value between 0 and 1 is compared with its complement.
        log_ratio : callable
            `log p(s) / p(state)`, shape (n_rows,), of states of shape (n_rows, 1).
        input : callable
            Mean input of the unit when it is in a state; of use to other unit types.
        """
        return arrays.softplus(log_ratio(1 - state))

    def preconditioned(self, gradient: Array) -> Array:
        """A gradient with respect to biases over their Fisher information, or a bound on it."""
        return gradient

    @property
    def curvature(self) -> float:
        """A bound on the Fisher information of a bias, preconditioned."""
        return 0.25

    def saturated(self, mean: Array) -> Array:
        """Whether units with such a mean over all rows say nothing about them."""
        return (mean < _SATURATION) | (mean > 1 - _SATURATION)

    def states(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows start to stop of all joint states, 2^n_units in number."""
        return devices.like(arrays.binary_states(self.n_units, start, stop), self.bias)

    def neutral(self) -> Self:
        """The layer without biases, whose units are on or off as they like."""
        return replace(self, bias=0 * self.bias)

    def shift(self, input: Array) -> Self:
        """The layer that behaves as this one does when it receives this input as well."""
        return replace(self, bias=self.bias + input)

    def interpolate(self, base: Any, beta: float | Array) -> Self:
        """The layer with energy `(1 - beta) base.energy + beta energy`; beta may be a column."""
        return replace(self, bias=base.bias + beta * (self.bias - base.bias))

    def map(self, function: Callable[[Array], Array]) -> Self:
        """The layer with a function applied to each of its parameters."""
        return replace(self, bias=function(self.bias))


@dataclass(frozen=True)
class LabelledBernoulli(Bernoulli):
    """Units in {0, 1}, the last of which are one softmax unit: just one of these is on.

    Its states are labels. Where a row of data has none, all of these units are off.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
    n_labels : int
        Number of states of the softmax unit.
    """

    n_labels: int

    @classmethod
    def of_counts(cls, binary: Bernoulli, counts: Array) -> Self:
        """Binary units, and labels that are as frequent as in data, smoothed to stay finite."""
        return cls(arrays.concat([binary.bias, arrays.log(counts + 1)], axis=-1), len(counts))

    @property
    def log2_states(self) -> float:
        """Infinite: the states of the other layer are enumerated."""
        return math.inf

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s . (bias + input))` of every row, in float64."""
        binary, label = self._apart(input + self.bias)
        return arrays.sum_softplus(binary) + arrays.row_log_sum_exp(label)

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for every pair of rows, in float64."""
        (binary, label), (more, other) = self._apart(x + self.bias), self._apart(y)
        of_labels = arrays.row_log_sum_exp(label[:, None] + other)
        return arrays.pairwise_sum_softplus(binary, more) + of_labels

    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`: logistic for the binary units, softmax for the label."""
        binary, label = self._apart(input + self.bias)
        return arrays.concat([arrays.logistic(0.0, binary), arrays.softmax(label)], axis=-1)

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states whose conditional mean is given, in the dtype of the mean."""
        binary, label = self._apart(mean)
        return arrays.concat(
            [random.bernoulli(binary, rng), random.one_hot_choices(label, rng)], axis=-1
        )

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states that receive an input."""
        return self.sample(self.mean(input), rng)

    def log_normalizers(self, input: Array | float) -> Array:
        """What each unit adds to the log-normaliser; those of the label share theirs equally."""
        binary, label = self._apart(input + self.bias)
        share = arrays.row_log_sum_exp(label)[..., None] / self.n_labels
        return arrays.concat([arrays.softplus(binary), share + 0 * label], axis=-1)

    def most_probable(self, mean: Array) -> Array:
        """The states of most probability, in the dtype of the mean."""
        binary, label = self._apart(mean)
        one = arrays.one_hot_largest(label)
        return arrays.concat([super().most_probable(binary), one], axis=-1)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i)` under the means m_j, for every row i of states and row j of means."""
        (units, one), (of_units, of_one) = self._apart(state), self._apart(mean)
        return super().log_probability(units, of_units) + one @ arrays.log(of_one).T

    def broadened(self, mean: Array, share: float) -> Array:
        """The mean when this share of the units are drawn without preference instead."""
        binary, label = self._apart(mean)
        return arrays.concat(
            [super().broadened(binary, share), (1 - share) * label + share / self.n_labels], axis=-1
        )

    def states(self, start: int = 0, stop: int | None = None) -> NoReturn:
        """The states of the other layer are enumerated."""
        msg = "The states of a label are not enumerated, but those of the other layer."
        raise TypeError(msg)

    def _apart(self, x: Any) -> tuple[Any, Any]:
        """What is the binary units' of states or inputs, and what is the label's."""
        return x[..., : -self.n_labels], x[..., -self.n_labels :]


@dataclass(frozen=True)
class Gaussian:
    """Real units.

    `p(s | input)` is proportional to `exp(s . input - (s - m)^2 precision / 2)`.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
        `m . precision`: an input that is always there. The mean without any other input is m.
    precision : ndarray of the same shape
        Inverse variance given the input, which has no effect on it.
    """

    bias: Array
    precision: Array

    @classmethod
    def of_moments(cls, mean: Array, variance: Array) -> Self:
        """The layer whose units have these means and variances when they receive no input."""
        return cls(mean / variance, 1 / variance)

    @classmethod
    def standard(cls, mean: Array) -> Self:
        """The layer of variance one."""
        return cls(mean, 0 * mean + 1)

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The arrays that describe the layer."""
        return self.bias, self.precision

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.bias.shape[-1])

    @property
    def log2_states(self) -> float:
        """Binary logarithm of the number of joint states."""
        return math.inf

    def part(self, units: slice | Array) -> Gaussian:
        """The layer of these units alone; an array of shape (n_rows, k) gives k to each row."""
        return Gaussian(self.bias[units], self.precision[units])

    def energy(self, state: Array) -> Array:
        """`(s - m)^2 precision / 2`, summed over the units of every row, in float64."""
        deviation = state - self.mean(0.0)
        return arrays.row_dot(deviation * self.precision, deviation) / 2

    def energies(self, state: Array) -> Array:
        """`(s - m)^2 precision / 2` of every unit by itself."""
        return (state - self.mean(0.0)) ** 2 * self.precision / 2

    def energy_above(self, base: Any, state: Array) -> Array:
        """`energy - base.energy` of every row."""
        return self.energy(state) - base.energy(state)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log int_s exp(s . input - energy(s))` of every row, in float64."""
        input = input + 0 * self.bias
        response = self.mean(input / 2)  # m + input / (2 precision)
        return arrays.row_dot(input, response) + self._log_volume()

    def log_normalizers(self, input: Array | float) -> Array:
        """`log int_s exp(s input - energy(s))` of every unit by itself."""
        log_volume = (_LOG_TWO_PI - arrays.log(self.precision)) / 2
        return input * self.mean(input / 2) + log_volume

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for every pair of rows, in float64."""
        own = self.log_normalizer(x)[:, None] + self.log_normalizer(y) - self._log_volume()
        return own + devices.float64((x / self.precision) @ y.T)

    def _log_volume(self) -> Array:
        """`log int_s exp(-energy(s))`."""
        return arrays.sum_float64(_LOG_TWO_PI - arrays.log(self.precision)) / 2

    def mean(self, input: Array | float) -> Array:
        """`E[s | input] = m + input / precision`."""
        return (self.bias + input) / self.precision

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states whose conditional mean is given, in the dtype of the mean."""
        noise = random.normal(mean.shape, 1.0, mean, rng)
        noise *= self.precision**-0.5
        noise += mean
        return noise

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states that receive an input."""
        return self.sample(self.mean(input), rng)

    def are_states(self, blocks: Iterable[Array]) -> bool:
        """Whether all values of data are states, and none a mean: any number is a state."""
        return True

    def from_data(self, values: Array, u: Array) -> Array:
        """States for values of data: these themselves."""
        return values

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i)` under the means m_j, for every row i of states and row j of means."""
        own = self.energy(state + self.mean(0.0))[:, None] + self.energy(mean + self.mean(0.0))
        return devices.float64((state * self.precision) @ mean.T) - own - self._log_volume()

    def most_probable(self, mean: Array) -> Array:
        """The states of most density: the means."""
        return mean

    def broadened(self, mean: Array, share: float) -> Array:
        """The mean itself: the states around it are spread already."""
        return mean

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log int_s p(s) / p(state) ds` over the states of one unit a row, by quadrature.

        The density is a mixture of normal densities of this layer's variance, so that the
        trapezoidal rule with a step of one standard deviation is right to `2 exp(-2 pi^2)`, 5e-9.
        All its modes lie between the two ends to which the unit's mean, given its mean input,
        comes from afar; beyond, nodes are added while they count. Only where these ends are more
        than 10,000 standard deviations apart is the step longer.

        Parameters
        ----------
        state : ndarray of shape (n_rows, 1)
        log_ratio : callable
            `log p(s) / p(state)`, shape (n_rows,), of states of shape (n_rows, 1).
        input : callable
            Mean input of the unit when it is in a state; must not fall as the state rises.

        References
        ----------
        L. N. Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule",
        SIAM Review 56(3), 2014.
        """
        step = self.precision**-0.5
        low, high = state - _FAR * step, state + _FAR * step
        for _ in range(_N_APPROACHES):
            low, high = self.mean(input(low)), self.mean(input(high))
        n_between = min(math.ceil(float(((high - low) / step).max())), _MOST_NODES)
        step = arrays.maximum(step, (high - low) / _MOST_NODES)
        total = log_ratio(low)
        for i in range(1, n_between + 1):
            total = arrays.log_add_exp(total, log_ratio(low + i * step))
        for start, direction in ((low, -step), (low + n_between * step, step)):
            for i in range(1, _MOST_NODES + 1):
                term = log_ratio(start + i * direction)
                total = arrays.log_add_exp(total, term)
                if not (term - total).max() > math.log(_NEGLIGIBLE):
                    break
        return total + devices.with_device_of(arrays.log(step[..., 0]), total)

    def preconditioned(self, gradient: Array) -> Array:
        """A gradient with respect to biases over their Fisher information, the variance."""
        return gradient * self.precision

    @property
    def curvature(self) -> float:
        """The Fisher information of a bias, preconditioned."""
        return 1.0

    def saturated(self, mean: Array) -> Array:
        """Whether units with such a mean over all rows say nothing about them: none does."""
        return mean != mean

    def states(self, start: int = 0, stop: int | None = None) -> NoReturn:
        """Gaussian units have no finite number of states."""
        msg = "Gaussian units have no finite number of states to enumerate."
        raise TypeError(msg)

    def neutral(self) -> Gaussian:
        """The layer whose units have the mean zero."""
        return Gaussian(0 * self.bias, self.precision)

    def shift(self, input: Array) -> Gaussian:
        """The layer that behaves as this one does when it receives this input as well."""
        return Gaussian(self.bias + input, self.precision)

    def interpolate(self, base: Any, beta: float | Array) -> Gaussian:
        """The layer with energy `(1 - beta) base.energy + beta energy`, up to a constant."""
        return Gaussian(
            base.bias + beta * (self.bias - base.bias),
            base.precision + beta * (self.precision - base.precision),
        )

    def map(self, function: Callable[[Array], Array]) -> Gaussian:
        """The layer with a function applied to each of its parameters."""
        return Gaussian(function(self.bias), function(self.precision))


# What a layer of a model may be: the union of the unit types.
Layer: TypeAlias = Bernoulli | LabelledBernoulli | Gaussian
