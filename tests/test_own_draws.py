"""Generators with separate draws for every row."""

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from skrbm import GaussianBernoulliRBM
from skrbm._kernels import devices, random, threads
from skrbm._kernels.generators import RowGenerator, by_part, repeated

from laws import copies, holes_in

DRAWS = {
    "uniform": lambda x, rng: random.uniform(x.shape, rng, x),
    "bernoulli": random.bernoulli,
    "logistic": lambda x, rng: random.bernoulli_logistic(0 * x, x, rng),
    "normal": lambda x, rng: random.normal(tuple(x.shape), 2.0, x, rng),
    "one-hot": random.one_hot_choices,
    "accept": lambda x, rng: random.accept(x[:, 0] - 1, rng),
}


@pytest.mark.parametrize("place", [np.asarray])  # or to a device, in test_torch.py
@pytest.mark.parametrize("n_columns", [1, 4, 7])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_of_a_row_do_not_depend_on_other_rows(draw, n_columns, place):
    """Fails if a draw depends on the position of its row, or on earlier parts."""
    x = np.random.default_rng(0).random((60, n_columns)).astype(np.float32)
    keys, rows = np.arange(60) * 1_000_003 % 2**32, np.array([17, 3, 58])
    together, alone = RowGenerator(keys, 0), RowGenerator(keys[rows], 0)
    for _ in range(2):
        expected = devices.to_host(draw(place(x), together))[rows]
        np.testing.assert_array_equal(devices.to_host(draw(place(x[rows]), alone)), expected)
    of_rows, of_parts = by_part(together), by_part(alone)
    draw(place(x[:30]), of_rows(slice(30)))
    expected = devices.to_host(draw(place(x[rows]), of_rows(rows)))
    np.testing.assert_array_equal(
        devices.to_host(draw(place(x[rows]), of_parts(slice(None)))), expected
    )
    chains = devices.to_host(draw(place(np.tile(x, (3, 1))), repeated(together, 3)))
    of_row = devices.to_host(draw(place(np.tile(x[rows], (3, 1))), repeated(alone, 3)))
    np.testing.assert_array_equal(chains.reshape(3, 60, -1)[:, rows], of_row.reshape(3, 3, -1))


@pytest.mark.parametrize("place", [np.asarray])
def test_draws_of_rows_are_independent(place):
    """Six standard errors. Fails if consecutive keys give arithmetic sequences of draws.

    Second differences of three uniform numbers modulo 1 are uniform; in such a sequence they are 0.
    """
    n, x = 20_000, place(np.full((20_000, 6), 0.3, np.float32))
    rng = RowGenerator.of_contents(np.arange(n), 0)
    u = devices.to_host(random.uniform((n, 6), rng, x))
    z = devices.to_host(random.normal((n, 6), 1.0, x, rng))
    bits = devices.to_host(random.bernoulli(x, rng))
    assert abs(bits.mean() - 0.3) < 6 * np.sqrt(0.21 / bits.size)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-6
    for draws in (u, stats.norm.cdf(z)):
        assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-6
        bent = (draws[2:] - 2 * draws[1:-1] + draws[:-2]) % 1
        assert stats.kstest(bent[::3].ravel(), "uniform").pvalue > 1e-6
        both = np.hstack([draws[1:], draws[:-1]])
        correlation = np.corrcoef(both.T)
        np.fill_diagonal(correlation, 0)
        assert np.abs(correlation).max() < 6 / np.sqrt(n)


def test_copies_of_a_row_have_equal_or_different_draws():
    """Fails if the first copy depends on the later ones, or draws of copies are correlated.

    The same holds for several chains of a row.
    """
    contents, x = np.array([5, 9, 5, 5]), np.zeros((4, 10_000), np.float32)
    same = random.uniform(x.shape, RowGenerator.of_contents(contents, 0), x)
    np.testing.assert_array_equal(same[[0, 0]], same[[2, 3]])
    different = random.uniform(
        x.shape, RowGenerator.of_contents(contents, 0, copies_differ=True), x
    )
    np.testing.assert_array_equal(different[:2], same[:2])
    of_chains = random.uniform(x.shape, repeated(RowGenerator(np.array([5, 9]), 0), 2), x)
    for draws in (different, of_chains):
        correlation = np.corrcoef(draws)
        np.fill_diagonal(correlation, 0)
        assert np.abs(correlation).max() < 6 / np.sqrt(10_000)


def test_results_do_not_depend_on_blocks_or_threads(monkeypatch):
    """Fails if every block has other draws, or copies are counted within blocks.

    With 20 real values and 12 hidden units, nothing is enumerated.
    """
    rows = holes_in(np.tile(copies(200), 5), share=0.4)
    rows += 0.01 * np.random.default_rng(0).normal(size=rows.shape)
    rows = np.concatenate([rows, rows[:20]])
    rbm = GaussianBernoulliRBM(12, missing_values="allow", n_iter=3, random_state=0).fit(rows)

    def answers():
        filled = [rbm.impute(rows, method=x, n_steps=9, random_state=0) for x in ("mean", "sample")]
        return rbm.transform(rows), *filled

    features, means, draws = answers()
    np.testing.assert_allclose(features[:20], features[200:], atol=1e-9)
    np.testing.assert_allclose(means[:20], means[200:], atol=1e-9)
    missing = np.isnan(rows[:20])
    assert (draws[:20][missing] != draws[200:][missing]).all()
    monkeypatch.setattr(threads, "BLOCK_ROWS", 37)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, "blas"):
            for got, expected in zip(answers(), (features, means, draws), strict=True):
                np.testing.assert_allclose(got, expected, atol=1e-9)
