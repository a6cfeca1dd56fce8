"""Likelihoods against enumeration."""

import numpy as np
import pytest

from skrbm import _kernels, likelihood
from skrbm.units import Bernoulli

from laws import PAIR_IDS, PAIRS, all_states, draw, enumerate_rbm, random_rbm

pairs = pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)


@pairs
@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (3, 4), (11, 2), (2, 11)])
def test_exact_log_partition_is_the_sum_over_all_states(pair, shape):
    """Fails if the larger layer's half of the states is left out."""
    rbm = random_rbm(pair, *shape)
    result = likelihood.exact_log_partition(rbm)
    assert result.value == pytest.approx(enumerate_rbm(rbm, pair).log_partition, rel=1e-12)
    assert (result.std_error, result.method) == (0, "exact")


@pytest.mark.parametrize("scale", [0.3, 100])
def test_exact_log_partition_in_several_tasks(scale):
    """17 hidden units make 256 outer states, four tasks. Against a plain enumeration.

    Fails if the tasks overlap; at scale 100 if exponentials overflow.
    """
    rbm = random_rbm(n_visible=20, n_hidden=17, scale=scale)
    h = _kernels.binary_states(17)
    log_weight = h @ rbm.hidden.bias + np.logaddexp(0, h @ rbm.weights.T + rbm.visible.bias).sum(1)
    expected = np.logaddexp.reduce(log_weight)
    assert likelihood.exact_log_partition(rbm).value == pytest.approx(expected, rel=1e-12)


def test_exact_log_partition_takes_beta_into_account():
    """Fails if the inverse temperature of the coupling is dropped."""
    rbm = random_rbm()
    base = random_rbm(seed=1)
    half = rbm.interpolate(base.visible, base.hidden, 0.5)
    v, _ = all_states(PAIRS[0][0], 4)
    expected = np.logaddexp.reduce(-half.free_energy(v))
    assert likelihood.exact_log_partition(half).value == pytest.approx(expected, rel=1e-12)


def test_annealing_without_weights_is_exact():
    """Law 7. Fails if log Z of the base leaves out a layer."""
    rbm = random_rbm(scale=0)
    base = Bernoulli(rbm.visible.bias)
    result = likelihood.annealed_log_partition(rbm, base, _kernels.generator(0))
    assert result.value == pytest.approx(enumerate_rbm(rbm).log_partition, rel=1e-12)
    assert result.std_error < 1e-12


@pairs
@pytest.mark.parametrize("seed", range(5))
def test_annealing_is_right_within_its_standard_error(pair, seed):
    """Six standard errors. Fails if a transition leaves another temperature's model unchanged."""
    rbm = random_rbm(pair, n_visible=8, n_hidden=6, scale=1.0, seed=seed)
    base = Bernoulli(np.zeros(8))
    result = likelihood.annealed_log_partition(rbm, base, _kernels.generator(seed), 500, 200)
    exact = enumerate_rbm(rbm, pair).log_partition
    assert abs(result.value - exact) < 6 * result.std_error
    assert result.std_error < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_annealing_in_reverse_is_right_within_its_standard_error(seed):
    """Six standard errors, from exact samples. Fails if the ratio is taken the wrong way round."""
    rbm = random_rbm(n_visible=8, n_hidden=6, scale=1.0, seed=seed)
    exact = enumerate_rbm(rbm)
    v = exact.v[draw(np.exp(exact.log_p_visible), 500, np.random.default_rng(seed))]
    rng = _kernels.generator(seed)
    result = likelihood.reverse_log_partition(rbm, Bernoulli(np.zeros(8)), v, rng, 200)
    assert abs(result.value - exact.log_partition) < 6 * result.std_error
    assert result.std_error < 0.05


def test_forward_and_reverse_annealing_bracket_the_exact_value():
    """Law 7. Fails if both err to the same side: few chains and temperatures, means of 50 runs."""
    rbm = random_rbm(n_visible=10, n_hidden=8, scale=2.0)
    exact = enumerate_rbm(rbm)
    base = Bernoulli(np.zeros(10))
    choose = np.random.default_rng(0)
    rng = _kernels.generator(0)
    forward, reverse = [], []
    for _ in range(50):
        v = exact.v[draw(np.exp(exact.log_p_visible), 5, choose)]
        forward.append(likelihood.annealed_log_partition(rbm, base, rng, 5, 5).value)
        reverse.append(likelihood.reverse_log_partition(rbm, base, v, rng, 5).value)
    assert np.mean(forward) < exact.log_partition - 0.1
    assert np.mean(reverse) > exact.log_partition + 0.1


def test_annealing_tightens_with_more_temperatures():
    """Law 7. Fails if only the number of chains matters."""
    rbm = random_rbm(n_visible=10, n_hidden=8, scale=2.0)
    base = Bernoulli(np.zeros(10))
    exact = likelihood.exact_log_partition(rbm).value
    error = [
        np.mean(
            [
                abs(
                    likelihood.annealed_log_partition(rbm, base, _kernels.generator(i), 20, n).value
                    - exact
                )
                for i in range(20)
            ]
        )
        for n in (3, 30, 300)
    ]
    assert error[0] > 2 * error[1] > 4 * error[2]


def test_log_partition_is_exact_where_the_smaller_layer_is_small():
    """Fails if the choice looks at the hidden layer alone."""
    rng = _kernels.generator(0)
    few_visible = random_rbm(n_visible=5, n_hidden=200, scale=0.1)
    assert likelihood.log_partition(few_visible, few_visible.visible, rng).method == "exact"
    large = random_rbm(n_visible=60, n_hidden=50, scale=0.1)
    assert likelihood.log_partition(large, large.visible, rng).method == "ais"


@pairs
def test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals(pair):
    """Fails if a flip changes the hidden input but not the visible energy."""
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    p = {tuple(row): value for row, value in zip(exact.v, np.exp(exact.log_p_visible), strict=True)}

    def conditional(row, i):
        others = [(*row[:i], value, *row[i + 1 :]) for value in pair[0].nodes]
        return p[row] / sum(p[other] for other in others)

    expected = [sum(np.log(conditional(row, i)) for i in range(4)) for row in p]
    np.testing.assert_allclose(likelihood.pseudo_log_likelihood(rbm, exact.v), expected, rtol=1e-10)


@pytest.mark.parametrize("n_flips", [1, 3])
def test_pseudo_log_likelihood_from_some_columns_is_unbiased(n_flips):
    """Fails if the sum over columns is not scaled up. Six standard errors of the mean."""
    n = 40_000
    rbm = random_rbm(n_visible=7)
    v = np.tile([[1.0, 0, 1, 1, 0, 0, 1]], (n, 1))
    expected = likelihood.pseudo_log_likelihood(rbm, v[:1])[0]
    draws = likelihood.pseudo_log_likelihood(rbm, v, n_flips, _kernels.generator(0))
    assert abs(draws.mean() - expected) < 6 * draws.std() / np.sqrt(n)
