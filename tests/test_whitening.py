"""Whitening: the shrinkage of correlations maximises the likelihood of unseen rows."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from skrbm.data.scaling import Standardized, Whitened
from skrbm.data.summary import summarize
from skrbm.data.whitening import _SHRINKAGES, _completed, whitening
from skrbm.units import Rotation

from laws import holes_in


def _rows(n=40, d=5, seed=0):
    """Standardized rows of correlated columns, skewed to both sides."""
    rng = np.random.default_rng(seed)
    x = rng.exponential(size=(n, d)) * [1, -1, 1, 1, -1][:d] @ rng.normal(size=(d, d))
    x += rng.normal(size=(n, d))
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _found(x, weights=None):
    weights = np.ones(len(x)) if weights is None else weights
    return whitening(x, weights, has_missing=bool(np.isnan(x).any()))


def _whitened(x, weights=None):
    return _found(x, weights).matrix


def _left_out(x, shrinkage):
    """Log-likelihood of each row under the shrunk covariance of all others, divided by n."""
    n, d = x.shape
    total = 0.0
    for i in range(n):
        others = np.delete(x, i, axis=0)
        covariance = (1 - shrinkage) * others.T @ others / n + shrinkage * np.eye(d)
        total += multivariate_normal.logpdf(x[i], np.zeros(d), covariance)
    return total


@pytest.mark.parametrize("n", [20, 40, 400])
def test_shrinkage_maximises_the_likelihood_of_rows_left_out(n):
    """Fails if a row counts in its own covariance: with 20 rows little would then be shrunk."""
    x = _rows(n)
    best = _SHRINKAGES[np.argmax([_left_out(x, a) for a in _SHRINKAGES])]
    T = _whitened(x)
    independent = _left_out(x, 1.0)
    assert _found(x).gain == pytest.approx((_left_out(x, best) - independent) / x.size)
    shrunk = (1 - best) * x.T @ x / n + best * np.eye(x.shape[1])
    np.testing.assert_allclose(T.T @ shrunk @ T, np.eye(x.shape[1]), atol=1e-9)
    if n == 20:
        assert best > 0.01


def test_a_row_of_weight_two_is_two_rows():
    """Fails if weights count in the covariance but not in the number of rows."""
    x, weights = _rows(15), np.random.default_rng(1).integers(1, 4, size=15)
    np.testing.assert_allclose(_whitened(x, weights), _whitened(np.repeat(x, weights, axis=0)))


def test_negligible_weights_count_as_one_row():
    """Fails with an overflow, or if the scale of all weights has an effect."""
    x = _rows(15)
    tiny = _found(x, np.full(15, 5e-324))
    assert tiny.gain == _found(x, np.full(15, 1 / 15)).gain


def test_the_map_follows_the_order_and_the_sign_of_columns():
    """Fails if eigenvectors keep the sign that the solver gives them."""
    x, order, sign = _rows(), [3, 0, 4, 1, 2], np.array([1, -1, -1, 1, -1])
    np.testing.assert_allclose(
        (x[:, order] * sign) @ _whitened(x[:, order] * sign), x @ _whitened(x)
    )


def test_independent_columns_are_not_changed():
    """Fails without the largest shrinkage; constant columns have no correlation."""
    x = np.random.default_rng(0).normal(size=(60, 8))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x[:, 3] = 0
    assert _found(x).gain == 0


def test_kurtosis_is_the_smallest_for_two_clusters():
    """Fails if the kurtosis belongs to another direction, or to columns."""
    rng = np.random.default_rng(0)
    cluster, noise = np.repeat([-1.0, 1.0], 100), 0.1 * rng.normal(size=(200, 4))
    x = cluster[:, None] * [1, 1, -1, 0] + noise
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    along = x @ np.linalg.eigh(x.T @ x)[1][:, -1]
    assert _found(x).kurtosis == pytest.approx(np.mean(along**4) / along.var() ** 2 - 3)
    assert _found(x).kurtosis == pytest.approx(-2, abs=0.05)


def test_covariances_of_incomplete_rows_approach_the_covariances_of_all_values():
    """Fails if a missing value counts as its mean, without its remaining variance.

    Six standard errors of covariances of 200,000 rows, of which 64 % have both values.
    """
    x = _rows(200_000)
    drawn, covariance = _completed(holes_in(x, 0.2), np.full(len(x), 1 / len(x)))
    error = 6 * ((x[:, :, None] * x[:, None]).std(axis=0) / np.sqrt(0.64 * len(x)))
    assert (np.abs(covariance - x.T @ x / len(x)) < error).all()
    assert (np.abs(drawn.T @ drawn / len(x) - covariance) < error).all()
    complete, exact = _completed(x, np.full(len(x), 1 / len(x)))
    np.testing.assert_array_equal(complete, x)
    np.testing.assert_allclose(exact, x.T @ x / len(x), atol=1e-3)


def test_densities_and_states_come_back_in_the_units_of_the_data():
    """Fails if the inverse is wrong, or the volume belongs to one direction."""
    X = _rows() * [1, 2, 3, 0.1, 50] + 7
    summary = summarize(X, np.ones(len(X)), np.dtype("float64"), with_moments=True)
    scaling, _ = Standardized.of(summary)
    whitened = Whitened(scaling, Rotation(_whitened(scaling.to_model(X))))
    np.testing.assert_allclose(whitened.to_data(whitened.to_model(X)), X)
    linear = whitened.to_model(np.eye(5)) - whitened.to_model(np.zeros((1, 5)))
    assert whitened.log_volume == pytest.approx(-np.linalg.slogdet(linear)[1])
