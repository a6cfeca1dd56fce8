"""`RBMOutlierDetector`: outliers are the rows of lowest probability."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array, to_host
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.estimators.rbm.base import fit_within
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import check_number, check_seed
from skrbm.validation.rows import Checked, check_columns, check_visible

_ROUNDING = 1_000.0  # units in the last place


@dataclass(eq=False, repr=False)
class RBMOutlierDetector(OutlierMixin, BaseEstimator):
    r"""Detect rows to which a restricted Boltzmann machine assigns a low probability.

    A row is an outlier if :math:`-F(v) = \log p(v) + \log Z` is below a threshold. The threshold is
    set by `fit` for a fraction `contamination` of its rows to fall below it. Log Z is the same for
    all rows, and is not needed.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM or BernoulliRBM, default=None
        Prototype of the model; its `random_state` is overridden. By default
        `GaussianBernoulliRBM()`, for real-valued columns in any units.
    contamination : float, default=0.1
        Fraction of the rows in `fit` that count as outliers, above 0 and at most 0.5.
    random_state : int, RandomState instance or None, default=None
        Seed of the model.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model; its `score_samples` returns log-likelihoods.
    offset_ : float
        The threshold, in nats: `decision_function(X) == score_samples(X) - offset_`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.neighbors.LocalOutlierFactor : Detects outliers by distances to neighbours.
    sklearn.ensemble.IsolationForest : Detects outliers by random trees.

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

    rbm: Any = None
    _: KW_ONLY
    contamination: float = 0.1
    random_state: Any = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model and the threshold.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the model accepts.
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
            If a parameter or the data are invalid; the estimator is then unchanged.
        """
        check_kind("rbm", self.rbm, DensityRBM, "an RBM of skrbm")
        check_number("contamination", self.contamination, "> 0 and <= 0.5")
        seed = check_seed(self.random_state)
        rbm = GaussianBernoulliRBM() if self.rbm is None else clone(self.rbm)
        rbm.set_params(random_state=seed % 2**32)
        X = to_host(X)
        rows = fit_within(rbm, X, sample_weight)
        check_columns(self, X, reset=True)
        self.rbm_ = rbm
        checked = Checked(rows.values, rows.summary.bounds.has_missing)
        scores = -fitted_of(rbm).free_energy(checked)
        offset = _quantile(scores, rows.weights, float(self.contamination))
        # A row at the threshold is an inlier, however its score is rounded among other rows.
        self.offset_ = offset - _ROUNDING * np.finfo(rows.summary.dtype).eps * (1 + abs(offset))
        return self

    def score_samples(self, X: Any) -> Array:
        """Compute `-F(v) = log p(v) + log Z` for every row v of X, in nats; low for outliers.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        rows = check_visible(self, X, "X", domain_of(self.rbm_))
        return -fitted_of(self.rbm_).free_energy(rows)

    def decision_function(self, X: Any) -> Array:
        """Compute `score_samples(X) - offset_`, in nats: negative for outliers.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """Return -1 for outliers and 1 for all other rows.

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
        of_model = model.__sklearn_tags__() if isinstance(model, DensityRBM) else tags
        tags.input_tags.sparse = of_model.input_tags.sparse
        tags.input_tags.allow_nan = of_model.input_tags.allow_nan
        return tags


def _quantile(x: Array, weights: Array, share: float) -> float:
    """The value below which this share of the weight lies, halfway between two rows.

    A row of weight two has the effect of a duplicate row.
    """
    order = np.argsort(x, kind="stable")
    upto = weights[order].cumsum()
    n_below = np.floor(share * upto[-1] * (1 + 1e-12))
    ends = np.searchsorted(upto, [max(n_below - 1, 0), n_below], side="right")
    return float(x[order][ends.clip(max=len(x) - 1)].mean())
