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
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.estimators.common.methods import IMPUTATION_METHODS
from skrbm.estimators.rbm.base import fit_within
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import density_prototype
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import check_choice, check_count, check_flag, check_seeds
from skrbm.validation.rows import check_columns, check_visible

# Conditional means of small tables need a stronger prior than densities, and no more units.
_ALPHA, _N_COMPONENTS = 20.0, 64


@dataclass(eq=False, repr=False)
class RBMImputer(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Impute missing values with a restricted Boltzmann machine.

    The model learns from rows with missing values by summing over the missing values. `transform`
    replaces NaN with `E[missing | known]`, a draw from `p(missing | known)`, or its mode.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM or BernoulliRBM, default=None
        Prototype of the model; its `missing_values` and `random_state` are overridden. By default
        `GaussianBernoulliRBM(64, alpha=20, covariance_type="full")`, for real-valued columns in
        any units; "diag" for more than 256 columns.
    method : {"mean", "sample", "mode"}, default="mean"
        Imputed value; see `GaussianBernoulliRBM.impute`.
    n_steps : int, default=100
        Length of the block Gibbs chains that estimate it, if it is not exact.
    add_indicator : bool, default=False
        Whether to append binary columns that mark missing values, one for each column with missing
        values in `fit`.
    random_state : int, RandomState instance or None, default=None
        Seed of the model, and of the draws of `transform`, which are the same in every call and do
        not depend on other rows, except that draws for equal rows are independent.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model.
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
    method: str = "mean"
    n_steps: int = 100
    add_indicator: bool = False
    random_state: Any = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model to rows that may have missing values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN marks a missing value; every column must have at least one value.
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
        seed, draws_seed = check_seeds(self.random_state, 2)
        rbm = (
            density_prototype(X, n_components=_N_COMPONENTS, alpha=_ALPHA)
            if self.rbm is None
            else clone(self.rbm)
        )
        rbm.set_params(missing_values="allow", random_state=seed % 2**32)
        rows = fit_within(rbm, X, sample_weight)
        check_columns(self, X, reset=True)
        indicator = None
        if self.add_indicator:
            indicator = MissingIndicator(error_on_new=False).fit(_for_indicator(rows.values[:]))
        self.rbm_, self.indicator_ = rbm, indicator
        self._seed = draws_seed
        return self

    def transform(self, X: Any) -> Array:
        """Return the rows with all missing values imputed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features + n_indicators)
            Known values are unchanged.
        """
        check_is_fitted(self)
        self._check_parameters()
        fitted, X = fitted_of(self.rbm_), to_host(X)
        rows = to_dense(check_visible(self, X, "X", domain_of(self.rbm_)).values)
        filled = fitted.impute(rows, self.method, self.n_steps, generator(self._seed))
        if self.indicator_ is None:
            return filled
        return np.hstack([filled, self.indicator_.transform(_for_indicator(rows))])

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
        if self.indicator_ is None:
            return names
        return np.concatenate([names, self.indicator_.get_feature_names_out(names)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_parameters(self) -> None:
        """Refuse parameters that are invalid for any data."""
        check_kind("rbm", self.rbm, DensityRBM, "an RBM of skrbm")
        check_choice("method", self.method, IMPUTATION_METHODS)
        check_count("n_steps", self.n_steps)
        check_flag("add_indicator", self.add_indicator)


def _for_indicator(rows: Any) -> Array:
    """Checked rows as MissingIndicator accepts them: dense and not bool."""
    rows = to_dense(rows)
    return rows.astype(np.float32) if rows.dtype == bool else rows
