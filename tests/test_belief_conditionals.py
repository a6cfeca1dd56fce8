"""Belief nets with missing visible units, against enumeration of every joint state.

Recognition, generation and the RBM that draws missing values are independent of each other.
"""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm import conditionals
from skrbm._kernels import random
from skrbm._kernels.generators import RowGenerator
from skrbm.deep import conditionals as belief_conditionals
from skrbm.deep.belief_net import BeliefNet
from skrbm.deep.conditionals import Incomplete

from laws import (
    BERNOULLI,
    SIZES,
    all_states,
    codes,
    coupled_rbm,
    enumerate_net,
    enumerate_rbm,
    exact_log_likelihood_and_bound,
    random_net,
    random_rbm,
    total_variation,
)

FREE = {4: [[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], 3: [[1, 0, 1], [0, 1, 1]]}


@pytest.fixture(params=["exact", "annealed"])
def annealed(request, monkeypatch):
    """With exact draws of missing values, and with the chains that replace them."""
    if request.param == "annealed":
        monkeypatch.setattr(conditionals, "_LOG2_STATES", -1)
    return request.param == "annealed"


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def problem(request):
    """A net, an RBM, rows with NaN, and the states that agree with each row."""
    sizes = request.param
    net = random_net(sizes, seed=1)
    rbm = random_rbm(n_visible=sizes[0], n_hidden=3, seed=2)
    free = np.array(FREE[sizes[0]], bool)
    rows = np.random.default_rng(3).integers(2, size=free.shape).astype(float)
    rows[free] = np.nan
    v = all_states(BERNOULLI, sizes[0])[0]
    agree = (np.isnan(rows)[:, None] | (v == rows[:, None])).all(axis=2)
    return Incomplete(net, rbm, rbm.visible.neutral()), rows, v, agree


def _log_ratios(incomplete, rows, n_draws):
    """Terms of every row minus log Z, from many copies of the rows."""
    many = np.repeat(rows, n_draws, axis=0)
    rng = random.generator(0)
    terms = incomplete.log_ratios(many, 1, rng)
    terms = terms.reshape(len(rows), n_draws)
    return terms - enumerate_rbm(incomplete.net.top).log_partition


def _log_proposal(rbm, agree):
    """`log p_1(v_m | v_o)` of the states that agree with a row."""
    log_p = enumerate_rbm(rbm).log_p_visible[agree]
    return log_p - logsumexp(log_p)


def test_the_bound_is_the_mean_over_missing_and_hidden_states(problem):
    """Within 4.5 standard errors. Fails if a missing value is drawn from another distribution.

    The bound itself must lie below the likelihood of the known values.
    """
    incomplete, rows, _, agree = problem
    _, exact, _ = exact_log_likelihood_and_bound(incomplete.net)
    _, log_p, log_q = enumerate_net(incomplete.net)
    above = tuple(range(1, log_p.ndim))
    terms = _log_ratios(incomplete, rows, 4_000)
    error = terms.std(axis=1) / np.sqrt(terms.shape[1])
    for i, states in enumerate(agree):
        log_r = _log_proposal(incomplete.rbm, states)
        of_states = (np.exp(log_q) * (log_p - log_q)).sum(axis=above)[states]
        bound = np.exp(log_r) @ (of_states - log_r)
        assert bound < logsumexp(exact[states])
        assert abs(terms[i].mean() - bound) < 4.5 * error[i]


def test_terms_are_logarithms_of_unbiased_estimates(problem, annealed):
    """So their mean is below, for any number of temperatures. Six standard errors.

    Fails if the weight of an annealed chain does not belong to the state that it ends in.
    """
    incomplete, rows, _, agree = problem
    _, exact, _ = exact_log_likelihood_and_bound(incomplete.net)
    estimates = np.exp(_log_ratios(incomplete, rows, 1_000 if annealed else 20_000))
    error = estimates.std(axis=1) / np.sqrt(estimates.shape[1])
    for i, states in enumerate(agree):
        assert abs(estimates[i].mean() - np.exp(exact[states]).sum()) < 6 * error[i]


def test_complete_rows_have_the_terms_of_the_net():
    """Fails if the rows between them are mixed up, or draws depend on these.

    Every row has separate draws.
    """
    rbm, net = random_rbm(n_visible=4, seed=2), random_net((4, 3, 3))
    v = all_states(BERNOULLI, 4)[0][:6]
    rows = v.copy()
    rows[[1, 4], 2] = np.nan
    incomplete = Incomplete(net, rbm, rbm.visible)
    keys = np.arange(6)
    terms = incomplete.log_ratios(rows, 3, RowGenerator(keys, 0))
    expected = incomplete.log_ratios(v, 3, RowGenerator(keys, 0))
    whole = [0, 2, 3, 5]
    np.testing.assert_array_equal(terms[whole], expected[whole])
    assert not np.isclose(terms[[1, 4]], expected[[1, 4]]).any()


def test_first_means_are_averages_over_missing_values(problem):
    """Fails if the means are given one completion, or the mean completion. Six standard errors."""
    incomplete, rows, v, agree = problem
    n = 200
    many = np.repeat(rows, n, axis=0)
    got = incomplete.first_means(many, random.generator(0)).reshape(len(rows), n, -1)
    of_states = incomplete.net.recognition[0].mean(v)
    for i, states in enumerate(agree):
        expected = np.exp(_log_proposal(incomplete.rbm, states)) @ of_states[states]
        error = 6 * got[i].std(axis=0) / np.sqrt(n) + 1e-7
        assert (np.abs(got[i].mean(axis=0) - expected) < error).all()


def test_chains_end_in_the_conditional_distribution(problem):
    """Fails if the recognition, which differs here, is used as the posterior.

    2.5 times the distance expected by chance.
    """
    incomplete, rows, v, agree = problem
    net, n = incomplete.net, 20_000
    _, exact, _ = exact_log_likelihood_and_bound(net)
    many = np.repeat(rows, n, axis=0)
    last, _ = belief_conditionals.complete(net, many, random.generator(0), 60)
    for i, (states, drawn) in enumerate(zip(agree, last.reshape(len(rows), n, -1), strict=True)):
        p = np.where(states, np.exp(exact), 0)
        distance, floor = total_variation(codes(drawn), p / p.sum())
        assert distance <= 2.5 * floor, i


def test_means_equal_conditional_means(problem):
    """Six standard errors, for an autocorrelation time of ten. Fails if the first half counts."""
    incomplete, rows, v, agree = problem
    _, exact, _ = exact_log_likelihood_and_bound(incomplete.net)
    n_steps = 2_000
    got = belief_conditionals.means(incomplete.net, rows, random.generator(0), n_steps)
    for i, states in enumerate(agree):
        share = np.exp(exact[states] - logsumexp(exact[states]))
        error = 6 * 0.5 / np.sqrt(20 * n_steps / 2 / 10)
        np.testing.assert_allclose(got[i], share @ v[states], atol=error)


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_mode_is_mostly_the_most_probable_completion(is_tied):
    """Fails if the ascent starts anywhere else, decreases the density, or changes given units.

    Untied, the recognition belongs to another net.
    """
    net = random_net((6, 4, 3), seed=1, scale=2.0)
    if is_tied:
        rbm = coupled_rbm(n_hidden=4, seed=2)
        net = BeliefNet.stack([rbm, rbm.swap()])
    v, exact, _ = exact_log_likelihood_and_bound(net)
    rng = np.random.default_rng(0)
    rows = (rng.random((200, 6)) < 0.5).astype(float)
    rows[rng.random(rows.shape) < 0.5] = np.nan
    got = belief_conditionals.mode(net, rows, random.generator(0), 50)
    given = ~np.isnan(rows)
    np.testing.assert_array_equal(got[given], rows[given])
    agree = (np.isnan(rows)[:, None] | (v == rows[:, None])).all(axis=2)
    highest = np.where(agree, exact, -np.inf).max(axis=1)
    assert np.mean(exact[codes(got)] > highest - 1e-9) > 0.8


def test_an_ascent_ends_at_a_fixed_point_of_its_exact_step(monkeypatch):
    """By enumeration of the posterior. Fails if the mean of the recognition replaces its mean.

    With so many draws that hardly any step has the wrong sign by chance.
    """
    monkeypatch.setattr(belief_conditionals, "_N_ASCENT_DRAWS", 2_000)
    net = random_net((6, 4, 3), seed=5, scale=1.5)
    _, log_p, _ = enumerate_net(net)
    rows = np.where(np.random.default_rng(1).random((100, 6)) < 0.6, np.nan, 1.0)
    got = belief_conditionals.mode(net, rows, random.generator(0), 5)
    h = all_states(BERNOULLI, 4)[0]
    posterior = np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))[codes(got)]
    step = (net.generation[0].mean(posterior @ h) > 0.5).astype(float)
    stays = np.where(np.isnan(rows), step, rows) == got
    assert stays.all(axis=1).mean() > 0.95
