"""`GaussianBernoulliRBM`: its parameters, its documentation and its initial layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.data.scaling import Standardized, Unscaled, Whitened
from skrbm.data.whitening import whitening
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.pictures import OF_STRUCTURE
from skrbm.estimators.rbm.settings import Start
from skrbm.learning.defaults import GAUSSIAN, HIDDEN_BIAS, Defaults, initial_variance
from skrbm.learning.variance import VarianceGradient
from skrbm.units import Gaussian, Layer, Rotation
from skrbm.validation.parameters import check_choice, check_variance, require
from skrbm.validation.rows import TrainingRows

_VARIANCES = ("learned", "shared", "data")
_COVARIANCE_TYPES = ("auto", "full", "diag")
MOST_COLUMNS = 256  # whose correlations are estimated by default
_VARIANCE_RATE = 0.3  # relative to the step size of the weights


def density_prototype(X: Any, **parameters: Any) -> GaussianBernoulliRBM:
    """An RBM for the density of rows rather than for their features."""
    n_columns = max(getattr(X, "shape", ())[1:], default=0)
    covariance_type = "full" if n_columns <= MOST_COLUMNS else "diag"
    return GaussianBernoulliRBM(covariance_type=covariance_type, **parameters)


@dataclass(eq=False, repr=False, kw_only=True)
class GaussianBernoulliRBM(DensityRBM):
    r"""Restricted Boltzmann machine with real-valued visible units and binary hidden units.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad
        E(v, h) = \tfrac 1 2 (v - b)^T S^{-1} (v - b) - c^T h - v^T S^{-1} W h,
        \qquad h_j \in \{0, 1\}.

    Given the hidden units, the visible units are normal, with means :math:`b + W h` and the
    covariance matrix S. So p(v) is a mixture of normal distributions, with one component per hidden
    state. Each row of `components_` is a pattern in the units of the data. `score_samples` returns
    the log-density.

    S is a full matrix or diagonal; see `covariance_type`. If it is diagonal, with the variances
    :math:`s_i^2`, the visible units are independent given the hidden units, and

    .. math::

        E(v, h) = \sum_i \frac{(v_i - b_i)^2}{2 s_i^2} - c^T h
        - \sum_{ij} \frac{v_i W_{ij} h_j}{s_i^2}.

    The units of the data do not matter: training standardizes each column to mean 0 and variance 1,
    and `fit(a * X + b)` gives the same features as `fit(X)`. `fit` maximises the likelihood by
    stochastic gradient ascent. The gradient is centred and divided by the Fisher information of the
    means. The step size decays quadratically to zero over a `fit`. Meanwhile the variances rise
    from a small share of the variance that the hidden units do not explain to all of it.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    hidden_bias : float or "auto", default="auto"
        Initial biases of the hidden units: their log-odds of being on. "auto" is -2. At -4 only a
        few units are on at a time: features for a classifier become more selective, and likelihoods
        a little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of every update of `partial_fit`. "auto" is 2.
        Rates from 0.01 to 10 are safe: no step changes the model by more than about five nats.
    batch_size : int, default=100
        Maximum number of rows per update.
    n_iter : int or "auto", default="auto"
        Number of epochs of `fit`. "auto" makes one update per value in the data, but between 2,000
        and 5,000 updates, and at least 10 epochs. Upper layers of a stack make the same number.
    gradient : {"jump", "pcd", "pt", "ptt", "cd", "exact"}, default="jump"
        Estimate of the model's part of the gradient:

        - "cd": Gibbs chains that start at the mini-batch [1]_.
        - "pcd": persistent Gibbs chains [2]_.
        - "jump": persistent chains that also jump, by Metropolis' rule, to hidden states proposed
          by rows of the last mini-batch.
        - "pt": persistent chains that exchange states with chains at up to ten temperatures [4]_.
        - "ptt": persistent chains that move to states of earlier models, by Metropolis' rule [7]_.
          Averages of the model at up to 16 earlier times form a ladder from independent units,
          whose chains exchange states. It gives log Z during training, and preserves the
          probabilities of distant modes. Its steps are small: "jump" usually reaches a higher
          likelihood in the same time.
        - "exact": enumeration of the hidden states, for at most 16 hidden units.
    n_steps : int, default=1
        Number of Gibbs steps per update. "exact" ignores it.
    n_chains : int, default=100
        Number of persistent chains; for "pt", the total over all temperatures. "cd" and "exact"
        ignore it.
    alpha : float or "auto", default="auto"
        Strength of the prior. With n the total weight of the rows, `fit` subtracts
        :math:`\frac{\alpha}{8 n} \sum_{ij} \log(1 + 4 w_{ij}^2 / s_i^2)` from their mean
        log-likelihood. Small weights shrink towards zero, large ones hardly at all. At 8 the prior
        is a Cauchy distribution of scale 0.5. "auto" is a quarter of the effective number of
        independent columns, :math:`d_e = d^2 / \sum_{ij} r_{ij}^2` with the correlations r of the d
        columns. It is multiplied by `(64 / n_components)**0.25`. Variances are at least :math:`5
        d_e / n` of the variance of their column, unless alpha is 0. "auto" is 0 for weights, but
        not for variances, if the total weight is below 50. If S is a full matrix, w, s and r belong
        to the whitened columns of the Notes, and :math:`d_e = d`. If only a share q of the values
        is known, :math:`d_e` is divided by :math:`q^2`. `partial_fit` counts all rows seen so far.
    early_stopping : bool, default=False
        Whether to hold out a validation set and score it. The step size then decays to zero up to
        four times, after an eighth, a quarter, half and seven eighths of `n_iter`: decays shorter
        than 10 epochs or 500 updates are omitted, and a single decay spans all of `n_iter`. `fit`
        stops after a decay whose score is lower than the best one, by `tol` and by 1.5 standard
        errors, and keeps the parameters from the last decay that was not worse. Other epochs are
        scored for `history_`: ten or more in all, if that takes at most 5 % of the time; otherwise,
        500 of the rows are scored, and fewer columns. A warning is given if the model has memorised
        its rows: on average, one training row is then more probable than as many validation rows as
        there are training rows.
    validation_fraction : float, default=0.1
        Fraction of the rows to hold out as the validation set.
    n_iter_no_change : int, default=1
        Number of consecutive decays with a worse score after which early stopping ends `fit`.
    tol : float, default=1e-4
        Largest difference of scores that does not count, in nats per row.
    warm_start : bool, default=False
        Whether `fit` continues from the current model, with its chains and its history, for
        `n_iter` more epochs. The step size starts again at `learning_rate`.
    missing_values : {"refuse", "allow"}, default="refuse"
        Whether to refuse NaN in an array or to treat it as a missing value. Scores then sum over
        missing values, and features average over them. The result is exact if the model has at most
        ten hidden units; otherwise block Gibbs chains, which keep the known values fixed, estimate
        it. For scores these chains are annealed. In training each row has such a chain, which makes
        five steps per epoch, or 500 in all if there are more than 100 epochs. `impute` fills in
        missing values with either setting.
    callbacks : callable or list of callables, default=None
        Called after every epoch with the estimator in its current state and the number of epochs
        trained. A callback that raises StopIteration ends the training; see `Checkpoint`.
    device : str, default=None
        None to compute with numpy, or a PyTorch device (extra "torch") such as "cpu", "cuda",
        "cuda:1" or "mps". "mps" does not support float64. Fitted attributes and results are always
        numpy arrays, and a model fitted on one device can be used on any other. X may be a tensor,
        which stays on its own device. The same seed gives the same result only on the same device.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of the factors in matrix products of float32 models on a device; "bfloat16" also
        rounds the products. Sums within a product and all parameters stay float32.
    verbose : int, default=0
        If above 0, report epochs: in a progress bar on a terminal if tqdm is installed (extra
        "progress"), otherwise as lines on standard output. 1 writes at most 20 lines per fit, 2 one
        line per epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers: weights, order of the rows, chains, samples. An int makes `fit`
        reproducible, and also the sequence of later calls of `gibbs` and `sample`.
    receptive_field : tuple of int, default=None
        Height and width of the window of a picture that a hidden unit sees. See `BernoulliRBM` for
        this parameter and the next four. It requires a diagonal covariance matrix.
    image_shape : tuple of int, default=None
        Height and width of the pictures, and their number of channels if there are several.
    stride : int or tuple of int, default=1
        Distance of neighbouring windows in pixels, or vertical and horizontal distance.
    shared : bool, default=False
        Whether the hidden units of all windows share their weights: a convolutional RBM [8]_.
    pooling : int, default=1
        Height and width of a block of windows, of which at most one is on for each filter [8]_.
    variance : {"learned", "shared", "data"}, float or ndarray, default="learned"
        Variances s^2 of the visible units given the hidden units, in the squared units of the data:

        - "learned": learned for each column, or for each whitened column of a full covariance
          matrix.
        - "shared": one learned variance for all columns.
        - "data": the variance of each column of the data.
        - float or array of shape (n_features,): these variances, clipped to 1e-12 to 1e6 times the
          variance of the column.

        Learned variances stay above 0.0001 times the variance of their column; see also `alpha`.
    covariance_type : {"auto", "full", "diag"}, default="auto"
        Covariance matrix S of the visible units given the hidden units:

        - "full": a full matrix, estimated by shrinkage, whose scale is learned along each whitened
          column; see Notes. It requires `variance="learned"`. S is still diagonal if independent
          columns have a higher leave-one-out likelihood.
        - "diag": a diagonal matrix, with the variances of `variance`. Hidden units then represent
          all correlations, and are better features for a classifier.
        - "auto": "full" for correlated columns whose rows form no clusters: if a normal density
          with correlations exceeds independent columns by 0.3 nats per value, or 0.6 for 33 to 256
          columns, and if the excess kurtosis along the first principal direction is above -1.
          Otherwise "diag", as always on a cluster, with a
          `receptive_field`, and if `variance` is not "learned".

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        The transpose of W: each row is the contribution of one hidden unit to the means of the
        visible units, in the units of the data. Their type is float32 or float64, like the data;
        integers of more than 16 bits become float64, other integers and booleans float32.
    filters_ : ndarray of shape (n_filters, height, width, n_channels)
        Weights of the filters, in the units of `components_`; only with `shared=True`.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Means b of the visible units when no hidden unit is on.
    variance_ : ndarray of shape (n_features,)
        Variances s^2 of the visible units given the hidden units, the diagonal of `covariance_`.
    covariance_ : ndarray of shape (n_features, n_features)
        Covariance matrix S of the visible units given the hidden units, in the squared units of the
        data.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains of "jump", "pcd", "pt" and "ptt", in the units of
        the data. For "pt" they are only the chains at temperature one, a tenth of n_chains.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the same chains.
    tempering_ : ParallelTempering
        The chains at all temperatures, with their inverse temperatures `betas` and `swap_rates`;
        only with "pt". The states are in the coordinates of the training.
    trajectory_ : Trajectory
        The earlier models and their chains as a `skrbm.ladder.Ladder`, `ladder`, and the reasons to
        doubt them, `doubts`; only with "ptt".
    history_ : dict of str to ndarray of shape (`n_iter_`,)
        For every epoch:

        - `iteration`, its number;
        - `learning_rate`, at its end;
        - `pseudo_log_likelihood`, the mean over its last mini-batch in nats per row, estimated from
          one column per row. It is computed after the first and the last epoch, and after as many
          others as take at most 5 % of the time, some from only 20 or more rows of the mini-batch;
          other epochs repeat its latest value. With "ptt" it is `log_likelihood` instead, computed
          with log Z of the ladder;
        - `time`, in seconds.

        Two more are NaN without early stopping:

        - `validation_score`, the mean pseudo-log-likelihood of the validation set, estimated from
          up to ten columns per row, always the same columns; with "ptt", the mean log-likelihood.
          Epochs that are not scored repeat the latest value;
        - `free_energy_gap`, the mean free energy of the validation set minus the mean over training
          rows, which grows as the model overfits.
    best_validation_score_ : float
        The `validation_score` of the parameters that were kept; only with early stopping.
    n_iter_ : int
        Number of epochs trained; each call of `partial_fit` counts as one.
    log_partition_ : LogPartition
        log Z with its bounds and standard error: the latest result of `log_partition`, or computed
        on first access.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    BernoulliRBM : For binary data.
    sklearn.mixture.GaussianMixture : Comparable log-densities.

    Notes
    -----
    For a full covariance matrix, training whitens the standardized columns x: it uses
    :math:`u = x T` with :math:`T = U L^{-1/2}`, the eigenvectors U and eigenvalues L of
    :math:`(1 - a) R + a I`, and the correlations R of the columns. The shrinkage a maximises the
    likelihood of each row under the normal distribution estimated from all other rows [6]_. If
    values are missing, R is estimated by the EM algorithm, from at most 1,000 rows. Training then
    learns one variance of each whitened column given the hidden units. With V the diagonal matrix
    of these variances and D the diagonal matrix that scales x to the units of the data,
    :math:`S = D T^{-T} V T^{-1} D`. T is not trained.

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
    .. [6] J. Theiler, "The incredible shrinking covariance estimator", SPIE 8391, 2012.
    .. [7] N. Bereux, A. Decelle, C. Furtlehner and B. Seoane, "Fast training and sampling of
       restricted Boltzmann machines", arXiv:2405.15376, 2024.
    .. [8] H. Lee, R. Grosse, R. Ranganath and A. Y. Ng, "Convolutional deep belief networks for
       scalable unsupervised learning of hierarchical representations", ICML 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import GaussianBernoulliRBM
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 2)) + rng.choice([0, 10], size=(2000, 1))  # two clusters
    >>> X, X_test = X[:1000], X[1000:]
    >>> rbm = GaussianBernoulliRBM(n_components=4, random_state=0).fit(X)
    >>> rbm.transform(X_test).shape
    (1000, 4)
    >>> bool(rbm.score(X_test) > -3.7)  # the entropy is log(2) + 2 * 1.42 = 3.53
    True
    """

    variance: str | float | Array = "learned"
    covariance_type: str = "auto"

    _SHAPE = (*OF_STRUCTURE, "variance", "covariance_type")
    _DATA = Gaussian.domain

    @property
    def components_(self) -> Array:
        """Contribution of each hidden unit to the means of the visible units, in data units."""
        return self._scaling.patterns(self._model.fitted.rbm)

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        return self._scaling.hidden_bias(self._model.fitted.rbm)

    @property
    def intercept_visible_(self) -> Array:
        """Means of the visible units when no hidden unit is on."""
        return self._scaling.to_data(self._model.fitted.rbm.visible.mean(0.0))

    @property
    def variance_(self) -> Array:
        """Variances of the visible units given the hidden units, in squared data units."""
        return self._scaling.variance(self._model.fitted.rbm)

    @property
    def covariance_(self) -> Array:
        """Covariances of the visible units given the hidden units."""
        return self._scaling.covariance(self._model.fitted.rbm)

    @property
    def _scaling(self) -> Standardized | Whitened:
        scaling = self._model.fitted.scaling
        assert not isinstance(scaling, Unscaled)
        return scaling

    def _layers(self, n_features: int) -> tuple[Layer, Layer]:
        check_variance("variance", self.variance, _VARIANCES, n_features)
        check_choice("covariance_type", self.covariance_type, _COVARIANCE_TYPES)
        if self.covariance_type == "full":
            is_learned = isinstance(self.variance, str) and self.variance == "learned"
            require(is_learned, "variance", self.variance, "'learned' if covariance_type == 'full'")
            is_dense = self.receptive_field is None
            require(is_dense, "covariance_type", "full", "'diag' or 'auto' with receptive_field")
        if self.shared:
            one = np.ndim(self.variance) == 0
            require(one, "variance", self.variance, "one for all columns with shared=True")
        hidden = self._binary_units(HIDDEN_BIAS, np.float64)
        return Gaussian.standard(np.zeros(n_features)), hidden

    def _begin(self, rows: TrainingRows) -> Start:
        dtype = rows.summary.dtype
        standardized = Standardized.alike if self.shared else Standardized.of
        scaling, of_data = standardized(rows.summary)
        given = check_variance("variance", self.variance, _VARIANCES, len(of_data))
        kind = self.variance if given is None else given
        variance, learned = initial_variance(kind, of_data, scaling.scale)
        assert rows.summary.moments is not None
        mean = scaling.to_model(rows.summary.moments[0][None])[0] if self.shared else 0 * variance
        visible = Gaussian.of_moments(mean, variance)
        visible = visible.map(lambda x: x.astype(dtype))
        hidden = self._binary_units(HIDDEN_BIAS, dtype)
        to_white = self._whitening(rows, scaling)
        if to_white is None:
            start = Start(scaling, visible, hidden, learned)
            return self._localized(start, np.arange(visible.n_columns))
        whitened = Whitened(scaling, Rotation(to_white.astype(dtype)))
        return Start(whitened, visible, hidden, learned, n_independent=len(to_white))

    def _whitening(self, rows: TrainingRows, scaling: Standardized) -> Array | None:
        """The map that makes standardized columns uncorrelated, or None if it is not used."""
        has_field = self.receptive_field is not None  # whitened columns mix all pixels
        if has_field or self.covariance_type == "diag" or not isinstance(self.variance, str):
            return None
        n_rows, n_columns = rows.values.shape
        if self.covariance_type == "auto" and (
            self.variance != "learned" or n_rows == 0 or not 1 < n_columns <= MOST_COLUMNS
        ):
            return None
        has_missing = rows.summary.bounds.has_missing
        found = whitening(scaling.view(rows.values), rows.weights, has_missing=has_missing)
        is_used = found.explains_more if self.covariance_type == "auto" else found.gain > 0
        return found.matrix if is_used else None

    @property
    def _variance_gradient(self) -> VarianceGradient | None:
        if not isinstance(self.variance, str) or self.variance == "data":
            return None
        return VarianceGradient(_VARIANCE_RATE, shared=self.shared or self.variance == "shared")

    @property
    def _defaults(self) -> Defaults:
        return GAUSSIAN
