"""Real units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Self

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import REAL_LINE, Domain
from skrbm.units.layer import Layer, OfState

_LOG_TWO_PI = math.log(2 * math.pi)
_FAR = 1e6  # standard deviations
_N_APPROACHES = 3
_NEGLIGIBLE = 1e-10
_MOST_NODES = 10_000
_N_BEYOND = 7  # nodes outside the two ends, at first: a normal density is then negligible
_NODES_AT_ONCE = 256


@dataclass(frozen=True)
class Gaussian(Layer):
    """Real units.

    `p(s | input)` is proportional to `exp(s.input - (s - m)^2 precision / 2)`.

    Parameters
    ----------
    bias : ndarray of shape (n_units,) or (n_rows, n_units)
        `m precision`, a constant input. Without other input, the mean is m.
    precision : ndarray of the same shape
        Inverse variance; it does not depend on the input.
    """

    bias: Array
    precision: Array

    domain: ClassVar[Domain] = REAL_LINE
    curvature: ClassVar[float] = 1.0  # the Fisher information of a bias after preconditioning
    compiled_as: ClassVar[str | None] = "gaussian"

    @classmethod
    def of_moments(cls, mean: Array, variance: Array) -> Self:
        """Return the layer whose units have these means and variances if they receive no input."""
        return cls(mean / variance, 1 / variance)

    @classmethod
    def standard(cls, mean: Array) -> Self:
        """Return the layer with these means and variance one."""
        return cls(mean, 0 * mean + 1)

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Infinitely many states per unit."""
        return (math.inf,) * self.n_units

    @property
    def log2_states(self) -> float:
        """Binary logarithm of the number of joint states: infinite."""
        return math.inf

    def energy(self, state: Array) -> Array:
        """`(s - m)^2 precision / 2`, summed over the units of every row, in float64."""
        deviation = state - self.mean(0.0)
        return arrays.row_dot(deviation * self.precision, deviation) / 2

    def energies(self, state: Array) -> Array:
        """`(s - m)^2 precision / 2` of each unit, in float64: it has no overflow in squares."""
        return devices.float64(state - self.mean(0.0)) ** 2 * devices.float64(self.precision) / 2

    def log_normalizer(self, input: Array | float) -> Array:
        """`log int_s exp(s.input - energy(s))` of every row, in float64."""
        input = input + 0 * self.bias
        response = self.mean(input / 2)  # m + input / (2 precision)
        return arrays.row_dot(input, response) + self._log_volume()

    def log_normalizers(self, input: Array | float) -> Array:
        """`log int_s exp(s input - energy(s))` of each unit."""
        log_volume = (_LOG_TWO_PI - arrays.log(self.precision)) / 2
        return input * self.mean(input / 2) + log_volume

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for all rows x_i and y_j, in float64."""
        own = self.log_normalizer(x)[:, None] + self.log_normalizer(y) - self._log_volume()
        return own + devices.float64((x / self.precision) @ y.T)

    def _log_volume(self) -> Array:
        """`log int_s exp(-energy(s))`."""
        return arrays.sum_float64(_LOG_TWO_PI - arrays.log(self.precision)) / 2

    def mean(self, input: Array | float) -> Array:
        """`E[s | input] = m + input / precision`."""
        return (self.bias + input) / self.precision

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        noise = random.normal(mean.shape, 1.0, mean, rng)
        noise *= self.precision**-0.5
        noise += mean
        return noise

    def are_states(self, blocks: Iterable[Array]) -> bool:
        """Return True: every real number is a state."""
        return True

    def from_data(self, values: Array, u: Array) -> Array:
        """Return the values: they are states."""
        return values

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        own = self.energy(state + self.mean(0.0))[:, None] + self.energy(mean + self.mean(0.0))
        return devices.float64((state * self.precision) @ mean.T) - own - self._log_volume()

    def most_probable(self, mean: Array) -> Array:
        """Return the means: they have the highest density."""
        return mean

    def broadened(self, mean: Array, share: float) -> Array:
        """Return the mean unchanged: draws around it already have the variance of the units."""
        return mean

    @property
    def n_evaluations(self) -> int:
        """Number of states that `log_total` usually evaluates."""
        return 2 * _N_APPROACHES + 3 * _N_BEYOND

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log int p(s) / p(state) ds` over the states s of one unit per row, by quadrature.

        The density is a mixture of normal densities with the variance of this layer. The
        trapezoidal rule with a step of one standard deviation therefore has a relative error of
        only `2 exp(-2 pi^2)`, about 5e-9. The map from a state to `mean(input(state))` is
        monotonic. Iterated from far below and from far above, it approaches two ends, and all modes
        of the density lie between them. Outside the two ends, nodes are added until they are
        negligible. If the ends are more than 10,000 standard deviations apart, the step is longer.

        Parameters
        ----------
        state : ndarray of shape (n_rows, 1)
        log_ratio : callable
            Function from states s to `log p(s) / p(state)`, both with one more axis in front:
            from shape (n_states, n_rows, 1) to (n_states, n_rows).
        input : callable
            Function from such states of the unit to its mean input; must not decrease.

        References
        ----------
        L. N. Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule",
        SIAM Review 56(3), 2014.
        """
        step = self.precision**-0.5
        ends = arrays.stack([state - _FAR * step, state + _FAR * step])
        for _ in range(_N_APPROACHES):
            ends = self.mean(input(ends))
        low, high = ends
        n_between = min(math.ceil(float(((high - low) / step).max())), _MOST_NODES)
        step = arrays.maximum(step, (high - low) / _MOST_NODES)
        total = _log_sum(lambda node: log_ratio(low + step * node), n_between, low)
        return total + devices.with_device_of(arrays.log(step[..., 0]), total)

    def preconditioned(self, gradient: Array) -> Array:
        """Divide a gradient of the biases by their Fisher information, the variance."""
        return gradient * self.precision

    def response(self, input: Array) -> Array:
        """Change of the mean due to an input, `input / precision`."""
        return input / self.precision

    def scale_precision(self, factor: Array, smallest_variance: Array) -> Array:
        """Multiply precisions and biases by a factor, in place, and return the factor applied.

        Factors that would bring a variance below the smallest one are reduced.
        """
        bias, precision = self.bias, self.precision
        factor = (precision * factor).clip(max=1 / smallest_variance) / precision
        for x in (bias, precision):
            x *= factor
        return factor


def _log_sum(log_term: OfState, n_between: int, x: Array) -> Array:
    """Logarithm of the sum of terms at all integers from far below 0 to far above n_between.

    Parameters
    ----------
    log_term : callable
        Function from numbers of nodes, shape (n_nodes, 1, 1), to log terms, (n_nodes, n_rows).
    n_between : int
    x : ndarray
        An array that has the dtype and the device of nodes.
    """

    def terms(start: int, stop: int) -> Array:
        return log_term(devices.like(arrays.integers(start, stop)[:, None, None], x))

    first, stop = -_N_BEYOND, n_between + _N_BEYOND + 1
    starts = range(first, stop, _NODES_AT_ONCE)
    blocks = [terms(i, min(i + _NODES_AT_ONCE, stop)) for i in starts]
    total = reduce(arrays.log_add_exp, [arrays.row_log_sum_exp(block.T) for block in blocks])
    for edge, is_above in ((blocks[0][0], False), (blocks[-1][-1], True)):
        for i in range(0, _MOST_NODES, _N_BEYOND):
            if not (edge - total).max() > math.log(_NEGLIGIBLE):
                break
            start = stop + i if is_above else first - i - _N_BEYOND
            block = terms(start, start + _N_BEYOND)
            total = arrays.log_add_exp(total, arrays.row_log_sum_exp(block.T))
            edge = block[-1 if is_above else 0]
    return total
