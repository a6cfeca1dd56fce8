"""`GaussianBernoulliRBM`: parameters and documentation, and where training starts."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.data.scaling import Standardized
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.trained import Start
from skrbm.learning.defaults import GAUSSIAN, HIDDEN_BIAS, Recipe
from skrbm.learning.optimizer import VarianceGradient
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian
from skrbm.validation.parameters import check_variance
from skrbm.validation.rows import REAL_LINE

_VARIANCES = ("learned", "shared", "data")
_SMALLEST_VARIANCE = 1e-4  # of a unit given the hidden ones, in units of its column's variance
_GIVEN_VARIANCES = 1e-12, 1e6  # the smallest and the largest, in the same units
_VARIANCE_RATE = 0.3  # of the weights' rate


class GaussianBernoulliRBM(RBMEstimator):
    r"""Restricted Boltzmann machine with real-valued visible and binary hidden units.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad
        E(v, h) = \sum_i \frac{(v_i - b_i)^2}{2 s_i^2} - c^T h
        - \sum_{ij} \frac{v_i}{s_i^2} W_{ij} h_j, \qquad h_j \in \{0, 1\}.

    Given the hidden units the visible ones are independent and normal, with the means
    :math:`b + W h` and the variances :math:`s_i^2`: so p(v) is a mixture of as many normal
    distributions as there are hidden states, and a row of `components_` is a pattern in the units
    of the data. `score_samples` is its log-density.

    The units of the data do not matter: training takes place in columns of mean 0 and variance 1,
    and `fit(a * X + b)` gives the same features as `fit(X)`. The parameters maximise the likelihood
    by stochastic gradient ascent; the gradient is centred and divided by the Fisher information of
    the means, and the step size decays quadratically to zero over a `fit`. Meanwhile variances
    rise from a small share of what the hidden units leave unexplained to all of it.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    variance : {"learned", "shared", "data"}, float or ndarray, default="learned"
        Variances s^2 of the visible units given the hidden ones, in the squared units of the data:
        learnt for each column, learnt as one for all columns, that of each column of the data, or
        as given, one or an array of shape (n_features,), from 1e-12 to 1e6 times that of the
        column. Learnt ones stay above 0.0001 times the variance of their column.
    hidden_bias : float or "auto", default="auto"
        First biases of the hidden units: the log-odds of being on. "auto" is -2. At -4
        few units are on at a time: features for a classifier become more selective, likelihoods a
        little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of all updates of `partial_fit`; "auto" is 2.
        Rates from 0.01 to 10 are safe: no step changes the model by more than about five nats.
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
        by enumeration of the hidden states, for at most 16 units.
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
    missing_values : {"refuse", "allow"}, default="refuse"
        Whether NaN in an array is refused, or a value that is missing. Scores then sum over it and
        features average over it: exactly where there are at most ten hidden units, elsewhere with
        block Gibbs chains in which what is known stays as it is, annealed ones for scores. In
        training such a chain a row makes five steps whenever the row is seen. `impute` fills what
        is missing in either case.
    callbacks : callable or list of callables, default=None
        Called after every sweep with the estimator, as it is by then, and the number of its
        sweeps. One that raises StopIteration ends the training; see `Checkpoint`.
    device : str, default=None
        Where to compute: None for numpy, or a device of PyTorch (extra "torch"), such as "cpu",
        "cuda", "cuda:1" or "mps", which takes no float64. Fitted attributes and results are
        numpy's in any case, so that a model fitted on one device goes on anywhere; a tensor that X
        may be stays where it lies. One seed gives one result a device.
    precision : {"float32", "tf32", "bfloat16"}, default="float32"
        Of the factors of the matrix products of float32 models on a device, and with bfloat16 of
        their results; the sums within a product and all parameters stay float32. "tf32" is for
        NVIDIA's devices.
    verbose : int, default=0
        Above 0, report every sweep: in a progress bar on a terminal, if tqdm is installed (extra
        "progress"), or else in a line on the standard output.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn: weights, order of the rows, chains, samples. An int makes a fit,
        and the sequence of later calls of `gibbs` and `sample`, reproducible.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The transpose of W, in the units of the data: what a hidden unit adds to their means.
        float32 or float64 as the data were; integers of more than 16 bits make float64, other
        integers and booleans float32.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Means b of the visible units when no hidden one is on.
    variance_ : ndarray of shape (n_features,)
        Variances s^2 of the visible units given the hidden ones.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains ("jump" and "pcd"; with "pt" those at temperature
        one, a tenth of n_chains).
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the same chains.
    tempering_ : ParallelTempering
        The chains at all temperatures, their temperatures `betas` and `swap_rates` ("pt" alone),
        in the coordinates of the training.
    history_ : dict of str to ndarray of shape (`n_iter_`,)
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
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

    See Also
    --------
    BernoulliRBM : For binary data.
    sklearn.mixture.GaussianMixture : Log-densities to compare with.

    References
    ----------
    .. [1] G. E. Hinton, "Training products of experts by minimizing contrastive divergence",
       Neural Computation 14(8), 2002.
    .. [2] T. Tieleman, "Training restricted Boltzmann machines using approximations to the
       likelihood gradient", ICML 2008.
    .. [3] J. Melchior, N. Wang and L. Wiskott, "Gaussian-binary restricted Boltzmann machines for
       modeling natural image statistics", PLOS ONE 12(2), 2017.
    .. [4] G. Desjardins et al., "Tempered Markov chain Monte Carlo for training of restricted
       Boltzmann machines", AISTATS 2010.
    .. [5] K. Cho, A. Ilin and T. Raiko, "Improved learning of Gaussian-Bernoulli restricted
       Boltzmann machines", ICANN 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import GaussianBernoulliRBM
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2)) + rng.choice([0, 10], size=(1000, 1))  # two clusters
    >>> rbm = GaussianBernoulliRBM(n_components=4, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (1000, 4)
    >>> bool(rbm.score(X) > -3.7)  # the entropy is log(2) + 2 * 1.42 = 3.53
    True
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
        variance: str | float | Array = "learned",
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
        missing_values: str = "refuse",
        callbacks: Any = None,
        device: str | None = None,
        precision: str = "float32",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            n_components,
            hidden_bias=hidden_bias,
            learning_rate=learning_rate,
            batch_size=batch_size,
            n_iter=n_iter,
            gradient=gradient,
            n_steps=n_steps,
            n_chains=n_chains,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            callbacks=callbacks,
            device=device,
            precision=precision,
            verbose=verbose,
            random_state=random_state,
        )
        self.variance = variance
        self.missing_values = missing_values

    _SHAPING = (*RBMEstimator._SHAPING, "variance")
    _domain = REAL_LINE

    @property
    def components_(self) -> Array:
        """What each hidden unit adds to the means of the visible ones, in units of the data."""
        check_is_fitted(self)
        return self._standardized.patterns(self._rbm)

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        check_is_fitted(self)
        return self._standardized.hidden_bias(self._rbm)

    @property
    def intercept_visible_(self) -> Array:
        """Means of the visible units when no hidden one is on."""
        check_is_fitted(self)
        return self._standardized.to_data(self._rbm.visible.mean(0.0))

    @property
    def variance_(self) -> Array:
        """Variances of the visible units given the hidden ones."""
        check_is_fitted(self)
        return self._standardized.variance(self._rbm)

    def _check_sizes(self, n_rows: int, n_features: int, *, split: bool) -> None:
        check_variance("variance", self.variance, _VARIANCES, n_features)
        super()._check_sizes(n_rows, n_features, split=split)

    def _layer_sizes(self, n_features: int) -> list[float]:
        return [math.inf, self.n_components]

    def _begin(self, X: Any, weights: Array, dtype: Any) -> Start:
        coordinates, of_data = Standardized.of(X, weights, dtype)
        variance, gradient = self._first_variance(coordinates.scale, of_data)
        visible = Gaussian.of_moments(np.zeros_like(variance), variance)
        return Start(
            coordinates,
            visible.map(lambda x: x.astype(dtype)),
            Bernoulli(self._hidden_biases(HIDDEN_BIAS, dtype)),
            gradient,
        )

    def _first_variance(
        self, scale: Array, of_data: Array
    ) -> tuple[Array, VarianceGradient | None]:
        """Variances of standardized units, from those of the data, and how they are learnt."""
        square = scale.astype(np.float64) ** 2
        given = check_variance("variance", self.variance, _VARIANCES, len(scale))
        if given is not None:
            with np.errstate(over="ignore"):
                return (given / square).clip(*_GIVEN_VARIANCES), None
        variance = of_data.clip(_SMALLEST_VARIANCE)
        if self.variance == "data":
            return variance, None
        if self.variance == "learned":
            floor = np.full_like(variance, _SMALLEST_VARIANCE)
            return variance, VarianceGradient(_VARIANCE_RATE, floor, shared=False)
        variance = (np.mean(variance * square) / square).astype(scale.dtype)
        floor = _SMALLEST_VARIANCE * variance
        return variance, VarianceGradient(_VARIANCE_RATE, floor, shared=True)

    @property
    def _recipe(self) -> Recipe:
        return GAUSSIAN

    def _keep(self, rbm: RBM, coordinates: Standardized) -> None:
        self._rbm = rbm
        self._standardized = coordinates

    @property
    def _coordinates(self) -> Standardized:
        return self._standardized

    def _model(self) -> RBM:
        return self._rbm
