"""What estimators of visible units do with rows of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import Coordinates
from skrbm.estimators.common.device import OnDevice
from skrbm.units import Layer
from skrbm.validation.parameters import check_seed
from skrbm.validation.rows import (
    Domain,
    check_given_values,
    check_rows,
    check_states,
    check_visible,
    check_weights,
)


class Rowwise(OnDevice, ABC):
    """Rows of data are checked, taken to the model's coordinates, and looked at one by one.

    The estimator's `fit` sets the attribute below.
    """

    _sampling_rng: Generator

    @property
    @abstractmethod
    def _domain(self) -> Domain:
        """Which data the visible units take."""

    @property
    @abstractmethod
    def _coordinates(self) -> Coordinates:
        """The way between the data and the model's visible units."""

    @property
    def _takes_missing(self) -> bool:
        """Whether NaN is a value that is missing."""
        return False

    def _check_visible(self, X: Any, name: str = "X", *, allow_nan: bool = False) -> Any:
        check_is_fitted(self)
        return check_visible(self, X, name, self._domain, allow_nan=allow_nan)

    def _check_given(self, given: Any, layer: Layer) -> Array:
        """A row of data, NaN where it is free and states of the visible layer elsewhere."""
        row = check_given_values(self, "given", given)
        rows = check_rows(self, row[None], "given", self._domain, allow_nan=True)
        check_states("given", rows, layer)
        return rows

    def _rng(self, random_state: Any) -> Generator:
        if random_state is None:
            return self._sampling_rng
        return random.generator(check_seed(random_state))

    def _by_rows(
        self, function: Callable[..., Array], X: Any, rng: Generator | None = None
    ) -> Array:
        """The function of the rows of X, as visible states that are placed; numpy's."""
        to_model, place = self._coordinates.to_model, self._place

        def work(rows: Any, *rng: Generator) -> Array:
            return function(place(to_model(rows)), *rng)

        return threads.by_rows(work, X, rng)


class Features(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Rowwise):
    """Rows have features, and a log-likelihood."""

    @abstractmethod
    def _log_likelihood(self, rows: Any) -> Array:
        """What `score_samples` returns for rows that are checked."""

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean of `score_samples(X)`, in nats a row.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        log_likelihood : float
        """
        X = self._check_visible(X, allow_nan=self._takes_missing)
        weights = check_weights(sample_weight, X)
        return float(np.average(self._log_likelihood(X), weights=weights))
