"""The numeric seam against scipy and plain numpy."""

import numpy as np
import pytest
from scipy.special import expit

from skrbm import _kernels

PRECISION = {"float32": 2e-6, "float64": 5e-15}
WIDE = np.array([-1e30, -800, -100, -30, -1e-3, 0, 1e-3, 30, 100, 800, 1e30])


@pytest.mark.parametrize("dtype", PRECISION)
def test_logistic_is_exact_in_both_tails(dtype):
    """Fails if 1 / (1 + exp(-x)) is written as 0.5 tanh(x / 2) + 0.5."""
    x = np.linspace(-80, 80, 1001).astype(dtype)
    np.testing.assert_allclose(
        _kernels.logistic(x.copy()), expit(x), rtol=PRECISION[dtype] * 40, atol=0
    )


@pytest.mark.parametrize("dtype", PRECISION)
def test_logistic_and_softplus_of_huge_input_are_finite(dtype):
    """Fails if softplus is log1p(exp(x)), or logistic does not allow exp to overflow."""
    x = WIDE.astype(dtype)
    np.testing.assert_array_equal(_kernels.logistic(x.copy())[[0, -1]], [0, 1])
    np.testing.assert_array_equal(_kernels.softplus(x)[[0, -1]], [0, x[-1]])


@pytest.mark.parametrize("dtype", PRECISION)
def test_softplus_is_log_of_one_plus_exp(dtype):
    """Fails if max(x, 0) is left out."""
    x = np.linspace(-40, 40, 1001).astype(dtype)
    expected = np.logaddexp(0, x.astype(np.float64))
    np.testing.assert_allclose(_kernels.softplus(x), expected, rtol=PRECISION[dtype], atol=0)


@pytest.mark.parametrize("n_terms", [1, 2, 17, 31, 100])
@pytest.mark.parametrize("largest", [0.5, 20, 40, 80, 160, 320, 1000])
def test_pairwise_sum_softplus_equals_softplus_of_sums(largest, n_terms):
    """Fails if the odd factor of a fold is dropped, or products may overflow. All terms large."""
    rng = np.random.default_rng(0)
    x, y = (largest * rng.uniform(-0.1, 0.5, size=(n, n_terms)) for n in (5, 7))
    x[0] = y[0] = largest / 2
    expected = np.logaddexp(0, x[:, None] + y).sum(axis=-1)
    np.testing.assert_allclose(
        _kernels.pairwise_sum_softplus(x, y), expected, rtol=1e-13, atol=1e-15 * n_terms
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", PRECISION)
def test_addmm_adds_a_product_in_place(dtype, order):
    """Fails if the sum goes into a new array."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((3, 5), (3, 4), (5, 4)))
    c = np.array(c, order=order)
    expected = c + 0.5 * a.T @ b
    _kernels.addmm(c, a, b, 0.5)
    np.testing.assert_allclose(c, expected, rtol=PRECISION[dtype] * 10)


def test_binary_states_are_all_different_and_can_be_had_in_parts():
    """Fails if a part does not start at its first state."""
    states = _kernels.binary_states(6)
    assert len(np.unique(states, axis=0)) == 64
    np.testing.assert_array_equal(_kernels.binary_states(6, 10, 20), states[10:20])


def test_bernoulli_draws_have_their_probability():
    """Fails if the comparison is turned round. Six standard errors of a frequency."""
    n = 100_000
    p = np.array([0, 1e-3, 0.3, 0.9, 1], dtype=np.float32)
    draws = _kernels.bernoulli(np.tile(p, (n, 1)), _kernels.generator(0))
    assert draws.dtype == np.float32
    error = np.abs(draws.mean(axis=0, dtype=np.float64) - p)
    assert (error <= 6 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("n_choices", [1, 3, 7])
def test_column_choices_are_different_and_equally_likely(n_choices):
    """Fails if the first column is not drawn, or the spacing repeats columns."""
    n, n_columns = 70_000, 7
    chosen = np.array(list(_kernels.column_choices(n, n_columns, n_choices, _kernels.generator(0))))
    assert all(len(set(row)) == n_choices for row in chosen.T[:100])
    p = n_choices / n_columns
    frequency = np.bincount(chosen.ravel(), minlength=n_columns) / n
    assert (np.abs(frequency - p) <= 6 * np.sqrt(p * (1 - p) / n)).all()
