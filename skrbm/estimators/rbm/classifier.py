"""`RBMClassifier`: a label beside the visible units, and what it is given them."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import Binary, LabelledRows
from skrbm.data.sources import access, part
from skrbm.estimators.rbm.completing import has_missing
from skrbm.estimators.rbm.label_inference import LabelInference
from skrbm.estimators.rbm.trained import Start, TrainedRBM
from skrbm.labels import completed_unlabelled
from skrbm.learning.defaults import HIDDEN_BIAS, Recipe, labelled
from skrbm.learning.gradients import Gradient
from skrbm.learning.label_gradient import LabelGradient, log_label_probability
from skrbm.learning.loop import RowFigure, column_totals
from skrbm.model import RBM
from skrbm.units import Bernoulli, LabelledBernoulli, Layer
from skrbm.validation.estimators import check_same_rows, check_unfinished
from skrbm.validation.labels import check_classes, check_labels, encode_labels
from skrbm.validation.parameters import INPUTS, check_choice, check_share
from skrbm.validation.rows import (
    UNIT_INTERVAL,
    check_columns,
    check_rows,
    check_seen,
    check_weights,
)

_N_STEPS = 20  # of chains for what is missing in rows that are scored


class RBMClassifier(ClassifierMixin, LabelInference, TrainedRBM):
    r"""Restricted Boltzmann machine whose visible units are the data and a label.

    .. math::

        p(x, y, h) = e^{-E(x, y, h)} / Z, \qquad
        E(x, y, h) = -b^T x - d_y - c^T h - x^T W h - u_y^T h, \qquad x_i, h_j \in \{0, 1\},

    and the hidden units can be summed out exactly, for one row and every label:

    .. math::

        P(y | x) \propto e^{d_y} \prod_j \left( 1 + e^{c_j + (W^T x + u_y)_j} \right).

    The parameters follow the gradient of :math:`\log P(y | x) + s \log p(x)` [1]_. With s = 0 that
    is the label alone, learnt discriminatively; with s = 1 the joint probability
    :math:`\log p(x, y)`, learnt generatively; between them lies a hybrid, whose features have to
    explain the data a little as well.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    generative_share : float, default=0.01
        s, from 0 to 1.
    inputs : {"mean", "sample"}, default="mean"
        How training takes values between 0 and 1: as they are, as predictions do, or as
        probabilities of zeros and ones that are drawn anew in every mini-batch. Such noise costs
        what a few fine-grained columns say, and keeps many grey pixels from being learnt by heart.
    hidden_bias : float or "auto", default="auto"
        First biases of the hidden units: the log-odds of being on. "auto" is -2. At -4
        few units are on at a time: features for a classifier become more selective, likelihoods a
        little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of all updates of `partial_fit`; "auto" is 10,
        but at most 4 / s times that of `BernoulliRBM`.
    batch_size : int, default=100
        Largest number of rows an update.
    n_iter : int or "auto", default="auto"
        Number of sweeps of `fit` over the rows; "auto" makes 5,000 updates, and at least 10
        sweeps.
    gradient : {"jump", "pcd", "pt", "cd", "exact"}, default="jump"
        Estimate of the model's part of the gradient, as for `BernoulliRBM`; this and the next two
        are not used with a generative share of 0.
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
        Whether NaN in an array is refused, or a value that is missing. Predictions then sum over
        it, exactly where there are at most ten hidden units, or at most ten missing values in a
        row. In training a block Gibbs chain a row, which does not know the label, makes five steps
        whenever the row is seen: what is learnt is the mean of the objective over
        :math:`p(x_m | x_o)`, of which the model knows the more, the larger `generative_share` is.
        `impute` fills what is missing in either case.
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
        Seed of all that is drawn: weights, order of the rows, chains.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    components_ : ndarray of shape (n_components, n_features)
        Weights between hidden units and data, the transpose of W, float32 or float64 as the data
        were; integers of more than 16 bits make float64, other integers and booleans float32.
    label_components_ : ndarray of shape (n_components, n_classes)
        Weights between hidden units and labels, whose columns are :math:`u_y`.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the data's columns.
    intercept_label_ : ndarray of shape (n_classes,)
        Biases d of the labels.
    history_ : dict of str to ndarray of shape (`n_iter_`,)
        For every sweep `iteration`, `learning_rate` at its end, `label_log_likelihood` (mean
        log P(y | x) of its last mini-batch, in nats) and `time` in seconds; with early stopping
        also `validation_score` (mean log P(y | x) of the rows kept apart) and `free_energy_gap`
        (mean free energy of these rows less that of training rows).
    best_validation_score_ : float
        The largest `validation_score`; with early stopping alone.
    n_iter_ : int
        Number of sweeps trained, a call of `partial_fit` being one.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

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

    def __init__(
        self,
        n_components: int = 256,
        *,
        generative_share: float = 0.01,
        inputs: str = "mean",
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
        self.generative_share = generative_share
        self.inputs = inputs
        self.missing_values = missing_values

    _figure: ClassVar[str] = "label_log_likelihood"
    _SHAPING = (*TrainedRBM._SHAPING, "generative_share", "inputs")
    _domain = UNIT_INTERVAL

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model, from a fresh start, by `n_iter` sweeps over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1]; values outside draw a warning, and count as 0 or 1. With
            missing_values="allow" NaN in an array is a value that is missing.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two is the row given twice.

        Returns
        -------
        self : RBMClassifier

        Raises
        ------
        ValueError
            If a parameter, the data or the labels are not as described; the estimator is then
            unchanged.

        Notes
        -----
        A large array in a mapped file stays there, as for `BernoulliRBM.fit`; where values lie
        outside [0, 1] a copy of all is made.
        """
        first = self._starts_anew()
        every, weights, classes = self._check_labelled(X, y, sample_weight, first=first)
        self._check_sizes(*every.X.shape, split=self.early_stopping)
        check_columns(self, X, reset=first)
        seed = self._validation_seed()
        rows, of_rows, held_out = self._split(every, weights, seed)
        if first:
            self.classes_ = classes
            self._start(rows, of_rows)
        return self._fit(rows, of_rows, held_out, seed, rising=False)

    def resume(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on with a `fit` that was interrupted, to the same end as without the interruption.

        `Checkpoint.load` returns such an estimator. After a KeyboardInterrupt the sweep that it cut
        short is made again.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data of that `fit`.
        y : array-like of shape (n_samples,)
            The labels of that `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of that `fit`.

        Returns
        -------
        self : RBMClassifier

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data cannot be the same.
        """
        check_unfinished(self)
        every, weights, _ = self._check_labelled(X, y, sample_weight, first=False)
        check_columns(self, X, reset=False)
        rows, of_rows, held_out = self._split(every, weights, self._unfinished.seed)
        check_same_rows("X", len(of_rows), self._unfinished.n_rows)
        return self._finish(rows, of_rows, held_out)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on training by one sweep over the rows in their order, or start with it.

        The rows of a call make mini-batches of equal size, of at most `batch_size` rows, and the
        step size stays at `learning_rate`. The visible units start with the frequencies of the
        first call's rows.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; needed by the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RBMClassifier
        """
        first = not self._is_started()
        known = None if first else self.classes_
        classes = check_classes(self, "classes", classes, known)
        rows, weights, _ = self._check_labelled(X, y, sample_weight, first=first, classes=classes)
        self._check_sizes(*rows.X.shape, split=False)
        check_columns(self, X, reset=first)
        if first:
            self.classes_ = classes
            self._start(rows, weights)
        return self._go_on(rows, weights)

    @property
    def components_(self) -> Array:
        """Weights between hidden units and the data's columns."""
        check_is_fitted(self)
        return self._rbm.weights.rows(slice(-self._n_labels)).T

    @property
    def label_components_(self) -> Array:
        """Weights between hidden units and labels."""
        check_is_fitted(self)
        return self._rbm.weights.rows(slice(-self._n_labels, None)).T

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        check_is_fitted(self)
        return self._rbm.hidden.bias

    @property
    def intercept_visible_(self) -> Array:
        """Biases of the data's columns."""
        check_is_fitted(self)
        return self._rbm.visible.bias[: -self._n_labels]

    @property
    def intercept_label_(self) -> Array:
        """Biases of the labels."""
        check_is_fitted(self)
        return self._rbm.visible.bias[-self._n_labels :]

    @property
    def _n_labels(self) -> int:
        return len(self.classes_)

    @property
    def _draws(self) -> bool:
        return self.inputs == "sample"

    @property
    def _takes_missing(self) -> bool:
        return self.missing_values == "allow"

    def _completed(self, rbm: RBM, X: LabelledRows, rows: Any) -> Any:
        return super()._completed(rbm, X, rows) if has_missing(X.X) else rows

    @property
    def _coordinates(self) -> Binary:
        return Binary(self._rbm.reference.dtype)

    @property
    def _recipe(self) -> Recipe:
        return labelled(float(self.generative_share))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_share("generative_share", self.generative_share)
        check_choice("inputs", self.inputs, INPUTS)
        check_choice("missing_values", self.missing_values, ("refuse", "allow"))

    def _check_labelled(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Array | None = None
    ) -> tuple[LabelledRows, Array, Array]:
        """Rows of some weight, their weights, and the labels that there are."""
        self._check_continued(first=first)
        rows = check_rows(self, X, "X", self._domain, allow_nan=self._takes_missing)
        self._check_dtype(rows.dtype)
        rows = access(rows)
        labels = check_labels(self, "y", y)
        check_consistent_length(rows, labels)
        weights = check_weights(sample_weight, rows)
        if not weights.all():
            used = np.flatnonzero(weights)
            rows, labels, weights = part(rows, used), labels[used], weights[used]
        if first and self._takes_missing:
            check_seen("X", rows)
        if classes is None:
            classes = np.unique(labels) if first else self.classes_
        index = encode_labels("y", labels, classes)
        return LabelledRows(rows, index, len(classes)), weights, classes

    def _layer_sizes(self, n_features: int) -> list[float]:
        return [math.inf, self.n_components]

    def _begin(self, X: LabelledRows, weights: Array, dtype: Any) -> Start:
        binary = Bernoulli.from_totals(*column_totals(X.X, weights, dtype))
        counts = np.bincount(X.labels, weights, X.n_labels)
        visible = LabelledBernoulli.of_counts(binary, counts).map(lambda x: x.astype(dtype))
        return Start(Binary(dtype), visible, Bernoulli(self._hidden_biases(HIDDEN_BIAS, dtype)))

    def _gradient(self, rbm: RBM, base: Layer, rng: Generator) -> Gradient:
        joint = super()._gradient(rbm, base, rng)
        return LabelGradient(joint, float(self.generative_share), self._n_labels)

    def _keep(self, rbm: RBM, coordinates: Binary) -> None:
        self._rbm = rbm

    def _model(self) -> RBM:
        return self._rbm

    def _row_figure(self, n_flips: int) -> RowFigure[RBM]:
        n_labels = self._n_labels

        def of_label(rbm: RBM, v: Array, rng: Generator) -> Array:
            if arrays.has_nan(v):
                v = completed_unlabelled(rbm, v, n_labels, rng, _N_STEPS)
            return log_label_probability(rbm, v, n_labels)

        return of_label
