"""Early stopping: scores of a validation set, and the parameters to keep.

While the step size is large, the noise of the updates hides the progress of a model: scores fall
at first, and rise only as the step size decays. So the step size decays to zero several times, each
time after more epochs, and only the ends of these decays are compared. The score of a few rows is
noisy, so the longer training is trusted unless its score is lower by more than its error.
"""

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
from skrbm.data.scaling import Scaling
from skrbm.learning.loop import RowFigure
from skrbm.learning.train_state import Record
from skrbm.learning.watching import EVERY_EPOCH, Watch
from skrbm.model import RBM

_N_STEPS = 20  # length of the chains that complete rows before they are scored

# The last decay has the best start, so it can be shorter than all before it.
_ENDS = (1 / 8, 1 / 4, 1 / 2, 7 / 8)
# A shorter decay ends in a poor optimum that longer ones do not leave.
_FEWEST_UPDATES, _FEWEST_EPOCHS = 500, 10
_ERRORS_LOWER = 1.5  # standard errors by which a later score has to be lower
_ERRORS_OF_GAP = 3.0  # standard errors by which the free-energy gap has to be too large


def ends_of_decays(n_iter: int, n_batches: int) -> tuple[int, ...]:
    """The epochs after which the step size has decayed to zero, in a fit of at most n_iter epochs.

    There is only one decay, over all epochs, if several would be too short.
    """
    fewest = max(_FEWEST_EPOCHS, math.ceil(_FEWEST_UPDATES / n_batches))
    ends = tuple(end for part in _ENDS if (end := round(part * n_iter)) >= fewest)
    return ends if len(ends) > 1 else (n_iter,)


@dataclass
class BestSoFar:
    """The parameters to keep, and the best scores at the end of a decay.

    Parameters
    ----------
    score : float
        The score of the parameters to keep.
    parameters : list of ndarray
        The parameters at the end of the latest decay that was not worse.
    excess : float
        Their free-energy gap above the limit for memorised rows, in nats.
    scores : ndarray of shape (n_rows,), optional
        The best scores of the rows; None before the end of a decay.
    n_worse : int
        Number of decays since then, all worse.
    n_epochs : int
        Number of epochs in all.
    latest : dict of str to float
        The latest figures.
    """

    score: float = -np.inf
    parameters: list[Array] = field(default_factory=list)
    excess: float = -np.inf
    scores: Array | None = None
    n_worse: int = 0
    n_epochs: int = 0
    latest: Record = field(default_factory=dict)


@dataclass
class EarlyStopping:
    """Scores a validation set, and keeps the parameters of the last decay that was not worse.

    Every score uses the same draws for the same rows, without log Z, so scores of epochs can be
    compared. Free energies cannot be compared, since log Z changes.

    Parameters
    ----------
    validation, training : {array, CSR matrix}
        The validation set, and rows trained on, as scaled columns; the same number of both is
        scored.
    scaling : Scaling
        Between scaled columns and visible units.
    n_iter_no_change : int
        Number of worse decays in a row after which training stops.
    tol : float
        Differences up to this one do not count, in nats per row.
    seed : int
        Seed of the choice of columns, and of draws of states from rows of means.
    score : callable
        Score of each row.
    best : BestSoFar
        Best parameters so far, from which it continues.
    ends : tuple of int
        Epochs after which a decay ends.
    watch : Watch
        Other epochs after which the validation set is scored, and the largest number of its rows,
        which are equally spaced.
    """

    validation: Any
    training: Any
    scaling: Scaling
    n_iter_no_change: int
    tol: float
    seed: int
    score: RowFigure
    best: BestSoFar
    ends: tuple[int, ...]
    watch: Watch = EVERY_EPOCH

    def see(self, rbm: RBM, record: Record) -> bool:
        """Add the latest scores to the record of an epoch; return whether training should stop."""
        best = self.best
        best.n_epochs += 1
        if best.n_epochs in self.ends:
            self._compare(rbm)
        elif self.watch.includes(best.n_epochs - 1):
            self._compute(rbm)
        record.update(best.latest)
        return self.over

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        return self.best.n_worse >= self.n_iter_no_change

    def finish(self, rbm: RBM) -> None:
        """Restore the parameters to keep; before the end of a decay, the present ones."""
        if self.best.scores is None:
            self._compare(rbm)
        for now, best in zip(rbm.parameters, self.best.parameters, strict=True):
            now[...] = devices.with_device_of(best, now)

    @property
    def learned_by_heart(self) -> bool:
        """Whether one training row is more probable than as many validation rows as there are.

        The free-energy gap is the mean difference of log-likelihoods, for any log Z. It is
        compared with the logarithm of the number of training rows, and has to be larger by more
        than its error.
        """
        return self.best.excess > 0

    def _compare(self, rbm: RBM) -> None:
        """Compute the scores at the end of a decay; keep its parameters if they are not worse."""
        best = self.best
        scores, excess = self._compute(rbm)
        gain = scores - (scores if best.scores is None else best.scores)
        if gain.mean() < -max(self.tol, _ERRORS_LOWER * _error(gain)):
            best.n_worse += 1
            return
        best.n_worse, best.score, best.excess = 0, float(scores.mean()), excess
        best.parameters = [devices.to_host(arrays.copy(x)) for x in rbm.parameters]
        if best.scores is None or gain.mean() > 0:
            best.scores = scores

    def _compute(self, rbm: RBM) -> tuple[Array, float]:
        """Compute the latest figures; return scores of rows, and the excess of the gap."""
        scores = self._of_rows(rbm, self.validation, self.score)
        new, known = (self._of_rows(rbm, X, _free_energy) for X in (self.validation, self.training))
        gap = float(new.mean() - known.mean())
        self.best.latest = {"validation_score": float(scores.mean()), "free_energy_gap": gap}
        doubt = _ERRORS_OF_GAP * math.hypot(_error(new), _error(known))
        return scores, gap - doubt - math.log(self.training.shape[0])

    def _of_rows(self, rbm: RBM, X: Any, figure: RowFigure) -> Array:
        rng = random.generator(self.seed)
        n_rows = self.validation.shape[0]
        step = math.ceil(n_rows / min(n_rows, self.watch.n_rows or n_rows))
        ends = pairwise([*range(0, n := min(X.shape[0], n_rows), step * BLOCK_ROWS), n])
        blocks = (slice(*end, step) for end in ends)
        rows = (devices.like(arrays.to_dense(X[block]), rbm.reference) for block in blocks)
        values = arrays.concat([figure(rbm, self._states(rbm, x, rng), rng) for x in rows])
        return devices.to_host(values).astype(np.float64)

    def _states(self, rbm: RBM, x: Array, rng: Generator) -> Array:
        """Visible units of scaled columns; missing values are drawn if their columns are mixed."""
        of_columns = self.scaling.by_columns(rbm)
        if of_columns is not rbm and arrays.is_nan(x).any():
            x = conditionals.draw(of_columns, of_columns.visible, x, rng, _N_STEPS)
        return self.scaling.mix(x)


def _error(values: Array) -> float:
    """The standard error of a mean, which cannot be estimated from one value."""
    return math.inf if len(values) < 2 else float(values.std(ddof=1)) / math.sqrt(len(values))


def drawn(rbm: RBM, v: Array, rng: Generator) -> Array:
    """States for rows of data, which may contain means or missing values."""
    if arrays.is_nan(v).any():
        v = conditionals.draw(rbm, rbm.visible, v, rng, _N_STEPS)
    return rbm.visible.from_data(v, random.uniform(v.shape, rng, v))


def _free_energy(rbm: RBM, v: Array, rng: Generator) -> Array:
    return rbm.free_energy(drawn(rbm, v, rng))
