"""Products with local weights: compiled code equals the formulas."""

import itertools

import numpy as np
import pytest

from skrbm._kernels import windows
from skrbm._kernels.windows import Windows, add_products, input_of_columns, input_of_places

compiled = pytest.mark.skipif(windows._compiled is None, reason="no compiler was found")
# Rows of less than a vector, of several vectors, and of several blocks; units of several tiles.
SIZES = [*itertools.product((0, 1, 15, 33), (1, 4, 7)), (60, 5), (100, 18), (250, 4)]


def _arrays(n_rows, n_units, dtype):
    """Twelve places that see up to seven of twenty columns."""
    rng = np.random.default_rng(n_rows)
    columns = np.array([rng.permutation(21)[:7] for _ in range(12)])
    w = rng.normal(size=(12, 7, n_units)).astype(dtype)
    v, h = (rng.normal(size=(n_rows, n)).astype(dtype) for n in (20, 12 * n_units))
    return Windows(columns, 20), w, v, h


def _results(of, w, v, h):
    changed = w.copy()
    add_products(changed, v, h, of, "float32")
    return (
        input_of_places(v, w, of, "float32"),
        input_of_columns(h, w, of, "float32"),
        np.where((of.columns < of.n_columns)[:, :, None], changed, 0),
    )


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_rows", "n_units"), SIZES)
def test_compiled_products_equal_the_formulas(monkeypatch, n_rows, n_units, dtype):
    """Fails if rows beyond a block, a unit beyond a tile, or padding of a window is wrong."""
    arrays = _arrays(n_rows, n_units, dtype)
    got = _results(*arrays)
    monkeypatch.setattr(windows, "_compiled", None)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    for x, expected in zip(got, _results(*arrays), strict=True):
        assert x.dtype == dtype
        np.testing.assert_allclose(x, expected, atol=tolerance)


@compiled
def test_compiled_products_take_any_layout(monkeypatch):
    """Fails if steps between rows or columns are ignored."""
    of, w, v, h = _arrays(9, 4, np.float32)
    got = _results(of, w, np.asfortranarray(v), h[::-1])
    monkeypatch.setattr(windows, "_compiled", None)
    for x, expected in zip(got, _results(of, w, v, h[::-1]), strict=True):
        np.testing.assert_allclose(x, expected, atol=1e-4)


def test_rows_of_another_type_use_the_formulas():
    """Fails if compiled code reads float64 as float32."""
    of, w, v, h = _arrays(9, 4, np.float32)
    wide = input_of_places(v.astype(np.float64), w, of, "float32")
    np.testing.assert_allclose(wide, input_of_places(v, w, of, "float32"), atol=1e-4)
    assert wide.dtype == np.float64


@compiled
def test_rows_of_another_width_are_refused():
    """Fails if compiled code reads beyond an array."""
    of, w, v, h = _arrays(9, 4, np.float32)
    with pytest.raises(ValueError, match="shape"):
        add_products(w, v, h[:, 1:].copy(), of, "float32")
    with pytest.raises(ValueError, match="shape"):
        input_of_places(v[:, 1:], w, of, "float32")


def test_blocks_of_rows_do_not_change_products(monkeypatch):
    """Fails if a block of rows is lost, or the blocks of a product are not summed."""
    monkeypatch.setattr(windows, "_compiled", None)
    arrays = _arrays(33, 4, np.float64)
    expected = _results(*arrays)
    monkeypatch.setattr(windows, "_LARGEST", 12 * 7 * 5)
    for x, y in zip(_results(*arrays), expected, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-12)
