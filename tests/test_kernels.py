"""The functions of `_kernels`, against scipy and plain numpy."""

import pickle
import time
from contextlib import suppress
from threading import Event, Thread

import numpy as np
import pytest
from scipy import sparse, special, stats
from scipy.special import expit
from scipy.special import logit as logit_of
from threadpoolctl import threadpool_info, threadpool_limits

from skrbm._kernels import arrays, devices, pairs, products, random, threads

PRECISION = {"float32": 2e-6, "float64": 5e-15}
WIDE = np.array([-1e30, -800, -100, -30, -1e-3, 0, 1e-3, 30, 100, 800, 1e30])


@pytest.mark.parametrize("dtype", PRECISION)
def test_logistic_is_exact_in_both_tails(dtype):
    """Fails if 1 / (1 + exp(-x)) is written as 0.5 tanh(x / 2) + 0.5."""
    x = np.linspace(-80, 80, 1001).astype(dtype)
    np.testing.assert_allclose(
        arrays.logistic(x, 0 * x), expit(x), rtol=PRECISION[dtype] * 40, atol=0
    )


@pytest.mark.parametrize("dtype", PRECISION)
def test_logistic_and_softplus_of_huge_input_are_finite(dtype):
    """Fails if softplus is log1p(exp(x)), or logistic does not allow exp to overflow."""
    x = WIDE.astype(dtype)
    np.testing.assert_array_equal(arrays.logistic(x, 0 * x)[[0, -1]], [0, 1])
    np.testing.assert_array_equal(arrays.softplus(x)[[0, -1]], [0, x[-1]])


@pytest.mark.parametrize("dtype", PRECISION)
def test_softplus_is_log_of_one_plus_exp(dtype):
    """Fails if max(x, 0) is missing."""
    x = np.linspace(-40, 40, 1001).astype(dtype)
    expected = np.logaddexp(0, x.astype(np.float64))
    np.testing.assert_allclose(arrays.softplus(x), expected, rtol=PRECISION[dtype], atol=0)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("largest", [1, 79, 81, 200, 1e4])
def test_sum_softplus_is_the_sum(largest, dtype):
    """Fails if exp may overflow, or if the sum of many terms is taken in float32."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1e4, largest, size=(2, 3, 50_000)).astype(dtype)
    x[1] = rng.uniform(-1, 1, size=x[1].shape)
    x[0, 0, 0] = x[1, 1, 0] = largest
    expected = np.logaddexp(0, x.astype(np.float64)).sum(axis=-1)
    got = arrays.sum_softplus(x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=PRECISION[dtype] / 10)
    assert arrays.sum_softplus(np.full((1, 3), -1e4, dtype)) == 0
    alike = arrays.sum_softplus(np.full(50_000, 0.3, dtype))
    assert alike == pytest.approx(50_000 * arrays.sum_softplus(np.full(1, 0.3, dtype)), 1e-12)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("n_terms", [1, 2, 17, 31, 100])
@pytest.mark.parametrize("largest", [0.5, 20, 40, 80, 160, 320, 1000])
def test_pairwise_sum_softplus_equals_softplus_of_sums(largest, n_terms, dtype):
    """Fails if the odd factor of a fold is dropped, or products may overflow. All terms large."""
    rng = np.random.default_rng(0)
    x, y = (largest * rng.uniform(-0.1, 0.5, (n, n_terms)).astype(dtype) for n in (60, 150))
    x[0] = y[0] = largest / 2
    expected = np.logaddexp(0, x[:, None].astype(np.float64) + y).sum(axis=-1)
    got = pairs.sum_softplus(x, y)
    rounding = PRECISION[dtype]
    np.testing.assert_allclose(got, expected, rtol=20 * rounding, atol=rounding * n_terms)
    assert got.dtype == np.float64


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize(
    "shape", [(5, 7, 9), (300, 3, 500), (3, 300, 500), (60, 70, 301), (2, 2, 70_001)]
)
@pytest.mark.parametrize("largest", [2, 1000])
def test_sums_over_many_pairs_do_not_depend_on_blocks(largest, shape, dtype):
    """Fails if a block is left out, or blocks are joined along another axis."""
    rng = np.random.default_rng(0)
    x, y = (largest * rng.uniform(-1, 0.5, (n, shape[2])).astype(dtype) for n in shape[:2])
    expected = np.array([np.logaddexp(0, row.astype(np.float64) + y).sum(axis=-1) for row in x])
    rounding = {"rtol": PRECISION[dtype], "atol": largest * PRECISION[dtype]}
    np.testing.assert_allclose(pairs.sum_softplus(x, y), expected, **rounding)
    summed = pairs.of_sums(lambda z: z.sum(-1, dtype=np.float64), x, y)
    expected = np.array([(row + y).sum(axis=-1, dtype=np.float64) for row in x])
    np.testing.assert_allclose(summed, expected, **rounding)


@pytest.mark.parametrize("dtype", PRECISION)
def test_pairs_are_right_if_the_processor_flushes_subnormal_numbers_to_zero(dtype):
    """Fails if a product of two exponentials that became zero is not negligible."""
    torch = pytest.importorskip("torch")
    limit = {"float32": 40, "float64": 340}[dtype]
    torch.set_flush_denormal(True)
    try:
        for y in limit * np.array([1, 0.9, 0.75, 0.7]):
            x, y = np.full((200, 64), -y, dtype), np.full((1, 64), y, dtype)
            x[:, 1::2] -= 7.5
            expected = np.logaddexp(0, (x + y).astype(np.float64)).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(pairs.sum_softplus(x, y), expected, rtol=PRECISION[dtype])
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", PRECISION)
def test_addmm_adds_a_product_in_place(dtype, order):
    """Fails if the sum goes into a new array."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((3, 5), (3, 4), (5, 4)))
    c = np.array(c, order=order)
    expected = c + a.T @ b
    products.addmm(c, a, b)
    np.testing.assert_allclose(c, expected, rtol=PRECISION[dtype] * 10)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", PRECISION)
def test_row_dot_is_summed_in_float64(dtype, make):
    """Fails if a part of many rows is left out, or a sum that cancels is taken in float32."""
    n_rows, n_columns = 3_000, 100
    x = np.tile([1.0, 1.0], (n_rows, n_columns // 2)).astype(dtype)
    x *= np.arange(n_rows, dtype=dtype)[:, None]
    y = np.tile([2.0**26, -(2.0**26) + 4], n_columns // 2).astype(dtype)
    expected = np.arange(n_rows) * 4.0 * (n_columns // 2)
    np.testing.assert_array_equal(arrays.row_dot(make(x), y), expected)
    if make is np.asarray:
        stacked = x.reshape(3, -1, n_columns)
        np.testing.assert_array_equal(arrays.row_dot(stacked, y).ravel(), expected)
        rows = np.tile(y, (n_rows, 1))
        np.testing.assert_array_equal(arrays.row_dot(x, rows), expected)


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 3), (4,), ()])
def test_folded_segments_hold_their_columns(sizes):
    """Fails if a segment has another's columns, or its padding is not the fill."""
    x = np.random.default_rng(0).normal(size=(5, 2, sum(sizes)))
    folded = arrays.fold(x, sizes, -9.0)
    assert folded.shape == (5, 2, len(sizes), max(sizes, default=1))
    ends = np.cumsum([0, *sizes])
    for i, size in enumerate(sizes):
        np.testing.assert_array_equal(folded[..., i, :size], x[..., ends[i] : ends[i + 1]])
        assert (folded[..., i, size:] == -9).all()
    np.testing.assert_array_equal(arrays.unfold(folded, sizes), x)


def test_columns_of_segments_lie_side_by_side():
    """Fails if a slice copies, or a row's segments have another row's columns."""
    sizes = (2, 3, 1, 3)
    assert arrays.segment_columns(slice(1, 3), sizes) == slice(2, 6)
    assert arrays.segment_columns(slice(2, 2), sizes) == slice(5, 5)
    np.testing.assert_array_equal(arrays.segment_columns(np.array([0, 3]), sizes), [0, 1, 6, 7, 8])
    rows = arrays.segment_columns(np.array([[1, 2], [3, 2]]), sizes)
    np.testing.assert_array_equal(rows, [[2, 3, 4, 5], [6, 7, 8, 5]])


@pytest.mark.parametrize("shape", [(5, 3), (4, 6, 2), (0, 1, 4), (3, 2, 40)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_is_normalised_and_in_the_dtype(shape, dtype):
    """Fails if terms overflow, or rows are normalised together."""
    x = 1e3 * np.random.default_rng(0).normal(size=shape).astype(dtype)
    p = arrays.softmax(x)
    assert p.dtype == dtype
    np.testing.assert_allclose(p, special.softmax(x.astype("float64"), axis=-1), atol=1e-5)


def test_binary_digits_encode_their_index_and_all_differ():
    """Fails if the first digit is not the lowest."""
    states = arrays.binary_digits(np.arange(64), 6)
    assert len(np.unique(states, axis=0)) == 64
    np.testing.assert_array_equal(arrays.binary_digits(np.arange(10, 20), 6), states[10:20])
    np.testing.assert_array_equal(states @ 2 ** np.arange(6), np.arange(64))


@pytest.mark.parametrize("shape", [(300, 7), (3, 100, 7)])
def test_logistic_of_two_arguments_is_the_logistic_of_their_sum(shape):
    """Fails if y is ignored, or is treated as one vector although it has rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    for y in (rng.normal(size=7), rng.normal(size=(*shape[:-1], 1)) * np.ones(7)):
        np.testing.assert_allclose(arrays.logistic(x, y), expit(x + y), rtol=1e-13)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_rows", [3, 5_000])
def test_work_by_rows_equals_work_on_all_rows(n_rows, make):
    """Fails if a block is omitted, or put in the place of another."""
    x = np.random.default_rng(0).normal(size=(n_rows, 7))
    y = np.arange(14.0).reshape(7, 2)
    np.testing.assert_allclose(threads.by_rows(lambda rows: rows @ y, make(x)), x @ y)
    np.testing.assert_allclose(threads.by_rows(lambda rows: rows.sum(axis=1), x), x.sum(axis=1))


def _draws(n_rows, rng):
    half = np.full((n_rows, 70), 0.5, np.float32)
    return threads.by_rows(random.bernoulli, half, rng)


def test_draws_by_rows_do_not_depend_on_the_number_of_threads():
    """Fails if blocks draw from one generator, in the order of the threads."""
    alone, together = (random.generator(1) for _ in range(2))
    for _ in range(3):
        with threadpool_limits(1, user_api="blas"):
            expected = _draws(30_000, alone)
        with threadpool_limits(2, user_api="blas"):
            np.testing.assert_array_equal(_draws(30_000, together), expected)


def test_draws_by_rows_are_independent():
    """Fails if two blocks or two calls draw the same. Six standard errors."""
    rng = random.generator(0)
    n = threads.BLOCK_ROWS
    draws = np.concatenate([_draws(3 * n, rng) for _ in range(2)]).reshape(6, -1)
    correlation = np.corrcoef(draws)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 6 / np.sqrt(draws.shape[1])


@pytest.fixture
def two_threads():
    """Let products use two threads on any machine; return the number for each library."""
    with threadpool_limits(2):
        yield _numbers_of_threads()


def _numbers_of_threads():
    return [library["num_threads"] for library in threadpool_info()]


def test_work_by_rows_restores_the_threads_of_products(two_threads):
    """Fails if the number stays at one, also after an error."""

    def fail(rows):
        raise ValueError

    for work in (abs, fail):
        with suppress(ValueError):
            threads.by_rows(work, np.ones((5_000, 2)))
    assert _numbers_of_threads() == two_threads


def test_threads_of_products_are_restored_after_concurrent_callers(two_threads):
    """Fails if the last caller restores the setting of the first one."""
    second_is_inside, first_is_done = Event(), Event()
    x = np.ones((threads.BLOCK_ROWS + 1, 2))

    def first(rows):
        second_is_inside.wait(10)
        return rows

    def second(rows):
        second_is_inside.set()
        first_is_done.wait(10)
        return rows

    callers = [Thread(target=threads.by_rows, args=(work, x)) for work in (first, second)]
    for caller in callers:
        caller.start()
        time.sleep(0.1)
    callers[0].join()
    first_is_done.set()
    callers[1].join()
    assert _numbers_of_threads() == two_threads


P = np.array([0, 1e-6, 1e-3, 0.3, 0.9, 1])


@pytest.mark.parametrize("n", [1_000, 500_000])
@pytest.mark.parametrize("dtype", PRECISION)
def test_bernoulli_draws_have_their_probability(dtype, n):
    """Fails if the comparison is reversed, or small probabilities count as zero.

    Six standard errors of a frequency. Probabilities of 0 and 1 are certain.
    """
    rng = random.generator(0)
    p = np.tile(P.astype(dtype), (n, 1))
    logit = np.tile(np.array([-np.inf, *logit_of(P[1:-1]), np.inf], dtype), (n, 1))
    for draw in (
        lambda: random.bernoulli(p, rng),
        lambda: random.bernoulli_logistic(logit, np.zeros(len(P), dtype), rng),
    ):
        draws = np.stack([draw() for _ in range(2_000_000 // n)])
        assert draws.dtype == dtype
        error = np.abs(draws.mean(axis=(0, 1), dtype=np.float64) - P)
        assert (error <= 6 * np.sqrt(P * (1 - P) / (len(draws) * n))).all()


def test_bernoulli_draws_are_independent():
    """Fails if two units or two calls draw the same. Six standard errors."""
    rng = random.generator(0)
    n = 2**18
    draws = np.hstack([random.bernoulli(np.full((n, 3), 0.5), rng) for _ in range(2)])
    correlation = np.corrcoef(draws.T)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 6 / np.sqrt(n)


def test_a_seed_makes_the_same_generator_every_time():
    """Fails if a seed depends on the generators that were made from it before."""
    seed = 5
    first, second = (_draws(5_000, random.generator(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_stored_generator_continues():
    """Fails if its generators for blocks start again."""
    rng = random.generator(3)
    _draws(5_000, rng)
    copy = pickle.loads(pickle.dumps(rng))
    np.testing.assert_array_equal(_draws(5_000, rng), _draws(5_000, copy))
    assert rng.random() == copy.random()


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_draws_by_content(make):
    """Fails if equal rows differ, or draws of different rows are dependent.

    The mean of n independent rows has the variance 1 / 12 n, and 1 / 12 if all rows are alike. Six
    standard errors of the overall mean.
    """
    n, n_columns = 40, 5_000
    rows = np.random.default_rng(0).uniform(0.01, 1, size=(n, n_columns)).astype(np.float32)
    x = make(np.concatenate([rows, rows]))
    u = devices.to_host(random.uniform_by_content(x, random.generator(0))).reshape(x.shape)
    np.testing.assert_array_equal(u[:n], u[n:])
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 6 * np.sqrt(1 / 12 / n_columns)
    assert u[:n].mean(axis=0).var() < 6 / (12 * n)
    columns = np.corrcoef(u[:n, :50].T)
    np.fill_diagonal(columns, 0)
    assert np.abs(columns).max() < 6 / np.sqrt(n)


def test_accepted_share_is_the_ratio():
    """Fails if moves to a higher probability are rejected. Six standard errors."""
    n = 100_000
    ratio = np.array([0.2, 1, 5])
    accepted = random.accept(np.tile(np.log(ratio), (n, 1)), random.generator(0))
    assert (np.abs(accepted.mean(axis=0) - np.minimum(ratio, 1)) < 3 / np.sqrt(n)).all()


def test_choices_have_their_probability():
    """Fails if an index is never drawn. Six standard errors."""
    n = 100_000
    p = np.array([0.5, 0.0, 0.2, 0.3])
    frequency = np.bincount(random.choices(p, n, random.generator(0)), minlength=4) / n
    assert (np.abs(frequency - p) <= 3 / np.sqrt(n)).all()
    assert frequency[1] == 0


@pytest.mark.parametrize("n_choices", [1, 3, 7])
def test_column_choices_are_different_and_equally_likely(n_choices):
    """Fails if the first column is not drawn, or the spacing repeats columns."""
    n, n_columns = 70_000, 7
    chosen = np.array(list(random.column_choices(n, n_columns, n_choices, random.generator(0))))
    assert all(len(set(row)) == n_choices for row in chosen.T[:100])
    p = n_choices / n_columns
    frequency = np.bincount(chosen.ravel(), minlength=n_columns) / n
    assert (np.abs(frequency - p) <= 6 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_normal_draws_have_their_distribution(scale):
    """Fails if a pair shares its radius but not the angle.

    Kolmogorov's distance of a million draws.

    By chance it exceeds 2.2 over the square root of their number once in ten thousand times. The
    two halves, and their squares, are uncorrelated to six standard errors.
    """
    n = 1_000_001
    draws = random.normal((n,), scale, np.zeros(0, np.float32), random.generator(0)) / scale
    assert stats.kstest(draws, "norm").statistic < 2.2 / np.sqrt(n)
    first, second = draws[: n // 2].astype(float), draws[n // 2 + 1 :].astype(float)
    for f in (lambda x: x, lambda x: x**2, np.abs):
        assert abs(np.corrcoef(f(first), f(second))[0, 1]) < 6 / np.sqrt(n // 2)
    assert 4.2 < np.abs(draws).max() < 6.7


def test_one_thread_starts_no_thread(monkeypatch):
    """Fails if work for one thread needs another one, which WebAssembly cannot start."""
    monkeypatch.setattr(Thread, "start", None)
    assert threads.in_threads(abs, [-1, 2], n_jobs=1) == [1, 2]
