from collections.abc import Callable
from typing import Any

from skrbm._kernels.devices import Array
from skrbm.learning.gradients import Gradient
from skrbm.learning.optimizer import CentredOptimizer, Pace
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM

Segment = tuple[str, tuple[Array, ...], Array]

class Model:
    def __init__(self, weights: Array, hidden_bias: Array, segments: list[Segment]) -> None: ...

class Update:
    def __init__(
        self,
        gradient: Gradient,
        optimizer: CentredOptimizer,
        bind: Callable[[RBM], Model | None],
    ) -> None: ...
    def __call__(self, state: TrainState, v: Any, weights: Array, pace: Pace) -> None: ...
