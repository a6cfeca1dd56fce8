"""Correlated real units, against the independent units of their image and normal densities."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from skrbm import conditionals, labels, likelihood
from skrbm._kernels import random
from skrbm.conditionals import Given
from skrbm.deep import conditionals as belief_conditionals
from skrbm.deep.belief_net import BeliefNet
from skrbm.model import RBM
from skrbm.units import Bernoulli, Categorical, Gaussian, Joined, Rotated, Rotation

from laws import BERNOULLI, GAUSSIAN, all_states, random_rbm

FREE = np.array(
    [[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0]], bool
)


@pytest.fixture(params=["exact", "chains"])
def by_chains(request, monkeypatch):
    """With exact results, and with the chains that replace them."""
    if request.param == "chains":
        monkeypatch.setattr(conditionals, "_LOG2_STATES", -1)
    return request.param == "chains"


def _rotation(n, seed=3, dtype="float64"):
    """A rotation that is not symmetric, and keeps neither volumes nor the order of units."""
    rng = np.random.default_rng(seed)
    return Rotation((np.eye(n) + 0.5 * rng.normal(size=(n, n)))[:, ::-1].astype(dtype))


def _layer(n=2, seed=0):
    rng = np.random.default_rng(seed)
    inner = Gaussian(rng.normal(size=n), rng.uniform(0.5, 3, size=n))
    return Rotated(inner, _rotation(n))


def _moments(layer):
    """Mean without input, and covariance, by the definition of the image."""
    inverse = np.linalg.inv(layer.rotation.matrix)
    mean = (layer.inner.bias / layer.inner.precision) @ inverse
    return mean, inverse.T @ np.diag(1 / layer.inner.precision) @ inverse


def _rbm(n_visible=4, n_hidden=3, seed=0):
    rng = np.random.default_rng(seed)
    inner = Gaussian(rng.normal(size=n_visible), rng.uniform(0.5, 2, size=n_visible))
    weights = rng.normal(size=(n_visible, n_hidden))
    plain = RBM(inner, Bernoulli(rng.normal(size=n_hidden)), weights)
    return plain.rotated(_rotation(n_visible))


def _mixture(rbm):
    """All hidden states, the logarithms of their joint weights, and means and covariance of x."""
    h, _ = all_states(BERNOULLI, rbm.hidden.n_units)
    mean, covariance = _moments(rbm.visible)
    x = h @ rbm.weights.array.T
    log_weight = h @ rbm.hidden.bias + x @ mean + np.einsum("ij,jk,ik->i", x, covariance, x) / 2
    log_weight += np.linalg.slogdet(2 * np.pi * covariance)[1] / 2
    return h, log_weight, mean + x @ covariance, covariance


def _problem(rbm=None, free=FREE, seed=0):
    """A model, rows with NaN in free units, and the conditionals from normal densities."""
    rbm = rbm or _rbm()
    h, log_weight, means, covariance = _mixture(rbm)
    values = np.random.default_rng(seed).normal(size=free.shape)
    log_total, of_visible, of_hidden, variance = [], [], [], []
    for row, f in zip(values, free, strict=True):
        k = ~f
        gain = np.linalg.solve(covariance[np.ix_(k, k)], covariance[np.ix_(k, f)])
        log_p = log_weight.copy()
        if k.any():
            normals = [multivariate_normal(m[k], covariance[np.ix_(k, k)]) for m in means]
            log_p += [normal.logpdf(row[k]) for normal in normals]
        log_total.append(logsumexp(log_p))
        share = np.exp(log_p - log_total[-1])
        given = np.tile(row, (len(h), 1))
        given[:, f] = means[:, f] + (row[k] - means[:, k]) @ gain
        of_visible.append(share @ given)
        of_hidden.append(share @ h)
        own = np.zeros_like(covariance)
        own[np.ix_(f, f)] = covariance[np.ix_(f, f)] - covariance[np.ix_(f, k)] @ gain
        deviation = given - of_visible[-1]
        variance.append(own + deviation.T @ (share[:, None] * deviation))
    rows = np.where(free, np.nan, values)
    return rbm, rows, *map(np.array, (log_total, of_visible, of_hidden, variance))


def _base(rbm):
    """A layer from which chains start: other biases and precisions, and the same rotation."""
    inner = rbm.visible.inner
    factor = inner.bias.dtype.type(4) ** np.linspace(-0.5, 0.5, len(inner.bias)).astype(
        inner.bias.dtype
    )
    return Rotated(Gaussian(0.5 * inner.bias, factor * inner.precision), rbm.visible.rotation)


# The layer


def test_log_normalizer_is_the_integral_over_states():
    """Fails without the determinant. By the trapezoidal rule over nodes in the plane."""
    layer = _layer()
    x = np.random.default_rng(1).normal(size=(3, 2))
    nodes = np.linspace(-30, 30, 601)
    states = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    log_terms = x @ states.T - layer.energy(states) + 2 * math.log(nodes[1] - nodes[0])
    np.testing.assert_allclose(layer.log_normalizer(x), logsumexp(log_terms, axis=1), rtol=1e-9)
    np.testing.assert_allclose(layer.log_normalizers(x).sum(axis=1), layer.log_normalizer(x))
    assert float(layer.log_normalizer(0.0)) == pytest.approx(float(layer.log_normalizer(0 * x[0])))


def test_mean_and_covariance_are_derivatives_of_the_log_normalizer():
    """Fails if an input is rotated the wrong way. Central differences."""
    layer, step = _layer(3), 1e-4
    x = np.random.default_rng(1).normal(size=(5, 3))
    for i, e in enumerate(step * np.eye(3)):
        slope = (layer.log_normalizer(x + e) - layer.log_normalizer(x - e)) / (2 * step)
        np.testing.assert_allclose(layer.mean(x)[:, i], slope, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(layer.response(np.eye(3)), _moments(layer)[1], rtol=1e-9)
    np.testing.assert_allclose(layer.mean(0.0), _moments(layer)[0], rtol=1e-9)
    shifted = layer.shift(x[0])
    np.testing.assert_allclose(shifted.mean(x[1:2]), layer.mean(x[:1] + x[1:2]), rtol=1e-9)
    np.testing.assert_allclose(shifted.bias - layer.bias, x[0], rtol=1e-9)
    np.testing.assert_allclose(layer.neutral().mean(0.0), 0, atol=1e-12)
    shifted.add_to_bias(-x[0])
    np.testing.assert_allclose(shifted.mean(0.0), layer.mean(0.0), rtol=1e-9)


def test_draws_have_the_mean_and_the_covariance():
    """Fails if noise is drawn in the coordinates x. Six standard errors.

    A product of two normal deviations has the variance `s_ii s_jj + s_ij^2`.
    """
    layer, n = _layer(3), 50_000
    x = np.random.default_rng(1).normal(size=(1, 3))
    draws = layer.draw(np.repeat(x, n, axis=0), random.generator(0))
    covariance = _moments(layer)[1]
    variance = np.diag(covariance)
    assert (abs(draws.mean(axis=0) - layer.mean(x)[0]) <= 6 * np.sqrt(variance / n)).all()
    error = 6 * np.sqrt((np.outer(variance, variance) + covariance**2) / n)
    assert (abs(np.cov(draws.T) - covariance) <= error).all()


def test_densities_are_normal():
    """Fails if densities belong to the image."""
    layer = _layer(3)
    rng = np.random.default_rng(1)
    states, means = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    covariance = _moments(layer)[1]
    expected = [[multivariate_normal(m, covariance).logpdf(s) for m in means] for s in states]
    np.testing.assert_allclose(layer.log_probability(states, means), expected, rtol=1e-9)


def test_interpolation_is_linear_in_the_energy():
    """Fails if base and layer are exchanged; up to a constant."""
    rbm = _rbm()
    layer, base = rbm.visible, _base(rbm)
    states = np.random.default_rng(1).normal(size=(6, 4))
    for beta in np.linspace(0, 1, 5):
        expected = (1 - beta) * base.energy(states) + beta * layer.energy(states)
        between = layer.interpolate(base, beta)
        np.testing.assert_allclose(np.ptp(between.energy(states) - expected), 0, atol=1e-10)


def test_a_rotation_moves_with_its_layer():
    """Fails if T keeps its dtype, or a layer without a change computes its inverse."""
    layer = _layer(3)
    single = layer.map(lambda x: x.astype(np.float32))
    assert {x.dtype for x in (single.rotation.inverse, single.mean(0.0))} == {np.dtype("float32")}
    np.testing.assert_allclose(single.mean(0.0), layer.mean(0.0), rtol=1e-5)
    assert layer.map(lambda x: x).rotation is layer.rotation
    with pytest.raises(TypeError, match="Rotated units are correlated"):
        layer.part(slice(1))


def test_a_rotated_model_has_the_density_of_the_image():
    """Fails if weights are rotated in the other direction."""
    plain = random_rbm((GAUSSIAN, BERNOULLI), n_visible=2)
    rotation = _rotation(2)
    v = np.random.default_rng(0).normal(size=(5, 2))
    got = plain.rotated(rotation).free_energy(v)
    np.testing.assert_allclose(got, plain.free_energy(v @ rotation.matrix), rtol=1e-9)


# Given some units


def test_marginals_equal_a_mixture_of_normal_densities(by_chains):
    """Fails if P_kk takes the place of the precision of the marginal, or T its volume.

    Annealing: six standard errors of the mean weight, from 50 estimates of 20 chains.
    """
    rbm, rows, log_total, *_ = _problem()
    n = 50 if by_chains else 1
    many = np.repeat(rows, n, axis=0)
    got = conditionals.log_marginal(rbm, _base(rbm), many, random.generator(0))
    assert got.dtype == np.float64
    if not by_chains:
        np.testing.assert_allclose(got, log_total, rtol=1e-9)
        return
    weight = np.exp(got.reshape(len(rows), n) - log_total[:, None])
    error = 6 * weight.std(axis=1) / np.sqrt(n) + 1e-9
    assert (abs(weight.mean(axis=1) - 1) <= error).all()
    assert (weight.std(axis=1) < 0.3).all()


def test_means_are_conditional(by_chains):
    """Fails if a free unit keeps its mean without the given ones.

    Twenty chains of 1,000 steps: six standard errors of ten times as correlated draws.
    """
    rbm, rows, _, of_visible, of_hidden, variance = _problem()
    n_steps = 1_000 if by_chains else 1
    got = conditionals.means(rbm, _base(rbm), rows, random.generator(0), n_steps)
    scale = 6 / np.sqrt(1_000) if by_chains else 1e-9
    deviation = np.sqrt(np.diagonal(variance, axis1=1, axis2=2))
    assert (abs(got.visible - of_visible) <= scale * deviation + 1e-9).all()
    np.testing.assert_allclose(got.hidden, of_hidden, atol=0.5 * scale)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_draws_have_conditional_moments_and_keep_given_units(by_chains, dtype):
    """Fails if draws ignore the given units. Six standard errors.

    The error of the covariance is estimated from products of deviations of the draws.
    """
    rbm, rows, _, of_visible, _, covariance = _problem()
    n = 4_000
    many = np.repeat(rows, n, axis=0).astype(dtype)
    rbm = rbm.map(lambda x: x.astype(dtype))
    v = conditionals.draw(rbm, _base(rbm), many, random.generator(0), 50)
    assert v.dtype == dtype
    given = ~np.isnan(many)
    np.testing.assert_array_equal(v[given], many[given])
    deviation = v.reshape(len(rows), n, -1) - of_visible[:, None]
    error = 6 * deviation.std(axis=1) / np.sqrt(n) + 1e-6
    assert (abs(deviation.mean(axis=1)) <= error).all()
    products = deviation[..., :, None] * deviation[..., None, :]
    error = 6 * products.std(axis=1) / np.sqrt(n) + 1e-6
    assert (abs(products.mean(axis=1) - covariance) <= error).all()


def test_weighted_draws_sum_over_free_units(by_chains):
    """Fails if the weights are of other states. Six standard errors of means and weights."""
    rbm, rows, log_total, of_visible, *_ = _problem()
    n = 150
    many = np.repeat(rows, n, axis=0)
    v, log_w = conditionals.weighted_draws(rbm, _base(rbm), many, random.generator(0), 2)
    v = v.reshape(2, len(rows), n, -1).swapaxes(1, 2).reshape(2 * n, len(rows), -1)
    w = np.exp(log_w.reshape(2, len(rows), n).swapaxes(1, 2).reshape(2 * n, -1) - log_total)
    np.testing.assert_array_less(abs(w.mean(axis=0) - 1), 6 * w.std(axis=0) / np.sqrt(2 * n) + 1e-5)
    deviation = w[..., None] * (v - of_visible)
    error = 6 * deviation.std(axis=0) / np.sqrt(2 * n) + 1e-6
    np.testing.assert_array_less(abs(deviation.mean(axis=0)), error)


def test_rows_of_many_patterns_are_the_same_alone():
    """Fails if a row gets the inverse of another pattern. Some patterns are frequent."""
    rng = np.random.default_rng(0)
    rbm = _rbm(n_visible=9)
    rows = rng.normal(size=(300, 9))
    rows[rng.random(rows.shape) < 0.4] = np.nan
    rows[::3, :2] = rows[::3, 3:] = np.nan
    rows[1::20] = 1.0
    draws = rng.normal(size=rows.shape)
    got = Given.rows(rbm, rows).completed(draws)
    alone = [Given.rows(rbm, rows[i : i + 1]).completed(draws[i : i + 1]) for i in range(300)]
    np.testing.assert_allclose(got, np.concatenate(alone), atol=1e-9)
    covariance = _moments(rbm.visible)[1]
    f = np.isnan(rows[0])
    change = (rows[0] - draws[0])[~f]
    gain = np.linalg.solve(covariance[np.ix_(~f, ~f)], covariance[np.ix_(~f, f)])
    np.testing.assert_allclose(got[0, f], draws[0, f] + change @ gain, rtol=1e-9)
    log_p = conditionals.log_marginal(rbm, _base(rbm), rows, random.generator(0))
    alone = [
        conditionals.log_marginal(rbm, _base(rbm), row[None], random.generator(0)) for row in rows
    ]
    np.testing.assert_allclose(log_p, np.concatenate(alone), rtol=1e-9)


def test_without_a_rotation_units_are_independent(by_chains):
    """Fails if anything except the matrix makes them differ: T is the identity, seeds are equal."""
    plain = random_rbm((GAUSSIAN, BERNOULLI), n_visible=2)
    same = plain.rotated(Rotation(np.eye(2)))
    rows = np.random.default_rng(0).normal(size=(4, 2))
    rows[FREE[:4, :2]] = np.nan
    bases = plain.visible.neutral(), same.visible.neutral()

    def both(function, *arguments):
        pairs = zip((plain, same), bases, strict=True)
        return [function(rbm, base, rows, random.generator(0), *arguments) for rbm, base in pairs]

    calls = [
        both(conditionals.log_marginal),
        both(conditionals.draw, 7),
        both(conditionals.mode, 7),
        both(lambda *x: conditionals.means(*x).visible, 7),
        both(lambda *x: conditionals.means(*x).hidden, 7),
        both(lambda *x: conditionals.weighted_draws(*x)[1], 2),
    ]
    for got in calls:
        np.testing.assert_allclose(*got, rtol=1e-9)
    v = np.nan_to_num(rows)
    got = [likelihood.pseudo_log_likelihood(rbm, v) for rbm in (plain, same)]
    np.testing.assert_allclose(*got, rtol=1e-9)


def test_a_mode_is_stationary_and_no_step_decreases_the_density():
    """Fails if the step of a free unit ignores the given ones: then the slope is not zero."""
    rbm, rows, *_ = _problem(_rbm(n_hidden=4))
    got = conditionals.mode(rbm, _base(rbm), rows, random.generator(0), 1)
    given = Given.rows(rbm, rows)
    v = given.completed(np.random.default_rng(0).normal(size=rows.shape))
    for _ in range(5):
        before, v = v, given.completed(rbm.visible_from_hidden(rbm.hidden_from_visible(v)))
        assert (rbm.free_energy(v) <= rbm.free_energy(before) + 1e-9).all()
    for i in range(4):
        step = 1e-4 * np.eye(4)[i]
        slope = (rbm.free_energy(got - step) - rbm.free_energy(got + step)) / 2e-4
        np.testing.assert_allclose(slope[np.isnan(rows[:, i])], 0, atol=1e-3)


@pytest.mark.parametrize("n_flips", [None, 3])
def test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals(n_flips):
    """Fails if a unit keeps its variance without the others. By adaptive quadrature."""
    rbm = _rbm()
    v = np.random.default_rng(1).normal(size=(3, 4))

    def density(row, i, value):
        state = row.copy()
        state[i] = value
        return math.exp(float(rbm.free_energy(row[None])[0] - rbm.free_energy(state[None])[0]))

    expected = np.zeros((3, 4))
    for r, row in enumerate(v):
        for i in range(4):
            total, _ = quad(lambda value: density(row, i, value), -50, 50, limit=500)  # noqa: B023
            expected[r, i] = -math.log(total)
    if n_flips is None:
        got = likelihood.pseudo_log_likelihood(rbm, v)
        np.testing.assert_allclose(got, expected.sum(axis=1), rtol=1e-6)
        single = rbm.map(lambda x: x.astype(np.float32))
        got = likelihood.pseudo_log_likelihood(single, v.astype(np.float32))
        np.testing.assert_allclose(got, expected.sum(axis=1), rtol=1e-4)
    else:
        many = np.repeat(v, 2_000, axis=0)
        got = likelihood.pseudo_log_likelihood(rbm, many, n_flips, random.generator(0))
        got = got.reshape(3, -1)
        error = 6 * got.std(axis=1) / np.sqrt(got.shape[1])
        assert (abs(got.mean(axis=1) - expected.sum(axis=1)) <= error).all()


# With other units, and below other layers


def _with_label(rbm, n_labels=3):
    rng = np.random.default_rng(5)
    label = Categorical(rng.normal(size=n_labels), (n_labels,))
    weights = np.vstack([rbm.weights.array, rng.normal(size=(n_labels, rbm.hidden.n_units))])
    return RBM(Joined((rbm.visible, label)), rbm.hidden, weights)


def test_labels_and_columns_given_other_columns(by_chains):
    """Fails if a joined layer completes its correlated units as independent ones.

    Twenty chains of 1,000 steps: six standard errors of ten times as correlated draws.
    """
    plain = _rbm()
    rbm = _with_label(plain)
    parts = [_problem(labels.with_label(rbm, label)) for label in range(3)]
    rows, bias = parts[0][1], rbm.visible.layers[1].bias
    log_p = np.array([part[2] for part in parts]).T + bias
    share = np.exp(log_p - logsumexp(log_p, axis=1)[:, None])
    mean = np.einsum("ij,jik->ik", share, [part[3] for part in parts])
    square = [np.diagonal(part[5], axis1=1, axis2=2) + part[3] ** 2 for part in parts]
    variance = np.einsum("ij,jik->ik", share, square) - mean**2
    deviation = np.sqrt(variance.clip(min=0))
    base, rng = Joined((_base(plain), rbm.visible.layers[1])), random.generator(0)
    n_steps, scale = (1_000, 6 / np.sqrt(1_000)) if by_chains else (1, 1e-9)
    got = conditionals.means(rbm, base, labels.unlabelled(rbm, rows), rng, n_steps).visible
    assert (abs(got[:, :4] - mean) <= scale * deviation + 1e-9).all()
    np.testing.assert_allclose(got[:, 4:], share, atol=0.5 * scale)
    if not by_chains:
        got = labels.label_logits_given(rbm, base, rows, rng)
        np.testing.assert_allclose(got - got[:, :1], log_p - log_p[:, :1], atol=1e-9)


def test_pseudo_log_likelihood_with_labels():
    """Fails if a unit of a joined layer takes another unit's bias: the sum over both layers."""
    rbm = _with_label(_rbm())
    rows = np.hstack([np.random.default_rng(0).normal(size=(6, 4)), np.eye(3)[np.arange(6) % 3]])
    got = likelihood.pseudo_log_likelihood(rbm, rows)
    of_others = [
        likelihood.pseudo_log_likelihood(labels.with_label(rbm, i % 3), row[None, :4])[0]
        for i, row in enumerate(rows)
    ]
    np.testing.assert_allclose(got, labels.log_label_probability(rbm, rows) + of_others, rtol=1e-6)


def test_belief_nets_complete_correlated_units():
    """Fails if a net completes its visible units as independent ones. Six standard errors.

    The net is an RBM above the first one, with the same hidden units, so both have one density.
    Draws of 20 chains of 1,000 steps are ten times as correlated as independent ones.
    """
    rbm, rows, _, of_visible, _, variance = _problem()
    net = BeliefNet.stack([rbm, rbm.swap()])
    got = belief_conditionals.means(net, rows, random.generator(0), 1_000)
    deviation = np.sqrt(np.diagonal(variance, axis1=1, axis2=2))
    assert (abs(got - of_visible) <= 6 * deviation / np.sqrt(1_000) + 1e-9).all()
    last, _ = belief_conditionals.complete(net, rows, random.generator(0), 2)
    known = ~np.isnan(rows)
    np.testing.assert_array_equal(last[known], rows[known])
    mode = belief_conditionals.mode(net, rows, random.generator(0), 20)
    np.testing.assert_array_equal(mode[known], rows[known])
