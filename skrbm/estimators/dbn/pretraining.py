"""Models without labels from which fine-tuning starts: stacks and deep Boltzmann machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

from skrbm._kernels.devices import Array
from skrbm.estimators.common.fit_state import Hook
from skrbm.estimators.common.fitted import Fitted
from skrbm.estimators.dbn import boltzmann_machine, network
from skrbm.estimators.dbn.boltzmann_machine import DeepBoltzmannMachine
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.validation.rows import TrainingRows

DeepModel: TypeAlias = DeepBeliefNetwork | DeepBoltzmannMachine

DEEP_MODELS = DeepBeliefNetwork, DeepBoltzmannMachine
ALL_DEEP_MODELS = "a DeepBeliefNetwork or a DeepBoltzmannMachine"


class Pretraining(Protocol):
    """Functions of the module of a deep model."""

    seeded: Callable[[Any], list[Any]]
    check_stack: Callable[[Any], None]
    begin_stack: Callable[[Any, Any, Any], TrainingRows]
    resumed_rows: Callable[[Any, Any, Any], TrainingRows]
    finish_stack: Callable[[Any, Any, TrainingRows, Hook], None]
    epochs_of: Callable[[Any], int]
    rows_of_fitted: Callable[[Any, Any, Any], TrainingRows]
    lowest_of: Callable[[Any], Fitted]
    upward_layers: Callable[[Any], list[tuple[Array, Array]]]


def pretraining_of(model: DeepModel) -> Pretraining:
    """The functions for a deep model."""
    is_machine = isinstance(model, DeepBoltzmannMachine)
    return cast(Pretraining, boltzmann_machine if is_machine else network)
