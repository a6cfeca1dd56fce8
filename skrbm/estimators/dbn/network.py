"""`DeepBeliefNetwork`: its parameters, its documentation and the order of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import random
from skrbm._kernels.devices import Array, Generator
from skrbm.data.summary import Summary
from skrbm.deep.belief_net import Conditional
from skrbm.estimators.common import methods
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fit_state import Hook, asked_to_stop
from skrbm.estimators.common.fitted import N_DRAWS, Fitted, LowerBound, fitted_of
from skrbm.estimators.dbn import stack as stacks
from skrbm.estimators.dbn.layer_inputs import LayerInputs
from skrbm.estimators.dbn.pretraining import Pretraining
from skrbm.estimators.dbn.stack import Stack, StackFit
from skrbm.estimators.rbm.base import is_started, learner_of, settings_of
from skrbm.estimators.rbm.bernoulli import BernoulliRBM
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.tabular import TabularRBM
from skrbm.learning.loop import history_arrays
from skrbm.learning.schedules import PowerDecay
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

_FIGURE = "pseudo_log_likelihood"


@dataclass(eq=False, repr=False)
class DeepBeliefNetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    r"""Deep belief network: a stack of restricted Boltzmann machines, trained layer by layer.

    .. math::

        p(v, h_1, \dots, h_n) = p(v | h_1) \cdots p(h_{n-2} | h_{n-1}) \, p(h_{n-1}, h_n).

    The top two layers are an RBM; the layers below are directed downwards. The layers are trained
    from the bottom up. Each is trained as an RBM on the hidden units that the layers below infer
    from the rows [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 64)
        Numbers of hidden units, from the bottom up.
    rbm : BernoulliRBM, default=None
        Prototype of every layer, by default `BernoulliRBM()`. The stack sets `n_components` and
        `random_state`, sets `verbose` if the prototype's is 0, and ignores `warm_start`. If the
        prototype of the lowest layer has missing_values="allow", then `fit`, `partial_fit`,
        `transform` and scores accept NaN.
    visible_rbm : an RBM, "auto" or None, default="auto"
        Prototype of the lowest layer, if it differs: a `BernoulliRBM`, a `GaussianBernoulliRBM`, or
        a `TabularRBM`, with which rows of data are tables in all methods. Its hidden units must be
        binary, unless it is the only layer. None means `rbm`. "auto" also means `rbm` for data in
        [0, 1], up to rounding, and for sparse matrices; for any other data it means a
        `GaussianBernoulliRBM` with the parameters of `rbm` and `covariance_type="diag"`. The data
        of a `fit`, or of the first `partial_fit`, decide.
    top_rbm : BernoulliRBM, default=None
        Prototype of the top layer, if it differs; `BernoulliRBM(hidden="gaussian")` for real-valued
        features. A single layer is `visible_rbm`, or `top_rbm` if `visible_rbm` is None or "auto".
    fine_tune_iter : int, default=0
        Number of epochs of fine-tuning after the layers are trained. The up-down algorithm,
        contrastive wake-sleep [1]_, trains all layers together, with separate weights for the way
        up and the way down. It does not change the variances of Gaussian visible units.
        `partial_fit` ignores this parameter.
    fine_tune_rate : float or "auto", default="auto"
        Maximum step size of the first update of up-down, and of every update in `partial_fit`. It
        decays linearly to zero over a `fit`. "auto" is the step size of the top layer.
    output : {"top", "all"}, default="top"
        Features returned by `transform`: of the top layer, or of all layers from the bottom up, in
        one array.
    callbacks : callable or list of callables, default=None
        Called after every epoch of a layer or of up-down with the estimator and the number of
        epochs trained. The estimator is not fitted before `fit` ends. A callback that raises
        StopIteration ends the training of the current layer; see `Checkpoint`.
    device : str, default=None
        Device of all layers, see `BernoulliRBM`; by default as in their prototypes.
    precision : {"float32", "bfloat16"}, default=None
        Precision of all layers, see `BernoulliRBM`; by default as in their prototypes.
    verbose : int, default=0
        If above 0, report the epochs of every layer, see `BernoulliRBM`; 1 writes at most 20 lines
        in all.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers. If None, the `random_state` of the lowest prototype that has one
        is used.

    Attributes
    ----------
    rbms_ : list of estimators
        The fitted RBMs, from the bottom up. Up-down changes only the top one.
    recognition_ : list of Conditional
        Directed layers for inference: `layer` and `weights` of :math:`q(h_l | h_{l-1})`, for all
        layers except the top one.
    generation_ : list of Conditional
        Directed layers for generation: `layer` and `weights` of :math:`p(h_{l-1} | h_l)`. Their
        weights are the transposed recognition weights until up-down separates the two.
    history_ : list of dict
        The `history_` of every layer, and after up-down the history of the fine-tuning. There
        `pseudo_log_likelihood` is the lower bound with the pseudo-likelihood of the top RBM.
    log_partition_ : LogPartition
        log Z of the top RBM.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    Notes
    -----
    The activations of a layer are kept in memory if they fit into scikit-learn's `working_memory`
    (`sklearn.set_config`), 1 GiB by default; otherwise they are recomputed for every mini-batch. A
    large array that is mapped from a file stays on disk, as in `BernoulliRBM.fit`.

    If values are missing, the lowest layer is trained as a single RBM would be. Then Gibbs chains
    of this RBM, one per row, complete the rows; each makes five steps per epoch, or 500 in all if
    there are more than 100 epochs. The layers above, and up-down, learn from the completed rows.
    Their hidden states follow the distribution in the bound on the known values; see `lower_bound`.

    See Also
    --------
    DBNClassifier : A stack that is fine-tuned for classification.
    BernoulliRBM : A single layer.

    References
    ----------
    .. [1] G. E. Hinton, S. Osindero and Y. W. Teh, "A fast learning algorithm for deep belief
       nets", Neural Computation 18(7), 2006.
    .. [2] R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief networks",
       ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skrbm import BernoulliRBM, DeepBeliefNetwork
    >>> X, X_test = train_test_split(load_digits().data / 16, random_state=0)
    >>> dbn = DeepBeliefNetwork((32, 16), rbm=BernoulliRBM(n_iter=5), random_state=0).fit(X)
    >>> dbn.transform(X_test).shape
    (450, 16)
    >>> bool(dbn.score(X_test) > -35)  # independent pixels have -38
    True
    """

    hidden_layer_sizes: int | tuple[int, ...] = (256, 64)
    _: KW_ONLY
    rbm: DensityRBM | None = None
    visible_rbm: DensityRBM | Literal["auto"] | None = "auto"
    top_rbm: DensityRBM | None = None
    fine_tune_iter: int = 0
    fine_tune_rate: float | Literal["auto"] = "auto"
    output: str = "top"
    callbacks: Any = None
    device: str | None = None
    precision: str | None = None
    verbose: int = 0
    random_state: Any = None

    _stack: Stack | None = field(default=None, init=False)
    _fit_state: StackFit | None = field(default=None, init=False)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train the layers from scratch, from the bottom up, each for its own `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the lowest layer accepts. NaN in an array is a missing value if the lowest
            layer has missing_values="allow".
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two has the effect of a duplicate row.

        Returns
        -------
        self : DeepBeliefNetwork

        Raises
        ------
        ValueError
            If a parameter of the stack or of a layer, or the data, are invalid; the estimator is
            then unchanged.
        """
        return self._finish(X, self._begin(X, sample_weight))

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
        self : DeepBeliefNetwork

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data differ in size.
        """
        return self._finish(X, self._resumed_rows(X, sample_weight))

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch over the rows in the given order; the first call starts the model.

        Every call trains every layer from the bottom up, by one `partial_fit` on the hidden units
        that the layers below infer from the rows after their own update. If `fit` has fine-tuned
        the stack, a call makes one epoch of up-down instead. Only the first call uses the
        prototypes and sizes.

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
        self : DeepBeliefNetwork
        """
        stack = self._stack
        rbms = self._new_layers() if stack is None else stack.rbms
        rows = self._check_rows(X, sample_weight, rbms, first=stack is None, split=False)
        if stack is None:
            rng = self._seed_layers(rbms)
            stacks.train_once(rbms, LayerInputs(rows, rng))
            self._stack = Stack.of(rbms, rng)
            check_columns(self, X, reset=True)
            return self
        inputs = LayerInputs(rows, stack.rng)
        if stack.wake_sleep is None:
            stacks.train_once(rbms, inputs)
        else:
            self._fine_tune(inputs, StackFit(rbms, stack.rng, 0, 1), power=0, hooks=())
        return self

    def transform(self, X: Any) -> Array:
        """Compute the means of the hidden units, each layer given the means of the layer below.

        If values are missing, the means of the lowest layer are averaged over their distribution,
        given the known values, in the RBM of that layer. `transform` of the RBM computes this
        average. If up-down has separated the recognition weights, the average is over twenty draws.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value, if the lowest layer allows it.

        Returns
        -------
        H : ndarray of shape (n_samples, n_features_out)
            Features of the top layer, or with `output="all"` of all layers from the bottom up.
        """
        X = methods.check_seen(self, X)
        return self._fitted.features(X, of_all_layers=self._output() == "all")

    def inverse_transform(self, H: Any) -> Array:
        """Compute the means of the visible units, by passing down the means of all layers.

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
        means = fitted.visible_means(h[:, -fitted.rbm.hidden.n_columns :])
        return methods.framed_means(self, means, H)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Array:
        """Pass up and down, using the means of all layers.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            Number of up-down passes; each pass starts from the means of the previous one.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            With `set_output`, a data frame with the columns of the data.
        """
        return methods.reconstruct(self, X, n_steps)

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """Draw upwards from every row of v, run a Gibbs chain of the top RBM, and draw downwards.

        Successive calls continue the random sequence and therefore differ; a fixed `random_state`
        makes the sequence reproducible.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1
            Gibbs steps of the top RBM.

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
        """Draw rows from the model: Markov chains of the top RBM, then draws downwards.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,), dict or Series, default=None
            Values shared by all rows: either a row, with NaN for the free values, or a dict or
            pandas Series from the name or index of a column to its value. The chains are then the
            chains of `impute`.
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

        With one layer, the result is exact if the model has at most ten hidden units, or if the
        units are binary and the row has at most ten missing values. Otherwise each row runs a block
        Gibbs chain, which keeps the known values fixed. With directed layers, each step of the
        chain proposes hidden states from the recognition, accepts them by Metropolis' rule, and
        draws the missing values given the hidden states.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN is a missing value, regardless of `missing_values`.
        method : {"sample", "mean", "mode"}, default="sample"
            Imputed value: a draw from p(missing | known); the conditional mean; or a mode, found by
            an ascent of that probability from the most probable value of each unit.
        n_steps : int, default=100
            Length of the chains. A draw is the last state; a mean averages the second half of 20
            chains per row.
        n_draws : int, default=None
            With "sample", number of draws per row, each from an independent chain.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.
            With a seed, the result for a row does not depend on the other rows, except that draws
            for equal rows are independent; their means and modes are equal.

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features) or (n_draws, n_samples, n_features)
            Known values are unchanged, bit for bit. The dtype is the dtype of X if X is float,
            otherwise the dtype of the model. With `set_output`, a data frame unless n_draws is set.
        """
        return methods.impute(self, X, method, n_steps, n_draws, random_state)

    def lower_bound(
        self, X: Any, n_draws: int = N_DRAWS, *, random_state: Any = None
    ) -> LowerBound:
        r"""Compute a lower bound on `log p(v)` for every row v of X, in nats, from draws.

        .. math::

            \log p(v) \ge E_q[\log p(v, h_1, \dots, h_{n-1}) - \log q(h_1, \dots, h_{n-1} | v)],

        The top layer is summed out, and log Z of the top RBM is `log_partition_`. The standard
        error does not include the error of log Z. With one layer the bound equals `log p(v)`.

        If values :math:`v_m` are missing, the bound is on the log-likelihood of the known values:

        .. math::

            \log p(v_o) \ge E[\log p(v_o, v_m, h) - \log p_1(v_m | v_o) - \log q(h | v)].

        The RBM of the lowest layer, :math:`p_1`, draws the missing values. The draws are exact if
        this RBM has at most ten hidden units, or the row at most ten missing binary values.
        Otherwise they come from chains annealed through 500 temperatures, whose importance weights
        replace :math:`1 / p_1(v_m | v_o)`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value, if the lowest layer allows it.
        n_draws : int, default=10
            Number of draws of hidden layers and missing values per row, at least 2. Equal rows
            without missing values have equal draws.
        random_state : int, RandomState instance or None, default=None
            By default a seed drawn by `fit`, with which repeated calls give the same result.

        Returns
        -------
        bound : LowerBound
            With the fields `value` and `std_error`, ndarrays of float64 of shape (n_samples,).
        """
        X = methods.check_seen(self, X)
        n_draws = parameters.check_count("n_draws", n_draws, minimum=2)
        return self._lower_bound(X, n_draws, self._fitted.seeds.seed(random_state))

    def score_samples(self, X: Any) -> Array:
        """Compute `lower_bound(X).value`, a bound on `log p(v)` for every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value, if the lowest layer allows it.

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

    def log_partition(self, method: str = "auto", **parameters: Any) -> LogPartition:
        """Compute log Z of the top RBM in nats, with its error; scores use it from then on.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering", "trajectory"}, default="auto"
        **parameters
            Other parameters of `BernoulliRBM.log_partition`.

        Returns
        -------
        log_partition : LogPartition
        """
        return self.rbms_[-1].log_partition(method, **parameters)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the top RBM."""
        return self.rbms_[-1].log_partition_

    @property
    def rbms_(self) -> list[DensityRBM]:
        """The fitted RBMs, from the bottom up."""
        return self._fitted_stack.rbms

    @property
    def recognition_(self) -> list[Conditional]:
        """The directed layers for inference, from the bottom up."""
        return list(self._fitted.recognition)

    @property
    def generation_(self) -> list[Conditional]:
        """The directed layers for generation, from the bottom up."""
        return list(self._fitted.generation)

    @property
    def history_(self) -> list[dict[str, Array]]:
        """The history of every layer, and of up-down."""
        stack = self._fitted_stack
        histories = [rbm.history_ for rbm in stack.rbms]
        if stack.wake_sleep is not None:
            histories.append(history_arrays(stack.wake_sleep.history, _FIGURE))
        return histories

    @property
    def _fitted_stack(self) -> Stack:
        check_is_fitted(self)
        assert self._stack is not None
        return self._stack

    @property
    def _fitted(self) -> Fitted:
        """The fitted model, set to compute on the device of its layers."""
        return self._fitted_stack.fitted

    @property
    def _n_features_out(self) -> int:
        sizes = [learner_of(rbm).fitted.rbm.hidden.n_columns for rbm in self.rbms_]
        return sizes[-1] if self._output() == "top" else sum(sizes)

    def _output(self) -> str:
        return parameters.check_choice("output", self.output, ("top", "all"))

    def __sklearn_is_fitted__(self) -> bool:
        return self._stack is not None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._domain.allow_nan
        takes_tables = isinstance(self._prototypes()[0], TabularRBM)
        tags.input_tags.string = tags.input_tags.categorical = takes_tables
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `device` and `precision` also apply to the fitted layers at once.

        Parameters
        ----------
        **params
            Parameters of the stack, or of a prototype, such as `rbm__learning_rate`.

        Returns
        -------
        self : DeepBeliefNetwork
        """
        super().set_params(**params)
        lowest = self._prototypes()[0]
        if self._stack is not None and isinstance(lowest, DensityRBM):
            place = {"device": lowest.device, "precision": lowest.precision} | self._place()
            for rbm in self._stack.rbms:
                rbm.set_params(**place)
        return self

    def _written_prototypes(self) -> dict[str, str]:
        either = "BernoulliRBM()), or visible_rbm=GaussianBernoulliRBM(covariance_type='diag')"
        return {"rbm": "BernoulliRBM()", "top_rbm": "BernoulliRBM()", "visible_rbm": either}

    def _place(self) -> dict[str, str]:
        """The device and precision of all layers, if they are given."""
        own = {"device": self.device, "precision": self.precision}
        return {name: value for name, value in own.items() if value is not None}

    # Checks

    @property
    def _domain(self) -> Domain:
        """Data that the lowest layer accepts."""
        lowest = self._prototypes()[0] if self._stack is None else self._stack.rbms[0]
        return stacks.lowest_domain(lowest) if isinstance(lowest, DensityRBM) else Bernoulli.domain

    def _check_parameters(self) -> None:
        """Refuse parameters of the stack that are invalid for any data."""
        parameters.check_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        for name in ("rbm", "visible_rbm", "top_rbm"):
            alternative = "auto" if name == "visible_rbm" else ""
            value, description = vars(self)[name], "an RBM of skrbm"
            estimators.check_kind(name, value, DensityRBM, description, alternative)
        parameters.check_count("fine_tune_iter", self.fine_tune_iter, minimum=0)
        parameters.check_number(
            "fine_tune_rate", self.fine_tune_rate, ">= 1e-30 and <= 1e30", "auto"
        )
        self._output()
        parameters.check_callbacks("callbacks", self.callbacks)
        parameters.check_count("verbose", self.verbose, minimum=0)
        parameters.check_random_state(self.random_state)

    def _check_rows(
        self, X: Any, sample_weight: Any, rbms: list[DensityRBM], *, first: bool, split: bool
    ) -> TrainingRows:
        """Check parameters and data, and return the rows to train on."""
        self._check_parameters()
        visible_rbm = self.visible_rbm if first else None
        domain = stacks.training_domain(rbms[0], visible_rbm)
        rows = stacks.check_training(self, rbms[0], X, sample_weight, domain, first=first)
        self._check_summary(X, rows.summary, rbms, first=first, split=split)
        return rows

    def _check_summary(
        self, X: Any, summary: Summary, rbms: list[DensityRBM], *, first: bool, split: bool
    ) -> None:
        """Choose a new lowest layer for rows of this summary, and check all layers."""
        if first:
            stacks.choose_lowest(rbms, self.visible_rbm, summary.bounds)
        stacks.check_layers(rbms, summary, first=first, split=split)
        check_columns(rbms[0], X, reset=first)
        if not first:
            check_columns(self, X, reset=False)

    # Layers

    def _prototypes(self) -> list[DensityRBM]:
        """The prototype of every layer."""
        middle = BernoulliRBM() if self.rbm is None else self.rbm
        prototypes = [middle] * max(1, np.asarray(self.hidden_layer_sizes, object).size)
        if self.top_rbm is not None:
            prototypes[-1] = self.top_rbm
        if isinstance(self.visible_rbm, DensityRBM):
            prototypes[0] = self.visible_rbm
        return prototypes

    def _new_layers(self) -> list[DensityRBM]:
        """New layers with checked parameters."""
        self._check_parameters()
        sizes = np.atleast_1d(self.hidden_layer_sizes).tolist()
        return stacks.new_layers(self._prototypes(), sizes, self.verbose, self._place())

    def _check_perceptron(self) -> None:
        """Refuse invalid parameters, or a top layer from which no perceptron can start."""
        self._check_parameters()
        top = self._prototypes()[-1]
        estimators.check_binary_top(top, settings_of(top).layers(1)[1])

    def _upward_layers(self) -> list[tuple[Array, Array]]:
        """Biases of every hidden layer and weights from the layer below, from the bottom up."""
        net = self._fitted.net
        layers = [(x.layer.bias, x.weights.dense) for x in net.recognition]
        return [*layers, (net.top.hidden.bias, net.top.weights.dense)]

    def _seed_layers(self, rbms: list[DensityRBM]) -> Generator:
        """Give every layer a seed, and return the generator for all other draws."""
        random_state = parameters.first_random_state(self, *self._prototypes())
        rng = random.generator(parameters.check_seed(random_state))
        for rbm in rbms:
            rbm.set_params(random_state=int(rng.integers(2**31)))
        return rng

    # Training

    @property
    def _pretraining(self) -> Pretraining:
        return Pretraining(
            seeded=[self, *self._prototypes()],
            check=self._check_perceptron,
            begin=self._begin,
            resumed_rows=self._resumed_rows,
            later_rows=self._later_rows,
            finish=self._finish,
            n_epochs=lambda: self._n_epochs,
            lowest=lambda: fitted_of(self.rbms_[0]),
            upward_layers=self._upward_layers,
        )

    def _begin(self, X: Any, sample_weight: Any) -> TrainingRows:
        """Check everything, plan a fit, and return the rows to train on."""
        rbms = self._new_layers()
        rows = self._check_rows(X, sample_weight, rbms, first=True, split=True)
        self._plan(rbms, len(rows.weights))
        return rows

    def _plan(self, rbms: list[DensityRBM], n_rows: int) -> StackFit:
        """Plan a fit of layers to so many rows."""
        self._fit_state = StackFit(rbms, self._seed_layers(rbms), n_rows, self.fine_tune_iter)
        return self._fit_state

    def _plan_summarized(self, X: Any, summary: Summary) -> StackFit:
        """Check all arguments, and plan a fit to rows on other machines."""
        rbms = self._new_layers()
        self._check_summary(X, summary, rbms, first=True, split=False)
        return self._plan(rbms, summary.n_rows)

    def _resumed_rows(self, X: Any, sample_weight: Any) -> TrainingRows:
        """The rows with which to continue a fit."""
        fit: StackFit = estimators.check_unfinished(self, self._fit_state)
        parameters.check_callbacks("callbacks", self.callbacks)
        domain = stacks.lowest_domain(fit.rbms[0])
        rows = stacks.check_training(self, fit.rbms[0], X, sample_weight, domain, first=False)
        check_columns(fit.rbms[0], X, reset=False)
        estimators.check_same_rows("X", len(rows.weights), fit.n_rows)
        return rows

    def _later_rows(self, X: Any, sample_weight: Any) -> TrainingRows:
        """Checked rows for a fitted stack."""
        lowest = self.rbms_[0]
        domain = stacks.lowest_domain(lowest)
        rows = stacks.check_training(self, lowest, X, sample_weight, domain, first=False)
        check_columns(self, X, reset=False)
        return rows

    def _finish(self, X: Any, rows: TrainingRows, hook: Hook | None = None) -> Self:
        """Train the remaining layers, then all together; the hook is called after every epoch."""
        fit = self._fit_state
        assert fit is not None

        def stop(record: Record) -> bool:
            asked = asked_to_stop(self, self.callbacks, self._n_epochs)
            return (hook is not None and hook(record)) or asked

        inputs = LayerInputs(rows, fit.rng, fit.completions)
        for i in range(fit.n_done, len(fit.rbms)):
            settings = stacks.layer_settings(fit.rbms, i, type(self).__name__, stop)
            stacks.fit_layer(fit, i, inputs, settings)
            fit.n_done += 1
        if not fit.is_stacked:
            check_columns(self, X, reset=True)
            self._stack = Stack.of(fit.rbms, fit.rng)
            if fit.fine_tune_iter > 0:
                self._stack.start_wake_sleep(fit.rng)
            fit.is_stacked = True
        if fit.fine_tune_iter > 0:
            self._fine_tune(inputs, fit, power=1, hooks=(stop,))
        self._fit_state = None
        return self

    def _fine_tune(
        self, inputs: LayerInputs, fit: StackFit, *, power: int, hooks: Sequence[Hook]
    ) -> None:
        """Run epochs of up-down; the step size decays with this power."""
        stack, top = self._fitted_stack, settings_of(fit.rbms[-1])
        rate = top.rate if self.fine_tune_rate == "auto" else float(self.fine_tune_rate)
        title, schedule = f"{type(self).__name__}, up-down", PowerDecay(rate, power)
        stacks.fine_tune(stack, fit, inputs, schedule, title, int(self.verbose), hooks)

    @property
    def _n_epochs(self) -> int:
        """Number of epochs of all layers and of up-down, in the current or the last fit."""
        fit, stack = self._fit_state, self._stack
        rbms = self.rbms_ if fit is None else fit.rbms
        n_epochs = sum(rbm.n_iter_ for rbm in rbms if is_started(rbm))
        if stack is not None and stack.wake_sleep is not None and (fit is None or fit.is_stacked):
            n_epochs += len(stack.wake_sleep.history)
        return n_epochs

    # Likelihoods

    def _lower_bound(self, rows: Checked, n_draws: int, seed: int) -> LowerBound:
        bound = self._fitted.lower_bound(rows, n_draws, seed)
        return LowerBound(bound.value - self.log_partition_.value, bound.std_error)

    def _log_likelihood(self, rows: Checked) -> Array:
        return self._lower_bound(rows, N_DRAWS, self._fitted_stack.seeds.likelihood).value


def new_layers(dbn: DeepBeliefNetwork) -> list[DensityRBM]:
    """New layers of a stack, after checks of all parameters."""
    return dbn._new_layers()


def plan_stack(dbn: DeepBeliefNetwork, X: Any, summary: Summary) -> StackFit:
    """Plan a fit to rows of this summary, with the columns of X."""
    return dbn._plan_summarized(X, summary)
