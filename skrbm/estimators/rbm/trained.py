"""Training an RBM: the parameters of all estimators that are one, and the way through a fit."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, shuffle
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import CompletedRows, Coordinates
from skrbm.data.sources import on_disk, part
from skrbm.estimators.common.device import RBMOnDevice
from skrbm.learning.defaults import Recipe
from skrbm.learning.early_stopping import EarlyStopping, Seen
from skrbm.learning.gradients import GRADIENTS, Gradient
from skrbm.learning.loop import Plan, RowFigure, Training, are_states, enough_sweeps, progress
from skrbm.learning.optimizer import CentredGradient, VarianceGradient, constant, rising_share
from skrbm.model import RBM
from skrbm.units import Layer
from skrbm.validation.estimators import check_enumerable, check_unchanged
from skrbm.validation.parameters import (
    check_callbacks,
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_log_odds,
    check_random_state,
    check_rate,
    check_seeds,
    check_split,
    check_tolerance,
)
from skrbm.validation.rows import Domain, levels_to_the_caller, model_dtype

_EXACT_UNITS = 16  # the largest layer that gradient="exact" enumerates at every update

# Columns a row from which a pseudo-likelihood is estimated: of a mini-batch after every sweep, at
# the cost of one product, and of all rows kept apart.
_FLIPS_MONITORED, _FLIPS_SCORED = 1, 10

_N_SEEDS = 5  # of training, order, likelihood, samples and validation rows


# Called after every sweep of a layer; true where its training shall stop.
Hook = Callable[[], bool]


def asked_to_stop(estimator: Any, callbacks: Any, iteration: int) -> bool:
    """Call a callback, or a list of them, or None; whether one asks to stop."""
    asked = False
    for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        try:
            if callback is not None:
                callback(estimator, iteration)
        except StopIteration:
            asked = True
    return asked


class Start(NamedTuple):
    """What the training of a model starts from: layers before they are coupled."""

    coordinates: Coordinates
    visible: Layer
    hidden: Layer
    variance: VarianceGradient | None = None


@dataclass
class Unfinished:
    """What a fit needs to go on from between two sweeps, beside the model and its training.

    Parameters
    ----------
    n_iter : int
        Sweeps in all.
    n_rows : int
        Rows to train on.
    rising : bool
        Whether variances rise at first.
    title : str
        Of the progress.
    seed : int
        Of the rows kept apart, and of their scores.
    seen : Seen
        Their scores.
    n_done : int
        Sweeps made.
    """

    n_iter: int
    n_rows: int
    rising: bool
    title: str
    seed: int
    seen: Seen
    n_done: int = 0


class TrainedRBM(RBMOnDevice, BaseEstimator):
    """The parameters of every estimator that is an RBM, and how it is trained.

    A subclass says what its layers are: which data they take, and where training starts.
    """

    _figure: ClassVar[str] = "pseudo_log_likelihood"
    _SHAPING: ClassVar[tuple[str, ...]] = ("n_components", "gradient", "n_steps", "n_chains")

    def __init__(
        self,
        n_components: int = 256,
        *,
        hidden_bias: float | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        batch_size: int = 100,
        n_iter: int | Literal["auto"] = "auto",
        gradient: str = "jump",
        n_steps: int = 1,
        n_chains: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        callbacks: Any = None,
        device: str | None = None,
        precision: str = "float32",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_bias = hidden_bias
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.gradient = gradient
        self.n_steps = n_steps
        self.n_chains = n_chains
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.verbose = verbose
        self.random_state = random_state

    @abstractmethod
    def _layer_sizes(self, n_features: int) -> list[float]:
        """Binary units of the visible and of the hidden layer; infinite where these are others."""

    @abstractmethod
    def _begin(self, X: Any, weights: Array, dtype: Any) -> Start:
        """Layers for the rows, before they are coupled."""

    @abstractmethod
    def _keep(self, rbm: RBM, coordinates: Any) -> None:
        """Make this the estimator's model."""

    @property
    @abstractmethod
    def _recipe(self) -> Recipe:
        """How such a model is trained by default."""

    @property
    @abstractmethod
    def _domain(self) -> Domain:
        """Which data the visible units take."""

    @property
    @abstractmethod
    def _coordinates(self) -> Coordinates:
        """The way between the data and the model's visible units."""

    @abstractmethod
    def _row_figure(self, n_flips: int) -> RowFigure[RBM]:
        """What is watched, and kept at its best: from so many columns of every row."""

    @property
    def _draws(self) -> bool:
        """Whether values of data that are no states are drawn as states in every mini-batch."""
        return True

    @property
    def _takes_missing(self) -> bool:
        """Whether NaN is a value that is missing."""
        return False

    @property
    def history_(self) -> dict[str, Array]:
        """One array a figure, with one element a sweep."""
        check_is_fitted(self)
        return self._training.history_arrays

    @property
    def n_iter_(self) -> int:
        """Number of sweeps trained."""
        check_is_fitted(self)
        return len(self._training.history)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._takes_missing
        return tags

    def _rate(self) -> float:
        if self.learning_rate == "auto":
            return self._recipe.rate(self.n_components)
        return float(self.learning_rate)

    def _hidden_biases(self, default: float, dtype: Any) -> Array:
        """The first ones."""
        bias = default if isinstance(self.hidden_bias, str) else float(self.hidden_bias)
        return np.full(int(self.n_components), bias, dtype)

    def _is_started(self) -> bool:
        return hasattr(self, "_training")

    def _starts_anew(self) -> bool:
        """Whether `fit` starts a model, or goes on from the one that it finds."""
        check_flag("warm_start", self.warm_start)
        return not (self.warm_start and self._is_started())

    def _check_continued(self, *, first: bool) -> None:
        """Refuse parameters that no data allow, or that have changed since the first call."""
        self._check_parameters()
        if not first:
            check_unchanged(self, self._started_with)

    def _check_parameters(self) -> None:
        """Refuse parameters that no data allow."""
        for name in ("n_components", "batch_size", "n_steps", "n_chains"):
            check_count(name, getattr(self, name))
        if not isinstance(self.n_iter, str) or self.n_iter != "auto":
            check_count("n_iter", self.n_iter, minimum=0, alternative="auto")
        check_count("verbose", self.verbose, minimum=0)
        check_log_odds("hidden_bias", self.hidden_bias, alternative="auto")
        check_rate("learning_rate", self.learning_rate, alternative="auto")
        for name in ("early_stopping", "warm_start"):
            check_flag(name, getattr(self, name))
        check_fraction("validation_fraction", self.validation_fraction)
        check_count("n_iter_no_change", self.n_iter_no_change)
        check_tolerance("tol", self.tol)
        check_choice("gradient", self.gradient, GRADIENTS)
        check_callbacks("callbacks", self.callbacks)
        self._check_device()
        check_random_state(self.random_state)

    def _check_sizes(self, n_rows: int, n_features: int, *, split: bool) -> None:
        """Refuse parameters that data of this shape do not allow."""
        if self.gradient == "exact":
            sizes = self._layer_sizes(n_features)
            check_enumerable("gradient", sizes, _EXACT_UNITS)
        if split:
            check_split("validation_fraction", self.validation_fraction, n_rows)

    def _start(self, X: Any, weights: Array, like: RBM | None = None) -> None:
        """A new model, or a copy of one, and the state of its training, from the first rows."""
        seeds = check_seeds(self.random_state, _N_SEEDS)
        training_seed, order_seed, likelihood_seed, sampling_seed, _ = seeds
        rng = random.generator(training_seed)
        dtype = model_dtype(X.dtype)
        start = self._begin(X, weights, dtype)
        base, hidden = start.visible, start.hidden
        if like is None:
            shape = base.n_units, hidden.n_units
            initial = random.normal(shape, self._recipe.weight_scale(*shape), base.bias, rng)
            rbm = RBM.couple(base, hidden, initial)
        else:
            rbm = like.map(lambda x: np.array(x, dtype, order="C"))
        training = Training(
            gradient=self._gradient(rbm, base, rng),
            optimizer=CentredGradient(
                base.mean(0.0),
                rbm.hidden_from_visible(base.mean(0.0)[None])[0],
                largest_step=self._recipe.largest_step,
                variance=start.variance,
            ),
            rng=rng,
            order=random.generator(order_seed),
            figure=self._figure,
        )
        self._keep(rbm, start.coordinates)
        self._training = training
        self._base = base
        self._likelihood_seed = likelihood_seed
        self._sampling_rng = random.generator(sampling_seed)
        self._log_partitions: dict[str, Any] = {}
        self.__dict__.pop("best_validation_score_", None)  # of another model
        self._started_with = {name: getattr(self, name) for name in self._SHAPING}

    def _gradient(self, rbm: RBM, base: Layer, rng: Generator) -> Gradient:
        """How the gradient is estimated, for a model that starts from this visible layer."""
        n_steps, n_chains = int(self.n_steps), int(self.n_chains)
        return GRADIENTS[self.gradient](rbm, base, n_steps, n_chains, rng)

    def _validation_seed(self) -> int:
        return check_seeds(self.random_state, _N_SEEDS)[-1]

    def _parts(self, X: Any, seed: int) -> tuple[Any, Any]:
        """Indices of the rows to train on, and with early stopping of those to keep apart."""
        if not self.early_stopping:
            return slice(None), None
        n_rows = X.shape[0]
        order = shuffle(np.arange(n_rows), random_state=seed % 2**32)
        n_held_out = math.ceil(self.validation_fraction * n_rows)
        apart, train = order[:n_held_out], order[n_held_out:]
        if on_disk(X) is not None:  # which is read from its beginning to its end
            apart.sort()
            train.sort()
        return train, apart

    def _split(self, X: Any, weights: Array, seed: int) -> tuple[Any, Array, Any]:
        """Rows to train on and their weights, and with early stopping rows to keep apart."""
        train, apart = self._parts(X, seed)
        if apart is None:
            return X, weights, None
        return part(X, train), weights[train], part(X, apart)

    def _fit(
        self,
        rows: Any,
        weights: Array,
        held_out: Any,
        seed: int,
        *,
        rising: bool,
        title: str = "",
        hook: Hook | None = None,
    ) -> Self:
        """Make n_iter sweeps, in which variances rise at first or are where they belong."""
        n_rows = len(weights)
        self._training.fills = None
        n_iter = self._planned_sweeps(n_rows)
        self._unfinished = Unfinished(n_iter, n_rows, rising, title, seed, Seen())
        return self._finish(rows, weights, held_out, hook)

    def _finish(self, rows: Any, weights: Array, held_out: Any, hook: Hook | None = None) -> Self:
        """Make the sweeps that are left."""
        unfinished, n_batches = self._unfinished, math.ceil(len(weights) / self.batch_size)
        n_iter, n_done = unfinished.n_iter, unfinished.n_done
        plan = self._plan(n_iter, n_batches, first=n_done, rising=unfinished.rising)
        stopping = None
        if held_out is not None:
            stopping = self._watch(held_out, rows, unfinished.seed, unfinished.seen)
            if stopping.over:  # as it was when a checkpoint was written
                plan = replace(plan, first=n_iter)
        self._train(rows, weights, plan, stopping, unfinished, hook)
        self._training.fills = None
        del self._unfinished
        return self

    def _planned_sweeps(self, n_rows: int) -> int:
        """Sweeps of a fit."""
        if self.n_iter == "auto":
            return enough_sweeps(n_rows, self.batch_size)
        return int(self.n_iter)

    def _plan(self, n_iter: int, n_batches: int, *, first: int, rising: bool) -> Plan:
        """The plan of a fit, of sweeps of so many mini-batches."""
        rate = self._rate()
        plan = Plan(n_iter, self.batch_size, self._recipe.decay(rate), shuffle=True, first=first)
        if rising:
            plan = replace(plan, variance_share=rising_share(rate, n_iter * n_batches))
        return plan

    def _go_on(self, rows: Any, weights: Array) -> Self:
        """Make one sweep over the rows in their order."""
        schedule = constant(self._rate())
        self._training.fills = None
        self.__dict__.pop("_unfinished", None)  # which these rows are no part of
        return self._train(rows, weights, Plan(1, self.batch_size, schedule, shuffle=False))

    def _watch(self, held_out: Any, train: Any, seed: int, seen: Seen) -> EarlyStopping:
        """The watch over rows kept apart, beside those trained on."""
        view = self._coordinates.view
        return EarlyStopping(
            view(held_out),
            view(train),
            self.n_iter_no_change,
            self.tol,
            seed,
            self._row_figure(_FLIPS_SCORED),
            seen,
        )

    def _train(
        self,
        X: Any,
        weights: Array,
        plan: Plan,
        stopping: EarlyStopping | None = None,
        unfinished: Unfinished | None = None,
        hook: Hook | None = None,
    ) -> Self:
        coordinates = self._coordinates
        rbm = self._placed(self._model().map(_writable))
        training, figure = self._training, self._row_figure(_FLIPS_MONITORED)

        def monitor(rbm: RBM, v: Array, rng: Generator) -> float:
            return float(figure(rbm, v, rng).mean())

        rows = coordinates.view(X)
        if plan.first == 0:  # looking at activations may draw them
            training.draws = self._draws and not are_states(rbm.visible, rows)
        self._keep(rbm.map(devices.to_host), coordinates)
        sweeps = training.run(rbm, self._completed(rbm, X, rows), weights, plan, monitor)
        title = (unfinished.title if unfinished else "") or type(self).__name__
        try:
            with progress(
                title, plan.n_iter - plan.first, training.figure, verbose=self.verbose > 0
            ) as report:
                for record in sweeps:
                    self._keep(rbm.map(devices.to_host), coordinates)
                    stop = stopping is not None and stopping.see(rbm, record)
                    report(record)
                    if unfinished is not None:
                        unfinished.n_done += 1
                    stop = asked_to_stop(self, self.callbacks, self.n_iter_) or stop
                    if (hook is not None and hook()) or stop:
                        break
            if stopping is not None:
                stopping.restore(rbm)
                self.best_validation_score_ = stopping.seen.best_score
        finally:  # chains have moved on where a sweep is interrupted, and so have the parameters
            self._keep(rbm.map(devices.to_host), coordinates)
        self._warn_of_saturation(rbm)
        return self

    def _completed(self, rbm: RBM, X: Any, rows: Any) -> Any:
        """The rows that data are, with chains for what is missing."""
        training = self._training
        if not self._takes_missing or issparse(X) or not arrays.has_nan(X):
            return rows
        completed = CompletedRows(rows, rbm, self._base, training.rng, training.fills)
        training.fills = completed.states
        return completed

    def _warn_of_saturation(self, rbm: RBM) -> None:
        saturated = rbm.hidden.saturated(self._training.optimizer.hidden_offset)
        n_saturated = int(saturated.sum())
        if n_saturated > len(saturated) / 2:
            warnings.warn(
                f"{n_saturated} of {len(saturated)} hidden units are on or off in nearly all rows: "
                f"use a smaller learning_rate than {self._rate():g}, or fewer n_components.",
                ConvergenceWarning,
                stacklevel=levels_to_the_caller(),
            )


def _writable(x: Array) -> Array:
    """The array, or a copy where it is read-only, as one that was loaded from a file may be."""
    return np.require(x, requirements="W")
