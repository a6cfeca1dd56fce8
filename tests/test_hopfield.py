"""`BernoulliRBM(hidden="gaussian")`: pairwise couplings of visible units, and a memory."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm import BernoulliRBM
from skrbm._kernels import arrays
from skrbm.learning.gradients import GRADIENTS

from laws import quick

STATES = arrays.binary_digits(np.arange(2**7), 7)


def _patterns(n_rows=400, seed=0):
    """Seven columns that are correlated in groups of three, and rarely flip."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(2, size=(n_rows, 2))
    X = np.repeat(groups, [3, 4], axis=1)
    return X ^ (rng.random(X.shape) < 0.1)


@pytest.fixture(scope="module")
def fitted():
    return BernoulliRBM(2, hidden="gaussian", n_iter=50, random_state=0).fit(
        _patterns().astype(float)
    )


def test_marginal_equals_the_pairwise_model(fitted):
    """Hubbard and Stratonovich's identity, by enumeration. Fails if the couplings are not W W^T."""
    couplings = fitted.components_.T @ fitted.components_
    fields = fitted.intercept_visible_ + fitted.intercept_hidden_ @ fitted.components_
    log_weight = STATES @ fields + np.einsum("ri,ij,rj->r", STATES, couplings, STATES) / 2
    expected = log_weight - logsumexp(log_weight)
    np.testing.assert_allclose(fitted.score_samples(STATES), expected, rtol=1e-9, atol=1e-9)
    assert fitted.log_partition_.method == "exact"
    hidden = fitted.intercept_hidden_ + STATES @ fitted.components_.T
    np.testing.assert_allclose(fitted.transform(STATES), hidden, rtol=1e-9, atol=1e-12)


def test_samples_follow_the_pairwise_model(fitted):
    """Fails if hidden states have no noise. Six standard errors of every mean and product."""
    n = 20_000
    p = np.exp(fitted.score_samples(STATES))
    v = fitted.gibbs(fitted.sample(n, n_steps=100), n_steps=100).astype(float)
    for f in (lambda x: x, lambda x: x[:, :-1] * x[:, 1:]):
        mean = p @ f(STATES)
        assert (np.abs(f(v).mean(axis=0) - mean) < 6 * np.sqrt(mean * (1 - mean) / n)).all()


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("rate", quick([0.05, "auto", 10.0], "auto", 10.0))
def test_couplings_are_learned_at_any_rate(gradient, rate):
    """Fails if steps are not limited: hidden states have no bounds. Better than independent units.

    Independent units have -4.85 nats, the true distribution about -3.7.
    """
    X = _patterns()
    n_iter = 400 if gradient == "ptt" else 100  # its steps start small
    made = {"learning_rate": rate, "gradient": gradient, "n_iter": n_iter, "random_state": 0}
    rbm = BernoulliRBM(2, hidden="gaussian", **made).fit(X)
    assert rbm.score(X) > -4.2


def test_patterns_are_recalled():
    """Fails if a corrupted pattern is not recovered: three of 40 units are flipped."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(2, size=(3, 40)).astype(bool)
    rbm = BernoulliRBM(3, hidden="gaussian", n_iter=1000, random_state=0).fit(patterns)
    corrupted = patterns.copy()
    corrupted[:, [1, 20, 33]] ^= True
    recalled = rbm.gibbs(np.tile(corrupted, (50, 1)), n_steps=20)
    assert (recalled != np.tile(patterns, (50, 1))).mean() < 0.02


def test_wrong_type_is_refused():
    """Fails if a name is used before it is checked."""
    with pytest.raises(
        ValueError, match="hidden == 'real', must be one of 'bernoulli', 'gaussian'"
    ):
        BernoulliRBM(2, hidden="real").fit(_patterns())
