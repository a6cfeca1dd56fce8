"""How models are trained by default: where weights start, rates, and how far a step may go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from skrbm.learning.optimizer import Schedule, linear_decay, quadratic_decay

# On in 12 % of the rows, so that binary hidden units become detectors of something.
HIDDEN_BIAS = -2.0

_LABEL_RATE = 10.0
_LABELLED_FACTOR = 4.0  # on the rate of chains, whose model is here to tell labels apart


@dataclass(frozen=True)
class Recipe:
    """How a model is trained by default.

    Parameters
    ----------
    weight_scale : callable
        From the numbers of visible and of hidden units to the standard deviation of first weights.
    rate : callable
        From the number of hidden units to `learning_rate="auto"`.
    decay : callable
        From a rate to its schedule over a fit.
    largest_step : float, default=inf
        See `CentredGradient`.
    """

    weight_scale: Callable[[int, int], float]
    rate: Callable[[int], float]
    decay: Callable[[float], Schedule]
    largest_step: float = math.inf


def _binary_rate(n_components: int) -> float:
    """The best rates that were found for 16, 64, 256 and 500 hidden units."""
    return min(2.0, 16.0 * n_components**-0.75)


BINARY = Recipe(
    weight_scale=lambda n_visible, n_hidden: 6.0 / math.sqrt(n_visible + n_hidden),
    rate=_binary_rate,
    decay=linear_decay,
)
# With a Gaussian layer: no step goes further than so many nats, so that every rate is safe, and a
# model starts hardly different from one of independent units.
GAUSSIAN = Recipe(
    weight_scale=lambda n_visible, n_hidden: 1.0 / math.sqrt(n_visible * n_hidden),
    rate=lambda n_components: 2.0,
    decay=quadratic_decay,
    largest_step=5.0,
)


def labelled(generative_share: float) -> Recipe:
    """With a label, which alone has no chains that a long step could leave behind."""

    def rate(n_components: int) -> float:
        of_chains = _LABELLED_FACTOR * _binary_rate(n_components)
        return min(_LABEL_RATE, of_chains / max(generative_share, 1e-9))

    return replace(BINARY, rate=rate)
