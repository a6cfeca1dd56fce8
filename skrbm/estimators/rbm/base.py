"""The common base of all RBM estimators: parameters, training, missing values, log Z."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.annealing import AnnealingBudget
from skrbm.data.scaling import Scaling
from skrbm.data.views import LabelledRows
from skrbm.estimators.common import methods
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.device import Device
from skrbm.estimators.common.fit_state import FitState, asked_to_stop
from skrbm.estimators.common.fitted import Fitted
from skrbm.estimators.rbm.learner import Learner
from skrbm.estimators.rbm.settings import Settings, Size, Start, Stopping
from skrbm.learning.defaults import Defaults
from skrbm.learning.gradients import GRADIENTS, Gradient
from skrbm.learning.loop import RowFigure, history_arrays
from skrbm.learning.train_state import Record
from skrbm.learning.variance import VarianceGradient
from skrbm.learning.watching import Price
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.units import Domain, Layer
from skrbm.validation import parameters
from skrbm.validation.estimators import check_same_rows, check_unchanged, check_unfinished
from skrbm.validation.rows import Checked, TrainingRows, check_columns, check_training_rows

MISSING_VALUES = ("refuse", "allow")
# A model in training depends on these parameters.
_SHAPE = ("n_components", "gradient", "n_steps", "n_chains")


@dataclass(eq=False, repr=False)
class BaseRBM(Estimator):
    """Parameters and training of every RBM estimator.

    A subclass defines the domain of its data, the initial layers, and the figure that is monitored.
    """

    n_components: int = 256
    _: KW_ONLY
    hidden_bias: float | Literal["auto"] = "auto"
    learning_rate: float | Literal["auto"] = "auto"
    batch_size: int = 100
    n_iter: int | Literal["auto"] = "auto"
    gradient: str = "jump"
    n_steps: int = 1
    n_chains: int | Literal["auto"] = 100
    alpha: float | Literal["auto"] = "auto"
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 1
    tol: float = 1e-4
    warm_start: bool = False
    missing_values: str = "refuse"
    callbacks: Any = None
    device: str | None = None
    precision: str = "float32"
    verbose: int = 0
    random_state: Any = None

    _SHAPE: ClassVar[tuple[str, ...]] = ()
    _FIGURE: ClassVar[str] = "pseudo_log_likelihood"
    _DATA: ClassVar[Domain]

    _learner: Learner | None = field(default=None, init=False)

    # Defined by a subclass

    @property
    @abstractmethod
    def _defaults(self) -> Defaults:
        """Training defaults of such a model."""

    @abstractmethod
    def _layers(self, n_features: int) -> tuple[Layer, Layer]:
        """Visible and hidden units of a model with this many features, without parameters."""

    @abstractmethod
    def _begin(self, rows: TrainingRows) -> Start:
        """Initial layers for the rows, before they are coupled."""

    @abstractmethod
    def _row_figure(self, scaling: Scaling, n_flips: int) -> RowFigure:
        """The monitored figure of each row, from `n_flips` columns; higher is better."""

    @abstractmethod
    def _price(self, rbm: RBM, n_flips: int) -> Price:
        """The cost of this figure."""

    def _figure_of(self, gradient: str) -> str:
        """Name of the monitored figure with this gradient."""
        del gradient
        return self._FIGURE

    @property
    def _n_seeing(self) -> float:
        """Mean number of hidden units that see a feature."""
        return int(self.n_components)

    @property
    def _gradient(self) -> Gradient:
        """The estimate of the gradient."""
        return GRADIENTS[self.gradient](int(self.n_steps))

    @property
    def _variance_gradient(self) -> VarianceGradient | None:
        """The gradient of the variances; None if they are fixed."""
        return None

    def _hidden_biases(self, default: float, dtype: Any) -> Array:
        """Initial biases of the hidden units."""
        bias = default if isinstance(self.hidden_bias, str) else float(self.hidden_bias)
        return np.full(int(self.n_components), bias, dtype)

    # Fitted state

    @property
    def _model(self) -> Learner:
        """The model and its training."""
        if self._learner is None:
            check_is_fitted(self)  # which raises
        assert self._learner is not None
        return self._learner

    @property
    def _fitted(self) -> Fitted:
        """The fitted model, set to compute on the device of the parameters."""
        return replace(self._model.fitted, device=Device.of(self))

    @property
    def history_(self) -> dict[str, Array]:
        """One array per figure, with one value per epoch."""
        figure = self._figure_of(self._model.shape["gradient"])
        return history_arrays(self._model.training.history, figure)

    @property
    def n_iter_(self) -> int:
        """Number of epochs trained."""
        return len(self._model.training.history)

    @property
    def best_validation_score_(self) -> float:
        """The `validation_score` of the parameters kept, with early stopping."""
        score = self._model.fitted.best_validation_score
        if score is None:
            msg = "best_validation_score_ needs early_stopping=True."
            raise AttributeError(msg)
        return score

    @property
    def _n_features_out(self) -> int:
        return self._model.fitted.rbm.hidden.n_units

    def __sklearn_is_fitted__(self) -> bool:
        return self._learner is not None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._domain.allow_nan
        return tags

    # Checks

    @property
    def _domain(self) -> Domain:
        """Data that `fit` accepts."""
        allowing = f"{type(self).__name__}(missing_values='allow')"
        advice = f"NaN in an array is a missing value for {allowing}."
        return self._DATA.with_missing(allowed=self.missing_values == "allow", advice=advice)

    def _check_parameters(self) -> None:
        """Refuse parameters that are invalid for any data."""
        for name in ("n_components", "batch_size", "n_steps", "n_iter_no_change"):
            parameters.check_count(name, vars(self)[name])
        self._check_chains()
        if not isinstance(self.n_iter, str) or self.n_iter != "auto":
            parameters.check_count("n_iter", self.n_iter, minimum=0, alternative="auto")
        parameters.check_count("verbose", self.verbose, minimum=0)
        parameters.check_number("hidden_bias", self.hidden_bias, ">= -80 and <= 80", "auto")
        parameters.check_number("alpha", self.alpha, ">= 0 and <= 1e30", "auto")
        parameters.check_number("learning_rate", self.learning_rate, ">= 1e-30 and <= 1e30", "auto")
        for name in ("early_stopping", "warm_start"):
            parameters.check_flag(name, vars(self)[name])
        parameters.check_number("validation_fraction", self.validation_fraction, "> 0 and < 1")
        parameters.check_number("tol", self.tol, ">= 0")
        parameters.check_choice("gradient", self.gradient, GRADIENTS)
        parameters.check_choice("missing_values", self.missing_values, MISSING_VALUES)
        parameters.check_callbacks("callbacks", self.callbacks)
        Device.of(self).check()
        parameters.check_random_state(self.random_state)

    def _check_chains(self) -> None:
        parameters.check_count("n_chains", self.n_chains)

    def _settings(self) -> Settings:
        """The parameters, which must have been checked."""
        rate, n_iter, n_chains = self.learning_rate, self.n_iter, self.n_chains
        stopping = Stopping(self.validation_fraction, int(self.n_iter_no_change), float(self.tol))
        return Settings(
            title=type(self).__name__,
            shape={name: vars(self)[name] for name in (*_SHAPE, *self._SHAPE)},
            layers=self._layers,
            domain=self._domain,
            begin=self._begin,
            figure=self._figure_of(self.gradient),
            row_figure=self._row_figure,
            price=self._price,
            gradient=self._gradient,
            defaults=self._defaults,
            device=Device.of(self),
            rate=self._defaults.rate(self._n_seeing) if rate == "auto" else float(rate),
            batch_size=int(self.batch_size),
            n_iter="auto" if n_iter == "auto" else int(n_iter),
            n_chains="auto" if n_chains == "auto" else int(n_chains),
            alpha=alpha if (alpha := self.alpha) == "auto" else float(alpha),
            random_state=self.random_state,
            verbose=int(self.verbose),
            hooks=() if self.callbacks is None else (self._asked_to_stop,),
            stopping=stopping if self.early_stopping else None,
            variance=self._variance_gradient,
        )

    def _check_rows(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, split: bool
    ) -> TrainingRows:
        """Check the parameters and the data, and return the rows to train on."""
        self._check_parameters()
        if not first:
            check_unchanged(self, self._model.shape)
        rows = self._check_training_rows(X, y, sample_weight, first=first)
        settings = self._settings()
        settings.device.check_dtype(rows.summary.dtype)
        n_classes = len(rows.values.classes) if isinstance(rows.values, LabelledRows) else 1
        settings.check_sizes(*rows.values.shape, split=split, n_classes=n_classes)
        self._check_columns(X, first=first)
        return rows

    def _check_columns(self, X: Any, *, first: bool) -> None:
        """Store the columns of the first rows, and refuse others later."""
        check_columns(self, X, reset=first)

    def _check_training_rows(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> TrainingRows:
        """Check rows and weights, and return the rows to train on."""
        return check_training_rows(self, X, sample_weight, self._domain, first=first)

    # Training

    def _asked_to_stop(self, record: Record) -> bool:
        return asked_to_stop(self, self.callbacks, self.n_iter_)

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        parameters.check_flag("warm_start", self.warm_start)
        first = not self.warm_start or self._learner is None
        rows = self._check_rows(X, y, sample_weight, first=first, split=True)
        return self._fit_rows(rows, first=first)

    def _fit_rows(self, rows: TrainingRows, *, first: bool) -> Self:
        settings = self._settings()
        train, validation = settings.split(rows, settings.validation_seed)
        if first:
            self._learner = Learner.start(settings, train)
        size = Size.of(train, len(rows.weights) - len(train.weights))
        self._model.begin_fit(settings, size, rising=first)
        self._model.finish(settings, train, validation)
        return self

    def _resume(self, X: Any, y: Any, sample_weight: Any) -> Self:
        fit: FitState = check_unfinished(self, self._learner and self._learner.fit)
        rows = self._check_rows(X, y, sample_weight, first=False, split=True)
        settings = self._settings()
        train, validation = settings.split(rows, fit.seed)
        check_same_rows("X", len(train.weights), fit.n_rows)
        self._model.finish(settings, train, validation)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        first = self._learner is None
        rows = self._check_rows(X, y, sample_weight, first=first, split=False)
        settings = self._settings()
        if first:
            self._learner = Learner.start(settings, rows)
        self._model.go_on(settings, rows)
        return self

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

        The result is exact if the model has at most ten hidden units, or if the units are binary
        and the row has at most ten missing values. Otherwise each row runs a block Gibbs chain,
        which keeps the known values fixed.

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

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 8_000,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> LogPartition:
        """Compute log Z in nats, with its error; `score_samples` uses this value from then on.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering", "trajectory"}, default="auto"
            Method to compute log Z:

            - "exact": enumeration of the smaller layer, which may have at most 30 units.
            - "ais": chains annealed from independent units to the model [1]_.
            - "bracket": chains annealed in both directions, also from samples of the model back to
              independent units, which bounds log Z on both sides [2]_.
            - "tempering": sum of log ratios between 20 temperatures of tempered chains, or between
              the temperatures of the training with gradient="pt".
            - "trajectory": sum of log ratios between the earlier models of a training with
              gradient="ptt", each with n_chains chains.
            - "auto": "exact" if it takes about a second or less time than "bracket", otherwise
              "bracket".
        n_chains : int, default=100
            Number of chains per direction, at each of the 20 temperatures, or per earlier model; at
            least 20. "exact" ignores it, and so does "tempering" if the model was trained with
            gradient="pt".
        n_temperatures : int, default=8_000
            Number of annealing temperatures. "bracket" uses fewer if they suffice for bounds that
            are half a nat apart. "exact", "tempering" and "trajectory" ignore it.
        n_jobs : int, default=None
            Number of threads: by default as many as matrix products use, with -1 one per core. The
            result does not depend on it. "tempering" and "trajectory" ignore it.
        random_state : int, RandomState instance or None, default=None
            By default a seed drawn by `fit`, with which repeated calls give the same result.

        Returns
        -------
        log_partition : LogPartition
            With the fields `value`, `std_error`, `lower`, `upper`, `effective_sample_size` and
            `method`.

        Warns
        -----
        ConvergenceWarning
            If the effective sample size is below five, the bounds are more than two nats apart,
            chains in the two directions contradict each other, or the standard error of "ais"
            exceeds 0.2 nats.

        References
        ----------
        .. [1] R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief
           networks", ICML 2008.
        .. [2] Y. Burda, R. Grosse and R. Salakhutdinov, "Accurate and conservative estimates of
           MRF log-likelihood using reverse annealing", AISTATS 2015.
        """
        budget = AnnealingBudget(n_chains, n_temperatures, n_jobs)
        return self._model.log_partition(Device.of(self), method, budget, random_state)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the model with its current parameters, computed once for them, in nats."""
        known = self._model.known_log_partition()
        return self.log_partition() if known is None else known

    def _log_likelihood(self, rows: Checked) -> Array:
        return -self._fitted.free_energy(rows) - self.log_partition_.value


def settings_of(rbm: BaseRBM) -> Settings:
    """The parameters of an RBM estimator, after checking them."""
    rbm._check_parameters()
    return rbm._settings()


def check_within(rbm: BaseRBM, X: Any, sample_weight: Any) -> TrainingRows:
    """Check the rows of an RBM inside another estimator, and return them."""
    return rbm._check_rows(X, None, sample_weight, first=True, split=True)


def check_lowest(rbm: BaseRBM, X: Any, sample_weight: Any, *, first: bool) -> TrainingRows:
    """Check rows of the lowest RBM of a stack by its own rules, and return them."""
    return rbm._check_training_rows(X, None, sample_weight, first=first)


def check_part(rbm: BaseRBM, n_rows: int, n_features: int) -> None:
    """Refuse parameters that are invalid for a part of the rows."""
    rbm._settings().check_sizes(n_rows, n_features, split=True)


def fit_rows(rbm: BaseRBM, rows: TrainingRows) -> None:
    """Fit the RBM inside another estimator to rows that were checked."""
    rbm._fit_rows(rows, first=True)


def fit_within(rbm: BaseRBM, X: Any, sample_weight: Any) -> TrainingRows:
    """Fit the RBM inside another estimator, and return its rows, checked only once."""
    rows = check_within(rbm, X, sample_weight)
    fit_rows(rbm, rows)
    return rows


def is_started(rbm: BaseRBM) -> bool:
    """Whether the training of an RBM estimator has begun."""
    return rbm._learner is not None


def learner_of(rbm: BaseRBM) -> Learner:
    """The model and training state of a fitted RBM estimator."""
    return rbm._model


def take_over(rbm: BaseRBM, model: RBM, hidden: Array) -> None:
    """Replace the model of an RBM estimator, with chains that start from hidden states."""
    rbm._model.take_over(model, hidden)


def start_layer(rbm: BaseRBM, settings: Settings, rows: TrainingRows) -> None:
    """Start the training of an RBM on these rows; its columns may already be set."""
    rbm._learner = Learner.start(settings, rows)
    if not hasattr(rbm, "n_features_in_"):
        check_columns(rbm, np.empty((1, rbm._learner.fitted.rbm.visible.n_columns)), reset=True)
