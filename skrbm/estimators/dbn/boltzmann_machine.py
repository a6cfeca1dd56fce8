"""`DeepBoltzmannMachine`: undirected layers, trained together."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.deep.mean_field import MeanField
from skrbm.estimators.common import methods
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fit_state import Hook, asked_to_stop
from skrbm.estimators.common.fitted import Fitted, fitted_of
from skrbm.estimators.common.fitted_machine import FittedMachine
from skrbm.estimators.common.fitted_table import FittedTable
from skrbm.estimators.dbn import stack as stacks
from skrbm.estimators.dbn.growth import grow, trained_above
from skrbm.estimators.dbn.machine_settings import arrangement_of, machine_settings
from skrbm.estimators.dbn.pretraining import Pretraining
from skrbm.estimators.rbm.base import learner_of, settings_of, start_layer
from skrbm.estimators.rbm.bernoulli import BernoulliRBM
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.settings import Settings, Size
from skrbm.estimators.rbm.tabular import TabularRBM
from skrbm.learning.train_state import Record
from skrbm.likelihood import LogPartition
from skrbm.units import Bernoulli, Domain
from skrbm.validation import estimators, parameters
from skrbm.validation.rows import (
    Checked,
    TrainingRows,
    check_columns,
    check_hidden,
    check_weights,
)

_JOINT_SHARE = 0.1  # of the step size, after pre-training: a larger one would undo much of it

# Correlated noise would couple all visible units, and the log-likelihood of a validation set has no
# bound that is quick to compute.
_REQUIRED = {"early_stopping": False, "covariance_type": "diag"}


@dataclass(eq=False, repr=False)
class DeepBoltzmannMachine(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    r"""Deep Boltzmann machine: undirected layers, all trained together.

    .. math::

        p(v, h_1, \dots, h_n) = \frac{1}{Z} e^{-E(v, h_1, \dots, h_n)}, \qquad
        E = E_0(v) - \sum_l c_l h_l - v W_1 h_1 - \sum_{l > 1} h_{l-1} W_l h_l.

    :math:`E_0` is the energy of the visible units without coupling. A hidden layer depends on the
    layers below and above it. A mean field approximates its distribution given a row [1]_: its
    units are independent, and their means are updated in turn until they converge. Training starts
    with an RBM of the lowest layers, adds the others one by one, and ends with all layers together.
    The gradient is centred [2]_.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 64)
        Numbers of hidden units, from the bottom up.
    rbm : BernoulliRBM, GaussianBernoulliRBM or TabularRBM, default=None
        Prototype with the type of the visible units and all training parameters, such as
        `learning_rate`, `n_iter`, `gradient`, `alpha`, `batch_size` and `missing_values`. The
        machine sets `n_components` and `random_state`, and takes `covariance_type="auto"` as
        "diag". The default is `BernoulliRBM()` for data in [0, 1], up to rounding, and for sparse
        matrices; for other data it is `GaussianBernoulliRBM()`. With a `TabularRBM`, rows of data
        are tables in all methods. Hidden units are binary. Early stopping is not available.
    pretrain : bool, default=True
        Train the lowest hidden layer alone for `rbm.n_iter` epochs, as an RBM. Then add each higher
        layer, with small weights from an RBM of the states of the layer below, and train all layers
        so far together. The step size of this joint training is a tenth of `learning_rate`. If
        False, all layers are trained together from random weights.
    n_iter : int, default=None
        Number of epochs of each joint training. By default it is `rbm.n_iter`; if this is "auto",
        joint training has 250 updates, but at least 10 epochs.
    mean_field_max_iter : int, default=50
        Maximum number of updates of the mean field.
    mean_field_tol : float, default=1e-3
        The mean field of a row has converged if no mean changes by more in an update.
    output : {"top", "all"}, default="top"
        Features returned by `transform`: of the top layer, or of all hidden layers from the bottom
        up, in one array.
    callbacks : callable or list of callables, default=None
        Called after every epoch with the estimator and the number of epochs trained. A callback
        that raises StopIteration ends the training; see `Checkpoint`.
    device : str, default=None
        Device of all computations, see `BernoulliRBM`; by default as in the prototype.
    precision : {"float32", "bfloat16"}, default=None
        Precision of matrix products on a device, see `BernoulliRBM`; by default as in the
        prototype.
    verbose : int, default=0
        If above 0, report the epochs, see `BernoulliRBM`.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers. If None, the `random_state` of the prototype is used.

    Attributes
    ----------
    components_ : list of ndarray
        Weights :math:`W_l^T` between adjacent layers, from the bottom up, each of shape
        (n_units of the upper layer, n_units of the lower layer).
    intercept_visible_ : ndarray of shape (n_features,)
        Biases of the visible units.
    intercepts_hidden_ : list of ndarray
        Biases of the hidden layers, from the bottom up.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains.
    history_ : dict of str to ndarray
        One array per figure, with one value per epoch, as in `BernoulliRBM`. Here
        `pseudo_log_likelihood` is the pseudo-likelihood given the means of the even hidden layers.
        As these means depend on the row, it is too optimistic.
    n_iter_ : int
        Number of epochs trained.
    log_partition_ : LogPartition
        log Z, computed on first access.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    DeepBeliefNetwork : Directed layers below an RBM, trained from the bottom up.
    BernoulliRBM : A single layer.

    Notes
    -----
    Even layers (the visible units, the second hidden layer, and so on) are independent given the
    odd ones, and the other way round. So the machine is an RBM of these two groups, whose weights
    are blocks. Its chains, its gradients and its estimates of log Z are the chains, gradients and
    estimates of `BernoulliRBM`.

    Training draws the hidden layers of each row by two Gibbs steps, which start at a draw from the
    mean field. So the gradient is the gradient of the likelihood, up to the length of this chain.
    With means instead of draws it would be the gradient of the bound, and the upper layers would
    remain nearly constant. Even hidden layers are averaged given the last draw of the odd ones:
    draws of both would add noise, which makes the weights between them grow.

    A trained RBM leaves little to learn for the layers above it. So a machine rarely has a higher
    likelihood than an RBM with its lowest layers.

    References
    ----------
    .. [1] R. Salakhutdinov and G. Hinton, "Deep Boltzmann machines", AISTATS 2009.
    .. [2] G. Montavon and K.-R. Mueller, "Deep Boltzmann machines and the centering trick", Neural
       Networks: Tricks of the Trade, 2012.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skrbm import BernoulliRBM, DeepBoltzmannMachine
    >>> X, X_test = train_test_split(load_digits().data / 16, random_state=0)
    >>> rbm = BernoulliRBM(n_iter=20)
    >>> dbm = DeepBoltzmannMachine((32, 16), rbm=rbm, random_state=0).fit(X)
    >>> dbm.transform(X_test).shape
    (450, 16)
    >>> bool(dbm.score(X_test > 0.5) > -35)  # independent pixels have -38
    True
    """

    hidden_layer_sizes: int | tuple[int, ...] = (256, 64)
    _: KW_ONLY
    rbm: DensityRBM | None = None
    pretrain: bool = True
    n_iter: int | None = None
    mean_field_max_iter: int = 50
    mean_field_tol: float = 1e-3
    output: str = "top"
    callbacks: Any = None
    device: str | None = None
    precision: str | None = None
    verbose: int = 0
    random_state: Any = None

    _lowest: DensityRBM | None = field(default=None, init=False)
    _sizes: tuple[int, ...] = field(default=(), init=False)
    _later: tuple[int, ...] = field(default=(), init=False)  # layers that pre-training will add
    _is_pretrained: bool = field(default=False, init=False)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train the layers, in epochs over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the visible units accept. NaN in an array is a missing value if the prototype
            has missing_values="allow".
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two has the effect of a duplicate row.

        Returns
        -------
        self : DeepBoltzmannMachine

        Raises
        ------
        ValueError
            If a parameter of the machine or of its prototype, or the data, are invalid; the
            estimator is then unchanged.
        """
        return self._finish(X, self._begin(X, sample_weight))

    def resume(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Complete an interrupted `fit`; see `BernoulliRBM.resume`.

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
        self : DeepBoltzmannMachine

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data differ in size.
        """
        return self._finish(X, self._resumed_rows(X, sample_weight))

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch over the rows in the given order; the first call starts the model.

        See `BernoulliRBM.partial_fit`. Only the first call uses the prototype and the sizes.

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
        self : DeepBoltzmannMachine
        """
        first = self._lowest is None
        rbm = self._new_rbm() if self._lowest is None else self._lowest
        rbm, rows = self._check_rows(X, sample_weight, rbm, first=first)
        if first:
            self._start(rbm, rows, _sizes_of(self.hidden_layer_sizes))
        while self._later:
            self._grow(rows)
        learner_of(rbm).go_on(self._settings(rbm, self._sizes), rows)
        return self

    def transform(self, X: Any) -> Array:
        """Compute the means of the hidden units under the mean field of every row.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value, if the prototype allows it; its mean is part of the mean field.

        Returns
        -------
        H : ndarray of shape (n_samples, n_features_out)
            Features of the top layer, or with `output="all"` of all layers from the bottom up.

        Warns
        -----
        ConvergenceWarning
            If the mean field of more than 1 % of the rows has not converged.
        """
        X = methods.check_seen(self, X)
        return self._machine.features(X, of_all_layers=self._output() == "all")

    def inverse_transform(self, H: Any) -> Array:
        """Compute the means of the visible units in the mean field given the top layer.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_features_out)
            Output of `transform`; only the columns of the top layer are used.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            With `set_output`, a data frame with the columns of the data.
        """
        fitted = self._fitted
        h = check_hidden(self, H, "H", self._n_features_out, fitted.dtype)
        means = self._machine.visible_means(h[:, -self._machine.arrangement.sizes[-1] :])
        return methods.framed_means(self, means, H)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Array:
        """Compute `E[v | h_1]` for the means of the lowest hidden layer under the mean field.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            Number of passes; each pass starts from the means of the previous one.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            With `set_output`, a data frame with the columns of the data.
        """
        rows = methods.check_seen(self, X, allow_nan=False).values
        means = self._machine.reconstruct(rows, parameters.check_count("n_steps", n_steps))
        return methods.framed_means(self, means, X)

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """Run a Gibbs chain from every row of v: odd layers given even ones, and back.

        The even hidden layers start at draws from the mean field. Successive calls continue the
        random sequence and therefore differ; a fixed `random_state` makes the sequence
        reproducible.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1

        Returns
        -------
        v_new : ndarray of shape (n_samples, n_features)
            Boolean for binary visible units. With `set_output`, a data frame.
        """
        rows = methods.check_seen(self, v, "v", allow_nan=False).values
        fitted = self._fitted
        states = self._machine.gibbs(rows, parameters.check_count("n_steps", n_steps))
        if fitted.coding is not None:
            states = FittedTable.of(fitted).drawn(states, fitted.seeds.sampling)
        return methods.framed(self, states, v)

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        n_steps: int = 1000,
        method: str = "auto",
        random_state: Any = None,
    ) -> Array:
        """Draw rows from the model, each from an independent Markov chain of all layers.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,), dict or Series, default=None
            Values shared by all rows: either a row, with NaN for the free values, or a dict or
            pandas Series from the name or index of a column to its value.
        n_steps : int, default=1000
            Length of the chains, which start at persistent chains of the training.
        method : {"auto", "gibbs", "tempering", "trajectory"}, default="auto"
            Markov chain to run if no values are given; see `BernoulliRBM.sample`.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.

        Returns
        -------
        v : ndarray of shape (n_samples, n_features)
            Boolean for binary visible units. With `set_output`, a data frame.
        """
        return methods.sample(self, n_samples, given, n_steps, method, random_state)

    def impute(
        self,
        X: Any,
        *,
        method: str = "sample",
        n_steps: int = 100,
        n_draws: int | None = None,
        random_state: Any = None,
    ) -> Array:
        """Replace NaN using `p(missing | known)` of its row.

        Each row runs a block Gibbs chain of all layers, which keeps the known values fixed. The
        result is exact if the odd layers together have at most ten units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN is a missing value, regardless of `missing_values`.
        method : {"sample", "mean", "mode"}, default="sample"
            Imputed value: a draw from p(missing | known); the conditional mean; or a mode of
            missing values and even hidden layers together.
        n_steps : int, default=100
            Length of the chains; see `BernoulliRBM.impute`.
        n_draws : int, default=None
            With "sample", number of draws per row, each from an independent chain.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features) or (n_draws, n_samples, n_features)
            Known values are unchanged, bit for bit. With `set_output`, a data frame unless n_draws
            is set.
        """
        return methods.impute(self, X, method, n_steps, n_draws, random_state)

    def lower_bound(self, X: Any) -> Array:
        r"""Compute the variational lower bound on `log p(v)` of every row v of X, in nats.

        .. math::

            \log p(v) \ge E_q[-E(v, h_1, \dots, h_n)] + H(q) - \log Z

        for the mean field q of the row, with entropy H(q). The sum over the odd layers is exact.
        The bound equals `log p(v)` if there is only one hidden layer. log Z is `log_partition_`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            If values are missing, and the prototype allows it, the bound is on the log-likelihood
            of the known values.

        Returns
        -------
        bound : ndarray of float64 of shape (n_samples,)

        Warns
        -----
        ConvergenceWarning
            If the mean field of more than 1 % of the rows has not converged. It is a bound all the
            same.
        """
        return self._lower_bound(methods.check_seen(self, X))

    def score_samples(self, X: Any) -> Array:
        """Compute `lower_bound(X)`, a bound on `log p(v)` of every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        bound : ndarray of float64 of shape (n_samples,)
        """
        return self.lower_bound(X)

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
        bound : float
        """
        rows = methods.check_seen(self, X)
        weights = check_weights(sample_weight, rows.values)
        return float(np.average(self._lower_bound(rows), weights=weights))

    def log_partition(self, method: str = "auto", **parameters: Any) -> LogPartition:
        """Compute log Z in nats, with its error; scores use it from then on.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering", "trajectory"}, default="auto"
            "exact" enumerates the smaller of the two groups of even and odd layers.
        **parameters
            Other parameters of `BernoulliRBM.log_partition`.

        Returns
        -------
        log_partition : LogPartition
        """
        return self._trained.log_partition(method, **parameters)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z, computed once for the current parameters."""
        return self._trained.log_partition_

    @property
    def components_(self) -> list[Array]:
        """Weights between adjacent layers, from the bottom up."""
        return [w.T for w in self._machine.weights]

    @property
    def intercept_visible_(self) -> Array:
        """Biases of the visible units."""
        return self._machine.biases[0]

    @property
    def intercepts_hidden_(self) -> list[Array]:
        """Biases of the hidden layers, from the bottom up."""
        return self._machine.biases[1:]

    @property
    def chains_(self) -> Array:
        """Visible states of the persistent chains."""
        chains = learner_of(self._trained).training.chains
        if chains is None:
            msg = "the gradient of rbm keeps no persistent chains."
            raise AttributeError(msg)
        visible = chains.visible[:, : self._machine.arrangement.sizes[0]]
        return self._fitted.scaling.to_data(visible)

    @property
    def history_(self) -> dict[str, Array]:
        """One array per figure, with one value per epoch."""
        return self._trained.history_

    @property
    def n_iter_(self) -> int:
        """Number of epochs trained."""
        return self._trained.n_iter_

    # Fitted state

    @property
    def _trained(self) -> DensityRBM:
        """The RBM of even and odd layers, as an estimator."""
        check_is_fitted(self)
        assert self._lowest is not None
        return self._lowest

    @property
    def _fitted(self) -> Fitted:
        """The fitted RBM, set to compute on the device of the parameters."""
        return fitted_of(self._trained)

    @property
    def _machine(self) -> FittedMachine:
        """The fitted machine."""
        fitted = self._fitted
        n_columns = fitted.rbm.visible.n_columns - fitted.n_latent
        arrangement = arrangement_of(n_columns, self._sizes)
        return FittedMachine(fitted, arrangement, self._mean_field(arrangement.n_latent))

    @property
    def _n_features_out(self) -> int:
        sizes = self._sizes
        return sizes[-1] if self._output() == "top" else sum(sizes)

    def __sklearn_is_fitted__(self) -> bool:
        return self._lowest is not None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._domain.allow_nan
        takes_tables = isinstance(self.rbm, TabularRBM)
        tags.input_tags.string = tags.input_tags.categorical = takes_tables
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `device` and `precision` also apply to the fitted machine at once.

        Parameters
        ----------
        **params
            Parameters of the machine, or of its prototype, such as `rbm__learning_rate`.

        Returns
        -------
        self : DeepBoltzmannMachine
        """
        super().set_params(**params)
        if self._lowest is not None:
            self._lowest.set_params(**self._place())
        return self

    def _written_prototypes(self) -> dict[str, str]:
        return {"rbm": "BernoulliRBM()) or rbm=GaussianBernoulliRBM(covariance_type='diag'"}

    def _place(self) -> dict[str, str]:
        """The device and precision, if they are given."""
        own = {"device": self.device, "precision": self.precision}
        return {name: value for name, value in own.items() if value is not None}

    # Checks

    def _output(self) -> str:
        return parameters.check_choice("output", self.output, ("top", "all"))

    @property
    def _domain(self) -> Domain:
        """Data that the visible units accept."""
        lowest = self._prototype if self._lowest is None else self._lowest
        return stacks.lowest_domain(lowest) if isinstance(lowest, DensityRBM) else Bernoulli.domain

    @property
    def _prototype(self) -> DensityRBM:
        return BernoulliRBM() if self.rbm is None else self.rbm

    def _check_parameters(self) -> None:
        """Refuse parameters of the machine that are invalid for any data."""
        parameters.check_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        estimators.check_kind("rbm", self.rbm, DensityRBM, "an RBM of skrbm")
        parameters.check_count("mean_field_max_iter", self.mean_field_max_iter)
        parameters.check_number("mean_field_tol", self.mean_field_tol, ">= 0")
        self._output()
        parameters.check_flag("pretrain", self.pretrain)
        if self.n_iter is not None:
            parameters.check_count("n_iter", self.n_iter, minimum=0)
        parameters.check_callbacks("callbacks", self.callbacks)
        parameters.check_count("verbose", self.verbose, minimum=0)
        parameters.check_random_state(self.random_state)
        self._check_prototype()

    def _check_prototype(self) -> None:
        """Refuse a prototype that cannot be the lowest layers of a machine."""
        rbm = self._prototype
        for name, value in _REQUIRED.items():
            given = getattr(rbm, name, value)
            if given not in (value, "auto"):
                msg = f"rbm has {name} == {given!r}, must be {value!r} in a DeepBoltzmannMachine."
                raise ValueError(msg)

    def _new_rbm(self) -> DensityRBM:
        """A new RBM of the lowest layers, with checked parameters."""
        self._check_parameters()
        size = int(np.atleast_1d(self.hidden_layer_sizes)[0])
        prototype = self._prototype
        if getattr(prototype, "covariance_type", "") == "auto":
            prototype = clone(prototype).set_params(covariance_type="diag")
        (rbm,) = stacks.new_layers([prototype], [size], int(self.verbose), self._place())
        return rbm

    def _check_rows(
        self, X: Any, sample_weight: Any, rbm: DensityRBM, *, first: bool
    ) -> tuple[DensityRBM, TrainingRows]:
        """Check the data; return the RBM, of another type for real data, and the rows."""
        self._check_parameters()
        choice = "auto" if first and self.rbm is None else None
        domain = stacks.training_domain(rbm, choice)
        rows = stacks.check_training(self, rbm, X, sample_weight, domain, first=first)
        rbms = [rbm]
        if first:
            stacks.choose_lowest(rbms, choice, rows.summary.bounds)
        n_features = len(rows.summary.total)
        _, hidden = settings_of(rbms[0]).layers(n_features)
        if not estimators.is_binary(hidden):
            msg = f"rbm == {self.rbm!r}, must have independent binary hidden units."
            raise ValueError(msg)
        sizes = _sizes_of(self.hidden_layer_sizes) if first else self._sizes
        settings = self._settings(rbms[0], sizes)
        settings.device.check_dtype(rows.summary.dtype)
        settings.check_sizes(rows.summary.n_rows, n_features, split=False)
        check_columns(self, X, reset=first)
        check_columns(rbms[0], X, reset=first)
        return rbms[0], rows

    # Likelihoods

    def _lower_bound(self, rows: Checked) -> Array:
        return self._machine.lower_bounds(rows) - self.log_partition_.value

    # Training

    @property
    def _pretraining(self) -> Pretraining:
        return Pretraining(
            seeded=[self, self._prototype],
            check=self._check_parameters,
            begin=self._begin,
            resumed_rows=self._resumed_rows,
            later_rows=self._later_rows,
            finish=self._finish,
            n_epochs=lambda: self.n_iter_,
            lowest=lambda: self._fitted,
            upward_layers=lambda: self._machine.upward_layers,
        )

    def _begin(self, X: Any, sample_weight: Any) -> TrainingRows:
        """Check everything, plan a fit, and return the rows to train on."""
        rbm, rows = self._check_rows(X, sample_weight, self._new_rbm(), first=True)
        sizes = _sizes_of(self.hidden_layer_sizes)
        n_first = 1 if self.pretrain else len(sizes)
        self._start(rbm, rows, sizes[:n_first])
        self._later = sizes[n_first:]
        self._is_pretrained = n_first < len(sizes)
        settings = self._settings(rbm, self._sizes)
        learner_of(rbm).begin_fit(settings, Size.of(rows, 0), rising=True)
        return rows

    def _resumed_rows(self, X: Any, sample_weight: Any) -> TrainingRows:
        """The rows with which to continue a fit."""
        rbm = self._lowest
        fit = estimators.check_unfinished(self, rbm and learner_of(rbm).fit)
        rows = self._later_rows(X, sample_weight)
        estimators.check_same_rows("X", len(rows.weights), fit.n_rows)
        return rows

    def _later_rows(self, X: Any, sample_weight: Any) -> TrainingRows:
        """Checked rows for a model that was started."""
        _, rows = self._check_rows(X, sample_weight, self._trained, first=False)
        return rows

    def _finish(self, X: Any, rows: TrainingRows, hook: Hook | None = None) -> Self:
        """Make the remaining epochs of a fit, if any; the hook is called after each of them."""
        learner = learner_of(self._trained)
        while learner.fit is not None:
            settings = self._settings(self._trained, self._sizes)
            if hook is not None:
                settings = replace(settings, hooks=(*settings.hooks, hook))
            learner.finish(settings, rows, None)
            if self._later:
                self._grow(rows)
                settings = self._settings(self._trained, self._sizes)
                learner.begin_fit(settings, Size.of(rows, 0), rising=False)
        return self

    def _grow(self, rows: TrainingRows) -> None:
        """Add the next hidden layer."""
        machine, rbm, sizes = self._machine, self._trained, (*self._sizes, self._later[0])
        prototype = BernoulliRBM(
            sizes[-1],
            n_iter=rbm.n_iter,
            batch_size=rbm.batch_size,
            hidden_bias=rbm.hidden_bias,
            device=rbm.device,
            precision=rbm.precision,
        )
        upper = trained_above(machine, rows, prototype)
        settings = self._settings(rbm, sizes)
        grow(learner_of(rbm), machine.arrangement, settings, upper, len(rows.weights))
        self._sizes, self._later = sizes, self._later[1:]

    def _settings(self, rbm: DensityRBM, sizes: tuple[int, ...]) -> Settings:
        """The settings of the training of a machine with these hidden layers."""
        settings = settings_of(rbm)
        if self.n_iter is not None and (len(sizes) > 1 or not self._later):
            settings = replace(settings, n_iter=int(self.n_iter))
        if self._is_pretrained and len(sizes) > 1:
            settings = replace(settings, rate=_JOINT_SHARE * settings.rate)
        mean_field = self._mean_field(sum(sizes[1::2]))
        machine = machine_settings(settings, sizes, mean_field)
        hooks = (*settings.hooks, self._asked_to_stop)
        return replace(machine, title=type(self).__name__, hooks=hooks)

    def _asked_to_stop(self, record: Record) -> bool:
        return asked_to_stop(self, self.callbacks, self.n_iter_)

    def _mean_field(self, n_latent: int) -> MeanField:
        return MeanField(n_latent, int(self.mean_field_max_iter), float(self.mean_field_tol))

    def _start(self, rbm: DensityRBM, rows: TrainingRows, sizes: tuple[int, ...]) -> None:
        """Start a new model with these hidden layers from its first rows."""
        random_state = parameters.first_random_state(self, self._prototype)
        rbm.set_params(random_state=parameters.check_seed(random_state) % 2**31)
        start_layer(rbm, self._settings(rbm, sizes), rows)
        self._lowest, self._sizes, self._later, self._is_pretrained = rbm, sizes, (), False


def _sizes_of(hidden_layer_sizes: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.atleast_1d(hidden_layer_sizes))
