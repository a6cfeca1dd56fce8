"""Class labels as visible units: the probability of the label given the other visible units.

The visible layer is `Joined((others, label))`, and a row is `(x, y)`. If only the values `x_o` of x
are known, `p(y | x_o)` is proportional to `p(x_o, y)`. For each label y, this is a marginal of the
RBM without the label, with hidden biases shifted by the weights of y.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

from skrbm import conditionals
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.generators import by_part
from skrbm.conditionals import Given
from skrbm.model import RBM
from skrbm.units import Joined, Layer

_N_STEPS = 100  # of chains for a label
_SMALLEST = 1e-300


def label_logits(rbm: RBM, x: Any) -> Array:
    """`log p(x, y) + log Z` for every row x and every label y, in float64.

    The softmax of the result over y is `p(y | x)`.
    """
    others, _ = layer_columns(rbm)
    return logits_of_input(rbm, rbm.weights.part(others).input(x))


def logits_of_input(rbm: RBM, hidden_input: Array) -> Array:
    """`label_logits` from the hidden input of the other visible units."""
    _, label = layer_columns(rbm)
    log_normalizer = rbm.hidden.pairwise_log_normalizer(hidden_input, rbm.weights.rows(label))
    return log_normalizer + devices.with_device_of(label_layer(rbm.visible).bias, log_normalizer)


def log_label_probability(rbm: RBM, v: Any) -> Array:
    """`log p(y | x)` for every row `v = (x, y)`, in nats and float64."""
    others, label = layer_columns(rbm)
    logits = label_logits(rbm, v[:, others])
    given = arrays.row_dot(logits, devices.with_device_of(arrays.to_dense(v[:, label]), logits))
    return given - arrays.row_log_sum_exp(logits)


def layer_columns(rbm: RBM) -> tuple[slice, slice]:
    """Columns of the other visible units, and columns of the label."""
    others, label = cast(Joined, rbm.visible).slices
    return others, label


def label_layer(visible: Layer) -> Layer:
    """Return the layer of the label."""
    return cast(Joined, visible).layers[-1]


def with_label(rbm: RBM, y: int) -> RBM:
    """Return the RBM of the other visible units, given the label y."""
    others, label = layer_columns(rbm)
    shifted = rbm.hidden.shift(rbm.weights.rows(label.start + y))
    visible = other_layer(rbm.visible)
    return replace(rbm, visible=visible, hidden=shifted, weights=rbm.weights.part(others))


def other_layer(visible: Layer) -> Layer:
    """Return the layer of the other visible units."""
    return cast(Joined, visible).layers[0]


def label_logits_given(rbm: RBM, base: Layer, x: Array, rng: Generator) -> Array:
    """`log p(x_o, y)` for every row and every label y, in float64, up to a constant per row.

    If neither the hidden units nor the missing units can be enumerated, `p(y | x_o)` is an average
    over block Gibbs chains; see `conditionals.means`.

    Parameters
    ----------
    rbm : RBM
    base : Layer
        Visible layer from which chains start.
    x : ndarray of shape (n_rows, n_visible - n_labels)
        NaN in missing units.
    rng : Generator
    """
    bias = label_layer(rbm.visible).bias
    logits = devices.float64(arrays.zeros((len(x), len(bias)), x))
    exact, rng_of = conditionals.are_enumerated(Given.rows(with_label(rbm, 0), x)), by_part(rng)
    some, others = x[exact], other_layer(base)
    for y in range(len(bias)):
        of_rows = conditionals.log_marginal(with_label(rbm, y), others, some, rng_of(exact))
        logits[exact, y] = bias[y] + of_rows
    _, label = layer_columns(rbm)
    found = conditionals.means(rbm, base, unlabelled(rbm, x[~exact]), rng_of(~exact), _N_STEPS)
    logits[~exact] = arrays.log(devices.float64(found.visible[:, label]) + _SMALLEST)
    return logits


def unlabelled(rbm: RBM, x: Array) -> Array:
    """Append NaN as the label to rows of the other visible units."""
    n_labels = label_layer(rbm.visible).n_columns
    return arrays.concat([x, arrays.full((len(x), n_labels), math.nan, x)], axis=-1)


def completed_unlabelled(rbm: RBM, v: Array, rng: Generator, n_steps: int) -> Array:
    """Draw missing values of x from `p(x_m | x_o)` in rows `(x, y)`; the label has no effect.

    Parameters
    ----------
    rbm : RBM
    v : ndarray of shape (n_rows, n_visible)
        NaN in missing units.
    rng : Generator
    n_steps : int
        Length of the chains, if draws are not exact.

    Returns
    -------
    v : ndarray of shape (n_rows, n_visible)
    """
    others, label = layer_columns(rbm)
    drawn = conditionals.draw(rbm, rbm.visible, unlabelled(rbm, v[:, others]), rng, n_steps)
    return arrays.concat([drawn[:, others], v[:, label]], axis=-1)
