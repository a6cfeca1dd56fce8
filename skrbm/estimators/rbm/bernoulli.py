"""`BernoulliRBM`: parameters and documentation, and where training starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.data.scaling import Binary
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.trained import Start
from skrbm.learning.defaults import BINARY, GAUSSIAN, HIDDEN_BIAS, Recipe
from skrbm.learning.loop import column_totals
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian, Layer
from skrbm.validation.parameters import check_choice
from skrbm.validation.rows import UNIT_INTERVAL
from skrbm.weights import Dense


class HiddenType(NamedTuple):
    """Hidden units of `BernoulliRBM`: how a layer is made of biases, where these start, and how."""

    make: Callable[[Array], Layer]
    bias: float
    recipe: Recipe


_HIDDEN = {
    "bernoulli": HiddenType(Bernoulli, HIDDEN_BIAS, BINARY),
    "gaussian": HiddenType(Gaussian.standard, 0.0, GAUSSIAN),
}


class BernoulliRBM(RBMEstimator):
    r"""Restricted Boltzmann machine with binary visible units, and binary or Gaussian hidden ones.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad E(v, h) = -b^T v - c^T h - v^T W h,
        \qquad v_i, h_j \in \{0, 1\}.

    The parameters maximise the likelihood of the data, :math:`\log p(v) = -F(v) - \log Z` with the
    free energy :math:`F(v) = -\log \sum_h e^{-E(v, h)}`, by stochastic gradient ascent. The
    gradient is centred, the visible biases start at the log-odds of the data, and the step size
    decays linearly to zero over a `fit`. Values between 0 and 1 are taken as probabilities.

    Gaussian hidden units have the energy :math:`\sum_j (h_j - c_j)^2 / 2` instead of
    :math:`-c^T h`. Summed out, they leave a pairwise model of the visible units with the couplings
    :math:`W W^T`, a Hopfield network whose patterns are the rows of `components_` [5]_.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    hidden : {"bernoulli", "gaussian"}, default="bernoulli"
        Type of the hidden units: in {0, 1}, or real with variance one.
    hidden_bias : float or "auto", default="auto"
        First biases of the hidden units: the log-odds of being on. "auto" is -2, or 0 for
        Gaussian ones. At -4 few units are on at a time: features for a classifier become more
        selective, likelihoods a little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of all updates of `partial_fit`; "auto" is
        `16 / n_components**0.75`, and at most 2; 2 with Gaussian hidden units.
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
        by enumeration of the smaller binary layer, which may have at most 16 units.
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
        features average over it: exactly where there are at most ten hidden units, or at most ten
        missing values in a row, elsewhere with block Gibbs chains in which what is known stays as
        it is, annealed ones for scores. In training such a chain a row makes five steps whenever
        the row is seen. `impute` fills what is missing in either case.
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
    GaussianBernoulliRBM : For real-valued data.
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
    .. [5] A. Barra, A. Bernacchia, E. Santucci and P. Contucci, "On the equivalence of Hopfield
       networks and Boltzmann machines", Neural Networks 34, 2012.

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
        hidden: str = "bernoulli",
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
        self.hidden = hidden
        self.missing_values = missing_values

    _SHAPING = (*RBMEstimator._SHAPING, "hidden")
    _domain = UNIT_INTERVAL

    @property
    def _coordinates(self) -> Binary:
        return Binary(self.components_.dtype)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("hidden", self.hidden, _HIDDEN)

    def _layer_sizes(self, n_features: int) -> list[float]:
        return [n_features, self._hidden_layer(np.float64).log2_states]

    def _hidden_layer(self, dtype: Any) -> Layer:
        make, bias, _ = _HIDDEN[self.hidden]
        return make(self._hidden_biases(bias, dtype))

    def _begin(self, X: Any, weights: Array, dtype: Any) -> Start:
        visible = Bernoulli.from_totals(*column_totals(X, weights, dtype))
        visible = visible.map(lambda x: x.astype(dtype))
        return Start(Binary(dtype), visible, self._hidden_layer(dtype))

    @property
    def _recipe(self) -> Recipe:
        return _HIDDEN[self.hidden].recipe

    def _keep(self, rbm: RBM, coordinates: Binary) -> None:
        self.components_ = rbm.weights.array.T
        self.intercept_hidden_ = rbm.hidden.bias
        self.intercept_visible_ = rbm.visible.bias

    def _model(self) -> RBM:
        make = _HIDDEN[self._started_with["hidden"]].make
        return RBM(
            Bernoulli(self.intercept_visible_),
            make(self.intercept_hidden_),
            Dense(self.components_.T),
        )
