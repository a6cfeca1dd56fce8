"""Early stopping: what is scored, when it ends, and what is kept."""

import numpy as np
import pytest
from sklearn.base import clone

from skrbm import BernoulliRBM, likelihood
from skrbm.learning.early_stopping import BestSoFar, EarlyStopping

from laws import draw, enumerate_rbm, random_rbm


def _watch(rbm, n_iter_no_change=3, tol=0.0):
    v = enumerate_rbm(rbm).v

    def score(rbm, v, rng):
        return likelihood.pseudo_log_likelihood(rbm, v, 4, rng)

    return EarlyStopping(v[:5], v[5:], n_iter_no_change, tol, 0, score, BestSoFar())


def test_the_score_is_the_pseudo_log_likelihood_of_the_rows_kept_apart():
    """Fails if training rows are scored, or the gap is to more of them than are kept apart."""
    rbm = random_rbm()
    watch, record = _watch(rbm), {}
    watch.see(rbm, record)
    exact = enumerate_rbm(rbm)
    expected = 0.0
    for row in range(5):
        for column in range(4):
            other = exact.v[row].copy()
            other[column] = 1 - other[column]
            partner = np.flatnonzero((exact.v == other).all(axis=1))[0]
            pair = exact.log_p_visible[[row, partner]]
            expected += (pair[0] - np.logaddexp(*pair)) / 5
    assert record["validation_score"] == pytest.approx(expected)
    gap = rbm.free_energy(exact.v[:5]).mean() - rbm.free_energy(exact.v[5:10]).mean()
    assert record["free_energy_gap"] == pytest.approx(gap)


def test_training_ends_when_nothing_improves_and_the_best_is_restored():
    """Fails if the last parameters are kept, or the count goes on after an improvement."""
    rbm = random_rbm(scale=0.0)
    better = enumerate_rbm(rbm).v[:5].mean(axis=0) * 2 - 1
    watch = _watch(rbm)
    stops = []
    for distance in (0.0, 1.0, 0.2, 0.1, 1.5, 0.3, 0.2, 0.1):
        rbm.visible.bias[...] = distance * better
        stops.append(watch.see(rbm, {}))
    assert stops == [False] * 7 + [True]
    watch.restore(rbm)
    np.testing.assert_array_equal(rbm.visible.bias, 1.5 * better)


def test_an_improvement_below_tol_does_not_count():
    """Fails if tol is ignored: ten small steps upwards are seen as no change."""
    rbm = random_rbm(scale=0.0)
    better = enumerate_rbm(rbm).v[:5].mean(axis=0) * 2 - 1
    watch = _watch(rbm, n_iter_no_change=5, tol=1.0)
    stops = []
    for i in range(6):
        rbm.visible.bias[...] = 0.01 * i * better
        stops.append(watch.see(rbm, {}))
    assert stops == [False] * 5 + [True]


def test_early_stopping_helps_where_training_overfits():
    """Fails if the estimator trains on the rows kept apart, or does not stop.

    40 rows of a model of 8 independent units: every weight that 64 hidden units learn is wrong.
    """
    rng = np.random.default_rng(0)
    train, test = (rng.random((n, 8)) < 0.5 for n in (40, 2000))
    plain = BernoulliRBM(64, n_iter=1000, random_state=0).fit(train)
    stopped = clone(plain).set_params(early_stopping=True, validation_fraction=0.3).fit(train)
    assert stopped.n_iter_ < plain.n_iter_ == 1000
    assert stopped.score(test) > plain.score(test) + 0.5
    scores = stopped.history_["validation_score"]
    assert stopped.best_validation_score_ == scores.max() > scores[-1]
    assert stopped.history_["free_energy_gap"][-1] > stopped.history_["free_energy_gap"][0]
    assert np.isnan(plain.history_["validation_score"]).all()


def test_warm_start_goes_on():
    """Fails if fit starts anew: the second of two short fits ends higher than the first."""
    rbm = random_rbm(n_visible=6, n_hidden=3, scale=2)
    exact = enumerate_rbm(rbm)
    X = exact.v[draw(np.exp(exact.log_p_visible), 2000, np.random.default_rng(0))]
    estimator = BernoulliRBM(4, n_iter=5, warm_start=True, random_state=0)
    first = estimator.fit(X).score(X)
    second = estimator.fit(X).score(X)
    assert second > first + 0.01
    assert estimator.n_iter_ == 10
    assert estimator.set_params(warm_start=False).fit(X).score(X) == first
    assert estimator.n_iter_ == 5
    with pytest.raises(ValueError, match="n_components == 7, must stay 4"):
        estimator.set_params(n_components=7, warm_start=True).fit(X)


def test_too_few_rows_to_keep_some_apart_are_refused():
    """Fails if the estimator has changed by then."""
    estimator = BernoulliRBM(early_stopping=True)
    with pytest.raises(ValueError, match="validation_fraction == 0.1 of 1 rows with weight must"):
        estimator.fit([[0, 1]])
    assert not hasattr(estimator, "n_features_in_")
    estimator.partial_fit([[0, 1]])  # keeps nothing apart


def test_the_best_score_is_of_the_present_model():
    """Fails if a fit without early stopping keeps the score of the one before."""
    X = np.tile([[0, 1], [1, 1]], (10, 1))
    estimator = BernoulliRBM(2, n_iter=2, early_stopping=True, random_state=0).fit(X)
    assert hasattr(estimator, "best_validation_score_")
    estimator.set_params(early_stopping=False).fit(X)
    assert not hasattr(estimator, "best_validation_score_")
