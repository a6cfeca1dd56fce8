"""`WithPrototypes`: an estimator with prototypes of other estimators among its parameters."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from skrbm.estimators.common.base import Estimator
from skrbm.validation.estimators import check_nested


class WithPrototypes(Estimator):
    """An estimator with prototypes among its parameters, which are None by default."""

    @abstractmethod
    def _written_prototypes(self) -> dict[str, str]:
        """Code that makes a prototype, by the name of its parameter."""

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
