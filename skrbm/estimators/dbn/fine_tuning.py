"""Fine-tuning: what `DBNClassifier` and `DBNRegressor` have in common.

The backpropagation is scikit-learn's: a stack gives a multi-layer perceptron its first weights.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.layer_inputs import Activations
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.completing import has_missing
from skrbm.estimators.rbm.trained import asked_to_stop
from skrbm.learning.loop import states_of
from skrbm.validation.estimators import (
    check_binary_top,
    check_kind,
    check_same_rows,
    check_unfinished,
)
from skrbm.validation.labels import check_targets
from skrbm.validation.parameters import (
    INPUTS,
    check_callbacks,
    check_choice,
    check_count,
    check_seed,
    check_seeds,
)
from skrbm.validation.rows import (
    UNIT_INTERVAL,
    Domain,
    check_columns,
    check_rows,
    check_visible,
    check_weights,
    model_dtype,
)

_BATCH_SIZE = 100
_N_DRAWS, _N_STEPS = 20, 100  # of what is missing, to predict from, and of their chains
_N_UPDATES, _FEWEST_SWEEPS, _MOST_SWEEPS = 1_000, 15, 300


class Targeted(NamedTuple):
    """Rows, their targets, which of them have one and weight, and the weights of these."""

    rows: Any
    y: Array
    used: Array
    weights: Array | None


@dataclass
class UnfinishedTuning:
    """What a fit needs to go on from between two sweeps.

    Parameters
    ----------
    dbn : DeepBeliefNetwork
    tuning : Tuning
    rng : Generator
        What draws inputs.
    n_rows : int
    n_before : int or None
        Sweeps of the stack, once it is trained; none where it came so.
    fills : ndarray, optional
        States of the chains for what is missing.
    """

    dbn: DeepBeliefNetwork
    tuning: Tuning
    rng: Generator
    n_rows: int
    n_before: int | None
    fills: Array | None = None


class FineTuned(BaseEstimator):
    """A stack, and a perceptron that starts from what the stack recognises.

    A subclass says which perceptron, and which targets.
    """

    _Perceptron: ClassVar[type]
    _learning_rate: ClassVar[float]

    def __init__(
        self,
        dbn: Any = None,
        *,
        mlp: Any = None,
        inputs: str = "mean",
        callbacks: Any = None,
        random_state: Any = None,
    ) -> None:
        self.dbn = dbn
        self.mlp = mlp
        self.inputs = inputs
        self.callbacks = callbacks
        self.random_state = random_state

    @abstractmethod
    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        """Targets, and which rows have one."""

    @abstractmethod
    def _few(self, y: Array) -> Array:
        """Some rows that show a perceptron what the targets are like."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the stack on all rows, and fine-tune it on those that have a target.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As the lowest layer takes them.
        y : array-like of shape (n_samples,)
            Targets. A classifier takes labels of any type; among numbers of at least three
            values -1 says that the row has no label.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a parameter, the data or the targets are not as described; the estimator is then
            unchanged.
        """
        check_choice("inputs", self.inputs, INPUTS)
        check_callbacks("callbacks", self.callbacks)
        mlp_seed, inputs_seed = check_seeds(self.random_state, 2)
        (dbn, frozen), mlp = self._stack(), self._new_perceptron(mlp_seed)
        targeted = self._check_targeted(dbn, X, y, sample_weight, fitted=frozen)
        rows, y = targeted.rows, targeted.y[targeted.used]
        if self.mlp is None:
            mlp.set_params(batch_size=min(_BATCH_SIZE, len(y)), max_iter=_enough_sweeps(len(y)))
        sizes, dtype = dbn._sizes(), model_dtype(rows.dtype)
        if frozen:  # and its parameters may have changed since
            sizes = [rbm._n_features_out for rbm in dbn.rbms_]
            dtype = dbn.rbms_[-1]._model().reference.dtype
        perceptron.make_layers(mlp, sizes, rows.shape[1], y[self._few(y)], dtype)
        if not frozen:
            dbn._begin(rows, sample_weight)
        self._unfinished = UnfinishedTuning(
            dbn,
            Tuning.of(mlp),
            random.generator(inputs_seed),
            rows.shape[0],
            n_before=0 if frozen else None,
        )
        return self._finish(X, targeted, sample_weight)

    def resume(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on with a `fit` that was interrupted, to the same end as without the interruption.

        `Checkpoint.load` returns such an estimator. After a KeyboardInterrupt the sweep that it cut
        short is made again.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data of that `fit`.
        y : array-like of shape (n_samples,)
            The targets of that `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of that `fit`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data cannot be the same.
        """
        check_unfinished(self)
        unfinished = self._unfinished
        fitted = unfinished.n_before is not None
        targeted = self._check_targeted(unfinished.dbn, X, y, sample_weight, fitted=fitted)
        check_same_rows("X", targeted.rows.shape[0], unfinished.n_rows)
        return self._finish(X, targeted, sample_weight)

    def _check_targeted(
        self, dbn: DeepBeliefNetwork, X: Any, y: Any, sample_weight: Any, *, fitted: bool
    ) -> Targeted:
        """Rows that a stack can take, their targets, and which of them count."""
        takes_missing, X = dbn._takes_missing, devices.to_host(X)  # as scikit-learn takes them
        if fitted:
            rows = check_visible(dbn, X, "X", dbn._domain, allow_nan=takes_missing)
        else:
            rows = check_rows(self, X, "X", dbn._domain, allow_nan=takes_missing)
        y, labelled = self._check_targets(y)
        check_consistent_length(rows, y)
        weights = check_weights(sample_weight, rows)
        used = labelled & (weights > 0)
        check_targets("y", used)
        return Targeted(rows, y, used, None if sample_weight is None else weights[used])

    def _finish(self, X: Any, targeted: Targeted, sample_weight: Any) -> Self:
        """Train the stack as far as it is not, and make the sweeps of fine-tuning that are left."""
        unfinished = self._unfinished
        dbn, tuning = unfinished.dbn, unfinished.tuning
        if unfinished.n_before is None:
            dbn._resume(targeted.rows, sample_weight, lambda: self._asked_to_stop(dbn._n_sweeps))
            for part in (dbn, dbn.rbms_[0]):  # which have seen no names of columns
                check_columns(part, X, reset=True)
            unfinished.n_before = dbn._n_sweeps
        if tuning.n_done == 0:
            perceptron.take_weights(tuning.mlp, dbn._net())
        check_columns(self, X, reset=True)
        self.dbn_, self.mlp_ = dbn, tuning.mlp
        self._fine_tune(unfinished, targeted)
        del self._unfinished
        return self

    def _fine_tune(self, unfinished: UnfinishedTuning, targeted: Targeted) -> None:
        """Make the sweeps of fine-tuning that are left, each on inputs that are drawn for it."""
        dbn, rng, n_before = unfinished.dbn, unfinished.rng, unfinished.n_before or 0
        net, rows, used = dbn._net(), targeted.rows, targeted.used
        rows = rows if used.all() else rows[used]
        of_rows = Activations(rows, drawn=False, rng=rng, fills=unfinished.fills)
        completed = of_rows.completed(dbn.rbms_[0])
        unfinished.fills = of_rows.fills
        v = dbn._coordinates.to_model(rows)

        def inputs() -> Any:
            states = v if completed is None else completed[slice(len(v))]
            return states_of(net, states, rng) if self.inputs == "sample" else states

        def stop(n_done: int) -> bool:
            return self._asked_to_stop(n_before + n_done)

        y = targeted.y[targeted.used]
        unfinished.tuning.run(inputs, y, targeted.weights, stop)

    def _asked_to_stop(self, n_sweeps: int) -> bool:
        return asked_to_stop(self, self.callbacks, n_sweeps)

    def predict(self, X: Any) -> Array:
        """What the perceptron predicts for every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Where the lowest layer of the stack takes missing values, NaN is one: predictions are
            averages over twenty draws from what its RBM says of it given the known values.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._averaged(self.mlp_.predict, X)

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of every sweep of the fine-tuning."""
        check_is_fitted(self)
        return self.mlp_.loss_curve_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._takes_missing
        return tags

    @property
    def _domain(self) -> Domain:
        return getattr(self._given_stack, "_domain", UNIT_INTERVAL)

    @property
    def _takes_missing(self) -> bool:
        return getattr(self._given_stack, "_takes_missing", False)

    @property
    def _given_stack(self) -> Any:
        """The stack or its prototype, which may be anything before it is refused."""
        if hasattr(self, "dbn_"):
            return self.dbn_
        return DeepBeliefNetwork() if self.dbn is None else self.dbn

    def _stack(self) -> tuple[DeepBeliefNetwork, bool]:
        """A new stack, or a copy of one that is fitted and frozen, and which of the two."""
        frozen = isinstance(self.dbn, FrozenEstimator)
        given = self.dbn.estimator if frozen else self.dbn
        shown = self.dbn if given is None else given
        check_kind("dbn", shown, DeepBeliefNetwork, "a DeepBeliefNetwork")
        if frozen:
            check_is_fitted(given)
            dbn = deepcopy(given)
            check_binary_top(dbn.rbms_[-1])
        else:
            seed = check_seed(self.random_state)
            dbn = DeepBeliefNetwork() if given is None else clone(given)
            dbn._check_parameters()
            dbn.set_params(random_state=seed % 2**32)
            top = dbn._prototypes()[-1]
            top._check_parameters()
            check_binary_top(top)
        return dbn, frozen

    def _new_perceptron(self, seed: int) -> Any:
        name = self._Perceptron.__name__
        check_kind("mlp", self.mlp, self._Perceptron, f"a {name} of scikit-learn")
        mlp = self._Perceptron(solver="sgd", learning_rate_init=self._learning_rate)
        if self.mlp is not None:
            mlp = clone(self.mlp)
        check_count("max_iter of mlp", mlp.max_iter)
        return mlp.set_params(random_state=np.random.RandomState(seed % 2**32))

    def _averaged(self, predict: Callable[[Any], Array], X: Any) -> Array:
        """What is predicted for rows, on average over twenty draws of what is missing."""
        X = devices.to_host(X)
        rows = check_visible(self, X, "X", self._domain, allow_nan=self._takes_missing)
        lowest = self.dbn_.rbms_[0]
        if not has_missing(rows):
            return predict(lowest._coordinates.to_model(rows))
        tell, rng = lowest._teller("sample", _N_STEPS), lowest._fixed_rng()
        total: Any = 0
        for _ in range(_N_DRAWS):
            total = total + predict(lowest._by_rows(tell, rows, rng))
        return total / _N_DRAWS


def _enough_sweeps(n_rows: int) -> int:
    """As many as make 1,000 updates, but at least 15 and at most 300."""
    n_sweeps = math.ceil(_N_UPDATES / math.ceil(n_rows / _BATCH_SIZE))
    return min(max(n_sweeps, _FEWEST_SWEEPS), _MOST_SWEEPS)
