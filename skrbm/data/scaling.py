"""The coordinates of a model, and those of the data that it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.utils import gen_batches

from skrbm._kernels.arrays import clip, concat
from skrbm._kernels.devices import Array, Generator, astype, like, to_host, with_device_of
from skrbm._kernels.moments import column_moments
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.conditionals import Given, gibbs
from skrbm.data.sources import part
from skrbm.model import RBM
from skrbm.samplers import independent
from skrbm.units import Layer

_FARTHEST = 1e30  # standard deviations
_STEPS_A_VISIT = 5  # of the chains for what is missing


class Coordinates(Protocol):
    """The way from data to visible states, and back."""

    @property
    def log_volume(self) -> float:
        """Logarithm of the volume, in the units of the data, of a unit cube of visible states."""

    def log_volume_of(self, columns: Array) -> Array | float:
        """The same of some columns alone: for every row those that are true."""

    def to_model(self, X: Any) -> Any:
        """Values of data as values of visible units, in the dtype of the model."""

    def to_data(self, v: Array) -> Array:
        """Values of visible units, or their means, as values of data."""

    def draws(self, v: Array) -> Array:
        """States of visible units as rows of data."""

    def patterns(self, rbm: RBM) -> Array:
        """The `components_` of a model."""

    def view(self, X: Any) -> Any:
        """Rows of data as visible states, or as what the training makes states of."""


@dataclass(frozen=True)
class Binary:
    """States are the data, and draws of them are truth values."""

    dtype: Any
    log_volume: float = 0.0

    def log_volume_of(self, columns: Array) -> float:
        """None of any columns."""
        return 0.0

    def to_model(self, X: Any) -> Any:
        """The same values in the dtype of the model."""
        return astype(X, self.dtype)

    def to_data(self, v: Array) -> Array:
        """The same values."""
        return v

    def draws(self, v: Array) -> Array:
        """Whether each unit is on."""
        return v > 0

    def patterns(self, rbm: RBM) -> Array:
        """The weights, a row a unit."""
        return rbm.weights.array.T

    def view(self, X: Any) -> Any:
        """The same rows."""
        return X


@dataclass(frozen=True)
class Standardized:
    """Columns of mean 0 and variance 1, those with a long tail to the left mirrored.

    So a fit does not depend on the units of the data, nor on the direction of a column.

    Parameters
    ----------
    location : ndarray of shape (n_features,)
    scale : ndarray of shape (n_features,)
        Both in the dtype of the model; the scale of a mirrored column is negative.
    """

    location: Array
    scale: Array

    @classmethod
    def of(cls, X: Any, weights: Array, dtype: Any) -> tuple[Standardized, Array]:
        """The coordinates of weighted rows, and the variance of each column in them: 1, or 0.

        A column without variance keeps its units.
        """
        mean, variance, third_moment = column_moments(X, weights)
        n, epsilon = len(weights), np.finfo(variance.dtype).eps
        # As scikit-learn's StandardScaler has it: what rounding would make of a constant column.
        constant = variance <= n * epsilon * variance + (n * epsilon * mean) ** 2
        constant |= variance**0.5 < np.finfo(dtype).tiny
        scale = np.where(constant, 1, variance**0.5)
        variance = variance / scale**2
        scale = np.where(third_moment < 0, -scale, scale)
        return cls(mean.astype(dtype), scale.astype(dtype)), variance.astype(dtype)

    @property
    def log_volume(self) -> float:
        """`sum_i log |scale_i|`."""
        return float(self.log_volume_of(np.ones(len(self.scale))))

    def log_volume_of(self, columns: Array) -> Array:
        """`sum_i log |scale_i|` over the columns that are true, for every row."""
        return columns @ np.log(np.abs(self.scale), dtype=np.float64)

    def to_model(self, X: Array) -> Array:
        """`(x - location) / scale`, as far as products with weights stay finite in float32."""
        u = X - with_device_of(self.location, X)
        with np.errstate(over="ignore"):
            u /= with_device_of(self.scale, X)
        return astype(clip(u, -_FARTHEST, _FARTHEST), self.scale.dtype)

    def to_data(self, v: Array) -> Array:
        """`location + scale v`."""
        return self.location + self.scale * v

    draws = to_data

    def patterns(self, rbm: RBM) -> Array:
        """What each hidden unit adds to the means of the data's columns, a row a unit."""
        _, precision = rbm.visible.parameters
        return rbm.weights.array.T * (self.scale / precision)

    def hidden_bias(self, rbm: RBM) -> Array:
        """Biases of the hidden units when their input is that of the data's own values."""
        return rbm.hidden.bias - rbm.weights.input(self.location / self.scale)

    def variance(self, rbm: RBM) -> Array:
        """Variances of the data's columns given the hidden units, at most the largest number."""
        _, precision = rbm.visible.parameters
        variance = self.scale.astype(np.float64) ** 2 / precision
        return variance.clip(max=np.finfo(self.scale.dtype).max).astype(self.scale.dtype)

    def view(self, X: Any) -> MappedRows:
        """The rows, standardized as they are taken."""
        return MappedRows(X, self.to_model, X.shape[1], self.scale.dtype)


@dataclass(frozen=True)
class MappedRows:
    """What a function makes of rows of data, as they are taken, so that it is never all held.

    Parameters
    ----------
    X : {array, CSR matrix}
    function : callable
        From some rows of X to an array of as many rows.
    n_columns : int
    dtype : dtype
        Both of that array.
    """

    X: Any
    function: Callable[[Any], Array]
    n_columns: int
    dtype: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.X.shape[0], self.n_columns

    def __getitem__(self, rows: Array | slice) -> Array:
        return self.function(self.X[rows])


@dataclass(frozen=True)
class LabelledRows:
    """Rows of data and, in columns of their own, labels: one of them is on.

    Parameters
    ----------
    X : {array, CSR matrix}
    labels : ndarray of int of shape (n_rows,)
        From 0 to n_labels - 1.
    n_labels : int
    """

    X: Any
    labels: Array
    n_labels: int

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.X.shape[0], self.X.shape[1] + self.n_labels

    @property
    def dtype(self) -> Any:
        """That of the data."""
        return self.X.dtype

    @property
    def label_columns(self) -> slice:
        """Where the labels are."""
        return slice(-self.n_labels, None)

    def part(self, rows: Array) -> LabelledRows:
        """Some of the rows."""
        return LabelledRows(part(self.X, rows), self.labels[rows], self.n_labels)

    def __getitem__(self, rows: Array | slice) -> Any:
        one_hot = self.labels[rows, None] == np.arange(self.n_labels)
        x = self.X[rows]
        return concat([x, like(one_hot, x)], axis=-1)


class CompletedRows:
    """Rows in which a Gibbs chain a row stands for what is missing, and moves on as they are taken.

    Chains do not know labels: so what they complete is what there is without one.

    Parameters
    ----------
    X : array of shape (n_rows, n_visible), or what its rows are taken from
        Values of visible units, NaN where they are missing.
    rbm : RBM
        Whose parameters may change from one access to the next.
    base : Layer
        Chains start as draws from it.
    rng : Generator
    states : ndarray, optional
        Of chains that go on.
    """

    def __init__(
        self, X: Any, rbm: RBM, base: Layer, rng: Generator, states: Array | None = None
    ) -> None:
        self.X, self.rbm, self.rng = X, rbm, rng
        self.unseen = X.label_columns if isinstance(X, LabelledRows) else slice(0, 0)
        blocks = gen_batches(X.shape[0], BLOCK_ROWS)
        incomplete = np.concatenate([np.isnan(to_host(X[rows])).any(axis=1) for rows in blocks])
        self.chain = np.where(incomplete, incomplete.cumsum() - 1, -1)
        self.states = independent(base, int(incomplete.sum()), rng) if states is None else states

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.X.shape

    def __getitem__(self, rows: Array | slice) -> Array:
        x = to_host(self.X[rows]).astype(self.states.dtype, copy=False)
        chains = self.chain[rows]
        incomplete = chains >= 0
        if not incomplete.any():
            return x
        chains, known = chains[incomplete], x[incomplete]
        seen = known.copy()
        seen[:, self.unseen] = np.nan
        seen, states = (like(v, self.rbm.reference) for v in (seen, self.states[chains]))
        states = gibbs(Given.rows(self.rbm, seen), states, self.rng, _STEPS_A_VISIT)
        self.states[chains] = to_host(states)
        x = x.copy()
        x[incomplete] = np.where(np.isnan(known), self.states[chains], known)
        return x
