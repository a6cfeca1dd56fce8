"""A model of a ladder and its chains: exchanges between neighbours, and the start of new chains."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skrbm import annealing
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.diagnostics import integrated_autocorrelation_time
from skrbm.model import RBM

_FEWEST_STEPS, _MOST_STEPS = 20, 320  # in which the chains of a new model settle
_TIMES = 5.0  # autocorrelation times for which they have to run
_LARGEST_DISAGREEMENT = 2.0  # between works in the two directions
_SMALLEST_ACCEPTANCE = 0.1  # of exchanges with a new model
_SLIDING_FACTOR = 0.02  # of the moving averages over exchanges
_N_POWER_STEPS = 3  # from which the leading principal axis of states is found


@dataclass
class Rung:
    """A model of a ladder, its chains, and its exchanges with the model below.

    Parameters
    ----------
    model : RBM
    visible : ndarray of shape (n_chains, n_visible)
        States of the chains.
    input : ndarray of shape (n_chains, n_hidden)
        Hidden input of these states.
    is_new : ndarray of bool of shape (n_chains,)
        Whether a state was drawn from the first model after it last was in the newest one.
    log_ratio : float
        Log Z of this model minus log Z of the model below, in nats.
    variance : float
        Squared standard error of this ratio.
    swap_rate : float
        Moving average of the share of accepted exchanges with the model below.
    n_exchanges : int
        Number of measured exchanges.
    """

    model: RBM
    visible: Array
    input: Array
    is_new: Array
    log_ratio: float = 0.0
    variance: float = 0.0
    swap_rate: float = 1.0
    n_exchanges: int = 0

    @classmethod
    def of(cls, model: RBM, visible: Array) -> Rung:
        """A rung whose chains have these states."""
        return cls(model, visible, model.hidden_input(visible), np.zeros(len(visible), bool))

    @property
    def shares_weights(self) -> bool:
        """Whether the model is on the path from independent units to the first model."""
        return self.model.beta is not None and bool(np.all(self.model.beta < 1))

    @property
    def free_energy(self) -> Array:
        """Free energies of the states."""
        return self.model.free_energy(self.visible, self.input)

    def step(self, rng: Generator) -> None:
        """Make a Gibbs step of every chain."""
        hidden = self.model.hidden.draw(self.input, rng)
        self.visible = self.model.sample_visible(hidden, rng)
        self.input = self.model.hidden_input(self.visible)

    def taken(self, rows: Array) -> Rung:
        """The same model with the chains of these rows."""
        states = self.visible[rows], self.input[rows], self.is_new[rows]
        return replace(self, visible=states[0], input=states[1], is_new=states[2])

    def measure(self, works: Works) -> None:
        """Update the moving averages by an exchange."""
        ratio, error = annealing.bennett(works.forward, works.reverse)
        share = max(_SLIDING_FACTOR, 1 / (self.n_exchanges + 1))
        self.swap_rate += share * (works.swap_rate - self.swap_rate)
        self.n_exchanges += 1
        if math.isfinite(error):
            self.log_ratio += share * (ratio - self.log_ratio)
            self.variance += share * (error**2 - self.variance)


class Works(NamedTuple):
    """Log-ratios of the unnormalised probabilities of two neighbours, before an exchange.

    `forward` are `log p_upper(v) - log p_lower(v)` at states of the lower model, `reverse` the
    opposite at states of the upper one.
    """

    forward: Array
    reverse: Array
    swap_rate: float


class Settling(NamedTuple):
    """The outcome of the start of a model's chains.

    Parameters
    ----------
    n_steps : int
    swap_rate : float
        Share of accepted exchanges with the model below, over the second half of the steps.
    time : float
        Largest autocorrelation time of a work and of the states' leading principal component.
    disagreement : float
        See `annealing.disagreement`.
    """

    n_steps: int
    swap_rate: float
    time: float
    disagreement: float

    @property
    def is_settled(self) -> bool:
        """Whether the chains have renewed, and fit the chains of the model below."""
        has_renewed = self.n_steps >= _TIMES * self.time
        return has_renewed and self.disagreement <= _LARGEST_DISAGREEMENT

    @property
    def is_close(self) -> bool:
        """Whether enough states are exchanged with the model below."""
        return self.swap_rate >= _SMALLEST_ACCEPTANCE


def exchange(rungs: list[Rung], k: int, rng: Generator) -> Works:
    """Exchange states of model k with the model below, in place, and return their works."""
    upper = rungs[k]
    lower = rungs[k - 1].taken(rng.permutation(len(upper.visible)))
    x_lower = upper.model.hidden_input(lower.visible)
    x_upper = lower.model.hidden_input(upper.visible)
    forward = lower.free_energy - upper.model.free_energy(lower.visible, x_lower)
    reverse = upper.free_energy - lower.model.free_energy(upper.visible, x_upper)
    accepted = random.accept(forward + reverse, rng)
    mask, here = accepted[:, None], devices.to_host(accepted)
    v, w = lower.visible, upper.visible
    rungs[k - 1] = replace(
        lower,
        visible=arrays.where(mask, w, v),
        input=arrays.where(mask, x_upper, lower.input),
        is_new=np.where(here, upper.is_new, lower.is_new),
    )
    upper.visible = arrays.where(mask, v, w)
    upper.input = arrays.where(mask, x_lower, upper.input)
    upper.is_new = np.where(here, lower.is_new, upper.is_new)
    rate = float(here.mean())
    return Works(devices.to_host(forward), devices.to_host(reverse), rate)


def settle(rungs: list[Rung], rng: Generator) -> Settling:
    """Run the last two models, in place, until the chains of the last one have settled."""
    seen: list[Works] = []
    places: list[Array] = []
    axis = _principal_axis(devices.to_host(rungs[-1].visible))
    n_steps = _FEWEST_STEPS
    while True:
        while len(seen) < n_steps:
            for rung in rungs[-2:]:
                rung.step(rng)
            seen.append(exchange(rungs, len(rungs) - 1, rng))
            places.append(devices.to_host(rungs[-1].visible) @ axis)
        half = seen[n_steps // 2 :]
        time = max(_time([x.reverse for x in half]), _time(places[n_steps // 2 :]))
        rate = statistics.fmean(x.swap_rate for x in half)
        disagreement = annealing.disagreement(half[-1].forward, half[-1].reverse)
        settling = Settling(n_steps, rate, time, disagreement)
        if settling.is_settled or not settling.is_close or n_steps >= _MOST_STEPS:
            break
        n_steps *= 2
    forward, reverse = (np.concatenate(x) for x in list(zip(*half, strict=True))[:2])
    newest = rungs[-1]
    newest.log_ratio, error = annealing.bennett(forward, reverse)
    newest.variance = error**2 * max(1.0, min(time, len(half)))
    newest.swap_rate, newest.n_exchanges = rate, len(half)
    return settling


def swap_rate(log_weight: Array) -> float:
    """Expected share of accepted exchanges between two models, from states of one of them.

    Parameters
    ----------
    log_weight : ndarray of shape (n,)
        Log-ratios of the unnormalised probabilities, of the other model and of this one.

    Notes
    -----
    States x of the other model are states y of this one with weights w. So the expected value of
    `min(1, w(y) / w(x))` is `sum_xy min(w(x), w(y)) / (n sum_x w(x))`.
    """
    weight = np.sort(np.exp(log_weight - log_weight.max()))
    n = len(weight)
    return float((weight * (2 * (n - np.arange(n)) - 1)).sum() / (n * weight.sum()))


def systematic(log_weight: Array, rng: Generator) -> Array:
    """As many row indices as there are weights, drawn in proportion by systematic resampling."""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max()))
    n = len(log_weight)
    at = (np.arange(n) + rng.random()) * (cumulative[-1] / n)
    return np.searchsorted(cumulative[:-1], at, side="right")


def halfway(one: RBM, other: RBM) -> RBM:
    """The model with the mean parameters of two models."""
    model = one.map(arrays.copy)
    for x, y in zip(model.parameters, other.parameters, strict=True):
        x += 0.5 * (y - x)
    return model


def _principal_axis(v: Array) -> Array:
    """The leading principal axis of states, by a few power iterations."""
    centred = v - v.mean(axis=0)
    axis = centred[np.argmax((centred**2).sum(axis=1))]
    for _ in range(_N_POWER_STEPS):
        axis = centred.T @ (centred @ axis)
        axis = axis / max(float(np.linalg.norm(axis)), 1e-30)
    return axis


def _time(series: list[Array]) -> float:
    """Autocorrelation time of a quantity that was recorded in every chain; 0 if it is constant."""
    x = np.array(series, np.float64)
    return integrated_autocorrelation_time(x, mean=float(x.mean())) if x.std() > 0 else 0.0
