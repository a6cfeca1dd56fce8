"""`BernoulliRBM`: parameters, documentation and checks; the work is done by the layers below."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, shuffle

from skrbm import _kernels, likelihood, validation
from skrbm._kernels import Array, Generator
from skrbm.gradients import GRADIENTS
from skrbm.inference import RBMInference
from skrbm.model import RBM
from skrbm.optimizers import CentredGradient, constant, linear_decay
from skrbm.stopping import EarlyStopping
from skrbm.training import Plan, Training, column_totals, enough_sweeps, progress
from skrbm.units import Bernoulli

_EXACT_UNITS = 16  # the largest layer that gradient="exact" enumerates at every update
# Parameters that give a model in training its shape: they stay as they were at its start.
_SHAPING = ("n_components", "gradient", "n_steps", "n_chains")

# Where training starts: weights with this standard deviation over sqrt(number of units), and
# hidden units that are on in 12 % of the rows, so that they become detectors of something.
_WEIGHT_SCALE = 6.0
_HIDDEN_BIAS = -2.0

# learning_rate="auto": the best rates that were found for 16, 64, 256 and 500 hidden units.
_RATE = 16.0
_RATE_EXPONENT = -0.75
_LARGEST_RATE = 2.0

_N_SEEDS = 5  # of training, order, likelihood, samples and validation rows

# A hidden unit that is on in less than this share of the rows, or off, says nothing about them.
_SATURATION = 1e-3


class BernoulliRBM(RBMInference, BaseEstimator):
    r"""Restricted Boltzmann machine with binary visible and binary hidden units.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad E(v, h) = -b^T v - c^T h - v^T W h,
        \qquad v_i, h_j \in \{0, 1\}.

    The parameters maximise the likelihood of the data, :math:`\log p(v) = -F(v) - \log Z` with the
    free energy :math:`F(v) = -\log \sum_h e^{-E(v, h)}`, by stochastic gradient ascent. The
    gradient is centred, the visible biases start at the log-odds of the data, and the step size
    decays linearly to zero over a `fit`. Values between 0 and 1 are taken as probabilities.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of all updates of `partial_fit`; "auto" is
        `16 / n_components**0.75`, and at most 2.
    batch_size : int, default=100
        Largest number of rows an update.
    n_iter : int or "auto", default="auto"
        Number of sweeps of `fit` over the rows; "auto" makes 5,000 updates, and at least 10
        sweeps.
    gradient : {"jump", "pcd", "pt", "cd", "exact"}, default="jump"
        Estimate of the model's part of the gradient: "pcd" from persistent chains [2]_, "jump" from
        persistent chains that also jump, by Metropolis' rule, to hidden states that rows of the
        last mini-batch propose, "pt" from persistent chains that exchange their states with chains
        at up to ten temperatures [4]_, "cd" from chains that start at the mini-batch [1]_, "exact"
        by enumeration of the smaller layer, which may have at most 16 units.
    n_steps : int, default=1
        Gibbs steps an update; not used by "exact".
    n_chains : int, default=100
        Number of persistent chains, for "pt" at all temperatures together; not used by "cd" and
        "exact".
    early_stopping : bool, default=False
        Keep some rows apart, score them after every sweep, stop `fit` when their score no longer
        improves, and take the parameters with the best one.
    validation_fraction : float, default=0.1
        Share of the rows to keep apart for early stopping.
    n_iter_no_change : int, default=10
        Sweeps without an improvement by `tol` after which early stopping ends `fit`.
    tol : float, default=1e-4
        The least improvement, in nats a row.
    warm_start : bool, default=False
        Whether `fit` goes on from the model that it finds, for `n_iter` sweeps more, with its
        chains and its history; the step size starts anew.
    verbose : int, default=0
        Above 0, report every sweep: in a progress bar on a terminal, if tqdm is installed (extra
        "progress"), or else in a line on the standard output.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn: weights, order of the rows, chains, samples. An int makes a fit,
        and the sequence of later calls of `gibbs` and `sample`, reproducible.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, the transpose of W, float32 or float64 as the data were; integers of more than 16
        bits make float64, other integers and booleans float32.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the visible units.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains ("jump" and "pcd"; with "pt" those at temperature
        one, a tenth of n_chains).
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the same chains.
    tempering_ : ParallelTempering
        The chains at all temperatures, their temperatures `betas` and `swap_rates` ("pt" alone).
    history_ : dict of str to ndarray of shape (n_iter_,)
        For every sweep `iteration`, `learning_rate` at its end, `pseudo_log_likelihood` (mean
        nats a row of its last mini-batch, estimated from one column a row) and `time` in seconds;
        with early stopping also `validation_score` (mean pseudo-log-likelihood of the rows kept
        apart, from ten columns a row, the same in every sweep) and `free_energy_gap` (mean free
        energy of these rows less that of training rows: it grows as the model overfits).
    best_validation_score_ : float
        The largest `validation_score`; with early stopping alone.
    n_iter_ : int
        Number of sweeps trained, a call of `partial_fit` being one.
    log_partition_ : LogPartition
        log Z with its bounds and standard error, as `log_partition` computed it last, or else
        computes it when it is first needed.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : The estimator whose parameters and attributes these are.

    References
    ----------
    .. [1] G. E. Hinton, "Training products of experts by minimizing contrastive divergence",
       Neural Computation 14(8), 2002.
    .. [2] T. Tieleman, "Training restricted Boltzmann machines using approximations to the
       likelihood gradient", ICML 2008.
    .. [3] J. Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines",
       Journal of Machine Learning Research 17(99), 2016.
    .. [4] G. Desjardins et al., "Tempered Markov chain Monte Carlo for training of restricted
       Boltzmann machines", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]] * 25)
    >>> rbm = BernoulliRBM(n_components=4, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (100, 4)
    >>> bool(rbm.score(X) > -1.6)  # no model of four equally frequent rows exceeds -log(4) = -1.39
    True
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
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
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
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
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model, from a fresh start, by `n_iter` sweeps over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1]. Values outside draw a warning, and count as 0 or 1.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two is the row given twice.

        Returns
        -------
        self : BernoulliRBM

        Raises
        ------
        ValueError
            If a parameter or the data are not as described; the estimator is then unchanged.
        """
        first = not (self.warm_start and hasattr(self, "components_"))
        X, weights = self._check_fit(X, sample_weight, first=first, split=self.early_stopping)
        stopping = None
        if self.early_stopping:
            X, weights, stopping = self._keep_apart(X, weights)
        if first:
            self._start(X, weights)
        n_iter = self.n_iter
        if n_iter == "auto":
            n_iter = enough_sweeps(len(weights), self.batch_size)
        plan = Plan(n_iter, self.batch_size, linear_decay(self._rate()), shuffle=True)
        return self._train(X, weights, plan, stopping)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on training by one sweep over the rows in their order, or start with it.

        The rows of a call make mini-batches of equal size, of at most `batch_size` rows. The step
        size stays at `learning_rate`, since the end of the stream is not known. Chains, moving
        averages and the random generator go on from call to call: calls with as many rows as one
        mini-batch, or a multiple of it, are the same as one call with all their rows. The visible
        biases start from the rows of the first call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1].
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : BernoulliRBM
        """
        first = not hasattr(self, "components_")
        X, weights = self._check_fit(X, sample_weight, first=first)
        if first:
            self._start(X, weights)
        schedule = constant(self._rate())
        return self._train(X, weights, Plan(1, self.batch_size, schedule, shuffle=False))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_fit(
        self, X: Any, sample_weight: Any, *, first: bool, split: bool = False
    ) -> tuple[Any, Array]:
        for name in ("n_components", "batch_size", "n_steps", "n_chains"):
            validation.check_count(name, getattr(self, name))
        if self.n_iter != "auto":
            validation.check_count("n_iter", self.n_iter, minimum=0, alternative="auto")
        validation.check_count("verbose", self.verbose, minimum=0)
        validation.check_rate("learning_rate", self.learning_rate, alternative="auto")
        for name in ("early_stopping", "warm_start"):
            validation.check_flag(name, getattr(self, name))
        validation.check_fraction("validation_fraction", self.validation_fraction)
        validation.check_count("n_iter_no_change", self.n_iter_no_change)
        validation.check_tolerance("tol", self.tol)
        validation.check_choice("gradient", self.gradient, GRADIENTS)
        validation.check_random_state(self.random_state)
        if not first:
            validation.check_unchanged(self, self._started_with)
        rows, weights = validation.check_weighted(self, X, sample_weight)
        if self.gradient == "exact":
            validation.check_enumerable("gradient", rows.shape[1], self.n_components, _EXACT_UNITS)
        if split:
            validation.check_split("validation_fraction", self.validation_fraction, rows.shape[0])
        validation.check_columns(self, X, reset=first)
        return rows, weights

    def _start(self, X: Any, weights: Array) -> None:
        """A new model, and the state of its training, from the first rows."""
        seed = validation.check_seed(self.random_state)
        training_seed, order_seed, likelihood_seed, sampling_seed, _ = seed.spawn(_N_SEEDS)
        rng = _kernels.generator(training_seed)
        dtype = validation.model_dtype(X.dtype)
        total = column_totals(X, weights, dtype)
        base = Bernoulli.from_totals(total, weights.sum()).astype(dtype)
        hidden = Bernoulli(np.full(self.n_components, _HIDDEN_BIAS, dtype))
        scale = _WEIGHT_SCALE / math.sqrt(base.n_units + hidden.n_units)
        initial = _kernels.normal((base.n_units, hidden.n_units), scale, dtype, rng)
        rbm = RBM.couple(base, hidden, initial)
        training = Training(
            gradient=GRADIENTS[self.gradient](rbm, base, self.n_steps, self.n_chains, rng),
            optimizer=CentredGradient(base.mean(0.0), hidden.mean(0.0)),
            rng=rng,
            order=_kernels.generator(order_seed),
        )
        self.components_ = rbm.weights.T
        self.intercept_hidden_ = rbm.hidden.bias
        self.intercept_visible_ = rbm.visible.bias
        self._training = training
        self._base = base
        self._likelihood_seed = likelihood_seed
        self._sampling_rng = _kernels.generator(sampling_seed)
        self._log_partitions = {}
        self.__dict__.pop("best_validation_score_", None)  # of another model
        self._started_with = {name: getattr(self, name) for name in _SHAPING}

    def _rate(self) -> float:
        if self.learning_rate == "auto":
            return min(_LARGEST_RATE, _RATE * self.n_components**_RATE_EXPONENT)
        return self.learning_rate

    def _keep_apart(self, X: Any, weights: Array) -> tuple[Any, Array, EarlyStopping]:
        """Rows to train on, their weights, and the watch over the others."""
        seed = validation.check_seed(self.random_state).spawn(_N_SEEDS)[-1]
        order = shuffle(np.arange(len(weights)), random_state=int(seed.generate_state(1)[0]))
        n_held_out = math.ceil(self.validation_fraction * len(weights))
        held_out, train = order[:n_held_out], order[n_held_out:]
        seen = train[: len(held_out)]
        stopping = EarlyStopping(X[held_out], X[seen], self.n_iter_no_change, self.tol, seed)
        return X[train], weights[train], stopping

    def _train(
        self, X: Any, weights: Array, plan: Plan, stopping: EarlyStopping | None = None
    ) -> Self:
        self._own_parameters()
        rbm = self._model()
        sweeps = self._training.run(rbm, X, weights, plan, _pseudo_log_likelihood)
        with progress(type(self).__name__, plan.n_iter, verbose=self.verbose > 0) as report:
            for record in sweeps:
                stop = stopping is not None and stopping.see(rbm, record)
                report(record)
                if stop:
                    break
        if stopping is not None:
            stopping.restore(rbm)
            self.best_validation_score_ = stopping.best_score
        self._warn_of_saturation()
        return self

    def _warn_of_saturation(self) -> None:
        mean = self._training.optimizer.hidden_offset
        n_saturated = int(((mean < _SATURATION) | (mean > 1 - _SATURATION)).sum())
        if n_saturated > len(mean) / 2:
            warnings.warn(
                f"{n_saturated} of {len(mean)} hidden units are on or off in nearly all rows: "
                f"use a smaller learning_rate than {self._rate():g}, or fewer n_components.",
                ConvergenceWarning,
                stacklevel=validation.levels_to_the_caller(),
            )

    def _own_parameters(self) -> None:
        """Make the parameters writable, wherever they came from."""
        for name in ("components_", "intercept_hidden_", "intercept_visible_"):
            setattr(self, name, np.require(getattr(self, name), requirements="W"))

    def _model(self) -> RBM:
        return RBM(
            Bernoulli(self.intercept_visible_),
            Bernoulli(self.intercept_hidden_),
            self.components_.T,
        )


def _pseudo_log_likelihood(rbm: RBM, v: Array, rng: Generator) -> float:
    """The figure to watch: an unbiased estimate that costs one product."""
    return float(likelihood.pseudo_log_likelihood(rbm, v, n_flips=1, rng=rng).mean())
