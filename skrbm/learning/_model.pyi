from skrbm._kernels.devices import Array

Segment = tuple[str, tuple[Array, ...], Array]

class Model:
    def __init__(self, weights: Array, hidden_bias: Array, segments: list[Segment]) -> None: ...
