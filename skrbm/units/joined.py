"""Layers of several unit types, joined into one layer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import accumulate, islice, pairwise
from operator import add
from typing import Any, Self

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, Generator
from skrbm.units.domain import Domain
from skrbm.units.known import Completion, Known
from skrbm.units.layer import STRUCTURE, Layer, Rows, Units


@dataclass(frozen=True)
class Joined(Layer):
    """Several layers, joined into one.

    Energies and log-normalisers are sums over the layers. States are drawn layer by layer, in
    order.

    Parameters
    ----------
    layers : tuple of Layer
        Layers of any type except `Joined`.
    """

    layers: tuple[Layer, ...] = field(metadata=STRUCTURE)

    @property
    def domain(self) -> Domain:  # type: ignore[override]
        """Smallest and largest value of any layer; rows may be sparse if all layers allow it."""
        domains = [layer.domain for layer in self.layers]
        return Domain(
            " and ".join(dict.fromkeys(domain.units for domain in domains)),
            min(domain.low for domain in domains),
            max(domain.high for domain in domains),
            " ".join(dict.fromkeys(domain.remedy for domain in domains)),
            "csr" if all(domain.accept_sparse for domain in domains) else False,
            all(domain.is_bounded for domain in domains),
        )

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Columns of each layer."""
        return _slices(layer.n_columns for layer in self.layers)

    @cached_property
    def unit_slices(self) -> tuple[slice, ...]:
        """Units of each layer."""
        return _slices(layer.n_units for layer in self.layers)

    # Parameters

    @property
    def bias(self) -> Array:
        """Copy of the biases of all layers."""
        return arrays.concat([layer.bias for layer in self.layers], axis=-1)

    @property
    def parameters(self) -> tuple[Array, ...]:
        """Parameter arrays of all layers."""
        return tuple(x for layer in self.layers for x in layer.parameters)

    def with_parameters(self, parameters: Iterable[Array]) -> Self:
        """Return the layers with other parameter arrays."""
        rest = iter(parameters)
        layers = (x.with_parameters(islice(rest, len(x.parameters))) for x in self.layers)
        return type(self)(tuple(layers))

    def with_bias(self, bias: Array) -> Self:
        """Return the layers with other biases."""
        return type(self)(tuple(self._each("with_bias", self.split(bias))))

    def add_to_bias(self, growth: Array) -> None:
        """`bias += growth`, in place."""
        self._each("add_to_bias", self.split(growth))

    def part(self, units: Units) -> Layer:
        """Return a layer of some of the units, not joined if they belong to only one layer."""
        parts = [layer.part(own) for layer, own in self._units_of_layers(units)]
        if not parts:
            return self.layers[0].part(slice(0))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    # Units and their columns

    @property
    def simple_layers(self) -> tuple[Layer, ...]:
        """The layers."""
        return self.layers

    @property
    def n_columns(self) -> int:
        """Number of columns of a row of states."""
        return self.slices[-1].stop

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each unit."""
        return tuple(width for layer in self.layers for width in layer.widths)

    @cached_property
    def unit_states(self) -> tuple[float, ...]:
        """Number of states of each unit."""
        return tuple(n for layer in self.layers for n in layer.unit_states)

    def split(self, columns: Any) -> list[Any]:
        """Columns of each layer; a number or a single column is repeated for every layer."""
        if isinstance(columns, float | int) or columns.shape[-1] == 1:
            return [columns] * len(self.layers)
        return [columns[..., own] for own in self.slices]

    def columns_of(self, units: Units) -> Any:
        """Columns of some units, as an index."""
        return arrays.segment_columns(units, self.widths)

    def in_units(self, columns: Array) -> Array:
        """Whether a condition on columns holds in any column of each unit."""
        return self._concat("in_units", self.split(columns))

    def in_columns(self, units: Array) -> Array:
        """Repeat a condition on units for each of their columns."""
        return self._concat("in_columns", [units[..., own] for own in self.unit_slices])

    def alike(self, units: Array) -> Iterator[tuple[Rows, Array]]:
        """Group rows, with one unit each, by the layer of the unit and then as the layer does.

        Parameters
        ----------
        units : ndarray of int of shape (n_rows,)
            One unit per row.

        Yields
        ------
        rows : ndarray of int
            Rows of a group.
        units : ndarray of shape (n_group, 1)
            Their units.
        """
        for layer, own in zip(self.layers, self.unit_slices, strict=True):
            rows = ((units >= own.start) & (units < own.stop)).nonzero()[0]
            if len(rows):
                for some, of_layer in layer.alike(units[rows] - own.start):
                    yield rows[some], of_layer + own.start

    def has_type_of(self, other: Layer) -> bool:
        """Whether another layer joins layers with the same units."""
        if not isinstance(other, Joined) or len(self.layers) != len(other.layers):
            return False
        pairs = zip(self.layers, other.layers, strict=True)
        return all(layer.has_type_of(its) for layer, its in pairs)

    def states_at(self, codes: Array) -> Array:
        """Joint states with these indices; the first unit varies fastest."""
        parts = []
        for layer in self.layers:
            codes, own = divmod(codes, int(layer.n_states))
            parts.append(layer.states_at(own))
        return arrays.concat(parts, axis=-1)

    # Energies and normalisers

    def energy(self, state: Array) -> Array:
        """Energy of every row, in float64."""
        return self._sum("energy", self.split(state))

    def energies(self, state: Array) -> Array:
        """Energy of each unit, in float64."""
        return self._concat("energies", self.split(state))

    def energy_above(self, base: Any, state: Array) -> Array:
        """`energy - base.energy` of every row."""
        return self._sum("energy_above", base.layers, self.split(state))

    def log_normalizer(self, input: Array | float) -> Array:
        """`log sum_s exp(s.input - energy(s))` of every row, in float64."""
        return self._sum("log_normalizer", self.split(input))

    def log_normalizers(self, input: Array | float) -> Array:
        """`log sum_s exp(s.input - energy(s))` of each unit."""
        return self._concat("log_normalizers", self.split(input))

    def pairwise_log_normalizer(self, x: Array, y: Array) -> Array:
        """Log-normaliser of the input `x_i + y_j` for all rows x_i and y_j, in float64."""
        return self._sum("pairwise_log_normalizer", self.split(x), self.split(y))

    @property
    def n_evaluations(self) -> int:
        """The sum over the layers, each of which takes its own rows."""
        return sum(layer.n_evaluations for layer in self.layers)

    # States

    def mean(self, input: Array | float) -> Array:
        """`E[s | input]`."""
        return self._concat("mean", self.split(input))

    def sample(self, mean: Array, rng: Generator) -> Array:
        """Draw states with the given conditional mean, layer by layer."""
        return self._concat("sample", self.split(mean), rng)

    def draw(self, input: Array | float, rng: Generator) -> Array:
        """Draw states given their input, layer by layer."""
        return self._concat("draw", self.split(input), rng)

    def log_probability(self, state: Array, mean: Array) -> Array:
        """`log p(s_i | mean m_j)` for every row s_i of states and every row m_j of means."""
        return self._sum("log_probability", self.split(state), self.split(mean))

    def most_probable(self, mean: Array) -> Array:
        """Most probable states given the mean, in the dtype of the mean."""
        return self._concat("most_probable", self.split(mean))

    def broadened(self, mean: Array, share: float) -> Array:
        """Means broadened by each layer."""
        return self._concat("broadened", self.split(mean), share)

    def are_states(self, blocks: Iterable[Any]) -> bool:
        """Whether every row of the data is a state; otherwise some values are means."""
        layers = list(zip(self.layers, self.slices, strict=True))
        return all(layer.are_states([block[:, own]]) for block in blocks for layer, own in layers)

    def from_data(self, values: Array, u: Array) -> Array:
        """Turn rows of data into states; means are drawn, with uniform numbers u from [0, 1).

        The rows may lack the columns of the last layers.
        """
        layers = zip(self.layers, self.slices, strict=True)
        parts = [layer.from_data(values[..., own], u[..., own]) for layer, own in layers]
        return arrays.concat(parts, axis=-1)

    # Known units

    def completion(self, known: Known) -> Completion:
        """Return a function that completes the states layer by layer."""
        parts = self._each("completion", self._known(known))

        def completed(v: Array) -> Array:
            pairs = zip(parts, self.split(v), strict=True)
            return arrays.concat([part(own) for part, own in pairs], axis=-1)

        return completed

    def log_normalizer_given(self, known: Known, input: Array) -> Array:
        """`log sum_free exp(s.input_j - energy(s))` for known values i and inputs j."""
        return self._sum("log_normalizer_given", self._known(known), self.split(input))

    def conditionals(self, v: Array) -> Callable[[Array, Array], Layer]:
        """Return a function from units of one layer and rows of v to each unit given the others."""
        parts = self._each("conditionals", self.split(v))

        def of(units: Array, rows: Array) -> Layer:
            first = [own.start for own in self.unit_slices]
            i = bisect_right(first, int(units[0, 0])) - 1
            return parts[i](units - first[i], rows)

        return of

    def _known(self, known: Known) -> list[Known]:
        return [known.columns(own) for own in self.slices]

    # Learning

    @property
    def curvature(self) -> float:  # type: ignore[override]
        """Upper bound on the Fisher information of a bias after preconditioning."""
        return max(layer.curvature for layer in self.layers)

    def preconditioned(self, gradient: Array) -> Array:
        """Scale a gradient of the biases as each layer does."""
        return self._concat("preconditioned", self.split(gradient))

    def response(self, input: Array) -> Array:
        """Response of each layer to its input."""
        return self._concat("response", self.split(input))

    def scale_precision(self, factor: Array, smallest_variance: Array) -> Array:
        """Multiply precisions and biases by a factor, in place, and return the factor applied."""
        return self._concat("scale_precision", self.split(factor), self.split(smallest_variance))

    def saturated(self, mean: Array) -> Array:
        """Whether each unit has the same state in nearly all rows, given its mean over all rows."""
        return self._concat("saturated", self.split(mean))

    def _each(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of each layer: lists have one item per layer, others go to every layer."""
        return [
            getattr(layer, method)(*(x[i] if isinstance(x, list | tuple) else x for x in arguments))
            for i, layer in enumerate(self.layers)
        ]

    def _sum(self, method: str, *arguments: Any) -> Array:
        return reduce(add, self._each(method, *arguments))

    def _concat(self, method: str, *arguments: Any) -> Array:
        return arrays.concat(self._each(method, *arguments), axis=-1)

    def _units_of_layers(self, units: Units) -> Iterator[tuple[Layer, Units]]:
        """Layers that contain some of the units, in order, with the units' index in the layer."""
        for layer, own in zip(self.layers, self.unit_slices, strict=True):
            if isinstance(units, slice):
                start, stop, _ = units.indices(self.n_units)
                first, last = max(start, own.start), min(stop, own.stop)
                if first < last:
                    yield layer, slice(first - own.start, last - own.start)
            else:
                inside = (units >= own.start) & (units < own.stop)
                if inside.any():
                    yield layer, units - own.start if inside.all() else units[inside] - own.start


def _slices(sizes: Iterable[int]) -> tuple[slice, ...]:
    return tuple(slice(*ends) for ends in pairwise(accumulate(sizes, initial=0)))
