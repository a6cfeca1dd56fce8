"""A ladder keeps the distribution of each of its models, finds all modes and estimates log Z."""

import math
from dataclasses import replace

import numpy as np
import pytest

from skrbm import samplers
from skrbm._kernels import random
from skrbm.annealing import AnnealingPath
from skrbm.ladder import Ladder, Rung, swap_rate, trajectory_log_partition
from skrbm.ladder.rung import exchange
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import (
    BERNOULLI,
    GAUSSIAN,
    MIXED,
    OF_TABLE,
    PAIRS,
    WITH_LABELS,
    WITH_REAL,
    coupled_rbm,
    draw,
    enumerate_rbm,
    indices,
    quick,
    random_rbm,
    total_variation,
)

N_CHAINS = 100_000
FLOORS = 2.5  # as for other samplers
BETAS = (0.0, 0.4, 0.7, 1.0)

FINITE = [(BERNOULLI, BERNOULLI), (WITH_LABELS, BERNOULLI), (OF_TABLE, BERNOULLI)]
FINITE += [(BERNOULLI, GAUSSIAN), (BERNOULLI, WITH_LABELS)]
REAL = [(GAUSSIAN, BERNOULLI), (MIXED, BERNOULLI), (WITH_REAL, GAUSSIAN)]


def _named(pairs):
    ids = [f"{visible.name}-{hidden.name}" for visible, hidden in pairs]
    return pytest.mark.parametrize("pair", pairs, ids=ids)


def _enumerated(model, pair=PAIRS[0]):
    beta = 1.0 if model.beta is None else model.beta
    return enumerate_rbm(RBM(model.visible, model.hidden, beta * model.weights.array), pair)


def _exact_states(model, pair, n, rng):
    """Independent draws: visible states with hidden ones of a quadrature, then a Gibbs step."""
    exact = _enumerated(model, pair)
    h = exact.h[draw(exact.joint.sum(axis=0), n, rng)]
    return model.sample_visible(h, random.generator(1))


def _path(rbm):
    """A path whose independent units differ from the model's own."""
    n = rbm.visible.n_columns
    return AnnealingPath(rbm, rbm.visible.neutral().shift(np.linspace(-0.5, 0.5, n)))


def _exact_ladder(rbm, pair=PAIRS[0], n=N_CHAINS, betas=BETAS, *, path=None):
    """A ladder whose chains are independent draws from their models."""
    path, rng = path or _path(rbm), np.random.default_rng(0)
    models = [path.at(beta) for beta in betas]
    rungs = [Rung.of(model, _exact_states(model, pair, n, rng)) for model in models]
    return Ladder(rungs, path.log_partition_at_zero)


def _assert_exact(model, v, pair):
    """Whether finite states have their probabilities, and others their first two moments."""
    exact = _enumerated(model, pair)
    p = exact.joint.sum(axis=1)
    if pair in FINITE:
        distance, floor = total_variation(indices(v, exact.v), p)
        assert distance < FLOORS * floor
        return
    for power in (1, 2):
        got, nodes = v**power, exact.v**power
        error = got.std(axis=0) / np.sqrt(len(v))
        assert (np.abs(got.mean(axis=0) - p @ nodes) < 6 * error).all()


@pytest.mark.parametrize("n_steps", quick([1, 2, 7], 1, 2))
@_named(FINITE + REAL)
def test_steps_leave_the_distributions_of_all_models_unchanged(pair, n_steps):
    """Fails if an exchange weighs only one of the two states, or a state keeps its old input."""
    ladder = _exact_ladder(random_rbm(pair, scale=1.5), pair)
    ladder.run(n_steps, random.generator(2))
    if n_steps > 1:
        assert 0.05 < ladder.swap_rates.min() < 0.95
    for rung in ladder.rungs:
        _assert_exact(rung.model, rung.visible, pair)
        np.testing.assert_allclose(rung.input, rung.model.hidden_input(rung.visible), atol=1e-9)


@_named(FINITE + REAL)
@pytest.mark.parametrize("share", [1.0, 0.5, 1.5])
def test_renewal_leaves_the_distribution_of_the_chains_unchanged(pair, share):
    """For fewer and more chains. Fails if states are taken over without Metropolis' rule."""
    rbm, n = random_rbm(pair, scale=1.5), round(N_CHAINS / 1.5)
    ladder = _exact_ladder(rbm, pair, n, BETAS[:3])
    v = _exact_states(rbm, pair, round(share * n), np.random.default_rng(3))
    moved, x = ladder.renew(rbm, v, random.generator(2))
    _assert_exact(rbm, moved, pair)
    np.testing.assert_allclose(x, rbm.hidden_input(moved), atol=1e-9)
    assert 0.1 < (moved != v).any(axis=1).mean() < 0.95


def test_other_chains_propose_each_time():
    """Fails if a chain is always offered the states of the same other chain."""
    rbm = random_rbm(scale=0.0)
    ladder = _exact_ladder(rbm, n=1000, betas=(0.0, 1.0))
    rng, v = random.generator(0), np.zeros((500, 4))
    (one, _), (other, _) = ladder.renew(rbm, v, rng), ladder.renew(rbm, v, rng)
    assert (one != other).any(axis=1).mean() > 0.5


def _two_modes(tilt=0.3):
    """A model of two modes between which lie 30 nats, and the probability of all ones."""
    rbm = RBM(
        Bernoulli(np.full(6, -30.0)), Bernoulli(np.full(3, -60.0 + tilt)), np.full((6, 3), 20.0)
    )
    exact = enumerate_rbm(rbm)
    return rbm, np.exp(exact.log_p_visible)[exact.v.all(axis=1)].sum()


def test_a_ladder_that_starts_in_one_mode_finds_the_weights_of_both():
    """Four standard errors of a frequency. Fails if states are not exchanged; no Gibbs step is."""
    n, steps = 2000, 150
    rbm, p = _two_modes()
    rng = random.generator(0)
    ladder = Ladder.start(AnnealingPath(rbm, Bernoulli(np.zeros(6))), n, rng)
    for rung in ladder.rungs:
        rung.visible = np.zeros((n, 6))
        rung.input = rung.model.hidden_input(rung.visible)
    v = ladder.run(steps, rng)
    assert 0.6 < p < 0.8
    assert abs(v.all(axis=1).mean() - p) < 4 * math.sqrt(p * (1 - p) / n)
    assert samplers.gibbs_visible(rbm, np.zeros((n, 6)), rng, steps).sum() == 0


def test_chains_move_to_modes_of_the_ladder():
    """The newest model is a past one. Fails if chains keep their states. Four standard errors."""
    n = 4000
    rbm, p = _two_modes()
    past, _ = _two_modes(tilt=-0.1)
    rng = random.generator(0)
    ladder = Ladder.start(AnnealingPath(past, Bernoulli(np.zeros(6))), n, rng)
    v = np.zeros((n, 6))
    for _ in range(12):
        ladder.run(20, rng)
        v, _ = ladder.renew(rbm, v, rng)
    assert abs(v.all(axis=1).mean() - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_states_arrive_one_model_per_step():
    """Between equal models all exchanges are accepted. Fails if a state is counted twice."""
    rbm = random_rbm(scale=0.0)
    ladder = _exact_ladder(rbm, n=10, betas=(1.0,) * 4, path=AnnealingPath(rbm, rbm.visible))
    arrivals = []
    for _ in range(8):
        ladder.step(random.generator(0))
        arrivals.append(ladder.n_arrivals)
    assert ladder.n_steps == 8
    assert arrivals == [0, 0, 10, 10, 20, 20, 30, 30]


# Log Z


def _z_scores(n_models, n_steps, estimate):
    """Errors of log Z of random models with strong couplings, in standard errors."""
    scores = []
    for seed in range(n_models):
        rbm = coupled_rbm(8, 5, scale=2.0, seed=seed)
        rng = random.generator(seed)
        path = AnnealingPath(rbm, rbm.visible.neutral())
        ladder = Ladder.start(path, 100, rng)
        ladder.run(n_steps, rng)
        value, error = estimate(ladder, rbm, rng)
        scores.append((value - enumerate_rbm(rbm).log_partition) / error)
    return np.array(scores)


def _of_ladder(ladder, rbm, rng):
    return ladder.log_partition, ladder.std_error


def _of_run(ladder, rbm, rng):
    result = trajectory_log_partition(ladder, rbm, rng)
    return result.value, result.std_error


@pytest.mark.slow
@pytest.mark.parametrize("estimate", [_of_ladder, _of_run])
def test_log_partition_is_within_two_standard_errors(estimate):
    """In 95 of 100 random models. Fails if the error of a ratio or a ratio itself is left out.

    By chance, fewer than 90 are within the error in one of a hundred runs.
    """
    z = _z_scores(100, 100, estimate)
    assert (np.abs(z) <= 2).mean() >= 0.9
    assert np.abs(z).max() < 6


@pytest.mark.parametrize("estimate", [_of_ladder, _of_run])
def test_log_partition_of_some_models_is_within_its_errors(estimate):
    """Six standard errors. Fails if log Z of the first model or a ratio is left out."""
    assert np.abs(_z_scores(4, 50, estimate)).max() < 6


@pytest.mark.parametrize("pair", [(GAUSSIAN, BERNOULLI), (OF_TABLE, BERNOULLI), (MIXED, BERNOULLI)])
def test_log_partition_of_any_units_is_known(pair):
    """Fails if the independent units of the path are not of the same type. Six standard errors."""
    rbm = random_rbm(pair, scale=1.0)
    rng = random.generator(0)
    ladder = Ladder.start(_path(rbm), 400, rng)
    ladder.run(20, rng)
    exact = enumerate_rbm(rbm, pair).log_partition
    assert abs(ladder.log_partition - exact) < 6 * ladder.std_error < 0.6
    result = trajectory_log_partition(ladder, rbm, rng)
    assert abs(result.value - exact) < 6 * result.std_error < 0.2
    assert result.method == "trajectory"
    assert ladder.newest.model is rbm


def test_log_partition_of_a_close_model_is_known():
    """Fails if weights are of the wrong sign. Six standard errors of a mean weight."""
    n, rbm = N_CHAINS, random_rbm(scale=1.0)
    ladder = _exact_ladder(rbm, n=n, betas=(0.0, 0.9))
    ladder.newest.log_ratio = _enumerated(ladder.newest.model).log_partition
    ladder.newest.log_ratio -= ladder.log_partition_at_zero
    exact = enumerate_rbm(rbm).log_partition
    found = ladder.log_partition_of(rbm)
    assert abs(found.value - exact) < 6 * found.std_error < 8 / math.sqrt(n)
    assert abs(ladder.log_partition - exact) > 20 / math.sqrt(n)


# Weights of states


def test_swap_rate_is_the_mean_over_all_pairs():
    """Of the smaller one of 1 and the ratio of weights. Fails if one of both has equal weights."""
    for seed, scale in enumerate((0.0, 1.0, 30.0)):
        log_weight = np.random.default_rng(seed).normal(scale=scale, size=50)
        w = np.exp(log_weight)
        expected = (np.minimum(w[:, None], w).sum(axis=1) / (50 * w.sum())).sum()
        assert swap_rate(log_weight) == pytest.approx(expected, rel=1e-9)
        assert swap_rate(log_weight + 1e4) == pytest.approx(expected, rel=1e-9)


def test_overlap_is_the_share_of_accepted_exchanges():
    """Fails if states are weighted by the wrong model. Six standard errors of a share."""
    rbm = random_rbm(scale=1.5)
    ladder = _exact_ladder(rbm, betas=(0.0, 0.5))
    expected = np.mean([ladder.resampled(200, random.generator(i)).overlap(rbm) for i in range(50)])
    upper = Rung.of(rbm, _exact_states(rbm, PAIRS[0], N_CHAINS, np.random.default_rng(5)))
    ladder.rungs.append(upper)
    works = exchange(ladder.rungs, 2, random.generator(0))
    assert 0.2 < expected < 0.8
    assert works.swap_rate == pytest.approx(expected, abs=6 * 0.5 / math.sqrt(50 * 200))


def test_appended_chains_are_drawn_in_proportion_to_their_weights():
    """Each state at its expected number, rounded; unbiased to six standard errors.

    Fails if offsets are not random, or an end of the cumulative weights is missed.
    """
    n, n_draws, rng = 16, 2000, random.generator(0)
    lower = RBM(Bernoulli(np.zeros(4)), Bernoulli(np.zeros(1)), np.zeros((4, 1)))
    upper = RBM(Bernoulli(np.linspace(-2, 1, 4)), Bernoulli(np.zeros(1)), np.zeros((4, 1)))
    v = enumerate_rbm(lower).v
    ladder = Ladder([Rung.of(lower, v)], 0.0)
    p = np.exp(v @ upper.visible.bias)
    expected = n * p / p.sum()
    counts = np.zeros((n_draws, n))
    for count in counts:
        ladder.append(upper, rng)
        count += np.bincount(indices(ladder.newest.visible, v), minlength=n)
        ladder.drop_newest()
    assert (np.abs(counts - expected) < 1).all()
    error = np.sqrt(counts.var(axis=0) / n_draws)
    assert (np.abs(counts.mean(axis=0) - expected) < 6 * error + 1e-9).all()


def test_chains_of_an_added_model_are_in_equilibrium():
    """Fails if a model's chains start without weights, or do not settle."""
    rbm = random_rbm(scale=1.5)
    ladder = _exact_ladder(rbm, betas=(0.0, 0.5))
    settling = ladder.add(rbm, random.generator(0))
    assert settling.is_close
    assert settling.is_settled
    _assert_exact(rbm, ladder.newest.visible, PAIRS[0])
    exact = enumerate_rbm(rbm).log_partition
    before = _enumerated(ladder.rungs[1].model).log_partition
    newest = ladder.newest
    assert abs(newest.log_ratio - (exact - before)) < 6 * math.sqrt(newest.variance) < 0.03


def test_a_model_without_overlap_is_not_close():
    """Fails if the acceptance of exchanges is not measured: two models of different states."""
    lower, upper = (
        RBM(Bernoulli(np.full(8, bias)), Bernoulli(np.zeros(1)), np.zeros((8, 1)))
        for bias in (-9.0, 9.0)
    )
    rng = random.generator(0)
    ladder = Ladder([Rung.of(lower, samplers.sample_independent(lower.visible, 50, rng))], 0.0)
    assert not ladder.add(upper, rng).is_close


def test_chains_that_do_not_renew_are_not_settled():
    """Fails if the mean of each chain is subtracted: then chains that never move seem independent.

    One state in 200 has the mode of half of the new chains; within the other mode, all exchanges
    are accepted.
    """
    n = 400
    (lower, few), (upper, half) = _two_modes(tilt=-5.3 / 3), _two_modes(tilt=0.0)
    v = np.zeros((n, 6))
    v[: round(few * n)] = 1
    settling = Ladder([Rung.of(lower, v)], 0.0).add(upper, random.generator(0))
    assert 0.001 < few < 0.01
    assert half == pytest.approx(0.5)
    assert settling.is_close
    assert not settling.is_settled


# Models of a ladder


def test_thinned_ladders_keep_log_z_both_ends_and_all_distributions():
    """Fails if a ratio is lost with its model, or the newest model is removed."""
    rbm = random_rbm(scale=1.5)
    ladder = _exact_ladder(rbm, betas=np.linspace(0.0, 1.0, 9))
    ladder.thin(1)
    assert len(ladder.rungs) == 9  # models that share weights take no memory
    betas = {}
    for rung in ladder.rungs:
        beta = rung.model.beta
        rung.model = replace(rung.model, weights=beta * rbm.weights.array, beta=None)
        betas[id(rung.model)] = beta
    for i, rung in enumerate(ladder.rungs):
        rung.log_ratio, rung.variance = 1.0 + i, 2.0 + i
    before = ladder.log_partition, ladder.std_error
    first, newest = ladder.rungs[0], ladder.newest
    for n_models in (9, 4, 3, 1):
        ladder.thin(n_models)
        assert len(ladder.rungs) == max(2, n_models)
        assert (ladder.log_partition, ladder.std_error) == pytest.approx(before)
        assert ladder.rungs[0] is first
        assert ladder.newest is newest
        if n_models == 3:
            assert 0.25 < betas[id(ladder.rungs[1].model)] < 0.75
            assert 0.1 < ladder.swap_rates.min() < 0.95
    ladder.run(2, random.generator(0))
    for rung in ladder.rungs:
        _assert_exact(rung.model, rung.visible, PAIRS[0])


def test_refined_ladders_have_models_halfway_and_all_distributions():
    """Fails if the model between two others is not their mean, or its chains are not its own."""
    rbm = random_rbm(scale=1.5)
    ladder = _exact_ladder(rbm, betas=(0.0, 1.0))
    far = RBM(rbm.visible.shift(1.0), rbm.hidden.shift(-1.0), -1.5 * rbm.weights.array)
    states = _exact_states(far, PAIRS[0], N_CHAINS, np.random.default_rng(1))
    ladder.rungs.append(Rung.of(far, states))
    ladder.run(4, random.generator(0))
    assert ladder.newest.swap_rate < 0.25
    rates = ladder.swap_rates
    refined = ladder.refined(random.generator(1))
    assert len(refined.rungs) == 4
    assert len(ladder.rungs) == 3
    middle = refined.rungs[2].model
    np.testing.assert_allclose(middle.weights.array, -0.25 * rbm.weights.array, atol=1e-12)
    refined.run(6, random.generator(2))
    assert refined.newest.swap_rate > 1.5 * rates[-1]
    for rung in refined.rungs:
        _assert_exact(rung.model, rung.visible, PAIRS[0])


def test_copies_move_without_the_ladder():
    """Fails if an array or a moving average of the ladder changes with its copy."""
    ladder = _exact_ladder(random_rbm(), n=50)
    rng = random.generator(0)
    ladder.run(3, rng)
    before = [
        (x.visible.copy(), x.input.copy(), x.is_new.copy(), x.swap_rate) for x in ladder.rungs
    ]
    figures = ladder.n_steps, ladder.n_arrivals, ladder.log_partition
    for other in (ladder.copy(), ladder.resampled(20, rng)):
        other.run(5, rng)
        other.drop_newest()
    assert (ladder.n_steps, ladder.n_arrivals, ladder.log_partition) == figures
    for rung, (v, x, is_new, rate) in zip(ladder.rungs, before, strict=True):
        np.testing.assert_array_equal(rung.visible, v)
        np.testing.assert_array_equal(rung.input, x)
        np.testing.assert_array_equal(rung.is_new, is_new)
        assert rung.swap_rate == rate


@pytest.mark.parametrize("n", [30, 300])
def test_resampled_ladders_have_other_states_of_the_same_models(n):
    """Fails if rows of states and inputs are drawn apart, or all chains are the same."""
    ladder = _exact_ladder(random_rbm(), n=100)
    other = ladder.resampled(n, random.generator(0))
    for rung, new in zip(ladder.rungs, other.rungs, strict=True):
        assert new.model is rung.model
        assert len(new.visible) == len(new.is_new) == n
        assert len(np.unique(new.visible, axis=0)) > 2
        np.testing.assert_allclose(new.input, new.model.hidden_input(new.visible), atol=1e-12)
