"""`DBNClassifier` and `DBNRegressor`: deep belief networks fine-tuned for prediction."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import threads
from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator
from skrbm.data.targets import TargetScale
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.fine_tuning import FineTuned, Targeted
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.learning.ridge import ridge
from skrbm.validation.labels import check_given, check_labels
from skrbm.validation.rows import check_real

_UNLABELLED = -1
_MOST_LINEAR = 256  # columns with a linear term
_HELD_OUT = 5  # one row of so many chooses the number of epochs


def _solve(tuning: Tuning, v: Any, y: Array, weights: Array) -> None:
    """Set the output layer and the linear term by ridge regression on top features and states."""
    mlp, has_term = tuning.mlp, v.shape[1] <= _MOST_LINEAR

    def inputs(v: Any) -> Array:
        h = perceptron.top_features(mlp, v)
        return np.hstack([h, to_dense(v)]) if has_term else h

    x = threads.by_rows(inputs, v)
    coefficients, intercepts = ridge(x, y.reshape(len(y), -1), weights)
    of_units, of_states = np.split(coefficients, [len(mlp.coefs_[-1])])
    perceptron.take_output(mlp, of_units, intercepts)
    if has_term:
        tuning.linear = of_states.astype(mlp.coefs_[-1].dtype)


class DBNClassifier(ClassifierMixin, FineTuned):
    r"""Deep belief network trained without labels, then fine-tuned with them.

    .. math::

        P(y | v) \propto e^{u_y^T h_n + a_y}, \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}),
        \qquad h_0 = v.

    The weights :math:`W_l` start from the recognition weights of a stack. They then all follow the
    gradient of :math:`\log P(y | v)`, by scikit-learn's backpropagation.

    Parameters
    ----------
    dbn : DeepBeliefNetwork, default=None
        Prototype of the stack, by default `DeepBeliefNetwork()`.
        The top layer must have binary hidden units. A fitted stack in a
        `sklearn.frozen.FrozenEstimator` is used without further training, for example after a `fit`
        to unlabelled rows. If the lowest layer has missing_values="allow", NaN is a missing value.
        In fine-tuning a Gibbs chain replaces it, which continues from epoch to epoch. Predictions
        are averages over twenty draws from the RBM of that layer.
    mlp : MLPClassifier, default=None
        Prototype of the perceptron, which defines the fine-tuning. Its `hidden_layer_sizes`,
        `activation` and `warm_start` are overridden.

        The step size decreases linearly from `learning_rate_init` to zero over `max_iter` epochs.
        Each epoch is one call of the perceptron's `fit`, so momentum and moments restart, and
        `learning_rate`, `power_t`, `tol` and `n_iter_no_change` are ignored. With `early_stopping`
        or `solver="lbfgs"`, fine-tuning is a single call by scikit-learn's rules.

        By default `MLPClassifier(solver="sgd", learning_rate_init=0.5)` with mini-batches of 100
        rows, and enough epochs for 1,000 updates. The number of epochs is from 15 to 300.
    inputs : {"mean", "sample"}, default="mean"
        How fine-tuning treats values between 0 and 1 of binary visible units. "mean" uses them
        unchanged, as predictions do. "sample" treats them as probabilities, and draws zeros and
        ones in every epoch. This noise prevents overfitting to many grey pixels.
    callbacks : callable or list of callables, default=None
        Called with the estimator and the number of epochs trained, after every epoch of a layer, of
        up-down or of fine-tuning. If fine-tuning is a single call, it counts as one epoch. The
        estimator can predict as soon as the stack is trained. A callback that raises StopIteration
        ends the training of the current layer, or the fine-tuning; see `Checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Seed of the stack and of the perceptron. None is the `random_state` of the stack, of its
        prototypes or of the perceptron: the first that is given.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork
        The stack before fine-tuning.
    mlp_ : MLPClassifier
        The perceptron. Its inputs are visible states: for Gaussian visible units the standardized
        data.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    loss_curve_ : list of float
        Loss in every epoch of the fine-tuning.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    DeepBeliefNetwork : Only the features, for any classifier.

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
        y = check_labels(self, "y", y)
        labelled = np.ones(len(y), bool)
        if y.dtype.kind in "if" and len(np.unique(y)) > 2:
            labelled = y != _UNLABELLED
        return y, labelled

    def _few(self, y: Array) -> Array:
        return np.unique(y, return_index=True)[1]

    def predict(self, X: Any) -> Array:
        """Predict the most probable label of every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            See `predict_proba`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    @property
    def classes_(self) -> Array:
        """The labels."""
        return self.mlp_.classes_

    def predict_proba(self, X: Any) -> Array:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. No probability is 0, so all logarithms are finite.
        """
        P = self._averaged(self.mlp_.predict_proba, X)
        if len(self.classes_) == 1:  # the perceptron then has two outputs
            return np.ones((len(P), 1), P.dtype)
        return P.clip(np.finfo(P.dtype).tiny)

    def predict_log_proba(self, X: Any) -> Array:
        """Compute the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_P : ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))


class DBNRegressor(RegressorMixin, FineTuned):
    r"""Deep belief network trained without targets, then fine-tuned with them.

    .. math::

        E[y | v] = m + s (U^T h_n + B^T v + a), \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}),
        \qquad h_0 = v.

    Training standardizes every target to mean 0 and variance 1; m and s are its mean and standard
    deviation. So predictions follow the units of y, and `score` does not depend on them.

    The weights :math:`W_l` start from the recognition weights of a stack. The output layer, U and
    a, and the linear term B start as the ridge regression on the features of the stack and on the
    visible states whose penalty has the largest evidence. B is zero for more than 256 columns. All
    weights but B then follow the gradient of the squared error, by scikit-learn's backpropagation.
    With the default perceptron, a trial on 80 % of the rows chooses the number of epochs, possibly
    none, with the smallest error on the others; and a ridge regression on the tuned features and on
    the visible states replaces U, a and B at the end.

    Parameters
    ----------
    dbn : DeepBeliefNetwork, default=None
        Prototype of the stack, by default `DeepBeliefNetwork()`.
        The top layer must have binary hidden units. A fitted stack in a
        `sklearn.frozen.FrozenEstimator` is used without further training, for example after a `fit`
        to rows without targets. If the lowest layer has missing_values="allow", NaN is a missing
        value. In fine-tuning a Gibbs chain replaces it, which continues from epoch to epoch.
        Predictions are averages over twenty draws from the RBM of that layer.
    mlp : MLPRegressor, default=None
        Prototype of the perceptron, which defines the fine-tuning. Its `hidden_layer_sizes`,
        `activation` and `warm_start` are overridden.

        The step size decreases linearly from `learning_rate_init` to zero over `max_iter` epochs.
        Each epoch is one call of the perceptron's `fit`, so momentum and moments restart, and
        `learning_rate`, `power_t`, `tol` and `n_iter_no_change` are ignored. With `early_stopping`
        or `solver="lbfgs"`, fine-tuning is a single call by scikit-learn's rules.

        By default `MLPRegressor(solver="sgd", learning_rate_init=0.05)` with mini-batches of 100
        rows, and enough epochs for 1,000 updates. The number of epochs is from 15 to 300.
    inputs : {"mean", "sample"}, default="mean"
        How fine-tuning treats values between 0 and 1 of binary visible units. "mean" uses them
        unchanged, as predictions do. "sample" treats them as probabilities, and draws zeros and
        ones in every epoch. This noise prevents overfitting to many grey pixels.
    callbacks : callable or list of callables, default=None
        Called with the estimator and the number of epochs trained, after every epoch of a layer, of
        up-down or of fine-tuning. If fine-tuning is a single call, it counts as one epoch. The
        estimator can predict as soon as the stack is trained. A callback that raises StopIteration
        ends the training of the current layer, or the fine-tuning; see `Checkpoint`.
    random_state : int, RandomState instance or None, default=None
        Seed of the stack and of the perceptron. None is the `random_state` of the stack, of its
        prototypes or of the perceptron: the first that is given.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork
        The stack before fine-tuning.
    mlp_ : MLPRegressor
        The perceptron. Its inputs are visible states: for Gaussian visible units the standardized
        data. Its outputs are standardized targets minus the linear term.
    linear_coef_ : ndarray of shape (n_visible, n_outputs)
        Coefficients B of the inputs of the perceptron.
    target_mean_, target_scale_ : ndarray of shape () or (n_outputs,)
        Weighted mean and standard deviation of each target. The scale of a constant target is 1.
    loss_curve_ : list of float
        Loss in every epoch of the fine-tuning, for standardized targets.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    DBNClassifier : For labels.

    References
    ----------
    G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of data with neural
    networks", Science 313, 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from skrbm import BernoulliRBM, DBNRegressor, DeepBeliefNetwork
    >>> X, X_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    >>> dbn = DeepBeliefNetwork((64, 32), rbm=BernoulliRBM(n_iter=200))
    >>> regressor = DBNRegressor(dbn, random_state=0).fit(X, y)
    >>> bool(regressor.score(X_test, y_test) > 0.2)
    True
    """

    _Perceptron = MLPRegressor
    _learning_rate = 0.05

    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        check_given(self, "y", y)
        y = check_real(y, "y", ensure_2d=False, estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y, np.ones(len(y), bool)

    def _few(self, y: Array) -> Array:
        return np.unique(y, axis=0, return_index=True)[1][:2]

    def _scaled(self, y: Array, weights: Array) -> tuple[Array, TargetScale | None]:
        scale, z = TargetScale.standardized(y, weights)
        return z, scale

    def _solve_output(self, tuning: Tuning, v: Any, targeted: Targeted) -> None:
        _solve(tuning, v, targeted.y, targeted.rows.weights)

    def _choose_length(self, tuning: Tuning, v: Any, targeted: Targeted, rng: Generator) -> None:
        y, weights = targeted.y, targeted.rows.weights
        n_held_out = len(y) // _HELD_OUT
        if n_held_out == 0:
            return
        order = rng.permutation(len(y))
        held_out, train = order[:n_held_out], order[n_held_out:]
        trial, errors = deepcopy(tuning), {}

        def look(n_done: int) -> bool:
            if n_done & (n_done - 1) == 0 or n_done == tuning.n_sweeps:
                solved = deepcopy(trial)
                _solve(solved, v[train], y[train], weights[train])
                left = (y[held_out] - solved.predict(v[held_out])).reshape(n_held_out, -1)
                errors[n_done] = float(weights[held_out] @ (left**2).sum(axis=1))
            return False

        look(0)
        of_train = None if targeted.weights is None else targeted.weights[train]
        trial.run(lambda: v[train], y[train], of_train, look)
        tuning.n_stop = min(errors, key=lambda n_done: errors[n_done])

    def predict(self, X: Any) -> Array:
        """Predict the target of every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value if the lowest layer allows it. Predictions are then averages over
            twenty draws of the missing values from the RBM of that layer.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the targets.
        """
        z = self._averaged(self._tuning.predict, X)
        return self._target_scale.to_data(z)

    @property
    def linear_coef_(self) -> Array:
        """Coefficients of the linear term."""
        linear, mlp = self._tuning.linear, self.mlp_
        return np.zeros((len(mlp.coefs_[0]), mlp.n_outputs_)) if linear is None else linear

    @property
    def target_mean_(self) -> Array:
        """The weighted mean of each target."""
        return self._target_scale.mean

    @property
    def target_scale_(self) -> Array:
        """The weighted standard deviation of each target."""
        return self._target_scale.scale

    @property
    def _target_scale(self) -> TargetScale:
        check_is_fitted(self)
        assert self._tuned is not None
        assert self._tuned.scale is not None
        return self._tuned.scale
