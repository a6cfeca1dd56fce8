"""Warnings of a training or an estimate that cannot be trusted, with remedies."""

from __future__ import annotations

from sklearn.exceptions import ConvergenceWarning

from skrbm._kernels import random
from skrbm.learning.train_state import TrainState
from skrbm.learning.trajectory import Trajectory
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.validation.rows import warn_caller


def warn_of_memorised_rows(n_rows: int) -> None:
    """Warn that the model has memorised its rows."""
    warn_caller(
        f"The model has memorised its rows: on average, one of its {n_rows} rows is more "
        f"probable than {n_rows} rows of the validation set. Use a larger alpha, or fewer "
        "n_components.",
        ConvergenceWarning,
    )


def warn_of_saturation(state: TrainState, rate: float) -> None:
    """Warn if most hidden units do not change from row to row."""
    saturated = state.model.hidden.saturated(state.hidden_offset)
    n_saturated = int(saturated.sum())
    if n_saturated > len(saturated) / 2:
        warn_caller(
            f"{n_saturated} of {len(saturated)} hidden units are on or off in nearly all rows: "
            f"use a smaller learning_rate than {rate:g}, or fewer n_components.",
            ConvergenceWarning,
        )


def warn_of_trajectory(trajectory: Trajectory | None, rbm: RBM, seed: int) -> None:
    """Warn if the trajectory of a finished fit of a model, if any, cannot be trusted."""
    if trajectory is None:
        return
    trajectory.check_progress()
    trajectory.check_modes(rbm, random.generator(seed))
    if trajectory.doubts:
        warn_caller(
            f"The trajectory cannot be trusted: {'; '.join(trajectory.doubts.values())}. "
            "Train for more epochs, or with a smaller learning_rate.",
            ConvergenceWarning,
        )


def warn_of_log_partition(log_z: LogPartition) -> None:
    """Warn if an estimate of log Z is doubtful."""
    if log_z.doubt:
        warn_caller(
            f"log Z == {log_z.value:.2f} cannot be trusted: {log_z.doubt}. Call "
            "log_partition with more n_temperatures or n_chains, or method='bracket'.",
            ConvergenceWarning,
        )
