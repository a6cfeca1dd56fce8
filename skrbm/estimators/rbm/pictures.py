"""`HiddenStructure`: hidden units of an RBM that see windows of a picture, or all features."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from skrbm._kernels.devices import Array
from skrbm.data.pictures import ReceptiveField
from skrbm.estimators.common.fitted import Fitted
from skrbm.estimators.rbm.settings import Start
from skrbm.units import Bernoulli, Layer, Pooled
from skrbm.validation.pictures import check_alike, check_places, check_sharing
from skrbm.weights import Geometry, Local, Shared

# Parameters of an RBM that determine the structure of its weights.
OF_STRUCTURE = ("receptive_field", "image_shape", "stride", "shared", "pooling")


@dataclass(frozen=True)
class HiddenStructure:
    """Receptive fields of the hidden units of an RBM, and sharing of their weights.

    Parameters
    ----------
    field : ReceptiveField or None
        None if hidden units see all features.
    shared : bool
        Whether a filter has the same weights at all places.
    pooling : int
        Height and width of the blocks of places in which at most one unit of a filter is on.
    """

    field: ReceptiveField | None
    shared: bool
    pooling: int

    @property
    def share(self) -> float:
        """Share of all features that a hidden unit sees."""
        return 1.0 if self.field is None else self.field.share

    def check(self, n_components: int) -> None:
        """Refuse parameters that do not fit together."""
        if self.field is not None:
            check_places(n_components, self.field)
        check_sharing(self.shared, self.pooling, self.field)

    def binary_units(self, biases: Array) -> Layer:
        """Binary hidden units with initial biases, or blocks of units that share their biases."""
        if self.field is None or not self.shared:
            return Bernoulli(biases)
        n_places, size = self.field.n_places, int(self.pooling) ** 2
        return Pooled.of_maps(biases[::n_places], n_places // size, size)

    def localized(self, start: Start, owner: Array, n_components: int) -> Start:
        """The start with local or shared weights if there is a receptive field.

        Parameters
        ----------
        start : Start
        owner : ndarray of int of shape (n_columns,)
            The feature of each visible column.
        n_components : int
            Number of hidden units.
        """
        if self.field is None:
            return start
        windows = self.field.windows(owner)
        fan = windows.fan(n_components // windows.n_places)
        if not self.shared:
            return replace(start, weights=partial(Local.draw, windows), fan=fan)
        n_channels = check_alike(owner, self.field)
        geometry = Geometry(windows, self.field.grid, int(self.pooling), n_channels)
        return replace(start, weights=partial(Shared.draw, geometry), fan=fan)

    def filters(self, fitted: Fitted) -> Array:
        """Shared weights of a window, in data units, shape (n_filters, *window_shape)."""
        assert self.field is not None
        rbm, size = fitted.rbm, int(self.pooling) ** 2
        first = slice(None, rbm.hidden.n_columns // self.field.n_places * size)
        patterns = fitted.scaling.patterns(replace(rbm, weights=rbm.weights.part(hidden=first)))
        columns = cast(Shared, rbm.weights).windows.columns[0]
        n_channels = len(columns) // math.prod(self.field.size)
        return patterns[::size, columns].reshape(-1, *self.field.size, n_channels)
