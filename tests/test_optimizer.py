"""The optimizer: steps of the centred parameters, which do not depend on flipped bits."""

import math
from copy import deepcopy
from functools import reduce
from operator import add

import numpy as np
import pytest
from scipy import sparse

from skrbm._kernels import random
from skrbm.learning.gradients import GRADIENTS, ExactGradient, Phases, Rows
from skrbm.learning.optimizer import CentredOptimizer, Pace, rbm_update
from skrbm.learning.schedules import PowerDecay, RisingShare
from skrbm.learning.variance import VarianceGradient
from skrbm.likelihood import exact_log_partition
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian

from laws import BERNOULLI, GAUSSIAN, UNIT_IDS, UNITS, enumerate_rbm, random_rbm, training_state


def _phases(rbm, v, weights=None):
    weights = np.ones(v.shape[0]) if weights is None else weights
    return ExactGradient().phases(training_state(rbm), v, weights)


def _joined(phases):
    """All rows of dense phases, copied."""
    v, h, weights = phases.parts[0]
    return Rows(v[: len(weights)].copy(), h, weights)


def _data(rbm):
    return enumerate_rbm(rbm).v[[1, 5, 5, 14]]


def test_step_is_a_gradient_step_of_the_centred_parameters():
    """Fails if the biases do not follow the weights.

    In the centred parameters, by definition, b' += rate <v - m>, c' += rate <h - k> and
    W += rate <(v - m)(h - k)>, with b = b' - W k and c = c' - m W.
    """
    rbm = random_rbm()
    m, k = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0.3, 0.5, 0.9])
    phases = _phases(rbm, _data(rbm))
    joined = _joined(phases)
    rate = 0.1

    def difference(f):
        return f(joined).T @ joined.weights

    centred_b = rbm.visible.bias + rbm.weights.array @ k
    centred_c = rbm.hidden.bias + m @ rbm.weights.array
    covariance = difference(
        lambda p: ((p.visible[: len(p.hidden)] - m)[:, :, None] * (p.hidden - k)[:, None]).reshape(
            len(p.hidden), -1
        )
    ).reshape(4, 3)
    weights = rbm.weights.array + rate * covariance
    b = centred_b + rate * difference(lambda p: p.visible) - weights @ k
    c = centred_c + rate * difference(lambda p: p.hidden) - m @ weights
    CentredOptimizer(0.0).step(training_state(rbm, m, k), phases, Pace(rate))
    np.testing.assert_allclose(rbm.weights.array, weights, rtol=1e-12)
    np.testing.assert_allclose(rbm.visible.bias, b, rtol=1e-12)
    np.testing.assert_allclose(rbm.hidden.bias, c, rtol=1e-12)


@pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)
def test_prior_moves_the_centred_weights_along_its_gradient(unit):
    """Fails if the biases do not follow the weights, or real units are not scaled by their noise.

    The log-prior is `-penalty / 8 sum log(1 + 4 w^2 / precision)`. Steps of the weights of real
    units are scaled by their precision.
    """
    rbm = random_rbm((unit, BERNOULLI))
    plain = rbm.map(np.copy)
    m, k = (np.random.default_rng(n).random(n) for n in rbm.weights.shape)
    v = rbm.visible.draw(np.zeros((6, len(m))), random.generator(2))
    for model, penalty in ((rbm, 0.3), (plain, 0.0)):
        phases = _phases(model, v)
        CentredOptimizer(0.0).step(training_state(model, m, k), phases, Pace(0.1, 1.0, penalty))
    precision, w, step = (
        rbm.visible.preconditioned(np.ones(len(m)))[:, None],
        plain.weights.array,
        1e-5,
    )

    def log_prior(w):
        return -0.3 / 8 * np.log1p(4 * w**2 / precision)

    gradient = (log_prior(w + step) - log_prior(w - step)) / (2 * step)
    change = 0.1 * gradient * precision
    np.testing.assert_allclose(rbm.weights.array, w + change, atol=1e-9)
    for now, before, moved in (
        (rbm.visible.bias, plain.visible.bias, unit.absorbed(plain.visible, change @ k)),
        (rbm.hidden.bias, plain.hidden.bias, m @ change),
    ):
        np.testing.assert_allclose(now, before - moved, atol=1e-9)


def _flipped(rbm):
    """Return the model of 1 - v, whose weights and b change sign, and c' = c + 1 W."""
    return RBM(
        Bernoulli(-rbm.visible.bias),
        Bernoulli(rbm.hidden.bias + rbm.weights.array.sum(axis=0)),
        -rbm.weights.array,
    )


def test_flipping_every_bit_does_not_change_the_learned_model():
    """Fails for the plain gradient, whose steps depend on the coding of the states."""
    rbm = random_rbm()
    v = _data(rbm)
    mirror = _flipped(rbm)
    state = training_state(rbm, v.mean(axis=0))
    mirrored = training_state(mirror, 1 - v.mean(axis=0))
    for _ in range(50):
        CentredOptimizer().step(state, _phases(rbm, v), Pace(0.2))
        CentredOptimizer().step(mirrored, _phases(mirror, 1 - v), Pace(0.2))
    expected = _flipped(rbm)
    np.testing.assert_allclose(mirror.weights.array, expected.weights.array, rtol=1e-9)
    np.testing.assert_allclose(mirror.visible.bias, expected.visible.bias, rtol=1e-9)
    np.testing.assert_allclose(mirror.hidden.bias, expected.hidden.bias, rtol=1e-9)


def test_sparse_rows_make_the_same_step():
    """Fails if the extra rows, or the offsets, use only one part."""
    rbm, other = random_rbm(), random_rbm()
    v = _data(rbm)
    for model, rows in ((rbm, v), (other, sparse.csr_array(v))):
        state = training_state(model, v.mean(axis=0))
        for _ in range(3):
            CentredOptimizer().step(state, _phases(model, rows), Pace(0.2))
    for want, got in zip(rbm.parameters, other.parameters, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_offsets_follow_the_data_and_not_the_model():
    """Fails if the model's means are used: they differ here by more than 0.1."""
    rbm = random_rbm()
    phases = _phases(rbm, _data(rbm))
    data, model = slice(phases.n_data), slice(phases.n_data, None)
    state = training_state(random_rbm())
    for _ in range(2000):  # 0.99^2000 < 1e-8 of the start is left
        CentredOptimizer(sliding_factor=0.01).step(state, phases, Pace(0.0))
    v, h, weights = _joined(phases)
    np.testing.assert_allclose(state.visible_offset, weights[data] @ v[data], atol=1e-8)
    np.testing.assert_allclose(state.hidden_offset, weights[data] @ h[data], atol=1e-8)
    assert np.abs(weights[model] @ v[model] + state.visible_offset).max() > 0.1


def test_offset_of_a_column_without_ones_vanishes():
    """Fails if it decays to a subnormal number, which makes products five times slower."""
    rbm = random_rbm(dtype="float32")
    state = training_state(rbm)
    phases = _phases(rbm, np.array([[0, 1, 0, 1]], "float32"))
    for _ in range(9_000):  # 0.99^9000 is below 1e-39
        CentredOptimizer().step(state, phases, Pace(0.0))
    np.testing.assert_allclose(state.visible_offset, [0, 1, 0, 1], rtol=1e-5, atol=0)


def test_exact_ascent_reaches_a_maximum():
    """Fails if a phase has the wrong sign: the gradient vanishes at the end of the ascent."""
    rbm = random_rbm(n_visible=3, n_hidden=2, scale=0.1)
    v = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1], [1, 1, 0], [0, 0, 0]])
    state = training_state(rbm, v.mean(axis=0))
    likelihood = []
    for _ in range(3000):
        phases = _phases(rbm, v)
        likelihood.append(-rbm.free_energy(v).mean() - enumerate_rbm(rbm).log_partition)
        CentredOptimizer().step(state, phases, Pace(0.2))
    assert np.diff(likelihood).min() > -1e-12
    joined = _joined(phases)
    slope = joined.weights @ joined.visible
    assert np.abs(slope).max() < 1e-3


@pytest.mark.parametrize(
    ("schedule", "half", "end"),
    [
        (PowerDecay(0.3, 0), 0.3, 0.3),
        (PowerDecay(0.3, 1), 0.15, 0.0),
        (PowerDecay(0.3, 2), 0.075, 0.0),
    ],
)
def test_schedules_start_at_the_rate(schedule, half, end):
    """Fails if the rate decays before training begins."""
    assert schedule(0.0) == 0.3
    assert schedule(1.0) == end
    assert schedule(0.5) == pytest.approx(half)


# Gaussian visible units


def _gaussian_rbm():
    """A model of two Gaussian and three binary units, and rows of data with weights."""
    rbm = random_rbm((GAUSSIAN, BERNOULLI), n_hidden=3)
    rng = np.random.default_rng(3)
    return rbm, rng.normal(size=(5, 2)), rng.uniform(0.5, 2, size=5)


def _log_likelihood(rbm, v, weights):
    log_z = exact_log_partition(rbm).value
    return float(weights @ (-rbm.free_energy(v) - log_z) / weights.sum())


def _from_data_units(patterns, centre, log_variance, centred_c, m, k):
    """The model of these parameters: `b - W k` and `c - m W / variance` are the ordinary ones."""
    variance = np.exp(log_variance)
    weights = patterns / variance[:, None]
    visible = Gaussian.of_moments(centre - patterns @ k, variance)
    return RBM(visible, Bernoulli(centred_c - m @ weights), weights)


@pytest.mark.parametrize("shared", [False, True])
def test_variances_follow_the_gradient_of_their_logarithm(shared):
    """Central differences at fixed values of the parameters that a step of the variances keeps.

    Fails if the weights' gradient, or the spread of visible states, is left out: for a small step
    the logarithm of a variance grows by the rate times twice its slope; all else stays.
    """
    rbm, v, weights = _gaussian_rbm()
    m, k = np.array([0.3, -0.2]), np.array([0.2, 0.5, 0.7])
    log_variance = -np.log(rbm.visible.precision)
    patterns = rbm.weights.array / rbm.visible.precision[:, None]
    held = (
        patterns,
        rbm.visible.mean(0.0) + patterns @ k,
        rbm.hidden.bias + m @ rbm.weights.array,
    )

    def model(change):
        return _from_data_units(*held[:2], log_variance + change, held[2], m, k)

    step = 1e-5
    directions = [np.ones(2)] if shared else list(np.eye(2))
    slopes = [
        (
            _log_likelihood(model(step * e), v, weights)
            - _log_likelihood(model(-step * e), v, weights)
        )
        / (2 * step * e.sum())
        for e in directions
    ]
    rate = 1e-6
    phases = _phases(rbm, v, weights)
    rows = phases.parts[0]
    covariance = ((rows.visible - m) * rows.weights[:, None]).T @ (rows.hidden - k)
    step_at_rate_one = rbm.visible.precision[:, None] * covariance
    explained = (rbm.weights.array * step_at_rate_one).sum(axis=1)
    variance = VarianceGradient(1.0, shared=shared)
    state = training_state(rbm, m, k)
    statistics = CentredOptimizer(variance=variance).statistics(state, phases, rate)
    excess = variance.excess(rbm, statistics, (m, k), explained)
    variance.step(rbm, np.full(2, 1e-9), m, excess, rate)
    grown = -np.log(rbm.visible.precision) - log_variance
    np.testing.assert_allclose(grown / rate, 2 * np.resize(slopes, 2), rtol=1e-4)
    expected = model(grown)
    for got, want in zip(rbm.parameters, expected.parameters, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_variances_rise_from_a_share_of_the_unexplained_variance():
    """Fails if the share belongs to another time, or is the same for few updates and for many."""
    assert RisingShare.of(2.0, 5000)(0.0) == pytest.approx(0.03)
    assert RisingShare.of(2.0, 5)(0.0) > 0.99
    assert RisingShare.of(0.001, 5000)(0.0) > 0.9
    assert RisingShare.of(2.0, 5000)(1.0) == 1
    shares = [RisingShare.of(2.0, 5000)(progress) for progress in np.linspace(0, 1, 9)]
    assert (np.diff(shares) > 0).all()
    rbm, v, weights = _gaussian_rbm()
    variances = []
    for share in (0.5, 1.0):
        rbm, *_ = _gaussian_rbm()
        state = training_state(rbm, np.zeros(2), column_variance=np.full(2, 1e-9))
        optimizer = CentredOptimizer(variance=VarianceGradient(1.0, shared=False))
        for _ in range(2000):
            optimizer.step(state, _phases(rbm, v, weights), Pace(0.03, share))
        variances.append(1 / rbm.visible.precision)
    assert (variances[0] < 0.7 * variances[1]).all()


def test_variances_stay_above_their_floor():
    """Fails if a step takes a variance below its floor: equal rows have no variance."""
    rbm, v, _ = _gaussian_rbm()
    state = training_state(rbm, np.zeros(2), column_variance=np.array([0.1, 0.01]))
    optimizer = CentredOptimizer(variance=VarianceGradient(1.0, shared=False))
    for _ in range(200):
        optimizer.step(state, _phases(rbm, v[:1]), Pace(0.1))
    np.testing.assert_allclose(1 / rbm.visible.precision, [0.1, 0.01], rtol=1e-9)


def test_gaussian_step_is_preconditioned_by_the_precision():
    """Fails if a weight's step is not in the units of the data: all columns times ten.

    The gradient with respect to weights in the units of the data, over its Fisher information,
    makes the same step whatever these units are.
    """
    rbm, v, weights = _gaussian_rbm()
    variance = 1 / rbm.visible.precision
    wide = RBM(
        Gaussian.of_moments(10 * rbm.visible.mean(0.0), 100 * variance),
        Bernoulli(rbm.hidden.bias.copy()),
        rbm.weights.array / 10,
    )
    for _ in range(20):
        for model, rows in ((rbm, v), (wide, 10 * v)):
            state = training_state(model, np.zeros(2))
            CentredOptimizer().step(state, _phases(model, rows, weights), Pace(0.1))
    np.testing.assert_allclose(wide.weights.array, rbm.weights.array / 10, rtol=1e-9)
    np.testing.assert_allclose(wide.hidden.bias, rbm.hidden.bias, rtol=1e-9)
    np.testing.assert_allclose(wide.visible.mean(0.0), 10 * rbm.visible.mean(0.0), rtol=1e-9)


@pytest.mark.parametrize("pair", [(GAUSSIAN, BERNOULLI), (BERNOULLI, GAUSSIAN)])
def test_the_divergence_of_a_step_is_limited(pair):
    """Fails if the length of a step is not the divergence between the models before and after.

    The divergence is computed by enumeration, for a limit of 1e-4 nats; terms of third order are a
    hundredth of it. It is the divergence of p(v, h) if hidden states are enumerated, and of p(v) if
    visible ones are. The limit holds for a rate of a thousand; small steps are not changed. The
    rows of the data are equal, so that they require no shorter step.
    """
    before = random_rbm(pair, scale=0.5)
    rbm = random_rbm(pair, scale=0.5)
    v = enumerate_rbm(rbm, pair).v
    v = v[np.abs(v).max(axis=1) < 1.5][[5, 5, 5, 5]]
    phases = _phases(rbm, v)
    n_visible, n_hidden = rbm.weights.array.shape
    limit = 1e-4
    state = training_state(rbm, np.full(n_visible, 0.3), np.full(n_hidden, 0.4))
    CentredOptimizer(largest_step=limit).step(state, phases, Pace(1000.0))
    exact, after = enumerate_rbm(before, pair), enumerate_rbm(rbm, pair)
    of_visible = exact.joint.sum(axis=1) @ (exact.log_p_visible - after.log_p_visible)
    of_both = (exact.joint * (exact.minus_energy - after.minus_energy)).sum()
    of_both += after.log_partition - exact.log_partition
    divergence = of_both if pair[0] is GAUSSIAN else of_visible
    assert divergence == pytest.approx(limit, rel=0.1)
    twins = [random_rbm(pair, scale=0.5) for _ in range(2)]
    for twin, largest in zip(twins, (limit, math.inf), strict=True):
        state = training_state(twin, np.zeros(n_visible), np.zeros(n_hidden))
        CentredOptimizer(largest_step=largest).step(state, phases, Pace(1e-6))
    np.testing.assert_allclose(*(twin.weights.array for twin in twins), rtol=0, atol=1e-15)


# Statistics


def _many_rows(rbm, n, seed=0):
    """States of the visible layer, n drawn without the hidden one."""
    rng = random.generator(seed)
    return rbm.visible.draw(np.zeros((n, 1)), rng)


def _parts(phases, n_parts):
    """Phases of equal parts of the data's and of the model's rows, in order."""
    v, h, weights = phases.parts[0]
    n_data = phases.n_data
    for data, model in zip(
        np.array_split(np.arange(n_data), n_parts),
        np.array_split(np.arange(n_data, len(v)), n_parts),
        strict=True,
    ):
        some = np.concatenate([data, model])
        rows = Rows(v[some], h[some], n_parts * weights[some])
        yield phases._replace(parts=(rows,), n_data=len(data))


@pytest.mark.parametrize("n_parts", [1, 2, 4])
@pytest.mark.parametrize(
    "pair", [(BERNOULLI, BERNOULLI), (GAUSSIAN, BERNOULLI), (BERNOULLI, GAUSSIAN)]
)
def test_a_step_equals_the_step_of_its_summed_parts(pair, n_parts):
    """Fails if a statistic of a step, or its limit, is not additive over parts of the rows.

    The rows that measure the length of the step, 32 of 80, are in several parts.
    """
    steps = []
    for of_parts in (False, True):
        rbm = random_rbm(pair, scale=0.5)
        visible, hidden = (np.full(n, 0.4) for n in rbm.weights.array.shape)
        optimizer = CentredOptimizer(
            largest_step=1e-3 if GAUSSIAN in pair else math.inf,
            variance=VarianceGradient(1.0, shared=False) if pair[0] is GAUSSIAN else None,
        )
        floor = np.full(len(visible), 1e-9)
        state = training_state(rbm, visible, hidden, column_variance=floor)
        v = np.concatenate([_many_rows(rbm, 80, seed) for seed in (1, 2)])
        weights = np.full(160, 1 / 80) * np.where(np.arange(160) < 80, 1, -1)
        phases = Phases((Rows(v, rbm.hidden_from_visible(v), weights),), 80)
        if of_parts:
            parts = [part.weighted(1 / n_parts) for part in _parts(phases, n_parts)]
            sums = reduce(add, (optimizer.statistics(state, part, 0.3) for part in parts))
            optimizer.apply(state, sums, Pace(0.3, 0.5))
        else:
            optimizer.step(state, phases, Pace(0.3, 0.5))
        steps.append((*rbm.parameters, state.visible_offset, state.hidden_offset))
    for whole, parts in zip(*steps, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-10)


# The update


@pytest.mark.parametrize("pair", [(BERNOULLI, BERNOULLI), (GAUSSIAN, BERNOULLI)])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_equal_states_make_equal_updates(gradient, pair):
    """Fails if an update depends on anything besides its state, or a copy shares a part of it.

    The copy is made during the training, and updated after the original.
    """
    rbm = random_rbm(pair, scale=0.5, dtype="float32")
    state = training_state(rbm, column_variance=np.full(len(rbm.visible.bias), 1e-9, "float32"))
    variance = VarianceGradient(1.0, shared=False) if pair[0] is GAUSSIAN else None
    estimate = GRADIENTS[gradient](2)
    estimate.start(state, rbm.visible.map(np.copy), 30)
    update = rbm_update(estimate, CentredOptimizer(variance=variance))
    v = _many_rows(rbm, 12).astype("float32")

    def go_on(state):
        for _ in range(3):
            update(state, v, np.ones(12), Pace(0.05, 0.5))
        return _arrays(state)

    go_on(state)
    before, twin = _arrays(state), deepcopy(state)
    after = go_on(state)
    assert not np.array_equal(before[0], after[0])
    for original, copy in zip(before, _arrays(twin), strict=True):
        np.testing.assert_array_equal(copy, original)
    for original, copy in zip(after, go_on(twin), strict=True):
        np.testing.assert_array_equal(copy, original)
    assert state.rng.random() == twin.rng.random()


def _arrays(state):
    """Copies of all that an update changes."""
    chains = state.chains or ()
    counters = state.jump_acceptance, state.jumps_due, state.next_chain
    offsets = state.visible_offset, state.hidden_offset
    values = *state.model.parameters, *offsets, *chains, counters
    return [np.array(x) for x in values]
