"""Log Z, pseudo-likelihoods and tempered samples of an estimator."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skrbm import BernoulliRBM

from laws import quick

QUICK = {"n_chains": 120, "n_temperatures": 500}


@pytest.fixture(scope="module")
def binary():
    return (load_digits().data > 7).astype(np.float32)


@pytest.fixture
def fitted(binary):
    return BernoulliRBM(12, n_iter=20, random_state=0).fit(binary)


def test_methods_agree_on_log_partition(fitted):
    """Five standard errors. Fails if the chains or the base belong to another model.

    The bounds of annealing in one direction are three standard errors from the value.
    """
    exact = fitted.log_partition()
    assert exact.method == "exact"
    assert exact.lower == exact.value == exact.upper
    for method in ("ais", "bracket", "tempering"):
        result = fitted.log_partition(method, **QUICK)
        assert result.method == method
        slack = 2 * result.std_error
        assert abs(result.value - exact.value) < 3 * result.std_error + slack
        assert result.lower - slack <= exact.value <= result.upper + slack


def test_scores_use_the_log_partition_that_was_computed_last(fitted, binary):
    """Fails if score_samples computes another one, or an outdated one is kept."""
    result = fitted.log_partition("ais", **QUICK)
    assert fitted.log_partition_ is result
    scores = fitted.score_samples(binary)
    np.testing.assert_allclose(scores, -fitted.free_energy(binary) - result.value)
    order = np.random.default_rng(0).permutation(len(binary))[:300]
    np.testing.assert_allclose(fitted.score_samples(binary[order]), scores[order], rtol=1e-6)
    assert fitted.partial_fit(binary).log_partition_.method == "exact"


def test_log_partition_is_reproducible(fitted):
    """Fails if draws continue from call to call, or depend on the number of threads."""
    first = fitted.log_partition("bracket", **QUICK)
    assert fitted.log_partition("bracket", n_jobs=1, **QUICK) == first
    assert fitted.log_partition("bracket", n_jobs=-1, **QUICK) == first
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            assert fitted.log_partition("bracket", **QUICK) == first
    assert fitted.log_partition("bracket", random_state=1, **QUICK) != first


def test_warns_when_the_log_partition_is_unreliable(fitted):
    """Fails if few temperatures give no warning, or a good value gives one."""
    fitted.components_ *= 4
    with pytest.warns(ConvergenceWarning, match="effective sample size"):
        fitted.log_partition("ais", n_chains=20, n_temperatures=3)
    fitted.components_ /= 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.log_partition("bracket", **QUICK)


@pytest.mark.parametrize("gradient", quick(["cd", "pt"], "pt"))
def test_bounds_with_other_gradients(binary, gradient):
    """Fails if the reverse direction needs persistent chains, or changes the trained tempering."""
    rbm = BernoulliRBM(12, gradient=gradient, n_iter=20, random_state=0).fit(binary)
    exact = rbm.log_partition().value
    assert hasattr(rbm, "tempering_") == (gradient == "pt")
    for method in ("bracket", "tempering"):
        result = rbm.log_partition(method, **QUICK)
        assert result.lower <= exact + 3 * result.std_error  # bounds of tempering are 3 of them
        assert result.upper >= exact - 3 * result.std_error
        assert rbm.log_partition(method, **QUICK) == result


def test_pseudo_log_likelihood_from_some_columns(fitted, binary):
    """Unbiased: six standard errors. Fails if the columns are the same in every row or call."""
    exact = fitted.pseudo_log_likelihood(binary)
    estimate = fitted.pseudo_log_likelihood(binary, n_flips=8, random_state=0)
    error = estimate - exact
    assert abs(error.mean()) < 6 * error.std() / np.sqrt(len(error))
    assert error.std() > 0
    assert (fitted.pseudo_log_likelihood(binary, n_flips=8, random_state=1) != estimate).any()
    np.testing.assert_allclose(fitted.pseudo_log_likelihood(binary, n_flips=64), exact, rtol=1e-5)


def test_tempered_samples_are_in_all_modes():
    """Two equally likely modes, and chains that start in one. Fails with plain Gibbs chains.

    All visible units are off with the hidden one, or on with it. Six standard errors.
    """
    n = 400
    rbm = BernoulliRBM(1, n_iter=0, random_state=0).fit(np.full((2, 12), 0.5))
    rbm.components_[:], rbm.intercept_visible_[:], rbm.intercept_hidden_[:] = 10, -5, -60
    rbm.chains_[:] = 0
    plain, tempered = (
        rbm.sample(n, n_steps=500, method=method, random_state=0).mean()
        for method in ("gibbs", "tempering")
    )
    assert plain < 0.05
    assert abs(tempered - 0.5) < 6 * 0.5 / np.sqrt(n)


def test_samples_of_jumping_chains_have_the_weights_of_the_modes():
    """Modes of probability 1/4 and 3/4 that Gibbs chains do not leave; all chains start in one.

    Fails if samples have the shares of the chains that they start from. Six standard errors.
    """
    n, rng = 4000, np.random.default_rng(0)
    modes = rng.choice(2, size=400, p=[0.25, 0.75])
    X = np.array([[0] * 12, [1] * 12])[modes] ^ (rng.random((400, 12)) < 0.02)
    rbm = BernoulliRBM(2, random_state=0).fit(X)
    rbm.chains_[:] = 0
    states = np.arange(2**12)[:, None] >> np.arange(12) & 1
    weight = np.exp(rbm.score_samples(states[states.mean(axis=1) > 0.5])).sum()
    shares = [
        (rbm.sample(n, n_steps=100, method=method, random_state=0).mean(axis=1) > 0.5).mean()
        for method in ("gibbs", "auto")
    ]
    assert shares[0] < 0.3
    assert abs(shares[1] - weight) < 6 * np.sqrt(weight * (1 - weight) / n)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rbm: rbm.log_partition("best"), "method == 'best', must be one of 'auto', 'exact'"),
        (lambda rbm: rbm.log_partition(n_chains=19), "n_chains == 19, must be an integer >= 20"),
        (
            lambda rbm: rbm.log_partition(n_jobs=0),
            "n_jobs == 0, must be None, -1 or an integer >= 1",
        ),
        (
            lambda rbm: BernoulliRBM(31, n_iter=0).fit(np.eye(40)).log_partition("exact"),
            "method == 'exact' enumerates the smaller binary layer, which has 31 units; at most 30",
        ),
        (lambda rbm: rbm.sample(method="wish"), "method == 'wish', must be one of 'auto'"),
        (
            lambda rbm: rbm.pseudo_log_likelihood(np.ones((1, 64)), 65),
            "n_flips == 65, must be an integer >= 1 and <= 64",
        ),
    ],
)
def test_wrong_arguments_are_refused(fitted, call, words):
    """Fails if a wrong argument is passed on."""
    with pytest.raises(ValueError, match=words):
        call(fitted)
