"""Checks of rows of data, their weights, and values of units."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from skrbm._kernels import devices
from skrbm._kernels.devices import Array
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.sources import TensorRows, access, part
from skrbm.data.summary import Bounds, Summary, find_bounds, mean_distance, summarize
from skrbm.units import Domain, Layer
from skrbm.validation.parameters import as_number

_OWN_PACKAGES = ("skrbm", "sklearn")
# Messages of numpy and scikit-learn about strings.
_NO_NUMBERS = ("could not convert string", "dtype='numeric' is not compatible")
_LARGEST_HIDDEN = 1e30  # products with weights stay finite in float32
_NEGLIGIBLE = 1e-30  # relative to the largest weight: too small to affect a mean or a variance


class Checked(NamedTuple):
    """Checked rows, and whether any values are missing."""

    values: Any
    has_missing: bool


class TrainingRows(NamedTuple):
    """Checked rows of positive weight, with their weights, summary and original indices."""

    values: Any
    weights: Array
    summary: Summary
    used: Array | slice = slice(None)

    def part(self, rows: Array) -> TrainingRows:
        """Some of the rows, with a new summary."""
        values, weights, old = part(self.values, rows), self.weights[rows], self.summary
        summary = summarize(values, weights, old.dtype, with_moments=old.moments is not None)
        return TrainingRows(values, weights, summary)

    def where(self, chosen: Array) -> TrainingRows:
        """The rows for which `chosen` is true; if all are chosen, without reading them."""
        return self if chosen.all() else self.part(np.flatnonzero(chosen))


def check_visible(estimator: Any, X: Any, name: str, domain: Domain) -> Checked:
    """Check data with the fitted columns; return an array or a CSR matrix of the same dtype."""
    checked = check_rows(estimator, X, name, domain)
    check_columns(estimator, X, reset=False)
    return checked


def check_rows(estimator: Any, X: Any, name: str, domain: Domain) -> Checked:
    """Check data with any number of columns; return an array or CSR matrix of the same dtype."""
    rows = _rows_of(estimator, X, name, domain)
    found = find_bounds(rows)
    _check_finite(estimator, rows, name, domain, found)
    return Checked(_within(domain, X, rows, name, found), found.has_missing)


def check_training_rows(
    estimator: Any, X: Any, sample_weight: Any, domain: Domain, *, first: bool
) -> TrainingRows:
    """Check rows and weights, and drop rows of weight zero; large files stay on disk.

    Before a first fit every column must have a value. Values outside the domain are clipped with a
    warning, unless another domain replaces it for an array.
    """
    rows = _rows_of(estimator, X, "X", domain)
    weights, dtype = check_weights(sample_weight, rows), model_dtype(rows.dtype)
    rows = access(rows)
    used: Array | slice = slice(None)
    if not weights.all():
        _check_finite(estimator, rows, "X", domain, find_bounds(rows))
        used = np.flatnonzero(weights)
        rows, weights = part(rows, used), weights[used]
    with_moments = not domain.is_bounded
    summary = summarize(rows, weights, dtype, with_moments=with_moments)
    found = summary.bounds
    _check_finite(estimator, rows, "X", domain, found)
    if not sparse.issparse(rows) and chosen_domain(domain, found) is not domain:
        domain = chosen_domain(domain, found)
        with_moments = not domain.is_bounded
        summary = summarize(rows, weights, dtype, with_moments=with_moments)
    strict = replace(domain, tolerance=0.0) if first else domain
    inside = _within(strict, X, rows, "X", found)
    if inside is not rows:
        rows, summary = inside, summarize(inside, weights, dtype, with_moments=with_moments)
    if first:
        check_filled(found)
    return TrainingRows(rows, weights, summary, used)


def check_filled(found: Bounds) -> None:
    """Refuse columns without a value."""
    if len(found.empty) > 0:
        msg = f"X has no value in column {found.empty[0]}, must have one in some row with weight."
        raise ValueError(msg)


def chosen_domain(domain: Domain, found: Bounds) -> Domain:
    """The domain, or the one that replaces it for values within these bounds."""
    if domain.otherwise is None or len(found.outside(domain.low, domain.high)) == 0:
        return domain
    return domain.otherwise


def with_nan(estimator: Any, X: Any, placeholder: float) -> Any:
    """Rows with NaN for missing values, in a copy unless the placeholder is NaN."""
    if np.isnan(placeholder):
        return X
    rows = check_real(X, "X", ensure_all_finite="allow-nan", estimator=estimator)
    if np.isnan(rows).any():
        msg = f"X contains NaN, must not if missing_values == {placeholder!r} marks missing values."
        raise ValueError(msg)
    dtype = rows.dtype if rows.dtype.kind == "f" else model_dtype(rows.dtype)
    return np.where(rows == placeholder, np.array(np.nan, dtype), rows)


def find_empty(estimator: Any, X: Any, sample_weight: Any, domain: Domain) -> Array:
    """Mask of the columns without a value in rows of positive weight; not all may be empty.

    The search ends as soon as each column has a value, in general after the first block of rows.
    """
    rows = _rows_of(estimator, X, "X", domain)
    used = check_weights(sample_weight, rows) > 0
    empty = np.ones(rows.shape[1], bool)
    if sparse.issparse(rows) or rows.dtype.kind != "f":
        return ~empty
    for start in range(0, len(used), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        chosen = devices.to_host(rows[block])[used[block]][:, empty]
        empty[empty] = np.isnan(chosen).all(axis=0)
        if not empty.any():
            return empty
    if empty.all():
        raise ValueError("X has no value in any column, must have one in some row with weight.")
    return empty


def check_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Check the number and names of the columns; with reset, store them in the estimator."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)


def check_real(X: Any, name: str, **options: Any) -> Any:
    """Check real numbers with scikit-learn's checks and messages; tensors share their memory."""
    if not devices.is_dense(X):
        msg = f"{name} is a tensor of {X.layout}, must be dense, or a matrix of scipy.sparse."
        raise ValueError(msg)
    X = devices.to_host(X)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # become infinity or NaN
            checked = check_array(_without_categories(X), input_name=name, **options)
    except OverflowError as error:
        msg = f"{name} has an integer that is too large for a float, must have finite numbers."
        raise ValueError(msg) from error
    except ValueError as error:
        if name != "X" or not str(error).startswith(_NO_NUMBERS):
            raise
        reason = str(error).rstrip(".")
        msg = f"{reason}. skrbm.TabularRBM models data frames with categories and dates."
        raise ValueError(msg) from error
    if checked.dtype.kind not in "biuf":
        raise ValueError(f"{name} is an array of {checked.dtype}, must be of real numbers.")
    return checked


def _without_categories(X: Any) -> Any:
    """A data frame with numbers instead of categories, and NaN for missing ones."""
    # pandas would make integers of them, and -2**63 of missing ones.
    if not hasattr(X, "select_dtypes"):
        return X
    names = X.select_dtypes("category").columns
    return X.astype(dict.fromkeys(names, np.float64)) if len(names) else X


def check_weights(sample_weight: Any, X: Any) -> Array:
    """Return one non-negative weight per row, not all zero; None and numbers are repeated."""
    if sample_weight is None or isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], 1.0 if sample_weight is None else sample_weight)
    weights = check_real(sample_weight, "sample_weight", dtype=np.float64, ensure_2d=False)
    if weights.ndim != 1:
        raise ValueError(f"sample_weight has {weights.ndim} dimensions, must have 1.")
    check_consistent_length(X, weights)
    low, high = weights.min(), weights.max()
    if low < 0 or high == 0 or high > np.finfo(np.float64).max / len(weights):
        raise ValueError(
            f"sample_weight ranges from {low:g} to {high:g}, must be >= 0 with a finite sum, and "
            "not all zero."
        )
    return np.where(weights < _NEGLIGIBLE * high, 0, weights)


def check_hidden(estimator: Any, H: Any, name: str, n_units: int, dtype: Any) -> Array:
    """Return finite hidden states, one column per unit, in the dtype of the model's weights."""
    checked = check_real(H, name, dtype=dtype, estimator=estimator)
    if checked.shape[1] != n_units:
        raise ValueError(
            f"{name} has {checked.shape[1]} columns, must have one for each of {n_units} hidden "
            "units."
        )
    largest = abs(checked).max()
    if largest > _LARGEST_HIDDEN:
        msg = f"{name} has a value of size {largest:g}, must have none above {_LARGEST_HIDDEN:g}."
        raise ValueError(msg)
    return checked


def _check_finite(estimator: Any, rows: Any, name: str, domain: Domain, found: Bounds) -> None:
    """Refuse infinite values, and NaN unless it may be a missing value in an array."""
    refused = found.has_missing and (not domain.allow_nan or sparse.issparse(rows))
    if refused:
        in_matrix = "NaN in an array is a missing value, but not in a sparse matrix."
        advice = in_matrix if domain.allow_nan else domain.missing
        raise ValueError(f"{name} contains NaN, must not: {advice}")
    ends = np.array([[0, found.smallest, found.largest]])
    if np.isinf(ends).any():
        check_real(
            ends.astype(rows.dtype), name, ensure_all_finite="allow-nan", estimator=estimator
        )


def _rows_of(estimator: Any, X: Any, name: str, domain: Domain) -> Any:
    """X as an array, a CSR matrix in canonical format, or rows that stay on a device."""
    options = {"ensure_all_finite": False, "estimator": estimator}
    if devices.is_on_accelerator(X) and devices.is_dense(X):
        rows = TensorRows(X.detach())
        # This array has the same shape and type for scikit-learn's checks, and takes no memory.
        check_real(np.broadcast_to(np.zeros((), rows.dtype), rows.shape), name, **options)
        if rows.dtype.kind != "u" or rows.dtype.itemsize == 1:  # torch cannot compare the others
            return rows
    rows = check_real(X, name, accept_sparse=domain.accept_sparse, **options)
    if sparse.issparse(rows) and not rows.has_canonical_format:
        rows = rows.copy()  # scipy would sort and sum the caller's own entries
        rows.sum_duplicates()
    return rows


def check_given_values(estimator: Any, name: str, given: Any) -> Array:
    """Return a row with NaN for free values, from a row, or a dict or Series by columns."""
    n_features = estimator.n_features_in_
    if hasattr(given, "index") and hasattr(given, "to_dict"):
        given = given.to_dict()
    if not isinstance(given, Mapping):
        row = np.asarray(given)
        if row.dtype.kind not in "buif" or row.shape != (n_features,):
            raise ValueError(
                f"{name} is an array of {row.dtype} of shape {row.shape}, must be of numbers, one "
                f"for each of {n_features} columns, with NaN for free values."
            )
        with np.errstate(over="ignore"):  # infinite values are refused later
            return row.astype(np.float64)
    names = list(getattr(estimator, "feature_names_in_", []))
    row = np.full(n_features, np.nan)
    for column, value in given.items():
        index = names.index(column) if isinstance(column, str) and column in names else column
        if not isinstance(index, Integral) or not 0 <= int(index) < n_features:
            raise ValueError(
                f"{name} has the column {column!r}, must have indices from 0 to {n_features - 1} "
                "or names of columns seen by fit."
            )
        if not isinstance(value, Real):
            raise ValueError(f"{name}[{column!r}] == {value!r}, must be a number.")
        row[index] = as_number(value)
    return row


def check_states(name: str, rows: Array, layer: Layer) -> None:
    """Refuse values that are not states of a layer, except NaN."""
    if not layer.are_states([np.nan_to_num(rows)]):
        known = rows[~np.isnan(rows)]
        msg = f"{name} has the values {known}, must have states of binary units, 0 or 1, and NaN."
        raise ValueError(msg)


def _within(domain: Domain, X: Any, rows: Any, name: str, found: Bounds) -> Any:
    """Return the rows; values outside the domain are clipped, with a warning unless by rounding.

    Outside the domain no model is finite. X is the original data, which may name the columns. No
    warning is needed within the domain's tolerance.
    """
    if found.within(domain.low, domain.high):
        return rows
    outside = found.outside(domain.low, domain.high)
    if len(outside) > 0 and mean_distance(rows, domain.low, domain.high) > domain.tolerance:
        _warn_outside(domain, X, name, found, outside)
    limits = np.array([domain.low, domain.high]).astype(rows.dtype)
    if not sparse.issparse(rows):
        return rows.clip(*limits)
    clipped = rows.copy()
    clipped.data.clip(*limits, out=clipped.data)
    return clipped


def _warn_outside(domain: Domain, X: Any, name: str, found: Bounds, outside: Array) -> None:
    column = outside[0]
    label = repr(str(X.columns[column])) if hasattr(X, "columns") else column
    others = f" and {len(outside) - 1} more lie" if len(outside) > 1 else " lies"
    low, high = found.low[column], found.high[column]
    warn_caller(
        f"{name} must be in [{domain.low:g}, {domain.high:g}] for {domain.units} visible units, "
        f"but column {label} (from {low:g} to {high:g}){others} outside; values "
        f"outside count as {domain.low:g} or {domain.high:g}. {domain.remedy}",
        UserWarning,
    )


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn the caller: the first frame outside skrbm and scikit-learn."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _OWN_PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def model_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of a model of such data: float32 if it represents every value, or float64.

    float32, float16, booleans and integers of up to 16 bits make float32; all others float64.
    """
    return np.dtype(np.float32) if np.can_cast(dtype, np.float32) else np.dtype(np.float64)
