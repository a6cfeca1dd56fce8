"""`RBMClassifier`: an RBM whose visible units include a class label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.estimators.common.methods import check_given, check_seen, framed, only_if
from skrbm.estimators.rbm.labelled import LabelledRBM, learns_data
from skrbm.labels import other_layer
from skrbm.validation.labels import (
    check_classes,
    check_labels,
    check_streamed_weight,
    encode_labels,
)
from skrbm.validation.parameters import check_count


@dataclass(eq=False, repr=False, kw_only=True)
class RBMClassifier(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, LabelledRBM
):
    r"""Restricted Boltzmann machine whose visible units are the data and a class label.

    .. math::

        p(x, y, h) = e^{-E(x, y, h)} / Z, \qquad
        E(x, y, h) = -b^T x - d_y - c^T h - x^T W h - u_y^T h, \qquad x_i, h_j \in \{0, 1\},

    The hidden units can be summed out exactly, for one row and every label:

    .. math::

        P(y | x) \propto e^{d_y} \prod_j \left( 1 + e^{c_j + (W^T x + u_y)_j} \right).

    The parameters follow the gradient of :math:`\log P(y | x) + s \log p(x)` [1]_. With s = 0 only
    the label is learned, discriminatively. With s = 1 the joint probability :math:`\log p(x, y)` is
    learned, generatively. Values between 0 and 1 give a hybrid, whose features also model the data
    to some extent.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    hidden_bias : float or "auto", default="auto"
        Initial biases of the hidden units: their log-odds of being on. "auto" is -2. At -4 only a
        few units are on at a time: features for a classifier become more selective, and likelihoods
        a little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of every update of `partial_fit`. "auto" is 10,
        and at most 4 / s times the rate of `BernoulliRBM`.
    batch_size : int, default=100
        Maximum number of rows per update.
    n_iter : int or "auto", default="auto"
        Number of epochs of `fit`. "auto" makes four updates per row, but between 2,000 and 5,000,
        and at least 10 epochs; if `generative_share` is above 0.1, the same number as
        `BernoulliRBM`.
    gradient : {"jump", "pcd", "pt", "ptt", "cd", "exact"}, default="jump"
        Estimate of the model's part of the gradient, as in `BernoulliRBM`. It is not used if
        `generative_share` is 0; nor are `n_steps` and `n_chains`.
    n_steps : int, default=1
        Number of Gibbs steps per update. "exact" ignores it.
    n_chains : int, default=100
        Number of persistent chains; for "pt", the total over all temperatures. "cd" and "exact"
        ignore it.
    alpha : float or "auto", default="auto"
        Strength of the prior on weights. `fit` subtracts
        :math:`\frac{\alpha}{8 n} \sum_{ij} \log(1 + 4 w_{ij}^2)` from the mean objective of the
        rows, with n their total weight. Small weights shrink towards zero, large ones hardly at
        all. At 8 the prior is a Cauchy distribution of scale 0.5. "auto" is a quarter of the
        effective number of independent columns, :math:`d^2 / \sum_{ij} r_{ij}^2` with the
        correlations r of the d columns, but at most :math:`\sum_i m_i (1 - m_i)` with their means
        m, since rare columns carry little information. It is multiplied by
        `(64 / n_components)**0.25`, and divided by :math:`q^2` if only a share q of the values is
        known. It is 0 if `generative_share` is at most 0.1, as by default: few updates then prevent
        overfitting. It is also 0 for a total weight below 50. `partial_fit` counts all rows seen so
        far.
    early_stopping : bool, default=False
        Whether to hold out a validation set, stratified by class, and score it. The step size then
        decays to zero up to four times, after an eighth, a quarter, half and seven eighths of
        `n_iter`: decays shorter than 10 epochs or 500 updates are omitted, and a single decay
        spans all of `n_iter`. `fit` stops after a decay whose score is lower than the best one, by
        `tol` and by 1.5 standard errors, and keeps the parameters from the last decay that was not
        worse. Other epochs are scored for `history_`: ten or more in all, if that takes at most 5 %
        of the time; otherwise, 500 of the rows are scored.
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
        Whether to refuse NaN in an array or to treat it as a missing value. Predictions then sum
        over missing values: exactly if the model has at most ten hidden units, or the row at most
        ten missing values; otherwise estimated by block Gibbs sampling. In training each row has a
        block Gibbs chain, which does not use the label and makes five steps per epoch, or 500 in
        all if there are more than 100 epochs. The objective is thus averaged over :math:`p(x_m |
        x_o)`. The larger `generative_share` is, the better the model learns this distribution.
        `impute` fills in missing values with either setting.
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
        Seed of all random numbers: weights, order of the rows, chains. An int makes `fit`
        reproducible.
    generative_share : float, default=0.01
        Weight s of the generative part of the objective, from 0 to 1.
    inputs : {"mean", "sample"}, default="mean"
        Use of values between 0 and 1 in training. "mean" uses them unchanged, as predictions do.
        "sample" treats them as probabilities, and draws zeros and ones in every mini-batch. This
        noise blurs a few fine-grained columns, and prevents overfitting to many grey pixels.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label, which multiply the weights of the rows.
        "balanced" gives all classes the same total weight; `partial_fit` does not support it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    components_ : ndarray of shape (n_components, n_features)
        Weights between hidden units and data, the transpose of W. Their type is float32 or float64,
        like the data; integers of more than 16 bits become float64, other integers and booleans
        float32.
    label_components_ : ndarray of shape (n_components, n_classes)
        Weights between hidden units and labels; column y is :math:`u_y`.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the columns of the data.
    intercept_label_ : ndarray of shape (n_classes,)
        Biases d of the labels.
    history_ : dict of str to ndarray of shape (`n_iter_`,)
        For every epoch:

        - `iteration`, its number;
        - `learning_rate`, at its end;
        - `label_log_likelihood`, the mean log P(y | x) of its last mini-batch, in nats. It is
          computed after the first and the last epoch, and after as many others as take at most 5 %
          of the time, some from only 20 or more rows of the mini-batch; other epochs repeat its
          latest value;
        - `time`, in seconds.

        Two more are NaN without early stopping:

        - `validation_score`, the mean log P(y | x) of the validation set, in nats; epochs that are
          not scored repeat the latest value;
        - `free_energy_gap`, the mean free energy of the validation set minus the mean over training
          rows.
    log_partition_ : LogPartition
        log Z of the joint model of data and label, with its bounds and standard error: the latest
        result of `log_partition`, or computed when it is first needed.
    best_validation_score_ : float
        The `validation_score` of the parameters that were kept; only with early stopping.
    n_iter_ : int
        Number of epochs trained; each call of `partial_fit` counts as one.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    DBNClassifier : A stack of RBMs, trained without labels and then fine-tuned with them.
    BernoulliRBM : Features for any classifier.

    References
    ----------
    .. [1] H. Larochelle and Y. Bengio, "Classification using discriminative restricted Boltzmann
       machines", ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skrbm import RBMClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    >>> classifier = RBMClassifier(n_components=100, n_iter=20, random_state=0).fit(X, y)
    >>> bool(classifier.score(X_test, y_test) > 0.95)
    True
    >>> classifier.predict_proba(X_test).shape
    (450, 10)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model from scratch, in `n_iter` epochs over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1]; values outside cause a warning and count as 0 or 1; see
            `BernoulliRBM.fit` for new rows. With missing_values="allow", NaN in an array is a
            missing value.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two has the effect of a duplicate row.

        Returns
        -------
        self : RBMClassifier

        Raises
        ------
        ValueError
            If a parameter, the data or the labels are invalid; the estimator is then unchanged.

        Notes
        -----
        A large array that is mapped from a file stays on disk, as in `BernoulliRBM.fit`.
        """
        return self._fit(X, (y, None), sample_weight)

    def resume(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Complete an interrupted `fit`.

        From a `Checkpoint`, or after an exception of a callback, the result is the same, bit for
        bit, as without the interruption. After Ctrl-C in the middle of an epoch it differs: the
        epoch is repeated, and starts from the parameters that it has already changed.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data passed to that `fit`.
        y : array-like of shape (n_samples,)
            The labels passed to that `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights passed to that `fit`.

        Returns
        -------
        self : RBMClassifier

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data differ in size.
        """
        return self._resume(X, (y, None), sample_weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch over the rows in the given order; the first call starts the model.

        The rows of a call are split into mini-batches of equal size, of at most `batch_size` rows.
        The step size stays at `learning_rate`. The visible biases start from the frequencies in the
        rows of the first call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will occur in any call; required by the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RBMClassifier
        """
        check_streamed_weight("class_weight", self.class_weight)
        known = None if self._learner is None else self.classes_
        classes = check_classes(self, "classes", classes, known)
        return self._partial_fit(X, (y, classes), sample_weight)

    def predict(self, X: Any) -> Array:
        """Predict the most probable label of every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow".

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self.classes_[self._logits(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """Compute `P(y | x)` for every row x of X and every label y.

        The result is exact if the row is complete or has at most ten missing values, or if the
        model has at most ten hidden units. Otherwise it is an average over block Gibbs chains,
        which keep the known values fixed.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow".

        Returns
        -------
        P : ndarray of float64 of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return arrays.softmax(self._logits(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Compute `log P(y | x)` for every row x of X and every label y, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow".

        Returns
        -------
        log_P : ndarray of float64 of shape (n_samples, n_classes)
        """
        logits = self._logits(X)
        return logits - arrays.row_log_sum_exp(logits)[:, None]

    def decision_function(self, X: Any) -> Array:
        """Compute `log P(y | x)` of every label y, or for two labels the log-odds of the second.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow".

        Returns
        -------
        log_P : ndarray of float64 of shape (n_samples, n_classes), or (n_samples,) for two classes
            In nats. `predict` returns the label with the largest value, or the second of two
            labels if its log-odds are positive.
        """
        log_P = self.predict_log_proba(X)
        return log_P[:, 1] - log_P[:, 0] if log_P.shape[1] == 2 else log_P

    def transform(self, X: Any) -> Array:
        r"""Compute the means of the hidden units, averaged over the label.

        .. math::

            E[h_j | x] = \sum_y P(y | x) / (1 + e^{-c_j - (W^T x + u_y)_j}).

        They are also averaged over missing values, by the method of `predict_proba`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow".

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
        """
        return self._fitted.features(check_seen(self, X))

    @only_if(learns_data)
    def score_samples(self, X: Any) -> Array:
        r"""Compute the log-likelihood of every row x of X, summed over its label, in nats.

        .. math::

            \log p(x) = b^T x - \log Z
            + \log \sum_y e^{d_y} \prod_j \left( 1 + e^{c_j + (W^T x + u_y)_j} \right),

        with `log_partition_`. The smaller `generative_share`, the less the model has learned about
        p(x). A model trained with 0 has not learned it at all, and lacks this method.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value with missing_values="allow", and is also summed out.

        Returns
        -------
        log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        return self._log_likelihood(check_seen(self, X))

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        label: Any = None,
        n_steps: int = 1000,
        random_state: Any = None,
    ) -> tuple[Array, Array]:
        """Draw rows and labels from the model, for all labels or a given one.

        Draws are exact if the model has at most ten hidden units. Otherwise they are the ends of
        block Gibbs chains, which keep the given values fixed. A model trained with a small
        `generative_share` has learned little about the distribution of the data.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,), dict or Series, default=None
            Values shared by all rows: either a row, with NaN for the free values, or a dict or
            pandas Series from the name or index of a column to its value. Values are 0 or 1.
        label : default=None
            Label shared by all rows, one of `classes_`.
        n_steps : int, default=1000
            Length of the chains, which start at independent draws.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of earlier calls.

        Returns
        -------
        v : ndarray of bool of shape (n_samples, n_features)
        y : ndarray of shape (n_samples,)
        """
        fitted = self._fitted
        n_samples = check_count("n_samples", n_samples)
        n_steps = check_count("n_steps", n_steps)
        n_labels = len(self.classes_)
        row = np.full((1, self.n_features_in_ + n_labels), np.nan)
        if given is not None:
            row[:, :-n_labels] = check_given(self, given, other_layer(fitted.rbm.visible))
        if label is not None:
            labels = check_labels(self, "label", [label])
            index = encode_labels("label", labels, self.classes_)
            row[:, -n_labels:] = np.arange(n_labels) == index
        rng = fitted.seeds.generator(random_state)
        v, labels = fitted.sample_labelled(row, n_samples, n_steps, rng)
        return framed(self, v), self.classes_[labels]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _logits(self, X: Any) -> Array:
        """`log p(x, y)` for every row and label, up to a constant per row."""
        return self._fitted.label_logits(check_seen(self, X))
