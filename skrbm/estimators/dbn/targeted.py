"""Rows with a target, and the position of a fine-tuning to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from skrbm._kernels.devices import Array, Generator
from skrbm.data.targets import TargetScale
from skrbm.estimators.dbn.deep_models import DeepModel
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.validation.rows import TrainingRows


class Targeted(NamedTuple):
    """Rows with a target, targets for the perceptron and their scale, and weights if given."""

    rows: TrainingRows
    y: Array
    weights: Array | None
    scale: TargetScale | None

    def part(self, rows: Array) -> Targeted:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Targeted(self.rows.part(rows), self.y[rows], weights, self.scale)


@dataclass
class TuningFit:
    """Position of a fit between two epochs.

    Parameters
    ----------
    dbn : DeepBeliefNetwork or DeepBoltzmannMachine
    tuning : Tuning
    rng : Generator
        Generator for the inputs.
    seed : int
        Seed of the choice of held-out rows.
    n_rows : int
    n_before : int or None
        Number of epochs of the stack; None until it is trained, 0 for a given fitted stack.
    completions : ndarray, optional
        States of the chains for missing values.
    """

    dbn: DeepModel
    tuning: Tuning
    rng: Generator
    seed: int
    n_rows: int
    n_before: int | None
    completions: Array | None = None


class Tuned(NamedTuple):
    """A trained stack, the perceptron that it initialised, and the scale of the targets.

    `rng` and `n_before` come from the fit that `partial_fit` continues.
    """

    dbn: DeepModel
    tuning: Tuning
    scale: TargetScale | None
    rng: Generator
    n_before: int
