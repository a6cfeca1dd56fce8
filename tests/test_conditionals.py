"""Conditionals given some visible units, against sums or quadratures over all other states."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm import conditionals
from skrbm._kernels import random
from skrbm._kernels.generators import RowGenerator
from skrbm.conditionals import Given

from laws import (
    BERNOULLI,
    GAUSSIAN,
    NOT_REAL,
    PAIR_IDS,
    PAIRS,
    all_states,
    coupled_rbm,
    enumerate_rbm,
    random_rbm,
)

FREE = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)


@pytest.fixture(params=["exact", "chains"])
def by_chains(request, monkeypatch):
    """With exact results, and with the chains that replace them."""
    if request.param == "chains":
        monkeypatch.setattr(conditionals, "_LOG2_STATES", -1)
    return request.param == "chains"


def _problem(pair, seed=0, n_hidden=3, free=FREE):
    """A model, rows with NaN in free units, and their conditionals by brute force."""
    rbm = random_rbm(pair, n_visible=4, n_hidden=n_hidden, seed=seed)
    visible, _ = pair
    free = free[:, : rbm.visible.n_units]
    values = visible.some_states(rbm.visible, len(free), seed, within=2)
    nodes = visible.nodes(rbm.visible)
    unit_of_column = np.repeat(np.arange(len(nodes)), [states.shape[1] for states, _ in nodes])
    exact = enumerate_rbm(rbm, pair)
    log_p = logsumexp(exact.log_joint, axis=1)  # with the weights of a quadrature
    log_total, of_visible, of_hidden = [], [], []
    for row, is_free in zip(values, free, strict=True):
        states, log_weight = np.zeros((1, 0)), np.zeros(1)
        for i, (of_unit, of_nodes) in enumerate(nodes):
            if not is_free[i]:
                of_unit, of_nodes = row[None, unit_of_column == i], np.zeros(1)
            log_weight = np.add.outer(log_weight, of_nodes).ravel()
            rows = np.repeat(np.arange(len(states)), len(of_unit))
            states = np.hstack([states[rows], np.tile(of_unit, (len(states), 1))])
        minus_energy = (
            visible.log_density(rbm.visible, states)[:, None]
            + pair[1].log_density(rbm.hidden, exact.h)
            + states @ rbm.weights.array @ exact.h.T
            + log_weight[:, None]
            + exact.log_weight_h
        )
        log_total.append(logsumexp(minus_energy))
        joint = np.exp(minus_energy - log_total[-1])
        of_visible.append(joint.sum(axis=1) @ states)
        of_hidden.append(joint.sum(axis=0) @ exact.h)
    assert np.isfinite(log_p).any()
    free = free[:, unit_of_column]
    free &= (np.diff(unit_of_column, append=-1) != 0) | (np.arange(4)[:, None] != 2)  # in part
    rows = np.where(free, np.nan, values)
    return rbm, rows, np.array(log_total), np.array(of_visible), np.array(of_hidden)


def _whole(layer, columns):
    """True in all columns of a unit if it is true in one."""
    unit_of_column = np.repeat(np.arange(layer.n_units), layer.widths)
    same = unit_of_column[:, None] == unit_of_column
    return columns @ same


@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_marginals_are_sums_over_free_units(pair, by_chains):
    """Fails if a free unit drops out of the hidden input, or a given one is annealed.

    Annealing: twenty chains, whose mean weight errs by less than a twentieth here.
    """
    rbm, rows, log_total, _, _ = _problem(pair)
    rng = random.generator(0)
    got = conditionals.log_marginal(rbm, rbm.visible.neutral(), rows, rng)
    assert got.dtype == np.float64
    sampled = by_chains or rbm.hidden.log2_states == np.inf
    np.testing.assert_allclose(got, log_total, atol=0.15 if sampled else 1e-6)


def test_marginals_with_large_errors_are_annealed_slowly(by_chains, monkeypatch):
    """Fails if rows whose weights differ much do not pass more temperatures.

    The limit of the standard error of each row is 0.1.
    """
    monkeypatch.setattr(conditionals, "_PER_FREE_UNIT", 1)
    rbm = random_rbm(n_visible=8, n_hidden=8, scale=2.0)
    rows = (np.random.default_rng(0).random((200, 8)) < 0.5).astype(float)
    rows[:, 3:] = np.nan
    exact = logsumexp(-rbm.free_energy(_completions(rows)).reshape(200, -1), axis=1)
    got = conditionals.log_marginal(rbm, rbm.visible.neutral(), rows, random.generator(0))
    assert np.abs(got - exact).max() < 0.5
    assert np.sqrt(np.mean((got - exact) ** 2)) < 0.12


def _completions(rows):
    """All completions of rows of bits, one row after the other."""
    free = np.isnan(rows[0])
    states, _ = all_states(BERNOULLI, int(free.sum()))
    every = np.repeat(rows, len(states), axis=0)
    every[:, free] = np.tile(states, (len(rows), 1))
    return every


@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_means_equal_conditional_means(pair, by_chains):
    """Fails if chains change given units, or hidden means are given the completed row.

    Twenty chains of 1,000 steps: six standard errors, for an autocorrelation time of ten.
    """
    rbm, rows, _, of_visible, of_hidden = _problem(pair)
    rng = random.generator(0)
    n_steps = 1_000 if by_chains or rbm.hidden.log2_states == np.inf else 1
    got = conditionals.means(rbm, rbm.visible.neutral(), rows, rng, n_steps)
    atol = 6 * 0.5 / np.sqrt(1_000) if n_steps > 1 else 1e-6
    np.testing.assert_allclose(got.visible, of_visible, atol=atol)
    np.testing.assert_allclose(got.hidden, of_hidden, atol=atol)


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_draws_have_the_means_and_keep_given_units(pair, by_row, by_chains):
    """Fails if draws ignore the given units. Six standard errors."""
    rbm, rows, _, of_visible, _ = _problem(pair)
    n = 4_000
    many = np.repeat(rows, n, axis=0)
    rng = RowGenerator(np.arange(len(many)), 0) if by_row else random.generator(0)
    v = conditionals.draw(rbm, rbm.visible.neutral(), many, rng, 50)
    given = ~_whole(rbm.visible, np.isnan(many))
    np.testing.assert_array_equal(v[given], many[given])
    v = v.reshape(len(rows), n, -1)
    error = 6 * v.std(axis=1) / np.sqrt(n) + 1e-12
    assert (np.abs(v.mean(axis=1) - of_visible) <= error).all()


@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_weighted_draws_sum_over_free_units(pair, by_chains):
    """Fails if the weights belong to other states, or draws change given units.

    The mean weight is `p(given) Z`, and weighted means are conditional ones: six standard errors.
    """
    rbm, rows, log_total, of_visible, _ = _problem(pair)
    n = 150
    many = np.repeat(rows, n, axis=0)
    rng = random.generator(0)
    v, log_w = conditionals.weighted_draws(rbm, rbm.visible.neutral(), many, rng, 2)
    assert not np.array_equal(v[0], v[1])
    v = v.reshape(2, len(rows), n, -1).swapaxes(1, 2).reshape(2 * n, len(rows), -1)
    w = np.exp(log_w.reshape(2, len(rows), n).swapaxes(1, 2).reshape(2 * n, -1) - log_total)
    np.testing.assert_array_less(abs(w.mean(axis=0) - 1), 6 * w.std(axis=0) / np.sqrt(2 * n) + 1e-5)
    deviation = w[..., None] * (v - of_visible)
    error = 6 * deviation.std(axis=0) / np.sqrt(2 * n) + 1e-6
    np.testing.assert_array_less(abs(deviation.mean(axis=0)), error)
    given = ~_whole(rbm.visible, np.isnan(rows))
    np.testing.assert_array_equal(v[:, given], np.broadcast_to(rows[given], (2 * n, given.sum())))


@pytest.mark.parametrize("visible", NOT_REAL, ids=lambda unit: unit.name)
def test_units_of_different_sizes_are_enumerated_together(visible):
    """Fails if rows get the states of other rows' free units. With too many hidden states."""
    pair = visible, BERNOULLI
    free = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0]], bool)
    rbm, rows, log_total, of_visible, of_hidden = _problem(pair, n_hidden=12, free=free)
    order = np.random.default_rng(0).integers(len(rows), size=30)
    exact = conditionals.are_enumerated(Given.rows(rbm, rows))
    is_real = ~np.isfinite(np.repeat(rbm.visible.unit_states, rbm.visible.widths))
    np.testing.assert_array_equal(exact, ~np.isnan(rows[:, is_real]).any(axis=1))
    order = order[exact[order]]
    rng, base = random.generator(0), rbm.visible.neutral()
    got = conditionals.log_marginal(rbm, base, rows[order], rng)
    np.testing.assert_allclose(got, log_total[order], rtol=1e-9)
    means = conditionals.means(rbm, base, rows[order], rng, 1)
    np.testing.assert_allclose(means.visible, of_visible[order], atol=1e-9)
    np.testing.assert_allclose(means.hidden, of_hidden[order], atol=1e-9)


def test_a_mode_is_no_less_probable_than_its_neighbours():
    """Fails if the ascent decreases the density, or changes given units."""
    rbm = coupled_rbm()
    rng = np.random.default_rng(0)
    rows = (rng.random((200, 6)) < 0.5).astype(float)
    rows[rng.random(rows.shape) < 0.5] = np.nan
    got = conditionals.mode(rbm, rbm.visible.neutral(), rows, random.generator(0), 1)
    given = ~np.isnan(rows)
    np.testing.assert_array_equal(got[given], rows[given])
    at_mode = -rbm.free_energy(got)
    better = []
    for row, value, known in zip(rows, at_mode, given, strict=True):
        states, _ = all_states(BERNOULLI, int((~known).sum()))
        completions = np.tile(np.where(known, row, 0), (len(states), 1))
        completions[:, ~known] = states
        better.append((-rbm.free_energy(completions)).max() - value)
    assert np.mean(np.array(better) < 1e-9) > 0.8  # most end in the highest mode


def test_a_mode_of_gaussian_units_is_stationary():
    """Fails if the ascent stops early: the slope of the log-density is zero at a mode."""
    rbm = random_rbm((GAUSSIAN, BERNOULLI), n_visible=2, n_hidden=4, scale=2.0)
    rows = np.array([[np.nan, 0.5], [0.3, np.nan], [np.nan, np.nan]])
    got = conditionals.mode(rbm, rbm.visible, rows, random.generator(0), 1)
    for i in range(2):
        step = 1e-4 * np.eye(2)[i]
        slope = (rbm.free_energy(got - step) - rbm.free_energy(got + step)) / 2e-4
        np.testing.assert_allclose(slope[np.isnan(rows[:, i])], 0, atol=1e-3)


@pytest.mark.parametrize("log2_states", [-1, 1, 10])
@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_rows_have_separate_chains(pair, log2_states, monkeypatch):
    """Fails if other rows change a result: enumerated ones, or the number of rows in chains."""
    monkeypatch.setattr(conditionals, "_LOG2_STATES", log2_states)
    monkeypatch.setattr(conditionals, "_N_TEMPERATURES", 10)
    rbm, v, *_ = _problem(pair)

    def results(rows):
        keys, base = np.array([3, 1_000, 77, 12])[rows], rbm.visible.neutral()

        def of(function, *arguments):
            return function(rbm, base, v[rows], RowGenerator(keys, 0), *arguments)

        drawn, log_weights = of(conditionals.weighted_draws, 3)
        found = [of(function, 6) for function in (conditionals.draw, conditionals.mode)]
        return (
            *of(conditionals.means, 6),
            *found,
            *drawn,
            *log_weights,
            of(conditionals.log_marginal),
        )

    together = results(np.arange(4))
    for rows in ([2], [3, 0], [1]):
        for got, expected in zip(results(np.array(rows)), together, strict=True):
            np.testing.assert_allclose(got, expected[rows], atol=1e-6)


def test_selected_rows_keep_values_and_free_units():
    """Fails if values and free units of a part come from different rows."""
    rows = np.array([[np.nan, 1.0, 0.0, 0.0], [1.0, np.nan, 0.0, 1.0]])
    given = Given.rows(random_rbm(), rows)
    part = given.part(np.array([1]))
    np.testing.assert_array_equal(np.where(part.known.free, np.nan, part.known.values), rows[1:])
