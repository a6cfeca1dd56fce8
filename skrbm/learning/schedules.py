"""Schedules: from the finished fraction of the training, in [0, 1), to a number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

_SMALLEST_SHARE = 0.03  # of the unexplained variance
_SLOW_RATE = 0.1  # above this rate, variances do not adapt faster
_TIME_TO_CATCH_UP = 100.0  # number of updates times rate

Schedule = Callable[[float], float]


@dataclass(frozen=True)
class PowerDecay:
    """`rate (1 - progress)^power`: the noise of the last steps averages out as the rate decays.

    A power of 0 keeps the rate constant, for training without a known end. A power of 1 is a linear
    decay; 2 has more small steps.
    """

    rate: float
    power: int

    def __call__(self, progress: float) -> float:
        """The step size."""
        return self.rate * (1 - progress) ** self.power


@dataclass(frozen=True)
class RisingShare:
    """`1 - missing (1 - progress)^4`: the share of the unexplained variance that counts.

    If the variances of the visible units start small, all hidden units find structure to explain.
    Otherwise the first units explain the simple part, the variances adapt to it, and the other
    units vanish.
    """

    missing: float

    @classmethod
    def of(cls, rate: float, n_updates: int) -> RisingShare:
        """The schedule for an initial step size; few updates start near a share of one."""
        time = n_updates * min(rate, _SLOW_RATE) / _TIME_TO_CATCH_UP
        return cls((1 - _SMALLEST_SHARE) * min(1.0, time))

    def __call__(self, progress: float) -> float:
        """The share."""
        return 1 - self.missing * (1 - progress) ** 4


@dataclass(frozen=True)
class InTurn:
    """Schedules one after the other, each from its own start to its own end.

    Parameters
    ----------
    schedules : tuple of callables
    ends : tuple of float
        Finished fractions of the training at which each of them ends; the last is 1.
    """

    schedules: tuple[Schedule, ...]
    ends: tuple[float, ...]

    def __call__(self, progress: float) -> float:
        """The number of the schedule whose turn it is."""
        i = bisect_right(self.ends, progress)
        begin = self.ends[i - 1] if i else 0.0
        return self.schedules[i]((progress - begin) / (self.ends[i] - begin))
