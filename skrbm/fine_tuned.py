"""`DBNClassifier` and `DBNRegressor`: deep belief networks that are fine-tuned to predict.

The backpropagation is scikit-learn's: a stack gives a multi-layer perceptron its first weights.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import Tags, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skrbm import _kernels, validation
from skrbm._kernels import Array
from skrbm.dbn import DeepBeliefNetwork
from skrbm.training import states_of
from skrbm.validation import Domain

_UNLABELLED = -1
_BATCH_SIZE = 100
_TINY = 1e-30
_INTERRUPTED = "Training interrupted by user"
_N_UPDATES, _FEWEST_SWEEPS, _MOST_SWEEPS = 1_000, 15, 300


class FineTuned(BaseEstimator):
    """A stack, and a perceptron that starts from what the stack recognises.

    A subclass says which perceptron, and which targets.
    """

    _Perceptron: ClassVar[type]
    _learning_rate: ClassVar[float]

    def __init__(
        self,
        dbn: Any = None,
        *,
        mlp: Any = None,
        inputs: str = "mean",
        random_state: Any = None,
    ) -> None:
        self.dbn = dbn
        self.mlp = mlp
        self.inputs = inputs
        self.random_state = random_state

    @abstractmethod
    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        """Targets, and which rows have one."""

    @abstractmethod
    def _few(self, y: Array) -> Array:
        """Some rows that show a perceptron what the targets are like."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the stack on all rows, and fine-tune it on those that have a target.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As the lowest layer takes them.
        y : array-like of shape (n_samples,)
            Targets. A classifier takes labels of any type; among numbers of at least three
            values -1 says that the row has no label.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a parameter, the data or the targets are not as described; the estimator is then
            unchanged.
        """
        validation.check_choice("inputs", self.inputs, validation.INPUTS)
        mlp_seed, inputs_seed = validation.check_seeds(self.random_state, 2)
        (dbn, frozen), mlp = self._stack(), self._new_perceptron(mlp_seed)
        if frozen:
            rows = validation.check_visible(dbn, X, "X", dbn._domain)
        else:
            rows = validation.check_rows(self, X, "X", dbn._domain)
        y, labelled = self._check_targets(y)
        check_consistent_length(rows, y)
        weights = validation.check_weights(sample_weight, rows)
        used = labelled & (weights > 0)
        validation.check_targets("y", used)
        n_used = int(used.sum())
        if self.mlp is None:
            mlp.set_params(batch_size=min(_BATCH_SIZE, n_used), max_iter=_enough_sweeps(n_used))
        sizes, dtype = dbn._sizes(), validation.model_dtype(rows.dtype)
        if frozen:  # and its parameters may have changed since
            sizes = [rbm._n_features_out for rbm in dbn.rbms_]
            dtype = dbn.rbms_[-1]._model().weights.dtype
        _make_layers(mlp, sizes, rows.shape[1], y[used][self._few(y[used])], dtype)
        if not frozen:
            dbn.fit(rows, sample_weight=sample_weight)
            for part in (dbn, dbn.rbms_[0]):  # which have seen no names of columns
                validation.check_columns(part, X, reset=True)
        _take_weights(mlp, dbn)
        v = dbn._coordinates.to_model(rows[used])
        net, rng = dbn._net(), _kernels.generator(inputs_seed)

        def inputs() -> Any:
            return states_of(net, v, rng) if self.inputs == "sample" else v

        _fine_tune(mlp, inputs, y[used], None if sample_weight is None else weights[used])
        validation.check_columns(self, X, reset=True)
        self.dbn_, self.mlp_ = dbn, mlp
        return self

    def predict(self, X: Any) -> Array:
        """What the perceptron predicts for every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        v = self._visible(X)
        return self.mlp_.predict(v)

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of every sweep of the fine-tuning."""
        check_is_fitted(self)
        return self.mlp_.loss_curve_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        return tags

    @property
    def _domain(self) -> Domain:
        if hasattr(self, "dbn_"):
            return self.dbn_._domain
        dbn = DeepBeliefNetwork() if self.dbn is None else self.dbn
        return getattr(dbn, "_domain", validation.UNIT_INTERVAL)  # before it is refused

    def _stack(self) -> tuple[DeepBeliefNetwork, bool]:
        """A new stack, or a copy of one that is fitted and frozen, and which of the two."""
        frozen = isinstance(self.dbn, FrozenEstimator)
        given = self.dbn.estimator if frozen else self.dbn
        shown = self.dbn if given is None else given
        validation.check_kind("dbn", shown, DeepBeliefNetwork, "a DeepBeliefNetwork")
        if frozen:
            check_is_fitted(given)
            dbn = deepcopy(given)
            validation.check_binary_top(dbn.rbms_[-1])
        else:
            seed = validation.check_seed(self.random_state)
            dbn = DeepBeliefNetwork() if given is None else clone(given)
            dbn._check_parameters()
            dbn.set_params(random_state=seed % 2**32)
            top = dbn._prototypes()[-1]
            top._check_parameters()
            validation.check_binary_top(top)
        return dbn, frozen

    def _new_perceptron(self, seed: int) -> Any:
        name = self._Perceptron.__name__
        validation.check_kind("mlp", self.mlp, self._Perceptron, f"a {name} of scikit-learn")
        mlp = self._Perceptron(solver="sgd", learning_rate_init=self._learning_rate)
        if self.mlp is not None:
            mlp = clone(self.mlp)
        validation.check_count("max_iter of mlp", mlp.max_iter)
        return mlp.set_params(random_state=np.random.RandomState(seed % 2**32))

    def _visible(self, X: Any) -> Any:
        """Checked rows as the perceptron takes them."""
        check_is_fitted(self)
        rows = validation.check_visible(self, X, "X", self._domain)
        return self.dbn_._coordinates.to_model(rows)


class DBNClassifier(ClassifierMixin, FineTuned):
    r"""Deep belief network that is trained without labels and then fine-tuned with them.

    .. math::

        P(y | v) \propto e^{u_y^T h_n + a_y}, \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}),
        \qquad h_0 = v.

    The weights :math:`W_l` start as those by which a stack recognises its layers, and all of them
    then follow the gradient of :math:`\log P(y | v)`, by scikit-learn's backpropagation.

    Parameters
    ----------
    dbn : DeepBeliefNetwork, default=None
        Prototype of the stack, of which `random_state` is set; by default `DeepBeliefNetwork()`.
        The hidden units of its uppermost layer must be binary. A stack that is fitted already, to
        rows without labels, is used as it is in a `sklearn.frozen.FrozenEstimator`.
    mlp : MLPClassifier, default=None
        Prototype of the perceptron, which says how to fine-tune: of its parameters
        `hidden_layer_sizes`, `activation`, `warm_start` and `random_state` are set. The step size
        falls linearly from `learning_rate_init` to zero over `max_iter` sweeps, each of which is a
        call of its `fit`: momentum and moments start anew, and `learning_rate`, `power_t`, `tol`
        and `n_iter_no_change` are not used. With `early_stopping` or `solver="lbfgs"` it is one
        call, by scikit-learn's own rules. By default
        `MLPClassifier(solver="sgd", learning_rate_init=0.5)` with mini-batches of 100 rows
        and as many sweeps as make 1,000 updates, at least 15 and at most 300.
    inputs : {"mean", "sample"}, default="mean"
        How fine-tuning takes values between 0 and 1 of binary visible units: as they are, or as
        probabilities of zeros and ones that are drawn anew in every sweep. Such noise keeps many
        grey pixels from being learnt by heart. Predictions take values as they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the stack and of the perceptron.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork
        The stack before it was fine-tuned.
    mlp_ : MLPClassifier
        The perceptron, on the data as visible states: for Gaussian visible units in standardized
        coordinates.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    loss_curve_ : list of float
        Loss of every sweep of the fine-tuning.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

    See Also
    --------
    DeepBeliefNetwork : The features alone, for any classifier.

    References
    ----------
    G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of data with neural
    networks", Science 313, 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    >>> y[100:] = -1  # the other rows have no label
    >>> dbn = DeepBeliefNetwork((64, 32), rbm=BernoulliRBM(n_iter=20))
    >>> classifier = DBNClassifier(dbn, random_state=0).fit(X, y)
    >>> classifier.classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> bool(classifier.score(X_test, y_test) > 0.8)
    True
    """

    _Perceptron = MLPClassifier
    _learning_rate = 0.5

    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        y = validation.check_labels(self, "y", y)
        labelled = np.ones(len(y), bool)
        if y.dtype.kind in "if" and len(np.unique(y)) > 2:
            labelled = y != _UNLABELLED
        return y, labelled

    def _few(self, y: Array) -> Array:
        return np.unique(y, return_index=True)[1]

    @property
    def classes_(self) -> Array:
        """The labels."""
        check_is_fitted(self)
        return self.mlp_.classes_

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        v = self._visible(X)
        P = self.mlp_.predict_proba(v)
        if len(self.classes_) == 1:  # of which the perceptron makes two
            return np.ones((len(P), 1), P.dtype)
        return P

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_P : ndarray of shape (n_samples, n_classes)
        """
        P = self.predict_proba(X)
        return np.log(P.clip(np.finfo(P.dtype).tiny))


class DBNRegressor(RegressorMixin, FineTuned):
    r"""Deep belief network that is trained without targets and then fine-tuned with them.

    .. math::

        E[y | v] = U^T h_n + a, \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}), \qquad h_0 = v.

    The weights :math:`W_l` start as those by which a stack recognises its layers, and all of them
    then follow the gradient of the squared error, by scikit-learn's backpropagation. Targets
    should be of the order of one: `sklearn.compose.TransformedTargetRegressor` scales them.

    Parameters
    ----------
    dbn : DeepBeliefNetwork, default=None
        Prototype of the stack, of which `random_state` is set; by default `DeepBeliefNetwork()`.
        The hidden units of its uppermost layer must be binary. A stack that is fitted already, to
        rows without targets, is used as it is in a `sklearn.frozen.FrozenEstimator`.
    mlp : MLPRegressor, default=None
        Prototype of the perceptron, which says how to fine-tune: of its parameters
        `hidden_layer_sizes`, `activation`, `warm_start` and `random_state` are set. The step size
        falls linearly from `learning_rate_init` to zero over `max_iter` sweeps, each of which is a
        call of its `fit`: momentum and moments start anew, and `learning_rate`, `power_t`, `tol`
        and `n_iter_no_change` are not used. With `early_stopping` or `solver="lbfgs"` it is one
        call, by scikit-learn's own rules. By default
        `MLPRegressor(solver="sgd", learning_rate_init=0.05)` with mini-batches of 100 rows
        and as many sweeps as make 1,000 updates, at least 15 and at most 300.
    inputs : {"mean", "sample"}, default="mean"
        How fine-tuning takes values between 0 and 1 of binary visible units: as they are, or as
        probabilities of zeros and ones that are drawn anew in every sweep. Such noise keeps many
        grey pixels from being learnt by heart. Predictions take values as they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the stack and of the perceptron.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork
        The stack before it was fine-tuned.
    mlp_ : MLPRegressor
        The perceptron, on the data as visible states: for Gaussian visible units in standardized
        coordinates.
    loss_curve_ : list of float
        Loss of every sweep of the fine-tuning.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

    See Also
    --------
    DBNClassifier : For labels.

    References
    ----------
    G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of data with neural
    networks", Science 313, 2006.

    Examples
    --------
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skrbm import BernoulliRBM, DBNRegressor, DeepBeliefNetwork, GaussianBernoulliRBM
    >>> X, y = load_diabetes(return_X_y=True)
    >>> lowest, others = GaussianBernoulliRBM(n_iter=50), BernoulliRBM(n_iter=50)
    >>> dbn = DeepBeliefNetwork((16, 8), visible_rbm=lowest, rbm=others)
    >>> regressor = TransformedTargetRegressor(
    ...     DBNRegressor(dbn, random_state=0), transformer=StandardScaler()
    ... )
    >>> bool(regressor.fit(X, y).score(X, y) > 0.4)
    True
    """

    _Perceptron = MLPRegressor
    _learning_rate = 0.05

    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        validation.check_given(self, "y", y)
        y = validation.check_real(y, "y", ensure_2d=False, estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y, np.ones(len(y), bool)

    def _few(self, y: Array) -> Array:
        return np.unique(y, axis=0, return_index=True)[1][:2]


def _enough_sweeps(n_rows: int) -> int:
    """As many as make 1,000 updates, but at least 15 and at most 300."""
    n_sweeps = math.ceil(_N_UPDATES / math.ceil(n_rows / _BATCH_SIZE))
    return min(max(n_sweeps, _FEWEST_SWEEPS), _MOST_SWEEPS)


def _make_layers(mlp: Any, sizes: list[int], n_features: int, y: Array, dtype: Any) -> None:
    """Give the perceptron layers, the last one of which has its weights at random.

    It makes them when it is first fitted: here to rows of zeros with a few targets, repeated where
    they have to be split, by a step that goes nowhere.
    """
    still = {"solver": "sgd", "batch_size": "auto", "max_iter": 1, "learning_rate_init": _TINY}
    own = {name: getattr(mlp, name) for name in still}
    own_fit = {"hidden_layer_sizes": tuple(sizes), "activation": "logistic", "warm_start": True}
    rows = _few_rows(mlp, n_features, y, dtype)
    _fit(clone(mlp).set_params(**own_fit, max_iter=1), *rows)  # refuses its own wrong parameters
    mlp.set_params(**own_fit, **still)
    _fit(mlp, *rows)
    mlp.set_params(**own)
    mlp.n_iter_, mlp.t_, mlp.loss_curve_, mlp.best_loss_ = 0, 0, [], math.inf
    if mlp.early_stopping:
        mlp.validation_scores_, mlp.best_validation_score_, mlp.best_loss_ = [], -math.inf, None


def _few_rows(mlp: Any, n_features: int, y: Array, dtype: Any) -> tuple[Array, Array]:
    """Rows of zeros with these targets, often enough to be split for early stopping."""
    smaller = min(mlp.validation_fraction, 1 - mlp.validation_fraction)
    if mlp.early_stopping and smaller > 0:
        y = np.concatenate([y] * math.ceil(2 / smaller))
    return np.zeros((len(y), n_features), dtype), y


def _take_weights(mlp: Any, dbn: DeepBeliefNetwork) -> None:
    """Set the hidden layers of the perceptron to those by which the stack recognises."""
    net = dbn._net()
    layers = [(x.layer.bias, x.weights) for x in net.recognition]
    layers.append((net.top.hidden.bias, net.top.weights))
    for i, (bias, weights) in enumerate(layers):
        mlp.intercepts_[i][...] = bias
        mlp.coefs_[i][...] = weights


def _fine_tune(mlp: Any, inputs: Callable[[], Any], y: Array, weights: Array | None) -> None:
    """Fit the perceptron from where it is, the step size falling linearly to zero.

    Every sweep has its inputs. Not so where the perceptron decides itself how long to go on.
    """
    if mlp.early_stopping or mlp.solver == "lbfgs":
        _fit(mlp, inputs(), y, weights)
        return
    n_sweeps, rate = mlp.max_iter, mlp.learning_rate_init
    for sweep in range(n_sweeps):
        mlp.set_params(max_iter=1, learning_rate_init=rate * (1 - sweep / n_sweeps))
        _fit(mlp, inputs(), y, weights)
    mlp.set_params(max_iter=n_sweeps, learning_rate_init=rate)
    mlp.n_iter_ = n_sweeps


def _fit(mlp: Any, v: Any, y: Array, weights: Array | None = None) -> None:
    """Fit without the warning that there could be more sweeps: their number is chosen.

    An interrupt, which scikit-learn turns into a warning, is one again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Got `batch_size`")  # larger than a few rows
        warnings.filterwarnings("error", message=_INTERRUPTED)
        try:
            mlp.fit(v, y, sample_weight=weights)
        except UserWarning as warning:
            if _INTERRUPTED in str(warning):
                raise KeyboardInterrupt from None
            raise
