"""scikit-learn's perceptron: initialised with the weights of a stack, fitted epoch by epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrbm._kernels import threads
from skrbm._kernels.arrays import logistic
from skrbm._kernels.devices import Array

_TINY = 1e-30
_FEW_PRODUCTS = 2**23  # of a mini-batch and a layer: two threads then cost more than they gain
_INTERRUPTED = "Training interrupted by user"


def is_batch(mlp: Any) -> bool:
    """Whether a perceptron has a batch solver, which makes all its iterations in one call."""
    return bool(mlp.solver == "lbfgs")


def make_layers(mlp: Any, sizes: list[int], n_features: int, y: Array, dtype: Any) -> None:
    """Create the layers of the perceptron, the last one with random weights.

    The perceptron creates them in its first fit. Here this is a fit to rows of zeros with a few
    targets, with a negligible step size.
    """
    still = {"solver": "sgd", "batch_size": "auto", "max_iter": 1, "learning_rate_init": _TINY}
    own = {name: getattr(mlp, name) for name in still}
    own_fit = {"hidden_layer_sizes": tuple(sizes), "activation": "logistic", "warm_start": True}
    rows = np.zeros((len(y), n_features), dtype), y
    fit(clone(mlp).set_params(**own_fit, max_iter=1), *rows)  # raises for invalid parameters
    mlp.set_params(**own_fit, **still)
    fit(mlp, *rows)
    mlp.set_params(**own)
    mlp.n_iter_, mlp.t_, mlp.loss_curve_, mlp.best_loss_ = 0, 0, [], math.inf


def take_weights(mlp: Any, layers: list[tuple[Array, Array]]) -> None:
    """Set the hidden layers of the perceptron to biases and upward weights of a stack."""
    for i, (bias, weights) in enumerate(layers):
        mlp.intercepts_[i][...] = bias
        mlp.coefs_[i][...] = weights


def top_features(mlp: Any, v: Any) -> Array:
    """Activations of the uppermost hidden layer."""
    for weights, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        v = logistic(bias, v @ weights)
    return v


def take_output(mlp: Any, coefficients: Array, intercepts: Array) -> None:
    """Set the output layer of the perceptron."""
    mlp.coefs_[-1][...] = coefficients
    mlp.intercepts_[-1][...] = intercepts


def fit(mlp: Any, v: Any, y: Array, weights: Array | None = None, method: str = "fit") -> None:
    """Call `fit` or `partial_fit` without warnings about convergence, since epochs are fixed.

    scikit-learn turns KeyboardInterrupt into a warning; this function raises it again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Got `batch_size`")  # exceeds these few rows
        warnings.filterwarnings("error", message=_INTERRUPTED)
        try:
            getattr(mlp, method)(v, y, sample_weight=weights)
        except UserWarning as warning:
            if _INTERRUPTED in str(warning):
                raise KeyboardInterrupt from None
            raise


def _fit_checked(mlp: Any, v: Any, y: Array, weights: Array | None, method: str = "fit") -> None:
    """`fit` to arguments that have been checked, and in one thread if the layers are small."""
    n_rows = len(y) if mlp.batch_size == "auto" else min(mlp.batch_size, len(y))
    is_small = n_rows * max(w.size for w in mlp.coefs_) < _FEW_PRODUCTS
    one_thread = threads.one_thread() if is_small else nullcontext()
    with one_thread, config_context(assume_finite=True, skip_parameter_validation=True):
        fit(mlp, v, y, weights, method)


@dataclass
class Validation:
    """Scores of held-out rows, one per epoch, and the parameters with the best score.

    Parameters
    ----------
    n_iter_no_change : int
        Number of epochs in a row without a better score after which fine-tuning ends.
    tol : float
        Smallest difference that counts as better.
    scores : list of float
    n_worse : int
        Number of epochs since the last better score.
    best : list of ndarray
        Parameters of the epoch with the highest score.
    """

    n_iter_no_change: float
    tol: float
    scores: list[float] = field(default_factory=list)
    n_worse: int = 0
    best: list[Array] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether fine-tuning ends."""
        return self.n_worse >= self.n_iter_no_change

    def see(self, score: float, parameters: list[Array]) -> None:
        """Add the score of an epoch."""
        highest = max(self.scores, default=-math.inf)
        self.scores.append(score)
        self.n_worse = self.n_worse + 1 if score < highest + self.tol else 0
        if score > highest:
            self.best = [array.copy() for array in parameters]

    def restore(self, parameters: list[Array]) -> None:
        """Restore the parameters of the best epoch."""
        for array, best in zip(parameters, self.best, strict=True):
            array[...] = best


@dataclass
class Tuning:
    """Fine-tuning epoch by epoch, and its position between two epochs.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
    n_sweeps : int
        Total number of epochs.
    rate : float
        Initial step size, which decreases linearly to zero.
    n_done : int
        Number of finished epochs.
    n_stop : int, optional
        Number of epochs after which to stop.
    linear : ndarray of shape (n_visible, n_targets), optional
        Coefficients of a linear term, which is added to the outputs.
    validation : Validation, optional
        Only with early stopping.
    is_streamed : bool
        Whether the latest epoch was one of `partial_fit`.
    """

    mlp: Any
    n_sweeps: int
    rate: float
    n_done: int = 0
    n_stop: int | None = None
    linear: Array | None = None
    validation: Validation | None = None
    is_streamed: bool = False

    @classmethod
    def of(cls, mlp: Any, *, early_stopping: bool) -> Tuning:
        """The fine-tuning of a new perceptron; a batch solver makes one epoch."""
        validation = Validation(mlp.n_iter_no_change, mlp.tol) if early_stopping else None
        n_sweeps = 1 if is_batch(mlp) else mlp.max_iter
        return cls(mlp, n_sweeps, mlp.learning_rate_init, validation=validation)

    def run(
        self,
        inputs: Callable[[], Any],
        y: Array,
        weights: Array | None,
        stop: Callable[[int], bool],
        score: Callable[[], float] | None = None,
    ) -> None:
        """Run the remaining epochs, each with new inputs.

        After each epoch `score` computes the score of held-out rows for early stopping, and `stop`
        is called with the number of finished epochs; if it returns True, fine-tuning ends.
        """
        mlp, one_by_one, validation = self.mlp, not is_batch(self.mlp), self.validation
        n_sweeps = self.n_sweeps if self.n_stop is None else self.n_stop
        for sweep in range(self.n_done, n_sweeps):
            if validation is not None and validation.is_over:
                break
            if one_by_one:
                rate = self.rate * (1 - sweep / self.n_sweeps)
                mlp.max_iter, mlp.learning_rate_init = 1, rate
            v = inputs()
            z = y if self.linear is None else y - self._linear_term(v, y)
            _fit_checked(mlp, v, z, weights)
            self.n_done += 1
            if one_by_one:
                mlp.n_iter_ = self.n_done
            if validation is not None and score is not None:
                validation.see(score(), self.parameters)
            if stop(self.n_done):
                break
        if one_by_one:
            mlp.set_params(max_iter=self.n_sweeps, learning_rate_init=self.rate)
        if validation is not None:
            validation.restore(self.parameters)

    def go_on(self, v: Any, y: Array, weights: Array | None) -> None:
        """Run one epoch at the initial step size; momentum continues from the previous call."""
        mlp = self.mlp
        if not self.is_streamed:
            mlp.set_params(warm_start=False, learning_rate_init=self.rate)
            vars(mlp).pop("_optimizer", None)  # its step size is the one of the latest epoch
            self.is_streamed = True
        z = y if self.linear is None else y - self._linear_term(v, y)
        _fit_checked(mlp, v, z, weights, "partial_fit")
        self.n_done += 1
        mlp.n_iter_ = self.n_done

    @property
    def n_left(self) -> int:
        """Largest number of epochs that are left."""
        return (self.n_sweeps if self.n_stop is None else self.n_stop) - self.n_done

    @property
    def parameters(self) -> list[Array]:
        """Weights and biases of the perceptron."""
        return [*self.mlp.coefs_, *self.mlp.intercepts_]

    def predict(self, v: Any) -> Array:
        """Targets of visible states."""
        z = self.mlp.predict(v)
        return z if self.linear is None else z + self._linear_term(v, z)

    def _linear_term(self, v: Any, y: Array) -> Array:
        return (v @ self.linear).reshape(y.shape)
