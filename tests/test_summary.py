"""The summary of rows, in one pass over blocks, against numpy's results for all rows."""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.summary import find_bounds, merge, summarize

from laws import holes_in

N = 5_000  # rows, in three blocks


def _summary(rows, weights=None, dtype="float64", *, with_moments=False):
    weights = np.ones(rows.shape[0]) if weights is None else weights
    return summarize(rows, weights, np.dtype(dtype), with_moments=with_moments)


def _rows(seed=0):
    """Binary columns except one, and weights, of which some are zero and some very large."""
    rng = np.random.default_rng(seed)
    x = (rng.random((N, 4)) < 0.4).astype(float)
    x[:, 2] *= rng.normal(size=N)
    return x, rng.choice([0, 1, 1e6], size=N)


def assert_equal(got, want):
    """Assert that all figures of two summaries are equal, up to rounding."""
    assert (got.n_rows, got.dtype, got.is_binary) == (want.n_rows, want.dtype, want.is_binary)
    assert got.bounds.has_missing == want.bounds.has_missing
    pairs = [(got.bounds.low, want.bounds.low), (got.bounds.high, want.bounds.high)]
    pairs += [(got.total, want.total), (got.weight, want.weight)]
    if want.moments is not None:
        pairs += zip(got.moments, want.moments, strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def _correlated(n=300):
    """Correlated columns, one independent, one constant, and weights."""
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(size=(n, 4)) @ rng.normal(size=(4, 5)), np.ones(n)])
    return x, rng.integers(1, 4, size=n)


def test_number_of_independent_columns_counts_weighted_rows():
    """Fails if weights do not count as copies of rows, or the constant column counts."""
    x, weights = _correlated()
    copies = np.repeat(x, weights, axis=0)
    squares = np.corrcoef(copies[:, :5].T)[np.triu_indices(5, 1)] ** 2
    expected = squares.mean() - 1 / len(copies)
    for summary in (_summary(x, weights), _summary(sparse.csr_array(copies))):
        np.testing.assert_allclose(summary.square_correlation, expected, rtol=1e-9)
        np.testing.assert_allclose(summary.total_variance, copies.var(axis=0).sum(), rtol=1e-9)
        assert summary.n_independent == pytest.approx(6 / (1 + 5 * expected))


def test_few_rows_of_independent_columns_do_not_seem_correlated():
    """Fails without the correlations that few rows have by chance, 1 / n in the mean."""
    x = np.random.default_rng(0).normal(size=(30, 200))
    n_pairs, variance = 200 * 199 / 2, 2 / 30**2  # of the square of a correlation of 30 rows
    assert _summary(x).square_correlation < 6 * (variance / n_pairs) ** 0.5 + 2 / 30**2
    x[np.random.default_rng(1).random(x.shape) < 0.4] = np.nan  # 0.6^2 as many rows per pair
    assert _summary(x).square_correlation < 6 * (variance / n_pairs) ** 0.5 / 0.36 + 0.01


@pytest.mark.parametrize("n_constant", [0, 100])
def test_rare_columns_count_in_proportion_to_their_variance(n_constant):
    """Fails if a rare column counts as much as a balanced one, or a constant one counts."""
    rng = np.random.default_rng(0)
    x = rng.random((N, 40)) < np.where(np.arange(40) < 20, 0.5, 0.02)
    x = np.column_stack([x, np.ones((N, n_constant))])
    expected = 4 * (x.mean(axis=0) * (1 - x.mean(axis=0))).sum()
    for summary in (_summary(x), _summary(sparse.csr_array(x)), _summary(1 - x)):
        assert summary.n_independent_bits == pytest.approx(expected)
    copies = np.repeat(x[:, :1], 10, axis=1)  # correlations count too
    assert _summary(copies).n_independent_bits == pytest.approx(1, rel=1e-2)


def test_missing_values_do_not_hide_correlations():
    """Fails if a missing value counts as a known mean. Values are missing at random."""
    x, _ = _correlated(50_000)
    complete = _summary(x)
    x[np.random.default_rng(2).random(x.shape) < 0.3] = np.nan
    summary = _summary(x)
    assert summary.square_correlation == pytest.approx(complete.square_correlation, rel=0.1)
    assert summary.total_variance == pytest.approx(complete.total_variance, rel=0.1)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_bounds_cover_all_rows(make):
    """Fails if a block is omitted. The smallest and the largest value are in different blocks."""
    x = np.random.default_rng(0).uniform(size=(N, 3))
    x[4_000, 1], x[100, 2] = -3, 5
    bounds = find_bounds(make(x))
    np.testing.assert_array_equal(bounds.low, x.min(axis=0))
    np.testing.assert_array_equal(bounds.high, x.max(axis=0))
    assert (bounds.smallest, bounds.largest, bounds.has_missing) == (-3, 5, False)
    np.testing.assert_array_equal(bounds.outside(0, 4), [1, 2])
    np.testing.assert_array_equal(bounds.outside(-3, 5), [])
    x[4_500, 0] = np.nan
    assert find_bounds(make(x)).has_missing


@pytest.mark.parametrize("with_moments", [False, True])
def test_bounds_and_totals_ignore_missing_values(with_moments):
    """Fails if NaN passes into a bound or a total, or its weight counts.

    One column has no value at all.
    """
    x, weights = _rows()
    x = holes_in(x)
    x[:, 3] = np.nan
    summary = _summary(x, weights, with_moments=with_moments)
    known = ~np.isnan(x)
    assert summary.bounds.has_missing
    np.testing.assert_array_equal(summary.bounds.empty, [3])
    np.testing.assert_array_equal(summary.bounds.low[:3], np.nanmin(x[:, :3], axis=0))
    np.testing.assert_array_equal(summary.bounds.high[:3], np.nanmax(x[:, :3], axis=0))
    assert summary.bounds.smallest == np.nanmin(x)
    assert summary.bounds.largest == np.nanmax(x)
    np.testing.assert_allclose(summary.weight, weights @ known, rtol=1e-12)
    total = weights @ np.where(known, x, 0)
    np.testing.assert_allclose(summary.total, total, rtol=1e-9, atol=1e-6)


def test_totals_of_huge_weights_are_finite_in_float32():
    """Fails if weights are converted to float32 without scaling."""
    x, weights = _rows()
    summary = _summary(x.astype("float32"), 1e290 * weights, "float32")
    np.testing.assert_allclose(summary.total / 1e290, weights @ x, rtol=1e-4, atol=1e3)
    np.testing.assert_allclose(summary.weight / 1e290, weights.sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        *itertools.product([np.asarray, sparse.csr_array], [None, 0.5, 2.0, -1.0]),
        (np.asarray, np.nan),  # sparse rows have no missing values
    ],
)
def test_rows_are_binary_if_all_values_are_zero_one_or_missing(other, make):
    """Fails if a single value in the last block is missed, or NaN counts as another value."""
    x = (np.random.default_rng(0).random((N, 3)) < 0.5).astype("float32")
    if other is not None:
        x[-1, 1] = other
    assert _summary(make(x)).is_binary == (other is None or np.isnan(other))


@pytest.mark.parametrize("with_moments", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
def test_merged_summaries_of_parts_equal_the_summary_of_all_rows(with_moments, gaps):
    """Fails if a part counts by its rows instead of its weight, or a third moment is omitted.

    In the first part, which has no row of any weight, and in the second a column has no value.
    """
    x, weights = _rows()
    x = holes_in(x) if gaps else x
    weights[:10] = 0
    x[:40, 1] = np.nan if gaps else 0
    whole = _summary(x, weights, with_moments=with_moments)
    slices = np.split(np.arange(N), [10, 40, 3_000])
    parts = [_summary(x[i], weights[i], with_moments=with_moments) for i in slices[1:]]
    parts.insert(0, _summary(x[:10], weights[:10] + 1e-300, with_moments=with_moments))
    assert_equal(merge(parts), whole)
    assert_equal(merge([whole]), whole)


def test_parts_are_binary_if_all_of_them_are():
    """Fails if only the last part decides."""
    parts = [_summary(x) for x in (np.full((2, 2), 0.5), np.eye(2))]
    assert [part.is_binary for part in parts] == [False, True]
    assert not merge(parts).is_binary
    assert merge(parts[1:] * 2).is_binary


def test_a_csr_matrix_has_the_summary_of_the_same_rows():
    """Fails if a bound or a total omits the zeros, which are not stored."""
    x, weights = _rows()
    x[:, 3] = 1 + x[:, 3]  # without a zero
    for rows in (x, x[:, [0, 1]], -1 - x):
        assert_equal(_summary(sparse.csr_array(rows), weights), _summary(rows, weights))


def _moments(x, weights):
    return _summary(x, weights, x.dtype, with_moments=True).moments


@pytest.mark.parametrize("dtype", ["float32", "float64", np.uint8])
@pytest.mark.parametrize("n", [1, 50, 60_000])
def test_column_moments_equal_moments_of_all_rows(n, dtype):
    """By two passes in long double, with weights of zero and two.

    Fails if blocks are summed without the distance of their means, which a trend makes large, or
    around zero: columns are 1e-6 and 1e6 wide, 1e6 standard deviations from zero, and constant. All
    results are right to 1e-9 standard deviations, and a constant column has no variance.
    """
    rng = np.random.default_rng(0)
    x = np.hstack([rng.gamma(2, size=(n, 4)), np.full((n, 2), 0.1)])
    x[:, 3] += np.linspace(0, 50, n)
    if dtype != np.uint8:
        x = x * [1e-6, 1e6, -1, 1, 1, 1e6] + [0, 1e9, 1e6, 0, 0, 0]
    x = x.astype(dtype)
    weights = rng.integers(0, 3, size=n)
    weights[: n // 2] = 0
    weights[-1] = 2
    rows = np.repeat(x, weights, axis=0).astype(np.longdouble)
    mean = rows.mean(axis=0)
    variance, third = (((rows - mean) ** power).mean(axis=0) for power in (2, 3))
    got_mean, got_variance, got_third = _moments(x, weights)
    assert (got_variance[4:] == 0).all()
    scale = np.where(variance > 0, variance, 1)[:4] ** 0.5
    assert (abs(got_mean - mean) <= 1e-9 * np.append(scale, [0, 0]) + 1e-15 * abs(mean)).all()
    np.testing.assert_allclose(got_variance[:4], variance[:4], rtol=1e-9)
    np.testing.assert_allclose(got_third[:4] / scale**3, third[:4] / scale**3, atol=1e-8)


def test_column_moments_ignore_missing_values():
    """Fails if missing values count, or a column that begins with them is lost.

    The first column has its first value in a later block, the third one is constant and has none in
    the first row of any, and the last one has none at all.
    """
    rng = np.random.default_rng(0)
    n = 200_000
    x, weights = rng.gamma(2, size=(n, 4)), rng.integers(0, 3, size=n)
    x[:, 2] = 0.1
    x[: n // 2, 0] = x[::3, 1] = x[::2, 2] = x[:, 3] = np.nan
    found = np.array(_moments(x, weights))
    for column in range(3):
        seen = ~np.isnan(x[:, column])
        expected = _moments(x[seen, column, None], weights[seen])
        np.testing.assert_allclose(found[:, column], np.ravel(expected), rtol=1e-9)
    np.testing.assert_array_equal(found[:, 3], 0)
    assert found[1, 2] == 0


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
def test_a_block_of_small_values_is_copied_once(dtype):
    """Fails if the check for zeros and ones makes a second copy in the dtype of the model."""
    X = np.zeros((BLOCK_ROWS, 1_000), dtype)
    X[::2, ::3] = 1
    tracemalloc.start()
    _summary(X, dtype="float32")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * 4 * X.size


def test_sums_of_infinite_values_do_not_warn():
    """Fails if the threads warn: infinite data are refused later, by their bounds."""
    X = np.zeros((N, 2))
    X[::2], X[1::2] = np.inf, -np.inf
    bounds = _summary(X, dtype="float32").bounds
    assert (bounds.smallest, bounds.largest) == (-np.inf, np.inf)
