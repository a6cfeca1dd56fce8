"""`DBNClassifier`: a deep belief network fine-tuned with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.neural_network import MLPClassifier

from skrbm._kernels.arrays import softmax
from skrbm._kernels.devices import Array
from skrbm.data.views import LabelledRows
from skrbm.estimators.common.methods import only_if
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.fine_tuning import FineTuned
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.targeted import Targeted
from skrbm.estimators.dbn.tuned import goes_on
from skrbm.validation.labels import check_classes, check_some_labels, encode_labels


@dataclass(eq=False, repr=False, kw_only=True)
class DBNClassifier(ClassifierMixin, FineTuned):
    r"""Deep belief network trained without labels, then fine-tuned with them.

    .. math::

        P(y | v) \propto e^{u_y^T h_n + a_y}, \qquad h_l = 1 / (1 + e^{-(W_l^T h_{l-1} + c_l)}),
        \qquad h_0 = v.

    The weights :math:`W_l` start from the recognition weights of a stack. They then all follow the
    gradient of :math:`\log P(y | v)`, by scikit-learn's backpropagation.

    Parameters
    ----------
    dbn : DeepBeliefNetwork or DeepBoltzmannMachine, default=None
        Prototype of the stack, by default `DeepBeliefNetwork()`.
        The top layer must have binary hidden units. A fitted stack in a
        `sklearn.frozen.FrozenEstimator` is used without further training, for example after a `fit`
        to unlabelled rows. If the lowest layer has missing_values="allow", NaN is a missing value.
        In fine-tuning, the state of a Gibbs chain replaces it; the chain continues from epoch to
        epoch. Predictions are averages over twenty draws from the RBM of that layer.
    mlp : MLPClassifier, default=None
        Prototype of the perceptron, which defines the fine-tuning. Its `hidden_layer_sizes`,
        `activation` and `warm_start` are overridden.

        The step size decreases linearly from `learning_rate_init` to zero over `max_iter` epochs.
        Each epoch is one call of the perceptron's `fit`, so momentum and moments restart, and
        `learning_rate` and `power_t` are ignored. Its `early_stopping` must be False. With
        `solver="lbfgs"`, fine-tuning is a single call by scikit-learn's rules.

        By default `MLPClassifier(solver="sgd", learning_rate_init=0.5)` with mini-batches of 100
        rows, and enough epochs for 1,000 updates. The number of epochs is between 15 and 300.
    inputs : {"mean", "sample"}, default="mean"
        Use of values between 0 and 1 of binary visible units in fine-tuning. "mean" uses them
        unchanged, as predictions do. "sample" treats them as probabilities, and draws zeros and
        ones in every epoch. This noise prevents overfitting to many grey pixels.
    early_stopping : bool, default=False
        Whether `fit` holds out rows with a label, and scores them after every epoch of
        fine-tuning. `mlp` sets the details: the fraction `validation_fraction`, by default 0.1, is
        held out. Fine-tuning ends after `n_iter_no_change` consecutive epochs, by default 10, whose
        score does not exceed the best one by `tol`. It keeps the parameters of the epoch with the
        highest score. The held-out rows are stratified by label.
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
    unlabeled : default=None
        Label of the rows that have none, such as -1 in `sklearn.semi_supervised`. They train only
        the stack. None and NaN always mark such rows.

    Attributes
    ----------
    dbn_ : DeepBeliefNetwork or DeepBoltzmannMachine
        The stack before fine-tuning.
    mlp_ : MLPClassifier
        The perceptron. Its inputs are visible states: for Gaussian visible units the standardized
        data.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    loss_curve_ : list of float
        Loss in every epoch of the fine-tuning.
    n_iter_ : int
        Number of epochs of the fine-tuning, or of iterations of a batch solver.
    validation_scores_ : list of float
        Score of the held-out rows after every epoch: the accuracy. Only with early stopping.
    best_validation_score_ : float
        The highest of `validation_scores_`.
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
    >>> classifier = DBNClassifier(dbn, unlabeled=-1, random_state=0).fit(X, y)
    >>> classifier.classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> bool(classifier.score(X_test, y_test) > 0.8)
    True
    """

    unlabeled: Any = None

    _Perceptron = MLPClassifier
    _learning_rate = 0.5

    def _check_targets(self, y: Any) -> tuple[Array, Array]:
        return check_some_labels(self, "y", y, self.unlabeled)

    def _few(self, y: Array) -> Array:
        return np.unique(y, return_index=True)[1]

    def _fewest(self, y: Array) -> int:
        return len(np.unique(y))

    def _order(self, y: Array, order: Array, n_first: int) -> Array:
        classes, index = np.unique(y, return_inverse=True)
        return LabelledRows(y[:, None], index, classes).stratified(order, n_first)

    def _score(self, tuning: Tuning, v: Any, targeted: Targeted) -> float:
        correct = tuning.mlp.predict(v) == targeted.y
        return float(np.average(correct, weights=targeted.rows.weights))

    def _streamed(self, y: Array, weights: Array, classes: Array | None) -> tuple[Array, None]:
        assert classes is not None
        return classes[encode_labels("y", y, classes)], None

    @only_if(goes_on)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Fine-tune for one epoch over the rows with a label; the first call starts the model.

        The first call trains the stack on its rows, as `fit` does, unless `dbn` is a fitted stack
        in a `sklearn.frozen.FrozenEstimator`. For data that do not fit into memory, first train a
        stack with `DeepBeliefNetwork.partial_fit`. After `fit`, a call continues the fine-tuning.

        A call is one `partial_fit` of the perceptron: the step size stays at its
        `learning_rate_init`, and momentum continues from call to call. `early_stopping` and
        `max_iter` have no effect.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : array-like of shape (n_samples,)
            Labels, as for `fit`; some row must have one.
        classes : array-like of shape (n_classes,), default=None
            All labels that will occur in any call; required by the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : DBNClassifier
        """
        known = None if self._tuned is None else self.classes_
        classes = check_classes(self, "classes", classes, known)
        return self._partial_fit(X, y, sample_weight, classes)

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

    def decision_function(self, X: Any) -> Array:
        """Compute `log P(y | v)` of every label y, or for two labels the log-odds of the second.

        In contrast to `predict_log_proba`, it distinguishes probabilities that are 0 or 1 to
        rounding.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            See `predict_proba`.

        Returns
        -------
        log_P : ndarray of float64 of shape (n_samples, n_classes), or (n_samples,) for two classes
            `predict` returns the label with the largest value, or the second of two labels if its
            log-odds are positive.
        """
        P = self._averaged(self._exact_probabilities, X)
        log_P = np.log(P.clip(np.finfo(P.dtype).tiny))
        return log_P[:, 1] - log_P[:, 0] if len(self.classes_) == 2 else log_P

    def _exact_probabilities(self, v: Any) -> Array:
        """Probabilities of the classes in float64, in which small ones do not underflow."""
        mlp, n_classes = self.mlp_, len(self.classes_)
        h = perceptron.top_features(mlp, v)
        logits = (h @ mlp.coefs_[-1] + mlp.intercepts_[-1]).astype(np.float64)
        if n_classes < 3:  # the log-odds of the second
            logits = np.hstack([np.zeros_like(logits), logits])[:, :n_classes]
        return softmax(logits)

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
