"""The weights between two layers, as a linear operator.

Only this folder depends on how weights are stored.
"""

from __future__ import annotations

from skrbm._kernels.devices import Array
from skrbm._kernels.windows import Windows
from skrbm.weights.base import Index, Weights
from skrbm.weights.blocks import Block, Blocks
from skrbm.weights.dense import Dense
from skrbm.weights.local import Local
from skrbm.weights.shared import Geometry, Shared

__all__ = [
    "Block",
    "Blocks",
    "Dense",
    "Geometry",
    "Index",
    "Local",
    "Shared",
    "Weights",
    "Windows",
    "as_weights",
]


def as_weights(weights: Weights | Array) -> Weights:
    """Return weights unchanged, and an array as dense weights."""
    return weights if isinstance(weights, Weights) else Dense(weights)
