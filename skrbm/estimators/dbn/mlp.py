"""scikit-learn's perceptron: initialised with the weights of a stack, fitted epoch by epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrbm._kernels import threads
from skrbm._kernels.arrays import logistic
from skrbm._kernels.devices import Array
from skrbm.deep.belief_net import BeliefNet

_TINY = 1e-30
_FEW_PRODUCTS = 2**23  # of a mini-batch and a layer: two threads then cost more than they gain
_INTERRUPTED = "Training interrupted by user"


def make_layers(mlp: Any, sizes: list[int], n_features: int, y: Array, dtype: Any) -> None:
    """Create the layers of the perceptron, the last one with random weights.

    The perceptron creates them in its first fit. Here this is a fit to rows of zeros with a few
    targets, repeated for early stopping to be able to split them, with a negligible step size.
    """
    still = {"solver": "sgd", "batch_size": "auto", "max_iter": 1, "learning_rate_init": _TINY}
    own = {name: getattr(mlp, name) for name in still}
    own_fit = {"hidden_layer_sizes": tuple(sizes), "activation": "logistic", "warm_start": True}
    smaller = min(mlp.validation_fraction, 1 - mlp.validation_fraction)
    if mlp.early_stopping and smaller > 0:
        y = np.concatenate([y] * math.ceil(2 / smaller))
    rows = np.zeros((len(y), n_features), dtype), y
    fit(clone(mlp).set_params(**own_fit, max_iter=1), *rows)  # raises for invalid parameters
    mlp.set_params(**own_fit, **still)
    fit(mlp, *rows)
    mlp.set_params(**own)
    mlp.n_iter_, mlp.t_, mlp.loss_curve_, mlp.best_loss_ = 0, 0, [], math.inf
    if mlp.early_stopping:
        mlp.validation_scores_, mlp.best_validation_score_, mlp.best_loss_ = [], -math.inf, None


def take_weights(mlp: Any, net: BeliefNet) -> None:
    """Set the hidden layers of the perceptron to the recognition weights of a stack."""
    layers = [(x.layer.bias, x.weights.array) for x in net.recognition]
    layers.append((net.top.hidden.bias, net.top.weights.array))
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


def fit(mlp: Any, v: Any, y: Array, weights: Array | None = None) -> None:
    """Fit a perceptron without warnings about convergence, since the epochs are fixed.

    scikit-learn turns KeyboardInterrupt into a warning; this function raises it again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Got `batch_size`")  # exceeds these few rows
        warnings.filterwarnings("error", message=_INTERRUPTED)
        try:
            mlp.fit(v, y, sample_weight=weights)
        except UserWarning as warning:
            if _INTERRUPTED in str(warning):
                raise KeyboardInterrupt from None
            raise


def _fit_checked(mlp: Any, v: Any, y: Array, weights: Array | None) -> None:
    """`fit` to arguments that have been checked, and in one thread if the layers are small."""
    n_rows = len(y) if mlp.batch_size == "auto" else min(mlp.batch_size, len(y))
    is_small = n_rows * max(w.size for w in mlp.coefs_) < _FEW_PRODUCTS
    one_thread = threads.one_thread() if is_small else nullcontext()
    with one_thread, config_context(assume_finite=True, skip_parameter_validation=True):
        fit(mlp, v, y, weights)


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
    """

    mlp: Any
    n_sweeps: int
    rate: float
    n_done: int = 0
    n_stop: int | None = None
    linear: Array | None = None

    @classmethod
    def of(cls, mlp: Any) -> Tuning:
        """The fine-tuning of a new perceptron; one that stops on its own counts as one epoch."""
        n_sweeps = 1 if cls._goes_by_itself(mlp) else mlp.max_iter
        return cls(mlp, n_sweeps, mlp.learning_rate_init)

    def run(
        self,
        inputs: Callable[[], Any],
        y: Array,
        weights: Array | None,
        stop: Callable[[int], bool],
    ) -> None:
        """Run the remaining epochs, each with new inputs.

        After each epoch `stop` is called with the number of finished epochs; if it returns True,
        fine-tuning ends.
        """
        mlp, one_by_one = self.mlp, not self._goes_by_itself(self.mlp)
        n_sweeps = self.n_sweeps if self.n_stop is None else self.n_stop
        for sweep in range(self.n_done, n_sweeps):
            if one_by_one:
                rate = self.rate * (1 - sweep / self.n_sweeps)
                mlp.max_iter, mlp.learning_rate_init = 1, rate
            v = inputs()
            z = y if self.linear is None else y - self._linear_term(v, y)
            _fit_checked(mlp, v, z, weights)
            self.n_done += 1
            if stop(self.n_done):
                break
        if one_by_one:
            mlp.set_params(max_iter=self.n_sweeps, learning_rate_init=self.rate)
            mlp.n_iter_ = self.n_done

    def predict(self, v: Any) -> Array:
        """Targets of visible states."""
        z = self.mlp.predict(v)
        return z if self.linear is None else z + self._linear_term(v, z)

    def _linear_term(self, v: Any, y: Array) -> Array:
        return (v @ self.linear).reshape(y.shape)

    @staticmethod
    def _goes_by_itself(mlp: Any) -> bool:
        return bool(mlp.early_stopping or mlp.solver == "lbfgs")
