"""The compiled update: the steps of the formulas in few passes, if the extension was built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from skrbm.learning.gradients import Gradient
from skrbm.learning.optimizer import CentredOptimizer, Update, rbm_update
from skrbm.model import RBM

_model: Any
_update: Any
try:
    import skrbm.learning._model as _model
    import skrbm.learning._update as _update
except ModuleNotFoundError:  # no compiler was found when the package was installed
    _model = _update = None


def is_available() -> bool:
    """Whether the compiled update is used."""
    return _update is not None


@contextmanager
def formulas_only() -> Iterator[None]:
    """Compute with the formulas alone, in all threads, as if no compiler had been found."""
    global _update
    compiled, _update = _update, None
    try:
        yield
    finally:
        _update = compiled


def update_of(gradient: Gradient, optimizer: CentredOptimizer) -> Update:
    """The training step of an RBM: compiled if possible, otherwise from the formulas."""
    if _update is None:
        return rbm_update(gradient, optimizer)
    return _update.Update(gradient, optimizer, _bind)


def _bind(rbm: RBM) -> Any:
    """The parameters of an RBM for the compiled update, or None if it has no code for them."""
    layers = rbm.visible.simple_layers
    names = [layer.compiled_as for layer in layers]
    if None in names or rbm.hidden.compiled_as != "bernoulli":
        return None
    if not rbm.weights.is_compiled or rbm.beta is not None:
        return None
    dtype = rbm.reference.dtype
    if not all(_is_addressable(x) and x.dtype == dtype for x in rbm.parameters):
        return None
    segments = [
        (name, layer.parameters, np.array(layer.widths, np.intp))
        for name, layer in zip(names, layers, strict=True)
    ]
    return _model.Model(rbm.weights.dense, rbm.hidden.bias, segments)


def _is_addressable(x: Any) -> bool:
    """Whether compiled code can change an array in place."""
    if not isinstance(x, np.ndarray):
        return False
    return x.dtype in (np.float32, np.float64) and x.flags.carray
