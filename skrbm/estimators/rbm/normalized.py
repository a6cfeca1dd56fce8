"""`NormalizedRBM`: log Z of an RBM, and the log-likelihood that needs it."""

from __future__ import annotations

from typing import Any

from skrbm._kernels.devices import Array
from skrbm.annealing import AnnealingBudget
from skrbm.estimators.common.device import Device
from skrbm.estimators.rbm.base import BaseRBM
from skrbm.likelihood import LogPartition
from skrbm.validation.rows import Checked


class NormalizedRBM(BaseRBM):
    """Log Z of an RBM, and log-likelihoods."""

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 8_000,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> LogPartition:
        """Compute log Z in nats, with its error; `score_samples` uses this value from then on.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
            How to compute log Z:

            - "exact": enumeration of the smaller layer, which may have at most 30 units.
            - "ais": chains annealed from independent units to the model [1]_.
            - "bracket": chains annealed in both directions, also from samples of the model back to
              independent units, which bounds log Z on both sides [2]_.
            - "tempering": sum of log ratios between 20 temperatures of tempered chains, or between
              the temperatures of the training with gradient="pt".
            - "auto": "exact" if it takes about a second or less time than "bracket", otherwise
              "bracket".
        n_chains : int, default=100
            Number of chains per direction, or at each of the 20 temperatures; at least 20. "exact"
            ignores it, and so does "tempering" if the model was trained with gradient="pt".
        n_temperatures : int, default=8_000
            Number of annealing temperatures. "bracket" uses fewer if they suffice for bounds that
            are half a nat apart. "exact" and "tempering" ignore it.
        n_jobs : int, default=None
            Number of threads: by default as many as matrix products use, with -1 one per core. The
            result does not depend on it. "tempering" ignores it.
        random_state : int, RandomState instance or None, default=None
            By default a seed drawn by `fit`, with which repeated calls give the same result.

        Returns
        -------
        log_partition : LogPartition
            With the fields `value`, `std_error`, `lower`, `upper`, `effective_sample_size` and
            `method`.

        Warns
        -----
        ConvergenceWarning
            If the effective sample size is below five, the bounds are more than two nats apart,
            chains in the two directions contradict each other, or the standard error of "ais"
            exceeds 0.2 nats.

        References
        ----------
        .. [1] R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief
           networks", ICML 2008.
        .. [2] Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of
           MRF log-likelihood using reverse annealing", AISTATS 2015.
        """
        budget = AnnealingBudget(n_chains, n_temperatures, n_jobs)
        return self._model.log_partition(Device.of(self), method, budget, random_state)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the model with its current parameters, computed once for them, in nats."""
        known = self._model.known_log_partition()
        return self.log_partition() if known is None else known

    def _log_likelihood(self, rows: Checked) -> Array:
        return -self._fitted.free_energy(rows) - self.log_partition_.value
