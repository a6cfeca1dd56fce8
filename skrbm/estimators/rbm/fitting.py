"""Fitting: what the RBM estimators have in common, from the door to the training."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils import Tags

from skrbm import likelihood
from skrbm._kernels.devices import Array, Generator
from skrbm.estimators.rbm.completing import Completing
from skrbm.estimators.rbm.trained import TrainedRBM
from skrbm.learning.early_stopping import drawn
from skrbm.learning.loop import RowFigure
from skrbm.model import RBM
from skrbm.validation.estimators import check_same_rows, check_unfinished
from skrbm.validation.parameters import check_choice
from skrbm.validation.rows import check_columns, check_seen, check_weighted


class RBMEstimator(Completing, TrainedRBM):
    """An RBM of rows of data, which learns their likelihood.

    A subclass has the parameter `missing_values`.
    """

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("missing_values", self.missing_values, ("refuse", "allow"))

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model, from a fresh start, by `n_iter` sweeps over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            For binary visible units data in [0, 1]; values outside draw a warning, and count as 0
            or 1. For Gaussian ones real numbers, not sparse. With missing_values="allow" NaN in
            an array is a value that is missing.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two is the row given twice.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If a parameter or the data are not as described; the estimator is then unchanged.

        Notes
        -----
        The data are not copied or converted as a whole, whatever their type. An array of more than
        64 MiB whose memory is that of a mapped file, as of `numpy.memmap` or
        `numpy.load(mmap_mode="r")`, stays there: a sweep reads its blocks of 128 KiB in random
        order, and shuffles the rows of as many as make 64 MiB. Every row comes once a sweep. In
        memory are, beside that, indices and weights, up to 60 bytes a row, and with missing values
        the states of incomplete rows.
        """
        first = self._starts_anew()
        X, weights = self._check_fit(X, sample_weight, first=first, split=self.early_stopping)
        seed = self._validation_seed()
        rows, of_rows, held_out = self._split(X, weights, seed)
        if first:
            self._start(rows, of_rows)
        return self._fit(rows, of_rows, held_out, seed, rising=first)

    def resume(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on with a `fit` that was interrupted, to the same end as without the interruption.

        `Checkpoint.load` returns such an estimator. After a KeyboardInterrupt the sweep that it cut
        short is made again.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data of that `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of that `fit`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data cannot be the same.
        """
        check_unfinished(self)
        X, weights = self._check_fit(X, sample_weight, first=False, split=self.early_stopping)
        rows, of_rows, held_out = self._split(X, weights, self._unfinished.seed)
        check_same_rows("X", len(of_rows), self._unfinished.n_rows)
        return self._finish(rows, of_rows, held_out)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on training by one sweep over the rows in their order, or start with it.

        The rows of a call make mini-batches of equal size, of at most `batch_size` rows. The step
        size stays at `learning_rate`, since the end of the stream is not known. Chains, moving
        averages and the random generator go on from call to call: calls with as many rows as one
        mini-batch, or a multiple of it, are the same as one call with all their rows. The visible
        units start from the rows of the first call: binary ones with their biases, Gaussian ones
        with their location and scale, which stay the coordinates of the training. So a first call
        should have rows enough to tell them.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
        """
        first = not self._is_started()
        X, weights = self._check_fit(X, sample_weight, first=first)
        if first:
            self._start(X, weights)
        return self._go_on(X, weights)

    def _check_fit(
        self, X: Any, sample_weight: Any, *, first: bool, split: bool = False
    ) -> tuple[Any, Array]:
        """Rows and weights that training can take; refused are those it cannot, and parameters."""
        self._check_continued(first=first)
        rows, weights = check_weighted(
            self, X, sample_weight, self._domain, allow_nan=self._takes_missing
        )
        if first and self._takes_missing:
            check_seen("X", rows)
        self._check_dtype(rows.dtype)
        self._check_sizes(*rows.shape, split=split)
        check_columns(self, X, reset=first)
        return rows, weights

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _row_figure(self, n_flips: int) -> RowFigure[RBM]:
        log_volume = self._coordinates.log_volume

        def pseudo_log_likelihood(rbm: RBM, v: Array, rng: Generator) -> Array:
            n = min(n_flips, rbm.visible.n_units)
            v = drawn(rbm, v, rng)
            return likelihood.pseudo_log_likelihood(rbm, v, n, rng) - log_volume

        return pseudo_log_likelihood
