"""Early stopping: a score of rows kept apart, and the parameters that had the best one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skrbm import conditionals
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.threads import BLOCK_ROWS
from skrbm.learning.loop import Record, RowFigure, dense_rows
from skrbm.model import RBM

_N_STEPS = 20  # of chains for what is missing in rows that are scored


@dataclass
class Seen:
    """What a watch has seen: the best score, its parameters, and sweeps without a better one."""

    best_score: float = -np.inf
    best: list[Array] = field(default_factory=list)
    n_unchanged: int = 0


@dataclass
class EarlyStopping:
    """Watches a score of validation rows, and keeps the parameters that had the best one.

    The score of every sweep is from the same draws of the same rows and needs no log Z, so that
    sweeps can be compared. The free energy itself cannot: log Z changes beneath it.

    Parameters
    ----------
    validation, training : {array, CSR matrix}
        Rows kept apart, and rows trained on, of which as many are looked at.
    n_iter_no_change : int
        Sweeps without an improvement after which training stops.
    tol : float
        The least improvement, in nats a row.
    seed : int
        Draws the columns, and states from rows that hold means.
    score : RowFigure
    seen : Seen, optional
        To go on from.
    """

    validation: Any
    training: Any
    n_iter_no_change: int
    tol: float
    seed: int
    score: RowFigure[RBM]
    seen: Seen = field(default_factory=Seen)

    def see(self, rbm: RBM, record: Record) -> bool:
        """Add the figures of a sweep to its record, and return whether training should stop."""
        score = self._mean(rbm, self.validation, self.score)
        gap = self._mean(rbm, self.validation, _free_energy)
        gap -= self._mean(rbm, self.training, _free_energy)
        record.update(validation_score=score, free_energy_gap=gap)
        seen = self.seen
        seen.n_unchanged += 1
        if score > seen.best_score + self.tol:
            seen.n_unchanged = 0
        if score > seen.best_score:
            seen.best_score = score
            seen.best = [devices.to_host(arrays.copy(x)) for x in rbm.parameters]
        return self.over

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        return self.seen.n_unchanged >= self.n_iter_no_change

    def restore(self, rbm: RBM) -> None:
        """Set the parameters to the best that were seen."""
        for now, best in zip(rbm.parameters, self.seen.best, strict=False):
            now[...] = devices.with_device_of(best, now)

    def _mean(self, rbm: RBM, X: Any, figure: RowFigure[RBM]) -> float:
        rng = random.generator(self.seed)
        blocks = gen_batches(min(X.shape[0], self.validation.shape[0]), BLOCK_ROWS)
        rows = (dense_rows(X, block, rbm.reference) for block in blocks)
        return float(arrays.concat([*(figure(rbm, v, rng) for v in rows)]).mean())


def drawn(rbm: RBM, v: Array, rng: Generator) -> Array:
    """States for values of data, which may be means or missing."""
    if arrays.is_nan(v).any():
        v = conditionals.draw(rbm, rbm.visible, v, rng, _N_STEPS)
    return rbm.visible.from_data(v, random.uniform(v.shape, rng, v))


def _free_energy(rbm: RBM, v: Array, rng: Generator) -> Array:
    return rbm.free_energy(drawn(rbm, v, rng))
