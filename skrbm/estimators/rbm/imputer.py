"""`RBMImputer`: an RBM that imputes missing values, as a step of a pipeline."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.impute import MissingIndicator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, to_host
from skrbm._kernels.random import generator
from skrbm.data.coding import CodedRows
from skrbm.data.frames import chosen_columns, with_columns
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.estimators.common.fitted_table import FittedTable
from skrbm.estimators.common.methods import (
    IMPUTATION_METHODS,
    TABLE_IMPUTATION_METHODS,
    check_seen,
)
from skrbm.estimators.rbm.base import fit_within
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import density_prototype
from skrbm.estimators.rbm.tabular import TabularRBM
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import (
    as_number,
    check_choice,
    check_count,
    check_default,
    check_flag,
    check_limits,
    check_placeholder,
    check_seeds,
    first_random_state,
)
from skrbm.validation.rows import check_columns, check_real, check_rows, find_empty, with_nan

# Conditional means of small tables need a stronger prior than densities, and no more units.
_ALPHA, _N_COMPONENTS = 20.0, 64
# Parameters for arrays of numbers only.
_UNLIMITED = {"missing_values": np.nan, "min_value": -np.inf, "max_value": np.inf}


@dataclass(eq=False, repr=False)
class RBMImputer(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Impute missing values with a restricted Boltzmann machine.

    The model learns from rows with missing values by summing over the missing values. `transform`
    replaces them with `E[missing | known]`, a draw from `p(missing | known)`, or its mode.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM, BernoulliRBM or TabularRBM, default=None
        Prototype of the model; its `missing_values` is overridden. By default
        `GaussianBernoulliRBM(64, alpha=20, covariance_type="full")`, for real-valued columns in
        any units; "diag" for more than 256 columns. With `TabularRBM`, the rows are a data frame or
        an array of columns of any types, and `transform` returns columns of the same types.
    missing_values : float, default=nan
        The number that marks a missing value. If it is not NaN, NaN is refused.
    method : {"mean", "sample", "mode", "median"}, default="mean"
        Imputed value; see `GaussianBernoulliRBM.impute`. "median" needs `TabularRBM`.
    n_steps : int, default=100
        Length of the block Gibbs chains that estimate it, if it is not exact.
    min_value, max_value : float or array-like of shape (n_features,), default=-inf and inf
        Limits of imputed values: one for all columns, or one per column. Values beyond them are
        clipped. Known values are unchanged. `TabularRBM` accepts no limits: its numbers are within
        the observed range.
    add_indicator : bool, default=False
        Whether to append binary columns that mark missing values, one for each column with missing
        values in `fit`.
    keep_empty_features : bool, default=False
        Whether `transform` returns columns that have no value in `fit`, with 0 for missing values.
        By default it drops them. The model never contains them. With `TabularRBM`, their missing
        values stay missing.
    random_state : int, RandomState instance or None, default=None
        Seed of the model, and of the draws of `transform`, which are the same in every call and do
        not depend on other rows, except that draws for equal rows are independent. If None, the
        `random_state` of the prototype is used.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model, of all columns that have a value in `fit`.
    indicator_ : MissingIndicator
        Transformer that makes the indicator columns; None without them.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : A regression for every column.
    sklearn.impute.KNNImputer : Means over similar rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skrbm import GaussianBernoulliRBM, RBMImputer
    >>> X = load_iris().data
    >>> with_gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    >>> imputer = RBMImputer(GaussianBernoulliRBM(8, n_iter=100), random_state=0)
    >>> filled = imputer.fit_transform(with_gaps)
    >>> mean = np.where(np.isnan(with_gaps), np.nanmean(with_gaps, axis=0), with_gaps)
    >>> bool(((filled - X) ** 2).sum() < ((mean - X) ** 2).sum() / 2)
    True
    """

    rbm: Any = None
    _: KW_ONLY
    missing_values: float = np.nan
    method: str = "mean"
    n_steps: int = 100
    min_value: Any = -np.inf
    max_value: Any = np.inf
    add_indicator: bool = False
    keep_empty_features: bool = False
    random_state: Any = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model to rows that may have missing values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            `missing_values` marks a missing value; some column must have a value.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RBMImputer

        Raises
        ------
        ValueError
            If a parameter or the data are invalid; the estimator is then unchanged.
        """
        self._check_parameters()
        X = to_host(X)
        seed, draws_seed = check_seeds(first_random_state(self, self.rbm), 2)
        if isinstance(self.rbm, TabularRBM):
            return self._fit_table(X, sample_weight, seed, draws_seed)
        marked = with_nan(self, X, self.missing_values)
        rbm = (
            density_prototype(marked, n_components=_N_COMPONENTS, alpha=_ALPHA)
            if self.rbm is None
            else clone(self.rbm)
        )
        rbm.set_params(missing_values="allow", random_state=seed % 2**32)
        kept = ~find_empty(self, marked, sample_weight, domain_of(rbm))
        limits = check_limits(("min_value", "max_value"), self.min_value, self.max_value, len(kept))
        rows = fit_within(rbm, self._columns(marked, kept), sample_weight)
        check_columns(self, X, reset=True)
        indicator = None
        if self.add_indicator:
            seen = _for_indicator(self._dense(marked)[rows.used])
            indicator = MissingIndicator(error_on_new=False).fit(seen)
        self.rbm_, self.indicator_ = rbm, indicator
        self._kept, self._limits, self._seed = kept, limits[:, kept], draws_seed
        return self

    def _fit_table(self, X: Any, sample_weight: Any, seed: int, draws_seed: int) -> Self:
        """Fit the model to a table."""
        rbm = clone(self.rbm).set_params(missing_values="allow", random_state=seed % 2**32)
        rows = fit_within(rbm, X, sample_weight).values
        check_columns(self, X, reset=True)
        indicator = MissingIndicator(error_on_new=False) if self.add_indicator else None
        self.rbm_, self.indicator_ = rbm, indicator and indicator.fit(_marks(rows))
        self._kept, self._seed = ~rows.coding.without_values, draws_seed
        return self

    def transform(self, X: Any) -> Array:
        """Return the rows with all missing values imputed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features + n_indicators)
            Known values are unchanged. Columns without a value in `fit` are left out, unless
            `keep_empty_features=True`.
        """
        check_is_fitted(self)
        self._check_parameters()
        if fitted_of(self.rbm_).coding is not None:
            return self._filled_table(X)
        fitted, marked = fitted_of(self.rbm_), with_nan(self, to_host(X), self.missing_values)
        given = self._dense(marked)
        check_columns(self, X, reset=False)
        columns = self._columns(marked, self._kept)
        rows = to_dense(check_rows(self, columns, "X", domain_of(self.rbm_)).values)
        filled = fitted.impute(rows, self.method, self.n_steps, generator(self._seed))
        filled = np.where(np.isnan(rows), filled.clip(*self._limits.astype(filled.dtype)), filled)
        if self.keep_empty_features:
            wide = np.nan_to_num(given).astype(filled.dtype)
            wide[:, self._kept] = filled
            filled = wide
        if self.indicator_ is None:
            return filled
        return np.hstack([filled, self.indicator_.transform(_for_indicator(given))])

    def _filled_table(self, X: Any) -> Any:
        """The rows of a table with all missing values imputed."""
        rows = check_seen(self, to_host(X), model=self.rbm_).values
        table, rng = FittedTable.of(fitted_of(self.rbm_)), generator(self._seed)
        filled = table.impute(rows, self.method, self.n_steps, rng)
        if not self.keep_empty_features:
            filled = chosen_columns(filled, self._kept)
        if self.indicator_ is None:
            return filled
        marks = self.indicator_.transform(_marks(rows))
        names = self.get_feature_names_out()[-marks.shape[1] :].tolist()
        return with_columns(filled, names, marks)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns, followed by the names of the indicator columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            By default the names seen by `fit`, or x0, x1 and so on.

        Returns
        -------
        names : ndarray of str
        """
        names = super().get_feature_names_out(input_features)
        kept = names if self.keep_empty_features else names[self._kept]
        if self.indicator_ is None:
            return kept
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = bool(np.isnan(as_number(self.missing_values)))
        tags.input_tags.string = tags.input_tags.categorical = isinstance(self.rbm, TabularRBM)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _written_prototypes(self) -> dict[str, str]:
        rbm = density_prototype(None, n_components=_N_COMPONENTS, alpha=_ALPHA)
        return {"rbm": repr(rbm)}

    def _check_parameters(self) -> None:
        """Refuse parameters that are invalid for any data."""
        check_kind("rbm", self.rbm, DensityRBM, "an RBM of skrbm")
        of_table = isinstance(self.rbm, TabularRBM)
        methods = TABLE_IMPUTATION_METHODS if of_table else IMPUTATION_METHODS
        check_choice("method", self.method, methods)
        check_count("n_steps", self.n_steps)
        check_placeholder("missing_values", self.missing_values)
        for name in ("add_indicator", "keep_empty_features"):
            check_flag(name, vars(self)[name])
        if of_table:
            for name, default in _UNLIMITED.items():
                check_default(name, vars(self)[name], default, "with TabularRBM")

    def _dense(self, X: Any) -> Array:
        """Rows as an array, with any number of columns and any values."""
        options = {"accept_sparse": "csr", "ensure_all_finite": "allow-nan", "estimator": self}
        return to_dense(check_real(X, "X", **options))

    def _columns(self, X: Any, kept: Array) -> Any:
        """The columns that have a value in `fit`; X itself, with its names, if all have."""
        return X if kept.all() else self._dense(X)[:, kept]


def _marks(rows: CodedRows) -> Array:
    """NaN for missing cells, and 0 for others."""
    return np.where(rows.is_missing, np.nan, 0.0)


def _for_indicator(rows: Any) -> Array:
    """Checked rows as MissingIndicator accepts them: dense and not bool."""
    rows = to_dense(rows)
    return rows.astype(np.float32) if rows.dtype == bool else rows
