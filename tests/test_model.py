"""Law 2, and the model's other formulas, against enumeration."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import BERNOULLI, PAIR_IDS, PAIRS, enumerate_rbm, random_rbm

pairs = pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)


def _some(states, n=8):
    return states[np.random.default_rng(2).integers(len(states), size=n)]


@pairs
def test_energy_is_minus_the_log_joint(pair):
    """Fails if the coupling v W h is added to the energy instead of subtracted."""
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    rows, columns = (_some(np.arange(len(states)), 20) for states in (exact.v, exact.h))
    energy = rbm.energy(exact.v[rows], exact.h[columns])
    np.testing.assert_allclose(energy, -exact.minus_energy[rows, columns], rtol=1e-12, atol=1e-12)


@pairs
def test_free_energy_sums_out_the_hidden_units(pair):
    """Fails if the free energy omits the visible bias."""
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    expected = -exact.log_p_visible - exact.log_partition
    inside = np.abs(exact.v).max(axis=1) < 3  # with nodes that cover a Gaussian h
    got = rbm.free_energy(exact.v[inside])
    np.testing.assert_allclose(got, expected[inside], rtol=1e-12, atol=1e-12)


@pairs
def test_log_partition_is_the_same_from_both_sides(pair):
    """Fails if swap does not transpose the weights' role, or exchanges only one layer."""
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    by_visible = logsumexp(exact.log_weight_v - rbm.free_energy(exact.v))
    by_hidden = logsumexp(exact.log_weight_h - rbm.swap().free_energy(exact.h))
    np.testing.assert_allclose([by_visible, by_hidden], exact.log_partition, rtol=1e-12)


@pairs
def test_conditional_means_follow_from_the_joint_distribution(pair):
    """Fails if a conditional mean uses the other layer's bias."""
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    v, h = (np.abs(x).max(axis=1) < 3 for x in (exact.v, exact.h))
    given_v = exact.joint[v] / exact.joint[v].sum(axis=1, keepdims=True)
    given_h = exact.joint[:, h] / exact.joint[:, h].sum(axis=0, keepdims=True)
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(rbm.hidden_from_visible(exact.v[v]), given_v @ exact.h, **close)
    np.testing.assert_allclose(rbm.visible_from_hidden(exact.h[h]), given_h.T @ exact.v, **close)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] is BERNOULLI])
def test_visible_distribution_is_the_marginal(pair):
    """Fails if the probabilities are not normalised."""
    rbm = random_rbm(pair)
    v, probability = rbm.visible_distribution()
    exact = enumerate_rbm(rbm, pair)
    order, expected = (np.lexsort(x.T) for x in (v, exact.v))
    np.testing.assert_array_equal(v[order], exact.v[expected])
    got, expected = probability[order], np.exp(exact.log_p_visible)[expected]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pairs
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_interpolated_energy_lies_between_base_and_model(pair, beta):
    """Fails if beta does not scale the coupling. With one beta per row; up to a constant."""
    rbm, base = random_rbm(pair), random_rbm(pair, seed=1)
    exact = enumerate_rbm(rbm, pair)
    v, h = _some(exact.v), _some(exact.h)
    between = rbm.interpolate(base.visible, base.hidden, beta)
    by_row = rbm.interpolate(base.visible, base.hidden, np.full((8, 1), beta))
    uncoupled = base.visible.energy(v) + base.hidden.energy(h)
    expected = (1 - beta) * uncoupled + beta * rbm.energy(v, h)
    np.testing.assert_allclose(np.ptp(between.energy(v, h) - expected), 0, atol=1e-10)
    np.testing.assert_allclose(by_row.energy(v, h), between.energy(v, h), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_row.free_energy(v), between.free_energy(v), rtol=1e-12)


@pairs
def test_coupling_keeps_the_units_at_the_mean_of_the_other_layer(pair):
    """Fails if a layer is shifted by the sum of its weights instead of their mean input.

    Biases that units share absorb the mean over them.
    """
    rbm = random_rbm(pair)
    coupled = RBM.couple(rbm.visible, rbm.hidden, rbm.weights.array)
    for before, after, unit in ((rbm, coupled, pair[1]), (rbm.swap(), coupled.swap(), pair[0])):
        x = before.hidden_input(before.visible.mean(0.0)[None])
        left = x - unit.absorbed(before.hidden, x)
        h = after.hidden_from_visible(before.visible.mean(0.0)[None])
        np.testing.assert_allclose(h, before.hidden.mean(left), rtol=1e-12)


@pairs
def test_with_hidden_keeps_those_units(pair):
    """Fails if a column of the weights is paired with another unit's bias."""
    rbm = random_rbm(pair)
    v = _some(enumerate_rbm(rbm, pair).v)
    parts = rbm.with_hidden(slice(2)), rbm.with_hidden(slice(2, None))
    joined = np.hstack([part.hidden_from_visible(v) for part in parts])
    np.testing.assert_allclose(joined, rbm.hidden_from_visible(v), rtol=1e-12)


def test_extreme_weights_stay_finite():
    """Fails if softplus overflows: weights of 1e4 in float32."""
    rbm = random_rbm(scale=1e4, dtype="float32")
    v = rbm.visible.states()
    assert np.isfinite(rbm.free_energy(v)).all()
    assert np.isfinite(rbm.visible_from_hidden(rbm.hidden_from_visible(v))).all()


# A textbook's binary network as tables of clique potentials, states in the order 00, 01, 10, 11.
PAIR_POTENTIALS = {
    (0, 0): (20, 3, 5, 10),
    (0, 1): (6, 20, 10, 2),
    (1, 0): (3, 3, 2, 10),
    (1, 1): (2, 1, 10, 10),
    (2, 0): (6, 3, 5, 10),
    (2, 1): (3, 1, 10, 10),
}
VISIBLE_POTENTIALS = [(30, 1), (100, 1), (1, 100)]
HIDDEN_POTENTIALS = [(100, 1), (10, 10)]


def product_of_potentials(v, h):
    pair = [table[2 * v[i] + h[j]] for (i, j), table in PAIR_POTENTIALS.items()]
    single = [t[s] for t, s in zip(VISIBLE_POTENTIALS + HIDDEN_POTENTIALS, (*v, *h), strict=True)]
    return float(np.prod([*pair, *single]))


def rbm_from_potentials():
    """Any positive tables over pairs and single units are an RBM, up to a constant factor.

    With t = log of a table over (v, h): t = t00 + (t10 - t00) v + (t01 - t00) h + (t11 - t10 -
    t01 + t00) v h. The last term is a weight; the others add to the biases and to the constant.
    """
    weights = np.zeros((3, 2))
    b = np.array([np.log(on / off) for off, on in VISIBLE_POTENTIALS])
    c = np.array([np.log(on / off) for off, on in HIDDEN_POTENTIALS])
    log_factor = np.log([off for off, _ in VISIBLE_POTENTIALS + HIDDEN_POTENTIALS]).sum()
    for (i, j), table in PAIR_POTENTIALS.items():
        t00, t01, t10, t11 = np.log(table)
        weights[i, j] = t11 - t10 - t01 + t00
        b[i] += t10 - t00
        c[j] += t01 - t00
        log_factor += t00
    return RBM(Bernoulli(b), Bernoulli(c), weights), log_factor


def test_clique_potentials_are_an_rbm():
    """Z and P(V=000, H=11) from the tables and from the RBM. Fails if a weight's sign is wrong."""
    rbm, log_factor = rbm_from_potentials()
    v, h = ([tuple(map(int, s)) for s in _states(n)] for n in (3, 2))
    z_tables = sum(product_of_potentials(a, b) for a in v for b in h)
    z_rbm = np.exp(log_factor + logsumexp(-rbm.free_energy(np.array(v, dtype=float))))
    assert z_rbm == pytest.approx(z_tables, rel=1e-12)
    v000, h11 = np.zeros((1, 3)), np.ones((1, 2))
    p_rbm = np.exp(log_factor - rbm.energy(v000, h11)[0]) / z_rbm
    assert p_rbm == pytest.approx(product_of_potentials((0, 0, 0), (1, 1)) / z_tables, rel=1e-12)


def _states(n):
    return np.array(np.meshgrid(*[[0, 1]] * n)).reshape(n, -1).T
