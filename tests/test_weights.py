"""Weights of every structure equal dense weights."""

import numpy as np
import pytest
from scipy import signal, sparse

from skrbm.data.pictures import ReceptiveField
from skrbm.weights import Block, Blocks, Dense, Local, Shared, Windows

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


def _local(seed, dtype=np.float64):
    """Three places with two units each, and windows that overlap; one of them is shorter."""
    windows = Windows(np.array([[0, 1, 4, 5], [5, 2, 1, 6], [3, 7, 2, 7]]), 7)
    return Local(RNG(seed).normal(size=(3, 4, 2)).astype(dtype), windows)


def _filters(seed, field, n_filters, pooling=1, dtype=np.float64):
    """Normal filters at the places of a receptive field."""
    windows = field.windows(np.arange(field.n_features))
    filters = RNG(seed).normal(size=(windows.n_window, n_filters)).astype(dtype)
    return Shared(filters, windows, field.grid, pooling, field.image_shape[2])


def _shared(seed, dtype=np.float64):
    """Two filters of 2 x 1 pixels with two channels at 2 x 3 places, every second row."""
    return _filters(seed, ReceptiveField((2, 1), (2, 1), (4, 3, 2)), 2, dtype=dtype)


def _pooled(seed, dtype=np.float64):
    """Two filters of 2 x 3 pixels at 4 x 2 places, in blocks of 2 x 2."""
    return _filters(seed, ReceptiveField((2, 3), (1, 1), (5, 4, 1)), 2, 2, dtype)


# Each makes weights of one structure from a seed.
MAKERS = {"dense": _dense, "blocks": _blocks, "local": _local, "shared": _shared, "pooled": _pooled}
for name, of_seed in list(MAKERS.items()):
    MAKERS[f"transposed {name}"] = lambda *args, of_seed=of_seed: of_seed(*args).T


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def make(request):
    return request.param


def _rows(weights, n=4):
    n_visible, n_hidden = weights.shape
    rng = RNG(9)
    return rng.normal(size=(n, n_visible)), rng.normal(size=(n, n_hidden))


def _projected(weights, matrix):
    """The nearest matrix of the structure: the mean over the entries that share a parameter."""
    total = np.zeros(weights.shape)
    for i, w in enumerate(weights.arrays):
        for index in np.ndindex(w.shape):
            one = [0 * x for x in weights.arrays]
            one[i][index] = 1
            entries = weights.with_arrays(tuple(one)).dense
            total += entries * (entries * matrix).sum() / max(1, entries.sum())
    return total


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
    expected = _projected(weights, v.T @ h)
    np.testing.assert_allclose(weights.dense, before + expected, atol=1e-12)
    np.testing.assert_allclose(make(0).outer(v, h).dense, expected, atol=1e-12)


def test_arithmetic_equals_dense_arithmetic(make):
    """Fails if an operation changes only some of the arrays."""
    one, other = make(0), make(1)
    x = RNG(2).normal(size=one.shape[0])
    np.testing.assert_allclose(one.plus(other).dense, one.dense + other.dense)
    np.testing.assert_allclose(one.times(0.3).dense, 0.3 * one.dense)
    expected = _projected(one, one.dense**2 + x[:, None])
    by_row = one.map_by_row(lambda w, x: w**2 + x, x).dense
    np.testing.assert_allclose(by_row, expected, atol=1e-12)
    expected = (one.dense * other.dense).sum(axis=1)
    np.testing.assert_allclose(one.row_dots(other), expected, atol=1e-12)
    np.testing.assert_allclose(one.rows(np.array([2, 0])), one.dense[[2, 0]])
    changed, before = make(0), one.dense.copy()
    changed.scale_rows(x)
    expected = _projected(one, before * x[:, None])
    np.testing.assert_allclose(changed.dense, expected, atol=1e-12)
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


def test_shared_filters_are_correlated_with_every_channel_of_a_picture():
    """Fails if a filter is flipped, or the places of a block are not next to each other."""
    v = RNG(1).normal(size=(2, 7 * 9 * 3))
    weights = _filters(0, ReceptiveField((4, 3), (1, 2), (7, 9, 3)), 5, pooling=2)
    for row, hidden in zip(v, weights.input(v).reshape(2, 2, 2, 5, 2, 2), strict=True):
        for j in range(5):
            picture, one = row.reshape(7, 9, 3), weights.filters[:, j].reshape(4, 3, 3)
            expected = signal.correlate(picture, one, "valid")[:, ::2, 0]
            by_place = hidden[:, :, j].swapaxes(1, 2).reshape(4, 4)
            np.testing.assert_allclose(by_place, expected, atol=1e-12)


def test_the_offset_of_shared_filters_has_the_same_input_at_every_place():
    """Fails if channels have one mean, or a mean is not near the means of the columns."""
    weights, mean = _shared(0), RNG(1).random(24)
    by_place = weights.input(weights.offset(mean)).reshape(6, 2)
    np.testing.assert_allclose(by_place, by_place[[0] * 6], atol=1e-12)
    by_channel = weights.offset(mean).reshape(-1, 2)
    np.testing.assert_allclose(by_channel[0], mean.reshape(-1, 2).mean(axis=0))


def test_complete_weights_can_be_any_matrix(make):
    """Fails if a step treats weights that do not exist, or that are shared, like others."""
    weights = make(0)
    matrix = RNG(3).normal(size=weights.shape)
    assert weights.is_complete == np.allclose(_projected(weights, matrix), matrix)
    two = Blocks((Block(slice(2), slice(3), _dense(0).part(slice(2), slice(3))),), (2, 3))
    assert two.is_complete
