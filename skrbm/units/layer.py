"""`Layer`, the base class of all unit types."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from skrbm._kernels import arrays, devices, pairs
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import Domain
from skrbm.units.known import Completion, Known

# A function of states of one unit, any number of states per row: a log-density, or an input.
OfState: TypeAlias = Callable[[Array], Array]

Units: TypeAlias = slice | Array
Rows: TypeAlias = slice | list[int] | Array

# Metadata of a dataclass field that is not an array of parameters.
STRUCTURE = {"structure": True}


@dataclass(frozen=True)
class Layer(ABC):
    """A layer of units, which are independent given their input in all types except `Rotated`.

    A row of states has one or more columns per unit. A unit type is a frozen dataclass; its fields
    are arrays along the columns, and one of them is `bias`. The energy must be linear in each
    array, up to a constant. A unit type implements the abstract methods below and `log_total`, and
    `states_at` if it has finitely many states. It overrides other methods for speed, or if their
    default is wrong for its states.

    Attributes
    ----------
    domain : Domain
        Values allowed in the data.
    curvature : float
        Upper bound on the Fisher information of a bias after preconditioning.
    compiled_as : str or None
        Name of these units in the compiled update; None if it has no code for them.
    """

    domain: ClassVar[Domain]
    curvature: ClassVar[float]
    compiled_as: ClassVar[str | None] = None

    # Primitives

    @property
    @abstractmethod
    def unit_states(self) -> tuple[float, ...]:
        """Number of states of each unit, infinite for real units."""

    @abstractmethod
    def energies(self, state: Array) -> Array:
        """Energy of each unit in every row of states, in float64, shape (n_rows, n_units)."""

    @abstractmethod
    def log_normalizers(self, input: Array | float) -> Array:
        """`log sum_s exp(s.input - energy(s))` of each unit, shape (n_rows, n_units)."""

    @abstractmethod
    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`."""

    @abstractmethod
    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, in the dtype of the mean."""

    @abstractmethod
    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""

    @abstractmethod
    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""

    @abstractmethod
    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether every row of the data is a state; otherwise some values are means."""

    @abstractmethod
    def from_data(self, values: Array, u: Array) -> Array:
        """Turn rows of data into states; means are drawn, with uniform numbers u from [0, 1)."""

    @property
    @abstractmethod
    def n_evaluations(self) -> int:
        """Number of states that `log_total` usually evaluates, for estimates of its cost."""

    def log_total(self, state: Array, log_ratio: OfState, input: OfState) -> Array:
        """`log sum_s p(s) / p(state)` over the states s of one unit per row.

        Parameters
        ----------
        state : ndarray of shape (n_rows, n_columns of the unit)
        log_ratio : callable
            Function from states s to `log p(s) / p(state)`, both with one more axis in front:
            from shape (n_states, n_rows, n_columns of the unit) to (n_states, n_rows).
        input : callable
            Function from such states of the unit to its mean input.
        """
        raise NotImplementedError  # several joined layers have no common type of state

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices, 0 to `n_states - 1`; the first unit varies fastest."""
        raise NotImplementedError  # real units have infinitely many

    # Parameters

    if TYPE_CHECKING:  # a field in most types, a property in others

        @property
        def bias(self) -> Array:
            """Constant input, shape (n_columns,) or (n_rows, n_columns)."""

    @property
    def parameters(self) -> tuple[Array, ...]:
        """Parameter arrays of the layer."""
        return tuple([vars(self)[name] for name in _parameter_names(type(self))])

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layer with other parameter arrays."""
        return type(self)(*parameters)

    def map(self, function: Callable[[Array], Array]) -> Self:
        """Return the layer with a function applied to each of its parameter arrays."""
        return self.with_parameters(map(function, self.parameters))

    def interpolate(self, base: Any, beta: float | Array) -> Self:
        """Return the layer with energy `(1 - beta) base.energy + beta energy`, up to a constant.

        beta may be a column, with one value per row.
        """
        pairs = zip(base.parameters, self.parameters, strict=True)
        return self.with_parameters([x + beta * (y - x) for x, y in pairs])

    def with_bias(self, bias: Array) -> Self:
        """Return the layer with other biases."""
        return replace(self, **{"bias": bias})

    def shift(self, input: Array) -> Self:
        """Return the layer with this input added to its biases."""
        return self.with_bias(self.bias + input)

    def neutral(self) -> Self:
        """Return the layer with all biases zero."""
        return self.with_bias(0 * self.bias)

    def add_to_bias(self, growth: Array) -> None:
        """`bias += growth`, in place."""
        bias = self.bias
        bias += growth

    def part(self, units: Units) -> Layer:
        """Return a layer of some of the units; an array of shape (n_rows, k) selects k per row.

        Units selected for different rows must have the same number of columns.
        """
        columns = self.columns_of(units)
        return self.with_parameters([x[..., columns] for x in self.parameters])

    # Units and their columns

    @property
    def simple_layers(self) -> tuple[Layer, ...]:
        """The layers of one unit type each that this layer consists of."""
        return (self,)

    @property
    def n_columns(self) -> int:
        """Number of columns of a row of states."""
        return int(self.bias.shape[-1])

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each unit."""
        return (1,) * self.n_columns

    def columns_of(self, units: Units) -> Any:
        """Columns of some units, as an index."""
        return units

    def in_units(self, columns: Array) -> Array:
        """Whether a condition on columns holds in any column of each unit, (n_rows, n_units)."""
        return columns

    def in_columns(self, units: Array) -> Array:
        """Repeat a condition on units for each of their columns, shape (n_rows, n_columns)."""
        return units

    def alike(self, units: Array) -> Iterator[tuple[Rows, Array]]:
        """Group rows, with one unit each, so that the units of a group have equal widths.

        Parameters
        ----------
        units : ndarray of int of shape (n_rows,)
            One unit per row.

        Yields
        ------
        rows : slice or index
            Rows of a group.
        units : ndarray of shape (n_group, 1)
            Their units.
        """
        yield slice(None), units[:, None]

    def activations(self, mean: Array) -> Array:
        """Features of a row, one per unit, from its mean: by default the mean."""
        return mean

    def from_activations(self, activations: Array) -> Array:
        """Mean of a row with these features."""
        return activations

    def has_type_of(self, other: Layer) -> bool:
        """Whether another layer has units of the same types and widths, in the same order."""
        return type(self) is type(other) and self.widths == other.widths

    # States

    @property
    def log2_states(self) -> float:
        """Binary logarithm of the number of joint states."""
        return math.fsum(map(math.log2, self.unit_states))

    @property
    def n_states(self) -> float:
        """Number of joint states: an integer, or infinite."""
        return math.prod(self.unit_states)

    @property
    def is_finite(self) -> bool:
        """Whether the number of joint states is finite."""
        return self.log2_states < math.inf

    def states(self, start: int = 0, stop: int | None = None) -> Array:
        """Joint states with the indices start to stop, by default all of them."""
        if not self.is_finite:
            msg = f"{type(self).__name__} units have no finite number of states to enumerate."
            raise TypeError(msg)
        codes = arrays.integers(start, int(self.n_states) if stop is None else stop)
        return devices.like(self.states_at(codes), self.bias)

    # Energies and normalisers

    def energy(self, state: Array) -> Array:
        """Energy of every row, in float64."""
        return arrays.sum_float64(self.energies(state))

    def energy_above(self, base: Any, state: Array) -> Array:
        """`energy - base.energy` of every row."""
        return self.energy(state) - base.energy(state)

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s.input - energy(s))` of every row, in float64."""
        return arrays.sum_float64(self.log_normalizers(input))

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for all rows x_i and y_j, in float64."""
        return pairs.of_sums(self.log_normalizer, x, y)

    # Draws

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states given their input."""
        return self.sample(self.mean(input), rng)

    def broadened(self, mean: Array, share: float) -> Array:
        """Mix the mean with a share of the mean that the layer has without bias and input."""
        return (1 - share) * mean + share * self.neutral().mean(0.0)

    def from_stored(self, values: Array, u: Array) -> Array:
        """Turn the stored values of a sparse matrix into states, with uniform numbers u."""
        return devices.like(u < values, values)

    # Known units

    def known(self, v: Array) -> Known:
        """Return the states v in which a unit is free if any of its columns is NaN."""
        free = self.in_columns(self.in_units(arrays.is_nan(v)))
        return Known(arrays.where(free, arrays.zeros((1,), self.parameters[0]), v), free)

    def completion(self, known: Known) -> Completion:
        """Return a function that turns draws of all units into draws given the known ones.

        It also turns means into means given the known units. By default, other units do not change.
        """
        return known.filled

    def log_normalizer_given(self, known: Known, input: Array) -> Array:
        """`log sum_free exp(s.input_j - energy(s))` for known values i and inputs j, in float64.

        Parameters
        ----------
        known : Known
            n_rows rows; the sum is over the states of the free units.
        input : ndarray of shape (n_inputs, n_columns)

        Returns
        -------
        log_normalizer : ndarray of float64 of shape (n_rows, n_inputs)
        """
        free = self.in_units(known.free)
        values = devices.with_device_of(known.values, input)
        energies = self.energies(values)
        are_free = devices.with_device_of(free, energies)
        energy = arrays.where(are_free, 0.0, energies).sum(-1)
        of_free = devices.float64(self.log_normalizers(input))
        total = devices.float64(values) @ devices.float64(input).T
        return total + devices.like(free, of_free) @ of_free.T - energy[:, None]

    def conditionals(self, v: Array) -> Callable[[Array, Array], Layer]:
        """Return a function from units and rows of v to each unit given the others in its row.

        Units and rows have the shapes (n, 1) and (n,); the result is a layer of one unit per row.
        """
        return lambda units, rows: self.part(units)

    # Learning

    def preconditioned(self, gradient: Array) -> Array:
        """Scale a gradient of the biases, by default not at all."""
        return gradient

    def response(self, input: Array) -> Array:
        """Change due to an input: of the mean if units are real, otherwise of the log-odds."""
        return input

    def scale_precision(self, factor: Array, smallest_variance: Array) -> Array:
        """Multiply precisions and biases by a factor, in place, and return the factor applied.

        Variances stay above the smallest one. Units without a variance parameter do not change.
        """
        return 0 * factor + 1

    def saturated(self, mean: Array) -> Array:
        """Whether each unit has the same state in nearly all rows, given its mean over all rows."""
        return mean != mean


class Discrete(Layer):
    """A layer whose energy is `-s.bias`."""

    def energy(self, state: Array) -> Array:
        """`-s.bias` of every row, in float64."""
        return -arrays.row_dot(state, self.bias)

    def energy_above(self, base: Any, state: Array) -> Array:
        """`energy - base.energy` of every row, in the precision of the states."""
        return state @ (base.bias - self.bias)


@cache
def _parameter_names(layer_type: type[Layer]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(layer_type) if not field.metadata)
