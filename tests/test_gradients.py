"""Laws 3, 5 and 6: the phases are the gradient of the log-likelihood."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from skrbm import samplers
from skrbm._kernels import random
from skrbm.estimators.common import device
from skrbm.ladder import Ladder, Rung
from skrbm.learning.gradients import (
    GRADIENTS,
    ContrastiveDivergence,
    ExactGradient,
    JumpingContrastiveDivergence,
    PersistentContrastiveDivergence,
    Phases,
    TrajectoryContrastiveDivergence,
)
from skrbm.learning.trajectory import Trajectory
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import (
    ENUMERABLE,
    PAIR_IDS,
    PAIRS,
    draw,
    enumerate_rbm,
    random_rbm,
    training_state,
)

enumerable = pytest.mark.parametrize("pair", ENUMERABLE, ids=PAIR_IDS[: len(ENUMERABLE)])


def parameters(rbm):
    """All parameter arrays of a model; changing one in place changes the model."""
    return [rbm.weights.array, *rbm.visible.parameters, *rbm.hidden.parameters]


def terms(rbm, v, h, pair):
    """The quantity that the gradient of every parameter averages, per row, in the same order.

    For a precision with the bias held it is minus half the square, up to a constant.
    """
    of_layers = pair[0].terms(rbm.visible, v), pair[1].terms(rbm.hidden, h)
    return [v[:, :, None] * h[:, None], *of_layers[0], *of_layers[1]]


def gradient_of(phases: Phases, rbm, pair=PAIRS[0]):
    """The gradient of two phases, formed in full for each parameter."""
    gradient = [np.zeros_like(x) for x in parameters(rbm)]
    for v, h, weights in phases.parts:
        v = v[: len(weights)]
        v = v.toarray() if sparse.issparse(v) else v
        for total, term in zip(gradient, terms(rbm, v, h, pair), strict=True):
            total += np.tensordot(weights, term, 1)
    if phases.of_means:  # around which real visible states vary
        of_model = phases.parts[-1].weights[phases.n_data :].sum()
        layers = getattr(rbm.visible, "layers", [rbm.visible])
        fields = [field for layer in layers for field in dataclasses.fields(layer)]
        names = [field.name for field in fields if not field.metadata]
        for i, (name, x) in enumerate(zip(names, rbm.visible.parameters, strict=True)):
            if name == "precision":
                gradient[1 + i] -= of_model / x / 2
    return gradient


def exact_phases(rbm, v, weights):
    """The phases of the exact gradient."""
    return ExactGradient().phases(training_state(rbm), v, weights)


def with_chains(rbm, v, rng):
    """A training state whose persistent chains start from visible states."""
    return training_state(rbm, rng=rng, chains=samplers.chains_from_visible(rbm, v, rng))


def model_rows(phases: Phases):
    """Visible and mean hidden states of the model phase."""
    v, h, weights = phases.parts[0]
    return v[phases.n_data : len(weights)], h[phases.n_data :]


def small_data(rbm, pair=PAIRS[0], n=6):
    """Some of the states, not too far out, and weights."""
    v = enumerate_rbm(rbm, pair).v
    v = v[np.abs(v).max(axis=1) < 2]
    rng = np.random.default_rng(5)
    return v[rng.integers(len(v), size=n)], rng.uniform(0.5, 2, size=n)


@enumerable
@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_exact_gradient_is_the_slope_of_the_log_likelihood(pair, shape):
    """Fails if the model phase is not weighted by p(v). Central differences, error of step^2."""
    rbm = random_rbm(pair, *shape)
    v, weights = small_data(rbm, pair)
    rows = [int(np.flatnonzero((enumerate_rbm(rbm, pair).v == row).all(axis=1))[0]) for row in v]

    def log_likelihood():
        return weights @ enumerate_rbm(rbm, pair).log_p_visible[rows] / weights.sum()

    phases = exact_phases(rbm, v, weights)
    step = 1e-5
    for array, gradient in zip(parameters(rbm), gradient_of(phases, rbm, pair), strict=True):
        for index in np.ndindex(array.shape):
            value = array[index]
            slope = 0.0
            for sign in (1, -1):
                array[index] = value + sign * step
                slope += sign * log_likelihood() / (2 * step)
            array[index] = value
            assert gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("kind", [PersistentContrastiveDivergence, JumpingContrastiveDivergence])
@enumerable
def test_persistent_gradient_is_exact_in_expectation(pair, kind):
    """From chains in equilibrium. Fails if v is paired with E[h|v] of the previous step.

    The second update is measured: the rows of the first propose its jumps. Six standard errors,
    from the spread of the terms of the 50,000 chains.
    """
    n = 50_000
    rbm = random_rbm(pair)
    v, weights = small_data(rbm, pair)
    expected = exact_phases(rbm, v, weights)
    exact = enumerate_rbm(rbm, pair)
    rng = random.generator(1)
    start = exact.v[draw(exact.joint.sum(axis=1), n, rng)]
    state = with_chains(rbm, start, rng)
    kind().phases(state, v, weights)
    phases = kind().phases(state, v, weights)
    spreads = [x.std(axis=0) for x in terms(rbm, *model_rows(phases), pair)]
    got, want = (gradient_of(x, rbm, pair) for x in (phases, expected))
    for a, b, spread in zip(got, want, spreads, strict=True):
        assert (np.abs(a - b) <= 6 * spread / np.sqrt(n)).all()


@pytest.mark.parametrize("pair", ENUMERABLE[:2], ids=PAIR_IDS[:2])
def test_gradient_of_a_trajectory_is_exact_in_expectation(pair):
    """From chains of both models in equilibrium. Fails if chains take over states of the past.

    Six standard errors, from the spread of the terms of the 50,000 chains.
    """
    n = 50_000
    rbm = random_rbm(pair)
    past = RBM(rbm.visible, rbm.hidden, 0.5 * rbm.weights.array)
    v, weights = small_data(rbm, pair)
    rng = random.generator(1)
    states = []
    for model in (past, rbm):
        exact = enumerate_rbm(model, pair)
        states.append(exact.v[draw(exact.joint.sum(axis=1), n, rng)])
    state = with_chains(rbm, states[1], rng)
    state.base = rbm.visible
    ladder = Ladder([Rung.of(past, states[0])], 0.0)
    state.trajectory = Trajectory(ladder, rbm.map(np.copy))
    phases = TrajectoryContrastiveDivergence().phases(state, v, weights)
    assert state.trajectory.n_updates == 1
    moved = (state.chains.visible != states[1]).any(axis=1).mean()
    assert moved > 0.5
    spreads = [x.std(axis=0) for x in terms(rbm, *model_rows(phases), pair)]
    got, want = (gradient_of(x, rbm, pair) for x in (phases, exact_phases(rbm, v, weights)))
    for a, b, spread in zip(got, want, spreads, strict=True):
        assert (np.abs(a - b) <= 6 * spread / np.sqrt(n)).all()


def test_persistent_chains_continue():
    """Fails if chains start again at every update: weights of 30 freeze them in their state."""
    rbm = random_rbm(scale=0)
    rbm.weights.array[:3, :3] = 60 * np.eye(3)
    rbm.visible.bias[...] = -30
    rbm.hidden.bias[...] = -30
    rng = random.generator(0)
    v = np.array([[1.0, 0, 1, 0], [0, 1, 1, 0]])
    state = with_chains(rbm, v, rng)
    phases = PersistentContrastiveDivergence(5).phases(state, np.zeros((1, 4)), np.ones(1))
    np.testing.assert_array_equal(model_rows(phases)[0], v)


def test_jumps_are_proposed_by_the_last_mini_batch():
    """Fails if jumps go to random hidden states, which are hardly ever accepted.

    A model of two modes, 30 nats apart: chains that start in one are in both, to six standard
    errors of a frequency, after data of both were seen.
    """
    n = 2_000
    rbm = RBM(Bernoulli(np.full(20, -30.0)), Bernoulli(np.full(30, -20.0)), np.full((20, 30), 2.0))
    rng = random.generator(0)
    v = np.repeat([[0.0], [1.0]], 20, axis=1)
    state = with_chains(rbm, np.zeros((n, 20)), rng)
    for _ in range(30):
        JumpingContrastiveDivergence().phases(state, v, np.ones(2))
    assert abs(state.chains.visible.mean() - 0.5) < 6 * 0.5 / np.sqrt(n)
    assert state.jump_acceptance > 0.1


def test_fewer_chains_try_jumps_that_fail():
    """Fails if every chain keeps trying: only one does if data and model have no overlap."""
    rbm = random_rbm(n_visible=30, n_hidden=40, scale=3)
    rng = random.generator(0)
    state = with_chains(rbm, np.zeros((100, 30)), rng)
    v = (np.random.default_rng(0).random((50, 30)) < 0.5).astype(float)
    tried = []
    for _ in range(400):
        before = state.next_chain
        JumpingContrastiveDivergence().phases(state, v, np.ones(50))
        tried.append((state.next_chain - before) % 100)
    assert tried[0] == tried[1] == 0  # all of them
    assert 0 < max(tried[-50:]) < 20


def test_contrastive_divergence_approaches_the_exact_gradient_with_its_steps():
    """Fails if the chains do not start at the data, or n_steps is ignored.

    With 50 steps the chains have forgotten the data: six standard errors. With one step from data
    that the model did not draw, they have not.
    """
    n = 100_000
    rbm = random_rbm()
    v = np.tile([[1.0, 1, 0, 0]], (n, 1))
    rng = random.generator(0)
    expected = gradient_of(exact_phases(rbm, v[:1], np.ones(1)), rbm)
    state = training_state(rbm, rng=rng)
    near, far = (
        gradient_of(ContrastiveDivergence(k).phases(state, v, np.ones(n)), rbm) for k in (1, 50)
    )
    limit = 6 * 0.5 / np.sqrt(n)  # no term in [0, 1] has a standard deviation above 0.5
    assert max(np.abs(f - e).max() for f, e in zip(far, expected, strict=True)) <= limit
    assert max(np.abs(f - e).max() for f, e in zip(near, expected, strict=True)) > 3 * limit


@pytest.mark.parametrize("gradient", ["exact", "pcd"])
def test_doubled_weights_and_doubled_rows_change_no_gradient(gradient):
    """Law 6. Fails if the data's sum is divided by the number of chains."""
    rbm = random_rbm()
    v, weights = small_data(rbm)

    def phases(v, weights):
        rng = random.generator(0)
        state = with_chains(rbm, small_data(rbm, n=11)[0], rng)
        return gradient_of(GRADIENTS[gradient]().phases(state, v, weights), rbm)

    expected = phases(v, weights)
    doubled = phases(np.repeat(v, 2, axis=0), np.repeat(weights, 2))
    heavier = phases(v, 2 * weights)
    for want, *got in zip(expected, doubled, heavier, strict=True):
        np.testing.assert_allclose(got, np.stack([want, want]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_sparse_rows_have_the_gradient_of_the_same_rows(gradient):
    """Fails if the two parts of sparse phases are not the one part of dense ones."""
    rbm = random_rbm()
    v, weights = small_data(rbm)

    def made(rows):
        state = training_state(rbm)
        GRADIENTS[gradient](2).start(state, rbm.visible, 20)
        for _ in range(3):
            phases = GRADIENTS[gradient](2).phases(state, rows, weights)
        return phases

    dense, parts = made(v), made(sparse.csr_array(v))
    assert len(parts.parts) == (2 if device.DEFAULT_DEVICE is None else 1)  # torch's are dense
    for want, got in zip(gradient_of(dense, rbm), gradient_of(parts, rbm), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(parts.data_hidden, dense.data_hidden, rtol=1e-12)
    np.testing.assert_allclose(parts.model_hidden, dense.model_hidden, rtol=1e-12)
