"""Training a stack: where it is, and what its layers see: rows, and what those below infer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn

from skrbm._kernels import devices, threads
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import CompletedRows, MappedRows
from skrbm.data.sources import part
from skrbm.deep.belief_net import BeliefNet, drawn_with
from skrbm.estimators.rbm.completing import has_missing
from skrbm.estimators.rbm.fitting import RBMEstimator


@dataclass
class UnfinishedStack:
    """What a fit needs to go on from between two sweeps.

    Parameters
    ----------
    rbms : list of RBMEstimator
        All layers.
    rng : Generator
        What draws activations.
    n_rows : int
    fine_tune_iter : int
        Sweeps of up-down in all.
    n_done : int
        Layers that are trained.
    is_stacked : bool
        Whether they are the estimator's, and up-down has begun.
    fills : ndarray, optional
        States of the chains for what is missing.
    """

    rbms: list[RBMEstimator]
    rng: Generator
    n_rows: int
    fine_tune_iter: int
    n_done: int = 0
    is_stacked: bool = False
    fills: Array | None = None


@dataclass
class Activations:
    """Rows of data, and what layers of a stack infer for them.

    Where values are missing, they are states of Gibbs chains of the RBM of the lowest layer, which
    move on whenever a row is taken. So the layers above learn from hidden states given what is
    known, and each such state belongs to one completion.

    Parameters
    ----------
    X : {array, CSR matrix}
    drawn : bool
        Whether the layers below are drawn, or their means taken.
    rng : Generator
    fills : ndarray, optional
        States of the chains, to go on from.
    """

    X: Any
    drawn: bool
    rng: Generator
    fills: Array | None = None

    def of(self, below: list[RBMEstimator], rows: Any = slice(None)) -> Any:
        """What layers infer for some rows: an array, or computed anew whenever it is taken."""
        if not below:
            return part(self.X, rows)
        net, place = _placed(below), below[0]._place
        n_columns, dtype = net.top.hidden.n_units, below[-1]._model().reference.dtype
        draws = self.drawn and len(below) > 1

        def infer(v: Any) -> Array:
            if not draws:
                return devices.to_host(net.means(place(v))[-1])
            x = net.up(place(v), drawn_with(self.rng))[-1]
            return devices.to_host(net.top.hidden_from_visible(x))

        completed = self.completed(below[0])
        if completed is not None:
            index = np.arange(self.X.shape[0])[rows]
            return MappedRows(index, lambda rows: infer(completed[rows]), n_columns, dtype)
        to_model = below[0]._coordinates.to_model
        inferred = MappedRows(part(self.X, rows), lambda x: infer(to_model(x)), n_columns, dtype)
        return inferred if draws else _held(inferred)

    def means(self, below: list[RBMEstimator], rows: Any) -> Any:
        """What the means of layers are for some rows, the same whenever they are taken."""
        if not below:
            return part(self.X, rows)
        lowest, net, dtype = below[0], _placed(below), below[-1]._model().reference.dtype

        def infer(x: Any) -> Array:
            first = lowest._place(lowest._hidden_means(x))
            return devices.to_host(net.means_above(first)[-1])

        return _held(MappedRows(part(self.X, rows), infer, net.top.hidden.n_units, dtype))

    def visible(self, lowest: RBMEstimator) -> Any:
        """The rows in the coordinates of the lowest layer, completed where values are missing."""
        completed = self.completed(lowest)
        return lowest._coordinates.view(self.X) if completed is None else completed

    def completed(self, lowest: RBMEstimator) -> CompletedRows | None:
        """The rows with a chain for each in which values are missing, if there are any."""
        if not lowest._takes_missing or not has_missing(self.X):
            return None
        view, rbm = lowest._coordinates.view(self.X), lowest._placed_model()
        completed = CompletedRows(view, rbm, lowest._base, self.rng, self.fills)
        self.fills = completed.states
        return completed


def _placed(rbms: list[RBMEstimator]) -> BeliefNet:
    """The layers as a net, where they compute."""
    return BeliefNet.stack([rbm._placed_model() for rbm in rbms])


def _held(rows: MappedRows) -> Any:
    """The rows as an array, where that fits into scikit-learn's working memory."""
    n_bytes = math.prod(rows.shape) * rows.dtype.itemsize
    if n_bytes > sklearn.get_config()["working_memory"] * 2**20:
        return rows
    return threads.by_rows(rows.function, rows.X)
