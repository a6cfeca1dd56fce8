"""The layers of a deep Boltzmann machine, arranged as an RBM of even and odd layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.model import RBM
from skrbm.units import Joined, Layer
from skrbm.weights import Block, Blocks, Weights, as_weights


@dataclass(frozen=True)
class Arrangement:
    """Columns of the layers of a deep Boltzmann machine, as columns of an RBM.

    Only adjacent layers are coupled. So the even layers, from the data up, are independent given
    the odd ones and the other way round: they are the visible and the hidden units of an RBM. Only
    the lowest even layer is in the data; the others are latent.

    Parameters
    ----------
    sizes : tuple of int
        Number of columns of each layer, from the data up; at least two layers.
    """

    sizes: tuple[int, ...]

    @property
    def n_latent(self) -> int:
        """Number of visible columns that are not in the data."""
        return sum(self.sizes[2::2])

    @property
    def columns(self) -> list[slice]:
        """Columns of each layer among the visible or hidden units of the RBM."""
        slices = [slice(0)] * len(self.sizes)
        for first in (0, 1):
            sizes = self.sizes[first::2]
            stops = accumulate(sizes)
            slices[first::2] = [slice(stop - n, stop) for n, stop in zip(sizes, stops, strict=True)]
        return slices

    def layer(self, layers: Sequence[Layer]) -> Layer:
        """Join the even layers, or the odd ones."""
        simple = tuple(part for layer in layers for part in layer.simple_layers)
        return layers[0] if len(layers) == 1 else Joined(simple)

    def weights(self, weights: Sequence[Weights]) -> Weights:
        """Weights of the RBM from the weights between adjacent layers, from the data up."""
        if len(weights) == 1:
            return weights[0]
        blocks = []
        for i, w in enumerate(weights):
            lower, upper = self.columns[i : i + 2]
            blocks.append(Block(lower, upper, w) if i % 2 == 0 else Block(upper, lower, w.T))
        return Blocks(tuple(blocks), (sum(self.sizes[::2]), sum(self.sizes[1::2])))

    def blocks(self, weights: Weights) -> list[Weights]:
        """Weights between adjacent layers, from the data up, from weights of the RBM."""
        if not isinstance(weights, Blocks):
            return [weights]
        return [w if i % 2 == 0 else w.T for i, (_, _, w) in enumerate(weights.blocks)]

    @property
    def next_side(self) -> int:
        """Side of the RBM to which another layer on top belongs: 0 is visible, 1 is hidden."""
        return len(self.sizes) % 2

    def grown(self, rbm: RBM, top: Layer, weights: Array, offset: Array) -> RBM:
        """Return the RBM with another layer on top.

        Biases absorb the mean inputs of the new weights.

        Parameters
        ----------
        rbm : RBM
        top : Layer
            The new layer, without coupling.
        weights : ndarray of shape (n_below, n_top)
        offset : ndarray
            Means of the side of the RBM with the layer below.
        """
        rbm, below, own = rbm.map(arrays.copy), self.columns[-1], self.next_side
        sides: list[Layer] = [rbm.visible, rbm.hidden]
        from_top = 0 * offset
        from_top[below] = weights @ top.mean(0.0)
        sides[1 - own].add_to_bias(-from_top)
        coupled = top.with_bias(top.bias - offset[below] @ weights)
        sides[own] = Joined((*sides[own].simple_layers, coupled))
        every = [*self.blocks(rbm.weights), as_weights(weights)]
        larger = Arrangement((*self.sizes, top.n_units))
        return RBM(sides[0], sides[1], larger.weights(every))

    def states(self, visible: Array, hidden: Array) -> list[Array]:
        """States of each layer, from the data up, from states of the RBM."""
        sides = visible, hidden
        return [sides[i % 2][..., own] for i, own in enumerate(self.columns)]

    def only(self, layer: int, states: Array) -> Array:
        """States of one layer among NaN for all other layers of its side of the RBM."""
        size, own = sum(self.sizes[layer % 2 :: 2]), self.columns[layer]
        nan = [
            arrays.full((len(states), n), math.nan, states) for n in (own.start, size - own.stop)
        ]
        return arrays.concat([nan[0], states, nan[1]], axis=-1)
