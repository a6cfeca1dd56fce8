"""The up-down algorithm: a belief net learns generation and recognition from each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from skrbm import samplers
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array
from skrbm.learning.gradients import Gradient
from skrbm.learning.optimizer import CentredOptimizer, Pace, Update
from skrbm.learning.train_state import NetState

_N_STEPS = 3  # Gibbs steps of the top RBM between the way up and the way down


def wake_sleep_update(gradient: Gradient, optimizer: CentredOptimizer) -> Update:
    """The training step of contrastive wake-sleep.

    On the way up, the recognition draws states for the data. From these states the generation
    learns to reproduce the layer below, and the top RBM learns their distribution. Some Gibbs steps
    of the top RBM follow. On the way down, the generation draws states, and the recognition learns
    to infer the layer above. Variances do not change.

    Parameters
    ----------
    gradient : Gradient
    optimizer : CentredOptimizer
        Both apply to the top RBM.

    References
    ----------
    G. E. Hinton, S. Osindero and Y. W. Teh, "A fast learning algorithm for deep belief nets",
    Neural Computation 18(7), 2006.
    """

    def update(state: NetState, v: Any, weights: Array, pace: Pace) -> None:
        """Update generation, recognition and top RBM, with all gradients at the current net."""
        net, rng = state.model, state.rng
        shares = devices.like(weights / weights.sum(), net.reference)
        awake = net.up(arrays.to_dense(v), rng)
        phases = gradient.phases(state.top, awake[-1], weights)
        dreamt = samplers.gibbs_visible(net.top, awake[-1], rng, _N_STEPS)
        asleep = net.down(dreamt, rng)
        for generation, (lower, upper) in zip(net.generation, pairwise(awake), strict=True):
            generation.climb(lower, upper, shares, pace.rate)
        for recognition, (lower, upper) in zip(net.recognition, pairwise(asleep), strict=True):
            recognition.climb(upper, lower, shares, pace.rate)
        optimizer.step(state.top, phases, pace)

    return update
