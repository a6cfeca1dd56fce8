"""Law 1: every unit type against a sum, or a quadrature, over its states."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm._kernels import random
from skrbm.units import REAL_LINE, Bernoulli, Categorical, Gaussian, Joined, Ordinal

from laws import UNIT_IDS, UNITS, WITH_PRECISION, all_states

units = pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)


def _layer_and_input(unit, n=4):
    rng = np.random.default_rng(1)
    layer = unit.make(min(n, unit.most_units), rng, "float64")
    return layer, 2 * rng.normal(size=(7, layer.n_columns))


def _log_terms(unit, layer, x):
    """All joint states, and the logarithm of weight times density, shape (n_rows, n_states)."""
    states, log_weights = all_states(unit, layer)
    return states, unit.log_density(layer, states) + log_weights + x @ states.T


@units
def test_log_normalizer_is_the_sum_over_states(unit):
    """Fails if the log-normaliser omits the bias, or categories are summed one by one."""
    layer, x = _layer_and_input(unit)
    _, log_terms = _log_terms(unit, layer, x)
    expected = logsumexp(log_terms, axis=-1)
    np.testing.assert_allclose(layer.log_normalizer(x), expected, rtol=1e-12)
    at_zero = logsumexp(_log_terms(unit, layer, 0 * x[:1])[1])
    assert float(layer.log_normalizer(0.0)) == pytest.approx(at_zero, rel=1e-12)


@units
def test_mean_is_the_derivative_of_the_log_normalizer(unit):
    """Fails if the mean of a unit ignores its bias. Central differences, error of order step^2."""
    layer, x = _layer_and_input(unit)
    step = 1e-5
    for i in range(layer.n_columns):
        e = step * np.eye(layer.n_columns)[i]
        slope = (layer.log_normalizer(x + e) - layer.log_normalizer(x - e)) / (2 * step)
        np.testing.assert_allclose(layer.mean(x)[:, i], slope, rtol=1e-7, atol=1e-9)


@units
def test_energy_is_minus_the_log_density(unit):
    """Fails if the sign of the energy is wrong."""
    layer, _ = _layer_and_input(unit)
    states = unit.some_states(layer, 6, seed=2)
    expected = -unit.log_density(layer, states)
    np.testing.assert_allclose(layer.energy(states), expected, rtol=1e-12, atol=1e-12)


@units
def test_energy_above_a_base_is_the_difference(unit):
    """Fails if the base is subtracted from the wrong side."""
    layer, _ = _layer_and_input(unit)
    base = unit.make(layer.n_units, np.random.default_rng(3), "float64")
    states = unit.some_states(layer, 6, seed=2)
    expected = layer.energy(states) - base.energy(states)
    np.testing.assert_allclose(layer.energy_above(base, states), expected, atol=1e-12)


@units
def test_pairwise_log_normalizer_uses_summed_inputs(unit):
    """Fails if the bias is added to both inputs, or pairs are transposed."""
    layer, x = _layer_and_input(unit)
    for a, b in ((x[:3], x[3:]), (x[:5], x[5:])):
        expected = [[float(layer.log_normalizer(i + j)) for j in b] for i in a]
        np.testing.assert_allclose(layer.pairwise_log_normalizer(a, b), expected, rtol=1e-12)


@units
@pytest.mark.parametrize("draw", ["sample", "draw"])
def test_draws_have_the_mean_and_variance_of_the_distribution(unit, draw):
    """Fails if draws use the complement, or are not states.

    Six standard errors of mean and variance.
    """
    n = 50_000
    layer, x = _layer_and_input(unit)
    states, log_terms = _log_terms(unit, layer, x[:1])
    p = np.exp(log_terms - logsumexp(log_terms))[0]
    mean = p @ states
    deviation = (states - mean) ** 2
    variance, fourth = p @ deviation, p @ deviation**2
    rng = random.generator(0)
    if draw == "sample":
        draws = layer.sample(np.repeat(layer.mean(x[:1]), n, axis=0), rng)
    else:
        draws = layer.draw(np.repeat(x[:1], n, axis=0), rng)
    assert layer.are_states([draws])
    assert (np.abs(draws.mean(axis=0) - mean) <= 6 * np.sqrt(variance / n)).all()
    error = np.abs(((draws - mean) ** 2).mean(axis=0) - variance)
    assert (error <= 6 * np.sqrt((fourth - variance**2) / n) + 1e-12).all()


@units
def test_interpolation_is_linear_in_the_energy(unit):
    """Fails if base and layer are exchanged; up to a constant. Beta a number, or one per row."""
    layer, x = _layer_and_input(unit)
    base = unit.make(layer.n_units, np.random.default_rng(3), "float64")
    states = unit.some_states(layer, 7, seed=4)
    for beta in np.linspace(0, 1, 5):
        expected = (1 - beta) * base.energy(states) + beta * layer.energy(states)
        between = layer.interpolate(base, beta)
        np.testing.assert_allclose(np.ptp(between.energy(states) - expected), 0, atol=1e-10)
        by_row = layer.interpolate(base, np.full((7, 1), beta))
        np.testing.assert_allclose(by_row.energy(states), between.energy(states), rtol=1e-12)
        np.testing.assert_allclose(by_row.log_normalizer(x), between.log_normalizer(x), rtol=1e-12)


@units
def test_units_add_up_to_their_layer(unit):
    """Fails if the log-normaliser or energy of a unit omits its bias or its volume."""
    layer, x = _layer_and_input(unit)
    states = unit.some_states(layer, 6, seed=2)
    energies, log_normalizers = layer.energies(states), layer.log_normalizers(x)
    assert energies.shape == (6, layer.n_units)
    assert log_normalizers.shape == (7, layer.n_units)
    np.testing.assert_allclose(energies.sum(axis=1), layer.energy(states), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(log_normalizers.sum(axis=1), layer.log_normalizer(x), rtol=1e-12)


@units
def test_energies_of_units_are_sums_in_double_precision(unit):
    """Fails if the square of a large state overflows in single precision; warnings are errors."""
    layer = unit.make(min(4, unit.most_units), np.random.default_rng(1), "float32")
    scale = 1e37 if layer.domain == REAL_LINE else 1
    states = (scale * unit.some_states(layer, 6, seed=2)).astype("float32")
    energies = layer.energies(states)
    assert energies.dtype == "float64"
    np.testing.assert_allclose(energies.sum(1), layer.energy(states), rtol=1e-5, atol=1e-5)


@units
def test_most_probable_states_have_the_largest_density(unit):
    """Fails if the threshold is on the wrong side: some state is then more probable."""
    layer, x = _layer_and_input(unit)
    best = layer.most_probable(layer.mean(x))
    states, _ = all_states(unit, layer)
    log_density = unit.log_density(layer, states) + x @ states.T
    at_best = unit.log_density(layer, best) + (x * best).sum(axis=1)
    assert (at_best >= log_density.max(axis=1) - 1e-12).all()


@units
def test_log_probabilities_sum_to_one_and_broadening_keeps_means(unit):
    """Fails if probabilities do not sum to one, or broadening changes the mean of the states."""
    layer, x = _layer_and_input(unit)
    states, log_weights = all_states(unit, layer)
    for mean in (layer.mean(x), layer.broadened(layer.mean(x), 0.3)):
        p = np.exp(layer.log_probability(states, mean) + log_weights[:, None])
        np.testing.assert_allclose(p.sum(axis=0), 1, rtol=1e-9)
        np.testing.assert_allclose(p.T @ states, mean, rtol=1e-9, atol=1e-9)


@units
def test_states_can_be_counted_and_visited(unit):
    """Fails if a joint state is missing or repeated, or a part has other states."""
    layer, _ = _layer_and_input(unit)
    if not layer.is_finite:
        assert layer.n_states == layer.log2_states == math.inf
        with pytest.raises(TypeError, match="no finite number of states"):
            layer.states()
        return
    expected, _ = all_states(unit, layer)
    states = layer.states()
    assert len(states) == layer.n_states == round(2**layer.log2_states)
    np.testing.assert_array_equal(np.unique(states, axis=0), np.unique(expected, axis=0))
    np.testing.assert_array_equal(layer.states(3, 11), states[3:11])


@units
def test_parts_keep_their_units(unit):
    """Fails if a unit of a part has the parameters of another, or the wrong columns."""
    layer, x = _layer_and_input(unit)
    energies, mean = layer.energies(layer.mean(x)), layer.mean(x)
    for some in (slice(1, None), slice(1), np.array([layer.n_units - 1]), slice(layer.n_units)):
        part, columns = layer.part(some), layer.columns_of(some)
        np.testing.assert_allclose(part.mean(x[:, columns]), mean[:, columns], rtol=1e-13)
        of_part = part.energies(mean[:, columns])
        np.testing.assert_allclose(of_part, energies[:, some], rtol=1e-12, atol=1e-12)
    for each in (np.arange(layer.n_units), np.zeros(layer.n_units, int)):
        seen = np.zeros(len(each), bool)
        for rows, some in layer.alike(each):
            np.testing.assert_array_equal(some[:, 0], each[rows])
            part, columns = layer.part(some), layer.columns_of(some)
            assert columns.shape == (len(some), part.n_columns)
            own = np.take_along_axis(mean[:1].repeat(len(each), 0)[rows], columns, axis=1)
            expected = energies[0, some]
            np.testing.assert_allclose(part.energies(own), expected, rtol=1e-12, atol=1e-12)
            seen[rows] = True
        assert seen.all()


@units
def test_biases_are_inputs(unit):
    """Fails if a shift, or a sum in place, changes other columns, or biases that are not shared."""
    layer, x = _layer_and_input(unit)
    expected = layer.mean(x[1:2] + x[:1])[0]
    shifted = layer.shift(x[0])
    np.testing.assert_allclose(shifted.mean(x[1:2])[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(shifted.bias, layer.bias + x[0])
    expected = layer.mean(x[1:2] + unit.absorbed(layer, x[0]))[0]
    layer.add_to_bias(x[0])
    np.testing.assert_allclose(layer.mean(x[1:2])[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(layer.neutral().bias, 0 * layer.bias)


@units
def test_a_layer_takes_the_place_of_one_of_its_type_only(unit):
    """Fails if units are compared by the number of their columns."""
    layer, _ = _layer_and_input(unit)
    for other in UNITS:
        same = other.make(layer.n_units, np.random.default_rng(5), "float64")
        assert layer.has_type_of(same) == (other is unit)
    assert not layer.has_type_of(unit.make(layer.n_units + 1, np.random.default_rng(5), "float64"))
    assert pickle.loads(pickle.dumps(layer)).has_type_of(layer)


@units
def test_data_become_states_with_their_means(unit):
    """Fails if draws use the complement of a mean. Six standard errors; states do not change."""
    n = 20_000
    layer, x = _layer_and_input(unit)
    mean = np.repeat(layer.mean(x[:1]), n, axis=0)
    states = layer.from_data(mean, np.random.default_rng(0).random(mean.shape))
    assert layer.are_states([states[:100]])
    error = 6 * states.std(axis=0) / np.sqrt(n)
    assert (np.abs(states.mean(axis=0) - mean[0]) <= error + 1e-12).all()
    again = layer.from_data(states, np.random.default_rng(1).random(mean.shape))
    np.testing.assert_array_equal(again, states)


def test_layers_declare_the_data_they_accept():
    """Fails if a joined layer accepts less than its parts, or has bounds for real numbers."""
    binary, softmax = Bernoulli(np.zeros(2)), Categorical(np.zeros(3), (3,))
    label = Joined((binary, softmax)).domain
    assert (label.low, label.high, label.is_bounded, label.accept_sparse) == (0, 1, True, False)
    assert label.units == "Bernoulli and categorical"
    mixed = Joined((binary, Gaussian.standard(np.zeros(1)))).domain
    assert (mixed.low, mixed.high) == (REAL_LINE.low, REAL_LINE.high)
    assert not mixed.is_bounded


def test_states_without_a_category_are_not_drawn():
    """Fails if a category is drawn for it."""
    layer = Categorical(np.zeros(5), (2, 3))
    values = np.array([[0, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], float)
    u = np.random.default_rng(0).random(values.shape)
    np.testing.assert_array_equal(layer.from_data(values, u), values)
    assert layer.are_states([values])
    assert not layer.are_states([values + [1, 0, 0, 0, 0]])
    assert not layer.are_states([values / 2])
    joined = Joined((Bernoulli(np.zeros(1)), layer))
    assert joined.are_states([np.hstack([values[:, :1], values])])
    assert not joined.are_states([np.hstack([values[:, :1], values + [1, 0, 0, 0, 0]])])


def test_units_with_equal_numbers_of_categories_stay_separate():
    """Fails if columns of units of one size are read across units."""
    rng = np.random.default_rng(0)
    bias, x = rng.normal(size=6), rng.normal(size=(4, 6))
    layer = Categorical(bias, (3, 3))
    alone = [Categorical(bias[i : i + 3], (3,)).mean(x[:, i : i + 3]) for i in (0, 3)]
    np.testing.assert_allclose(layer.mean(x), np.hstack(alone), rtol=1e-12)


def test_categories_start_as_frequent_as_in_data():
    """Fails if counts are not smoothed: a category that never occurs has no finite bias."""
    layer = Categorical.from_totals(np.array([3.0, 0, 5, 1, 0]), 6, (2, 3))
    np.testing.assert_allclose(layer.mean(0.0), [0.8, 0.2, 6 / 9, 2 / 9, 1 / 9], rtol=1e-12)


def test_levels_are_reached_step_by_step():
    """Fails if a state above the second step may lie below the first."""
    high = np.sqrt(2 / 3)
    layer = Ordinal(np.zeros(2), (3,))
    assert layer.are_states([np.array([[0, 0], [high, 0], [high, high]])])
    assert not layer.are_states([np.array([[0, high]])])


def test_levels_start_as_frequent_as_in_data():
    """Fails if a level that never occurs has no finite bias, or steps lack their heights."""
    levels = [0, 2, 2, 2, 0, 2]
    states = (np.array(levels)[:, None] > [0, 1]) * np.sqrt(2 / 3)
    layer = Ordinal.from_totals(states.sum(0), 6, (3,))
    above = layer.mean(0.0) / np.sqrt(2 / 3)
    np.testing.assert_allclose(above, [6 / 9, 5 / 9], rtol=1e-12)


@pytest.mark.parametrize("unit", WITH_PRECISION, ids=lambda unit: unit.name)
def test_precisions_are_scaled_without_moving_means(unit):
    """Fails if the means move, the smallest variance is passed, or other units change."""
    layer, _ = _layer_and_input(unit, n=2)
    mean, variance = layer.mean(0.0), 1 / layer.preconditioned(np.ones(layer.n_columns))
    floor = np.full(layer.n_columns, 0.1)
    applied = layer.scale_precision(np.full(layer.n_columns, 1e6), floor)
    np.testing.assert_allclose(layer.mean(0.0), mean, rtol=1e-12)
    is_real = layer.preconditioned(np.ones(layer.n_columns)) != 1
    now = 1 / layer.preconditioned(np.ones(layer.n_columns))
    np.testing.assert_allclose(now[is_real], 0.1, rtol=1e-12)
    np.testing.assert_allclose(now * applied, variance, rtol=1e-12)
    np.testing.assert_array_equal(applied[~is_real], 1)
    np.testing.assert_allclose(layer.response(applied), applied * now, rtol=1e-12)


def test_layers_are_frozen():
    """Fails if a shared layer can be changed other than in its arrays."""
    for unit in UNITS:
        layer, _ = _layer_and_input(unit)
        with pytest.raises(dataclasses.FrozenInstanceError):
            layer.bias = 0
