"""Methods that estimators share: checks of their arguments, then results of `Fitted`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.estimators.common.fitted_table import FittedTable
from skrbm.units import Layer
from skrbm.validation import rows
from skrbm.validation.parameters import (
    check_choice,
    check_conditions,
    check_count,
    check_trajectory,
)
from skrbm.validation.tables import check_cells, is_frame

IMPUTATION_METHODS = ("sample", "mean", "mode")
TABLE_IMPUTATION_METHODS = (*IMPUTATION_METHODS, "median")
SAMPLING_METHODS = ("auto", "gibbs", "tempering", "trajectory")

Method = TypeVar("Method")


class _Framed(TransformerMixin):
    """Rows of data, in the container that `set_output` of an estimator chose for `transform`."""

    def __init__(self, estimator: Any, rows: Array) -> None:
        self.__dict__.update(vars(estimator))  # with its choice, which scikit-learn keeps there
        names = [f"x{i}" for i in range(rows.shape[1])]
        self.given_rows, self.names = rows, getattr(estimator, "feature_names_in_", names)

    def transform(self, X: Any) -> Array:
        """Return the rows; scikit-learn converts them, with the index of X."""
        return self.given_rows

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns of the data."""
        return np.asarray(self.names, dtype=object)


def framed(estimator: Any, rows: Array, X: Any = None) -> Any:
    """Rows of data in the container chosen by `set_output`, with the index of X."""
    return _Framed(estimator, rows).transform(X)


def check_seen(
    estimator: Any, X: Any, name: str = "X", *, allow_nan: bool | None = None, model: Any = None
) -> rows.Checked:
    """Checked rows with the fitted columns; NaN are missing values if allowed, or if `fit` does.

    They are rows of the estimator itself, or of a fitted model inside it.
    """
    check_is_fitted(estimator)
    model = estimator if model is None else model
    domain, fitted = domain_of(model), fitted_of(model)
    if allow_nan is not None:
        domain = domain.with_missing(allowed=allow_nan)
    if fitted.coding is not None:
        allowed = domain.allow_nan
        return check_cells(estimator, X, name, fitted.coding, fitted.dtype, allow_missing=allowed)
    return rows.check_visible(estimator, X, name, domain)


def check_given(estimator: Any, given: Any, layer: Layer) -> Array:
    """A row of data: states of the visible layer, with NaN for free values."""
    row = rows.check_given_values(estimator, "given", given)
    domain = domain_of(estimator).with_missing(allowed=True)
    states = rows.check_rows(estimator, row[None], "given", domain).values
    rows.check_states("given", states, layer)
    return states


def framed_means(estimator: Any, means: Array, X: Any = None) -> Any:
    """Means of visible units as rows of data; for a table, means and most probable categories."""
    fitted = fitted_of(estimator)
    rows = means if fitted.coding is None else FittedTable.of(fitted).expected(means)
    return framed(estimator, rows, X)


def reconstruct(estimator: Any, X: Any, n_steps: int) -> Any:
    """Pass every row up and down, using means."""
    rows = check_seen(estimator, X, allow_nan=False).values
    means = fitted_of(estimator).reconstruct(rows, check_count("n_steps", n_steps))
    return framed_means(estimator, means, X)


def gibbs(estimator: Any, v: Any, n_steps: int) -> Any:
    """Run a Gibbs chain from every row."""
    n_steps = check_count("n_steps", n_steps)
    fitted, rows = fitted_of(estimator), check_seen(estimator, v, "v", allow_nan=False).values
    states = fitted.gibbs(rows, n_steps)
    if fitted.coding is not None:
        states = FittedTable.of(fitted).drawn(states, fitted.seeds.sampling)
    return framed(estimator, states, v)


def sample(
    estimator: Any, n_samples: int, given: Any, n_steps: int, method: str, random_state: Any
) -> Any:
    """Draw rows, with some values given or none."""
    fitted = fitted_of(estimator)
    n_samples = check_count("n_samples", n_samples)
    n_steps = check_count("n_steps", n_steps)
    check_choice("method", method, SAMPLING_METHODS)
    check_trajectory(method, known=fitted.knows_trajectory)
    rng = fitted.seeds.generator(random_state)
    if given is None:
        states = fitted.sample(n_samples, n_steps, method, rng)
        if fitted.coding is not None:
            states = FittedTable.of(fitted).drawn(states, rng)
        return framed(estimator, states)
    if fitted.coding is not None:
        return _sample_table(estimator, n_samples, given, n_steps, rng)
    row = check_given(estimator, given, fitted.data_layer)
    return framed(estimator, fitted.sample_given(row, n_samples, n_steps, rng))


def _sample_table(estimator: Any, n: int, given: Any, n_steps: int, rng: Generator) -> Any:
    """Draw rows of a table given conditions on columns, or given known cells row by row."""
    table = FittedTable.of(fitted_of(estimator))
    if is_frame(given) or isinstance(given, np.ndarray):
        known = check_seen(estimator, given, "given", allow_nan=True).values.repeated(n)
        drawn = table.impute(known, "sample", n_steps, rng)
        return framed(estimator, drawn, drawn)
    conditions = check_conditions("given", given)
    return framed(estimator, table.sample_given(conditions, n, n_steps, rng))


def impute(
    estimator: Any, X: Any, method: str, n_steps: int, n_draws: int | None, random_state: Any
) -> Any:
    """Replace NaN, once or n_draws times."""
    rows = check_seen(estimator, to_host(X), allow_nan=True).values
    fitted = fitted_of(estimator)
    allowed = IMPUTATION_METHODS if fitted.coding is None else TABLE_IMPUTATION_METHODS
    check_choice("method", method, allowed)
    n_steps = check_count("n_steps", n_steps)
    if n_draws is not None:
        n_draws = check_count("n_draws", n_draws)
        check_choice("method with n_draws", method, ("sample",))
    rng = fitted.seeds.generator(random_state)
    if fitted.coding is not None:
        table = FittedTable.of(fitted)
        tables = [
            framed(estimator, table.impute(rows, method, n_steps, rng), X)
            for _ in range(n_draws or 1)
        ]
        return tables[0] if n_draws is None else tables
    rows = to_dense(rows)
    filled = fitted.impute(np.concatenate([rows] * (n_draws or 1)), method, n_steps, rng)
    return framed(estimator, filled, X) if n_draws is None else filled.reshape(n_draws, *rows.shape)


def only_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Hide a method unless a check of the estimator passes."""
    return cast("Callable[[Method], Method]", available_if(check))
