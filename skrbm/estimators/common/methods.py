"""Methods that estimators share: checks of their arguments, then results of `Fitted`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, to_host
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.units import Layer
from skrbm.validation import rows
from skrbm.validation.parameters import check_choice, check_count
from skrbm.validation.tables import check_cells

IMPUTATION_METHODS = ("sample", "mean", "mode")
SAMPLING_METHODS = ("auto", "gibbs", "tempering")

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
    """Rows of data as `set_output` of an estimator demands, with the index of X."""
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


def reconstruct(estimator: Any, X: Any, n_steps: int) -> Any:
    """Pass every row up and down, using means."""
    rows = check_seen(estimator, X, allow_nan=False).values
    means = fitted_of(estimator).reconstruct(rows, check_count("n_steps", n_steps))
    return framed(estimator, means, X)


def gibbs(estimator: Any, v: Any, n_steps: int) -> Any:
    """Run a Gibbs chain from every row."""
    n_steps = check_count("n_steps", n_steps)
    rows = check_seen(estimator, v, "v", allow_nan=False).values
    return framed(estimator, fitted_of(estimator).gibbs(rows, n_steps), v)


def sample(
    estimator: Any, n_samples: int, given: Any, n_steps: int, method: str, random_state: Any
) -> Any:
    """Draw rows, with some values given or none."""
    fitted = fitted_of(estimator)
    n_samples = check_count("n_samples", n_samples)
    n_steps = check_count("n_steps", n_steps)
    check_choice("method", method, SAMPLING_METHODS)
    rng = fitted.seeds.generator(random_state)
    if given is None:
        return framed(estimator, fitted.sample(n_samples, n_steps, method, rng))
    row = check_given(estimator, given, fitted.net.visible)
    return framed(estimator, fitted.sample_given(row, n_samples, n_steps, rng))


def impute(
    estimator: Any, X: Any, method: str, n_steps: int, n_draws: int | None, random_state: Any
) -> Any:
    """Replace NaN, once or n_draws times."""
    rows = to_dense(check_seen(estimator, to_host(X), allow_nan=True).values)
    check_choice("method", method, IMPUTATION_METHODS)
    n_steps = check_count("n_steps", n_steps)
    if n_draws is not None:
        n_draws = check_count("n_draws", n_draws)
        check_choice("method with n_draws", method, ("sample",))
    fitted, many = fitted_of(estimator), np.concatenate([rows] * (n_draws or 1))
    filled = fitted.impute(many, method, n_steps, fitted.seeds.generator(random_state))
    return framed(estimator, filled, X) if n_draws is None else filled.reshape(n_draws, *rows.shape)


def only_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Hide a method unless a check of the estimator passes."""
    return cast("Callable[[Method], Method]", available_if(check))
