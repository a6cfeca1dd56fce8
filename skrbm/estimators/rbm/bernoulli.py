"""`BernoulliRBM`: its parameters, its documentation and its initial layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import sklearn.neural_network
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.data.scaling import Unscaled
from skrbm.estimators.rbm.base import take_over
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.pictures import OF_STRUCTURE
from skrbm.estimators.rbm.settings import Start
from skrbm.learning.defaults import BINARY, HIDDEN_BIAS, HOPFIELD, Defaults
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian, Layer
from skrbm.validation.estimators import check_instance
from skrbm.validation.parameters import check_choice, require
from skrbm.validation.pictures import check_local, check_shared_bias
from skrbm.validation.rows import TrainingRows
from skrbm.weights import Dense


class HiddenType(NamedTuple):
    """Initial bias and training defaults of a type of hidden units."""

    bias: float
    defaults: Defaults


_HIDDEN = {"bernoulli": HiddenType(HIDDEN_BIAS, BINARY), "gaussian": HiddenType(0.0, HOPFIELD)}


@dataclass(eq=False, repr=False, kw_only=True)
class BernoulliRBM(DensityRBM):
    r"""Restricted Boltzmann machine with binary visible units and binary or Gaussian hidden units.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad E(v, h) = -b^T v - c^T h - v^T W h,
        \qquad v_i, h_j \in \{0, 1\}.

    `fit` maximises the likelihood of the data by stochastic gradient ascent, with
    :math:`\log p(v) = -F(v) - \log Z` and the free energy
    :math:`F(v) = -\log \sum_h e^{-E(v, h)}`. The gradient is centred [3]_. The visible biases start
    at the log-odds of the data. Initial weights are random, and large enough for hidden units to
    respond to tables whose columns vary little. The step size decays linearly to zero over a `fit`.
    Values between 0 and 1 are treated as probabilities.

    Gaussian hidden units have the energy :math:`\sum_j (h_j - c_j)^2 / 2` instead of
    :math:`-c^T h`. Summing over them leaves a pairwise model of the visible units with couplings
    :math:`W W^T`: a Hopfield network whose patterns are the rows of `components_` [5]_.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    hidden_bias : float or "auto", default="auto"
        Initial biases of the hidden units: their log-odds of being on. "auto" is -2, or 0 for
        Gaussian hidden units. At -4 only a few units are on at a time: features for a classifier
        become more selective, and likelihoods a little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of every update of `partial_fit`. "auto" is
        `16 / n_components**0.75`, at most 2; with Gaussian hidden units it is 2.
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
        - "ptt": persistent chains that move to states of earlier models, by Metropolis' rule [6]_.
          Averages of the model at up to 16 earlier times form a ladder from independent units,
          whose chains exchange states. It gives log Z during training, and preserves the
          probabilities of distant modes. Its steps are small: "jump" usually reaches a higher
          likelihood in the same time.
        - "exact": enumeration of the smaller binary layer, which may have at most 16 units.
    n_steps : int, default=1
        Number of Gibbs steps per update. "exact" ignores it.
    n_chains : int, default=100
        Number of persistent chains; for "pt", the total over all temperatures. "cd" and "exact"
        ignore it.
    alpha : float or "auto", default="auto"
        Strength of the prior on weights. `fit` subtracts
        :math:`\frac{\alpha}{8 n} \sum_{ij} \log(1 + 4 w_{ij}^2)` from the mean log-likelihood
        of the rows, with n their total weight. Small weights shrink towards zero, large ones hardly
        at all. At 8 the prior is a Cauchy distribution of scale 0.5. "auto" is a quarter of the
        effective number of independent columns, :math:`d^2 / \sum_{ij} r_{ij}^2` with the
        correlations r of the d columns, but at most :math:`\sum_i m_i (1 - m_i)` with their means
        m, since rare columns carry little information. It is multiplied by
        `(64 / n_components)**0.25`, and divided by :math:`q^2` if only a share q of the values is
        known. It is 0 for a total weight below 50, since so few rows are usually patterns to store,
        and for Gaussian hidden units. With 0 a model can memorise any small data set. `partial_fit`
        counts all rows seen so far.
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
        ten hidden units, or the row at most ten missing values; otherwise block Gibbs chains, which
        keep the known values fixed, estimate it. For scores these chains are annealed. In training
        each row has such a chain, which makes five steps per epoch, or 500 in all if there are more
        than 100 epochs. `impute` fills in missing values with either setting.
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
        Height and width of the window of a picture that a hidden unit sees; by default it sees all
        of the picture. Other weights are 0, and neither take time nor memory. There is a window
        every `stride` pixels, and the last ones end at the border. Every window has as many hidden
        units: `n_components` is their total number, a multiple of the number of windows. They are
        ordered by window, from left to right and from top to bottom. "auto" for `learning_rate` and
        `alpha` counts only the hidden units that see a pixel, and the pixels of a window.
    image_shape : tuple of int, default=None
        Height and width of the pictures, and their number of channels if there are several. The
        pixels are in rows, with the channels of a pixel next to each other, as `ravel` orders an
        array of this shape. Required with `receptive_field`, and otherwise ignored.
    stride : int or tuple of int, default=1
        Distance of neighbouring windows in pixels, or vertical and horizontal distance; at most the
        size of a window.
    shared : bool, default=False
        Whether the hidden units of all windows share their weights: a convolutional RBM [7]_, with
        `n_components` divided by the number of windows as the number of filters. All hidden units
        of a filter also share their bias; visible biases are not shared. The gradient of a filter
        is a sum over all windows. `fit` makes at most 1,000 updates by default. Requires
        `receptive_field`.
    pooling : int, default=1
        Height and width of a block of windows, of which at most one is on for each filter:
        probabilistic max-pooling [7]_. It divides the numbers of windows. Features are the
        probabilities that a block is on, in the order of an array of shape (rows of blocks, columns
        of blocks, filters): pictures of a next layer, whose channels are the filters. Chains and
        `components_` have the single units. Requires `shared=True`.
    hidden : {"bernoulli", "gaussian"}, default="bernoulli"
        Type of the hidden units: in {0, 1}, or real-valued with variance one.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, the transpose of W. Their type is float32 or float64, like the data; integers of
        more than 16 bits become float64, other integers and booleans float32.
    filters_ : ndarray of shape (n_filters, height, width, n_channels)
        Weights of the filters, in the units of `components_`; only with `shared=True`.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the visible units.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains of "jump", "pcd", "pt" and "ptt". For "pt" they are
        only the chains at temperature one, a tenth of n_chains.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the same chains.
    tempering_ : ParallelTempering
        The chains at all temperatures, with their inverse temperatures `betas` and `swap_rates`;
        only with "pt".
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
    GaussianBernoulliRBM : For real-valued data.
    sklearn.neural_network.BernoulliRBM : Compatible: the same names of parameters and attributes.

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
    .. [6] N. Bereux, A. Decelle, C. Furtlehner and B. Seoane, "Fast training and sampling of
       restricted Boltzmann machines", arXiv:2405.15376, 2024.
    .. [7] H. Lee, R. Grosse, R. Ranganath and A. Y. Ng, "Convolutional deep belief networks for
       scalable unsupervised learning of hierarchical representations", ICML 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]] * 25)
    >>> rbm = BernoulliRBM(n_components=4, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (100, 4)
    >>> bool(rbm.score(X[:4]) > -1.6)  # all possible rows; no model exceeds -log(4) = -1.39
    True
    """

    hidden: str = "bernoulli"

    _SHAPE = (*OF_STRUCTURE, "hidden")
    _DATA = Bernoulli.domain

    @classmethod
    def from_sklearn(cls, rbm: Any, **parameters: Any) -> Self:
        """Create a fitted estimator from a fitted `sklearn.neural_network.BernoulliRBM`.

        Both compute the same features. Training continues by `partial_fit`, or by `fit` with
        `warm_start=True`; the chains start from `h_samples_`.

        Parameters
        ----------
        rbm : sklearn.neural_network.BernoulliRBM
            It is not changed.
        **parameters
            Parameters of the new estimator, by default the parameters of `rbm`.

        Returns
        -------
        estimator : BernoulliRBM

        Raises
        ------
        ValueError
            If `rbm` is not such an estimator, or a parameter is invalid.
        NotFittedError
            If `rbm` is not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> import sklearn.neural_network
        >>> from skrbm import BernoulliRBM
        >>> X = np.array([[0, 0, 1], [1, 0, 0]] * 50)
        >>> rbm = sklearn.neural_network.BernoulliRBM(2, random_state=0).fit(X)
        >>> own = BernoulliRBM.from_sklearn(rbm)
        >>> bool(np.allclose(own.transform(X), rbm.transform(X)))
        True
        >>> own.log_partition_.method
        'exact'
        """
        check_instance(
            "rbm", rbm, sklearn.neural_network.BernoulliRBM, "a BernoulliRBM of scikit-learn"
        )
        check_is_fitted(rbm)
        shape = {"n_components": len(rbm.components_), "hidden": "bernoulli"}
        shape["receptive_field"] = None
        for name in shape.keys() & parameters.keys():
            require(
                parameters[name] == shape[name], name, parameters[name], f"{shape[name]!r} here"
            )
        own = cls(**rbm.get_params() | parameters | shape)
        visible, hidden = Bernoulli(rbm.intercept_visible_), Bernoulli(rbm.intercept_hidden_)
        model = RBM(visible, hidden, Dense(rbm.components_.T)).map(np.array)
        states = rbm.h_samples_.astype(rbm.components_.dtype)
        n_iter, own.n_iter = own.n_iter, 0  # the rows only set the start of annealing
        own.fit(model.visible_from_hidden(states)).n_iter = n_iter
        take_over(own, model, states)
        if hasattr(rbm, "feature_names_in_"):
            own.feature_names_in_ = rbm.feature_names_in_
        return own

    @property
    def components_(self) -> Array:
        """The weights, one row per hidden unit."""
        return self._model.fitted.rbm.weights.dense.T

    @components_.setter
    def components_(self, value: Array) -> None:
        rbm = self._model.fitted.rbm
        dense = Dense(np.asarray(value).T)
        is_local = self._model.shape["receptive_field"] is not None
        weights = check_local("components_", rbm.weights, dense) if is_local else dense
        self._model.replace_rbm(RBM(rbm.visible, rbm.hidden, weights))

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        return self._model.fitted.rbm.hidden.bias

    @intercept_hidden_.setter
    def intercept_hidden_(self, value: Array) -> None:
        rbm = self._model.fitted.rbm
        hidden = rbm.hidden.with_bias(value)
        if self._model.shape["shared"]:
            hidden = check_shared_bias("intercept_hidden_", rbm.hidden, np.asarray(value))
        self._model.replace_rbm(RBM(rbm.visible, hidden, rbm.weights))

    @property
    def intercept_visible_(self) -> Array:
        """Biases of the visible units."""
        return self._model.fitted.rbm.visible.bias

    @intercept_visible_.setter
    def intercept_visible_(self, value: Array) -> None:
        rbm = self._model.fitted.rbm
        self._model.replace_rbm(RBM(rbm.visible.with_bias(value), rbm.hidden, rbm.weights))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("hidden", self.hidden, _HIDDEN)
        is_binary = not self.shared or self.hidden == "bernoulli"
        require(is_binary, "hidden", self.hidden, "'bernoulli' with shared=True")

    def _layers(self, n_features: int) -> tuple[Layer, Layer]:
        return Bernoulli(np.zeros(n_features)), self._hidden_layer(np.float64)

    def _hidden_layer(self, dtype: Any) -> Layer:
        bias = _HIDDEN[self.hidden].bias
        if self.hidden == "gaussian":
            return Gaussian.standard(self._hidden_biases(bias, dtype))
        return self._binary_units(bias, dtype)

    def _begin(self, rows: TrainingRows) -> Start:
        summary, dtype = rows.summary, rows.summary.dtype
        visible = Bernoulli.from_totals(summary.total, summary.weight)
        visible = visible.map(lambda x: x.astype(dtype))
        hidden, n_independent = self._hidden_layer(dtype), summary.n_independent_bits
        start = Start(Unscaled(dtype.name), visible, hidden, n_independent=n_independent)
        return self._localized(start, np.arange(visible.n_columns))

    @property
    def _defaults(self) -> Defaults:
        return _HIDDEN[self.hidden].defaults
