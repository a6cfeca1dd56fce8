"""`Settings`: the checked parameters of an RBM estimator, in the form that training uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.utils import shuffle

from skrbm._kernels import random
from skrbm._kernels.devices import Array, Generator
from skrbm.data.coding import Coding
from skrbm.data.pictures import ReceptiveField
from skrbm.data.scaling import Scaling
from skrbm.data.sources import on_disk, part
from skrbm.data.summary import Summary
from skrbm.data.views import LabelledRows, MappedRows
from skrbm.estimators.common.device import Device
from skrbm.estimators.common.fit_state import Hook
from skrbm.learning.completion import Completion
from skrbm.learning.defaults import Defaults
from skrbm.learning.early_stopping import ends_of_decays
from skrbm.learning.gradients import Gradient
from skrbm.learning.loop import Plan, Prior, RowFigure, default_n_iter
from skrbm.learning.optimizer import CentredOptimizer
from skrbm.learning.progress import N_LINES
from skrbm.learning.schedules import InTurn, PowerDecay, RisingShare, Schedule
from skrbm.learning.variance import VarianceGradient
from skrbm.learning.watching import Price
from skrbm.model import RBM
from skrbm.units import Domain, Layer
from skrbm.validation import parameters
from skrbm.validation.estimators import check_enumerable
from skrbm.validation.pictures import check_picture
from skrbm.validation.rows import TrainingRows
from skrbm.weights import Weights

# Columns per row from which a pseudo-likelihood is estimated. One suffices for a mini-batch, at the
_EXACT_GRADIENT_UNITS = 16  # largest layer that gradient="exact" enumerates in every update
LOG_LIKELIHOOD = "log_likelihood"  # a monitored figure
N_SEEDS = 5  # training, order of rows, likelihood, samples, validation set


# From the shape of the weights, their standard deviation, an array with their dtype and device, and
# a generator to initial weights.
InitialWeights = Callable[[tuple[int, int], float, Array, Generator], Weights | Array]


@dataclass(frozen=True)
class Start:
    """Start of the training of a model.

    Parameters
    ----------
    scaling : Scaling
    visible, hidden : Layer
        The layers before they are coupled.
    column_variance : ndarray, optional
        Variances of the visible units in the data, if variances are learned.
    classes : ndarray, optional
        Class labels.
    n_independent : float, optional
        Effective number of independent visible units, if it differs from the number for the
        columns.
    coding : Coding, optional
        Visible states of rows of a table, if the data are one.
    weights : callable
        Draws initial weights; by default dense ones.
    fan : tuple of float, optional
        Mean number of visible columns that a hidden unit sees, and mean number that see a column;
        by default all of them.
    n_latent : int
        Number of visible columns that belong to deeper layers; they come last.
    """

    scaling: Scaling
    visible: Layer
    hidden: Layer
    column_variance: Array | None = None
    classes: Array | None = None
    n_independent: float | None = None
    coding: Coding | None = None
    weights: InitialWeights = random.normal
    fan: tuple[float, float] | None = None
    n_latent: int = 0


class Size(NamedTuple):
    """Number and total weight of the rows of a fit, and size of its validation set."""

    n_rows: int
    weight: float
    n_held_out: int = 0

    @classmethod
    def of(cls, rows: TrainingRows, n_held_out: int) -> Size:
        """The size of a fit on these rows."""
        return cls(len(rows.weights), float(rows.weights.sum()), n_held_out)


class Stopping(NamedTuple):
    """Parameters of early stopping."""

    validation_fraction: float
    n_iter_no_change: int
    tol: float


class Below(NamedTuple):
    """Access to the layers below one in training: they complete rows and infer its inputs."""

    completion: Completion
    infer: Callable[[Array], Array]

    def view(self, rows: Any, layer: Layer) -> MappedRows:
        """Rows as this layer sees them, completed by the current states of the chains."""

        def inferred(index: Array) -> Array:
            return self.infer(self.completion.filled(rows[index], index))

        index = np.arange(rows.shape[0])
        return MappedRows(index, inferred, layer.n_columns, layer.bias.dtype)


@dataclass(frozen=True)
class Settings:
    """The checked parameters of an RBM estimator, in the form that training uses.

    Parameters
    ----------
    title : str
        Title of the progress report.
    shape : dict of str to object
        Parameters that cannot change while a model is in training.
    layers : callable
        From a number of features to visible and hidden units, without parameters.
    domain : Domain
        Data that the visible units take.
    begin : callable
        From rows to train on to the start of the training.
    figure : str
        Name of the monitored figure.
    row_figure : callable
        From the scaling and a number of columns per row to a function that computes this figure.
    price : callable
        From a model and a number of columns per row to the cost of this figure.
    gradient : Gradient
    defaults : Defaults
    device : Device
    rate : float
        Step size of the first update.
    batch_size : int
    n_iter : int or "auto"
    n_chains : int or "auto"
    random_state : int, RandomState instance or None
    verbose : int
    hooks : sequence of callables
        Called after every epoch.
    stopping : Stopping or None
        With early stopping.
    variance : VarianceGradient or None
        None if variances are fixed.
    draws : bool
        Whether values between 0 and 1 are means of binary units.
    below : Below or None
        Only for a layer of a stack whose rows have missing values.
    n_lines : int
        Maximum number of lines of a report with verbose=1.
    field : ReceptiveField or None
        Receptive field of the hidden units, if they do not see all columns.
    """

    title: str
    shape: dict[str, Any]
    layers: Callable[[int], tuple[Layer, Layer]]
    domain: Domain
    begin: Callable[[TrainingRows], Start]
    figure: str
    row_figure: Callable[[Scaling, int], RowFigure]
    price: Callable[[RBM, int], Price]
    gradient: Gradient
    defaults: Defaults
    device: Device
    rate: float
    batch_size: int
    n_iter: int | Literal["auto"]
    n_chains: int | Literal["auto"]
    alpha: float | Literal["auto"]
    random_state: Any
    verbose: int
    hooks: Sequence[Hook] = ()
    stopping: Stopping | None = None
    variance: VarianceGradient | None = None
    draws: bool = True
    below: Below | None = None
    n_lines: int = N_LINES
    field: ReceptiveField | None = None

    @property
    def knows_log_partition(self) -> bool:
        """Whether the monitored figure is the log-likelihood, with log Z from the training."""
        return self.figure == LOG_LIKELIHOOD

    @cached_property
    def validation_seed(self) -> int:
        """Seed of the validation set and its scores, drawn once."""
        return parameters.check_seeds(self.random_state, N_SEEDS)[-1]

    def replaces_by_draws(self, summary: Summary) -> bool:
        """Whether values between 0 and 1 are replaced by binary draws in every mini-batch."""
        return self.draws and self.domain.is_bounded and not summary.is_binary

    def check_sizes(self, n_rows: int, n_features: int, *, split: bool, n_classes: int = 1) -> None:
        """Refuse parameters that are invalid for data of this shape and so many classes."""
        if self.field is not None:
            check_picture(self.field, n_features)
        sizes = [layer.log2_states for layer in self.layers(n_features)]
        if self.shape["gradient"] == "exact":
            check_enumerable("gradient", sizes, _EXACT_GRADIENT_UNITS)
        if split and self.stopping is not None:
            fraction = self.stopping.validation_fraction
            parameters.check_split("validation_fraction", fraction, n_rows, n_classes)

    @property
    def optimizer(self) -> CentredOptimizer:
        """The optimizer of the RBM."""
        return CentredOptimizer(largest_step=self.defaults.largest_step, variance=self.variance)

    def chains_for(self, n_rows: int) -> int:
        """The number of persistent chains for so many rows."""
        return self.defaults.n_chains(n_rows) if self.n_chains == "auto" else self.n_chains

    def prior(self, n_independent: float, weights: Weights, weight: float | None = None) -> Prior:
        """The prior on weights for rows of this total weight, or for a stream of rows."""
        if self.alpha == 0:
            return Prior()
        alpha = self.alpha
        if alpha == "auto":
            n_seen, n_seeing = weights.fan
            share = n_seen / weights.shape[0]
            alpha = self.defaults.prior(share * n_independent, n_seeing, weight)
        return Prior(alpha, n_independent, weight)

    def plan(self, size: Size, prior: Prior, rbm: RBM, *, rising: bool) -> Plan:
        """The plan of a fit of a model; with `rising`, variances rise from a small start.

        A validation set does not change the number of epochs.
        """
        n_iter = self.n_iter
        if n_iter == "auto":
            n_given = size.n_rows + size.n_held_out
            n_updates = self.defaults.n_updates(n_given, rbm.weights.shape[0])
            n_iter = default_n_iter(n_given, self.batch_size, n_updates)
        rate = PowerDecay(self.rate, self.defaults.decay_power)
        n_batches = math.ceil(size.n_rows / self.batch_size)
        ends = (n_iter,) if self.stopping is None else ends_of_decays(n_iter, n_batches)
        shares: list[Schedule] = [PowerDecay(1.0, 0)] * len(ends)
        if rising:
            shares[0] = RisingShare.of(self.rate, ends[0] * n_batches)
        turns = tuple(end / max(1, ends[-1]) for end in ends)
        rates, share = InTurn((rate,) * len(ends), turns), InTurn(tuple(shares), turns)
        return Plan(
            ends[-1],
            self.batch_size,
            rates,
            shuffle=True,
            variance_share=share,
            ends=ends,
            prior=prior,
        )

    def split(self, rows: TrainingRows, seed: int) -> tuple[TrainingRows, Any]:
        """Rows to train on, and the validation set if there is early stopping."""
        train, validation = self.split_indices(rows.values, seed)
        if validation is None:
            return rows, None
        return rows.part(train), part(rows.values, validation)

    def split_indices(self, X: Any, seed: int) -> tuple[Any, Any]:
        """Indices of the rows to train on, and of the validation set or None.

        A validation set of labelled rows is stratified by class.
        """
        if self.stopping is None:
            return slice(None), None
        n_rows = X.shape[0]
        order = shuffle(np.arange(n_rows), random_state=seed % 2**32)
        n_validation = math.ceil(self.stopping.validation_fraction * n_rows)
        if isinstance(X, LabelledRows):
            order = X.stratified(order, n_validation)
        validation, train = order[:n_validation], order[n_validation:]
        if on_disk(X) is not None:  # a file is read in order
            validation.sort()
            train.sort()
        return train, validation
