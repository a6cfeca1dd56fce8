"""`Estimator`: the common base of all estimators."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator

from skrbm._kernels.devices import Array
from skrbm.validation.estimators import check_nested


class Estimator(BaseEstimator):
    """Types of the attributes that scikit-learn sets, and parameters of prototypes.

    Prototypes of other estimators are parameters that are None by default.
    """

    n_features_in_: int
    feature_names_in_: Array

    def _written_prototypes(self) -> dict[str, str]:
        """Code that makes a prototype, by the name of its parameter."""
        return {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also of prototypes if they are given.

        Parameters
        ----------
        **params
            Parameters of this estimator, or of a prototype, such as `rbm__learning_rate`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a prototype whose parameter is to be set is None.
        """
        check_nested(self, params, self._written_prototypes())
        return super().set_params(**params)
