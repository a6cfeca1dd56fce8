"""Convolutional RBMs: shared weights and probabilistic max-pooling, by enumeration."""

import numpy as np
import pytest

from skrbm._kernels import random
from skrbm.data.pictures import ReceptiveField
from skrbm.learning.gradients import ExactGradient
from skrbm.learning.optimizer import CentredOptimizer, Pace
from skrbm.likelihood import exact_log_partition
from skrbm.model import RBM
from skrbm.samplers import gibbs_visible
from skrbm.units import Bernoulli, Pooled
from skrbm.weights import Shared

from laws import BERNOULLI, POOLED, draw, enumerate_rbm, indices, total_variation, training_state

FIELD = ReceptiveField((2, 2), (1, 1), (3, 3, 1))


def _convolutional(pooling=2, scale=1.0, seed=0):
    """Two filters at four places of a picture of 3 x 3 pixels."""
    rng = np.random.default_rng(seed)
    filters = rng.normal(scale=scale, size=(4, 2))
    weights = Shared(filters, FIELD.windows(np.arange(9)), FIELD.grid, pooling)
    hidden = Pooled.of_maps(rng.normal(size=2), 4 // pooling**2, pooling**2)
    return RBM(Bernoulli(rng.normal(size=9)), hidden, weights)


def _offsets(rbm):
    rng = np.random.default_rng(1)
    return rbm.weights.offset(rng.random(9)), rng.random(8)


@pytest.mark.parametrize("pooling", [1, 2])
def test_the_energy_of_a_picture_is_a_sum_over_places(pooling):
    """Fails if a filter has different weights or biases at different places.

    `-sum_kp h_kp (c_k + sum_ij w_kij v_(i+p, j+p)) - b v`, with loops over maps and places.
    """
    rbm = _convolutional(pooling)
    rng = np.random.default_rng(2)
    v, h = rng.integers(2, size=(5, 9)).astype(float), np.zeros((5, 8))
    blocks = h.reshape(5, 4 // pooling**2, 2, pooling, pooling)
    expected = -v @ rbm.visible.bias
    for row, k, i, j in np.ndindex(5, 2, 2, 2):
        on = rng.integers(2) if pooling == 1 else float(2 * i + j == (row + k) % 4)
        place = (2 * i + j, k, 0, 0) if pooling == 1 else (0, k, i, j)
        blocks[row, *place] = on
        window = v[row].reshape(3, 3)[i : i + 2, j : j + 2].reshape(-1)
        filter_k, bias = rbm.weights.filters[:, k], rbm.hidden.group_bias[k]
        expected[row] -= on * (bias + window @ filter_k)
    np.testing.assert_allclose(rbm.energy(v, h), expected, atol=1e-12)


@pytest.mark.parametrize("pooling", [1, 2])
def test_enumeration_over_pictures_and_over_maps_agree(pooling):
    """Fails if a block has other states than one detector or none."""
    rbm = _convolutional(pooling)
    exact = enumerate_rbm(rbm, (BERNOULLI, POOLED))
    assert exact_log_partition(rbm).value == pytest.approx(exact.log_partition, rel=1e-12)
    log_p = -rbm.free_energy(exact.v) - exact.log_partition
    np.testing.assert_allclose(log_p, exact.log_p_visible, atol=1e-10)
    log_p = -rbm.swap().free_energy(exact.h) - exact.log_partition
    np.testing.assert_allclose(np.exp(log_p), exact.joint.sum(axis=0), atol=1e-12)


def test_chains_keep_the_distribution_of_pictures():
    """Fails if two detectors of a block are on. 2.5 times the distance expected by chance."""
    rbm = _convolutional(scale=1.5)
    exact = enumerate_rbm(rbm, (BERNOULLI, POOLED))
    rng = random.generator(0)
    v = exact.v[draw(exact.joint.sum(axis=1), 50_000, rng)]
    v = gibbs_visible(rbm, v, rng, n_steps=3)
    h = rbm.sample_hidden(v, rng)
    for states, chains, p in ((exact.v, v, exact.joint.sum(1)), (exact.h, h, exact.joint.sum(0))):
        distance, floor = total_variation(indices(chains, states), p)
        assert distance <= 2.5 * floor


@pytest.mark.parametrize(("pooling", "largest_step"), [(1, np.inf), (2, np.inf), (2, 1e9)])
def test_a_step_is_the_gradient_of_the_shared_parameters(pooling, largest_step):
    """Fails if the biases do not follow the filters, or the offset of a pixel has its own input.

    In the centred parameters: W, b' = b + W k and c' = c + m W, for every map at any place. Central
    differences of the exact log-likelihood.
    """
    rbm = _convolutional(pooling)
    v = np.random.default_rng(3).integers(2, size=(6, 9)).astype(float)
    m, k = _offsets(rbm)
    filters, b, c = (x.copy() for x in rbm.parameters)

    def model(filters, centred_b, centred_c):
        weights = rbm.weights.with_arrays((filters,))
        b = centred_b - weights.T.input(k)
        c = centred_c - m[:4] @ filters
        return RBM(Bernoulli(b), rbm.hidden.with_parameters([c]), weights)

    def log_likelihood(*centred):
        of_v = enumerate_rbm(model(*centred), (BERNOULLI, POOLED))
        return of_v.log_p_visible[indices(v, of_v.v)].mean()

    centred = filters, b + rbm.weights.T.input(k), c + m[:4] @ filters
    step, rate, moved = 1e-5, 0.1, []
    for x in centred:
        slope = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            value = x[index]
            for sign in (1, -1):
                x[index] = value + sign * step
                slope[index] += sign * log_likelihood(*centred) / (2 * step)
            x[index] = value
        moved.append(x + rate * slope)
    state = training_state(rbm, m, k)
    phases = ExactGradient().phases(state, v, np.ones(len(v)))
    CentredOptimizer(0.0, largest_step).step(state, phases, Pace(rate))
    for got, want in zip(rbm.parameters, model(*moved).parameters, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-9)


def test_the_prior_keeps_the_input_at_the_offsets():
    """Fails if biases of a map follow the sum over places instead of the mean."""
    rbm = _convolutional()
    m, k = _offsets(rbm)
    before = rbm.hidden.mean(rbm.hidden_input(m)), rbm.visible.mean(rbm.weights.T.input(k))
    state = training_state(rbm, m, k)
    v = np.random.default_rng(3).integers(2, size=(6, 9)).astype(float)
    phases = ExactGradient().phases(state, v, np.ones(6)).weighted(0.0)
    filters = rbm.weights.filters.copy()
    CentredOptimizer(0.0).step(state, phases, Pace(0.1, 1.0, 3.0))
    assert np.abs(rbm.weights.filters).sum() < 0.9 * np.abs(filters).sum()
    after = rbm.hidden.mean(rbm.hidden_input(m)), rbm.visible.mean(rbm.weights.T.input(k))
    for x, y in zip(before, after, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-9)


def test_training_keeps_an_offset_with_the_same_input_at_every_place():
    """Fails if the offset follows the means of single pixels, which shared biases cannot absorb."""
    rbm = _convolutional()
    m, k = _offsets(rbm)
    state = training_state(rbm, m, k)
    v = np.random.default_rng(3).integers(2, size=(6, 9)).astype(float)
    CentredOptimizer(0.3).step(state, ExactGradient().phases(state, v, np.ones(6)), Pace(0.1))
    assert np.abs(state.visible_offset - m).max() > 0.01
    by_map = rbm.weights.input(state.visible_offset).reshape(2, 4)
    np.testing.assert_allclose(by_map, by_map[:, [0] * 4], atol=1e-12)
