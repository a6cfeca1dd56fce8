"""Models without labels from which fine-tuning starts: stacks and deep Boltzmann machines."""

from __future__ import annotations

from typing import TypeAlias

from skrbm.estimators.dbn.boltzmann_machine import DeepBoltzmannMachine
from skrbm.estimators.dbn.network import DeepBeliefNetwork

DeepModel: TypeAlias = DeepBeliefNetwork | DeepBoltzmannMachine

DEEP_MODELS = DeepBeliefNetwork, DeepBoltzmannMachine
ALL_DEEP_MODELS = "a DeepBeliefNetwork or a DeepBoltzmannMachine"
