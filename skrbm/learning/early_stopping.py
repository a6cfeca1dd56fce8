"""Early stopping: scores of a validation set, and the parameters with the best score."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from skrbm import conditionals
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.learning.loop import RowFigure
from skrbm.learning.train_state import Record
from skrbm.learning.watching import EVERY_EPOCH, Watch
from skrbm.model import RBM

_N_STEPS = 20  # length of the chains that complete rows before they are scored


@dataclass
class BestSoFar:
    """The best score, its parameters, and what has been scored since it improved.

    Parameters
    ----------
    score : float
        The best score.
    parameters : list of ndarray
        Parameters with this score.
    n_unchanged : int
        Number of epochs since the score improved.
    n_scored : int
        How often the validation set was scored in these epochs.
    n_epochs : int
        Number of epochs in all.
    latest : dict of str to float
        The latest figures.
    """

    score: float = -np.inf
    parameters: list[Array] = field(default_factory=list)
    n_unchanged: int = 0
    n_scored: int = 0
    n_epochs: int = 0
    latest: Record = field(default_factory=dict)


@dataclass
class EarlyStopping:
    """Scores a validation set after some epochs, and keeps the parameters with the best score.

    Every score uses the same draws for the same rows, without log Z, so scores of epochs can be
    compared. Free energies cannot be compared, since log Z changes.

    Parameters
    ----------
    validation, training : {array, CSR matrix}
        The validation set, and rows trained on; the same number of both is scored.
    n_iter_no_change : int
        Number of epochs without an improvement after which training stops, if two of them were
        scored.
    tol : float
        Minimum improvement, in nats per row.
    seed : int
        Seed of the choice of columns, and of draws of states from rows of means.
    score : callable
        Score of each row.
    best : BestSoFar
        Best parameters so far, from which it continues.
    watch : Watch
        Epochs after which the validation set is scored, and the largest number of its rows, which
        are equally spaced.
    """

    validation: Any
    training: Any
    n_iter_no_change: int
    tol: float
    seed: int
    score: RowFigure
    best: BestSoFar
    watch: Watch = EVERY_EPOCH

    def see(self, rbm: RBM, record: Record) -> bool:
        """Add the latest scores to the record of an epoch; return whether training should stop."""
        best = self.best
        best.n_unchanged += 1
        if self.watch.includes(best.n_epochs):
            self._compute(rbm)
        best.n_epochs += 1
        record.update(best.latest)
        return self.over

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        best, patience = self.best, self.n_iter_no_change
        return best.n_unchanged >= patience and best.n_scored >= min(2, patience)

    def _compute(self, rbm: RBM) -> None:
        """Compute the scores of an epoch, and keep its parameters if they are the best so far."""
        best, score = self.best, self._mean(rbm, self.validation, self.score)
        gap = self._mean(rbm, self.validation, _free_energy)
        gap -= self._mean(rbm, self.training, _free_energy)
        best.latest = {"validation_score": score, "free_energy_gap": gap}
        best.n_scored += 1
        if score > best.score + self.tol:
            best.n_unchanged = best.n_scored = 0
        if score > best.score:
            best.score = score
            best.parameters = [devices.to_host(arrays.copy(x)) for x in rbm.parameters]

    def restore(self, rbm: RBM) -> None:
        """Set the parameters to the best ones."""
        for now, best in zip(rbm.parameters, self.best.parameters, strict=False):
            now[...] = devices.with_device_of(best, now)

    def _mean(self, rbm: RBM, X: Any, figure: RowFigure) -> float:
        rng = random.generator(self.seed)
        n_rows = self.validation.shape[0]
        step = math.ceil(n_rows / min(n_rows, self.watch.n_rows or n_rows))
        ends = pairwise([*range(0, n := min(X.shape[0], n_rows), step * BLOCK_ROWS), n])
        blocks = (slice(*end, step) for end in ends)
        rows = (devices.like(arrays.to_dense(X[block]), rbm.reference) for block in blocks)
        return float(arrays.concat([figure(rbm, v, rng) for v in rows]).mean())


def drawn(rbm: RBM, v: Array, rng: Generator) -> Array:
    """States for rows of data, which may contain means or missing values."""
    if arrays.is_nan(v).any():
        v = conditionals.draw(rbm, rbm.visible, v, rng, _N_STEPS)
    return rbm.visible.from_data(v, random.uniform(v.shape, rng, v))


def _free_energy(rbm: RBM, v: Array, rng: Generator) -> Array:
    return rbm.free_energy(drawn(rbm, v, rng))
