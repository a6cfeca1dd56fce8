"""`Estimator`: the common base of all estimators."""

from __future__ import annotations

from sklearn.base import BaseEstimator

from skrbm._kernels.devices import Array


class Estimator(BaseEstimator):
    """Types of the attributes that scikit-learn sets."""

    n_features_in_: int
    feature_names_in_: Array
