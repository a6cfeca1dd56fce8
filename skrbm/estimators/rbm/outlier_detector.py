"""`RBMOutlierDetector`: rows that are less probable than most."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array, to_host
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import check_contamination, check_seed
from skrbm.validation.rows import Domain, check_columns, check_rows, check_visible, check_weights


class RBMOutlierDetector(OutlierMixin, BaseEstimator):
    r"""Detect rows that a restricted Boltzmann machine finds less probable than most.

    A row is an outlier where :math:`-F(v) = \log p(v) + \log Z` is below a threshold, which a share
    `contamination` of the rows in `fit` is. Log Z, the same for all rows, is not needed.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM or BernoulliRBM, default=None
        Prototype of the model, of which `random_state` is set; by default
        `GaussianBernoulliRBM()`, for real-valued columns in any units.
    contamination : float, default=0.1
        Share of the rows in `fit` to take for outliers, above 0 and at most 0.5.
    random_state : int, RandomState instance or None, default=None
        Seed of the model.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model; its `score_samples` are log-likelihoods.
    offset_ : float
        The threshold, in nats: `decision_function(X) == score_samples(X) - offset_`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

    See Also
    --------
    sklearn.neighbors.LocalOutlierFactor : By distances to neighbours.
    sklearn.ensemble.IsolationForest : By random trees.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import GaussianBernoulliRBM, RBMOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 10]
    >>> rbm = GaussianBernoulliRBM(4, n_iter=50)
    >>> detector = RBMOutlierDetector(rbm, contamination=0.01, random_state=0).fit(X)
    >>> detector.predict([[0, 0], [5, 0], [0, 50]])
    array([ 1, -1, -1])
    """

    def __init__(
        self, rbm: Any = None, *, contamination: float = 0.1, random_state: Any = None
    ) -> None:
        self.rbm = rbm
        self.contamination = contamination
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model and the threshold.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As the model takes them.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RBMOutlierDetector

        Raises
        ------
        ValueError
            If a parameter or the data are not as described; the estimator is then unchanged.
        """
        check_kind("rbm", self.rbm, RBMEstimator, "an RBM of skrbm")
        check_contamination("contamination", self.contamination)
        seed = check_seed(self.random_state)
        rbm = GaussianBernoulliRBM() if self.rbm is None else clone(self.rbm)
        rbm.set_params(random_state=seed % 2**32)
        rbm._check_parameters()
        X = to_host(X)
        rows = check_rows(rbm, X, "X", rbm._domain, allow_nan=rbm._takes_missing)
        rbm.fit(rows, sample_weight=sample_weight)
        for part in (self, rbm):  # which has seen no names of columns
            check_columns(part, X, reset=True)
        self.rbm_ = rbm
        weights = check_weights(sample_weight, rows)
        self.offset_ = _quantile(-rbm._free_energies(rows), weights, float(self.contamination))
        return self

    def score_samples(self, X: Any) -> Array:
        """`-F(v) = log p(v) + log Z` of every row v of X, in nats: the lower, the less probable.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        allow_nan = self.rbm_._takes_missing
        rows = check_visible(self, X, "X", self._domain, allow_nan=allow_nan)
        return -self.rbm_._free_energies(rows)

    def decision_function(self, X: Any) -> Array:
        """`score_samples(X) - offset_`, in nats: below zero for outliers.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """Minus one for outliers, one for all other rows.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        is_inlier : ndarray of int of shape (n_samples,)
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        model = GaussianBernoulliRBM() if self.rbm is None else self.rbm
        of_model = model.__sklearn_tags__() if isinstance(model, RBMEstimator) else tags
        tags.input_tags.sparse = of_model.input_tags.sparse
        tags.input_tags.allow_nan = of_model.input_tags.allow_nan
        return tags

    @property
    def _domain(self) -> Domain:
        return self.rbm_._domain


def _quantile(x: Array, weights: Array, share: float) -> float:
    """A number that this share of the weight lies below, halfway between two of them.

    A row of weight two is that row given twice.
    """
    order = np.argsort(x, kind="stable")
    upto = weights[order].cumsum()
    n_below = np.floor(share * upto[-1] * (1 + 1e-12))
    ends = np.searchsorted(upto, [max(n_below - 1, 0), n_below], side="right")
    return float(x[order][ends.clip(max=len(x) - 1)].mean())
