"""Rows of data, their weights, and the values of units."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length, gen_batches
from sklearn.utils.sparsefuncs import min_max_axis
from sklearn.utils.validation import validate_data

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.sources import TensorRows, access, part
from skrbm.units import Layer
from skrbm.validation.parameters import as_number

_OWN_PACKAGES = ("skrbm", "sklearn")
_LARGEST_HIDDEN = 1e30  # which weights can be multiplied with, in float32
_NEGLIGIBLE = 1e-30  # share of the largest weight: no mean and no variance can tell it from zero


class Domain(NamedTuple):
    """Which data visible units take: numbers from low to high, and sparse matrices or not."""

    units: str
    low: float
    high: float
    remedy: str
    accept_sparse: Literal["csr", False] = False


UNIT_INTERVAL = Domain(
    "Bernoulli",
    0.0,
    1.0,
    "Scale the data first, for example with sklearn.preprocessing.MinMaxScaler, or use "
    "skrbm.GaussianBernoulliRBM.",
    "csr",
)
# Sums of squares are finite in float64, and differences in float32.
REAL_LINE = Domain("Gaussian", -1e38, 1e38, "Take logarithms of the data first.")


def check_visible(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool = False
) -> Any:
    """Finite data of the fitted columns, as an array or a CSR matrix of its own number type."""
    rows = check_rows(estimator, X, name, domain, allow_nan=allow_nan)
    check_columns(estimator, X, reset=False)
    return rows


def check_rows(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool = False
) -> Any:
    """Finite data of any number of columns, as an array or a CSR matrix of its own number type."""
    rows, inside = _check_numbers(estimator, X, name, domain, allow_nan=allow_nan)
    return rows if inside else _within(domain, X, rows, name)


def check_weighted(
    estimator: Any, X: Any, sample_weight: Any, domain: Domain, *, allow_nan: bool = False
) -> tuple[Any, Array]:
    """Finite rows and their weights, without the rows of weight zero; large files stay files."""
    rows, inside = _check_numbers(estimator, X, "X", domain, allow_nan=allow_nan)
    rows, weights = access(rows), check_weights(sample_weight, rows)
    if not weights.all():
        used = np.flatnonzero(weights)
        rows, weights = part(rows, used), weights[used]
    return rows if inside else _within(domain, X, rows, "X"), weights


def check_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Columns in number and name as fitted; with reset, those of X are remembered."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)


def check_real(X: Any, name: str, **options: Any) -> Any:
    """Real numbers, by scikit-learn's checks and in its words; a tensor's memory is shared."""
    if not devices.is_dense(X):
        msg = f"{name} is a tensor of {X.layout}, must be dense, or a matrix of scipy.sparse."
        raise ValueError(msg)
    X = devices.to_host(X)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # which end as infinity or NaN
            checked = check_array(X, input_name=name, **options)
    except OverflowError as error:
        msg = f"{name} has an integer that is too large for a float, must have finite numbers."
        raise ValueError(msg) from error
    if checked.dtype.kind not in "biuf":
        msg = f"{name} is an array of {checked.dtype}, must be of real numbers."
        raise ValueError(msg)
    return checked


def check_weights(sample_weight: Any, X: Any) -> Array:
    """One non-negative weight a row, not all zero; ones for None, and a number for every row."""
    n_rows = X.shape[0]
    if sample_weight is None or isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, 1.0 if sample_weight is None else sample_weight)
    weights = check_real(sample_weight, "sample_weight", dtype=np.float64, ensure_2d=False)
    if weights.ndim != 1:
        msg = f"sample_weight has {weights.ndim} dimensions, must have 1."
        raise ValueError(msg)
    check_consistent_length(X, weights)
    low, high = weights.min(), weights.max()
    if low < 0 or high == 0 or high > np.finfo(np.float64).max / len(weights):
        msg = (
            f"sample_weight ranges from {low:g} to {high:g}, must be >= 0 with a finite sum, and "
            "not all zero."
        )
        raise ValueError(msg)
    return np.where(weights < _NEGLIGIBLE * high, 0, weights)


def check_hidden(estimator: Any, H: Any, name: str, n_units: int, dtype: Any) -> Array:
    """Finite hidden states, a column a unit, in the dtype of the model's weights."""
    checked = check_real(H, name, dtype=dtype, estimator=estimator)
    if checked.shape[1] != n_units:
        msg = (
            f"{name} has {checked.shape[1]} columns, must have one for each of {n_units} hidden "
            "units."
        )
        raise ValueError(msg)
    largest = abs(checked).max()
    if largest > _LARGEST_HIDDEN:
        msg = f"{name} has a value of size {largest:g}, must have none above {_LARGEST_HIDDEN:g}."
        raise ValueError(msg)
    return checked


def _check_numbers(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool
) -> tuple[Any, bool]:
    """Finite numbers of their own type, as an array or a CSR matrix without a copy.

    Also whether all of them lie in the domain: one look at the data tells both. NaN may stand for
    what is missing in an array.
    """
    rows = _rows_of(estimator, X, name, domain)
    low, high = (0, 1) if rows.dtype == bool else arrays.min_max(rows)
    if np.isnan(low):
        allow_nan = allow_nan and not sparse.issparse(rows)
        if not allow_nan and hasattr(estimator, "missing_values"):
            msg = (
                f"{name} contains NaN, must not: NaN in an array is a missing value for impute, "
                "and with missing_values='allow' for fit, transform, score and score_samples."
            )
            raise ValueError(msg)
        if allow_nan:
            of_columns = _column_bounds(rows)
            low, high = float(np.fmin.reduce(of_columns[0])), float(np.fmax.reduce(of_columns[1]))
    if (low >= domain.low and high <= domain.high) or np.isnan(low) and allow_nan:
        return rows, True
    ends = np.array([[low, high]]).astype(rows.dtype)
    check_real(
        ends, name, ensure_all_finite="allow-nan" if allow_nan else True, estimator=estimator
    )
    return rows, False


def _rows_of(estimator: Any, X: Any, name: str, domain: Domain) -> Any:
    """X as an array, a CSR matrix in canonical format, or rows that stay on a device."""
    options = {"ensure_all_finite": False, "estimator": estimator}
    if devices.is_on_accelerator(X) and devices.is_dense(X):
        rows = TensorRows(X.detach())
        # Scikit-learn judges an array of the same shape and type, which takes no memory.
        check_real(np.broadcast_to(np.zeros((), rows.dtype), rows.shape), name, **options)
        if rows.dtype.kind != "u" or rows.dtype.itemsize == 1:  # others torch does not compare
            return rows
    rows = check_real(X, name, accept_sparse=domain.accept_sparse, **options)
    if sparse.issparse(rows) and not rows.has_canonical_format:
        rows = rows.copy()  # scipy would sort and sum the caller's own entries
        rows.sum_duplicates()
    return rows


def check_given_values(estimator: Any, name: str, given: Any) -> Array:
    """One value a fitted column, NaN where there is none, from a row or from values by column."""
    n_features = estimator.n_features_in_
    if not isinstance(given, Mapping):
        row = np.asarray(given)
        if row.dtype.kind not in "buif" or row.shape != (n_features,):
            msg = (
                f"{name} is an array of {row.dtype} of shape {row.shape}, must be of numbers, one "
                f"for each of {n_features} columns, with NaN where it is free."
            )
            raise ValueError(msg)
        with np.errstate(over="ignore"):  # what is infinite is refused
            return row.astype(np.float64)
    names = list(getattr(estimator, "feature_names_in_", []))
    row = np.full(n_features, np.nan)
    for column, value in given.items():
        known = column in names if isinstance(column, str) else isinstance(column, Integral)
        index = names.index(column) if known and isinstance(column, str) else column
        if not known or not 0 <= index < n_features:
            msg = (
                f"{name} has the column {column!r}, must have indices from 0 to {n_features - 1} "
                "or names that fit has seen."
            )
            raise ValueError(msg)
        if not isinstance(value, Real):
            msg = f"{name}[{column!r}] == {value!r}, must be a number."
            raise ValueError(msg)
        row[index] = as_number(value)
    return row


def check_states(name: str, rows: Array, layer: Layer) -> None:
    """Values that are states of a layer, apart from NaN."""
    known = rows[~np.isnan(rows)]
    if not layer.are_states([known]):
        msg = f"{name} has the values {known}, must have states of binary units, 0 or 1, and NaN."
        raise ValueError(msg)


def check_seen(name: str, X: Any) -> None:
    """An array of which every column has a value in some row."""
    if sparse.issparse(X) or X.dtype.kind != "f":
        return
    _, high = _column_bounds(X)
    empty = np.flatnonzero(np.isnan(high))
    if len(empty) > 0:
        msg = f"{name} has no value in column {empty[0]}, must have one in some row with weight."
        raise ValueError(msg)


def _within(domain: Domain, X: Any, rows: Any, name: str) -> Any:
    """The rows, or after a warning the rows clipped to the domain: beyond, no model is finite.

    X is what the rows were made from, and may name their columns.
    """
    low, high = _column_bounds(rows)
    outside = np.flatnonzero((low < domain.low) | (high > domain.high))
    if len(outside) == 0:
        return rows
    column = outside[0]
    label = repr(str(X.columns[column])) if hasattr(X, "columns") else column
    others = f" and {len(outside) - 1} more lie" if len(outside) > 1 else " lies"
    warnings.warn(
        f"{name} must be in [{domain.low:g}, {domain.high:g}] for {domain.units} visible units, "
        f"but column {label} (from {low[column]:g} to {high[column]:g}){others} outside; values "
        f"outside count as {domain.low:g} or {domain.high:g}. {domain.remedy}",
        UserWarning,
        stacklevel=levels_to_the_caller(),
    )
    limits = np.array([domain.low, domain.high]).astype(rows.dtype)
    if not sparse.issparse(rows):
        return rows.clip(*limits)
    clipped = rows.copy()
    clipped.data.clip(*limits, out=clipped.data)
    return clipped


def _column_bounds(X: Any) -> tuple[Array, Array]:
    """The smallest and the largest element of every column, apart from what is missing."""
    if sparse.issparse(X):
        return min_max_axis(X, axis=0)
    of_blocks = [
        (np.fmin.reduce(x), np.fmax.reduce(x))
        for x in (devices.to_host(X[rows]) for rows in gen_batches(X.shape[0], BLOCK_ROWS))
    ]
    low, high = zip(*of_blocks, strict=True)
    return np.fmin.reduce(low), np.fmax.reduce(high)


def levels_to_the_caller() -> int:
    """How many frames above our caller the first one outside skrbm and scikit-learn is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _OWN_PACKAGES:
        frame, level = frame.f_back, level + 1
    return level


def model_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The float that a model of such data has: float32 where it holds every value, or float64.

    float32, float16, booleans and integers of up to 16 bits make float32; all others float64.
    """
    return np.dtype(np.float32) if np.can_cast(dtype, np.float32) else np.dtype(np.float64)
