"""Values at equal distances: integers, decimals, days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skrbm._kernels.devices import Array

_MOST_DIVISORS = 10  # of the smallest gap
_MOST_DECIMALS = 12
_FEWEST_VALUES = 4  # distinct ones that show a step other than 1


@dataclass(frozen=True)
class Lattice:
    """The values `origin + step k` for integers k, rounded to a number of decimals if it is known.

    Parameters
    ----------
    step : float
    origin : float
    decimals : int or None
    """

    step: float = 1.0
    origin: float = 0.0
    decimals: int | None = 0

    @classmethod
    def of(cls, values: Array, dtype: Any, steps: tuple[float, ...] = ()) -> Lattice | None:
        """The coarsest lattice that contains ascending, distinct values up to rounding errors.

        If their gaps do not show it, it has the step 1 or the first possible one of `steps`.
        """
        noise = 4 * float(np.finfo(dtype).eps) * float(np.abs(values).max())
        whole = bool((values == np.rint(values)).all()) and noise < 0.1
        if len(values) >= _FEWEST_VALUES:
            gaps = np.diff(values)
            smallest = gaps[gaps < 1.5 * gaps.min()].mean()
            for divisor in range(1, _MOST_DIVISORS + 1):
                step = _refined(float(smallest / divisor), values)
                if step < 20 * noise or (whole and step < 0.9):
                    break
                index = (values - values[0]) / step
                if np.abs(index - np.rint(index)).max() * step <= 2 * noise:
                    return cls._snapped(step, values, noise)
        for step in (1.0, *steps) if whole else steps:
            index = np.rint(values / step)
            if np.abs(values - index * step).max() <= 2 * noise:
                return cls(step, 0.0, 0 if step == 1 else None)
        return None

    @classmethod
    def _snapped(cls, step: float, values: Array, noise: float) -> Lattice:
        """Prefer a step with few decimals, and an origin of zero, if rounding errors allow it."""
        extent = np.rint((values[-1] - values[0]) / step)
        step = float((values[-1] - values[0]) / extent)
        short, decimals = step, None
        for n in range(_MOST_DECIMALS + 1):
            short = round(step, n)
            if short > 0 and abs(short - step) * extent <= 2 * noise:
                decimals = n
                break
        step = step if decimals is None else short
        index = values / step
        if np.abs(index - np.rint(index)).max() * step <= 2 * noise:
            return cls(step, 0.0, decimals)
        origin = float(values[0])
        return cls(step, origin, None)

    def index(self, values: Array) -> Array:
        """Index k of the nearest point of the lattice, as a float."""
        return np.rint((values - self.origin) / self.step)

    def value(self, index: Array) -> Array:
        """Points of the lattice."""
        values = self.between(index)
        return values if self.decimals is None else np.round(values, self.decimals)

    def within(self, low: float, high: float) -> tuple[float, float]:
        """First and last index of the points in `[low, high]`, up to rounding errors."""
        ends = np.array([low, high])
        index = self.index(ends)
        found = self.value(index)
        outside = (found < ends) == [True, False]
        outside &= ~np.isclose(found, ends, rtol=4 * np.finfo(np.float64).eps, atol=0)
        return float(index[0] + outside[0]), float(index[1] - outside[1])

    def between(self, index: Array) -> Array:
        """Values at fractional indices."""
        return self.origin + self.step * index


def _refined(step: float, values: Array) -> float:
    """Improve an estimate of a step by longer and longer multiples of it."""
    spans = np.sort(np.concatenate([np.diff(values), values[1:] - values[0]]))
    bound = 4 * step
    while bound < 4 * spans[-1]:
        span = float(spans[max(int(np.searchsorted(spans, bound, side="right")) - 1, 0)])
        step = span / max(round(span / step), 1)
        bound *= 4
    return step
