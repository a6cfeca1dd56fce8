"""Training defaults: initial weights and variances, step sizes, number of updates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.learning.variance import SMALLEST_VARIANCE

# Units are on in 12 % of the rows, which makes binary hidden units feature detectors.
HIDDEN_BIAS = -2.0

_LABEL_RATE = 10.0
_LABELLED_FACTOR = 4.0  # on the rate with chains, since the model only has to separate labels
_LARGEST_SHARE = 0.1  # of the generative part, up to which the label decides how long to train
_LABELLED_UPDATES = 4.0  # per row

# Standard deviations of the initial inputs of binary units. Hidden units of small tables, whose
# columns vary little between 0 and 1, would be nearly constant without the first one; the second is
# the largest for draws of zeros and ones.
_SPREAD, _LARGEST_SPREAD = 0.7, 2.5

_ALPHA, _UNITS = 0.25, 64
_FEWEST_ROWS = 50  # fewer rows are patterns to store

_FILTER_UPDATES = 1_000

FEWEST_UPDATES, MOST_UPDATES = 2_000, 5_000

_GIVEN_VARIANCES = 1e-12, 1e6  # limits, as a share of the variance of the data


def _density_updates(n_rows: int, n_visible: int) -> float:
    return n_rows * n_visible  # small tables have little to learn


def _alpha(n_independent: float, n_hidden: float) -> float:
    return _ALPHA * n_independent * (_UNITS / n_hidden) ** 0.25


@dataclass(frozen=True)
class Defaults:
    """Training defaults of a type of model.

    Parameters
    ----------
    weight_scale : callable
        From the numbers of visible units that a hidden unit sees, and of hidden units that see a
        visible one, and the sum of the variances of the columns it sees, to the standard deviation
        of initial weights.
    rate : callable
        From the number of hidden units that see a visible one to `learning_rate="auto"`.
    decay_power : int
        Power with which the step size decays to zero over a fit.
    largest_step : float, default=inf
        See `CentredOptimizer`.
    alpha : callable
        From the effective number of independent columns and the number of hidden units to
        `alpha="auto"`, for enough rows.
    updates : callable
        From the numbers of rows and visible units to the number of updates, before limits.
    most_updates : int
        Their largest number.
    n_chains : callable
        From the number of rows to the number of persistent chains with `n_chains="auto"`.
    """

    weight_scale: Callable[[float, float, float], float]
    rate: Callable[[float], float]
    decay_power: int = 1
    largest_step: float = math.inf
    updates: Callable[[int, int], float] = _density_updates
    alpha: Callable[[float, float], float] = _alpha
    most_updates: int = MOST_UPDATES
    n_chains: Callable[[int], int] = lambda n_rows: 100

    def prior(self, n_independent: float, n_hidden: float, weight: float | None) -> float:
        """The strength of the prior with `alpha="auto"`, for rows of this total weight."""
        if weight is not None and weight < _FEWEST_ROWS:
            return 0.0
        return self.alpha(n_independent, n_hidden)

    def n_updates(self, n_rows: int, n_visible: int) -> float:
        """The number of updates with `n_iter="auto"`, before it is rounded up to epochs."""
        n_updates = self.updates(n_rows, n_visible)
        return min(self.most_updates, max(FEWEST_UPDATES, n_updates))


def _binary_rate(n_components: float) -> float:
    """A fit to the best step sizes found for 16, 64, 256 and 500 hidden units."""
    return min(2.0, 16.0 * n_components**-0.75)


def _binary_scale(n_visible: float, n_hidden: float, variance: float) -> float:
    enough = _SPREAD / math.sqrt(variance) if variance > 0 else 0.0
    most = _LARGEST_SPREAD / math.sqrt(0.25 * n_visible)
    return max(min(enough, most), 6.0 / math.sqrt(n_visible + n_hidden))


BINARY = Defaults(weight_scale=_binary_scale, rate=_binary_rate)
# Ordinal units have few directions in which data vary much. With many rows, a gradient with less
# noise pays off, and samples start at the chains.
TABULAR = replace(
    BINARY,
    rate=lambda n_components: min(2.0, 64.0 * n_components**-0.75),
    updates=lambda n_rows, _: 300 * n_rows ** (1 / 3),
    most_updates=10_000,
    n_chains=lambda n_rows: min(500, max(100, n_rows // 50)),
)
# For models with a Gaussian layer. A limit in nats makes every step size safe. Initially the model
# is close to one of independent units.
GAUSSIAN = Defaults(
    weight_scale=lambda n_visible, n_hidden, variance: 1.0 / math.sqrt(n_visible * n_hidden),
    rate=lambda n_components: 2.0,
    decay_power=2,
    largest_step=5.0,
)
# Patterns are stored unchanged.
HOPFIELD = replace(GAUSSIAN, alpha=lambda *_: 0.0)


def above_others(defaults: Defaults, n_features: int) -> Defaults:
    """Training defaults of a layer above others, whose inputs are drawn from data of these columns.

    The amount to learn depends on the number of values in the data, not on the number of inputs.
    """

    def weight_scale(n_visible: float, n_hidden: float, _: float) -> float:
        return defaults.weight_scale(n_visible, n_hidden, math.inf)  # draws vary enough

    def updates(n_rows: int, _: int) -> float:
        return defaults.updates(n_rows, n_features)

    return replace(defaults, updates=updates, weight_scale=weight_scale)


def with_filters(defaults: Defaults) -> Defaults:
    """Training defaults of filters, which see all places of each picture in every update.

    A column has many filters, which initially draw it in different directions.
    """

    def weight_scale(n_visible: float, n_hidden: float, _: float) -> float:
        return 1.0 / math.sqrt(n_visible + n_hidden)

    return replace(defaults, weight_scale=weight_scale, most_updates=_FILTER_UPDATES)


def labelled(generative_share: float) -> Defaults:
    """Training defaults with a class label; without chains a larger step size is safe."""

    def rate(n_components: float) -> float:
        of_chains = _LABELLED_FACTOR * _binary_rate(n_components)
        return min(_LABEL_RATE, of_chains / max(generative_share, 1e-9))

    if generative_share > _LARGEST_SHARE:
        return replace(BINARY, rate=rate)
    # So few updates regularise the probability of the label; with a prior its log loss is larger.
    return replace(
        BINARY,
        rate=rate,
        updates=lambda n_rows, *_: _LABELLED_UPDATES * n_rows,
        alpha=lambda *_: 0.0,
    )


def initial_variance(kind: Any, of_data: Array, scale: Array) -> tuple[Array, Array | None]:
    """Initial variances of columns divided by their scales; also variances of data to learn from.

    Parameters
    ----------
    kind : {"learned", "shared", "data"} or ndarray of shape (n_columns,)
        How they are chosen, or given variances in squared data units.
    of_data : ndarray of shape (n_columns,)
        Variances of the scaled columns.
    scale : ndarray of shape (n_columns,)
    """
    square = scale.astype(np.float64) ** 2
    if not isinstance(kind, str):
        with np.errstate(over="ignore"):
            return (kind / square).clip(*_GIVEN_VARIANCES), None
    variance = of_data.clip(SMALLEST_VARIANCE)
    if kind == "shared":
        variance = (np.mean(variance * square) / square).astype(scale.dtype)
        return variance, variance.copy()
    return variance, np.ones_like(variance) if kind == "learned" else None
