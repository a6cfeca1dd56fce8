"""Training settings of a deep Boltzmann machine, from settings of an RBM of its lowest layers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from skrbm._kernels import arrays, random
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import Scaling
from skrbm.deep.arrangement import Arrangement
from skrbm.deep.mean_field import MeanField
from skrbm.estimators.rbm.settings import Settings, Start
from skrbm.learning.latent_gradient import LatentGradient
from skrbm.learning.loop import RowFigure
from skrbm.likelihood import pseudo_log_likelihood
from skrbm.model import RBM
from skrbm.units import Bernoulli, Layer
from skrbm.validation.rows import TrainingRows
from skrbm.weights import Weights, as_weights

FIGURE = "pseudo_log_likelihood"
_MOST_UPDATES = 250  # by default; twice as many are no better on small tables
_N_STEPS = 2  # Gibbs steps that draw the layers above the data in the data phase


def machine_settings(settings: Settings, sizes: tuple[int, ...], mean_field: MeanField) -> Settings:
    """Settings of a machine with these hidden layers, of which the first is the hidden layer given.

    Parameters
    ----------
    settings : Settings
        Of an RBM, whose visible units are the visible units of the machine.
    sizes : tuple of int
        Numbers of hidden units, from the bottom up.
    mean_field : MeanField
    """

    def layers(n_features: int) -> tuple[Layer, Layer]:
        return _sides([*settings.layers(n_features), *_upper(sizes, np.zeros(1))])

    def begin(rows: TrainingRows) -> Start:
        return _start(settings, sizes, rows)

    if len(sizes) == 1:
        return settings
    return replace(
        settings,
        layers=layers,
        begin=begin,
        figure=FIGURE,
        row_figure=_row_figure(mean_field),
        gradient=LatentGradient(n_steps=_N_STEPS, joint=settings.gradient, mean_field=mean_field),
        defaults=replace(settings.defaults, most_updates=_MOST_UPDATES),
    )


def arrangement_of(n_columns: int, sizes: tuple[int, ...]) -> Arrangement:
    """The arrangement of hidden layers above a visible layer with so many columns."""
    return Arrangement((n_columns, *sizes))


def _upper(sizes: tuple[int, ...], bias: Array) -> list[Layer]:
    """The hidden layers above the first one, whose units start with its bias."""
    return [Bernoulli(np.full(n, bias[0], bias.dtype)) for n in sizes[1:]]


def _sides(layers: list[Layer]) -> tuple[Layer, Layer]:
    """The even layers and the odd ones, each joined."""
    arrangement = Arrangement(tuple(layer.n_columns for layer in layers))
    return arrangement.layer(layers[::2]), arrangement.layer(layers[1::2])


def _start(settings: Settings, sizes: tuple[int, ...], rows: TrainingRows) -> Start:
    """The start of the training of all layers together."""
    start = settings.begin(rows)
    arrangement = arrangement_of(start.visible.n_columns, sizes)
    layers = [start.visible, start.hidden, *_upper(sizes, start.hidden.bias)]
    variance = rows.summary.total_variance

    def weights(shape: Any, scale: float, like: Array, rng: Generator) -> Weights:
        lowest, *upper = pairwise(arrangement.sizes)
        scale = settings.defaults.weight_scale(*lowest, variance)
        drawn = as_weights(start.weights(lowest, scale, like, rng))
        return arrangement.weights([drawn, *(_upper_weights(*x, like, rng) for x in upper)])

    visible, hidden = _sides(layers)
    column_variance = start.column_variance
    if column_variance is not None:  # units of deeper layers have no variance to learn
        ones = np.ones(arrangement.n_latent, column_variance.dtype)
        column_variance = np.concatenate([column_variance, ones])
    return replace(
        start,
        visible=visible,
        hidden=hidden,
        column_variance=column_variance,
        weights=weights,
        n_latent=arrangement.n_latent,
    )


def _upper_weights(n_lower: int, n_upper: int, like: Array, rng: Generator) -> Weights:
    """Initial weights between hidden layers, whose largest singular value is about one.

    No data fix the units of both layers, which therefore start nearly independent. With the scale
    of the lowest layer, random weights hold all units of the upper one in a fixed state.
    """
    scale = 1 / (math.sqrt(n_lower) + math.sqrt(n_upper))
    return as_weights(random.normal((n_lower, n_upper), scale, like, rng))


def _row_figure(mean_field: MeanField) -> Any:
    """The pseudo-likelihood of each row given its means of deeper layers."""

    def row_figure(scaling: Scaling, n_flips: int) -> RowFigure:
        def figure(rbm: RBM, v: Array, rng: Generator) -> Array:
            latent = mean_field.latent_layer(rbm.visible)
            means = mean_field.latent_means(rbm, v, latent.mean(0.0))
            x, n_units = arrays.append_columns(v, means), rbm.visible.n_units - latent.n_units
            value = pseudo_log_likelihood(rbm, x, min(n_flips, n_units), rng, n_units)
            return value - scaling.log_volume

        return figure

    return row_figure
