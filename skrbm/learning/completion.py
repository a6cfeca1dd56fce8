"""Missing values in training: states of Gibbs chains, which move in an explicit step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skrbm._kernels.devices import Array, Generator, like, to_host
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.conditionals import Given, gibbs
from skrbm.data.scaling import Scaling
from skrbm.model import RBM

_STEPS_PER_VISIT, _STEPS_PER_FIT = 5, 500  # the most of a chain


def steps_of_epoch(epoch: int, n_iter: int) -> int:
    """Number of steps of a chain in an epoch, which is smaller in longer fits."""
    n_steps = min(_STEPS_PER_VISIT * n_iter, _STEPS_PER_FIT)
    return (epoch + 1) * n_steps // n_iter - epoch * n_steps // n_iter


@dataclass
class Completion:
    """One Gibbs chain per incomplete row, whose states replace the missing values.

    Parameters
    ----------
    rbm : RBM
        The model; its parameters may change between steps.
    chain : ndarray of int of shape (n_rows,)
        Index of the chain of each row, -1 for complete rows.
    states : ndarray of shape (n_chains, n_visible)
        Scaled columns, and units of deeper layers, which rows lack.
    scaling : Scaling
        Between scaled columns and visible units of the model.
    n_hidden_columns : int
        Number of columns at the end that the chains do not use. They are class labels: rows are
        completed as if their label were unknown.
    """

    rbm: RBM
    chain: Array
    states: Array
    scaling: Scaling
    n_hidden_columns: int = 0

    @classmethod
    def start(
        cls,
        rows: Any,
        rbm: RBM,
        states: Callable[[int], Array],
        scaling: Scaling,
        n_hidden_columns: int = 0,
    ) -> Completion:
        """Chains for the rows with NaN; `states` returns n initial states."""
        blocks = gen_batches(rows.shape[0], BLOCK_ROWS)
        incomplete = np.concatenate([np.isnan(to_host(rows[b])).any(axis=1) for b in blocks])
        chain = np.where(incomplete, incomplete.cumsum() - 1, -1)
        return cls(rbm, chain, states(int(incomplete.sum())), scaling, n_hidden_columns)

    def part(self, rows: Array | slice) -> Completion:
        """The chains of some rows, with shared states."""
        return replace(self, chain=self.chain[rows])

    def fill(
        self,
        x: Array,
        index: Array | slice,
        rng: Generator,
        n_steps: int = _STEPS_PER_VISIT,
    ) -> Array:
        """Move the chains of some rows of scaled columns x, and return complete visible states."""
        self.move(x, index, rng, n_steps)
        return self.filled(x, index)

    def move(
        self,
        x: Array,
        index: Array | slice,
        rng: Generator,
        n_steps: int = _STEPS_PER_VISIT,
    ) -> None:
        """Move the chains of some rows, given the known values of rows x."""
        if n_steps == 0:
            return
        x = to_host(x).astype(self.states.dtype, copy=False)
        chains = self.chain[index]
        incomplete = chains >= 0
        if not incomplete.any():
            return
        chains, seen = chains[incomplete], x[incomplete]
        seen[:, seen.shape[1] - self.n_hidden_columns :] = np.nan
        lacking = np.full((len(seen), self.states.shape[1] - seen.shape[1]), np.nan, seen.dtype)
        seen = np.hstack([seen, lacking])
        seen, states = (like(v, self.rbm.reference) for v in (seen, self.states[chains]))
        rbm = self.scaling.by_columns(self.rbm)
        states = gibbs(Given.rows(rbm, seen), states, rng, n_steps)
        self.states[chains] = to_host(states)

    def filled(self, x: Array, index: Array | slice) -> Array:
        """Visible states for rows x with the present states of their chains."""
        x, chains = to_host(x).astype(self.states.dtype, copy=False), self.chain[index]
        incomplete = chains >= 0
        if not incomplete.any():
            return self.scaling.mix(x)
        x, known = x.copy(), x[incomplete]
        states = self.states[chains[incomplete], : x.shape[1]]
        x[incomplete] = np.where(np.isnan(known), states, known)
        return self.scaling.mix(x)
