"""Law 4: chains drawn from the exact distribution stay in it. With a negative control."""

import numpy as np
import pytest

from skrbm import samplers
from skrbm._kernels import random
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import (
    BERNOULLI,
    CATEGORICAL,
    PAIRS,
    WITH_LABELS,
    codes,
    coupled_rbm,
    draw,
    enumerate_rbm,
    indices,
    random_rbm,
    total_variation,
)

N_CHAINS = 100_000
FLOORS = 2.5  # a kernel that forgets a bias exceeds it; chance does not


# Types of layers whose states can be counted, in either position.
FINITE = [
    (BERNOULLI, BERNOULLI),
    (CATEGORICAL, BERNOULLI),
    (BERNOULLI, CATEGORICAL),
    (WITH_LABELS, WITH_LABELS),
]
finite = pytest.mark.parametrize("pair", FINITE, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
# Binary chains of 1, 4 and 16 steps, others of 4.
runs = pytest.mark.parametrize(
    ("pair", "n_steps"),
    [*((FINITE[0], n) for n in (1, 4, 16)), *((pair, 4) for pair in FINITE[1:])],
    ids=lambda x: x if isinstance(x, int) else f"{x[0].name}-{x[1].name}",
)


def _joint_distance(rbm, v, h, pair=PAIRS[0]):
    exact = enumerate_rbm(rbm, pair)
    states = indices(v, exact.v) * len(exact.h) + indices(h, exact.h)
    return total_variation(states, exact.joint.ravel())


def _exact_chains(rbm, pair=PAIRS[0]):
    exact = enumerate_rbm(rbm, pair)
    rng = np.random.default_rng(1)
    states = draw(exact.joint.ravel(), N_CHAINS, rng)
    return exact.v[states // len(exact.h)], exact.h[states % len(exact.h)]


@runs
def test_gibbs_leaves_the_joint_distribution_unchanged(pair, n_steps):
    """Fails if a mean is passed on as a state, which has an effect from the second step on."""
    rbm = random_rbm(pair)
    _, h = _exact_chains(rbm, pair)
    chains = samplers.gibbs(rbm, h, random.generator(2), n_steps)
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden, pair)
    assert distance < FLOORS * floor


@runs
def test_gibbs_from_visible_states_leaves_the_marginal_unchanged(pair, n_steps):
    """Fails if the last half step is left out, or a mean is passed on as a state."""
    rbm = random_rbm(pair)
    v, _ = _exact_chains(rbm, pair)
    v = samplers.gibbs_visible(rbm, v, random.generator(2), n_steps)
    exact = enumerate_rbm(rbm, pair)
    distance, floor = total_variation(indices(v, exact.v), np.exp(exact.log_p_visible))
    assert distance < FLOORS * floor


def test_the_harness_catches_a_kernel_that_forgets_a_bias():
    """Negative control: without one hidden bias the distance is far beyond the limit."""
    rbm = random_rbm()
    bias = rbm.hidden.bias.copy()
    bias[0] = 0
    forgetful = RBM(rbm.visible, Bernoulli(bias), rbm.weights.array)
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(forgetful, h, random.generator(2))
    distance, floor = _joint_distance(rbm, chains.visible, chains.hidden)
    assert distance > FLOORS * floor


def test_hidden_mean_belongs_to_the_visible_state_of_the_same_row():
    """Fails if the mean belongs to the previous step."""
    rbm = random_rbm()
    _, h = _exact_chains(rbm)
    chains = samplers.gibbs(rbm, h[:100], random.generator(2), n_steps=3)
    np.testing.assert_array_equal(chains.hidden_mean, rbm.hidden_from_visible(chains.visible))


def test_independent_draws_have_the_layer_s_means():
    """Fails if all rows are the same draw. Six standard errors."""
    layer = random_rbm().visible
    draws = samplers.sample_independent(layer, N_CHAINS, random.generator(0))
    mean = layer.mean(0.0)
    assert (np.abs(draws.mean(axis=0) - mean) < 6 * np.sqrt(mean * (1 - mean) / N_CHAINS)).all()
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 6 / np.sqrt(N_CHAINS)


def _mixture(rbm, n_rows=7):
    """A proposal that is far from the model's own distribution of hidden states."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 2, size=n_rows)
    means = rbm.hidden.mean(rng.normal(size=(n_rows, rbm.hidden.n_columns)))
    return samplers.HiddenMixture(means, weights / weights.sum())


@finite
@pytest.mark.parametrize("n_jumps", [1, 4])
def test_jumps_leave_the_distribution_unchanged(pair, n_jumps):
    """Fails if the density of the proposal is omitted, or a row takes another row's jump."""
    rbm = random_rbm(pair)
    _, h = _exact_chains(rbm, pair)
    rng = random.generator(2)
    for _ in range(n_jumps):
        x, _ = samplers.jump(rbm, h, _mixture(rbm), slice(0, N_CHAINS), rng)
        v = rbm.visible.sample(rbm.visible.mean(x), rng)
        h = rbm.sample_hidden(v, rng)
    distance, floor = _joint_distance(rbm, v, h, pair)
    assert distance < FLOORS * floor


def test_only_the_chosen_chains_jump():
    """Fails if a jump changes another row: the others keep their input."""
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
    """Fails if jumps are proposed to the current state of the chain. Two modes of equal mass.

    Between them lie 30 nats. After ten jumps, chains that all start in one mode are in both, to six
    standard errors of a frequency; no chain leaves in ten block Gibbs steps.
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


def _tempered_chains(rbm, n_chains, seed=1, pair=PAIRS[0]):
    """Replicas drawn from their exact distributions, at betas 1, 0.6 and 0.1."""
    rng = np.random.default_rng(seed)
    base = rbm.visible.neutral().shift(np.linspace(-1, 1, rbm.visible.n_columns))
    betas = np.array([1.0, 0.6, 0.1])
    tempering = samplers.ParallelTempering.start(
        rbm, base, np.zeros((n_chains, rbm.visible.n_columns)), 3, random.generator(0)
    )
    tempering.betas = betas
    models = [rbm.interpolate(base, rbm.hidden.neutral(), beta) for beta in betas]
    exact = [
        enumerate_rbm(RBM(m.visible, m.hidden, m.beta * m.weights.array), pair) for m in models
    ]
    states = [draw(e.joint.ravel(), n_chains, rng) for e in exact]
    n_hidden = len(exact[0].h)
    v = np.stack([e.v[s // n_hidden] for e, s in zip(exact, states, strict=True)])
    h = np.stack([e.h[s % n_hidden] for e, s in zip(exact, states, strict=True)])
    tempering.chains = samplers.Chains(v, h, h)
    return tempering, exact


@runs
def test_tempering_leaves_every_replica_s_distribution_unchanged(pair, n_steps):
    """Fails if an exchange weighs a state at one temperature only, or forgets the base."""
    rbm = random_rbm(pair, scale=2)
    tempering, exact = _tempered_chains(rbm, N_CHAINS, pair=pair)
    rng = random.generator(3)
    for _ in range(n_steps):
        tempering.step(rbm, rng)
    assert 0.1 < tempering.swap_rates.min() < 0.95
    for v, h, e in zip(tempering.chains.visible, tempering.chains.hidden, exact, strict=True):
        states = indices(v, e.v) * len(e.h) + indices(h, e.h)
        distance, floor = total_variation(states, e.joint.ravel())
        assert distance < FLOORS * floor


def test_tempering_visits_both_modes():
    """Fails if states are never exchanged; the barrier is the one that jumps cross, above."""
    n = 200
    rbm = RBM(Bernoulli(np.full(6, -30.0)), Bernoulli(np.full(3, -60.0)), np.full((6, 3), 20.0))
    rng = random.generator(0)
    tempering = samplers.ParallelTempering.start(
        rbm, Bernoulli(np.zeros(6)), np.zeros((n, 6)), 10, rng
    )
    on = []
    for _ in range(2000):
        tempering.step(rbm, rng)
        on.append(tempering.cold.visible.mean())
    assert abs(np.mean(on[1000:]) - 0.5) < 0.05


def test_temperatures_adapt_to_equal_rejection():
    """Fails if temperatures do not change: rejections then differ by more than 0.2.

    The rejections are moving averages of 500 exchanges per step, equal for all pairs at the end.
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


def test_temperatures_end_above_zero_if_there_are_too_few():
    """Fails if neighbours may reject more than half of their exchanges to reach beta = 0."""
    rbm = coupled_rbm(n_visible=40, n_hidden=20, scale=3.0)
    rng = random.generator(0)
    tempering = samplers.ParallelTempering.start(rbm, rbm.visible, np.zeros((200, 40)), 3, rng)
    for _ in range(1500):
        tempering.step(rbm, rng)
    assert tempering.betas[-1] > 0.05
    assert tempering.rejection.max() < 0.6
