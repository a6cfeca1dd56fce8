"""Law 4: chains drawn from the exact distribution stay in it. With a negative control."""

import numpy as np
import pytest

from skrbm import _kernels, samplers
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import codes, draw, enumerate_rbm, random_rbm, total_variation

N_CHAINS = 100_000
FLOORS = 2.5  # a kernel that forgets a bias lies beyond; chance does not


def _joint_distance(rbm, v, h):
    exact = enumerate_rbm(rbm)
    return total_variation(codes(np.hstack([v, h])), exact.joint.ravel())


def _exact_chains(rbm):
    exact = enumerate_rbm(rbm)
    rng = np.random.default_rng(1)
    states = draw(exact.joint.ravel(), N_CHAINS, rng)
    return exact.v[states // len(exact.h)], exact.h[states % len(exact.h)]


@pytest.mark.parametrize("n_steps", [1, 4, 16])
def test_gibbs_leaves_the_joint_distribution_unchanged(n_steps):
    """Fails if a mean is passed on as a state, which shows from the second step on."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(rbm, h, _kernels.generator(2), n_steps)
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden)
    assert distance < FLOORS * floor


@pytest.mark.parametrize("n_steps", [1, 4, 16])
def test_gibbs_from_visible_states_leaves_the_marginal_unchanged(n_steps):
    """Fails if the last half step is left out, or a mean is passed on as a state."""
    rbm = random_rbm()
    v, _ = _exact_chains(rbm)
    v = samplers.gibbs_visible(rbm, v, _kernels.generator(2), n_steps)
    marginal = np.exp(enumerate_rbm(rbm).log_p_visible)
    distance, floor = total_variation(codes(v), marginal)
    assert distance < FLOORS * floor


def test_the_harness_catches_a_kernel_that_forgets_a_bias():
    """The negative control: without one hidden bias the distance is far beyond the limit."""
    rbm = random_rbm()
    bias = rbm.hidden.bias.copy()
    bias[0] = 0
    forgetful = RBM(rbm.visible, Bernoulli(bias), rbm.weights)
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(forgetful, h, _kernels.generator(2))
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden)
    assert distance > FLOORS * floor


def test_hidden_mean_belongs_to_the_visible_state_of_the_same_row():
    """Fails if the mean is that of the step before."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(rbm, h[:100], _kernels.generator(2), n_steps=3)
    np.testing.assert_array_equal(chains.hidden_mean, rbm.hidden_from_visible(chains.visible))


def test_independent_draws_have_the_layer_s_means():
    """Fails if all rows are the same draw. Six standard errors."""
    layer = random_rbm().visible
    draws = samplers.independent(layer, N_CHAINS, _kernels.generator(0))
    mean = layer.mean(0.0)
    assert (np.abs(draws.mean(axis=0) - mean) < 6 * np.sqrt(mean * (1 - mean) / N_CHAINS)).all()
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 6 / np.sqrt(N_CHAINS)
