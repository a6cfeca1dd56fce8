"""Training defaults: scale of initial weights, step sizes, and limit of a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

# Units are on in 12 % of the rows, which makes binary hidden units feature detectors.
HIDDEN_BIAS = -2.0

_LABEL_RATE = 10.0
_LABELLED_FACTOR = 4.0  # on the rate with chains, since the model only has to separate labels


@dataclass(frozen=True)
class Defaults:
    """Training defaults of a type of model.

    Parameters
    ----------
    weight_scale : callable
        From the numbers of visible and hidden units to the standard deviation of initial weights.
    rate : callable
        From the number of hidden units to `learning_rate="auto"`.
    decay_power : int
        Power with which the step size decays to zero over a fit.
    largest_step : float, default=inf
        See `CentredOptimizer`.
    """

    weight_scale: Callable[[int, int], float]
    rate: Callable[[int], float]
    decay_power: int = 1
    largest_step: float = math.inf


def _binary_rate(n_components: int) -> float:
    """A fit to the best step sizes found for 16, 64, 256 and 500 hidden units."""
    return min(2.0, 16.0 * n_components**-0.75)


BINARY = Defaults(
    weight_scale=lambda n_visible, n_hidden: 6.0 / math.sqrt(n_visible + n_hidden),
    rate=_binary_rate,
)
# For models with a Gaussian layer. A limit in nats makes every step size safe. Initially the model
# is close to one of independent units.
GAUSSIAN = Defaults(
    weight_scale=lambda n_visible, n_hidden: 1.0 / math.sqrt(n_visible * n_hidden),
    rate=lambda n_components: 2.0,
    decay_power=2,
    largest_step=5.0,
)


def labelled(generative_share: float) -> Defaults:
    """Training defaults with a class label; without chains a larger step size is safe."""

    def rate(n_components: int) -> float:
        of_chains = _LABELLED_FACTOR * _binary_rate(n_components)
        return min(_LABEL_RATE, of_chains / max(generative_share, 1e-9))

    return replace(BINARY, rate=rate)
