"""`FineTuned`: the common base of `DBNClassifier` and `DBNRegressor`.

A stack initialises a multi-layer perceptron of scikit-learn, whose backpropagation fine-tunes it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import random
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.data.targets import TargetScale
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fit_state import asked_to_stop
from skrbm.estimators.common.fitted import domain_of, fitted_of
from skrbm.estimators.common.methods import check_seen
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn import network
from skrbm.estimators.dbn.layer_inputs import LayerInputs
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.learning.loop import states_of
from skrbm.units import Bernoulli, Domain
from skrbm.validation import parameters
from skrbm.validation.estimators import check_kind, check_same_rows, check_unfinished
from skrbm.validation.labels import check_targets
from skrbm.validation.rows import TrainingRows, check_columns, check_training_rows

_BATCH_SIZE = 100
_N_DRAWS, _N_STEPS = 20, 100  # draws of missing values for a prediction; length of their chains
_N_UPDATES, _FEWEST_EPOCHS, _MOST_EPOCHS = 1_000, 15, 300


class Targeted(NamedTuple):
    """Rows with a target, targets for the perceptron and their scale, and weights if given."""

    rows: TrainingRows
    y: Array
    weights: Array | None
    scale: TargetScale | None


class Tuned(NamedTuple):
    """A trained stack, the perceptron that it initialised, and the scale of the targets."""

    dbn: DeepBeliefNetwork
    tuning: Tuning
    scale: TargetScale | None


@dataclass
class TuningFit:
    """Position of a fit between two epochs.

    Parameters
    ----------
    dbn : DeepBeliefNetwork
    tuning : Tuning
    rng : Generator
        Generator for the inputs.
    n_rows : int
    n_before : int or None
        Number of epochs of the stack; None until it is trained, 0 for a given fitted stack.
    completions : ndarray, optional
        States of the chains for missing values.
    """

    dbn: DeepBeliefNetwork
    tuning: Tuning
    rng: Generator
    n_rows: int
    n_before: int | None
    completions: Array | None = None


@dataclass(eq=False, repr=False)
class FineTuned(Estimator):
    """A stack, and a perceptron that is initialised from its recognition weights.

    A subclass defines the type of perceptron and of targets.
    """

    dbn: Any = None
    _: KW_ONLY
    mlp: Any = None
    inputs: str = "mean"
    callbacks: Any = None
    random_state: Any = None

    _Perceptron: ClassVar[type]
    _learning_rate: ClassVar[float]
    _fit_state: TuningFit | None = field(default=None, init=False)
    _tuned: Tuned | None = field(default=None, init=False)

    @abstractmethod
    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        """Checked targets, and a mask of the rows that have one."""

    @abstractmethod
    def _few(self, y: Array) -> Array:
        """Indices of a few rows from which a perceptron can infer the kind of target."""

    def _scaled(self, y: Array, weights: Array) -> tuple[Array, TargetScale | None]:
        """Targets for the perceptron, and their scale."""
        return y, None

    def _solve_output(self, tuning: Tuning, v: Any, targeted: Targeted) -> None:
        """Set the output layer of the perceptron to the best one for its other layers, if known."""

    def _choose_length(self, tuning: Tuning, v: Any, targeted: Targeted, rng: Generator) -> None:
        """Choose a number of epochs, given visible states, if the perceptron is the default."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the stack on all rows, then fine-tune it on the rows with a target.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the lowest layer accepts.
        y : array-like of shape (n_samples,)
            Targets. A classifier accepts labels of any type. If labels are numbers with at least
            three distinct values, -1 marks a row without a label.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a parameter, the data or the targets are invalid; the estimator is then unchanged.
        """
        parameters.check_choice("inputs", self.inputs, parameters.INPUTS)
        parameters.check_callbacks("callbacks", self.callbacks)
        mlp_seed, inputs_seed = parameters.check_seeds(self.random_state, 2)
        (dbn, is_fitted), mlp = self._new_stack(), self._new_perceptron(mlp_seed)
        X = to_host(X)  # scikit-learn accepts no tensors
        rows = (self._check_rows if is_fitted else network.begin_stack)(dbn, X, sample_weight)
        targeted = self._check_targeted(X, y, rows, sample_weight)
        y = targeted.y
        if self.mlp is None:
            mlp.set_params(batch_size=min(_BATCH_SIZE, len(y)), max_iter=_default_max_iter(len(y)))
        sizes, dtype = np.atleast_1d(dbn.hidden_layer_sizes).tolist(), rows.summary.dtype
        if is_fitted:  # its parameters may have changed since its fit
            sizes, dtype = [len(rbm.intercept_hidden_) for rbm in dbn.rbms_], fitted_of(dbn).dtype
        perceptron.make_layers(mlp, sizes, rows.values.shape[1], y[self._few(y)], dtype)
        rng, n_before = random.generator(inputs_seed), 0 if is_fitted else None
        self._fit_state = TuningFit(dbn, Tuning.of(mlp), rng, len(rows.weights), n_before)
        return self._finish(X, rows, targeted)

    def resume(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Complete an interrupted `fit`.

        From a `Checkpoint`, or after an exception of a callback, the result is the same, bit for
        bit, as without the interruption. After Ctrl-C in the middle of an epoch it differs: the
        epoch is repeated, and starts from the parameters that it has already changed.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data passed to that `fit`.
        y : array-like of shape (n_samples,)
            The targets passed to that `fit`.
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
        fit: TuningFit = check_unfinished(self, self._fit_state)
        parameters.check_callbacks("callbacks", self.callbacks)
        X = to_host(X)
        check = self._check_rows if fit.n_before is not None else network.resumed_rows
        rows = check(fit.dbn, X, sample_weight)
        targeted = self._check_targeted(X, y, rows, sample_weight)
        check_same_rows("X", len(rows.weights), fit.n_rows)
        return self._finish(X, rows, targeted)

    def _check_rows(self, dbn: DeepBeliefNetwork, X: Any, sample_weight: Any) -> TrainingRows:
        """Checked rows for a fitted stack."""
        rows = check_training_rows(dbn, X, sample_weight, domain_of(dbn), first=False)
        check_columns(dbn, X, reset=False)
        return rows

    def _check_targeted(self, X: Any, y: Any, rows: TrainingRows, sample_weight: Any) -> Targeted:
        """The rows with a target."""
        y, has_target = self._check_targets(y)
        check_consistent_length(X, y)
        y, has_target = y[rows.used], has_target[rows.used]
        check_targets("y", has_target)
        chosen = rows if has_target.all() else rows.part(np.flatnonzero(has_target))
        weights = None if sample_weight is None else chosen.weights
        y, scale = self._scaled(y[has_target], chosen.weights)
        return Targeted(chosen, y, weights, scale)

    def _finish(self, X: Any, rows: TrainingRows, targeted: Targeted) -> Self:
        """Finish the training of the stack if needed, then run the remaining fine-tuning."""
        fit = self._fit_state
        assert fit is not None
        dbn, tuning = fit.dbn, fit.tuning
        if fit.n_before is None:
            network.finish_stack(
                dbn, X, rows, lambda record: self._asked_to_stop(network.epochs_of(dbn))
            )
            fit.n_before = network.epochs_of(dbn)
        if tuning.n_done == 0:
            perceptron.take_weights(tuning.mlp, fitted_of(dbn).net)
        check_columns(self, X, reset=True)
        self._tuned = Tuned(dbn, tuning, targeted.scale)
        self._fine_tune(fit, targeted)
        self._fit_state = None
        return self

    def _fine_tune(self, fit: TuningFit, targeted: Targeted) -> None:
        """Run the remaining epochs of fine-tuning, with new draws of the inputs for each."""
        net, rng, n_before = fitted_of(fit.dbn).net, fit.rng, fit.n_before or 0
        lowest, rows = fitted_of(fit.dbn.rbms_[0]), targeted.rows
        of_rows = LayerInputs(rows, rng, fit.completions)
        completion = of_rows.completion(lowest)
        fit.completions = of_rows.completions
        v = lowest.scaling.to_columns(rows.values[:])

        def inputs() -> Any:
            if completion is None:
                states = lowest.scaling.mix(v)
            else:
                states = completion.fill(v, slice(None), rng)
            return states_of(net, states, rng) if self.inputs == "sample" else states

        def stop(n_done: int) -> bool:
            return self._asked_to_stop(n_before + n_done)

        if fit.tuning.n_done == 0:
            states = inputs()
            self._solve_output(fit.tuning, states, targeted)
            if self.mlp is None:
                self._choose_length(fit.tuning, states, targeted, rng)
        fit.tuning.run(inputs, targeted.y, targeted.weights, stop)
        if self.mlp is None:
            self._solve_output(fit.tuning, inputs(), targeted)

    def _asked_to_stop(self, n_epochs: int) -> bool:
        return asked_to_stop(self, self.callbacks, n_epochs)

    @property
    def dbn_(self) -> DeepBeliefNetwork:
        """The stack before fine-tuning."""
        check_is_fitted(self)
        assert self._tuned is not None
        return self._tuned.dbn

    @property
    def mlp_(self) -> Any:
        """The perceptron."""
        return self._tuning.mlp

    @property
    def _tuning(self) -> Tuning:
        check_is_fitted(self)
        assert self._tuned is not None
        return self._tuned.tuning

    def __sklearn_is_fitted__(self) -> bool:
        return self._tuned is not None

    @property
    def loss_curve_(self) -> list[float]:
        """Loss in every epoch of the fine-tuning."""
        return self.mlp_.loss_curve_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._domain.allow_nan
        return tags

    @property
    def _domain(self) -> Domain:
        """Data that the stack, or its possibly invalid prototype, accepts."""
        given = self.dbn if self._tuned is None else self._tuned.dbn
        given = DeepBeliefNetwork() if given is None else getattr(given, "estimator", given)
        return domain_of(given) if isinstance(given, DeepBeliefNetwork) else Bernoulli.domain

    def _new_stack(self) -> tuple[DeepBeliefNetwork, bool]:
        """A new stack, or a copy of a frozen fitted one, and whether it is fitted."""
        is_fitted = isinstance(self.dbn, FrozenEstimator)
        given = self.dbn.estimator if is_fitted else self.dbn
        shown = self.dbn if given is None else given
        check_kind("dbn", shown, DeepBeliefNetwork, "a DeepBeliefNetwork")
        if is_fitted:
            check_is_fitted(given)
            dbn = deepcopy(given)
        else:
            seed = parameters.check_seed(self.random_state)
            dbn = DeepBeliefNetwork() if given is None else clone(given)
            dbn.set_params(random_state=seed % 2**32)
        network.check_stack(dbn)
        return dbn, is_fitted

    def _new_perceptron(self, seed: int) -> Any:
        name = self._Perceptron.__name__
        check_kind("mlp", self.mlp, self._Perceptron, f"a {name} of scikit-learn")
        default = self._Perceptron(solver="sgd", learning_rate_init=self._learning_rate)
        mlp = default if self.mlp is None else clone(self.mlp)
        parameters.check_count("max_iter of mlp", mlp.max_iter)
        return mlp.set_params(random_state=np.random.RandomState(seed % 2**32))

    def _averaged(self, predict: Callable[[Any], Array], X: Any) -> Array:
        """Predictions for rows, averaged over twenty draws of missing values."""
        rows = check_seen(self, to_host(X))
        lowest = fitted_of(self.dbn_.rbms_[0])
        if not rows.has_missing:
            return predict(lowest.scaling.to_model(rows.values))
        completer, rng = lowest.completer("sample", _N_STEPS), lowest.own_draws(rows.values)
        total: Any = 0
        for _ in range(_N_DRAWS):
            total = total + predict(lowest.by_columns(completer, rows.values, rng))
        return total / _N_DRAWS


def _default_max_iter(n_rows: int) -> int:
    """The number of epochs for 1,000 updates, but at least 15 and at most 300."""
    n_epochs = math.ceil(_N_UPDATES / math.ceil(n_rows / _BATCH_SIZE))
    return min(max(n_epochs, _FEWEST_EPOCHS), _MOST_EPOCHS)
