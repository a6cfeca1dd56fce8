"""What a fitted deep belief network answers: features, samples, and bounds on likelihoods."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import arrays, devices, random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import Coordinates
from skrbm.deep import conditionals as belief_conditionals
from skrbm.deep.belief_net import BeliefNet, Conditional, drawn_by_content
from skrbm.deep.conditionals import Incomplete
from skrbm.estimators.common.rowwise import Features
from skrbm.estimators.rbm.completing import METHODS, Imputing, Teller, has_missing
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.inference import SAMPLING_METHODS
from skrbm.likelihood import LogPartition
from skrbm.validation.parameters import check_choice, check_count, check_seed
from skrbm.validation.rows import check_hidden

_N_DRAWS = 10  # of hidden states, of every row that is scored


class LowerBound(NamedTuple):
    """Lower bounds on `log p(v)` of some rows in nats, and the standard errors of their draws."""

    value: Array
    std_error: Array


class BeliefNetInference(Imputing, Features):
    """The methods of a deep belief network that read the fitted layers and leave them alone.

    The estimator's `fit` sets the attributes below.
    """

    output: str
    rbms_: list[RBMEstimator]
    _untied: tuple[tuple[Conditional, ...], tuple[Conditional, ...]] | None
    _likelihood_seed: int
    _methods = METHODS

    def transform(self, X: Any) -> Array:
        """Means of the hidden units, each given those of the layer below.

        Where values are missing, those of the lowest layer are averaged over what its RBM says of
        them given the known ones: as that RBM's own `transform` does, or, when up-down has given
        the recognition weights of its own, over twenty draws.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, if the lowest layer takes that.

        Returns
        -------
        H : ndarray of shape (n_samples, n_features_out)
            Of the uppermost layer, or with `output="all"` of all layers from the bottom up.
        """
        X = self._check_visible(X, allow_nan=self._takes_missing)
        net, place, top_alone = self._placed_net(), self._place, self._output() == "top"

        def features(means: list[Array]) -> Array:
            return means[-1] if top_alone else arrays.concat([*means], axis=-1)

        if has_missing(X):
            first = self._first_means(X)
            return threads.by_rows(lambda h: features(net.means_above(place(h))), first)
        return self._by_rows(lambda v: features(net.means(v)), X)

    def inverse_transform(self, H: Any) -> Array:
        """Means of the visible units, through the means of all layers on the way down.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_features_out)
            What `transform` returns; of all layers only the uppermost one counts.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        dtype, net, place = self._net().reference.dtype, self._placed_net(), self._place
        H = check_hidden(self, H, "H", self._n_features_out, dtype)
        top = H[:, -net.top.hidden.n_units :]
        means = threads.by_rows(lambda h: net.visible_from_top(place(h)), top)
        return self._coordinates.to_data(means)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Array:
        """Up and down by the means of all layers.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            How often; a second time starts from the means of the first.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        X = self._check_visible(X)
        n_steps = check_count("n_steps", n_steps)
        net = self._placed_net()

        def work(v: Any) -> Array:
            for _ in range(n_steps):
                v = net.visible_from_top(net.means(v)[-1])
            return v

        return self._coordinates.to_data(self._by_rows(work, X))

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """From every row of v draw the layers upwards, run a Gibbs chain on top, and come down.

        Successive calls draw on, and differ; a fixed `random_state` fixes their sequence.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            Gibbs steps of the uppermost RBM.

        Returns
        -------
        v_new : ndarray of shape (n_samples, n_features)
            Of bool for binary visible units.
        """
        n_steps = check_count("n_steps", n_steps)
        v = self._check_visible(v, name="v")
        net = self._placed_net()
        states = self._by_rows(lambda v, rng: net.gibbs(v, rng, n_steps), v, self._sampling_rng)
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
        """Draw rows from the model: from the uppermost RBM by Markov chains, and then downwards.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,) or dict, default=None
            Values that all rows shall have: a row with NaN where it is free, or values by the
            name or the index of their column. The chains are then those of `impute`.
        n_steps : int, default=1000
            Length of the chains, which start at persistent chains of the training.
        method : {"auto", "gibbs", "tempering"}, default="auto"
            How the chains move where nothing is given; see `BernoulliRBM.sample`.
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
        net, draws, place = self._placed_net(), self._coordinates.draws, self._place
        if given is not None:
            rows = np.repeat(self._check_given(given, net.visible), n_samples, axis=0)
            return draws(self._by_rows(self._teller("sample", n_steps), rows, rng))
        states = self.rbms_[-1]._sample_states(n_samples, n_steps, method, rng)
        return draws(threads.by_rows(lambda x, rng: net.down(place(x), rng)[0], states, rng))

    def lower_bound(
        self, X: Any, n_draws: int = _N_DRAWS, *, random_state: Any = None
    ) -> LowerBound:
        r"""Lower bound on `log p(v)` of every row v of X, in nats, from draws of the layers.

        .. math::

            \log p(v) \ge E_q[\log p(v, h_1, \dots, h_{n-1}) - \log q(h_1, \dots, h_{n-1} | v)],

        where the uppermost layer is summed out, and log Z of the RBM on top is `log_partition_`,
        whose error is not part of the standard error here. With one layer it is `log p(v)` itself.

        Where values :math:`v_m` are missing, the bound is on that of the known ones,

        .. math::

            \log p(v_o) \ge E[\log p(v_o, v_m, h) - \log p_1(v_m | v_o) - \log q(h | v)],

        where the RBM of the lowest layer, :math:`p_1`, draws what is missing: exactly where that
        has at most ten hidden units or the row at most ten binary values missing, and elsewhere by
        chains that are annealed through 500 temperatures, whose importance weights take the place
        of :math:`1 / p_1(v_m | v_o)`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, if the lowest layer takes that.
        n_draws : int, default=10
            Draws a row of the hidden layers and of what is missing, at least 2. Equal rows without
            missing values have equal draws.
        random_state : int, RandomState instance or None, default=None
            By default a seed that was drawn by `fit`: repeated calls give the same.

        Returns
        -------
        bound : LowerBound
            With the fields `value` and `std_error`, ndarrays of float64 of shape (n_samples,).
        """
        X = self._check_visible(X, allow_nan=self._takes_missing)
        n_draws = check_count("n_draws", n_draws, minimum=2)
        seed = self._likelihood_seed
        if random_state is not None:
            seed = check_seed(random_state)
        return self._lower_bound(X, n_draws, seed)

    def score_samples(self, X: Any) -> Array:
        """The value of `lower_bound(X)`, on `log p(v)` of every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, if the lowest layer takes that.

        Returns
        -------
        log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        return self._log_likelihood(self._check_visible(X, allow_nan=self._takes_missing))

    @property
    def recognition_(self) -> list[Conditional]:
        """What infers the layers, from the bottom up."""
        check_is_fitted(self)
        return list(self._net().recognition)

    @property
    def generation_(self) -> list[Conditional]:
        """What generates the layers, in the same order."""
        check_is_fitted(self)
        return list(self._net().generation)

    def log_partition(self, method: str = "auto", **parameters: Any) -> LogPartition:
        """Log Z of the uppermost RBM in nats, with its error; from now on scores use it.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
        **parameters
            Those of `BernoulliRBM.log_partition`.

        Returns
        -------
        log_partition : LogPartition
        """
        check_is_fitted(self)
        return self.rbms_[-1].log_partition(method, **parameters)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the uppermost RBM."""
        check_is_fitted(self)
        return self.rbms_[-1].log_partition_

    @property
    def _coordinates(self) -> Coordinates:
        return self.rbms_[0]._coordinates

    @property
    def _device(self) -> str | None:
        return self.rbms_[0]._device

    @property
    def _precision(self) -> str:
        return self.rbms_[0]._precision

    @property
    def _n_features_out(self) -> int:
        sizes = [rbm._n_features_out for rbm in self.rbms_]
        return sizes[-1] if self._output() == "top" else sum(sizes)

    def _output(self) -> str:
        return check_choice("output", self.output, ("top", "all"))

    def _net(self) -> BeliefNet:
        models = [rbm._model() for rbm in self.rbms_]
        return (
            BeliefNet.stack(models)
            if self._untied is None
            else BeliefNet(*self._untied, models[-1])
        )

    def _placed_net(self) -> BeliefNet:
        """The fitted net where the estimator computes."""
        models = [rbm._placed_model() for rbm in self.rbms_]
        if self._untied is None:
            return BeliefNet.stack(models)
        place, precision = self._place, self._precision
        recognition, generation = (
            tuple(conditional.map(place).with_precision(precision) for conditional in part)
            for part in self._untied
        )
        return BeliefNet(recognition, generation, models[-1])

    def _incomplete(self) -> Incomplete:
        lowest = self.rbms_[0]
        return Incomplete(self._placed_net(), lowest._placed_model(), lowest._placed_base())

    def _first_means(self, rows: Any) -> Array:
        """Means of the lowest hidden layer, where values are missing."""
        incomplete = self._incomplete()
        if self._untied is None or not incomplete.net.recognition:
            return self.rbms_[0]._hidden_means(rows)
        rng = random.generator(self._likelihood_seed)
        return self._by_rows(incomplete.first_means, rows, rng)

    def _teller(self, method: str, n_steps: int) -> Teller:
        if len(self.rbms_) == 1:
            return self.rbms_[0]._teller(method, n_steps)
        net = self._placed_net()
        if method == "sample":
            return lambda v, rng: belief_conditionals.complete(net, v, rng, n_steps)[0]
        tell = belief_conditionals.means if method == "mean" else belief_conditionals.mode
        return lambda v, rng: tell(net, v, rng, n_steps)

    def _lower_bound(self, rows: Any, n_draws: int, seed: int) -> LowerBound:
        incomplete = self._incomplete()

        def log_ratios(v: Any, rng: Generator) -> Array:
            v, draw = arrays.to_dense(v), drawn_by_content(random.generator(seed))
            return incomplete.log_ratios(v, n_draws, draw, rng)

        ratios = self._by_rows(log_ratios, rows, random.generator(seed))
        shift: Any = self.log_partition_.value
        if len(self.rbms_) > 1:  # else it is a density in the units of the data already
            shift += self._coordinates.log_volume
        if has_missing(rows):
            shift = shift - self._coordinates.log_volume_of(np.isnan(devices.to_host(rows[:])))
        std_error = ratios.std(axis=1, ddof=1) / math.sqrt(n_draws)
        return LowerBound(ratios.mean(axis=1) - shift, std_error)

    def _log_likelihood(self, rows: Any) -> Array:
        return self._lower_bound(rows, _N_DRAWS, self._likelihood_seed).value
