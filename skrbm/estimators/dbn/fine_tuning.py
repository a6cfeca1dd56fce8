"""`FineTuned`: the common base of `DBNClassifier` and `DBNRegressor`.

A stack initialises a multi-layer perceptron of scikit-learn, whose backpropagation fine-tunes it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import KW_ONLY, dataclass, field
from time import perf_counter as time
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, shuffle
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import random
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.data.targets import TargetScale
from skrbm.estimators.common.fit_state import asked_to_stop
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.deep_models import ALL_DEEP_MODELS, DEEP_MODELS, DeepModel
from skrbm.estimators.dbn.layer_inputs import LayerInputs
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.dbn.pretraining import pretraining_of
from skrbm.estimators.dbn.stack import lines_of_part
from skrbm.estimators.dbn.targeted import Targeted, Tuned, TuningFit
from skrbm.estimators.dbn.tuned import TunedModel, visible_states
from skrbm.learning.loop import states_of
from skrbm.learning.progress import progress
from skrbm.validation import parameters
from skrbm.validation.estimators import check_kind, check_same_rows, check_unfinished
from skrbm.validation.labels import check_targets
from skrbm.validation.rows import Checked, TrainingRows, check_columns

_BATCH_SIZE = 100
_N_UPDATES, _FEWEST_EPOCHS, _MOST_EPOCHS = 1_000, 15, 300


# From targets and weights to targets for the perceptron, and their scale.
Scaled: TypeAlias = Callable[[Array, Array], tuple[Array, TargetScale | None]]


@dataclass(eq=False, repr=False)
class FineTuned(TunedModel):
    """A stack, and a perceptron that is initialised from its recognition weights.

    A subclass defines the type of perceptron and of targets.
    """

    dbn: Any = None
    _: KW_ONLY
    mlp: Any = None
    inputs: str = "mean"
    early_stopping: bool = False
    callbacks: Any = None
    verbose: int = 0
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

    @abstractmethod
    def _fewest(self, y: Array) -> int:
        """Smallest number of rows to train on if others are held out."""

    @abstractmethod
    def _order(self, y: Array, order: Array, n_first: int) -> Array:
        """Indices in another order, whose first ones are to be held out."""

    @abstractmethod
    def _score(self, tuning: Tuning, v: Any, targeted: Targeted) -> float:
        """The score of visible states for early stopping; higher is better."""

    @abstractmethod
    def _streamed(
        self, y: Array, weights: Array, classes: Array | None
    ) -> tuple[Array, TargetScale | None]:
        """Targets of a call of partial_fit for the perceptron, and their scale."""

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
            Targets. A classifier accepts labels of any type. None and NaN mark a row without a
            label, and so does the parameter `unlabeled`. A regressor accepts numbers, also of shape
            (n_samples, n_outputs); a row with NaN has no target.
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
        X = to_host(X)  # scikit-learn accepts no tensors
        self._check_parameters()
        rows, targeted = self._begin(X, y, sample_weight, self._scaled)
        return self._finish(X, rows, targeted, self._fine_tune)

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
        own = pretraining_of(fit.dbn)
        check = own.later_rows if fit.n_before is not None else own.resumed_rows
        rows = check(X, sample_weight)
        targeted = self._check_targeted(X, y, rows, sample_weight, self._scaled)
        check_same_rows("X", len(rows.weights), fit.n_rows)
        return self._finish(X, rows, targeted, self._fine_tune)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Array | None) -> Self:
        """Run one epoch of fine-tuning; the first call also trains the stack."""
        self._check_parameters()
        X = to_host(X)

        def scaled(y: Array, weights: Array) -> tuple[Array, TargetScale | None]:
            return self._streamed(y, weights, classes)

        if self._tuned is None:
            rows, targeted = self._begin(
                X, y, sample_weight, scaled, classes=classes, is_streamed=True
            )
            return self._finish(X, rows, targeted, self._tune_once)
        dbn, tuning, _, rng, n_before = self._tuned
        rows = pretraining_of(dbn).later_rows(X, sample_weight)
        check_columns(self, X, reset=False)
        targeted = self._check_targeted(X, y, rows, sample_weight, scaled)
        self._fit_state = None  # these rows do not belong to an interrupted fit
        self._tune_once(TuningFit(dbn, tuning, rng, 0, len(rows.weights), n_before), targeted)
        return self

    def _check_parameters(self) -> None:
        parameters.check_choice("inputs", self.inputs, parameters.INPUTS)
        parameters.check_flag("early_stopping", self.early_stopping)
        parameters.check_callbacks("callbacks", self.callbacks)
        parameters.check_count("verbose", self.verbose, minimum=0)

    def _begin(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        scaled: Scaled,
        *,
        classes: Array | None = None,
        is_streamed: bool = False,
    ) -> tuple[TrainingRows, Targeted]:
        """Check everything, plan a fit, and return its rows; a stream may have given classes."""
        holds_out = self.early_stopping and not is_streamed
        mlp_seed, inputs_seed = parameters.check_seeds(self._seeding(), 2)
        (dbn, is_fitted), mlp = self._new_stack(), self._new_perceptron(mlp_seed)
        own = pretraining_of(dbn)
        rows = (own.later_rows if is_fitted else own.begin)(X, sample_weight)
        targeted = self._check_targeted(X, y, rows, sample_weight, scaled)
        y = targeted.y
        if self.mlp is None:
            mlp.set_params(max_iter=_default_max_iter(len(y)))
        sizes, dtype = np.atleast_1d(dbn.hidden_layer_sizes).tolist(), rows.summary.dtype
        if is_fitted:  # its parameters may have changed since its fit
            sizes = [len(bias) for bias, _ in own.upward_layers()]
            dtype = fitted_of(dbn).dtype
        few = y[self._few(y)] if classes is None else classes
        perceptron.make_layers(mlp, sizes, rows.values.shape[1], few, dtype)
        if holds_out:
            self._check_held_out(mlp, y)
        rng, n_before = random.generator(inputs_seed), 0 if is_fitted else None
        tuning = Tuning.of(mlp, early_stopping=holds_out)
        self._fit_state = TuningFit(dbn, tuning, rng, inputs_seed, len(rows.weights), n_before)
        return rows, targeted

    def _check_held_out(self, mlp: Any, y: Array) -> None:
        """Refuse early stopping with too few rows, or without epochs."""
        if perceptron.is_batch(mlp):
            msg = "early_stopping == True, must be False if solver == 'lbfgs' of mlp, which has no"
            raise ValueError(f"{msg} epochs.")
        name, fraction = "validation_fraction of mlp", mlp.validation_fraction
        parameters.check_number(name, fraction, "> 0 and < 1")
        parameters.check_split(name, fraction, len(y), self._fewest(y))

    def _check_targeted(
        self, X: Any, y: Any, rows: TrainingRows, sample_weight: Any, scaled: Scaled
    ) -> Targeted:
        """The rows with a target."""
        y, has_target = self._check_targets(y)
        check_consistent_length(X, y)
        y, has_target = y[rows.used], has_target[rows.used]
        check_targets("y", has_target)
        chosen = rows if has_target.all() else rows.part(np.flatnonzero(has_target))
        weights = None if sample_weight is None else chosen.weights
        y, scale = scaled(y[has_target], chosen.weights)
        return Targeted(chosen, y, weights, scale)

    def _finish(
        self,
        X: Any,
        rows: TrainingRows,
        targeted: Targeted,
        tune: Callable[[TuningFit, Targeted], None],
    ) -> Self:
        """Finish the training of the stack if needed, then fine-tune it."""
        fit = self._fit_state
        assert fit is not None
        dbn, tuning = fit.dbn, fit.tuning
        own = pretraining_of(dbn)
        if fit.n_before is None:
            own.finish(X, rows, lambda record: self._asked_to_stop(own.n_epochs()))
            fit.n_before = own.n_epochs()
        if tuning.n_done == 0:
            perceptron.take_weights(tuning.mlp, own.upward_layers())
        check_columns(self, X, reset=True)
        self._tuned = Tuned(dbn, tuning, targeted.scale, fit.rng, fit.n_before)
        tune(fit, targeted)
        self._fit_state = None
        return self

    def _inputs(self, fit: TuningFit, rows: TrainingRows) -> Callable[[], Any]:
        """A function that returns visible states of the rows, with new draws in every call."""
        net, rng = fitted_of(fit.dbn).net, fit.rng
        lowest = pretraining_of(fit.dbn).lowest()
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

        return inputs

    def _fine_tune(self, fit: TuningFit, targeted: Targeted) -> None:
        """Run the remaining epochs of fine-tuning, with new draws of the inputs for each."""
        tuning, score = fit.tuning, None
        if tuning.validation is not None:
            targeted, held_out = self._split(tuning.mlp, targeted, fit.seed)
            score = self._scorer(fit, held_out)
        inputs = self._inputs(fit, targeted.rows)
        if tuning.n_done == 0:
            states = inputs()
            self._solve_output(tuning, states, targeted)
            if self.mlp is None and score is None:
                self._choose_length(tuning, states, targeted, fit.rng)
        with self._reported(fit, tuning.n_left) as stop:
            tuning.run(inputs, targeted.y, targeted.weights, stop, score)
        if self.mlp is None:
            self._solve_output(tuning, inputs(), targeted)

    def _tune_once(self, fit: TuningFit, targeted: Targeted) -> None:
        """Run one epoch of fine-tuning at the initial step size."""
        tuning, states = fit.tuning, self._inputs(fit, targeted.rows)()
        if tuning.n_done == 0:
            self._solve_output(tuning, states, targeted)
        with self._reported(fit, 1) as stop:
            tuning.go_on(states, targeted.y, targeted.weights)
            stop(tuning.n_done)

    def _split(self, mlp: Any, targeted: Targeted, seed: int) -> tuple[Targeted, Targeted]:
        """Rows to train on, and held-out rows."""
        n_rows = len(targeted.y)
        n_held_out = math.ceil(mlp.validation_fraction * n_rows)
        order = shuffle(np.arange(n_rows), random_state=seed % 2**32)
        order = self._order(targeted.y, order, n_held_out)
        held_out, train = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
        return targeted.part(train), targeted.part(held_out)

    def _scorer(self, fit: TuningFit, held_out: Targeted) -> Callable[[], float]:
        """A function that computes the current score of held-out rows."""
        lowest, rows = pretraining_of(fit.dbn).lowest(), held_out.rows
        checked = Checked(rows.values[:], rows.summary.bounds.has_missing)
        v = visible_states(lowest, checked, lowest.own_draws(checked.values))
        return lambda: self._score(fit.tuning, v, held_out)

    @contextmanager
    def _reported(self, fit: TuningFit, n_left: int) -> Iterator[Callable[[int], bool]]:
        """A function that reports an epoch, and returns whether a callback asks to stop."""
        title, n_before, start = f"{type(self).__name__}, fine-tuning", fit.n_before or 0, time()
        lines = self.verbose, lines_of_part(len(fit.tuning.mlp.coefs_) - 1)
        with progress(title, n_left, "loss", *lines) as report:

            def stop(n_done: int) -> bool:
                loss = float(fit.tuning.mlp.loss_)
                report({"iteration": n_done, "loss": loss, "time": time() - start})
                return self._asked_to_stop(n_before + n_done)

            yield stop

    def _asked_to_stop(self, n_epochs: int) -> bool:
        return asked_to_stop(self, self.callbacks, n_epochs)

    def _new_stack(self) -> tuple[DeepModel, bool]:
        """A new stack, or a copy of a frozen fitted one, and whether it is fitted."""
        is_fitted = isinstance(self.dbn, FrozenEstimator)
        given = self.dbn.estimator if is_fitted else self.dbn
        shown = self.dbn if given is None else given
        check_kind("dbn", shown, DEEP_MODELS, ALL_DEEP_MODELS)
        if is_fitted:
            check_is_fitted(given)
            dbn = deepcopy(given)
        else:
            seed = parameters.check_seed(self._seeding())
            dbn = DeepBeliefNetwork() if given is None else clone(given)
            dbn.set_params(random_state=seed % 2**32, verbose=dbn.verbose or self.verbose)
        pretraining_of(dbn).check()
        return dbn, is_fitted

    def _default_perceptron(self) -> Any:
        rate = self._learning_rate
        return self._Perceptron(solver="sgd", learning_rate_init=rate, batch_size=_BATCH_SIZE)

    def _written_prototypes(self) -> dict[str, str]:
        dbn, mlp = "DeepBeliefNetwork(rbm=BernoulliRBM())", repr(self._default_perceptron())
        return {"dbn": dbn, "mlp": mlp}

    def _seeding(self) -> Any:
        """The first given random_state: of this model, of the stack, or of the perceptron."""
        of_dbn = self.dbn if isinstance(self.dbn, DEEP_MODELS) else DeepBeliefNetwork()
        return parameters.first_random_state(self, *pretraining_of(of_dbn).seeded, self.mlp)

    def _new_perceptron(self, seed: int) -> Any:
        name = self._Perceptron.__name__
        check_kind("mlp", self.mlp, self._Perceptron, f"a {name} of scikit-learn")
        mlp = self._default_perceptron() if self.mlp is None else clone(self.mlp)
        parameters.check_count("max_iter of mlp", mlp.max_iter)
        own, allowed = mlp.early_stopping, f"False: {type(self).__name__}(early_stopping=True)"
        parameters.require(not own, "early_stopping of mlp", own, f"{allowed} holds out rows")
        return mlp.set_params(random_state=np.random.RandomState(seed % 2**32))


def _default_max_iter(n_rows: int) -> int:
    """The number of epochs for 1,000 updates, but at least 15 and at most 300."""
    n_epochs = math.ceil(_N_UPDATES / math.ceil(n_rows / _BATCH_SIZE))
    return min(max(n_epochs, _FEWEST_EPOCHS), _MOST_EPOCHS)
