"""What a fitted RBM says where values are missing: features, scores, and the values themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from skrbm import conditionals
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.estimators.common.rowwise import Rowwise
from skrbm.estimators.rbm.inference import RBMInference
from skrbm.model import RBM
from skrbm.units import Layer
from skrbm.validation.parameters import check_choice, check_count

_N_STEPS = 100  # of the chains that tell features where some values are missing
METHODS = ("sample", "mean", "mode")


# What a model says of NaN in rows of visible units: all of these units, from them and a generator.
Teller: TypeAlias = Callable[[Array, Generator], Array]


class Imputing(Rowwise):
    """Filling what is missing. A subclass knows what its model says of it."""

    _methods: ClassVar[tuple[str, ...]]

    @abstractmethod
    def _teller(self, method: str, n_steps: int) -> Teller:
        """What tells the values, in the coordinates of the model."""

    def impute(
        self,
        X: Any,
        *,
        method: str = "sample",
        n_steps: int = 100,
        n_draws: int | None = None,
        random_state: Any = None,
    ) -> Array:
        """Fill NaN with what the model says of it, given the values that are known in its row.

        For an RBM that is exact where there are at most ten hidden units, or at most ten missing
        values in a row of binary units; elsewhere it is told by a chain of block Gibbs steps a row,
        in which what is known stays as it is. In the chain of a deep belief network the recognition
        proposes hidden states, which Metropolis' rule accepts, and what is missing is drawn given
        these.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where a value is missing, whatever `missing_values` says.
        method : {"sample", "mean", "mode"}, default="sample"
            A draw from p(missing | known); the conditional mean; or a mode: where an ascent of that
            probability ends which starts at what is most probable value by value.
        n_steps : int, default=100
            Length of the chains. A draw is the last state; a mean is over the second half of 20
            chains a row.
        n_draws : int, default=None
            With "sample", so many draws for every row, each from a chain of its own.
        random_state : int, RandomState instance or None, default=None
            By default the draws go on from those of `gibbs` and `sample` before.

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features) or (n_draws, n_samples, n_features)
            What is known comes back as it was, bit for bit. Of the dtype of X where that is a
            float, and else of the model's.
        """
        X = arrays.to_dense(self._check_visible(devices.to_host(X), allow_nan=True))
        check_choice("method", method, self._methods)
        n_steps = check_count("n_steps", n_steps)
        if n_draws is not None:
            n_draws = check_count("n_draws", n_draws)
            check_choice("method with n_draws", method, ("sample",))
        many = np.concatenate([X] * (n_draws or 1))
        filled = self._filled(many, method, n_steps, self._rng(random_state))
        return filled if n_draws is None else filled.reshape(n_draws, *X.shape)

    def _filled(self, X: Array, method: str, n_steps: int, rng: Generator) -> Array:
        """The rows with all that is missing filled in."""
        told = self._coordinates.to_data(self._by_rows(self._teller(method, n_steps), X, rng))
        if X.dtype.kind != "f":  # and nothing is missing
            return X.astype(told.dtype)
        return np.where(np.isnan(X), told, X).astype(X.dtype, copy=False)


class Completing(Imputing, RBMInference):
    """The methods of every RBM estimator that take NaN as a value that is missing."""

    missing_values: str
    _methods = METHODS

    @property
    def _takes_missing(self) -> bool:
        return self.missing_values == "allow"

    def _teller(self, method: str, n_steps: int) -> Teller:
        return conditional_teller(self._placed_model(), self._placed_base(), method, n_steps)

    def _hidden_means(self, X: Any) -> Array:
        if not has_missing(X):
            return super()._hidden_means(X)
        rbm, base = self._placed_model(), self._placed_base()

        def work(v: Array, rng: Generator) -> Array:
            return conditionals.means(rbm, base, v, rng, _N_STEPS).hidden

        return self._by_rows(work, X, self._fixed_rng())

    def _free_energies(self, X: Any) -> Array:
        if not has_missing(X):
            return super()._free_energies(X)
        rbm, base = self._placed_model(), self._placed_base()
        log_volume_of = self._coordinates.log_volume_of

        def work(v: Array, rng: Generator) -> Array:
            free_energy = -devices.to_host(conditionals.log_marginal(rbm, base, v, rng))
            return free_energy - log_volume_of(devices.to_host(arrays.is_nan(v)))

        return self._by_rows(work, X, self._fixed_rng())

    def _fixed_rng(self) -> Generator:
        """Of a generator that starts at the same place in every call."""
        return random.generator(self._likelihood_seed)


def conditional_teller(rbm: RBM, base: Layer, method: str, n_steps: int) -> Teller:
    """What an RBM says of missing values."""
    if method == "mean":
        return lambda v, rng: conditionals.means(rbm, base, v, rng, n_steps).visible
    tell = conditionals.draw if method == "sample" else conditionals.mode
    return lambda v, rng: tell(rbm, base, v, rng, n_steps)


def has_missing(X: Any) -> bool:
    """Whether rows of data hold NaN."""
    return not arrays.is_sparse(X) and X.dtype.kind == "f" and arrays.has_nan(X)
