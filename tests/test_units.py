"""Law 1: every unit type against a sum, or a quadrature, over its states."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm._kernels import random

from laws import UNIT_IDS, UNITS

pytestmark = pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)


def _layer_and_input(unit):
    rng = np.random.default_rng(1)
    return unit.make(5, rng, "float64"), 2 * rng.normal(size=(7, 5))


def _log_terms(unit, layer, x):
    """Logarithm of weight times density, one term a row, unit and node."""
    nodes = np.repeat(unit.nodes[:, None], layer.n_units, axis=1)
    log_density = unit.log_density(layer, nodes)
    return (log_density + unit.log_weights[:, None]).T + x[:, :, None] * unit.nodes


def test_log_normalizer_is_the_sum_over_states(unit):
    """Fails if the bias is left out of the log-normaliser."""
    layer, x = _layer_and_input(unit)
    expected = logsumexp(_log_terms(unit, layer, x), axis=-1).sum(axis=-1)
    np.testing.assert_allclose(layer.log_normalizer(x), expected, rtol=1e-12)


def test_mean_is_the_derivative_of_the_log_normalizer(unit):
    """Fails if the mean of a unit ignores its bias. Central differences, error of order step^2."""
    layer, x = _layer_and_input(unit)
    step = 1e-5
    for i in range(layer.n_units):
        e = step * np.eye(layer.n_units)[i]
        slope = (layer.log_normalizer(x + e) - layer.log_normalizer(x - e)) / (2 * step)
        np.testing.assert_allclose(layer.mean(x)[:, i], slope, rtol=1e-8, atol=1e-9)


def test_energy_is_minus_the_log_density(unit):
    """Fails if the sign of the energy is wrong."""
    layer, _ = _layer_and_input(unit)
    states = np.random.default_rng(2).choice(unit.nodes, size=(6, layer.n_units))
    expected = -unit.log_density(layer, states).sum(axis=-1)
    np.testing.assert_allclose(layer.energy(states), expected, rtol=1e-12)


def test_energy_above_a_base_is_the_difference(unit):
    """Fails if layer and base are exchanged."""
    layer, _ = _layer_and_input(unit)
    base = unit.make(layer.n_units, np.random.default_rng(3), "float64")
    states = np.random.default_rng(2).choice(unit.nodes, size=(6, layer.n_units))
    expected = layer.energy(states) - base.energy(states)
    np.testing.assert_allclose(layer.energy_above(base, states), expected, atol=1e-12)


def test_pairwise_log_normalizer_is_that_of_the_summed_inputs(unit):
    """Fails if the bias is added to both inputs."""
    layer, x = _layer_and_input(unit)
    expected = [[float(layer.log_normalizer(a + b)) for b in x[3:]] for a in x[:3]]
    np.testing.assert_allclose(layer.pairwise_log_normalizer(x[:3], x[3:]), expected, rtol=1e-12)


def test_sample_has_the_mean_and_variance_of_the_distribution(unit):
    """Fails if draws are made from the complement. Six standard errors of mean and variance."""
    n = 50_000
    layer, x = _layer_and_input(unit)
    log_terms = _log_terms(unit, layer, x[:1])
    p = np.exp(log_terms - logsumexp(log_terms, axis=-1, keepdims=True))[0]
    mean = p @ unit.nodes
    deviation = (unit.nodes - mean[:, None]) ** 2
    variance = (p * deviation).sum(axis=-1)
    fourth = (p * deviation**2).sum(axis=-1)
    draws = layer.sample(np.repeat(layer.mean(x[:1]), n, axis=0), random.generator(0))
    assert (np.abs(draws.mean(axis=0) - mean) <= 6 * np.sqrt(variance / n)).all()
    error = np.abs(((draws - mean) ** 2).mean(axis=0) - variance)
    assert (error <= 6 * np.sqrt((fourth - variance**2) / n)).all()


def test_interpolation_is_linear_in_the_energy(unit):
    """Fails if base and layer are exchanged; up to a constant. Beta a number, or one a row."""
    layer, x = _layer_and_input(unit)
    base = unit.make(layer.n_units, np.random.default_rng(3), "float64")
    states = np.random.default_rng(4).choice(unit.nodes, size=(7, layer.n_units))
    for beta in np.linspace(0, 1, 5):
        expected = (1 - beta) * base.energy(states) + beta * layer.energy(states)
        between = layer.interpolate(base, beta)
        np.testing.assert_allclose(np.ptp(between.energy(states) - expected), 0, atol=1e-10)
        by_row = layer.interpolate(base, np.full((7, 1), beta))
        np.testing.assert_allclose(by_row.energy(states), between.energy(states), rtol=1e-12)
        np.testing.assert_allclose(by_row.log_normalizer(x), between.log_normalizer(x), rtol=1e-12)


def test_units_add_up_to_their_layer(unit):
    """Fails if a unit's own log-normaliser or energy leaves out its bias, or its volume."""
    layer, x = _layer_and_input(unit)
    states = np.random.default_rng(2).choice(unit.nodes, size=(6, layer.n_units))
    np.testing.assert_allclose(layer.energies(states).sum(axis=1), layer.energy(states), rtol=1e-12)
    total = layer.log_normalizers(x).sum(axis=1)
    np.testing.assert_allclose(total, layer.log_normalizer(x), rtol=1e-12)


def test_most_probable_states_have_the_largest_density(unit):
    """Fails if the threshold is on the wrong side: some state is then more probable."""
    layer, x = _layer_and_input(unit)
    best = layer.most_probable(layer.mean(x))
    at_best = x * best - layer.energies(best)
    for node in unit.nodes:
        states = np.full_like(best, node)
        assert (at_best >= x * states - layer.energies(states) - 1e-12).all()
