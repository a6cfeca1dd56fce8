"""`RBMImputer`: an RBM that fills what is missing, as a step of a pipeline."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.impute import MissingIndicator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array
from skrbm.estimators.rbm.completing import METHODS
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import check_choice, check_count, check_flag, check_seeds
from skrbm.validation.rows import check_columns, check_rows, check_visible


class RBMImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill what is missing with what a restricted Boltzmann machine says of it.

    The model learns from rows with missing values, of which it sums over what is missing, and
    `transform` fills NaN with `E[missing | known]`, with a draw from `p(missing | known)`, or with
    its mode.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM or BernoulliRBM, default=None
        Prototype of the model, of which `missing_values` and `random_state` are set; by default
        `GaussianBernoulliRBM()`, for real-valued columns in any units.
    method : {"mean", "sample", "mode"}, default="mean"
        What is filled in; see `GaussianBernoulliRBM.impute`.
    n_steps : int, default=100
        Length of the block Gibbs chains that find it, where it is not exact.
    add_indicator : bool, default=False
        Whether columns follow that say what was missing, one for each column in which something
        was in `fit`.
    random_state : int, RandomState instance or None, default=None
        Seed of the model, and of what `transform` draws, the same in every call.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model.
    indicator_ : MissingIndicator
        What makes the indicator's columns; None without them.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

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

    def __init__(
        self,
        rbm: Any = None,
        *,
        method: str = "mean",
        n_steps: int = 100,
        add_indicator: bool = False,
        random_state: Any = None,
    ) -> None:
        self.rbm = rbm
        self.method = method
        self.n_steps = n_steps
        self.add_indicator = add_indicator
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model to rows that may have missing values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where a value is missing; every column must have a value somewhere.
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
            If a parameter or the data are not as described; the estimator is then unchanged.
        """
        self._check_parameters()
        X = devices.to_host(X)
        seed, draws_seed = check_seeds(self.random_state, 2)
        rbm = self._prototype()
        rbm.set_params(missing_values="allow", random_state=seed % 2**32)
        rbm._check_parameters()
        rows = check_rows(rbm, X, "X", rbm._domain, allow_nan=True)
        rbm.fit(rows, sample_weight=sample_weight)
        for part in (self, rbm):  # which has seen no names of columns
            check_columns(part, X, reset=True)
        indicator = None
        if self.add_indicator:
            indicator = MissingIndicator(error_on_new=False).fit(_for_indicator(rows))
        self.rbm_, self.indicator_ = rbm, indicator
        self._seed = draws_seed
        return self

    def transform(self, X: Any) -> Array:
        """The rows with all that is missing filled in.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features + n_indicators)
            What is known comes back as it was.
        """
        check_is_fitted(self)
        self._check_parameters()
        X = devices.to_host(X)
        rows = check_visible(self, X, "X", self.rbm_._domain, allow_nan=True)
        rng = random.generator(self._seed)
        filled = self.rbm_._filled(arrays.to_dense(rows), self.method, self.n_steps, rng)
        if self.indicator_ is None:
            return filled
        return np.hstack([filled, self.indicator_.transform(_for_indicator(rows))])

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns, and after them of the indicator's.

        Parameters
        ----------
        input_features : array-like of str, default=None
            By default the names that `fit` has seen, or x0, x1 and so on.

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
        """Refuse parameters that no data allow."""
        check_kind("rbm", self.rbm, RBMEstimator, "an RBM of skrbm")
        check_choice("method", self.method, METHODS)
        check_count("n_steps", self.n_steps)
        check_flag("add_indicator", self.add_indicator)

    def _prototype(self) -> RBMEstimator:
        return GaussianBernoulliRBM() if self.rbm is None else clone(self.rbm)


def _for_indicator(rows: Any) -> Array:
    """Checked rows as a MissingIndicator takes them: dense, and not of bool."""
    rows = arrays.to_dense(rows)
    return rows.astype(np.float32) if rows.dtype == bool else rows
