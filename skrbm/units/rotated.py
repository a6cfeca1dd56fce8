"""Correlated real units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Self

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.patterns import Patterns
from skrbm.units.domain import REAL_LINE, Domain
from skrbm.units.gaussian import Gaussian
from skrbm.units.known import Completion, Known
from skrbm.units.layer import STRUCTURE, Layer, Units

_LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Rotation:
    """A linear change of coordinates, `u = x T`.

    Parameters
    ----------
    matrix : ndarray of shape (n_columns, n_columns)
        T, of full rank.
    """

    matrix: Array

    @cached_property
    def inverse(self) -> Array:
        """`T^-1`, computed in float64, in the dtype of T."""
        return devices.like(arrays.inverse(devices.float64(self.matrix)), self.matrix)

    @cached_property
    def log_volume(self) -> float:
        """`log |det T|`, the log volume of the image of a unit cube."""
        return arrays.log_abs_det(self.matrix)

    def __getstate__(self) -> dict[str, Any]:
        """State without the computed values, so that using a rotation changes no pickle."""
        return {"matrix": self.matrix}


@dataclass(frozen=True)
class Rotated(Layer):
    """Correlated real units: their image `u = x T` has independent units.

    `p(x | input)` is normal with the precision matrix `T diag(precision) T'`. Integrals are over x.
    The rotation is not trained.

    Parameters
    ----------
    inner : Gaussian
        Layer of the units u.
    rotation : Rotation
        T; layers share the value, and so its inverse.
    """

    inner: Gaussian = field(metadata=STRUCTURE)
    rotation: Rotation = field(metadata=STRUCTURE)

    domain: ClassVar[Domain] = REAL_LINE
    curvature: ClassVar[float] = 1.0

    # Parameters

    @property
    def bias(self) -> Array:
        """Constant input to x, computed from the input to u."""
        return self.inner.bias @ self.rotation.matrix.T

    @property
    def parameters(self) -> tuple[Array, ...]:
        """Parameter arrays of the inner layer, and T."""
        return *self.inner.parameters, self.rotation.matrix

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layer with other parameter arrays."""
        *inner, matrix = parameters
        same = matrix is self.rotation.matrix
        rotation = self.rotation if same else Rotation(matrix)
        return type(self)(self.inner.with_parameters(inner), rotation)

    def interpolate(self, base: Any, beta: float | Array) -> Self:
        """Return the layer with energy `(1 - beta) base.energy + beta energy`, up to a constant.

        The base must have the same rotation.
        """
        return replace(self, inner=self.inner.interpolate(base.inner, beta))

    def with_bias(self, bias: Array) -> Self:
        """Return the layer with other biases."""
        return replace(self, inner=self.inner.with_bias(self._inner_input(bias)))

    def add_to_bias(self, growth: Array) -> None:
        """`bias += growth`, in place."""
        self.inner.add_to_bias(self._inner_input(growth))

    def part(self, units: Units) -> Layer:
        """Refuse: some of the units depend on the others; see `conditionals`."""
        msg = "Rotated units are correlated: a part of them is not a layer."
        raise TypeError(msg)

    # Units

    @property
    def n_columns(self) -> int:
        """Number of columns of a row of states."""
        return self.inner.n_columns

    @property
    def unit_states(self) -> tuple[float, ...]:
        """Infinitely many states per unit."""
        return self.inner.unit_states

    @property
    def log2_states(self) -> float:
        """Binary logarithm of the number of joint states: infinite."""
        return self.inner.log2_states

    # Energies and normalisers

    def energies(self, state: Array) -> Array:
        """Energy of each unit of the image, in float64; only their sum belongs to the states."""
        return self.inner.energies(self._image(state))

    def energy(self, state: Array) -> Array:
        """Energy of every row, in float64: the energy of its image."""
        return self.inner.energy(self._image(state))

    def log_normalizers(self, input: Array | float) -> Array:
        """Log-normaliser of each unit of the image, less an equal share of `log |det T|`."""
        share = self.rotation.log_volume / self.n_columns
        return self.inner.log_normalizers(self._inner_input(input)) - share

    def log_normalizer(self, input: Array | float) -> Array:
        """`log int_x exp(x.input - energy(x))` of every row, in float64."""
        return self.inner.log_normalizer(self._inner_input(input)) - self.rotation.log_volume

    # States

    def mean(self, input: Array | float) -> Array:
        """`E[x | input]`."""
        return self.inner.mean(self._inner_input(input)) @ self.rotation.inverse

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""
        noise = self.inner.sample(0 * mean, rng)
        return mean + noise @ devices.like(self.rotation.inverse, mean)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(x_i | mean m_j)` for every row x_i of states and every row m_j of means."""
        log_density = self.inner.log_probability(self._image(state), self._image(mean))
        return log_density + self.rotation.log_volume

    def most_probable(self, mean: Array) -> Array:
        """Return the means: they have the highest density."""
        return mean

    def broadened(self, mean: Array, share: float) -> Array:
        """Return the mean unchanged: draws around it already have the variance of the units."""
        return mean

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Return True: every real number is a state."""
        return True

    def from_data(self, values: Array, u: Array) -> Array:
        """Return the values: they are states."""
        return values

    @property
    def n_evaluations(self) -> int:
        """Number of states that `log_total` of one unit usually evaluates."""
        return self.inner.n_evaluations

    def response(self, input: Array) -> Array:
        """Change of the mean due to an input."""
        return self.inner.response(self._inner_input(input)) @ self.rotation.inverse

    # Given units

    def completion(self, known: Known) -> Completion:
        """Return a function that sets known units, and changes the others accordingly.

        With the precision matrix `P = T diag(precision) T'`, a change r of the known units changes
        the free ones by `-r P_kf P_ff^-1`. This turns draws, or means, into draws or means of the
        conditional distribution. The inverses are computed once, in float64, one per pattern of
        free columns.

        References
        ----------
        Y. Hoffman and E. Ribak, "Constrained realizations of Gaussian fields: a simple algorithm",
        Astrophysical Journal 380, 1991.
        """
        precision = self.precision_matrix()
        factors = [(x, x.inverses(precision)[x.pattern]) for x in known.patterns]
        return partial(_completed, known, precision, factors)

    def log_normalizer_given(self, known: Known, input: Array) -> Array:
        """`log int_free exp(x.input_j - energy(x))` for known values i and inputs j, in float64.

        It is the value of the exponent at the conditional mean without input, `c . input_j -
        energy(c)`, and with `P = T diag(precision) T'` and n free units,
        `(input_j P_ff^-1 input_j + n log(2 pi) - log det P_ff) / 2`.
        """
        layer, x = self.map(devices.float64), devices.float64(input)
        centre = layer.completion(known)(layer.mean(0 * devices.like(known.values, x)))
        result = centre @ x.T - layer.energy(centre)[:, None]
        precision = layer.precision_matrix()
        for group in known.patterns:
            inverses = group.inverses(precision)
            log_det = group.log_determinants(precision)
            for i, rows in group:
                part = x[:, group.columns[i]]
                log_volume = float(group.sizes[i] * _LOG_TWO_PI - log_det[i])
                result[rows] += (arrays.row_dot(part @ inverses[i], part) + log_volume) / 2
        return result

    def conditionals(self, v: Array) -> Callable[[Array, Array], Layer]:
        """Return a function from units and rows of v to each unit given the others in its row.

        With the precision matrix P, the unit i has the precision `P_ii` and, without input, the
        mean `x_i - ((x - m) P)_i / P_ii`.
        """
        precision = devices.float64(self.precision_matrix())
        diagonal = precision.diagonal()
        bias = devices.float64(v) * diagonal - devices.float64(v - self.mean(0.0)) @ precision
        bias, diagonal = devices.like(bias, v), devices.like(diagonal, v)
        return lambda units, rows: Gaussian(bias[rows[:, None], units], diagonal[units])

    def precision_matrix(self) -> Array:
        """Precision matrix of x, in float64."""
        matrix = devices.float64(self.rotation.matrix)
        return matrix * devices.float64(self.inner.precision) @ matrix.T

    def _image(self, state: Array) -> Array:
        return state @ self.rotation.matrix

    def _inner_input(self, input: Array | float) -> Array:
        """Input to the image, which may be the same number for all columns."""
        input = input + arrays.zeros((self.n_columns,), self.rotation.matrix)
        return input @ self.rotation.inverse.T


def _completed(
    known: Known, precision: Array, factors: list[tuple[Patterns, Array]], draw: Array
) -> Array:
    """Known units at their values, and the free ones changed accordingly; see `completion`."""
    x = devices.float64(draw)
    states = known.filled(x)
    slope = (states - x) @ precision
    for group, inverses in factors:
        group.subtract_products(states, slope, inverses)
    return devices.like(states, draw)
