"""A label among the visible units, where some of the others are missing.

With `v_o` for those that are known, `p(y | v_o)` is in proportion to `p(v_o, y)`: a marginal of the
RBM of the other units that a label leaves, whose hidden biases it shifts.
"""

from __future__ import annotations

from dataclasses import replace

from skrbm import conditionals
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm.conditionals import Given
from skrbm.model import RBM
from skrbm.units import Layer

_N_STEPS = 100  # of chains that tell a label
_SMALLEST = 1e-300


def with_label(rbm: RBM, y: int, n_labels: int) -> RBM:
    """The RBM of the other visible units where the label is y."""
    others = slice(None, -n_labels)
    row = rbm.visible.n_units - n_labels + y
    shifted = rbm.hidden.shift(rbm.weights.rows(row))
    visible = rbm.visible.part(others)
    return replace(rbm, visible=visible, hidden=shifted, weights=rbm.weights.part(others))


def label_logits_given(rbm: RBM, base: Layer, x: Array, n_labels: int, rng: Generator) -> Array:
    """`log p(x_o, y)` of every row and every label y, in float64, up to a constant of the row.

    Where neither the hidden units nor what is missing can be enumerated, `p(y | x_o)` is an average
    over block Gibbs chains; see `conditionals.means`.

    Parameters
    ----------
    rbm : RBM
        The last n_labels visible units are the label.
    base : Layer
        The visible layer that chains start from.
    x : ndarray of shape (n_rows, n_visible - n_labels)
        NaN where a unit is missing.
    n_labels : int
    rng : Generator
    """
    logits = devices.float64(arrays.zeros((len(x), n_labels), x))
    exact = conditionals.are_enumerated(Given.rows(with_label(rbm, 0, n_labels), x))
    of_base = base.part(slice(None, -n_labels))
    for y in range(n_labels):
        of_rows = conditionals.log_marginal(with_label(rbm, y, n_labels), of_base, x[exact], rng)
        logits[exact, y] = rbm.visible.bias[y - n_labels] + of_rows
    found = conditionals.means(rbm, base, unlabelled(x[~exact], n_labels), rng, _N_STEPS)
    mean = devices.float64(found.visible[:, -n_labels:])
    logits[~exact] = arrays.log(mean + _SMALLEST)
    return logits


def unlabelled(x: Array, n_labels: int) -> Array:
    """Rows of all visible units, whose label is missing."""
    return arrays.concat([x, arrays.nan((len(x), n_labels), x)], axis=-1)


def completed_unlabelled(rbm: RBM, v: Array, n_labels: int, rng: Generator, n_steps: int) -> Array:
    """Rows `(x, y)` in which what is missing of x is drawn from `p(x_m | x_o)`, without the label.

    Parameters
    ----------
    rbm : RBM
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is missing.
    n_labels : int
    rng : Generator
    n_steps : int
        Of the chains, where draws are not exact.
    """
    x, label = v[:, :-n_labels], v[:, -n_labels:]
    drawn = conditionals.draw(rbm, rbm.visible, unlabelled(x, n_labels), rng, n_steps)
    return arrays.concat([drawn[:, :-n_labels], label], axis=-1)
