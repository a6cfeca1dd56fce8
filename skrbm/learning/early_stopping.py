"""Early stopping: scores of a validation set, and the parameters with the best score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skrbm import conditionals
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.learning.loop import RowFigure
from skrbm.learning.train_state import Record
from skrbm.model import RBM

_N_STEPS = 20  # length of the chains that complete rows before they are scored


@dataclass
class BestSoFar:
    """The best score, its parameters, and the number of epochs since it improved."""

    score: float = -np.inf
    parameters: list[Array] = field(default_factory=list)
    n_unchanged: int = 0


@dataclass
class EarlyStopping:
    """Scores a validation set after every epoch, and keeps the parameters with the best score.

    Every epoch is scored with the same draws for the same rows, without log Z, so scores of epochs
    can be compared. Free energies cannot be compared, since log Z changes.

    Parameters
    ----------
    validation, training : {array, CSR matrix}
        The validation set, and rows trained on; the same number of both is scored.
    n_iter_no_change : int
        Number of epochs without an improvement after which training stops.
    tol : float
        Minimum improvement, in nats per row.
    seed : int
        Seed of the choice of columns, and of draws of states from rows of means.
    score : callable
        Score of each row.
    best : BestSoFar
        Best parameters so far, from which it continues.
    """

    validation: Any
    training: Any
    n_iter_no_change: int
    tol: float
    seed: int
    score: RowFigure
    best: BestSoFar

    def see(self, rbm: RBM, record: Record) -> bool:
        """Add the scores of an epoch to its record; return whether training should stop."""
        score = self._mean(rbm, self.validation, self.score)
        gap = self._mean(rbm, self.validation, _free_energy)
        gap -= self._mean(rbm, self.training, _free_energy)
        record.update(validation_score=score, free_energy_gap=gap)
        best = self.best
        best.n_unchanged = 0 if score > best.score + self.tol else best.n_unchanged + 1
        if score > best.score:
            best.score = score
            best.parameters = [devices.to_host(arrays.copy(x)) for x in rbm.parameters]
        return self.over

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        return self.best.n_unchanged >= self.n_iter_no_change

    def restore(self, rbm: RBM) -> None:
        """Set the parameters to the best ones."""
        for now, best in zip(rbm.parameters, self.best.parameters, strict=False):
            now[...] = devices.with_device_of(best, now)

    def _mean(self, rbm: RBM, X: Any, figure: RowFigure) -> float:
        rng = random.generator(self.seed)
        blocks = gen_batches(min(X.shape[0], self.validation.shape[0]), BLOCK_ROWS)
        rows = (devices.like(arrays.to_dense(X[block]), rbm.reference) for block in blocks)
        return float(arrays.concat([figure(rbm, v, rng) for v in rows]).mean())


def drawn(rbm: RBM, v: Array, rng: Generator) -> Array:
    """States for rows of data, which may contain means or missing values."""
    if arrays.is_nan(v).any():
        v = conditionals.draw(rbm, rbm.visible, v, rng, _N_STEPS)
    return rbm.visible.from_data(v, random.uniform(v.shape, rng, v))


def _free_energy(rbm: RBM, v: Array, rng: Generator) -> Array:
    return rbm.free_energy(drawn(rbm, v, rng))
