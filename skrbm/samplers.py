"""Markov chains whose stationary distribution is a model's."""

from __future__ import annotations

from typing import NamedTuple

from skrbm import _kernels
from skrbm._kernels import Array, Generator
from skrbm.model import RBM
from skrbm.units import Layer


class Chains(NamedTuple):
    """States of block Gibbs chains, one a row.

    `visible` and `hidden` are samples, `hidden` drawn given `visible`; `hidden_mean` is
    `E[h | visible]`, the less noisy partner of `visible` in a gradient.
    """

    visible: Array
    hidden_mean: Array
    hidden: Array


def independent(layer: Layer, n_rows: int, rng: Generator) -> Array:
    """Draw n_rows states of a layer that receives no input."""
    return layer.sample(layer.mean(_kernels.zeros((n_rows, 1), layer.bias.dtype)), rng)


def start(rbm: RBM, v: Array, rng: Generator) -> Chains:
    """Chains at the visible states v."""
    mean = rbm.hidden_from_visible(v)
    return Chains(v, mean, rbm.hidden.sample(mean, rng))


def gibbs(rbm: RBM, hidden: Array, rng: Generator, n_steps: int = 1) -> Chains:
    """Run block Gibbs chains from hidden samples: v given h, then h given v, n_steps >= 1 times.

    Starting from the hidden side, a persistent chain costs one product a half step: `hidden_mean`
    serves both the gradient and the draw from which the next call goes on.
    """
    for _ in range(n_steps):
        chains = start(rbm, rbm.sample_visible(hidden, rng), rng)
        hidden = chains.hidden
    return chains


def gibbs_visible(rbm: RBM, v: Array, rng: Generator, n_steps: int = 1) -> Array:
    """Run block Gibbs chains from visible states: h given v, then v given h, n_steps times."""
    for _ in range(n_steps):
        v = rbm.sample_visible(rbm.sample_hidden(v, rng), rng)
    return v
