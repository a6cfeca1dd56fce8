from collections.abc import Callable
from typing import Any

from skrbm._kernels.devices import Array
from skrbm.learning._model import Model
from skrbm.learning.gradients import Gradient
from skrbm.learning.optimizer import CentredOptimizer, Pace
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM

class Update:
    def __init__(
        self,
        gradient: Gradient,
        optimizer: CentredOptimizer,
        bind: Callable[[RBM], Model | None],
    ) -> None: ...
    def __call__(self, state: TrainState, v: Any, weights: Array, pace: Pace) -> None: ...
