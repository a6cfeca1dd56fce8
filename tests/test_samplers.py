"""Law 4: chains drawn from the exact distribution stay in it. With a negative control."""

import numpy as np
import pytest

from skrbm import samplers
from skrbm._kernels import random
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import codes, coupled_rbm, draw, enumerate_rbm, random_rbm, total_variation

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
    chains = samplers.gibbs(rbm, h, random.generator(2), n_steps)
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden)
    assert distance < FLOORS * floor


@pytest.mark.parametrize("n_steps", [1, 4, 16])
def test_gibbs_from_visible_states_leaves_the_marginal_unchanged(n_steps):
    """Fails if the last half step is left out, or a mean is passed on as a state."""
    rbm = random_rbm()
    v, _ = _exact_chains(rbm)
    v = samplers.gibbs_visible(rbm, v, random.generator(2), n_steps)
    marginal = np.exp(enumerate_rbm(rbm).log_p_visible)
    distance, floor = total_variation(codes(v), marginal)
    assert distance < FLOORS * floor


def test_the_harness_catches_a_kernel_that_forgets_a_bias():
    """The negative control: without one hidden bias the distance is far beyond the limit."""
    rbm = random_rbm()
    bias = rbm.hidden.bias.copy()
    bias[0] = 0
    forgetful = RBM(rbm.visible, Bernoulli(bias), rbm.weights.array)
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(forgetful, h, random.generator(2))
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden)
    assert distance > FLOORS * floor


def test_hidden_mean_belongs_to_the_visible_state_of_the_same_row():
    """Fails if the mean is that of the step before."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(rbm, h[:100], random.generator(2), n_steps=3)
    np.testing.assert_array_equal(chains.hidden_mean, rbm.hidden_from_visible(chains.visible))


def test_independent_draws_have_the_layer_s_means():
    """Fails if all rows are the same draw. Six standard errors."""
    layer = random_rbm().visible
    draws = samplers.independent(layer, N_CHAINS, random.generator(0))
    mean = layer.mean(0.0)
    assert (np.abs(draws.mean(axis=0) - mean) < 6 * np.sqrt(mean * (1 - mean) / N_CHAINS)).all()
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 6 / np.sqrt(N_CHAINS)


def _mixture(rbm, n_rows=7):
    """A proposal that is far from the model's own distribution of hidden states."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 2, size=n_rows)
    means = rng.uniform(0.05, 0.95, size=(n_rows, rbm.hidden.n_units))
    return samplers.HiddenMixture(means, weights / weights.sum())


@pytest.mark.parametrize("n_jumps", [1, 4])
def test_jumps_leave_the_distribution_unchanged(n_jumps):
    """Fails if the density of the proposal is left out, or another row's jump is taken."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    rng = random.generator(2)
    for _ in range(n_jumps):
        x, _ = samplers.jump(rbm, h, _mixture(rbm), slice(0, N_CHAINS), rng)
        v = rbm.visible.sample(rbm.visible.mean(x), rng)
        h = rbm.sample_hidden(v, rng)
    distance, floor = _joint_distance(rbm, v, h)
    assert distance < FLOORS * floor


def test_only_the_chosen_chains_jump():
    """Fails if a jump lands in another row: the others keep the input that they had."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    before = rbm.swap().hidden_input(h)
    chosen = slice(100, 1100)
    x, n_accepted = samplers.jump(rbm, h, _mixture(rbm), chosen, random.generator(2))
    moved = (x != before).any(axis=1)
    assert not moved[: chosen.start].any()
    assert not moved[chosen.stop :].any()
    assert 0 < moved.sum() <= n_accepted < 1000


def test_jumps_cross_a_barrier_that_gibbs_steps_do_not():
    """Fails if jumps are proposed to the state where the chain is. Two modes of equal mass.

    Between them lie 30 nats; chains that all start in one mode are shared out after ten jumps, to
    six standard errors of a frequency, and not one leaves by ten block Gibbs steps.
    """
    n = 10_000
    rbm = RBM(Bernoulli(np.full(6, -30.0)), Bernoulli(np.full(3, -60.0)), np.full((6, 3), 20.0))
    modes = samplers.HiddenMixture(np.array([[0.01] * 3, [0.99] * 3]), np.array([0.2, 0.8]))
    rng = random.generator(0)
    h = stuck = np.zeros((n, 3))
    for _ in range(10):
        x, _ = samplers.jump(rbm, h, modes, slice(0, n), rng)
        h = rbm.sample_hidden(rbm.visible.sample(rbm.visible.mean(x), rng), rng)
    stuck = samplers.gibbs(rbm, stuck, rng, 10).hidden
    assert abs(h.mean() - 0.5) < 6 * 0.5 / np.sqrt(n)
    assert stuck.sum() == 0


def test_chains_that_jump_leave_the_distribution_unchanged_and_cross():
    """From exact states, and from one of two modes. Fails if no step jumps, or a jump is lost."""
    rbm = random_rbm()
    v, _ = _exact_chains(rbm)
    for n_steps in (1, 11):
        moved = samplers.jumping_gibbs(rbm, v, _mixture(rbm), random.generator(2), n_steps)
        distance, floor = total_variation(codes(moved), np.exp(enumerate_rbm(rbm).log_p_visible))
        assert distance < FLOORS * floor
    n = 10_000
    rbm = RBM(Bernoulli(np.full(6, -30.0)), Bernoulli(np.full(3, -60.0)), np.full((6, 3), 20.0))
    modes = samplers.HiddenMixture(np.array([[0.01] * 3, [0.99] * 3]), np.array([0.2, 0.8]))
    start, rng = np.zeros((n, 6)), random.generator(0)
    moved = samplers.jumping_gibbs(rbm, start, modes, rng, 100)
    assert abs(moved.mean() - 0.5) < 6 * 0.5 / np.sqrt(n)


def _tempered_chains(rbm, n_chains, seed=1):
    """Replicas drawn from their exact distributions, at betas 1, 0.6 and 0.1."""
    rng = np.random.default_rng(seed)
    base = Bernoulli(np.array([0.5, -1.0, 0.0, 1.0]))
    betas = np.array([1.0, 0.6, 0.1])
    tempering = samplers.ParallelTempering.start(
        rbm, base, np.zeros((n_chains, 4)), 3, random.generator(0)
    )
    tempering.betas = betas
    models = [rbm.interpolate(base, rbm.hidden.neutral(), beta) for beta in betas]
    exact = [enumerate_rbm(RBM(m.visible, m.hidden, m.beta * m.weights.array)) for m in models]
    states = [draw(e.joint.ravel(), n_chains, rng) for e in exact]
    n_hidden = len(exact[0].h)
    v = np.stack([e.v[s // n_hidden] for e, s in zip(exact, states, strict=True)])
    h = np.stack([e.h[s % n_hidden] for e, s in zip(exact, states, strict=True)])
    tempering.chains = samplers.Chains(v, h, h)
    return tempering, exact


@pytest.mark.parametrize("n_steps", [1, 4, 16])
def test_tempering_leaves_every_replica_s_distribution_unchanged(n_steps):
    """Fails if an exchange weighs a state at one temperature only, or forgets the base."""
    rbm = random_rbm(scale=2)
    tempering, exact = _tempered_chains(rbm, N_CHAINS)
    rng = random.generator(3)
    for _ in range(n_steps):
        tempering.step(rbm, rng)
    assert 0.1 < tempering.swap_rates.min() < 0.95
    for v, h, e in zip(tempering.chains.visible, tempering.chains.hidden, exact, strict=True):
        distance, floor = total_variation(codes(np.hstack([v, h])), e.joint.ravel())
        assert distance < FLOORS * floor


def test_tempering_visits_both_modes():
    """Fails if states are never exchanged: see the barrier that jumps cross, above."""
    n = 200
    rbm = RBM(Bernoulli(np.full(6, -30.0)), Bernoulli(np.full(3, -60.0)), np.full((6, 3), 20.0))
    rng = random.generator(0)
    tempering = samplers.ParallelTempering.start(
        rbm, Bernoulli(np.zeros(6)), np.zeros((n, 6)), 10, rng
    )
    on = []
    for _ in range(3000):
        tempering.step(rbm, rng)
        on.append(tempering.cold.visible.mean())
    assert abs(np.mean(on[1000:]) - 0.5) < 0.05


def test_ladder_adapts_to_equal_rejection():
    """Fails if temperatures stay where they started: there, rejections differ by more than 0.2.

    The rejections are moving averages of 500 exchanges a step, all pairs alike after adapting.
    """
    rbm = coupled_rbm(scale=2.0)
    rng = random.generator(0)
    tempering = samplers.ParallelTempering.start(rbm, rbm.visible, np.zeros((500, 6)), 6, rng)
    for _ in range(99):
        tempering.step(rbm, rng)
    assert np.ptp(tempering.rejection) > 0.1
    for _ in range(1900):
        tempering.step(rbm, rng)
    assert np.ptp(tempering.rejection) < 0.05
    assert (np.diff(tempering.betas) < 0).all()
    assert tempering.betas[0] == 1


def test_ladder_ends_above_zero_where_it_is_too_short():
    """Fails if neighbours may reject more than half of their exchanges to reach beta = 0."""
    rbm = coupled_rbm(n_visible=40, n_hidden=20, scale=3.0)
    rng = random.generator(0)
    tempering = samplers.ParallelTempering.start(rbm, rbm.visible, np.zeros((200, 40)), 3, rng)
    for _ in range(3000):
        tempering.step(rbm, rng)
    assert tempering.betas[-1] > 0.05
    assert tempering.rejection.max() < 0.6
