"""Weights of every structure equal dense weights."""

import numpy as np
import pytest
from scipy import sparse

from skrbm.weights import Block, Blocks, Dense

RNG = np.random.default_rng


def _dense(seed, dtype=np.float64):
    return Dense(RNG(seed).normal(size=(7, 5)).astype(dtype))


def _blocks(seed, dtype=np.float64):
    """The weights of a deep Boltzmann machine with layers of 4, 3, 2 and 1 units."""
    rng = RNG(seed)
    lower, middle, upper = (
        Dense(rng.normal(size=n).astype(dtype)) for n in [(4, 3), (3, 2), (2, 1)]
    )
    even, odd = (slice(0, 4), slice(4, 6)), (slice(0, 3), slice(3, 4))
    blocks = (even[0], odd[0], lower), (even[1], odd[0], middle.T), (even[1], odd[1], upper)
    return Blocks(tuple(Block(*block) for block in blocks), (6, 4))


# Each makes weights of one structure from a seed.
MAKERS = {"dense": _dense, "blocks": _blocks, "transposed blocks": lambda *args: _blocks(*args).T}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def make(request):
    return request.param


def _rows(weights, n=4):
    n_visible, n_hidden = weights.shape
    rng = RNG(9)
    return rng.normal(size=(n, n_visible)), rng.normal(size=(n, n_hidden))


def _structure(weights):
    """Ones where a structure has weights, in a dense array."""
    return weights.map(lambda w: 0 * w + 1).dense


def test_input_is_a_product_in_both_directions(make):
    """Fails if an input omits a weight, or the transposed weights are other weights."""
    weights = make(0)
    v, h = _rows(weights)
    np.testing.assert_allclose(weights.input(v), v @ weights.dense, atol=1e-12)
    np.testing.assert_allclose(weights.T.input(h), h @ weights.dense.T, atol=1e-12)
    np.testing.assert_allclose(weights.T.dense, weights.dense.T)
    assert weights.T.shape == weights.shape[::-1] == weights.dense.shape[::-1]


def test_input_takes_any_axes_and_sparse_rows(make):
    """Fails if only two-dimensional arrays have an input."""
    weights = make(0)
    v, _ = _rows(weights, 6)
    by_axes = weights.input(v.reshape(2, 3, -1))
    np.testing.assert_allclose(by_axes.reshape(6, -1), weights.input(v), atol=1e-12)
    np.testing.assert_allclose(weights.input(sparse.csr_array(v)), weights.input(v), atol=1e-12)


@pytest.mark.parametrize("transposed", [False, True])
def test_products_accumulate_within_the_structure(make, transposed):
    """Fails if an entry outside the structure grows, or an entry inside does not."""
    weights = make(0)
    v, h = _rows(weights)
    before = weights.dense.copy()
    if transposed:
        weights.T.accumulate(h, v)
    else:
        weights.accumulate(v, h)
    expected = before + _structure(weights) * (v.T @ h)
    np.testing.assert_allclose(weights.dense, expected, atol=1e-12)
    growth = make(0).outer(v, h)
    np.testing.assert_allclose(growth.dense, _structure(weights) * (v.T @ h), atol=1e-12)


def test_arithmetic_equals_dense_arithmetic(make):
    """Fails if an operation changes only some of the arrays."""
    one, other = make(0), make(1)
    x, inside = RNG(2).normal(size=one.shape[0]), _structure(one)
    np.testing.assert_allclose(one.plus(other).dense, one.dense + other.dense)
    np.testing.assert_allclose(one.times(0.3).dense, 0.3 * one.dense)
    expected = inside * (one.dense**2 + x[:, None])
    np.testing.assert_allclose(one.map_by_row(lambda w, x: w**2 + x, x).dense, expected)
    expected = (one.dense * other.dense).sum(axis=1)
    np.testing.assert_allclose(one.row_dots(other), expected, atol=1e-12)
    np.testing.assert_allclose(one.rows(np.array([2, 0])), one.dense[[2, 0]])
    changed, before = make(0), one.dense.copy()
    changed.scale_rows(x)
    np.testing.assert_allclose(changed.dense, before * x[:, None])
    changed = make(0)
    changed.add(other)
    np.testing.assert_allclose(changed.dense, before + other.dense)


@pytest.mark.parametrize(
    "units", [slice(1, 4), np.array([3, 0]), slice(None)], ids=["slice", "some", "all"]
)
def test_a_part_has_the_weights_of_some_columns(make, units):
    """Fails if a part takes columns of the wrong layer."""
    weights = make(0)
    np.testing.assert_allclose(weights.part(visible=units).dense, weights.dense[units])
    units = units if isinstance(units, slice) else units[:2]
    np.testing.assert_allclose(weights.part(hidden=units).dense, weights.dense[:, units])
    both = weights.part(slice(0, 5), slice(2, 4))
    np.testing.assert_allclose(both.dense, weights.dense[:5, 2:4])
    nothing = weights.part(slice(0, 0))
    assert nothing.input(np.ones((3, 0))).tolist() == [[0.0] * weights.shape[1]] * 3


def test_transposed_weights_share_memory(make):
    """Fails if training in one direction does not change the other."""
    weights = make(0)
    transposed = weights.T
    for w in weights.arrays:
        w *= 2
    np.testing.assert_allclose(transposed.dense, weights.dense.T)


def test_float32_stays_float32(make):
    """Fails if a factor in float64 widens the weights."""
    weights = make(0, np.float32)
    v = np.ones((2, weights.shape[0]), np.float32)
    assert weights.input(v).dtype == weights.times(0.5).dense.dtype == np.float32
