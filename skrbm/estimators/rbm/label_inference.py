"""What a fitted RBM of data and labels answers: labels given data, and data given labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm import conditionals
from skrbm._kernels import arrays, random, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.estimators.common.device import RBMOnDevice
from skrbm.estimators.rbm.completing import (
    METHODS,
    Imputing,
    Teller,
    conditional_teller,
    has_missing,
)
from skrbm.labels import label_logits_given, unlabelled
from skrbm.learning.label_gradient import label_logits
from skrbm.model import RBM
from skrbm.validation.labels import check_labels, encode_labels
from skrbm.validation.parameters import check_count


class LabelInference(Imputing, RBMOnDevice):
    """The methods of an RBM with a label that read the fitted model and leave it alone.

    The estimator's `fit` sets the attributes below.
    """

    classes_: Array
    n_features_in_: int
    _rbm: RBM
    _likelihood_seed: int
    _methods = METHODS

    def predict(self, X: Any) -> Array:
        """The most probable label of every row of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, with missing_values="allow".

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """`P(y | x)` of every row x of X and every label y.

        Exactly: also where values are missing, of which there are at most ten in the row, or at
        most ten hidden units. Elsewhere it is then an average over block Gibbs chains, in which the
        known values stay as they are.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, with missing_values="allow".

        Returns
        -------
        P : ndarray of float64 of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return arrays.softmax(self._logits(X))

    def predict_log_proba(self, X: Any) -> Array:
        """`log P(y | x)` of every row x of X and every label y, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN where a value is missing, with missing_values="allow".

        Returns
        -------
        log_P : ndarray of float64 of shape (n_samples, n_classes)
        """
        logits = self._logits(X)
        return logits - arrays.row_log_sum_exp(logits)[:, None]

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        label: Any = None,
        n_steps: int = 1000,
        random_state: Any = None,
    ) -> tuple[Array, Array]:
        """Draw rows and their labels from the model: of all labels, or of one.

        Draws are exact where there are at most ten hidden units, and elsewhere the ends of block
        Gibbs chains, in which what is given stays as it is. A model that was learnt with a small
        `generative_share` knows little of what data look like.

        Parameters
        ----------
        n_samples : int, default=1
        given : array-like of shape (n_features,) or dict, default=None
            Values that all rows shall have: a row with NaN where it is free, or values by the
            name or the index of their column, zeros and ones.
        label : default=None
            One of `classes_`, which all rows shall have.
        n_steps : int, default=1000
            Length of the chains, which start at independent draws.
        random_state : int, RandomState instance or None, default=None
            By default the draws go on from those before.

        Returns
        -------
        v : ndarray of bool of shape (n_samples, n_features)
        y : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        n_samples = check_count("n_samples", n_samples)
        n_steps = check_count("n_steps", n_steps)
        rbm, base, place = self._placed_model(), self._placed_base(), self._place
        n_labels = len(self.classes_)
        row = np.full((1, self.n_features_in_ + n_labels), np.nan)
        if given is not None:
            row[:, :-n_labels] = self._check_given(given, self._rbm.visible)
        if label is not None:
            labels = check_labels(self, "label", [label])
            index = encode_labels("label", labels, self.classes_)
            row[:, -n_labels:] = np.arange(n_labels) == index
        rows = np.repeat(self._coordinates.to_model(row), n_samples, axis=0)

        def run(v: Array, rng: Generator) -> Array:
            return conditionals.draw(rbm, base, place(v), rng, n_steps)

        v = threads.by_rows(run, rows, self._rng(random_state))
        labels = self.classes_[v[:, -n_labels:].argmax(axis=1)]
        return self._coordinates.draws(v[:, :-n_labels]), labels

    def _teller(self, method: str, n_steps: int) -> Teller:
        n_labels = len(self.classes_)
        tell = conditional_teller(self._placed_model(), self._placed_base(), method, n_steps)
        return lambda x, rng: tell(unlabelled(x, n_labels), rng)[:, :-n_labels]

    def _logits(self, X: Any) -> Array:
        """`log p(x, y)` of every row and label, up to a constant of the row."""
        rows = self._check_visible(X, allow_nan=self._takes_missing)
        rbm, base, n_labels = self._placed_model(), self._placed_base(), len(self.classes_)
        if not has_missing(rows):
            return self._by_rows(lambda x: label_logits(rbm, x, n_labels), rows)

        def work(x: Array, rng: Generator) -> Array:
            return label_logits_given(rbm, base, x, n_labels, rng)

        return self._by_rows(work, rows, random.generator(self._likelihood_seed))
