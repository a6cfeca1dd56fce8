"""What a fitted estimator answers: features, samples, energies and likelihoods."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skrbm import conditionals, likelihood, samplers
from skrbm._kernels import arrays, devices, random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.annealing import Effort, Path
from skrbm.estimators.common.device import RBMOnDevice
from skrbm.estimators.common.rowwise import Features
from skrbm.learning.loop import Training
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.samplers import Chains, ParallelTempering
from skrbm.validation.estimators import check_enumerable
from skrbm.validation.parameters import check_choice, check_count, check_jobs, check_seed
from skrbm.validation.rows import check_hidden, levels_to_the_caller

_FEWEST_CHAINS = 20  # fewer cannot tell that two directions contradict each other
SAMPLING_METHODS = ("auto", "gibbs", "tempering")
_EXACT_UNITS = 30  # the largest layer that log_partition(method="exact") enumerates


class RBMInference(Features, RBMOnDevice):
    """The methods of every RBM estimator that read the fitted model and leave it alone.

    The estimator's `fit` sets the attributes below.
    """

    _started_with: dict[str, Any]
    _training: Training
    _likelihood_seed: int
    _log_partitions: dict[str, LogPartition]

    def transform(self, X: Any) -> Array:
        """`E[h_j | v]` for every row v of X; for binary hidden units `P(h_j = 1 | v)`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
        """
        X = self._check_visible(X, allow_nan=self._takes_missing)
        return self._hidden_means(X)

    def inverse_transform(self, H: Any) -> Array:
        """`E[v_i | h]` for every row h of H, which may hold means.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        H = self._check_hidden(H, "H")
        rbm, place = self._placed_model(), self._place
        means = threads.by_rows(lambda h: rbm.visible_from_hidden(place(h)), H)
        return self._coordinates.to_data(means)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Array:
        """`E[v_i | h = E[h | v]]` for every row v of X: up and down, without noise.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            How often; a second time starts from the means of the first. Each step leads further
            from noise in the rows, and at last from what is particular to them.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        X = self._check_visible(X)
        n_steps = check_count("n_steps", n_steps)
        rbm = self._placed_model()

        def work(v: Any) -> Array:
            for _ in range(n_steps):
                v = rbm.visible_from_hidden(rbm.hidden_from_visible(v))
            return v

        return self._coordinates.to_data(self._by_rows(work, X))

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """Run a Gibbs chain from every row of v: h given v, then v given h, `n_steps` times.

        Successive calls draw on, and differ; a fixed `random_state` fixes their sequence.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1

        Returns
        -------
        v_new : ndarray of shape (n_samples, n_features)
            Of bool for binary visible units.
        """
        n_steps = check_count("n_steps", n_steps)
        v = self._check_visible(v, name="v")
        rbm = self._placed_model()
        states = self._by_rows(
            lambda v, rng: samplers.gibbs_visible(rbm, v, rng, n_steps), v, self._sampling_rng
        )
        return self._coordinates.draws(states)

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        n_steps: int = 1000,
        method: str = "auto",
        random_state: Any = None,
    ) -> Array:
        """Draw rows from the model, each by a Markov chain of its own.

        The chains start at persistent chains of the training, or where there are none at
        independent draws from the visible biases before training. With some values given they
        start at such draws, and what is given stays as it is; draws are exact where there are at
        most ten hidden units, or at most ten binary visible ones that are not given.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,) or dict, default=None
            Values that all rows shall have: a row with NaN where it is free, or values by the
            name or the index of their column. Zeros and ones for binary visible units.
        n_steps : int, default=1000
            Length of the chains. What they still share with their start is lost with more steps.
        method : {"auto", "gibbs", "tempering"}, default="auto"
            Used where nothing is given. "gibbs" makes Gibbs steps alone. "auto" does, too, but
            where the model was trained with gradient="jump" every tenth begins with a jump, by
            Metropolis' rule, to a hidden state that a row of the last mini-batch proposes. With
            "tempering" every chain exchanges states with chains at 19 higher temperatures, which
            pass more freely from one mode to another, at 20 times the cost.
        random_state : int, RandomState instance or None, default=None
            By default the draws go on from those of `gibbs` and `sample` before.

        Returns
        -------
        v : ndarray of shape (n_samples, n_features)
            Of bool for binary visible units.
        """
        check_is_fitted(self)
        n_samples = check_count("n_samples", n_samples)
        n_steps = check_count("n_steps", n_steps)
        check_choice("method", method, SAMPLING_METHODS)
        rng = self._rng(random_state)
        if given is None:
            states = self._sample_states(n_samples, n_steps, method, rng)
        else:
            row = self._check_given(given, self._model().visible)
            states = self._conditional_states(row, n_samples, n_steps, rng)
        return self._coordinates.draws(states)

    def energy(self, v: Any, h: Any) -> Array:
        """`E(v, h)` of every pair of rows, in nats.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        h : array-like of shape (n_samples, n_components)

        Returns
        -------
        energy : ndarray of float64 of shape (n_samples,)
        """
        v = self._check_visible(v, name="v")
        h = self._check_hidden(h, "h")
        check_consistent_length(v, h)
        v, h = self._place(self._coordinates.to_model(v[:])), self._place(h)
        return devices.to_host(self._placed_model().energy(v, h))

    def free_energy(self, X: Any) -> Array:
        """`F(v) = -log sum_h exp(-E(v, h))` of every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        free_energy : ndarray of float64 of shape (n_samples,)
        """
        return self._free_energies(self._check_visible(X))

    def score_samples(self, X: Any) -> Array:
        """`log p(v) = -F(v) - log Z` of every row v of X, in nats, with `log_partition_`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        return self._log_likelihood(self._check_visible(X, allow_nan=self._takes_missing))

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 8_000,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> LogPartition:
        """Log Z in nats, with its error; from now on `score_samples` uses it.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
            "exact" enumerates the smaller layer, which may have at most 30 units. "ais" anneals
            chains from independent units to the model [1]_, "bracket" also back from samples of
            the model, which bounds log Z on both sides [2]_. "tempering" adds up ratios between 20
            temperatures of tempered chains, or those that gradient="pt" was trained with. "auto" is
            exact where that takes about a second, and the bracket elsewhere.
        n_chains : int, default=100
            Chains in each direction, or at each of the 20 temperatures, at least 20. Not used by
            "exact", nor by "tempering" where the model was trained with gradient="pt".
        n_temperatures : int, default=8_000
            Temperatures that the chains pass through; "bracket" uses fewer where they suffice for
            bounds half a nat apart. Not used by "exact" and "tempering".
        n_jobs : int, default=None
            Number of threads, by default as many as matrix products take, with -1 one a core; the
            result does not depend on it. Not used by "tempering".
        random_state : int, RandomState instance or None, default=None
            By default a seed that was drawn by `fit`: repeated calls give the same.

        Returns
        -------
        log_partition : LogPartition
            With the fields `value`, `std_error`, `lower`, `upper`, `effective_sample_size` and
            `method`.

        Warns
        -----
        ConvergenceWarning
            If less than five chains count, the bounds are more than two nats apart, chains in the
            two directions contradict each other, or the standard error of "ais" exceeds 0.2 nats.

        References
        ----------
        .. [1] R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief
           networks", ICML 2008.
        .. [2] Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of
           MRF log-likelihood using reverse annealing", AISTATS 2015.
        """
        return self._log_partition(method, Effort(n_chains, n_temperatures, n_jobs), random_state)

    def _log_partition(self, method: str, effort: Effort, random_state: Any) -> LogPartition:
        check_is_fitted(self)
        check_choice("method", method, likelihood.METHODS)
        rbm = self._placed_model()
        if method == "exact":
            check_enumerable("method", _layer_sizes(rbm), _EXACT_UNITS)
        effort = replace(
            effort,
            n_chains=check_count("n_chains", effort.n_chains, minimum=_FEWEST_CHAINS),
            n_temperatures=check_count("n_temperatures", effort.n_temperatures, minimum=2),
            n_jobs=check_jobs("n_jobs", effort.n_jobs),
        )
        seed = self._likelihood_seed
        if random_state is not None:
            seed = check_seed(random_state)
        path, rng = Path(rbm, self._placed_base()), random.generator(seed)
        if method == "tempering" and hasattr(self, "tempering_"):
            ladder = deepcopy(self.tempering_)
            ladder.move(self._place)
            result = likelihood.tempered_log_partition(path, rng, ladder)
        else:
            chains = self._training.gradient.chains
            start = None if chains is None else self._place(chains.visible)
            result = likelihood.log_partition(path, rng, method, effort, start)
        result = result.shifted(self._coordinates.log_volume)
        self._log_partitions = {self._parameters_hash(): result}
        if result.doubt:
            warnings.warn(
                f"log Z == {result.value:.2f} cannot be trusted: {result.doubt}. Call "
                "log_partition with more n_temperatures or n_chains, or method='bracket'.",
                ConvergenceWarning,
                stacklevel=levels_to_the_caller(),
            )
        return result

    def pseudo_log_likelihood(
        self, X: Any, n_flips: int | None = None, *, random_state: Any = None
    ) -> Array:
        """`sum_i log p(v_i | all other v)` of every row v of X, in nats.

        It needs no log Z, but costs n_features times what `score_samples` does once that is known.
        Binary units: values between 0 and 1 are compared with their complement. Gaussian units:
        a one-dimensional quadrature a column, right to 1e-6.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_flips : int, default=None
            Number of columns a row, drawn at random, from which the sum is estimated without bias;
            by default all of them, which is exact.
        random_state : int, RandomState instance or None, default=None
            Draws the columns; by default the draws go on from those of `gibbs` and `sample` before.

        Returns
        -------
        pseudo_log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        X = self._check_visible(X)
        if n_flips is not None:
            n_flips = check_count("n_flips", n_flips, maximum=self.n_features_in_)
        rbm, log_volume = self._placed_model(), self._coordinates.log_volume

        def work(v: Any, rng: Generator | None = None) -> Array:
            v = arrays.to_dense(v)
            return likelihood.pseudo_log_likelihood(rbm, v, n_flips, rng) - log_volume

        return self._by_rows(work, X, None if n_flips is None else self._rng(random_state))

    @property
    def chains_(self) -> Array:
        """Visible states of the persistent chains."""
        return self._coordinates.to_data(self._chains().visible)

    @property
    def h_samples_(self) -> Array:
        """Hidden states of the persistent chains."""
        return self._chains().hidden

    @property
    def tempering_(self) -> ParallelTempering:
        """The chains at all temperatures that the model was trained with."""
        check_is_fitted(self)
        gradient = self._training.gradient
        if not hasattr(gradient, "tempering"):
            msg = f"gradient={self._started_with['gradient']!r} tempers no chains."
            raise AttributeError(msg)
        return gradient.tempering

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the model as its parameters are now, computed once for them, in nats."""
        check_is_fitted(self)
        known = self._log_partitions.get(self._parameters_hash())
        return self.log_partition() if known is None else known

    def _parameters_hash(self) -> str:
        return joblib.hash(self._model().parameters)

    @property
    def _n_features_out(self) -> int:
        return self._model().hidden.n_units

    def _log_likelihood(self, rows: Any) -> Array:
        return -self._free_energies(rows) - self.log_partition_.value

    def _conditional_states(self, given: Array, n: int, n_steps: int, rng: Generator) -> Array:
        """Visible states of the model where those of a row are given."""
        rbm, base = self._placed_model(), self._placed_base()

        def run(v: Array, rng: Generator) -> Array:
            return conditionals.draw(rbm, base, v, rng, n_steps)

        return self._by_rows(run, np.repeat(given, n, axis=0), rng)

    def _hidden_means(self, rows: Any) -> Array:
        """`E[h | v]` of rows that are checked."""
        return self._by_rows(self._placed_model().hidden_from_visible, rows)

    def _free_energies(self, rows: Any) -> Array:
        """`F(v)` of rows that are checked."""
        return self._by_rows(self._placed_model().free_energy, rows)

    def _check_hidden(self, H: Any, name: str) -> Array:
        check_is_fitted(self)
        rbm = self._model()
        return check_hidden(self, H, name, rbm.hidden.n_units, rbm.reference.dtype)

    def _chains(self) -> Chains:
        check_is_fitted(self)
        chains = self._training.gradient.chains
        if chains is None:
            msg = f"gradient={self._started_with['gradient']!r} keeps no persistent chains."
            raise AttributeError(msg)
        return chains

    def _sample_states(self, n: int, n_steps: int, method: str, rng: Generator) -> Array:
        """Visible states of the model, from chains that start where those of the training are."""
        gradient, rbm, place = self._training.gradient, self._placed_model(), self._place
        chains = gradient.chains
        if chains is None:
            start = samplers.independent(self._base, n, rng)
        else:
            start = chains.visible[rng.integers(len(chains.visible), size=n)]
        if method == "tempering":
            tempering = ParallelTempering.start(
                rbm, self._base.map(place), place(start), samplers.N_REPLICAS, rng
            )
            return devices.to_host(tempering.run(rbm, n_steps, rng))
        proposal = None
        if method == "auto" and hasattr(gradient, "proposal"):
            proposal = gradient.proposal(rbm)

        def run(v: Array, rng: Generator) -> Array:
            v = place(v)
            if proposal is None:
                return samplers.gibbs_visible(rbm, v, rng, n_steps)
            return samplers.jumping_gibbs(rbm, v, proposal, rng, n_steps)

        return threads.by_rows(run, start, rng)


def _layer_sizes(rbm: RBM) -> list[float]:
    """Binary units that would have to be enumerated, of either layer."""
    return [rbm.visible.log2_states, rbm.hidden.log2_states]
