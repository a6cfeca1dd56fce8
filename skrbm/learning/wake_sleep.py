"""The up-down algorithm: a belief net learns to generate, and to recognise what it generates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from skrbm import samplers
from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Place
from skrbm.deep.belief_net import BeliefNet, drawn_with
from skrbm.learning.gradients import Gradient
from skrbm.learning.loop import Pace, Sweeps
from skrbm.learning.optimizer import CentredGradient


@dataclass(kw_only=True)
class UpDown(Sweeps[BeliefNet]):
    """Contrastive wake-sleep.

    Upwards, states that the recognition draws for the data teach the generation to give back what
    they came from, and the RBM on top to expect them. From there some Gibbs steps lead to states
    that the RBM prefers, and downwards what the generation makes of these teaches the recognition
    to find where it came from. Variances stay as they are.

    Parameters
    ----------
    gradient : Gradient
    optimizer : CentredGradient
        Both of the RBM on top.
    n_steps : int, default=3
        Gibbs steps of the RBM on top between the way up and the way down.

    References
    ----------
    G. E. Hinton, S. Osindero and Y. W. Teh, "A fast learning algorithm for deep belief nets",
    Neural Computation 18(7), 2006.
    """

    gradient: Gradient
    optimizer: CentredGradient
    n_steps: int = 3

    def move(self, place: Place) -> None:
        """Let the state of the gradient and of the optimizer lie elsewhere."""
        self.gradient.move(place)
        self.optimizer.move(place)

    def update(self, model: BeliefNet, v: Any, weights: Array, pace: Pace) -> None:
        """Move generation, recognition and the RBM on top, all along slopes at the present net."""
        shares = devices.like(weights / weights.sum(), model.reference)
        awake = model.up(arrays.to_dense(v), drawn_with(self.rng))
        phases = self.gradient.phases(model.top, awake[-1], weights, self.rng)
        dreamt = samplers.gibbs_visible(model.top, awake[-1], self.rng, self.n_steps)
        asleep = model.down(dreamt, self.rng)
        for generation, (lower, upper) in zip(model.generation, pairwise(awake), strict=True):
            generation.climb(lower, upper, shares, pace.rate)
        for recognition, (lower, upper) in zip(model.recognition, pairwise(asleep), strict=True):
            recognition.climb(upper, lower, shares, pace.rate)
        self.optimizer.step(model.top, phases, *pace)
