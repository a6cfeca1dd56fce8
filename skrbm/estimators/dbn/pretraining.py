"""`Pretraining`: the steps of training a deep model before a perceptron starts from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from skrbm._kernels.devices import Array
from skrbm.estimators.common.fit_state import Hook
from skrbm.estimators.common.fitted import Fitted
from skrbm.validation.rows import TrainingRows


class _Finish(Protocol):
    def __call__(self, X: Any, rows: TrainingRows, hook: Hook | None = None) -> Any: ...


@dataclass(frozen=True)
class Pretraining:
    """The steps of training a deep model, and the results that a perceptron starts from.

    Parameters
    ----------
    seeded : list
        The model and its prototypes; the first one with a random_state sets the seed.
    check : callable
        Refuses invalid parameters.
    begin : callable
        From data and weights to the rows to train on; checks everything, and plans a fit.
    resumed_rows : callable
        From data and weights to the rows with which to continue a fit.
    later_rows : callable
        From data and weights to checked rows for a fitted model.
    finish : callable
        Makes the remaining epochs of a fit, if any; the hook is called after each of them.
    n_epochs : callable
        Returns the number of epochs trained.
    lowest : callable
        Returns the fitted RBM with the visible units.
    upward_layers : callable
        Returns biases of every hidden layer and weights from the layer below, from the bottom up.
    """

    seeded: list[Any]
    check: Callable[[], None]
    begin: Callable[[Any, Any], TrainingRows]
    resumed_rows: Callable[[Any, Any], TrainingRows]
    later_rows: Callable[[Any, Any], TrainingRows]
    finish: _Finish
    n_epochs: Callable[[], int]
    lowest: Callable[[], Fitted]
    upward_layers: Callable[[], list[tuple[Array, Array]]]


def pretraining_of(model: Any) -> Pretraining:
    """The steps for a deep model."""
    pretraining: Pretraining = model._pretraining
    return pretraining
