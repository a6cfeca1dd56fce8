"""The step: an exact step of the centred parameters, indifferent to flipped bits."""

import numpy as np
import pytest
from scipy import sparse

from skrbm import _kernels
from skrbm.gradients import ExactGradient, Rows
from skrbm.model import RBM
from skrbm.optimizers import CentredGradient, constant, linear_decay
from skrbm.units import Bernoulli

from laws import enumerate_rbm, random_rbm


def _phases(rbm, v):
    return ExactGradient().phases(rbm, v, np.ones(len(v)), _kernels.generator(0))


def _joined(phases):
    """All rows of dense phases, as they are now."""
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

    centred_b = rbm.visible.bias + rbm.weights @ k
    centred_c = rbm.hidden.bias + m @ rbm.weights
    covariance = difference(
        lambda p: ((p.visible[: len(p.hidden)] - m)[:, :, None] * (p.hidden - k)[:, None]).reshape(
            len(p.hidden), -1
        )
    ).reshape(4, 3)
    weights = rbm.weights + rate * covariance
    b = centred_b + rate * difference(lambda p: p.visible) - weights @ k
    c = centred_c + rate * difference(lambda p: p.hidden) - m @ weights
    CentredGradient(m, k, sliding_factor=0.0).step(rbm, phases, rate)
    np.testing.assert_allclose(rbm.weights, weights, rtol=1e-12)
    np.testing.assert_allclose(rbm.visible.bias, b, rtol=1e-12)
    np.testing.assert_allclose(rbm.hidden.bias, c, rtol=1e-12)


def _flipped(rbm):
    """Return the model of 1 - v, whose weights and b change sign, and c' = c + 1 W."""
    return RBM(
        Bernoulli(-rbm.visible.bias),
        Bernoulli(rbm.hidden.bias + rbm.weights.sum(axis=0)),
        -rbm.weights,
    )


def test_flipping_every_bit_changes_nothing_that_is_learnt():
    """Fails for the plain gradient, whose steps depend on which state is called one."""
    rbm = random_rbm()
    v = _data(rbm)
    mirror = _flipped(rbm)
    plain = CentredGradient(v.mean(axis=0), np.full(3, 0.5))
    other = CentredGradient(1 - v.mean(axis=0), np.full(3, 0.5))
    for _ in range(50):
        plain.step(rbm, _phases(rbm, v), 0.2)
        other.step(mirror, _phases(mirror, 1 - v), 0.2)
    expected = _flipped(rbm)
    np.testing.assert_allclose(mirror.weights, expected.weights, rtol=1e-9)
    np.testing.assert_allclose(mirror.visible.bias, expected.visible.bias, rtol=1e-9)
    np.testing.assert_allclose(mirror.hidden.bias, expected.hidden.bias, rtol=1e-9)


def test_sparse_rows_make_the_same_step():
    """Fails if the spare rows, or the offsets, see one part alone."""
    rbm, other = random_rbm(), random_rbm()
    v = _data(rbm)
    for model, rows in ((rbm, v), (other, sparse.csr_array(v))):
        optimizer = CentredGradient(v.mean(axis=0), np.full(3, 0.5))
        for _ in range(3):
            phases = ExactGradient().phases(model, rows, np.ones(len(v)), _kernels.generator(0))
            optimizer.step(model, phases, 0.2)
    for want, got in zip(rbm.parameters, other.parameters, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_offsets_follow_the_data_and_not_the_model():
    """Fails if the model's means are used: they differ here by more than 0.1."""
    rbm = random_rbm()
    phases = _phases(rbm, _data(rbm))
    data, model = slice(phases.n_data), slice(phases.n_data, None)
    optimizer = CentredGradient(np.full(4, 0.5), np.full(3, 0.5), sliding_factor=0.01)
    for _ in range(2000):  # 0.99^2000 < 1e-8 of the start is left
        optimizer.step(random_rbm(), phases, 0.0)
    v, h, weights = _joined(phases)
    np.testing.assert_allclose(optimizer.visible_offset, weights[data] @ v[data], atol=1e-8)
    np.testing.assert_allclose(optimizer.hidden_offset, weights[data] @ h[data], atol=1e-8)
    assert np.abs(weights[model] @ v[model] + optimizer.visible_offset).max() > 0.1


def test_offset_of_a_column_without_ones_vanishes():
    """Fails if it decays to a subnormal number, with which products take five times as long."""
    optimizer = CentredGradient(np.full(4, 0.5, "float32"), np.full(3, 0.5, "float32"))
    rbm = random_rbm(dtype="float32")
    phases = _phases(rbm, np.array([[0, 1, 0, 1]], "float32"))
    for _ in range(9_000):  # 0.99^9000 is below 1e-39
        optimizer.step(rbm, phases, 0.0)
    np.testing.assert_allclose(optimizer.visible_offset, [0, 1, 0, 1], rtol=1e-5, atol=0)


def test_exact_ascent_reaches_a_maximum():
    """Fails if a phase has the wrong sign: the gradient vanishes where ascent ends."""
    rbm = random_rbm(n_visible=3, n_hidden=2, scale=0.1)
    v = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1], [1, 1, 0], [0, 0, 0]])
    optimizer = CentredGradient(v.mean(axis=0), np.full(2, 0.5))
    likelihood = []
    for _ in range(3000):
        phases = _phases(rbm, v)
        likelihood.append(-rbm.free_energy(v).mean() - enumerate_rbm(rbm).log_partition)
        optimizer.step(rbm, phases, 0.2)
    assert np.diff(likelihood).min() > -1e-12
    joined = _joined(phases)
    slope = joined.weights @ joined.visible
    assert np.abs(slope).max() < 1e-3


@pytest.mark.parametrize(("schedule", "end"), [(constant(0.3), 0.3), (linear_decay(0.3), 0.0)])
def test_schedules_start_at_the_rate(schedule, end):
    """Fails if the rate decays before training begins."""
    assert schedule(0.0) == 0.3
    assert schedule(1.0) == end
    assert schedule(0.5) == pytest.approx((0.3 + end) / 2)
