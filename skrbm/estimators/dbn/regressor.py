"""`DBNRegressor`: a deep belief network fine-tuned with targets."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.neural_network import MLPRegressor
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import threads
from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator
from skrbm.data.targets import TargetScale
from skrbm.estimators.common.methods import only_if
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.fine_tuning import FineTuned
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.targeted import Targeted
from skrbm.estimators.dbn.tuned import goes_on
from skrbm.learning.ridge import ridge
from skrbm.validation.labels import check_given, check_n_targets
from skrbm.validation.rows import check_real

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


class DBNRegressor(RegressorMixin, FineTuned):
    r"""Deep belief network trained without targets, then fine-tuned with them.

    .. math::

        E[y | v] = m + s (U^T h_n + B^T v + a), \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}),
        \qquad h_0 = v.

    Training standardizes every target to mean 0 and variance 1; m and s are its mean and standard
    deviation. Predictions are in the units of y, and `score` does not depend on the units.

    The weights :math:`W_l` start from the recognition weights of a stack. The output layer, U and
    a, and the linear term B start as the ridge regression on the features of the stack and on the
    visible states whose penalty has the largest evidence. B is zero for more than 256 columns. All
    weights except B then follow the gradient of the squared error, by scikit-learn's
    backpropagation. With the default perceptron, a trial on 80 % of the rows chooses the number of
    epochs, possibly none, with the smallest error on the others; and a ridge regression on the
    tuned features and on the visible states replaces U, a and B at the end.

    Parameters
    ----------
    dbn : DeepBeliefNetwork or DeepBoltzmannMachine, default=None
        Prototype of the stack, by default `DeepBeliefNetwork()`.
        The top layer must have binary hidden units. A fitted stack in a
        `sklearn.frozen.FrozenEstimator` is used without further training, for example after a `fit`
        to rows without targets. If the lowest layer has missing_values="allow", NaN is a missing
        value. In fine-tuning, the state of a Gibbs chain replaces it; the chain continues from
        epoch to epoch. Predictions are averages over twenty draws from the RBM of that layer.
    mlp : MLPRegressor, default=None
        Prototype of the perceptron, which defines the fine-tuning. Its `hidden_layer_sizes`,
        `activation` and `warm_start` are overridden.

        The step size decreases linearly from `learning_rate_init` to zero over `max_iter` epochs.
        Each epoch is one call of the perceptron's `fit`, so momentum and moments restart, and
        `learning_rate` and `power_t` are ignored. Its `early_stopping` must be False. With
        `solver="lbfgs"`, fine-tuning is a single call by scikit-learn's rules.

        By default `MLPRegressor(solver="sgd", learning_rate_init=0.05)` with mini-batches of 100
        rows, and enough epochs for 1,000 updates. The number of epochs is between 15 and 300.
    inputs : {"mean", "sample"}, default="mean"
        Use of values between 0 and 1 of binary visible units in fine-tuning. "mean" uses them
        unchanged, as predictions do. "sample" treats them as probabilities, and draws zeros and
        ones in every epoch. This noise prevents overfitting to many grey pixels.
    early_stopping : bool, default=False
        Whether `fit` holds out rows with a target, and scores them after every epoch of
        fine-tuning. `mlp` sets the details: the fraction `validation_fraction`, by default 0.1, is
        held out. Fine-tuning ends after `n_iter_no_change` consecutive epochs, by default 10, whose
        score does not exceed the best one by `tol`. It keeps the parameters of the epoch with the
        highest score. This replaces the trial on 80 % of the rows.
    callbacks : callable or list of callables, default=None
        Called with the estimator and the number of epochs trained, after every epoch of a layer, of
        up-down or of fine-tuning. If fine-tuning is a single call, it counts as one epoch. The
        estimator can predict as soon as the stack is trained. A callback that raises StopIteration
        ends the training of the current layer, or the fine-tuning; see `Checkpoint`.
    verbose : int, default=0
        If above 0, report epochs of every layer and of fine-tuning, as in `DeepBeliefNetwork`.
    random_state : int, RandomState instance or None, default=None
        Seed of the stack and of the perceptron. If None, the first given `random_state` of the
        stack, its prototypes and the perceptron is used.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork or DeepBoltzmannMachine
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
    n_iter_ : int
        Number of epochs of the fine-tuning, or of iterations of a batch solver.
    validation_scores_ : list of float
        Score of the held-out rows after every epoch: 1 minus the mean squared error of
        standardized targets. Only with early stopping.
    best_validation_score_ : float
        The highest of `validation_scores_`.
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
        allowed = "allow-nan"
        y = check_real(y, "y", ensure_2d=False, ensure_all_finite=allowed, estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y, ~np.isnan(y).reshape(len(y), -1).any(axis=1)

    def _few(self, y: Array) -> Array:
        return np.unique(y, axis=0, return_index=True)[1][:2]

    def _fewest(self, y: Array) -> int:
        return 1

    def _order(self, y: Array, order: Array, n_first: int) -> Array:
        return order

    def _score(self, tuning: Tuning, v: Any, targeted: Targeted) -> float:
        errors = (targeted.y - tuning.predict(v)).reshape(len(targeted.y), -1) ** 2
        return float(1 - np.average(errors.mean(axis=1), weights=targeted.rows.weights))

    def _streamed(
        self, y: Array, weights: Array, classes: Array | None
    ) -> tuple[Array, TargetScale | None]:
        if self._tuned is None:
            return self._scaled(y, weights)
        scale = self._target_scale
        check_n_targets("y", y, scale.mean.size)
        return scale.to_model(y.reshape(len(y), *scale.mean.shape)), scale

    @only_if(goes_on)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fine-tune for one epoch over the rows with a target; the first call starts the model.

        The first call trains the stack on its rows, as `fit` does, unless `dbn` is a fitted stack
        in a `sklearn.frozen.FrozenEstimator`. For data that do not fit into memory, first train a
        stack with `DeepBeliefNetwork.partial_fit`. The rows of the first call also set the mean and
        scale of the targets, the linear term, and the initial output layer. After `fit`, a call
        continues the fine-tuning.

        A call is one `partial_fit` of the perceptron: the step size stays at its
        `learning_rate_init`, and momentum continues from call to call. `early_stopping` and
        `max_iter` have no effect.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as for `fit`; some row must have one.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : DBNRegressor
        """
        return self._partial_fit(X, y, sample_weight, None)

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
