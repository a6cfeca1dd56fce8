"""Scores of rows by models that were not fitted to them, on the scale of a model of all rows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, check_cv

from skrbm._kernels.devices import Array
from skrbm._kernels.threads import in_threads
from skrbm.data.coding import CodedRows
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm.base import check_within, fit_rows
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.validation.parameters import require
from skrbm.validation.rows import Checked, TrainingRows

_N_FOLDS = 5

_TINY = 1e-12  # relative rounding of sums of weights

Fold = tuple[Array, Array]  # indices of rows to train on and of rows to score


class Scores(NamedTuple):
    """Scores of rows, and the weights of these rows."""

    values: Array
    weights: Array

    def quantile(self, share: float) -> float:
        """The score below which this share of the weight lies, or halfway to the next score."""
        order = np.argsort(self.values, kind="stable")
        upto = self.weights[order].cumsum()
        target = share * upto[-1]
        start = np.searchsorted(upto, target * (1 - _TINY))
        end = np.searchsorted(upto, target * (1 + _TINY), side="right")
        return float(self.values[order][[start, min(end, len(order) - 1)]].mean())


def check_folds(name: str, cv: Any) -> None:
    """Refuse a value that is no number of folds, splitter or iterable of splits."""
    is_count = isinstance(cv, int | np.integer) and not isinstance(cv, bool) and cv >= 2
    is_name = isinstance(cv, str) and cv == "auto"
    splits = not isinstance(cv, str) and (hasattr(cv, "split") or hasattr(cv, "__iter__"))
    allowed = "'auto', an integer >= 2, a cross-validation splitter or an iterable of splits"
    require(is_count or is_name or splits, name, cv, allowed)


def folds_of(cv: Any, rows: TrainingRows, n_given: int, n_enough: int, seed: int) -> list[Fold]:
    """Indices of rows with weight to train on and to score, for every fold.

    Parameters
    ----------
    cv : "auto", int, cross-validation splitter or iterable
        For "auto", five folds, and only as many of them as score `n_enough` rows.
    rows : TrainingRows
    n_given : int
        Number of rows before those without weight were dropped; a splitter splits all of them.
    n_enough : int
    seed : int
        Seed of the choice of rows of "auto" or a number of folds.
    """
    n_rows = len(rows.weights)
    if isinstance(cv, str | int | np.integer):
        n_folds = min(_N_FOLDS if isinstance(cv, str) else int(cv), n_rows)
        if n_folds == 1:
            return []
        n_used = min(n_folds, math.ceil(n_enough * n_folds / n_rows))
        folds = list(KFold(n_folds, shuffle=True, random_state=seed % 2**32).split(rows.weights))
        return folds[: n_used if isinstance(cv, str) else n_folds]
    place = np.full(n_given, -1)
    place[rows.used] = np.arange(n_rows)
    try:
        sides = [
            [place[_indices(side)] for side in (train, test)]
            for train, test in check_cv(cv).split(np.empty((n_given, 1)))
        ]
    except (TypeError, ValueError, IndexError) as error:
        msg = f"cv must yield pairs of arrays of indices of {n_given} rows, but: {error}"
        raise ValueError(msg) from error
    folds = [(train[train >= 0], test[test >= 0]) for train, test in sides]
    if not folds or any(len(side) == 0 for fold in folds for side in fold):
        raise ValueError("cv must yield splits with rows of positive weight on both sides.")
    return folds


def _indices(side: Any) -> Array:
    """An array of indices, or a mask; an empty list is an array of no indices."""
    return np.asarray(side) if len(side) > 0 else np.empty(0, int)


def scores_of(rbm: DensityRBM, rows: TrainingRows) -> Array:
    """`-F(v)` of rows."""
    fitted, values = fitted_of(rbm), rows.values
    has_missing = rows.summary.bounds.has_missing
    if fitted.coding is not None and fitted.coding is not values.coding:
        values = fitted.coding.rows(values.table, fitted.dtype)
        has_missing = values.has_missing
    return -fitted.free_energy(Checked(values, has_missing))


def _with_own_codes(model: DensityRBM, rows: TrainingRows) -> TrainingRows:
    """The rows; the rows of a table get codes that do not depend on other rows."""
    if not isinstance(rows.values, CodedRows):
        return rows
    kinds = rows.values.coding.table.column_types
    model.set_params(column_types=kinds, handle_unknown="missing")
    return check_within(model, rows.values.table, rows.weights)


def cross_fitted(
    rbm: DensityRBM,
    rows: TrainingRows,
    scores: Array,
    core: Array,
    folds: list[Fold],
    cores: list[Array],
    seeds: list[int],
) -> list[Array]:
    """Scores of the held-out rows of every fold, on the scale of the RBM of all rows.

    Scores of two models differ by their log Z. The model of fewer rows also fits worse, most of all
    far from its rows, and a threshold lies there. The median difference over rows that neither
    model has learned estimates both. If there are no such rows, the median is over all training
    rows.

    Parameters
    ----------
    rbm : DensityRBM
        The fitted model.
    rows : TrainingRows
        The rows from which it was fitted.
    scores : ndarray of shape (n_rows,)
        Their scores by this model.
    core : ndarray of bool of shape (n_rows,)
        Mask of the rows that it was fitted to.
    folds : list of Fold
    cores : list of ndarray of bool
        For every fold, which of its rows for training a model learns.
    seeds : list of int
        One seed per fold.
    """

    def work(fold: Fold, learnt: Array, seed: int) -> Array:
        train, test = (rows.part(side) for side in fold)
        model = clone(rbm).set_params(random_state=seed % 2**32, callbacks=None, verbose=0)
        train = _with_own_codes(model, train)
        fit_rows(model, train.where(learnt))
        new = ~(learnt | core[fold[0]])
        new |= not new.any()
        difference = scores[fold[0]] - scores_of(model, train)
        shift = Scores(difference[new], train.weights[new]).quantile(0.5)
        return scores_of(model, test) + shift

    return in_threads(work, folds, cores, seeds)
