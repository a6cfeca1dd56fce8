"""Rows that a detector does not learn."""

import numpy as np
import pytest

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMOutlierDetector
from skrbm.estimators.rbm.base import check_within
from skrbm.estimators.rbm.cross_fitting import Scores
from skrbm.estimators.rbm.trimming import untrimmed


def left(rbm, X, share, weights=None):
    return untrimmed(rbm, check_within(rbm, X, weights), share)


def independent_normal(X, weights):
    mean = np.average(X, axis=0, weights=weights)
    variance = np.average((X - mean) ** 2, axis=0, weights=weights)
    return lambda x: -((x - mean) ** 2 / variance).sum(axis=1)


def independent_bits(X, weights):
    n_on = weights @ X + 1
    return lambda x: x @ np.log(n_on / (weights.sum() + 2 - n_on))


def concentrated(X, weights, share, score_of):
    """The rows left by two steps of trimming, from their definition."""
    kept = np.ones(len(X), bool)
    for _ in range(2):
        scores = score_of(X[kept], weights[kept])(X)
        kept = scores >= Scores(scores, weights).quantile(share)
    return kept


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_the_most_probable_rows_of_independent_columns_are_left(share):
    """Fails if hidden units take part, rows are ranked once, or weights are not frequencies."""
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 4, size=200).astype(float)
    X = rng.exponential(size=(200, 5)) * [1, 10, 100, 1, 1]
    rbm = GaussianBernoulliRBM(64, covariance_type="diag")
    law = concentrated(X, weights, share, independent_normal)
    np.testing.assert_array_equal(left(rbm, X, share, weights), law)
    X = (rng.random((200, 30)) < rng.random(30)).astype(float)
    law = concentrated(X, weights, share, independent_bits)
    np.testing.assert_array_equal(left(BernoulliRBM(64), X, share, weights), law)


def test_rows_against_the_correlations_are_trimmed():
    """Fails if columns are independent in both steps: each value of these rows is common."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 4))
    X[:10] = 0.7 * np.array([1, -1, 1, -1])
    assert not left(GaussianBernoulliRBM(8), X, 0.2)[:10].any()
    assert left(GaussianBernoulliRBM(8, covariance_type="diag"), X, 0.2)[:10].all()


@pytest.mark.parametrize(("contamination", "share"), [(0.1, 0.2), (0.4, 0.5), ("auto", 0.2)])
def test_the_model_learns_the_rows_that_are_left(contamination, share):
    """Fails if it learns all rows, only the share of inliers, or less than half of the rows."""
    X = np.random.default_rng(0).exponential(size=(100, 3))
    rbm = GaussianBernoulliRBM(1, n_iter=0, variance="data")
    detector = RBMOutlierDetector(rbm, contamination=contamination, random_state=0).fit(X)
    variance = X[left(rbm, X, share)].var(axis=0)
    np.testing.assert_allclose(detector.rbm_.variance_, variance, rtol=1e-6)


def test_outliers_that_resemble_each_other_are_not_learned():
    """Fails if any model learns all rows: one of its hidden units then describes the outliers.

    If only the models of folds do, the threshold is too high for normal rows.
    """
    rng = np.random.default_rng(0)
    normal, outliers = rng.normal(size=(1_180, 3)), 4 + 0.1 * rng.normal(size=(120, 3))
    rbm = GaussianBernoulliRBM(16, n_iter=200)
    detector = RBMOutlierDetector(rbm, random_state=0)
    detector.fit(np.vstack([normal[:180], outliers[:20]]))
    assert (detector.predict(outliers[20:]) == -1).all()
    assert (detector.predict(normal[180:]) == -1).mean() < 0.04
