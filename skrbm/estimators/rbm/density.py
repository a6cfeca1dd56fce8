"""`DensityRBM`: the methods of an RBM that learns the likelihood of its data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.data.pictures import ReceptiveField
from skrbm.data.scaling import Scaling
from skrbm.estimators.common import methods
from skrbm.estimators.rbm.base import BaseRBM
from skrbm.estimators.rbm.pictures import OF_STRUCTURE, HiddenStructure
from skrbm.estimators.rbm.settings import LOG_LIKELIHOOD, Settings, Start
from skrbm.learning.defaults import with_filters
from skrbm.learning.early_stopping import drawn
from skrbm.learning.loop import RowFigure
from skrbm.learning.trajectory import Trajectory
from skrbm.learning.watching import Price, pseudo_likelihood_price
from skrbm.likelihood import pseudo_log_likelihood
from skrbm.model import RBM
from skrbm.samplers import Chains, ParallelTempering
from skrbm.units import Layer
from skrbm.validation.parameters import check_count
from skrbm.validation.pictures import check_receptive_field
from skrbm.validation.rows import check_hidden, check_weights


@dataclass(eq=False, repr=False, kw_only=True)
class DensityRBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseRBM):
    """Methods of an RBM that learns the likelihood of its data."""

    receptive_field: tuple[int, int] | None = None
    image_shape: tuple[int, ...] | None = None
    stride: int | tuple[int, int] = 1
    shared: bool = False
    pooling: int = 1

    _SHAPE: ClassVar[tuple[str, ...]] = OF_STRUCTURE

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model from scratch, in `n_iter` epochs over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            For binary visible units: data in [0, 1]; values outside cause a warning and count as 0
            or 1. Later calls of any method give no warning if values lie outside by at most 0.1 on
            average, as new rows from a `sklearn.preprocessing.MinMaxScaler` may. For Gaussian
            visible units: real numbers, not sparse. With missing_values="allow", NaN in an array is
            a missing value.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two has the effect of a duplicate row.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a parameter or the data are invalid; the estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If most hidden units are on or off in nearly all rows, or if early stopping finds that
            the model has memorised its rows. With gradient="ptt", also if log Z of the ladder is
            doubtful: rows have a total probability above one, chains drift or do not follow the
            training, or annealing finds a higher log Z.

        Notes
        -----
        The data are never copied or converted as a whole, whatever their type. An array of more
        than 64 MiB that is mapped from a file, by `numpy.memmap` or `numpy.load(mmap_mode="r")`,
        stays on disk. An epoch reads its blocks of 128 KiB in random order, in groups that fit into
        64 MiB, and shuffles the rows of each group. Every row is used once per epoch. Memory also
        holds indices and weights, up to 60 bytes per row, and the states of rows with missing
        values.
        """
        return self._fit(X, y, sample_weight)

    def resume(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Complete an interrupted `fit`.

        From a `Checkpoint`, or after an exception of a callback, the result is the same, bit for
        bit, as without the interruption. After Ctrl-C in the middle of an epoch it differs: the
        epoch is repeated, and starts from the parameters that it has already changed.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data passed to that `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights passed to that `fit`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data differ in size.
        """
        return self._resume(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch over the rows in the given order; the first call starts the model.

        The rows of a call are split into mini-batches of equal size, of at most `batch_size` rows.
        The step size stays at `learning_rate`, since the end of the stream is unknown. Chains,
        moving averages and the random generator continue from call to call. So calls with one
        mini-batch each, or with any number of full mini-batches, equal one call with all rows.

        The rows of the first call set the initial visible units: biases of binary units, or
        location and scale of Gaussian units, which remain the coordinates of the training. The
        first call should therefore have enough rows to estimate them. A warning is given once,
        after 100 later rows or more, if the mean of a column is more than three standard deviations
        off, or if its standard deviation is more than five times the first one or less than a
        hundredth of it.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
        """
        return self._partial_fit(X, y, sample_weight)

    def transform(self, X: Any) -> Array:
        """Compute `E[h_j | v]` for every row v of X; for binary hidden units `P(h_j = 1 | v)`.

        With `pooling`, it is the probability that any unit of a block is on.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_components / pooling**2)
        """
        return self._fitted.features(methods.check_seen(self, X))

    def inverse_transform(self, H: Any) -> Array:
        """Compute `E[v_i | h]` for every row h of H, which may contain means.

        With `pooling`, all units of a block are equally probable.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components / pooling**2)

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            With `set_output`, a data frame with the columns of the data.
        """
        means = self._fitted.visible_means(self._check_hidden(H, "H", self._n_features_out))
        return methods.framed_means(self, means, H)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Array:
        """Compute `E[v_i | h = E[h | v]]` for every row v of X: up and down, without noise.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            Number of up-down passes; each pass starts from the means of the previous one. More
            passes remove more noise, and finally also the particular features of a row.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            With `set_output`, a data frame with the columns of the data.
        """
        return methods.reconstruct(self, X, n_steps)

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """Run a Gibbs chain from every row of v: h given v, then v given h, `n_steps` times.

        Successive calls continue the random sequence and therefore differ; a fixed `random_state`
        makes the sequence reproducible.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1

        Returns
        -------
        v_new : ndarray of shape (n_samples, n_features)
            Boolean for binary visible units. With `set_output`, a data frame.
        """
        return methods.gibbs(self, v, n_steps)

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        n_steps: int = 1000,
        method: str = "auto",
        random_state: Any = None,
    ) -> Array:
        """Draw rows from the model, each from an independent Markov chain.

        The chains start at the persistent chains of the training, if the model has any; otherwise
        at independent draws from the initial visible biases. If some values are given, the chains
        start at such independent draws and keep the given values fixed. Draws are then exact if
        the model has at most ten hidden units, or at most ten binary visible units are free.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,), dict or Series, default=None
            Values shared by all rows: either a row, with NaN for the free values, or a dict or
            pandas Series from the name or index of a column to its value. Binary visible units take
            only 0 and 1.
        n_steps : int, default=1000
            Length of the chains. Longer chains depend less on their start.
        method : {"auto", "gibbs", "tempering", "trajectory"}, default="auto"
            Markov chain to run if no values are given:

            - "gibbs": only Gibbs steps.
            - "auto": Gibbs steps; if the model was trained with gradient="jump", every tenth step
              begins with a jump, by Metropolis' rule, to a hidden state proposed by a row of the
              last mini-batch.
            - "tempering": every chain exchanges states with chains at 19 higher temperatures, which
              move more freely between modes. It costs 20 times as much.
            - "trajectory": the chains start at states of the ladder of a training with
              gradient="ptt", and exchange states with chains of its earlier models, down to
              independent units. If the ladder is in equilibrium, so are the draws. With 16 models,
              it takes about as long as "tempering".
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.

        Returns
        -------
        v : ndarray of shape (n_samples, n_features)
            Boolean for binary visible units. With `set_output`, a data frame.
        """
        return methods.sample(self, n_samples, given, n_steps, method, random_state)

    def energy(self, v: Any, h: Any) -> Array:
        """Compute `E(v, h)` for every pair of rows, in nats.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        h : array-like of shape (n_samples, n_components)

        Returns
        -------
        energy : ndarray of float64 of shape (n_samples,)
        """
        v = methods.check_seen(self, v, "v", allow_nan=False).values
        h = self._check_hidden(h, "h", self._model.fitted.rbm.hidden.n_columns)
        check_consistent_length(v, h)
        return self._fitted.energy(v, h)

    def free_energy(self, X: Any) -> Array:
        """Compute `F(v) = -log sum_h exp(-E(v, h))` for every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        free_energy : ndarray of float64 of shape (n_samples,)
        """
        return self._fitted.free_energy(methods.check_seen(self, X, allow_nan=False))

    def score_samples(self, X: Any) -> Array:
        """Compute `log p(v) = -F(v) - log Z` for every row v of X, in nats, with `log_partition_`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        return self._log_likelihood(methods.check_seen(self, X))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Compute the mean of `score_samples(X)`, in nats per row.

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
        rows = methods.check_seen(self, X)
        weights = check_weights(sample_weight, rows.values)
        return float(np.average(self._log_likelihood(rows), weights=weights))

    def pseudo_log_likelihood(
        self, X: Any, n_flips: int | None = None, *, random_state: Any = None
    ) -> Array:
        """Compute `sum_i log p(v_i | all other v)` for every row v of X, in nats.

        No log Z is needed. Once log Z is known, `score_samples` is cheaper by a factor n_features.
        For binary units, values between 0 and 1 are compared with their complement. For Gaussian
        units, each column takes a one-dimensional quadrature with an error of at most 1e-6.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_flips : int, default=None
            Number of randomly drawn columns per row, from which the sum is estimated without bias.
            By default all columns are used, and the result is exact.
        random_state : int, RandomState instance or None, default=None
            Seed of the columns. By default they continue the random sequence of `gibbs` and
            `sample`.

        Returns
        -------
        pseudo_log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        X = methods.check_seen(self, X, allow_nan=False).values
        fitted = self._fitted
        if n_flips is None:
            return fitted.pseudo_log_likelihood(X, None, None)
        n_flips = check_count("n_flips", n_flips, maximum=self.n_features_in_)
        return fitted.pseudo_log_likelihood(X, n_flips, fitted.seeds.generator(random_state))

    @property
    def chains_(self) -> Array:
        """Visible states of the persistent chains."""
        return self._model.fitted.scaling.to_data(to_host(self._chains.visible))

    @property
    def h_samples_(self) -> Array:
        """Hidden states of the persistent chains."""
        return to_host(self._chains.hidden)

    @property
    def tempering_(self) -> ParallelTempering:
        """The chains at all temperatures with which the model was trained."""
        tempering = self._model.training.tempering
        if tempering is None:
            msg = f"gradient={self._model.shape['gradient']!r} tempers no chains."
            raise AttributeError(msg)
        return tempering

    @property
    def trajectory_(self) -> Trajectory:
        """The ladder of earlier models with which the model was trained."""
        trajectory = self._model.training.trajectory
        if trajectory is None:
            msg = f"gradient={self._model.shape['gradient']!r} keeps no earlier models."
            raise AttributeError(msg)
        return trajectory

    def forget_trajectory(self, n_models: int = 0) -> Self:
        """Drop earlier models of the training, which take most of the memory of a fitted model.

        Parameters
        ----------
        n_models : int, default=0
            Number of models with weights of their own to keep, 0 or at least 2. Those that are
            missed least are dropped.
            Without any, `sample(method="trajectory")` and `log_partition(method="trajectory")` are
            not available, and `partial_fit` starts a new ladder.

        Returns
        -------
        self : estimator
        """
        check_is_fitted(self)
        n_models = check_count("n_models", n_models, minimum=0)
        if n_models == 1:
            msg = "n_models == 1: keep 0 models, or at least 2."
            raise ValueError(msg)
        training = self._model.training
        if n_models == 0:
            training.trajectory = None
        elif training.trajectory is not None:
            training.trajectory.ladder.thin(n_models)
        return self

    @property
    def filters_(self) -> Array:
        """Shared weights of a window, shape (n_filters, height, width, n_channels), in data units.

        Only with `shared=True`.
        """
        if not self._model.shape["shared"]:
            msg = "filters_ needs shared=True."
            raise AttributeError(msg)
        return self._structure.filters(self._model.fitted)

    @property
    def _structure(self) -> HiddenStructure:
        return HiddenStructure(field_of(self), self.shared, self.pooling)

    @property
    def _n_seeing(self) -> float:
        return super()._n_seeing * self._structure.share

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._structure.check(self.n_components)

    def _settings(self) -> Settings:
        defaults = with_filters(self._defaults) if self.shared else self._defaults
        return replace(super()._settings(), field=field_of(self), defaults=defaults)

    def _binary_units(self, bias: float, dtype: Any) -> Layer:
        return self._structure.binary_units(self._hidden_biases(bias, dtype))

    def _localized(self, start: Start, owner: Array) -> Start:
        """The start with local or shared weights if there is a receptive field."""
        return self._structure.localized(start, owner, int(self.n_components))

    def _figure_of(self, gradient: str) -> str:
        return LOG_LIKELIHOOD if gradient == "ptt" else super()._figure_of(gradient)

    @property
    def _chains(self) -> Chains:
        chains = self._model.training.chains
        if chains is None:
            msg = f"gradient={self._model.shape['gradient']!r} keeps no persistent chains."
            raise AttributeError(msg)
        return chains

    def _check_hidden(self, H: Any, name: str, n_columns: int) -> Array:
        return check_hidden(self, H, name, n_columns, self._model.fitted.rbm.reference.dtype)

    def _row_figure(self, scaling: Scaling, n_flips: int) -> RowFigure:
        log_volume = scaling.log_volume

        def figure(rbm: RBM, v: Array, rng: Generator) -> Array:
            n = min(n_flips, rbm.visible.n_units)
            v = drawn(rbm, v, rng)
            return pseudo_log_likelihood(rbm, v, n, rng) - log_volume

        return figure

    def _price(self, rbm: RBM, n_flips: int) -> Price:
        return pseudo_likelihood_price(rbm, min(n_flips, rbm.visible.n_units))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def field_of(rbm: BaseRBM) -> ReceptiveField | None:
    """The receptive field of the hidden units of an RBM; None if they see all features."""
    if not isinstance(rbm, DensityRBM):
        return None
    return check_receptive_field(rbm.receptive_field, rbm.image_shape, rbm.stride)
