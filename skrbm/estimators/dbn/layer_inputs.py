"""Training data of the layers of a stack: hidden units inferred by the layers below."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sklearn
from sklearn.utils import gen_batches

from skrbm._kernels import threads
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.data.sources import part
from skrbm.data.summary import Summary, merge, summarize
from skrbm.data.views import MappedRows
from skrbm.deep.belief_net import BeliefNet
from skrbm.estimators.common.fitted import Fitted, fitted_of
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.settings import Below
from skrbm.learning.completion import Completion
from skrbm.samplers import sample_independent
from skrbm.validation.rows import Checked, TrainingRows


@dataclass
class LayerInputs:
    """Rows of data, and the hidden units that layers of a stack infer from them.

    If values are missing, each row has a Gibbs chain of the lowest RBM, whose states complete it.
    The layers above then learn from hidden states given the known values, each inferred from one
    completion.

    Parameters
    ----------
    rows : TrainingRows
    rng : Generator
        Generator that starts the chains, and moves them when rows are summarized.
    completions : ndarray, optional
        States from which the chains continue.
    """

    rows: TrainingRows
    rng: Generator
    completions: Array | None = None
    _completion: Completion | None = field(default=None, init=False)

    def of(
        self, below: list[DensityRBM], index: Any = slice(None), *, resumed: bool = False
    ) -> tuple[TrainingRows, Below | None]:
        """Rows to train the next layer on; if values are missing also the layers below it.

        Chains for missing values make a step for the summary, unless a training is resumed.
        """
        rows = self.rows if isinstance(index, slice) else self.rows.part(index)
        if not below:
            return rows, None
        fitted, net = [fitted_of(rbm) for rbm in below], _placed_net(below)
        lowest = fitted[0]
        dtype, place = fitted[-1].dtype, lowest.device.place

        def infer(v: Any) -> Array:
            return to_host(net.means(place(v))[-1])

        completion = self.completion(lowest)
        if completion is not None:
            chosen = Below(completion.part(index), infer)
            view = lowest.scaling.view_columns(rows.values)
            summary = self._summary(view, rows, chosen, resumed=resumed)
            return TrainingRows(view, rows.weights, summary), chosen
        n_columns, to_model = net.top.hidden.n_columns, lowest.scaling.to_model
        inferred = _held(MappedRows(rows.values, lambda x: infer(to_model(x)), n_columns, dtype))
        summary = summarize(inferred, rows.weights, dtype, with_moments=False)
        return TrainingRows(inferred, rows.weights, summary), None

    def means(self, below: list[DensityRBM], index: Any) -> Any:
        """Means that layers infer from some rows, averaged over missing values."""
        values, has_missing = part(self.rows.values, index), self.rows.summary.bounds.has_missing
        if not below:
            return values
        lowest, net = fitted_of(below[0]), _placed_net(below)

        def infer(x: Any) -> Array:
            first = lowest.device.place(lowest.features(Checked(x, has_missing)))
            return to_host(net.means_above(first)[-1])

        dtype = fitted_of(below[-1]).dtype
        return _held(MappedRows(values, infer, net.top.hidden.n_columns, dtype))

    def completion(self, lowest: Fitted) -> Completion | None:
        """One chain for each row with missing values, or None if no values are missing."""
        if not self.rows.summary.bounds.has_missing:
            return None
        if self._completion is None:
            scaling, rbm = lowest.scaling, lowest.device.place_model(lowest.rbm)
            rows, states = scaling.view_columns(self.rows.values), partial(self._states, lowest)
            self._completion = Completion.start(rows, rbm, states, scaling)
            self.completions = self._completion.states
        return self._completion

    def _states(self, lowest: Fitted, n_chains: int) -> Array:
        if self.completions is None:
            base = lowest.scaling.layer_by_columns(lowest.top.base)
            return sample_independent(base, n_chains, self.rng)
        return self.completions

    def _summary(self, view: Any, rows: TrainingRows, below: Below, *, resumed: bool) -> Summary:
        """The summary of hidden units inferred from completed rows."""
        dtype, parts, completion = rows.summary.dtype, [], below.completion
        for block in gen_batches(len(rows.weights), BLOCK_ROWS):
            if not resumed:
                completion.move(view[block], block, self.rng)
            x = below.infer(completion.filled(view[block], block))
            parts.append(summarize(x, rows.weights[block], dtype, with_moments=False))
        return merge(parts)


def _placed_net(rbms: list[DensityRBM]) -> BeliefNet:
    """The layers as a net on their device."""
    return BeliefNet.stack([fitted_of(rbm).placed_net.top for rbm in rbms])


def _held(rows: MappedRows) -> Any:
    """The rows as an array if it fits into scikit-learn's working memory."""
    n_bytes = math.prod(rows.shape) * rows.dtype.itemsize
    if n_bytes > sklearn.get_config()["working_memory"] * 2**20:
        return rows
    return threads.by_rows(rows.function, rows.X)
