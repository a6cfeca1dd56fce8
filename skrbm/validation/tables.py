"""Checks of tables: data frames and arrays with columns of several kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array

from skrbm._kernels.devices import to_host
from skrbm.data.coding import CodedRows, Coding
from skrbm.validation.rows import Checked, check_columns

MOST_BINS = 1_000
UNKNOWN = ("missing", "error")


def is_frame(X: Any) -> bool:
    """Whether X has named columns, as the data frames of pandas and polars."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def check_table(estimator: Any, X: Any, name: str) -> Any:
    """Return a data frame as it is, and anything else as an array with two dimensions."""
    if not is_frame(X):
        options = {"dtype": None, "ensure_all_finite": False, "estimator": estimator}
        return check_array(to_host(X), input_name=name, **options)
    for size, kind in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            msg = (
                f"Found {name} with 0 {kind}(s) (shape={X.shape}) while a minimum of 1 is required."
            )
            raise ValueError(msg)
    return X


def check_cells(  # noqa: PLR0913 - columns and cells that may be missing
    estimator: Any,
    X: Any,
    name: str,
    coding: Coding,
    dtype: Any,
    *,
    allow_missing: bool = True,
    without: tuple[Any, ...] = (),
) -> Checked:
    """Check a table with the fitted columns, and return its rows as states.

    Parameters
    ----------
    estimator : estimator
    X : DataFrame or array
        The columns of a frame are found by their names.
    name : str
        Name of X in messages.
    coding : Coding
    dtype : dtype
        The dtype of the model.
    allow_missing : bool, default=True
    without : tuple
        Names of columns that X may lack; their cells are then missing.
    """
    X = check_table(estimator, X, name)
    if not is_frame(X) or not hasattr(estimator, "feature_names_in_"):
        check_columns(estimator, X, reset=False)
        X = X.to_numpy() if is_frame(X) else X
    rows = coding.rows(X, dtype, without)
    if not allow_missing:
        check_complete(rows, name)
    return Checked(rows, rows.has_missing)


def check_complete(rows: CodedRows, name: str) -> None:
    """Refuse missing cells."""
    missing = (rows.codes < 0).any(axis=0)
    if missing.any():
        column = rows.coding.table.names[int(missing.argmax())]
        msg = (
            f"{name} has a missing or unknown cell in column {column!r}, must have none here: fill "
            "missing cells first, for example with the method impute."
        )
        raise ValueError(msg)


def check_target(name: str, target: Any, names: list[Any]) -> list[Any]:
    """Return names of columns as a list; None means the last one, unless it is a name."""
    if target is None and None not in names:
        return names[-1:]
    targets = list(target) if isinstance(target, list | np.ndarray) else [target]
    for one in targets:
        if one not in names:
            msg = f"{name} has {one!r}, must be the name of a column of fit, or a list of names."
            raise ValueError(msg)
    if not targets:
        raise ValueError(f"{name} == {target!r}, must have the name of a column.")
    return targets
